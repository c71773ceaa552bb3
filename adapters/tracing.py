"""Where an address leads: follows redirects, without opening the page at the end.

What is asked was written by somebody who may mean harm, so the asking is small: headers only, a few steps, a few
seconds, through the one checked transport. Nothing on a private network is asked, whatever an installation
allows its channels; nothing is asked unencrypted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import SplitResult, urljoin, urlsplit, urlunsplit

import httpx

from adapters.transport import AddressRefused, NameUnknown

MOST_STEPS = 5
STEP_S = 3.0
# For all the addresses of one question together: a person waits for the answer.
ALL_S = 10.0
_LONGEST = 2000
_REDIRECTS = {301, 302, 303, 307, 308}
_HEADERS = {"Accept": "*/*"}


@dataclass(frozen=True, slots=True)
class Trace:
    """Where an address leads, as far as it could be followed: `end`, after so many `steps`. `why` says what
    ended it early, and is empty when a page stands there: `private`, `no_address`, `no_name`, `no_answer`,
    `too_far` (steps), `too_slow`, or `missing` (the site says that there is nothing)."""

    end: str
    steps: int = 0
    why: str = ""

    @property
    def moved(self) -> bool:
        return self.steps > 0


def trace_all(client: httpx.Client, urls: Iterable[str]) -> Mapping[str, Trace]:
    """Each address with its trace. Those for which no time is left are `too_slow`."""
    give_up = datetime.now(UTC) + timedelta(seconds=ALL_S)
    return {url: trace(client, url, give_up) for url in dict.fromkeys(urls)}


def trace(client: httpx.Client, url: str, give_up: datetime) -> Trace:
    """Follows one address, at most until the instant `give_up` and one step longer."""
    here = url if "://" in url else f"https://{url}"
    for steps in range(MOST_STEPS + 1):
        asked = _askable(here)
        if asked is None:
            return Trace(here, steps, "no_address")
        if datetime.now(UTC) >= give_up:
            return Trace(here, steps, "too_slow")
        try:
            status, where = _ask(client, asked)
        except httpx.TimeoutException:
            return Trace(here, steps, "too_slow")
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError) as error:
            return Trace(here, steps, _why(error))
        if status not in _REDIRECTS or not where:
            return Trace(here, steps, "missing" if status in {404, 410} else "")
        here = _joined(here, where)
    return Trace(here, MOST_STEPS, "too_far")


def _askable(url: str) -> str | None:
    """The address as it is asked: encrypted, with no name and password in it. None for what is no web address."""
    parts = _split(url)
    if parts is None or parts.scheme not in {"https", "http"} or len(url) > _LONGEST:
        return None
    host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else str(parts.hostname)
    port = f":{parts.port}" if parts.port and (parts.scheme, parts.port) != ("http", 80) else ""
    return urlunsplit(("https", host + port, parts.path or "/", parts.query, ""))


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _port = parts.port
    except ValueError:
        return None
    return parts if parts.hostname else None


def _joined(here: str, where: str) -> str:
    try:
        return urljoin(here, where)
    except ValueError:
        return where


def _ask(client: httpx.Client, url: str) -> tuple[int, str]:
    """(status, Location). Some sites know no HEAD: they are asked for the page, of which nothing is read."""
    with client.stream("HEAD", url, headers=_HEADERS) as answer:
        if answer.status_code not in {400, 403, 405, 501}:
            return answer.status_code, answer.headers.get("location", "")
    with client.stream("GET", url, headers=_HEADERS) as answer:
        return answer.status_code, answer.headers.get("location", "")


def _why(error: Exception) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return "private"
        if isinstance(cause, NameUnknown):
            return "no_name"
        cause = cause.__cause__ or cause.__context__
    return "no_answer"
