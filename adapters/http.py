"""One exchange with a far side, and its outcome in the one vocabulary of `base`.

What a lost answer means depends on the question. After a request that makes something public it
means "it may be out" (`Ambiguous`); after any other it means "nothing happened that matters"
(`NotSent`, `Unavailable`). So every question says whether it `creates`, and nobody guesses later.
"""

from __future__ import annotations

import json
import math
import ssl
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

import httpx

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Expired,
    NotSent,
    RateLimited,
    Rejected,
    Unavailable,
    gettext_noop,
)
from adapters.transport import AddressRefused, NameUnknown, PlainHttpRefused

# No request of a publication begins later than so many time-outs after the first one; connecting and the
# answer take two more at most. A lease lasts longer than these four (settings.py).
BEGIN_WITHIN = 2.0
_DETAIL_MAX = 200
_WAIT_MAX_S = 86_400.0
_NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_REFUSED_CONTENT = {400, 404, 405, 406, 409, 410, 411, 413, 414, 415, 422}

UNREACHABLE = gettext_noop("The network could not be reached. Nothing was sent.")
UNRESOLVED = gettext_noop("The network's address could not be found. Nothing was sent.")
NO_TLS = gettext_noop("No secure connection to the network could be made. Nothing was sent.")
PRIVATE = gettext_noop("The network's address is a private one, which is not allowed here. Nothing was sent.")
PLAIN = gettext_noop("The network's address begins with http://, which is not allowed here: use https://.")
BAD_ADDRESS = gettext_noop("The channel's address cannot be used. Correct the channel's settings.")
BAD_SECRET = gettext_noop("The channel's access token is missing or malformed. Reconnect the channel.")
LOST = gettext_noop("The answer was lost: the post may be public.")
LOST_HARMLESS = gettext_noop("The answer was lost, before anything became public.")
UNCLEAR = gettext_noop("The network's answer could not be understood: the post may be public.")
UNCLEAR_HARMLESS = gettext_noop("The network's answer could not be understood. Nothing became public.")
TROUBLE = gettext_noop("The network reported trouble of its own: the post may be public.")
BUSY = gettext_noop("The network is not available just now. Nothing became public.")
LIMITED = gettext_noop("The network asks us to wait before sending more.")
UNKNOWN_TOKEN = gettext_noop("The network no longer accepts our access token. Reconnect the channel.")
FORBIDDEN = gettext_noop("The network does not allow this.")
REFUSED = gettext_noop("The network refused this content.")
REDIRECTED = gettext_noop("The network answered with a redirect. Correct the channel's address.")
OUT_OF_TIME = gettext_noop("The network was too slow to finish in time. Nothing became public.")


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx answer, or one of the statuses the question had accepted. `creates` is the question's,
    so that an answer of the wrong shape means what a lost one would have meant."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    creates: bool

    def unclear(self) -> AdapterError:
        """The error to raise when the answer makes no sense."""
        return _unclear(self.creates, self.status)

    def read(self) -> Any:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError):
            raise self.unclear() from None

    def mapping(self) -> Mapping[str, Any]:
        value = self.read()
        if not isinstance(value, dict):
            raise self.unclear()
        return value

    def mappings(self) -> list[Mapping[str, Any]]:
        value = self.read()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self.unclear()
        return value

    def text(self, name: str) -> str:
        """The string under `name`; a whole number counts as one, an empty one does not."""
        value = self.mapping().get(name)
        if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
            raise self.unclear()
        return str(value)

    def date(self) -> datetime | None:
        """The far side's clock, as its Date header tells it."""
        return _http_date(self.headers.get("date", ""))


class Line:
    """A line to one far side: its address, how it is signed in to, and what its refusals mean.

    A network subclasses it to say what its own 403 means and where it puts its words.
    """

    # Headers that say when a limit ends, beside Retry-After: seconds, an epoch or ISO 8601.
    reset_headers: ClassVar[tuple[str, ...]] = ("x-ratelimit-reset", "ratelimit-reset")

    def __init__(
        self, client: httpx.Client, base_url: str, secret: str = "", hidden: Sequence[str] = ()
    ) -> None:
        """`hidden` are the other parts of the channel's secret, which no sentence may hold either."""
        self._client = client
        self.base_url = checked_base_url(base_url)
        self._secret, self._hidden = secret, (*hidden, secret)
        self._begun: datetime | None = None

    def begin(self) -> None:
        """Starts the clock of one publication; see `BEGIN_WITHIN`."""
        self._begun = datetime.now(UTC)

    def ask(
        self,
        method: str,
        path: str,
        *,
        creates: bool = False,
        accept: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
        **request: Any,
    ) -> Answer:
        """Sends one request, once. Returns the answer, or raises what it means."""
        if self._begun and datetime.now(UTC) - self._begun > self._bound():
            raise Unavailable(OUT_OF_TIME)
        signed = {**self._signed(), **(headers or {})}
        try:
            received = self._client.request(method, self.base_url + path, headers=signed, **request)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            # `from None`: the request in the chain carries the token.
            raise _lost(error, creates) from None
        if received.is_success or received.status_code in accept:
            return Answer(received.status_code, received.headers, received.content, creates)
        raise self._refusal(received, creates)

    def _bound(self) -> timedelta:
        answer_s = self._client.timeout.read
        return timedelta(seconds=BEGIN_WITHIN * answer_s) if answer_s else timedelta.max

    def _signed(self) -> dict[str, str]:
        if not self._secret:
            return {}
        if not self._secret.isascii() or not self._secret.isprintable() or " " in self._secret:
            raise AuthFailed(BAD_SECRET)
        return {"Authorization": f"Bearer {self._secret}"}

    def forbidden(self, detail: str) -> type[AuthFailed | Rejected]:
        """What a 403 means here: our credentials, or this content."""
        return AuthFailed

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        status, detail = received.status_code, self._detail(received)
        if 300 <= status < 400:
            return Rejected(REDIRECTED, status=status)
        if status == 401:
            return AuthFailed(UNKNOWN_TOKEN, status=status, detail=detail)
        if status == 403:
            kind = self.forbidden(detail)
            return kind(UNKNOWN_TOKEN if kind is AuthFailed else FORBIDDEN, status=status, detail=detail)
        if status == 429:
            return RateLimited(
                LIMITED, retry_after=self._wait(received.headers), status=status, detail=detail
            )
        if status == 503:
            return Unavailable(BUSY, status=status, detail=detail)
        if status in _REFUSED_CONTENT:
            return Rejected(REFUSED, status=status, detail=detail)
        if status >= 500:
            kind_of_trouble = Ambiguous if creates else Unavailable
            return kind_of_trouble(TROUBLE if creates else BUSY, status=status, detail=detail)
        return _unclear(creates, status)

    def _detail(self, received: httpx.Response) -> str:
        """The network's own explanation, with our secret taken out should it echo it."""
        body = object_in(received.content)
        said = body.get("error_description") or body.get("error")
        return self.without_secret(said)[:_DETAIL_MAX] if isinstance(said, str) else ""

    def without_secret(self, text: str) -> str:
        for one in filter(None, self._hidden):
            text = text.replace(one, "…")
        return " ".join("".join(char if char.isprintable() else " " for char in text).split())

    def _wait(self, headers: httpx.Headers) -> float | None:
        now = _http_date(headers.get("date", "")) or datetime.now(UTC)
        for name in ("retry-after", *self.reset_headers):
            wait = _seconds(headers.get(name, "").strip(), now)
            if wait is not None:
                return min(max(wait, 1.0), _WAIT_MAX_S)
        return None


def object_in(content: bytes | str) -> Mapping[str, Any]:
    """The JSON object that this is; an empty one for anything else."""
    try:
        said = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def cannot_tell(error: AdapterError) -> CannotTell:
    """What a look that failed means: whether another one later may still settle it."""
    ran_out = isinstance(error, Expired)
    lasting = isinstance(error, AuthFailed | Rejected) and not ran_out
    return CannotTell(error.public, again=not lasting, ran_out=ran_out)


def checked_base_url(raw: str) -> str:
    """The address without a trailing slash. Raises Rejected for what is no plain http(s) address:
    user names, queries and fragments included, since a secret may hide in them."""
    raw = raw.strip().rstrip("/")
    try:
        parts = urlsplit(raw)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not raw.isprintable() or any(sign in raw for sign in " @?#\\"):
        raise Rejected(BAD_ADDRESS)
    return raw


def _unclear(creates: bool, status: int) -> AdapterError:
    return Ambiguous(UNCLEAR, status=status) if creates else Unavailable(UNCLEAR_HARMLESS, status=status)


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _lost(error: Exception, creates: bool) -> AdapterError:
    """What an exception of the client means. Its own text is never passed on: http.client
    quotes what it was told in it, and a header value is a token."""
    if isinstance(error, PlainHttpRefused):
        return Rejected(PLAIN)
    if isinstance(error, httpx.InvalidURL | httpx.UnsupportedProtocol | httpx.LocalProtocolError):
        return Rejected(BAD_ADDRESS)
    if isinstance(error, _NOT_SENT):
        causes = tuple(_causes(error))
        for kind, sentence in ((AddressRefused, PRIVATE), (NameUnknown, UNRESOLVED), (ssl.SSLError, NO_TLS)):
            if any(isinstance(cause, kind) for cause in causes):
                return NotSent(sentence)
        return NotSent(UNREACHABLE)
    return Ambiguous(LOST) if creates else NotSent(LOST_HARMLESS)


def _http_date(text: str) -> datetime | None:
    try:
        when = parsedate_to_datetime(text)
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def _seconds(text: str, now: datetime) -> float | None:
    """How long to wait, from seconds, an epoch, an HTTP date or ISO 8601; None for anything else."""
    if not text:
        return None
    try:
        number = float(text)
    except ValueError:
        return _seconds_until(text, now)
    if not math.isfinite(number) or number < 0:
        return None
    return number - now.timestamp() if number > 1_000_000_000 else number


def _seconds_until(text: str, now: datetime) -> float | None:
    when = _http_date(text)
    if when is None:
        try:
            when = datetime.fromisoformat(text)
        except ValueError:
            return None
        when = when.replace(tzinfo=UTC) if when.tzinfo is None else when
    return (when - now).total_seconds()
