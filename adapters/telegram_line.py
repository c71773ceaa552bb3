"""A line to Telegram's Bot API: how it is called, and what its refusals mean.

The token stands in the path, so an address of this line is itself a secret: it appears in no error, and the
client's own log of addresses is off (`cm_queue/logs.py`). Every answer says `ok`; what went wrong stands in
`error_code` and `description`, with `retry_after` or `migrate_to_chat_id` beside it, whatever the HTTP status.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import httpx

from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    RateLimited,
    Rejected,
    Unavailable,
    gettext_noop,
)
from adapters.http import (
    BAD_SECRET,
    BUSY,
    LIMITED,
    REFUSED,
    TROUBLE,
    UNKNOWN_TOKEN,
    Answer,
    Line,
    object_in,
)

DETAIL_MAX = 200
_WAIT_MAX_S = 86_400.0
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,120}")

NOT_ALLOWED = gettext_noop("The bot may not publish in this chat: make it an administrator who may post.")
NO_CHAT = gettext_noop("The bot does not find this chat: check its name, and that the bot was added to it.")
MOVED = gettext_noop(
    "The group has become a supergroup and has a new number: correct the channel's settings. Nothing was sent."
)

# What a 400 says when it is not this content that is refused, but the bot's place in the chat.
_NO_CHAT = (
    "chat not found",
    "chat_id is empty",
    "peer_id_invalid",
    "username_invalid",
    "username_not_occupied",
)
_NO_RIGHTS = (
    "rights to send",
    "not enough rights",
    "chat_write_forbidden",
    "chat_admin_required",
    "need administrator rights",
    "chat_send_",
    "chat_restricted",
    "channel_private",
    "user_banned_in_channel",
    "bot is not a member",
)


class TelegramLine(Line):
    """One bot."""

    def call(self, method: str, *, creates: bool = False, **request: Any) -> Any:
        """The `result` of one method. Raises what anything else means."""
        if not _TOKEN.fullmatch(self._secret):
            raise AuthFailed(BAD_SECRET)
        answer = self.ask("POST", f"/bot{self._secret}/{method}", creates=creates, **request)
        said = answer.mapping()
        if said.get("ok") is True and "result" in said:
            return said["result"]
        if said.get("ok") is False:
            raise self._meaning(said, answer.status, creates)
        raise answer.unclear()

    def _signed(self) -> dict[str, str]:
        return {}

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        said = object_in(received.content)
        if said.get("ok") is not False or 300 <= received.status_code < 400:
            return super()._refusal(received, creates)
        return self._meaning(said, received.status_code, creates, self._wait(received.headers))

    def _meaning(
        self, said: Mapping[str, Any], status: int, creates: bool, waited: float | None = None
    ) -> AdapterError:
        """Of an answer with `ok` false. A 5xx is believed before what a body says of it."""
        code = said.get("error_code")
        code = code if isinstance(code, int) and status < 500 else status
        given = said.get("parameters")
        parameters: Mapping[str, Any] = given if isinstance(given, dict) else {}
        detail = self.without_secret(str(said.get("description") or ""))[:DETAIL_MAX]
        if "migrate_to_chat_id" in parameters:
            moved_to = f"migrate_to_chat_id {parameters['migrate_to_chat_id']}"[:DETAIL_MAX]
            return Rejected(MOVED, status=code, detail=moved_to)
        if code in {401, 404}:
            # 404 is what a token that no bot has, or a mistyped one, is answered.
            return AuthFailed(UNKNOWN_TOKEN, status=code, detail=detail)
        if code == 403:
            return AuthFailed(NOT_ALLOWED, status=code, detail=detail)
        if code == 429:
            wait = _seconds(parameters.get("retry_after"))
            return RateLimited(
                LIMITED, retry_after=waited if wait is None else wait, status=code, detail=detail
            )
        if code in {400, 405, 406, 409, 410, 411, 413, 414, 415, 422}:
            return _refused(code, detail)
        if code == 503:
            return Unavailable(BUSY, status=code, detail=detail)
        if code >= 500:
            return (Ambiguous if creates else Unavailable)(
                TROUBLE if creates else BUSY, status=code, detail=detail
            )
        return unclear(creates, code)


def unclear(creates: bool, status: int = 200) -> AdapterError:
    """What an answer of the wrong shape means."""
    return Answer(status, {}, b"", creates).unclear()


def says(error: AdapterError, *phrases: str) -> bool:
    """Whether Telegram's own words hold one of these, written in lower case."""
    return any(phrase in error.detail.lower() for phrase in phrases)


def _refused(code: int, detail: str) -> AdapterError:
    lowered = detail.lower()
    if any(words in lowered for words in _NO_CHAT):
        return AuthFailed(NO_CHAT, status=code, detail=detail)
    if any(words in lowered for words in _NO_RIGHTS):
        return AuthFailed(NOT_ALLOWED, status=code, detail=detail)
    return Rejected(REFUSED, status=code, detail=detail)


def _seconds(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        return None
    return min(max(float(value), 1.0), _WAIT_MAX_S)
