"""Lines to Slack: the Web API of a bot, and an incoming webhook; and what their refusals mean.

The Web API answers HTTP 200 to nearly everything and says in `ok` and `error` what became of it; a webhook answers
plain words, `ok` for a success. A webhook's address is itself the secret: of what a person pasted only its three
parts are used, so that no pasted address can make us call another host.
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
from adapters.http import BAD_SECRET, BUSY, LIMITED, REFUSED, TROUBLE, UNKNOWN_TOKEN, Answer, Line, object_in

_DETAIL_MAX = 200
_TOKEN = re.compile(r"xox[A-Za-z0-9.-]{8,250}")
_WEBHOOK = re.compile(
    r"https://hooks\.slack\.com/services/([TE][A-Z0-9]{4,20})/(B[A-Z0-9]{4,20})/([A-Za-z0-9]{8,64})/?"
)
_WORD = re.compile(r"[a-z][a-z_]{1,79}")

NOT_ALLOWED = gettext_noop(
    "Slack does not let the bot publish in this channel: invite it there, and check the channel's number and"
    " the rights of its token."
)
GONE_WEBHOOK = gettext_noop(
    "Slack no longer takes anything from this webhook, or its channel is gone: make a new one and reconnect."
)
GONE = gettext_noop("The message is no longer there: it cannot be corrected.")
NOT_EDITABLE = gettext_noop("Slack does not let the bot change this message.")

MISSING_SCOPE, NO_MESSAGE = "missing_scope", "message_not_found"
_SIGN_IN = {
    "account_inactive",
    "invalid_auth",
    "not_allowed_token_type",
    "not_authed",
    "org_login_required",
    "team_access_not_granted",
    "token_expired",
    "token_revoked",
    "two_factor_setup_required",
}
_NOT_ALLOWED = {
    "access_denied",
    "accesslimited",
    "channel_not_found",
    "ekm_access_denied",
    "enterprise_is_restricted",
    "is_archived",
    MISSING_SCOPE,
    "no_permission",
    "not_in_channel",
    "posting_to_general_channel_denied",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
}
_LIMITED = {"ratelimited", "rate_limited", "message_limit_exceeded"}
# "It's possible some aspect of the operation succeeded before the error was raised."
_TROUBLE = {"fatal_error", "internal_error", "request_timeout"}
_BUSY = {"service_unavailable", "team_added_to_org", "org_migration_in_progress"}
_CANNOT_CHANGE = {
    "cant_update_message",
    "cant_delete_message",
    "edit_window_closed",
    "compliance_exports_prevent_deletion",
}
_HOOK_GONE = {
    "action_prohibited",
    "channel_is_archived",
    "channel_not_found",
    "invalid_token",
    "no_active_hooks",
    "no_service",
    "no_service_id",
    "no_team",
    "posting_to_general_channel_denied",
    "team_disabled",
    "user_not_found",
}
# What a webhook that works says of a message without a text.
_NOTHING_TO_SAY = {"invalid_payload", "no_text", "missing_text_or_fallback_or_attachments"}


class BotLine(Line):
    """One bot."""

    def __init__(self, client: httpx.Client, base_url: str, secret: str) -> None:
        super().__init__(client, base_url, secret.strip())

    def call(self, method: str, *, creates: bool = False, **request: Any) -> Answer:
        """The answer of one method, `ok` by its own word. Raises what anything else means."""
        if not _TOKEN.fullmatch(self._secret):
            raise AuthFailed(BAD_SECRET)
        if "json" in request:
            request["headers"] = {"Content-Type": "application/json; charset=utf-8"}
        answer = self.ask(
            "POST" if "json" in request else "GET", f"/api/{method}", creates=creates, **request
        )
        said = answer.mapping()
        if said.get("ok") is True:
            return answer
        if said.get("ok") is False and isinstance(said.get("error"), str):
            headers = httpx.Headers(dict(answer.headers))
            raise self._meaning(said, answer.status, creates, headers) or Rejected(
                REFUSED, status=answer.status, detail=self._words(said)
            )
        raise answer.unclear()

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        said, status = object_in(received.content), received.status_code
        known = said.get("ok") is False and 400 <= status < 500 and status != 429
        meaning = self._meaning(said, status, creates, received.headers) if known else None
        return meaning or super()._refusal(received, creates)

    def _meaning(
        self, said: Mapping[str, Any], status: int, creates: bool, headers: httpx.Headers
    ) -> AdapterError | None:
        """Of a code that is known; None for any other."""
        code, detail = str(said.get("error")), self._words(said)
        if code in _SIGN_IN:
            return AuthFailed(UNKNOWN_TOKEN, status=status, detail=detail)
        if code in _NOT_ALLOWED:
            return AuthFailed(NOT_ALLOWED, status=status, detail=detail)
        if code in _LIMITED:
            return RateLimited(LIMITED, retry_after=self._wait(headers), status=status, detail=detail)
        if code in _TROUBLE:
            kind = Ambiguous if creates else Unavailable
            return kind(TROUBLE if creates else BUSY, status=status, detail=detail)
        if code in _BUSY:
            return Unavailable(BUSY, status=status, detail=detail)
        if code == NO_MESSAGE:
            return Rejected(GONE, status=status, detail=detail)
        if code in _CANNOT_CHANGE:
            return Rejected(NOT_EDITABLE, status=status, detail=detail)
        return None

    def _words(self, said: Mapping[str, Any]) -> str:
        """The code, and what Slack explains of it."""
        more = said.get("response_metadata")
        messages = more.get("messages") if isinstance(more, dict) else None
        first = messages[0] if isinstance(messages, list) and messages else ""
        words = [str(said.get("error") or ""), first if isinstance(first, str) else ""]
        return self.without_secret(": ".join(filter(None, words)))[:_DETAIL_MAX]


class WebhookLine(Line):
    """One incoming webhook."""

    def __init__(self, client: httpx.Client, base_url: str, secret: str) -> None:
        found = _WEBHOOK.fullmatch(secret.strip())
        self.team, self.service, token = (found[1], found[2], found[3]) if found else ("", "", "")
        self._path = f"/services/{self.team}/{self.service}/{token}"
        super().__init__(client, base_url, secret, (secret.strip(), self._path, token))

    def post(self, message: Mapping[str, Any], *, creates: bool) -> None:
        """Raises whatever anything but `ok` means."""
        if not self.team:
            raise AuthFailed(BAD_SECRET)
        answer = self.ask("POST", self._path, creates=creates, json=message)
        if answer.body.strip() != b"ok":
            raise answer.unclear()

    def knock(self) -> None:
        """Asks whether the webhook works, with a message that has nothing in it: Slack refuses to post that,
        and says so only where it would post another. Raises AdapterError."""
        try:
            self.post({}, creates=False)
        except Rejected as error:
            if error.detail not in _NOTHING_TO_SAY:
                raise

    def _signed(self) -> dict[str, str]:
        return {}

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        detail, status = self._detail(received), received.status_code
        if 400 <= status < 500 and detail in _HOOK_GONE:
            return AuthFailed(GONE_WEBHOOK, status=status, detail=detail)
        return super()._refusal(received, creates)

    def _detail(self, received: httpx.Response) -> str:
        """The one word that Slack says; of a page of some proxy nothing."""
        said = received.content[:_DETAIL_MAX].decode("ascii", "replace").strip()
        return said if _WORD.fullmatch(said) else ""


def is_webhook(secret: str) -> bool:
    """Whether this is meant to be a webhook's address rather than a token."""
    return secret.strip().lower().startswith(("http:", "https:"))


def is_gone(error: AdapterError) -> bool:
    """Whether Slack says that the message is there no more."""
    return isinstance(error, Rejected) and error.public == GONE
