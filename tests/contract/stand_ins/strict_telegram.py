"""A small, strict Bot API: it refuses what Telegram refuses, in Telegram's words.

Written from core.telegram.org/bots/api (Making requests, ResponseParameters, sendMessage, sendPhoto,
sendMediaGroup, InputMediaPhoto, editMessageText, editMessageMedia, deleteMessage, getChatMember), from
core.telegram.org/bots/faq (limits), and for the words of its refusals and for counting in code points from the
sources of tdlib/telegram-bot-api (Client.cpp, Query.cpp) and tdlib/td (MessageContent.cpp: `utf8_length`).
"""

from __future__ import annotations

import json
import re
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from tests.contract.stand_ins.serving import StandIn

TOKEN = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw"
BOT = 110201543
CHAT = -1001234567890
NAME = "maison_lumiere"
_PICTURES = {b"\x89PNG": "png", b"\xff\xd8\xff": "jpeg", b"RIFF": "webp"}
NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current"
    " content and reply markup of the message"
)


class Refusal(Exception):
    def __init__(self, code: int, said: str, **parameters: int) -> None:
        self.code, self.said, self.parameters = code, said, parameters


class StrictTelegram(StandIn):
    """`errors_as_200`: some installations answer so; `member`: what getChatMember says of the bot."""

    def __init__(self) -> None:
        super().__init__(_Handler)
        self.messages: dict[int, dict[str, Any]] = {}
        self.too_old: set[int] = set()
        self.chat: dict[str, Any] = {"id": CHAT, "type": "channel", "title": "Maison", "username": NAME}
        self.member: dict[str, Any] = {"status": "administrator", "can_post_messages": True}
        self.moved_to = 0
        self.errors_as_200 = False
        self.next_id = 40

    def texts(self) -> list[dict[str, Any]]:
        return [{"text": one.get("text") or one.get("caption") or ""} for one in self.messages.values()]


class _Handler(BaseHTTPRequestHandler):
    server: StrictTelegram

    def log_message(self, *args: object) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            status, said = 200, {"ok": True, "result": self._result()}
        except Refusal as refusal:
            words = {401: "", 404: "", 403: "Forbidden: ", 429: ""}.get(refusal.code, "Bad Request: ")
            said = {"ok": False, "error_code": refusal.code, "description": words + refusal.said}
            if refusal.parameters:
                said["parameters"] = refusal.parameters
            status = 200 if self.server.errors_as_200 else refusal.code
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _result(self) -> Any:
        match = re.fullmatch(r"/bot(\d+:[\w-]{30,})/(\w+)", urlsplit(self.path).path)
        if not match or match[2].lower() not in _METHODS:
            raise Refusal(404, "Not Found")
        if match[1] != TOKEN:
            raise Refusal(401, "Unauthorized")
        self.fields, self.files = self._read()
        if "parse_mode" in self.fields:
            raise AssertionError("nothing is ever parsed as markup")
        return _METHODS[match[2].lower()](self)

    def _read(self) -> tuple[dict[str, Any], dict[str, bytes]]:
        kind = self.headers.get("Content-Type", "")
        if not self.body:
            return {}, {}
        if kind.startswith("application/json"):
            return json.loads(self.body), {}
        if not kind.startswith("multipart/form-data"):
            raise Refusal(400, "unsupported content type")
        parsed: Any = BytesParser().parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + self.body)
        fields: dict[str, Any] = {}
        files: dict[str, bytes] = {}
        for part in parsed.get_payload():
            name = part.get_param("name", header="content-disposition")
            raw = part.get_payload(decode=True)
            if part.get_filename():
                files[name] = raw
            else:
                text = raw.decode()
                read = name not in {"caption", "text", "chat_id"} or text.lstrip("-").isdigit()
                fields[name] = json.loads(text) if read else text
        return fields, files

    # --- Who and where ----------------------------------------------------------------------------
    def _get_me(self) -> Any:
        return {"id": BOT, "is_bot": True, "first_name": "Maison", "username": "maison_bot"}

    def _get_chat(self) -> Any:
        self._in_chat()
        return self.server.chat

    def _get_chat_member(self) -> Any:
        self._in_chat()
        if self.fields.get("user_id") != BOT:
            raise Refusal(400, "user not found")
        return {"user": self._get_me(), **self.server.member}

    def _in_chat(self) -> None:
        wanted = self.fields.get("chat_id")
        if self.server.moved_to:
            said = "group chat was upgraded to a supergroup chat"
            raise Refusal(400, said, migrate_to_chat_id=self.server.moved_to)
        if wanted != CHAT and str(wanted).lower() != f"@{NAME}":
            raise Refusal(400, "chat not found")

    def _may_post(self) -> None:
        self._in_chat()
        if self.server.member["status"] in {"kicked", "left"}:
            raise Refusal(403, "bot was kicked from the channel chat")
        if not self.server.member.get("can_post_messages"):
            raise Refusal(400, "need administrator rights in the channel chat")

    # --- Sending ----------------------------------------------------------------------------------
    def _send_message(self) -> Any:
        self._may_post()
        return self._kept({"text": self._text("text", 4096, "message"), "entities": self._entities("text")})

    def _send_photo(self) -> Any:
        self._may_post()
        self._picture("photo")
        return self._kept(self._captioned(self.fields), self.files["photo"])

    def _send_media_group(self) -> Any:
        self._may_post()
        media = self.fields.get("media")
        if not isinstance(media, list) or not 2 <= len(media) <= 10:
            raise Refusal(400, "wrong number of messages in the group")
        names = [str(item.get("media", "")).removeprefix("attach://") for item in media]
        for item, name in zip(media, names, strict=True):
            if item.get("type") != "photo" or not item["media"].startswith("attach://"):
                raise Refusal(400, "can't parse InputMedia")
            self._picture(name)
        kept = [self._captioned(item) for item in media]
        return [self._kept(one, self.files[name]) for one, name in zip(kept, names, strict=True)]

    def _edit_text(self) -> Any:
        message = self._to_edit()
        if "photo" in message:
            raise Refusal(400, "there is no text in the message to edit")
        new = {"text": self._text("text", 4096, "message"), "entities": self._entities("text")}
        if all(message[name] == value for name, value in new.items()):
            raise Refusal(400, NOT_MODIFIED)
        message |= new
        return self._shown(message)

    def _edit_media(self) -> Any:
        message, media = self._to_edit(), self.fields["media"]
        self._picture(media["media"].removeprefix("attach://"))
        message |= {"photo": self.files["photo"], "caption": "", **self._captioned(media)}
        return self._shown(message)

    def _to_edit(self) -> dict[str, Any]:
        self._in_chat()
        message = self.server.messages.get(self._int("message_id"))
        if message is None:
            raise Refusal(400, "message to edit not found")
        return message

    def _delete(self) -> Any:
        self._in_chat()
        number = self._int("message_id")
        if number not in self.server.messages:
            raise Refusal(400, "message to delete not found")
        if number in self.server.too_old:
            raise Refusal(400, "message can't be deleted")
        del self.server.messages[number]
        return True

    # --- What is checked --------------------------------------------------------------------------
    def _int(self, name: str) -> int:
        value = self.fields.get(name)
        if not isinstance(value, int) or isinstance(value, bool):
            raise Refusal(400, "message identifier is not specified")
        return value

    def _text(self, name: str, longest: int, what: str) -> str:
        text = self.fields.get(name, "")
        if not isinstance(text, str) or (name == "text" and not text.strip(" \n\u200b\u200d\u2800")):
            raise Refusal(400, "message text is empty")
        if len(text) > longest:
            raise Refusal(400, f"{what} is too long")
        return text

    def _entities(self, text_of: str, name: str = "entities") -> list[Any]:
        units = len(self.fields.get(text_of, "").encode("utf-16-le")) // 2
        return self._checked(self.fields.get(name, []), units)

    def _checked(self, entities: Any, units: int) -> list[Any]:
        for one in entities:
            if one["type"] not in {"bold", "italic"} or one["offset"] + one["length"] > units:
                raise Refusal(400, "can't parse entities")
        return list(entities)

    def _captioned(self, fields: dict[str, Any]) -> dict[str, Any]:
        caption = fields.get("caption", "")
        if len(caption) > 1024:
            raise Refusal(400, "message caption is too long")
        units = len(caption.encode("utf-16-le")) // 2
        return {"caption": caption, "entities": self._checked(fields.get("caption_entities", []), units)}

    def _picture(self, name: str) -> None:
        content = self.files.get(name)
        if content is None:
            raise Refusal(400, "there is no photo in the request")
        if len(content) > 10 * 1024 * 1024:
            raise Refusal(413, "Request Entity Too Large")
        if not any(content.startswith(start) for start in _PICTURES):
            raise Refusal(400, "IMAGE_PROCESS_FAILED")

    def _kept(self, message: dict[str, Any], photo: bytes = b"") -> dict[str, Any]:
        reply = self.fields.get("reply_parameters", {}).get("message_id", 0)
        if reply and reply not in self.server.messages:
            raise Refusal(400, "message to be replied not found")
        self.server.next_id += 1
        message |= {"message_id": self.server.next_id, "reply": reply}
        message |= {"silent": self.fields.get("disable_notification", False)}
        message |= {"preview": self.fields.get("link_preview_options")}
        if photo:
            message["photo"] = photo
        self.server.messages[self.server.next_id] = message
        return self._shown(message)

    def _shown(self, message: dict[str, Any]) -> dict[str, Any]:
        hidden = {"photo", "reply", "silent", "preview"}
        seen = {name: value for name, value in message.items() if name not in hidden}
        return {**seen, "date": 1_795_000_000, "chat": self.server.chat}


_METHODS = {
    "getme": _Handler._get_me,
    "getchat": _Handler._get_chat,
    "getchatmember": _Handler._get_chat_member,
    "sendmessage": _Handler._send_message,
    "sendphoto": _Handler._send_photo,
    "sendmediagroup": _Handler._send_media_group,
    "editmessagetext": _Handler._edit_text,
    "editmessagemedia": _Handler._edit_media,
    "deletemessage": _Handler._delete,
}
