"""Signing in to a PDS, and what its refusals mean.

A person types an app password once. The first renewal signs in with it (`createSession`, 300 a day), the
ones after trade the refresh token; only when that is no longer good is the password used again. All of it
is kept together as the channel's secret.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from adapters.base import (
    AdapterError,
    AuthFailed,
    Duplicate,
    Expired,
    Rejected,
    Renewal,
    canonical,
    gettext_noop,
)
from adapters.http import BAD_SECRET, Answer, Line, object_in

SIGN_IN = gettext_noop("The channel has not signed in yet. Nothing was sent.")
RAN_OUT = gettext_noop("The network's sign-in ran out and has to be renewed. Nothing was sent.")
WRONG_PASSWORD = gettext_noop(
    "The network does not accept this handle and app password. Make an app password and reconnect the channel."
)
WANTS_A_CODE = gettext_noop(
    "The account asks for a code when signing in: use an app password, not the account's own."
)
LOCKED = gettext_noop("The account is locked, deactivated or taken down on this network.")
OTHER_ACCOUNT = gettext_noop("The network signed in another account than the one that was connected.")
MISSING = gettext_noop("The network does not have this.")
THERE_ALREADY = gettext_noop("The network already has a post under this name.")

_RAN_OUT = {"ExpiredToken", "InvalidToken"}
_LOCKED = {
    "AccountTakedown",
    "AccountSuspended",
    "AccountDeactivated",
    "RepoTakendown",
    "RepoSuspended",
    "RepoDeactivated",
}
_RIGHTS = ("scope", "account", "token", "takedown")


class RecordMissing(Rejected):
    """There is no record at this address."""


@dataclass(frozen=True, slots=True)
class Session:
    """The channel's secret, read. Without `access` nobody has signed in yet. `expires_at`: ISO 8601, the
    end of the access token, empty where it does not say."""

    password: str = ""
    access: str = ""
    refresh: str = ""
    did: str = ""
    handle: str = ""
    expires_at: str = ""

    @classmethod
    def read(cls, secret: str) -> Session:
        """What `write` made, or the bare password that a person typed."""
        secret = secret.strip()
        stored = object_in(secret)
        if "access" not in stored:
            return cls(password=secret)
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in stored.items() if name in names and type(value) is str})

    def write(self) -> str:
        return canonical(asdict(self)).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(one for one in (self.access, self.refresh, self.password) if one)


class PdsLine(Line):
    """A line to a PDS, signed with one token or with none. XRPC names its errors: `{"error", "message"}`."""

    def __init__(self, client: httpx.Client, base_url: str, token: str, session: Session) -> None:
        super().__init__(client, base_url, token, session.secrets)

    def forbidden(self, detail: str) -> type[AuthFailed | Rejected]:
        return AuthFailed if any(word in detail.lower() for word in _RIGHTS) else Rejected

    def _detail(self, received: httpx.Response) -> str:
        name, message = _said(received)
        whole = f"{name}: {message}" if name and message and name != message else name or message
        return self.without_secret(whole)[:200]

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        status, detail = received.status_code, self._detail(received)
        name, message = _said(received)
        # A PDS says 400 where others say 401: what the name means counts, not the status.
        if status in {400, 401, 403, 404}:
            if name in _LOCKED:
                return AuthFailed(LOCKED, status=status, detail=detail)
            if name == "AuthFactorTokenRequired":
                return AuthFailed(WANTS_A_CODE, status=status, detail=detail)
            if name in _RAN_OUT or status == 401:
                return Expired(RAN_OUT, status=status, detail=detail)
            # PDSs before 2024 had no name for it.
            if name == "RecordNotFound" or message.startswith("Could not locate record"):
                return RecordMissing(MISSING, status=status, detail=detail)
            if name == "InvalidSwap":
                return Duplicate(THERE_ALREADY, status=status, detail=detail)
        return super()._refusal(received, creates)


def _said(received: httpx.Response) -> tuple[str, str]:
    said = object_in(received.content)
    name, message = said.get("error"), said.get("message")
    return name if isinstance(name, str) else "", message if isinstance(message, str) else ""


def ends(token: str) -> datetime | None:
    """When an access token runs out (`exp` of a JWT, seconds); None for a token that does not say."""
    pieces = token.split(".")
    if len(pieces) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(pieces[1] + "=" * (-len(pieces[1]) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return None


def renewed(client: httpx.Client, base_url: str, handle: str, session: Session) -> Renewal:
    """A fresh session. Raises AuthFailed when a person has to sign in again."""
    if session.refresh:
        line = PdsLine(client, base_url, session.refresh, session)
        try:
            return _kept(line.ask("POST", "/xrpc/com.atproto.server.refreshSession"), session)
        except (Expired, Rejected):
            # Used up, revoked or too old: the password still stands.
            if not session.password:
                raise AuthFailed(RAN_OUT) from None
    return _signed_in(client, base_url, handle, session)


def _signed_in(client: httpx.Client, base_url: str, handle: str, session: Session) -> Renewal:
    if not session.password or not session.password.isprintable():
        raise AuthFailed(BAD_SECRET)
    # Once the account is known, its DID: the handle may have become somebody else's meanwhile.
    form = {"identifier": session.did or handle, "password": session.password}
    try:
        answer = PdsLine(client, base_url, "", session).ask(
            "POST", "/xrpc/com.atproto.server.createSession", json=form
        )
    except (Expired, Rejected) as error:
        raise AuthFailed(WRONG_PASSWORD, status=error.status, detail=error.detail) from None
    return _kept(answer, session)


def _kept(answer: Answer, before: Session) -> Renewal:
    did = answer.text("did")
    if before.did and did != before.did:
        raise AuthFailed(OTHER_ACCOUNT)
    access = answer.text("accessJwt")
    until = ends(access)
    fresh = Session(
        password=before.password,
        access=access,
        refresh=answer.text("refreshJwt"),
        did=did,
        handle=answer.text("handle"),
        expires_at=until.isoformat() if until else "",
    )
    return Renewal(fresh.write(), until)


def standing(me: Mapping[str, Any]) -> str:
    """What is wrong with the account, in the network's own word; empty when nothing is."""
    return "" if me.get("active", True) else str(me.get("status") or "inactive")
