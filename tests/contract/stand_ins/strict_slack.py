"""A small, strict Slack: one bot in one channel, and one incoming webhook; it refuses with Slack's own codes.

Written from docs.slack.dev: reference/methods (chat.postMessage, chat.update, chat.delete, conversations.history,
conversations.info, auth.test and the errors they share), apis/web-api (how it is signed in to, `ok` and `error` in an
HTTP 200, x-oauth-scopes, rate limits), messaging/sending-messages-using-incoming-webhooks, the changelog of 2016-05-17
(errors of webhooks), messaging/message-metadata, block-kit (rich text) and messaging/formatting-message-text
(escaping; 4,000 and 40,000 characters).
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.contract.stand_ins.serving import StandIn

TOKEN = "xoxb-not-a-real-token-of-anybody-AbCdEfGh"
TEAM, CHANNEL, BOT = "T0123ABC456", "C0123ABC456", "U0123ABC456"
SERVICE, HOOK_TOKEN = "B0123ABC456", "abcDEF0123456789abcDEF01"
HOOK = f"/services/{TEAM}/{SERVICE}/{HOOK_TOKEN}"
WEBHOOK = "https://hooks.slack.com" + HOOK
SCOPES = {"chat:write", "channels:history", "channels:read"}
_NEEDS = {
    "chat.postMessage": "chat:write",
    "chat.update": "chat:write",
    "chat.delete": "chat:write",
    "conversations.history": "channels:history",
    "conversations.info": "channels:read",
}


class Refusal(Exception):
    def __init__(self, error: str, **more: Any) -> None:
        self.said = {"ok": False, "error": error, **more}


class StrictSlack(StandIn):
    """`page`: how many messages a page of the history has (15 for an app that is sold elsewhere); `hook_says`:
    what the webhook answers instead of `ok`; `room`: what is told of the channel."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.messages: dict[str, dict[str, Any]] = {}
        self.hooked: list[dict[str, Any]] = []
        self.scopes = set(SCOPES)
        self.room: dict[str, Any] = {
            "id": CHANNEL,
            "name": "annonces",
            "is_member": True,
            "is_archived": False,
        }
        self.page = 100
        self.hook_says = (200, "ok")
        self.next_ts = 1_890_000_000

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": seen(one["blocks"])} for one in [*self.messages.values(), *self.hooked]]


def seen(blocks: list[dict[str, Any]]) -> str:
    """What readers see: nothing in rich text is markup."""
    (block,) = blocks
    (section,) = block["elements"]
    return "".join(one["text"] if one["type"] == "text" else one["url"] for one in section["elements"])


class _Handler(BaseHTTPRequestHandler):
    server: StrictSlack

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = urlsplit(self.path)
        if parts.path.startswith("/services/"):
            status, words = self._hook(parts.path)
            self._send(status, words.encode(), "text/html")
            return
        try:
            said = {"ok": True, **self._method(parts.path.removeprefix("/api/"), parts.query)}
        except Refusal as refusal:
            said = refusal.said
        self._send(200, json.dumps(said).encode(), "application/json; charset=utf-8")

    do_GET = do_POST = _any  # noqa: N815 - the standard library's names

    def _send(self, status: int, content: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("X-OAuth-Scopes", ",".join(sorted(self.server.scopes)))
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    # --- The webhook ------------------------------------------------------------------------------
    def _hook(self, path: str) -> tuple[int, str]:
        if self.command != "POST" or not self.headers.get("Content-Type", "").startswith("application/json"):
            return 400, "invalid_payload"
        assert "Authorization" not in self.headers
        if path != HOOK:
            return 404, "no_service"
        if self.server.hook_says != (200, "ok"):
            return self.server.hook_says
        said = json.loads(self.body)
        if not said.get("text"):
            return 400, "no_text"
        try:
            self._check(said, {"unfurl_links", "unfurl_media"})
        except Refusal as refusal:
            return 400, refusal.said["error"]
        self.server.hooked.append(said)
        return 200, "ok"

    # --- The Web API ------------------------------------------------------------------------------
    def _method(self, method: str, query: str) -> dict[str, Any]:
        signed = re.fullmatch(r"Bearer (\S+)", self.headers.get("Authorization", ""))
        if not signed:
            raise Refusal("not_authed")
        if signed[1] != TOKEN:
            raise Refusal("invalid_auth")
        if method not in {*_NEEDS, "auth.test"}:
            raise Refusal("unknown_method", req_method=method)
        needed = _NEEDS.get(method, "")
        if needed and needed not in self.server.scopes:
            raise Refusal("missing_scope", needed=needed, provided=",".join(sorted(self.server.scopes)))
        if self.command == "GET":
            given: dict[str, Any] = dict(parse_qsl(query))
        elif self.headers.get("Content-Type") == "application/json; charset=utf-8":
            given = json.loads(self.body)
        else:
            raise Refusal("invalid_post_type")
        if method == "auth.test":
            shown = {"url": "https://maison.slack.com/", "team": "Maison", "team_id": TEAM}
            return {**shown, "user": "maison", "user_id": BOT, "bot_id": "B9"}
        if given.pop("channel", None) != CHANNEL:
            raise Refusal("channel_not_found")
        name = "_" + method.replace(".", "_").lower()
        answer: dict[str, Any] = getattr(self, name)(given)
        return answer

    def _conversations_info(self, given: dict[str, Any]) -> dict[str, Any]:
        return {"channel": self.server.room}

    def _chat_postmessage(self, given: dict[str, Any]) -> dict[str, Any]:
        if self.server.room["is_archived"]:
            raise Refusal("is_archived")
        if not self.server.room["is_member"]:
            raise Refusal("not_in_channel")
        self._check(given, {"unfurl_links", "unfurl_media", "metadata"})
        if len(given["text"]) > 40_000:
            raise Refusal("msg_too_long")
        metadata = given.get("metadata", {})
        if set(metadata) != {"event_type", "event_payload"} or not isinstance(
            metadata["event_payload"], dict
        ):
            raise Refusal("invalid_metadata_format")
        self.server.next_ts += 1
        ts = f"{self.server.next_ts}.000100"
        self.server.messages[ts] = {**given, "ts": ts, "type": "message", "bot_id": "B9"}
        return {
            "channel": CHANNEL,
            "ts": ts,
            "message": self._shown(self.server.messages[ts], metadata=False),
        }

    def _chat_update(self, given: dict[str, Any]) -> dict[str, Any]:
        message = self.server.messages.get(given.pop("ts", ""))
        if message is None:
            raise Refusal("message_not_found")
        self._check(given, set())
        if len(given["text"]) > 4000:
            raise Refusal("msg_too_long")
        # What is not given stays as it was: the metadata among it.
        message |= given
        return {"channel": CHANNEL, "ts": message["ts"], "text": message["text"]}

    def _chat_delete(self, given: dict[str, Any]) -> dict[str, Any]:
        if given.get("ts") not in self.server.messages:
            raise Refusal("message_not_found")
        del self.server.messages[given["ts"]]
        return {"channel": CHANNEL, "ts": given["ts"]}

    def _conversations_history(self, given: dict[str, Any]) -> dict[str, Any]:
        oldest, latest = float(given.get("oldest", 0)), float(given.get("latest", 10**12))
        inside = given.get("inclusive") == "true"
        found = [
            message
            for ts, message in sorted(self.server.messages.items(), reverse=True)
            if oldest < float(ts) < latest or (inside and float(ts) in {oldest, latest})
        ]
        start = int(given.get("cursor", "0"))
        end = start + min(self.server.page, int(given.get("limit", "100")))
        told = given.get("include_all_metadata") == "true"
        more = {"has_more": True, "response_metadata": {"next_cursor": str(end)}} if end < len(found) else {}
        page = [self._shown(message, metadata=told) for message in found[start:end]]
        return {"messages": page, "has_more": False, **more}

    # --- What is checked, and what is shown -------------------------------------------------------
    def _check(self, given: dict[str, Any], known: set[str]) -> None:
        if not given.get("text"):
            raise Refusal("no_text")
        if set(given) - {"text", "blocks", *known}:
            raise Refusal("invalid_arguments")
        # What is in angle brackets would be a mention or a link of Slack's own.
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", given["text"])
        if any(given.get(name) not in {True, False} for name in known & {"unfurl_links", "unfurl_media"}):
            raise Refusal("invalid_arguments")
        blocks = given.get("blocks")
        if not isinstance(blocks, list) or len(blocks) != 1 or blocks[0].get("type") != "rich_text":
            raise Refusal("invalid_blocks")
        for section in blocks[0]["elements"]:
            if section["type"] != "rich_text_section" or not section["elements"]:
                raise Refusal("invalid_blocks")
            for one in section["elements"]:
                wanted = {"text": {"type", "text"}, "link": {"type", "url"}}.get(one.get("type"))
                if wanted != set(one) or not all(one.values()):
                    raise Refusal("invalid_blocks")

    def _shown(self, message: dict[str, Any], *, metadata: bool) -> dict[str, Any]:
        """A link stands between brackets, and the metadata only where it was asked for."""
        hidden = {"unfurl_links", "unfurl_media", *(() if metadata else ("metadata",))}
        shown = {name: value for name, value in message.items() if name not in hidden}
        return {**shown, "text": re.sub(r"(https?://[^\s<>|]+[^\s<>|.,])", r"<\1>", message["text"])}
