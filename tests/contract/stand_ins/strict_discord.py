"""A small, strict Discord for one webhook: it refuses what Discord refuses, with Discord's codes.

Written from docs.discord.com (and its sources, github.com/discord/discord-api-docs): resources/webhook (Get Webhook
with Token, Execute Webhook, Get, Edit and Delete Webhook Message), resources/message (attachments, allowed mentions,
flags), reference (Uploading Files, snowflakes), topics/opcodes-and-status-codes (JSON error codes) and
topics/rate-limits.
"""

from __future__ import annotations

import json
import re
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from tests.contract.stand_ins.serving import StandIn

NUMBER, TOKEN = "223704706495545344", "3d89bb7572e0fb30d8128367b3b1b44fecd1726de135cbe28a41f8b2f777c372ba29"
SECRET = f"https://discord.com/api/webhooks/{NUMBER}/{TOKEN}"
GUILD, CHANNEL, THREAD = "199737254929760256", "199737254929760257", "199737254929760258"
_PATH = re.compile(r"/api/v10/webhooks/(\d+)/([\w-]+)(?:/messages/(\d+))?")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"GIF8")


class Refusal(Exception):
    def __init__(self, status: int, code: int, said: str, errors: Any = None, **more: Any) -> None:
        self.status = status
        self.said = {"message": said, "code": code, **({"errors": errors} if errors else {}), **more}


def bad_form(field: str, code: str, said: str) -> Refusal:
    return Refusal(400, 50035, "Invalid Form Body", {field: {"_errors": [{"code": code, "message": said}]}})


class StrictDiscord(StandIn):
    """`forum`: the channel takes posts in threads alone; `gone`: somebody deleted the webhook."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.messages: dict[str, dict[str, Any]] = {}
        self.files: dict[str, list[bytes]] = {}
        self.forum = self.gone = False
        self.next_id = 1_440_000_000_000_000_000

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": one["content"]} for one in self.messages.values()]


class _Handler(BaseHTTPRequestHandler):
    server: StrictDiscord

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def _any(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, said = self._answer()
        except Refusal as refusal:
            status, said = refusal.status, refusal.said
        content = b"" if said is None else json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PATCH = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _answer(self) -> tuple[int, Any]:
        parts = urlsplit(self.path)
        found = _PATH.fullmatch(parts.path)
        if not found:
            raise Refusal(404, 0, "404: Not Found")
        if found[1] != NUMBER or self.server.gone:
            raise Refusal(404, 10015, "Unknown Webhook")
        if found[2] != TOKEN:
            raise Refusal(401, 50027, "Invalid Webhook Token")
        assert "Authorization" not in self.headers, "a webhook needs none, and gets none"
        self.query = dict(parse_qsl(parts.query))
        if found[3]:
            return self._message(found[3])
        if self.command == "GET":
            shown = {"id": NUMBER, "type": 1, "name": "Maison Lumière", "avatar": None}
            return 200, {**shown, "guild_id": GUILD, "channel_id": CHANNEL, "token": TOKEN, "url": SECRET}
        if self.command == "POST":
            return self._publish()
        raise Refusal(405, 0, "405: Method Not Allowed")

    # --- One message ------------------------------------------------------------------------------
    def _message(self, number: str) -> tuple[int, Any]:
        message = self.server.messages.get(number)
        if message is None or (message["channel_id"] == THREAD) != (self.query.get("thread_id") == THREAD):
            raise Refusal(404, 10008, "Unknown Message")
        if self.command == "GET":
            return 200, message
        if self.command == "DELETE":
            del self.server.messages[number]
            return 204, None
        if self.command != "PATCH":
            raise Refusal(405, 0, "405: Method Not Allowed")
        fields, files = self._read(flags=1 << 2)
        if "attachments" not in fields:
            files = [*self.server.files[number], *files]
        return 200, self._keep(number, message["channel_id"], fields, files)

    def _publish(self) -> tuple[int, Any]:
        thread = self.query.get("thread_id")
        if thread not in {None, THREAD}:
            raise Refusal(404, 10003, "Unknown Channel")
        if self.server.forum and not thread:
            said = "Webhooks posted to forum channels must have a thread_name or thread_id"
            raise Refusal(400, 220001, said)
        fields, files = self._read(flags=1 << 2 | 1 << 12)
        self.server.next_id += 1
        message = self._keep(str(self.server.next_id), thread or CHANNEL, fields, files)
        return (200, message) if self.query.get("wait") == "true" else (204, None)

    def _keep(self, number: str, channel: str, fields: dict[str, Any], files: list[bytes]) -> Any:
        content = fields.get("content") or ""
        if not content.strip() and not files:
            raise Refusal(400, 50006, "Cannot send an empty message")
        attached = [
            {"id": str(place), "filename": one["filename"], "description": one.get("description", "")}
            for place, one in enumerate(fields.get("attachments", []))
        ]
        self.server.files[number] = files
        self.server.messages[number] = {
            "id": number,
            "type": 0,
            "content": content.strip(),
            "channel_id": channel,
            "webhook_id": NUMBER,
            "attachments": attached,
            "embeds": [],
            "mention_everyone": False,
            "flags": fields.get("flags", 0),
            "timestamp": "2026-11-22T21:00:00.000000+00:00",
        }
        return self.server.messages[number]

    # --- What is checked --------------------------------------------------------------------------
    def _read(self, flags: int) -> tuple[dict[str, Any], list[bytes]]:
        kind = self.headers.get("Content-Type", "")
        files: dict[str, bytes] = {}
        if kind.startswith("application/json"):
            fields = json.loads(self.body)
        elif kind.startswith("multipart/form-data"):
            parsed: Any = BytesParser().parsebytes(
                b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body
            )
            fields = {}
            for part in parsed.get_payload():
                name, raw = (
                    part.get_param("name", header="content-disposition"),
                    part.get_payload(decode=True),
                )
                if part.get_filename():
                    files[name] = raw
                else:
                    assert name == "payload_json", name
                    fields = json.loads(raw)
        else:
            raise Refusal(400, 50109, "The request body contains invalid JSON.")
        # Discord would ping whom the text names; here nobody may be, ever.
        assert fields.get("allowed_mentions") == {"parse": []}
        if len(fields.get("content") or "") > 2000:
            raise bad_form("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
        if fields.get("flags", 0) & ~flags:
            raise bad_form("flags", "BITFIELD_INVALID", "Cannot use this flag.")
        return fields, self._files(fields.get("attachments", []), files)

    def _files(self, attachments: list[dict[str, Any]], files: dict[str, bytes]) -> list[bytes]:
        if len(attachments) > 10:
            raise bad_form("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
        if set(files) != {f"files[{one['id']}]" for one in attachments}:
            raise bad_form("attachments", "ATTACHMENT_NOT_FOUND", "Attachment data cannot be found.")
        for one in attachments:
            if len(one.get("description", "")) > 1024:
                raise bad_form("description", "BASE_TYPE_MAX_LENGTH", "Must be 1024 or fewer in length.")
        for content in files.values():
            if len(content) > 10 * 1024 * 1024:
                raise Refusal(413, 40005, "Request entity too large")
            assert content.startswith(_PICTURES)
        return [files[f"files[{one['id']}]"] for one in attachments]
