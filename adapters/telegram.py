"""Telegram: a bot that publishes in one channel or group, over the Bot API.

There is no key that the network would recognise, and a bot cannot read what stands in a chat: whether a
message whose answer was lost went out, a person has to look. A message goes out in one request, its pictures
with it. Pictures have no description there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from adapters import telegram_text as reading
from adapters import validating
from adapters.base import (
    AdapterError,
    Ambiguous,
    CannotTell,
    Capabilities,
    Connection,
    Content,
    Count,
    Health,
    NotFound,
    Option,
    Payload,
    Permit,
    Problem,
    Receipt,
    Rejected,
    Setting,
    gettext_noop,
)
from adapters.media import approved_bytes, file_name, rules_of
from adapters.telegram_line import NOT_ALLOWED, TelegramLine, says, unclear

_API = "https://api.telegram.org"
_NOT_MODIFIED = "message is not modified"
_GONE = ("message to delete not found", "message identifier is not specified", "message_id_invalid")
_TOO_LATE = ("message can't be deleted",)
_NO_LONGER = ("message can't be edited", "message to edit not found")

BAD_CHAT = gettext_noop("The chat must be @its_name or its number. Correct the channel's settings.")
ASK_A_PERSON = gettext_noop(
    "A bot cannot read what stands in a chat: look there whether the message was sent."
)
ONE_MESSAGE = gettext_noop("A message on Telegram has one text. Nothing was sent.")
OTHER_NUMBER = gettext_noop("A correction must have as many pictures as the message that is out.")
PARTLY_CORRECTED = gettext_noop("Only some of the pictures were corrected.")
TOO_LATE = gettext_noop(
    "Telegram does not let the bot delete this message: it may be older than 48 hours, or the bot lacks the"
    " right. Delete it by hand."
)
NOT_EDITABLE = gettext_noop("Telegram does not let the bot edit this message any more.")


class Telegram:
    """One bot in one chat."""

    network: ClassVar[str] = "telegram"
    label: ClassVar[str] = "Telegram"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_media=10,
        alt_text=False,
        edit=True,
        edit_keeps=("reply_to", "disable_notification"),
        delete=True,
        reply=True,
        # What a group takes; a channel takes more, but one message a second.
        posts_per_minute=20,
        deletes_per_minute=20,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "chat",
            gettext_noop("Channel or group"),
            help=gettext_noop("@its_name, or its number (-100…). The bot must be an administrator there."),
        ),
        Setting(
            "base_url",
            gettext_noop("Address of the Bot API"),
            required=False,
            kind="url",
            help=gettext_noop("Leave empty unless you run a Bot API server of your own."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop("Bot token")
    options: ClassVar[Sequence[Option]] = (
        Option("title", gettext_noop("Headline"), help=gettext_noop("A line in bold before the text.")),
        Option("disable_notification", gettext_noop("Send without a sound"), kind="flag"),
        Option(
            "link_preview",
            gettext_noop("Preview of a link"),
            kind="choice",
            choices=(
                ("", gettext_noop("As Telegram chooses")),
                ("none", gettext_noop("None")),
                ("small", gettext_noop("With a small picture")),
                ("large", gettext_noop("With a large picture")),
            ),
        ),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 4096,
        "max_caption": 1024,
        "max_media_attachments": 10,
        "supported_mime_types": ["image/jpeg", "image/png", "image/webp"],
        "image_size_limit": 10_485_760,
        "image_sides_sum": 10_000,
        "image_ratio": 20,
        "chat_id": "",
        "username": "",
    }
    # What is counted otherwise here, so that the checks shared with other networks stay silent about it.
    _SHARED: ClassVar[Mapping[str, Any]] = {
        "characters_reserved_per_url": 23,
        "image_matrix_limit": 10**12,
        "description_limit": 10**9,
        "max_characters": 10**9,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        shared = validating.problems(content, {**own, **cls._SHARED}, ())
        return [
            *(problem for problem in shared if problem.field != "alt"),
            *validating.not_offered(content, cls.capabilities),
            *reading.length_problems(content, own),
            *reading.picture_problems(content, own),
            *reading.option_problems(content),
            *reading.reply_problems(content, own),
        ]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        return reading.counts(content, {**cls.default_limits, **limits})

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        parts = [
            {**part, "text": text}
            for part, text in zip(validating.parts(content), reading.texts(content), strict=True)
        ]
        body = {
            "parts": parts,
            "entities": reading.entities(content),
            "disable_notification": content.options.get("disable_notification", "") not in {"", "0", "false"},
            "link_preview": content.options.get("link_preview", ""),
            "reply_to": reading.reply_target(content.reply_to),
        }
        return Payload(cls.network, channel, body, ("chat_id", "attachments"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        base_url = str(connection.settings.get("base_url") or _API)
        self._line = TelegramLine(connection.client, base_url, connection.secret)
        chat = reading.chat_id(str(connection.settings.get("chat", "")))
        if chat is None:
            raise Rejected(BAD_CHAT)
        self._chat = chat

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        part = _only_part(payload)
        fields = {"chat_id": self._chat, "disable_notification": payload.body["disable_notification"]}
        if payload.body["reply_to"]:
            fields["reply_parameters"] = {"message_id": _number(payload.body["reply_to"])}
        if not part["media"]:
            request: dict[str, Any] = {"json": {**fields, **_text(payload.body, part)}}
            return self._sent("sendMessage", 1, request)
        files = self._files(part)
        if len(files) == 1:
            form = {**fields, **_caption(payload.body, part)}
            return self._sent("sendPhoto", 1, {"data": _form(form), "files": {"photo": files[0]}})
        fields["media"] = [
            {"type": "photo", "media": f"attach://photo{place}"} | _caption(payload.body, part, place)
            for place in range(len(files))
        ]
        attached = {f"photo{place}": file for place, file in enumerate(files)}
        return self._sent("sendMediaGroup", len(files), {"data": _form(fields), "files": attached})

    def _sent(self, method: str, expected: int, request: Mapping[str, Any]) -> Receipt:
        result = self._line.call(method, creates=True, **request)
        messages = result if isinstance(result, list) else [result]
        ids = [_id_of(message) for message in messages]
        if len(ids) != expected or not all(ids):
            raise unclear(creates=True)
        return _receipt(messages[0], ids)

    def _files(self, part: Mapping[str, Any]) -> list[tuple[str, bytes, str]]:
        return [
            (file_name(item), approved_bytes(self._connection, item), item["mime"]) for item in part["media"]
        ]

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        part, ids = _only_part(payload), receipt.parts or (receipt.remote_id,)
        if len(ids) != max(1, len(part["media"])):
            raise Rejected(OTHER_NUMBER)
        newest: Mapping[str, Any] = {}
        for place, (method, request) in enumerate(self._edits(ids, payload.body, part)):
            try:
                changed = self._line.call(method, creates=True, **request)
                if not _id_of(changed):
                    raise unclear(creates=True)
                newest = newest or changed
            except AdapterError as error:
                if says(error, _NOT_MODIFIED):
                    continue
                if place:
                    detail = error.detail or error.public
                    raise Ambiguous(PARTLY_CORRECTED, status=error.status, detail=detail) from None
                if says(error, *_NO_LONGER):
                    raise Rejected(NOT_EDITABLE, status=error.status, detail=error.detail) from None
                raise
        return _receipt(newest, list(ids)) if newest else receipt

    def _edits(
        self, ids: Sequence[str], body: Mapping[str, Any], part: Mapping[str, Any]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """One request for each message. A picture goes out again with its text, since what stands there now
        may be another one."""
        if not part["media"]:
            fields = {"chat_id": self._chat, "message_id": _number(ids[0]), **_text(body, part)}
            yield "editMessageText", {"json": fields}
            return
        for place, (message_id, file) in enumerate(zip(ids, self._files(part), strict=True)):
            media = {"type": "photo", "media": "attach://photo"} | _caption(body, part, place)
            fields = {"chat_id": self._chat, "message_id": _number(message_id), "media": media}
            yield "editMessageMedia", {"data": _form(fields), "files": {"photo": file}}

    def retract(self, receipt: Receipt) -> None:
        self._line.begin()
        for message_id in reversed(receipt.parts or (receipt.remote_id,)):
            fields = {"chat_id": self._chat, "message_id": _number(message_id)}
            try:
                self._line.call("deleteMessage", json=fields)
            except Rejected as error:
                if says(error, *_GONE):
                    continue
                if says(error, *_TOO_LATE):
                    raise Rejected(TOO_LATE, status=error.status, detail=error.detail) from None
                raise

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        return CannotTell(ASK_A_PERSON)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        """It cannot be seen, and the same correction once more changes nothing."""
        return NotFound()

    def check(self) -> Health:
        self._line.begin()
        try:
            me = self._line.call("getMe")
            chat = self._line.call("getChat", json={"chat_id": self._chat})
            if not isinstance(me, dict) or not isinstance(chat, dict) or not _has_id(me, chat):
                raise unclear(creates=False)
            member = self._line.call("getChatMember", json={"chat_id": chat["id"], "user_id": me["id"]})
        except AdapterError as error:
            return Health(False, problem=error.public)
        name = str(chat.get("username") or "")
        problem = "" if isinstance(member, dict) and _may_post(chat, member) else NOT_ALLOWED
        return Health(
            not problem,
            account=f"https://t.me#{chat['id']}",
            handle=f"@{name}" if name else str(chat.get("title") or chat["id"]),
            url=f"https://t.me/{name}" if name else "",
            problem=problem,
            limits={**self.default_limits, "chat_id": str(chat["id"]), "username": name},
        )


def _only_part(payload: Payload) -> Mapping[str, Any]:
    parts: Sequence[Mapping[str, Any]] = payload.body["parts"]
    if len(parts) != 1:
        raise Rejected(ONE_MESSAGE)
    return parts[0]


def _text(body: Mapping[str, Any], part: Mapping[str, Any]) -> dict[str, Any]:
    preview = {"none": {"is_disabled": True}, "small": {"prefer_small_media": True}}
    preview["large"] = {"prefer_large_media": True}
    chosen = preview.get(body["link_preview"])
    said = {"text": part["text"], "entities": body["entities"]}
    return {**said, "link_preview_options": chosen} if chosen else said


def _caption(body: Mapping[str, Any], part: Mapping[str, Any], place: int = 0) -> dict[str, Any]:
    """The text stands under the first picture: an album shows it under all of them then."""
    if place or not part["text"]:
        return {}
    return {"caption": part["text"], "caption_entities": body["entities"]}


def _form(fields: Mapping[str, Any]) -> dict[str, str]:
    """As a multipart form wants them: what is no text is written as JSON."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in fields.items()}


def _number(message_id: str) -> int:
    if not message_id.isascii() or not message_id.isdigit():
        raise Rejected(gettext_noop("Give the address of the post to reply to, or its number."))
    return int(message_id)


def _id_of(message: object) -> str:
    """The message's number, empty for what is no message."""
    found = message.get("message_id") if isinstance(message, dict) else None
    return str(found) if isinstance(found, int) and not isinstance(found, bool) and found > 0 else ""


def _receipt(message: Mapping[str, Any], ids: Sequence[str]) -> Receipt:
    chat = message.get("chat")
    chat = chat if isinstance(chat, dict) else {}
    return Receipt(ids[0], reading.link_to(chat, ids[0]), tuple(ids), f"message {ids[0]}")


def _has_id(*things: Mapping[str, Any]) -> bool:
    return all(isinstance(thing.get("id"), int) for thing in things)


def _may_post(chat: Mapping[str, Any], member: Mapping[str, Any]) -> bool:
    status, allowed = member.get("status"), chat.get("permissions")
    if chat.get("type") == "channel":
        return status == "creator" or (status == "administrator" and member.get("can_post_messages") is True)
    if status == "restricted":
        return member.get("can_send_messages") is True
    if status == "member":
        return not isinstance(allowed, dict) or allowed.get("can_send_messages") is not False
    return status in {"creator", "administrator"}
