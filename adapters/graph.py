"""Meta's Graph API, which a Facebook Page, Instagram and Threads share: the secret, the line, what its errors mean.

An error is JSON, `{"error": {"message", "type", "code", "error_subcode", "error_user_msg", "is_transient"}}`, and
now and then comes with HTTP 200. The codes are those of graph-api/guides/error-handling, of the Instagram
Platform's list of error codes, and of graph-api/overview/rate-limiting.

The secret is the bare access token, or JSON: `access_token`, `client_id`, `client_secret`, `expires_at` and
`issued_at` (ISO 8601, or seconds since 1970), `scope` (with commas); of a Page also `user_access_token`. What a
sign-in gave has no `client_secret`: it is the installation's (`App`), and joins the session only while it talks to the
address that it belongs to.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import httpx

from adapters.base import (
    AdapterError,
    Ambiguous,
    App,
    AuthFailed,
    Duplicate,
    Expired,
    RateLimited,
    Rejected,
    Unavailable,
    canonical,
    gettext_noop,
)
from adapters.http import BAD_SECRET, BUSY, LIMITED, REFUSED, TROUBLE, Answer, Line, object_in

# Of 2026-07-29. An older one than Meta still serves is silently taken for its oldest.
VERSION = "v26.0"

RAN_OUT = gettext_noop("The network's sign-in ran out and has to be renewed. Nothing was sent.")
SIGN_IN_AGAIN = gettext_noop("Meta no longer accepts this sign-in: make a new one and reconnect the channel.")
CHECKPOINT = gettext_noop(
    "Meta wants the person who signed in to open Facebook or Instagram and confirm something there."
)
MAY_NOT = gettext_noop(
    "Meta does not let this sign-in do that: a right is missing, or was taken back. Sign in again with all rights."
)
RESTRICTED = gettext_noop(
    "The account is restricted: open the network's own app and do what it asks for. Nothing was sent."
)
SUSPECTED = gettext_noop("The network takes this post for spam and refused it.")
BLOCKED = gettext_noop("The network has blocked this account from publishing for a while.")
DAY_IS_FULL = gettext_noop("The account has published as much in a day as the network lets it.")
SAID_BEFORE = gettext_noop("The network says that the account has published this already.")
BAD_LINK = gettext_noop("The network could not read the page that the link leads to. Check the link.")
NOT_FETCHED = gettext_noop(
    "The network could not fetch the picture from this installation's public address. Nothing became public."
)
STILL_WORKING = gettext_noop("The network is still working on a file. Nothing became public.")
BAD_VERSION = gettext_noop("A version of Meta's API is written like v26.0.")

_DETAIL_MAX = 200
_WAIT_MAX_S, _HOUR_S = 86_400.0, 3600.0
_SOON = timedelta(seconds=30)
_LIMITS = {4, 17, 32, 341, 613, *range(80_000, 80_015)}
_TOKEN = {102, 190}
# The app was removed, a check or the account's own confirmation waits, the password changed, the session ended.
_FOR_A_PERSON = {458, 459, 460, 464, 492}
_NOT_YET = {24, 9007}

Meaning = tuple[type[AdapterError], str]
# By subcode: what Instagram and Threads say.
_BY_SUBCODE: Mapping[int, Meaning] = {
    459: (AuthFailed, CHECKPOINT),
    464: (AuthFailed, CHECKPOINT),
    2207003: (Unavailable, NOT_FETCHED),
    2207020: (Unavailable, BUSY),
    2207050: (AuthFailed, RESTRICTED),
    2207051: (Rejected, SUSPECTED),
    2207052: (Unavailable, NOT_FETCHED),
    4279013: (AuthFailed, RESTRICTED),
}
_BY_CODE: Mapping[int, Meaning] = {
    25: (AuthFailed, RESTRICTED),
    506: (Duplicate, SAID_BEFORE),
    9004: (Unavailable, NOT_FETCHED),
    1609005: (Rejected, BAD_LINK),
}


def demand_version(version: str) -> None:
    """Raises Rejected unless it is written as Meta's versions are: it becomes a step of every path."""
    if not re.fullmatch(r"v[0-9]{1,3}\.[0-9]", version):
        raise Rejected(BAD_VERSION)


@dataclass(frozen=True, slots=True)
class Session:
    """What the secret holds. `user` is the person's token that a Page's own was got with."""

    access: str = ""
    user: str = ""
    client_id: str = ""
    client_secret: str = ""
    expires: datetime | None = None
    issued: datetime | None = None
    scope: str = ""
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
            access=word("access_token", "access"),
            user=word("user_access_token"),
            client_id=word("client_id"),
            client_secret=word("client_secret"),
            expires=moment(said.get("expires_at")),
            issued=moment(said.get("issued_at")),
            scope=_listed(said.get("scope")),
        )

    def lend(self, app: App | None) -> Session:
        """With the secret of the installation's app (`base.lent`), where this sign-in was made for it."""
        fits = app is not None and app.client_id == self.client_id and not self.client_secret
        return replace(self, client_secret=app.client_secret, lent=True) if app and fits else self

    def dump(self) -> str:
        said = {
            "access_token": self.access,
            "user_access_token": self.user,
            "client_id": self.client_id,
            "client_secret": "" if self.lent else self.client_secret,
            "expires_at": self.expires.isoformat() if self.expires else "",
            "issued_at": self.issued.isoformat() if self.issued else "",
            "scope": self.scope,
        }
        return canonical({name: value for name, value in said.items() if value}).decode()

    @property
    def secrets(self) -> tuple[str, ...]:
        return tuple(one for one in (self.access, self.user, self.client_secret) if one)

    @property
    def usable(self) -> bool:
        return all(one.isascii() and one.isprintable() and " " not in one for one in self.secrets)

    def proof(self, token: str) -> str:
        """`appsecret_proof`: shows that the app itself is asking. Empty where its secret is not known."""
        if not self.client_secret or not token:
            return ""
        return hmac.new(self.client_secret.encode(), token.encode(), hashlib.sha256).hexdigest()

    def renewed_lately(self, than: timedelta) -> bool:
        return self.issued is not None and datetime.now(UTC) - self.issued < than


class Told(NamedTuple):
    """What an error says of itself. Codes are 0 where there are none."""

    code: int
    subcode: int
    words: str
    transient: bool


def told_in(content: bytes) -> Told | None:
    """The error in an answer, in the API's form or in that of a sign-in; None when there is none."""
    said = object_in(content)
    error = said.get("error")
    if not isinstance(error, dict):
        if not isinstance(said.get("error_message"), str) or "error_type" not in said:
            return None
        return Told(_whole(said.get("code")), 0, said["error_message"], False)
    words = [error.get("message"), error.get("error_user_title"), error.get("error_user_msg")]
    told = " – ".join(dict.fromkeys(one for one in words if isinstance(one, str) and one))
    return Told(
        _whole(error.get("code")), _whole(error.get("error_subcode")), told, error.get("is_transient") is True
    )


class GraphLine(Line):
    """To the API, with a token. `renews_after`: how old a refused token must be for another one to be worth
    asking for; None where nothing can be renewed. `proves`: whether the app's proof goes along."""

    def __init__(
        self,
        client: httpx.Client,
        base_url: str,
        session: Session,
        version: str = VERSION,
        *,
        renews_after: timedelta | None = None,
        proves: bool = False,
    ) -> None:
        super().__init__(client, base_url, session.access, session.secrets)
        self.session, self._version = session, version
        self._renews_after = renews_after
        self._proof = session.proof(session.access) if proves else ""

    def ready(self) -> None:
        """Raises before anything is sent with a token whose time is over."""
        session = self.session
        over = session.expires is not None and datetime.now(UTC) >= session.expires - _SOON
        if self._renews_after is not None and (over or not session.access):
            raise Expired(RAN_OUT)
        if over:
            raise AuthFailed(SIGN_IN_AGAIN)

    def graph(
        self,
        method: str,
        path: str,
        *,
        creates: bool = False,
        missing: bool = False,
        query: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Answer:
        """One request. With `missing`, what is not there answers 404 instead of raising."""
        params = {**(query or {}), **({"appsecret_proof": self._proof} if self._proof else {})}
        accept = {400, 403, 404, 410} if missing else ()
        path = f"/{self._version}{path}" if self._version else path
        answer = self.ask(method, path, creates=creates, accept=accept, params=params or None, **request)
        told = told_in(answer.body)
        if missing and _is_missing(answer.status, told):
            return Answer(404, answer.headers, b"{}", creates)
        if told is not None or answer.status >= 300:
            raise self._refusal(_as_received(answer), creates)
        return answer

    def _signed(self) -> dict[str, str]:
        if not self.session.access or not self.session.usable:
            raise AuthFailed(BAD_SECRET)
        return super()._signed()

    def _detail(self, received: httpx.Response) -> str:
        told = told_in(received.content)
        if told is None:
            return ""
        code = f"#{told.code}/{told.subcode}" if told.subcode else f"#{told.code}"
        words = self.without_secret(told.words)
        return f"{words} ({code})" if len(words) + len(code) < _DETAIL_MAX - 3 else words[:_DETAIL_MAX]

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        told, status = told_in(received.content), received.status_code
        if told is None or status == 503 or 300 <= status < 400:
            return super()._refusal(received, creates)
        detail = self._detail(received)
        if told.code in _TOKEN and self._may_be_renewed(told.subcode):
            return Expired(RAN_OUT, status=status, detail=detail)
        if told.code in _LIMITS and told.subcode not in _BY_SUBCODE:
            wait = self._wait(received.headers)
            return RateLimited(LIMITED, retry_after=wait, status=status, detail=detail)
        if told.code == 368 or told.subcode == 2207042:
            sentence = BLOCKED if told.code == 368 else DAY_IS_FULL
            wait = self._wait(received.headers) or _HOUR_S
            return RateLimited(sentence, retry_after=wait, status=status, detail=detail)
        meaning = _meaning(told, creates, status)
        if meaning is None:
            return super()._refusal(received, creates)
        return meaning[0](meaning[1], status=status, detail=detail)

    def _may_be_renewed(self, subcode: int) -> bool:
        if self._renews_after is None or subcode in _FOR_A_PERSON:
            return False
        return not self.session.renewed_lately(self._renews_after)

    def _wait(self, headers: httpx.Headers) -> float | None:
        """As the network says, or as long as its count of what was used says that it keeps us out."""
        said = super()._wait(headers)
        if said is not None:
            return said
        minutes = [0.0]
        for uses in object_in(headers.get("x-business-use-case-usage", "")).values():
            for use in uses if isinstance(uses, list) else ():
                told = use.get("estimated_time_to_regain_access") if isinstance(use, dict) else None
                if isinstance(told, int | float) and not isinstance(told, bool):
                    minutes.append(float(told))
        longest = max(minutes) * 60
        return min(longest, _WAIT_MAX_S) if longest > 0 else _until_less_was_used(headers)


def _until_less_was_used(headers: httpx.Headers) -> float | None:
    """The app's own limit is counted over a rolling hour: at 100 % of it, some of that hour has to pass."""
    used = object_in(headers.get("x-app-usage", "")).values()
    percents = [one for one in used if isinstance(one, int | float) and not isinstance(one, bool)]
    return _HOUR_S / 4 if percents and max(percents) >= 100 else None


def _meaning(told: Told, creates: bool, status: int) -> Meaning | None:
    """What a code means here; None where the HTTP status says it better."""
    if told.subcode in _BY_SUBCODE:
        return _BY_SUBCODE[told.subcode]
    if told.code in _BY_CODE:
        return _BY_CODE[told.code]
    if told.code in _TOKEN:
        return AuthFailed, SIGN_IN_AGAIN
    if told.code in {3, 10} or 200 <= told.code <= 299:
        return AuthFailed, MAY_NOT
    if told.code in _NOT_YET:
        return Unavailable, STILL_WORKING
    if status >= 500:
        return None
    # Trouble of Meta's own, which it also words as a bad request. It may have come after the post was made.
    if told.code in {-2, -1, 1, 2} or told.transient:
        return (Ambiguous, TROUBLE) if creates else (Unavailable, BUSY)
    return (Rejected, REFUSED) if status in {200, 201, 400, 403} else None


def _is_missing(status: int, told: Told | None) -> bool:
    """Whether an object is not there. Meta words one that we may not see in the same way."""
    if told is None:
        return status in {404, 410}
    return (told.code, told.subcode) == (100, 33) or told.code in {24, 803}


def _as_received(answer: Answer) -> httpx.Response:
    kept = {name: value for name, value in answer.headers.items() if name.startswith(("x-", "retry", "date"))}
    return httpx.Response(answer.status, headers=kept, content=answer.body)


def moment(value: object) -> datetime | None:
    """From ISO 8601 or seconds since 1970; None for anything else, and for Meta's 0, which means never."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            return datetime.fromtimestamp(value, UTC) if value > 0 else None
        when = datetime.fromisoformat(value) if isinstance(value, str) else None
    except (ValueError, OverflowError, OSError):
        return None
    return when.replace(tzinfo=UTC) if when is not None and when.tzinfo is None else when


def _listed(value: object) -> str:
    """Rights, which are given as a list in one place and as a text in another, with commas or spaces."""
    names = value.replace(",", " ").split() if isinstance(value, str) else value
    return ",".join(str(one) for one in names) if isinstance(names, list) else ""


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
