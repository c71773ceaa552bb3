"""A line to one webhook of Discord: how it is called, and what its refusals mean.

The webhook's address is itself the secret. Of what a person pasted only its number and its token are used: the host
is always ours to say, so that no pasted address can make us call another one. The token stands in the path of every
request; it appears in no error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from adapters.base import AdapterError, AuthFailed, RateLimited, Rejected, gettext_noop
from adapters.http import FORBIDDEN, LIMITED, Answer, Line, object_in

_DETAIL_MAX = 200
_WAIT_MAX_S = 86_400.0
_WEBHOOK = re.compile(
    r"https://(?:(?:ptb|canary)\.)?discord(?:app)?\.com/api(?:/v[0-9]{1,2})?"
    r"/webhooks/([0-9]{1,20})/([A-Za-z0-9_-]{20,200})/?"
)

NO_WEBHOOK = gettext_noop(
    "This is no webhook's address: it must look like https://discord.com/api/webhooks/…/…. Reconnect the channel."
)
GONE_WEBHOOK = gettext_noop(
    "The webhook is no longer there, or has another token: make a new one and reconnect the channel."
)
NO_CHANNEL = gettext_noop("The channel or thread is not there, or no longer.")

# Codes of Discord's JSON errors (docs.discord.com: Opcodes and Status Codes).
_UNKNOWN_CHANNEL, _UNKNOWN_MESSAGE, _UNKNOWN_WEBHOOK, _BAD_TOKEN = 10003, 10008, 10015, 50027
_LACKING_RIGHTS = {50001, 50013}
GONE = gettext_noop("The message is no longer there: it cannot be corrected.")


class DiscordLine(Line):
    """One webhook."""

    reset_headers: ClassVar[tuple[str, ...]] = ("x-ratelimit-reset-after", "x-ratelimit-reset")

    def __init__(self, client: httpx.Client, base_url: str, secret: str) -> None:
        found = _WEBHOOK.fullmatch(secret.strip())
        self.number, self._token = (found[1], found[2]) if found else ("", "")
        super().__init__(client, base_url, secret, (secret.strip(), self._token))

    def call(self, method: str, path: str = "", *, creates: bool = False, **request: Any) -> Answer:
        """One request under the webhook's own address. Raises what anything but a 2xx means."""
        if not self.number:
            raise AuthFailed(NO_WEBHOOK)
        return self.ask(
            method, f"/api/v10/webhooks/{self.number}/{self._token}{path}", creates=creates, **request
        )

    def _signed(self) -> dict[str, str]:
        return {}

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        said, status = object_in(received.content), received.status_code
        code = said.get("code")
        if status == 429:
            waits = _seconds(said.get("retry_after"))
            told = self._wait(received.headers) if waits is None else waits
            return RateLimited(LIMITED, retry_after=told, status=status, detail=self._detail(received))
        if status in {401, 404} and code in {_UNKNOWN_WEBHOOK, _BAD_TOKEN}:
            return AuthFailed(GONE_WEBHOOK, status=status, detail=self._detail(received))
        if status == 404 and code == _UNKNOWN_MESSAGE:
            return Rejected(GONE, status=status, detail=self._detail(received))
        if status == 404 and code == _UNKNOWN_CHANNEL:
            return Rejected(NO_CHANNEL, status=status, detail=self._detail(received))
        if status == 403:
            lacking = code in _LACKING_RIGHTS
            kind = AuthFailed if lacking else Rejected
            return kind(FORBIDDEN, status=status, detail=self._detail(received))
        return super()._refusal(received, creates)

    def _detail(self, received: httpx.Response) -> str:
        """Discord's own words, and those about the first field that it objects to."""
        said = object_in(received.content)
        message = said.get("message")
        words = [message if isinstance(message, str) else "", _first_error(said.get("errors"))]
        return self.without_secret(": ".join(filter(None, words)))[:_DETAIL_MAX]


def is_gone(error: AdapterError) -> bool:
    """Whether Discord itself says that the message, or the channel it stood in, is there no more. Where merely the
    webhook is gone, the message still stands there."""
    return isinstance(error, Rejected) and error.public in {GONE, NO_CHANNEL}


def _first_error(errors: object, depth: int = 0) -> str:
    """`{"content": {"_errors": [{"message": …}]}}`, however deep."""
    if not isinstance(errors, Mapping) or depth > 8:
        return ""
    own = errors.get("_errors")
    if isinstance(own, list) and own and isinstance(own[0], Mapping):
        return str(own[0].get("message") or "")
    return next(filter(None, (_first_error(one, depth + 1) for one in errors.values())), "")


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        return None
    return min(max(float(value), 1.0), _WAIT_MAX_S)
