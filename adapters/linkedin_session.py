"""Signing in to LinkedIn, and what its refusals mean.

A member who may post for the organisation signs in; the access token lives 60 days. Only apps that LinkedIn
approved for it get a refresh token, which lives a year. The secret is the bare access token, or JSON: `access`,
`refresh`, `client_id`, `client_secret`, `expires_at`, `refresh_expires_at`, `issued_at` (ISO 8601), `scope`.
What a sign-in gave has no `client_secret`: it is the installation's (`App`), and joins the session only while it
talks to the address that it belongs to. `earlier` says that the refresh token is of a sign-in before the last one,
and may be good no more.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx

from adapters.base import (
    AdapterError,
    App,
    AuthFailed,
    Duplicate,
    Expired,
    Rejected,
    Unavailable,
    canonical,
    gettext_noop,
)
from adapters.http import BAD_SECRET, BUSY, UNKNOWN_TOKEN, Answer, Line, object_in

RAN_OUT = gettext_noop("The network's sign-in ran out and has to be renewed. Nothing was sent.")
SIGN_IN_AGAIN = gettext_noop(
    "LinkedIn no longer accepts this sign-in: make a new one and reconnect the channel."
)
MAY_NOT = gettext_noop(
    "LinkedIn does not let this sign-in act for the organisation: it needs the rights w_organization_social,"
    " r_organization_social and rw_organization_admin, and a role on the organisation's page."
)
OLD_VERSION = gettext_noop(
    "LinkedIn no longer serves this version of its API: enter a newer one in the channel's settings."
)
SAID_BEFORE = gettext_noop("LinkedIn says that the organisation has published this already.")
STILL_WORKING = gettext_noop("The network is still working on a file. Nothing became public.")
ELSEWHERE = gettext_noop("LinkedIn named a place for a file that is not its own. Nothing was sent.")

RIGHTS = frozenset({"w_organization_social", "r_organization_social", "rw_organization_admin"})
_DETAIL_MAX = 200
_WAIT_MAX_S = 86_400.0
# A token that is refused so soon after it was given is not helped by another one.
_FRESH, _SOON = timedelta(minutes=10), timedelta(seconds=30)
_NOT_READY = {"MEDIA_ASSET_WAITING_UPLOAD", "MEDIA_ASSET_PROCESSING", "EXPIRED_UPLOAD_URL"}


@dataclass(frozen=True, slots=True)
class Session:
    """What the secret holds. Moments are None when unknown."""

    access: str = ""
    refresh: str = ""
    client_id: str = ""
    client_secret: str = ""
    expires: datetime | None = None
    refresh_expires: datetime | None = None
    issued: datetime | None = None
    scope: str = ""
    earlier: bool = False
    lent: bool = False

    @classmethod
    def read(cls, secret: str) -> Session:
        """Of what cannot be read nothing is kept, and then nothing can be sent."""
        secret = secret.strip()
        if not secret.startswith(("{", "[")):
            return cls(access=secret)
        said = object_in(secret)

        def word(*names: str) -> str:
            values = (said.get(name) for name in names)
            return next((value.strip() for value in values if isinstance(value, str) and value.strip()), "")

        return cls(
            access=word("access", "access_token"),
            refresh=word("refresh", "refresh_token"),
            client_id=word("client_id"),
            client_secret=word("client_secret"),
            expires=moment(said.get("expires_at")),
            refresh_expires=moment(said.get("refresh_expires_at")),
            issued=moment(said.get("issued_at")),
            scope=word("scope"),
            earlier=said.get("earlier") is True,
        )

    def lend(self, app: App | None) -> Session:
        """With the secret of the installation's app (`base.lent`), where this sign-in was made for it."""
        fits = app is not None and app.client_id == self.client_id and not self.client_secret
        return replace(self, client_secret=app.client_secret, lent=True) if app and fits else self

    def joined(self, stored: Session) -> Session:
        """With the refresh token of an earlier sign-in for the same app, where this one brought none."""
        if self.refresh or not stored.refresh or stored.client_id != self.client_id:
            return self
        return replace(self, refresh=stored.refresh, refresh_expires=stored.refresh_expires, earlier=True)

    def alone(self, now: datetime) -> Session | None:
        """Without a refresh token that is good no more, where it is of an earlier sign-in and the access lives."""
        lives = bool(self.access) and self.expires is not None and now < self.expires
        if not (self.earlier and lives):
            return None
        return replace(self, refresh="", refresh_expires=None, earlier=False)

    def dump(self) -> str:
        said: dict[str, object] = {
            "access": self.access,
            "refresh": self.refresh,
            "client_id": self.client_id,
            "client_secret": "" if self.lent else self.client_secret,
            "expires_at": self.expires.isoformat() if self.expires else "",
            "refresh_expires_at": self.refresh_expires.isoformat() if self.refresh_expires else "",
            "issued_at": self.issued.isoformat() if self.issued else "",
            "scope": self.scope,
            "earlier": self.earlier,
        }
        return canonical({name: value for name, value in said.items() if value}).decode()

    def traded(self, answer: Answer, now: datetime) -> Session:
        """With what LinkedIn's sign-in answered. A refresh token that it does not replace stays."""
        said, refresh, scope = (
            answer.mapping(),
            answer.mapping().get("refresh_token"),
            answer.mapping().get("scope"),
        )
        return replace(
            self,
            access=answer.text("access_token"),
            refresh=refresh if isinstance(refresh, str) and refresh else self.refresh,
            expires=_after(now, said.get("expires_in")),
            refresh_expires=_after(now, said.get("refresh_token_expires_in")) or self.refresh_expires,
            issued=now,
            scope=scope if isinstance(scope, str) else self.scope,
            earlier=False,
        )

    @property
    def renewable(self) -> bool:
        return bool(self.refresh and self.client_id and self.client_secret)

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(one for one in (self.access, self.refresh, self.client_secret) if one)

    @property
    def usable(self) -> bool:
        return all(one.isascii() and one.isprintable() and " " not in one for one in self.secrets)


class _DiscreetLine(Line):
    """Hides every part of the secret, and reads LinkedIn's words where it puts them."""

    def __init__(self, client: httpx.Client, base_url: str, session: Session) -> None:
        super().__init__(client, base_url, session.access, session.secrets)
        self.session = session

    def _detail(self, received: httpx.Response) -> str:
        said = object_in(received.content)
        told = [said.get("message") or said.get("error_description") or said.get("error") or ""]
        told += [f"({code})" for code in sorted(codes_in(received.content))]
        return self.without_secret(" ".join(one for one in told if isinstance(one, str) and one))[
            :_DETAIL_MAX
        ]


class TokenLine(_DiscreetLine):
    """To LinkedIn's sign-in, as the app and not as the member."""

    def _signed(self) -> dict[str, str]:
        return {}

    def _app(self) -> dict[str, str]:
        if not self.session.usable:
            raise AuthFailed(BAD_SECRET)
        return {"client_id": self.session.client_id, "client_secret": self.session.client_secret}

    def trade(self, now: datetime) -> Session:
        """A fresh session for the refresh token, whose own life goes on. Raises AdapterError."""
        form = {"grant_type": "refresh_token", "refresh_token": self.session.refresh, **self._app()}
        return self.session.traded(self.ask("POST", "/oauth/v2/accessToken", data=form), now)

    def ends(self) -> datetime | None:
        """When the access token runs out, as LinkedIn's introspection says. Raises AdapterError; AuthFailed
        for a token that is over or was taken back."""
        form = {"token": self.session.access, **self._app()}
        said = self.ask("POST", "/oauth/v2/introspectToken", data=form).mapping()
        if said.get("active") is False:
            raise AuthFailed(SIGN_IN_AGAIN)
        return moment(said.get("expires_at"))

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        if received.status_code in {400, 401, 403}:
            detail = self._detail(received)
            return AuthFailed(SIGN_IN_AGAIN, status=received.status_code, detail=detail)
        return super()._refusal(received, creates)


class LinkedInLine(_DiscreetLine):
    """To the versioned REST API."""

    def __init__(self, client: httpx.Client, base_url: str, session: Session, version: str) -> None:
        super().__init__(client, base_url, session)
        self._version = version

    def ready(self) -> None:
        """Raises before anything is sent with a token whose time is over."""
        over = self.session.expires is not None and datetime.now(UTC) >= self.session.expires - _SOON
        if self.session.renewable and (over or not self.session.access):
            raise Expired(RAN_OUT)
        if over:
            raise AuthFailed(SIGN_IN_AGAIN)

    def rest(
        self,
        method: str,
        path: str,
        *,
        creates: bool = False,
        accept: Collection[int] = (),
        action: str = "",
        **request: Any,
    ) -> Answer:
        """One request to `/rest`. `action`: what Rest.li calls its method, where it wants to be told."""
        headers = {"LinkedIn-Version": self._version, "X-Restli-Protocol-Version": "2.0.0"}
        if action:
            headers["X-RestLi-Method"] = action
        return self.ask(method, f"/rest{path}", creates=creates, accept=accept, headers=headers, **request)

    def put(self, address: str, content: bytes) -> None:
        """A file to the address that LinkedIn gave for it. The token goes along, as its documentation wants,
        and therefore to LinkedIn's own hosts alone, or to where the API itself is."""
        try:
            parts = urlsplit(address)
            origin, host = f"{parts.scheme}://{parts.netloc}", parts.hostname or ""
        except ValueError:
            raise Unavailable(ELSEWHERE) from None
        api = urlsplit(self.base_url)
        theirs = parts.scheme == "https" and (host == "linkedin.com" or host.endswith(".linkedin.com"))
        if not (theirs or origin == f"{api.scheme}://{api.netloc}") or "@" in parts.netloc:
            raise Unavailable(ELSEWHERE)
        line = _UploadLine(self._client, origin, self.session)
        line._begun = self._begun
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        line.ask("PUT", path, content=content, headers={"Content-Type": "application/octet-stream"})

    def _signed(self) -> dict[str, str]:
        if not self.session.access:
            raise AuthFailed(BAD_SECRET)
        return super()._signed()

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        status, codes = received.status_code, codes_in(received.content)
        detail = self._detail(received)
        if status == 401:
            kind, sentence = (Expired, RAN_OUT) if self._may_be_renewed() else (AuthFailed, UNKNOWN_TOKEN)
            return kind(sentence, status=status, detail=detail)
        if status == 426 or codes & {"NONEXISTENT_VERSION", "VERSION_DEPRECATED"}:
            return Rejected(OLD_VERSION, status=status, detail=detail)
        if status in {400, 409, 422} and ("DUPLICATE_POST" in codes or "duplicate of urn:li:" in detail):
            return Duplicate(SAID_BEFORE, status=status, detail=detail)
        if status in {400, 422} and codes & _NOT_READY:
            return Unavailable(STILL_WORKING, status=status, detail=detail)
        if status == 403:
            return AuthFailed(MAY_NOT, status=status, detail=detail)
        return super()._refusal(received, creates)

    def _may_be_renewed(self) -> bool:
        issued = self.session.issued
        return self.session.renewable and (issued is None or datetime.now(UTC) - issued > _FRESH)

    def _wait(self, headers: httpx.Headers) -> float | None:
        """LinkedIn says nothing of when: its limits are a day's, and begin anew at midnight UTC."""
        told = super()._wait(headers)
        if told is not None:
            return told
        answered = Answer(429, headers, b"", creates=False).date() or datetime.now(UTC)
        now = answered.astimezone(UTC)
        midnight = now.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
        return min(max((midnight - now).total_seconds(), 1.0), _WAIT_MAX_S)


class _UploadLine(_DiscreetLine):
    """To where a file goes. A refusal there is about the address, which is a new one the next time."""

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        if received.status_code in {403, 404, 410}:
            return Unavailable(BUSY, status=received.status_code, detail=self._detail(received))
        return super()._refusal(received, creates)


def codes_in(content: bytes) -> set[str]:
    """LinkedIn's names of what is wrong: one for the whole, and one for each input."""
    said = object_in(content)
    details = said.get("errorDetails")
    inputs = details.get("inputErrors") if isinstance(details, dict) else None
    each = [said, *(inputs if isinstance(inputs, list) else [])]
    found = [one.get("code") for one in each if isinstance(one, dict)]
    return {code[:80] for code in found if isinstance(code, str)}


def moment(value: object) -> datetime | None:
    """From ISO 8601, or from the seconds since 1970 that LinkedIn counts in."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC)
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _after(now: datetime, lives: object) -> datetime | None:
    whole = isinstance(lives, int) and not isinstance(lives, bool) and 0 < lives < 10**9
    return now + timedelta(seconds=lives) if whole and isinstance(lives, int) else None
