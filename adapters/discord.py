"""Discord: one webhook, which publishes in one channel of a server.

There is no key that the network would recognise (`nonce` is for bots), and a webhook cannot list what stands in its
channel: whether a message whose answer was lost went out, a person has to look. A message of which the number is
known can be read, edited and deleted. A text is Discord's own Markdown, sent as it was approved; whatever it says,
nobody is pinged (`allowed_mentions`).
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from adapters import validating
from adapters.base import (
    AdapterError,
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
from adapters.discord_line import GONE, DiscordLine, is_gone
from adapters.http import Answer, cannot_tell
from adapters.media import approved_bytes, file_name, rules_of
from adapters.reading import folded

_DISCORD = "https://discord.com"
_SUPPRESS_EMBEDS, _SUPPRESS_NOTIFICATIONS = 1 << 2, 1 << 12
_OFF = {"", "0", "false"}
# Drawn as nothing, though Unicode does not count them among the spaces.
_BLANK = "\u2800\u3164\u115f\u1160\uffa0"

ASK_A_PERSON = gettext_noop(
    "A webhook cannot read what stands in a channel: look there whether the message was sent."
)
ONE_MESSAGE = gettext_noop("A message on Discord has one text. Nothing was sent.")


class Discord:
    """One webhook."""

    network: ClassVar[str] = "discord"
    label: ClassVar[str] = "Discord"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_media=10,
        edit=True,
        edit_keeps=("thread_id", "silent"),
        delete=True,
        # What a channel takes from webhooks; the headers say more exactly, and are obeyed.
        posts_per_minute=30,
        deletes_per_minute=30,
    )
    settings: ClassVar[Sequence[Setting]] = ()
    secret_label: ClassVar[str] = gettext_noop("Address of the webhook")
    options: ClassVar[Sequence[Option]] = (
        Option(
            "thread_id",
            gettext_noop("Thread"),
            help=gettext_noop("The number of a thread of this channel; needed where the channel is a forum."),
        ),
        Option("silent", gettext_noop("Send without a sound"), kind="flag"),
        Option("suppress_embeds", gettext_noop("No preview of links"), kind="flag"),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 2000,
        "max_media_attachments": 10,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        # For each file. Since September 2026 a server takes twice as much; before that, and in older copies of
        # the documentation, this.
        "image_size_limit": 10_485_760,
        "image_matrix_limit": 100_000_000,
        "description_limit": 1024,
        "guild_id": "",
    }
    # What is counted otherwise here, so that the checks shared with other networks stay silent about it.
    _SHARED: ClassVar[Mapping[str, Any]] = {
        **validating.ANY_LENGTH,
        "description_limit": 10**9,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        return [
            *validating.problems(content, {**own, **cls._SHARED}, ()),
            *validating.not_offered(content, cls.capabilities),
            *validating.too_long(cls.count(content, own)),
            *_alt_problems(content, int(own["description_limit"])),
            *_thread_problems(content),
        ]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        """In code points: an emoji of several is several, and a link counts in full."""
        most = int({**cls.default_limits, **limits}["max_characters"])
        texts = validating.texts(content)
        return [Count(len(text), most, part=place) for place, text in enumerate(texts)]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = {
            "parts": validating.parts(content),
            "thread_id": content.options.get("thread_id", "").strip(),
            "silent": content.options.get("silent", "") not in _OFF,
            "suppress_embeds": content.options.get("suppress_embeds", "") not in _OFF,
        }
        return Payload(cls.network, channel, body, ("attachments",))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        # `base_url` is none of `settings`, so nobody can fill it in: it is there for tests.
        base_url = str(connection.settings.get("base_url") or _DISCORD)
        self._line = DiscordLine(connection.client, base_url, connection.secret)

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        request = self._request(payload.body, _only_part(payload), publishing=True)
        guild = str(self._connection.limits.get("guild_id") or "") or self._guild()
        query = {"wait": "true", **_thread(payload.body["thread_id"])}
        answer = self._line.call("POST", creates=True, params=query, **request)
        message_id = _id_of(answer)
        return _receipt(answer, message_id, payload.body["thread_id"], guild)

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        thread, message_id = _where(receipt)
        request = self._request(payload.body, _only_part(payload), publishing=False)
        path, query = f"/messages/{message_id}", _thread(thread)
        answer = self._line.call("PATCH", path, creates=True, params=query, **request)
        if _id_of(answer) != message_id:
            raise answer.unclear()
        return receipt

    def retract(self, receipt: Receipt) -> None:
        self._line.begin()
        thread, message_id = _where(receipt)
        try:
            self._line.call("DELETE", f"/messages/{message_id}", params=_thread(thread))
        except Rejected as error:
            if not is_gone(error):
                raise

    def _request(
        self, body: Mapping[str, Any], part: Mapping[str, Any], *, publishing: bool
    ) -> dict[str, Any]:
        """JSON, or with pictures a form. An edit names the attachments that stay: none but those it brings."""
        flags = _SUPPRESS_EMBEDS if body["suppress_embeds"] else 0
        if publishing and body["silent"]:
            flags |= _SUPPRESS_NOTIFICATIONS
        said: dict[str, Any] = {
            "content": part["text"],
            "allowed_mentions": {"parse": []},
            "flags": flags,
            "attachments": [
                {"id": place, "filename": file_name(item), "description": item["alt"]}
                for place, item in enumerate(part["media"])
            ],
        }
        if not part["media"]:
            return {"json": said}
        files = {
            f"files[{place}]": (file_name(item), approved_bytes(self._connection, item), item["mime"])
            for place, item in enumerate(part["media"])
        }
        return {"data": {"payload_json": json.dumps(said, ensure_ascii=False)}, "files": files}

    def _guild(self) -> str:
        """The server's number, which a message's address needs and its answer does not tell."""
        return str(self._line.call("GET").mapping().get("guild_id") or "")

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        return CannotTell(ASK_A_PERSON)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        thread, message_id = _where(receipt)
        parts = payload.body["parts"]
        try:
            message = self._line.call("GET", f"/messages/{message_id}", params=_thread(thread)).mapping()
        except AdapterError as error:
            return NotFound() if is_gone(error) else cannot_tell(error)
        # A picture cannot be told from another with the same description: that counts as not there.
        if len(parts) != 1 or parts[0]["media"] or message.get("attachments"):
            return NotFound()
        return receipt if _says(message, payload.body, parts[0]["text"]) else NotFound()

    def check(self) -> Health:
        self._line.begin()
        try:
            answer = self._line.call("GET")
            number, me = answer.text("id"), answer.mapping()
        except AdapterError as error:
            return Health(False, problem=error.public)
        guild, channel = str(me.get("guild_id") or ""), str(me.get("channel_id") or "")
        return Health(
            True,
            account=f"{_DISCORD}#{number}",
            handle=str(me.get("name") or number),
            url=f"{_DISCORD}/channels/{guild}/{channel}" if guild and channel else "",
            limits={**self.default_limits, "guild_id": guild},
        )


# --- What is wrong with a draft -------------------------------------------------------------------
def _alt_problems(content: Content, longest: int) -> Iterable[Problem]:
    for place, item in enumerate(content.media, start=1):
        used = len(validating.tidy(item.alt))
        if used > longest:
            message = gettext_noop(
                "The description of file %(position)s is too long: %(used)s of %(limit)s characters."
            )
            which = {"position": place, "sha256": item.sha256, "used": used, "limit": longest}
            yield Problem("alt_too_long", "alt", message, which)


def _thread_problems(content: Content) -> Iterable[Problem]:
    thread = content.options.get("thread_id", "").strip()
    if thread and not _is_number(thread):
        message = gettext_noop("Give the number of the thread: the last one in its address.")
        yield Problem("thread_unknown", "thread_id", message)
    text = validating.texts(content)[0]
    if text and not content.media and not any(map(_is_seen, text)):
        message = gettext_noop("There is nothing to publish yet: write a text.")
        yield Problem("empty", "text", message, {"part": 1})


def _is_seen(char: str) -> bool:
    return char not in _BLANK and unicodedata.category(char) not in {"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"}


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 20


# --- What goes out, and where it is ---------------------------------------------------------------
def _only_part(payload: Payload) -> Mapping[str, Any]:
    parts: Sequence[Mapping[str, Any]] = payload.body["parts"]
    if len(parts) != 1 or (payload.body["thread_id"] and not _is_number(payload.body["thread_id"])):
        raise Rejected(ONE_MESSAGE)
    return parts[0]


def _thread(number: str) -> dict[str, str]:
    return {"thread_id": number} if number else {}


def _where(receipt: Receipt) -> tuple[str, str]:
    """The thread's number, empty for none, and the message's."""
    thread, _, message_id = receipt.remote_id.rpartition("/")
    if not _is_number(message_id) or (thread and not _is_number(thread)):
        raise Rejected(GONE)
    return thread, message_id


def _id_of(answer: Answer) -> str:
    found = answer.text("id")
    if not _is_number(found):
        raise answer.unclear()
    return found


def _receipt(answer: Answer, message_id: str, thread: str, guild: str) -> Receipt:
    channel = str(answer.mapping().get("channel_id") or thread)
    remote_id = f"{thread}/{message_id}" if thread else message_id
    url = f"{_DISCORD}/channels/{guild}/{channel}/{message_id}" if guild and _is_number(channel) else ""
    return Receipt(remote_id, url, (remote_id,), f"message {message_id}")


def _says(message: Mapping[str, Any], body: Mapping[str, Any], text: str) -> bool:
    flags = message.get("flags")
    hidden = bool(flags & _SUPPRESS_EMBEDS) if isinstance(flags, int) else False
    return folded(str(message.get("content") or "")) == folded(text) and hidden is body["suppress_embeds"]
