"""Signing in to X: OAuth 2.0 for a user, whose access token lives two hours and whose refresh token is good once.

The secret is JSON: `client_id`, `client_secret` (of a confidential client), `access_token`, `refresh_token`,
`expires_at` and `issued_at` (ISO 8601), `scope`. What a person first gives needs `client_id` and
`refresh_token`; a bare access token will do for as long as it lives. What a sign-in gave has no `client_secret`:
it is the installation's (`App`), and joins the session only while it talks to the address that it belongs to.
`earlier` says that the refresh token is of a sign-in before the last one, and may be good no more.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from adapters.base import (
    AdapterError,
    App,
    AuthFailed,
    Duplicate,
    Expired,
    RateLimited,
    Rejected,
    canonical,
    gettext_noop,
)
from adapters.http import BAD_SECRET, REFUSED, UNKNOWN_TOKEN, Answer, Line, object_in

RAN_OUT = gettext_noop("The network's sign-in ran out and has to be renewed. Nothing was sent.")
SIGN_IN_AGAIN = gettext_noop("X no longer accepts this sign-in: make a new one and reconnect the channel.")
NO_CREDIT = gettext_noop(
    "The credit for X's API is used up: buy more in its developer console. Nothing was sent."
)
CAPPED = gettext_noop("The monthly limit of X's API is reached.")
SAID_BEFORE = gettext_noop("X says that the account has published this already.")
SHUT_OUT = gettext_noop("X does not let this app or account publish: look there for the reason.")

_DETAIL_MAX = 200
_DAY_S = 86_400.0
# A token that is refused so soon after it was given is not helped by another one.
_FRESH = timedelta(minutes=10)
_SOON = timedelta(seconds=30)
_WINDOWS = ("x-app-limit-24hour", "x-user-limit-24hour", "x-rate-limit")
_SHUT_OUT = ("client-forbidden", "unsupported-authentication", "oauth1-permissions", "client-disconnected")
_SHUT_OUT_WORDS = ("suspended", "account is locked", "temporarily locked", "scope", "oauth")


@dataclass(frozen=True, slots=True)
class Session:
    """What the secret holds. `expires` and `issued` are of the access token, None when unknown."""

    access: str = ""
    refresh: str = ""
    client_id: str = ""
    client_secret: str = ""
    expires: datetime | None = None
    issued: datetime | None = None
    scope: str = ""
    earlier: bool = False
    lent: bool = False

    @classmethod
    def read(cls, secret: str) -> Session:
        """Of what cannot be read nothing is kept, and then nothing can be sent."""
        if not secret.lstrip().startswith(("{", "[")):
            return cls(access=secret)
        said = object_in(secret)

        def word(name: str) -> str:
            value = said.get(name)
            return value.strip() if isinstance(value, str) else ""

        return cls(
            access=word("access_token"),
            refresh=word("refresh_token"),
            client_id=word("client_id"),
            client_secret=word("client_secret"),
            expires=_moment(word("expires_at")),
            issued=_moment(word("issued_at")),
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
        return replace(self, refresh=stored.refresh, earlier=True)

    def dump(self) -> str:
        said: dict[str, object] = {
            "client_id": self.client_id,
            "client_secret": "" if self.lent else self.client_secret,
            "access_token": self.access,
            "refresh_token": self.refresh,
            "expires_at": self.expires.isoformat() if self.expires else "",
            "issued_at": self.issued.isoformat() if self.issued else "",
            "scope": self.scope,
            "earlier": self.earlier,
        }
        return canonical({name: value for name, value in said.items() if value}).decode()

    def traded(self, answer: Answer, now: datetime) -> Session:
        """With what the token endpoint answered. A refresh token that it does not replace stays."""
        access, said = answer.text("access_token"), answer.mapping()
        lives = said.get("expires_in")
        expires = now + timedelta(seconds=lives) if isinstance(lives, int) and 0 < lives < 10**9 else None
        refresh, scope = said.get("refresh_token"), said.get("scope")
        return replace(
            self,
            access=access,
            refresh=refresh if isinstance(refresh, str) and refresh else self.refresh,
            expires=expires,
            issued=now,
            scope=scope if isinstance(scope, str) else self.scope,
            earlier=False,
        )

    def alone(self, now: datetime) -> Session | None:
        """Without a refresh token that is good no more, where it is of an earlier sign-in and the access lives."""
        lives = bool(self.access) and self.expires is not None and now < self.expires
        return replace(self, refresh="", earlier=False) if self.earlier and lives else None

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(one for one in (self.access, self.refresh, self.client_secret) if one)


class _DiscreetLine(Line):
    """Hides every part of the secret, and reads the network's words where X puts them."""

    def __init__(self, client: httpx.Client, base_url: str, session: Session) -> None:
        super().__init__(client, base_url, session.access, session.secrets)
        self.session = session

    def _detail(self, received: httpx.Response) -> str:
        said = problem_in(received.content)
        return self.without_secret(said.get("detail", ""))[:_DETAIL_MAX]


class TokenLine(_DiscreetLine):
    """To the token endpoint, signed in to as the app and not as the account."""

    def _signed(self) -> dict[str, str]:
        if not self.session.client_secret:
            return {}
        pair = f"{self.session.client_id}:{self.session.client_secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def trade(self, now: datetime) -> Session:
        """A fresh session for the refresh token, which is spent by it. Raises AdapterError."""
        if not self.session.client_id or not all(
            one.isascii() and one.isprintable() for one in self.session.secrets
        ):
            raise AuthFailed(BAD_SECRET)
        form = {"grant_type": "refresh_token", "refresh_token": self.session.refresh}
        if not self.session.client_secret:
            form["client_id"] = self.session.client_id
        return self.session.traded(self.ask("POST", "/2/oauth2/token", data=form), now)

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        if received.status_code in {400, 401, 403}:
            detail = self._detail(received)
            return AuthFailed(SIGN_IN_AGAIN, status=received.status_code, detail=detail)
        return super()._refusal(received, creates)


class XLine(_DiscreetLine):
    """To the API, in the account's name."""

    reset_headers = ("x-rate-limit-reset",)

    def ready(self) -> None:
        """Raises Expired before anything is sent with a token whose time is over."""
        over = self.session.expires is not None and datetime.now(UTC) >= self.session.expires - _SOON
        if self.session.refresh and (over or not self.session.access):
            raise Expired(RAN_OUT)

    def _signed(self) -> dict[str, str]:
        if not self.session.access:
            raise AuthFailed(BAD_SECRET)
        return super()._signed()

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        status, said = received.status_code, problem_in(received.content)
        detail, lowered = self._detail(received), said.get("detail", "").lower()
        kind = said.get("type", "").rsplit("/", 1)[-1]
        if status == 401 and self._may_be_renewed():
            return Expired(RAN_OUT, status=status, detail=detail)
        if status == 402 or kind == "credits":
            return Rejected(NO_CREDIT, status=status, detail=detail)
        if status == 429 and (kind == "usage-capped" or said.get("title") == "UsageCapExceeded"):
            # Its rate-limit headers speak of another limit, the one of a quarter of an hour.
            return RateLimited(CAPPED, retry_after=_DAY_S, status=status, detail=detail)
        if status == 403 and "duplicate" in lowered:
            return Duplicate(SAID_BEFORE, status=status, detail=detail)
        if status == 403 and (kind in _SHUT_OUT or any(word in lowered for word in _SHUT_OUT_WORDS)):
            return AuthFailed(SHUT_OUT, status=status, detail=detail)
        if status == 403:
            return Rejected(REFUSED, status=status, detail=detail)
        if status == 401:
            return AuthFailed(UNKNOWN_TOKEN, status=status, detail=detail)
        return super()._refusal(received, creates)

    def _may_be_renewed(self) -> bool:
        issued = self.session.issued
        return bool(self.session.refresh) and (issued is None or datetime.now(UTC) - issued > _FRESH)

    def _wait(self, headers: httpx.Headers) -> float | None:
        """The longest of the windows that are used up; X counts a quarter of an hour and a day."""
        used_up = [
            httpx.Headers({"date": headers.get("date", ""), "x-rate-limit-reset": headers[f"{one}-reset"]})
            for one in _WINDOWS
            if headers.get(f"{one}-remaining") == "0" and f"{one}-reset" in headers
        ]
        waits = [wait for wait in map(super()._wait, used_up) if wait is not None]
        return max(waits) if waits and "retry-after" not in headers else super()._wait(headers)


def problem_in(content: bytes) -> Mapping[str, str]:
    """`type`, `title` and `detail` of an answer that is an error, in either of the forms X has for one."""
    said = object_in(content)
    errors = said.get("errors")
    first: Any = errors[0] if isinstance(errors, list) and errors else {}
    first = first if isinstance(first, dict) else {}
    told = first.get("message") or first.get("detail") or said.get("detail")
    told = told or said.get("error_description") or said.get("error") or said.get("title")
    found = {
        "type": said.get("type") or first.get("type"),
        "title": said.get("title") or first.get("title"),
        "detail": told,
    }
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _moment(text: str) -> datetime | None:
    try:
        when = datetime.fromisoformat(text)
    except ValueError:
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when
