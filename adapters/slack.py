"""Slack: a bot that publishes in one channel, or an incoming webhook.

A bot's messages carry their key as metadata, by which they are found again in the channel's history; they can be
edited and deleted. A webhook is told `ok` and nothing else: what it published can be neither found nor changed, so
its receipt names no message and a person is asked. A text goes out as rich text of its very characters: nothing in it
is markup, nobody is pinged, and a link is unfurled only where that was approved. Pictures are not offered: Slack
takes them apart from their message, and shows them when it gets round to it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

from adapters import validating
from adapters.base import (
    AdapterError,
    AuthFailed,
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
from adapters.http import Answer, cannot_tell
from adapters.reading import folded
from adapters.slack_line import MISSING_SCOPE, NOT_ALLOWED, BotLine, WebhookLine, is_gone, is_webhook

_API, _HOOKS = "https://slack.com", "https://hooks.slack.com"
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{5,20}")
_MESSAGE = re.compile(r"([CGD][A-Z0-9]{5,20}):([0-9]{1,12}\.[0-9]{1,9})")
_LINK = re.compile(r"https?://[^\s<>\"“”«»|]+", re.IGNORECASE)
_AFTER_A_LINK = ".,;:!?…'’*_)]"
_SHOWN_LINK = re.compile(r"<(https?://[^>|]+)(?:\|[^>]*)?>")
_EVENT = "cm_queue_post"
_PAGE, _PAGES = 100, 5
# How far Slack's clock may be behind ours. What is looked for is known by its key, so more does no harm.
_CLOCKS = timedelta(minutes=10)
_OFF = {"", "0", "false"}

BAD_CHANNEL = gettext_noop("Give the channel's number (C…): it is the end of the channel's link.")
ASK_A_PERSON = gettext_noop(
    "A webhook cannot read what stands in a channel: look there whether the message was sent."
)
NO_MESSAGE = gettext_noop("A webhook cannot change or delete what it sent. Do it by hand in Slack.")
ONE_MESSAGE = gettext_noop("A message on Slack has one text and no pictures. Nothing was sent.")
TOO_MUCH = gettext_noop("The channel has so many messages since that the post was not found.")
NO_SCOPE = gettext_noop("The token may not write: give the bot the scope chat:write and reconnect.")
ARCHIVED = gettext_noop("The channel is archived: nothing can be published there.")


class Slack:
    """One bot in one channel, or one webhook."""

    network: ClassVar[str] = "slack"
    label: ClassVar[str] = "Slack"
    capabilities: ClassVar[Capabilities] = Capabilities(
        media=False,
        max_media=0,
        alt_text=False,
        edit=True,
        edit_keeps=("unfurl",),
        delete=True,
        read_back=True,
        # One message a second in a channel, and as many looks at its history.
        posts_per_minute=50,
        deletes_per_minute=50,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "channel",
            gettext_noop("Channel"),
            required=False,
            help=gettext_noop(
                "With a bot's token: the channel's number (C…), the end of its link. A webhook has its own channel."
            ),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop("Bot token, or address of an incoming webhook")
    options: ClassVar[Sequence[Option]] = (
        Option("unfurl", gettext_noop("Show a preview of links"), kind="flag"),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        # Slack cuts a text at 40,000, and edits none above 4,000.
        "max_characters": 4000,
        "max_media_attachments": 0,
        "supported_mime_types": [],
        "image_size_limit": 0,
        "image_matrix_limit": 0,
        "description_limit": 0,
        "workspace": "",
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        shared = {**own, **validating.ANY_LENGTH}
        found = validating.problems(content, shared, ())
        return [
            *(one for one in found if one.field not in {"media", "alt"}),
            *validating.not_offered(content, cls.capabilities),
            *_own_problems(content, cls.count(content, own)),
        ]

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        """As it is sent: `&`, `<` and `>` are written in several characters, and a link counts in full."""
        most = int({**cls.default_limits, **limits}["max_characters"])
        texts = validating.texts(content)
        return [Count(len(escaped(text)), most, part=place) for place, text in enumerate(texts)]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = {
            "parts": validating.parts(content),
            "unfurl": content.options.get("unfurl", "") not in _OFF,
        }
        return Payload(cls.network, channel, body, ("metadata",))

    def __init__(self, connection: Connection) -> None:
        self._limits = connection.limits
        # `base_url` is none of `settings`, so nobody can fill it in: it is there for tests.
        base_url = str(connection.settings.get("base_url") or "")
        self._hook: WebhookLine | None = None
        if is_webhook(connection.secret):
            self._hook = WebhookLine(connection.client, base_url or _HOOKS, connection.secret)
            return
        self._bot = BotLine(connection.client, base_url or _API, connection.secret)
        self._channel = str(connection.settings.get("channel") or "").strip().rstrip("/").rpartition("/")[2]
        if not _CHANNEL.fullmatch(self._channel):
            raise Rejected(BAD_CHANNEL)

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        message = _message(payload)
        unfurl = payload.body["unfurl"]
        message |= {"unfurl_links": unfurl, "unfurl_media": unfurl}
        if self._hook:
            self._hook.begin()
            self._hook.post(message, creates=True)
            return Receipt("", answer="ok")
        self._bot.begin()
        already = self._look_before(key, begun)
        if already:
            return already
        message |= {"channel": self._channel}
        message["metadata"] = {"event_type": _EVENT, "event_payload": {"key": key}}
        return self._receipt(self._bot.call("chat.postMessage", creates=True, json=message))

    def _look_before(self, key: str, begun: datetime) -> Receipt | None:
        """An earlier attempt's message. A bot that may not read the history sends without having looked: an
        unknown outcome is settled by a person then, and never leads here."""
        try:
            found = self._find(key, begun)
        except AuthFailed as error:
            if not error.detail.startswith(MISSING_SCOPE):
                raise
            return None
        return found if isinstance(found, Receipt) else None

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        message = _message(payload)
        channel, ts = self._where(receipt)
        self._bot.begin()
        answer = self._bot.call("chat.update", creates=True, json={"channel": channel, "ts": ts, **message})
        if answer.mapping().get("ts") != ts:
            raise answer.unclear()
        return receipt

    def retract(self, receipt: Receipt) -> None:
        channel, ts = self._where(receipt)
        self._bot.begin()
        try:
            self._bot.call("chat.delete", json={"channel": channel, "ts": ts})
        except Rejected as error:
            if not is_gone(error):
                raise

    def _where(self, receipt: Receipt) -> tuple[str, str]:
        found = None if self._hook else _MESSAGE.fullmatch(receipt.remote_id)
        if not found:
            raise Rejected(NO_MESSAGE)
        return found[1], found[2]

    def _receipt(self, answer: Answer) -> Receipt:
        said = answer.mapping()
        found = self._receipt_of(said, str(said.get("channel") or self._channel))
        if found is None:
            raise answer.unclear()
        return found

    def _receipt_of(self, message: Mapping[str, Any], channel: str) -> Receipt | None:
        """None for what is no message."""
        remote_id = f"{channel}:{message.get('ts')}"
        if not _MESSAGE.fullmatch(remote_id):
            return None
        workspace = str(self._limits.get("workspace") or _API)
        url = f"{workspace}/archives/{channel}/p{str(message['ts']).replace('.', '')}"
        return Receipt(remote_id, url, (remote_id,), f"ts {message['ts']}")

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        if self._hook:
            return CannotTell(ASK_A_PERSON)
        self._bot.begin()
        try:
            return self._find(key, begun)
        except AdapterError as error:
            return cannot_tell(error)

    def _find(self, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        """The message with this key among the channel's since then. Raises AdapterError."""
        query = {
            "channel": self._channel,
            "oldest": f"{(begun - _CLOCKS).timestamp():.6f}",
            "limit": str(_PAGE),
            "include_all_metadata": "true",
        }
        for _page in range(_PAGES):
            answer = self._bot.call("conversations.history", params=query)
            for message in _messages(answer):
                found = self._receipt_of(message, self._channel)
                if found and _key_of(message) == key:
                    return found
            more = answer.mapping().get("response_metadata")
            cursor = more.get("next_cursor") if isinstance(more, dict) else ""
            if not cursor:
                return NotFound()
            query["cursor"] = str(cursor)
        return CannotTell(TOO_MUCH)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        try:
            channel, ts = self._where(receipt)
            self._bot.begin()
            query = {"channel": channel, "oldest": ts, "latest": ts, "inclusive": "true", "limit": "1"}
            found = _messages(self._bot.call("conversations.history", params=query))
        except AdapterError as error:
            return cannot_tell(error)
        parts = payload.body["parts"]
        same = [one for one in found if one.get("ts") == ts and len(parts) == 1]
        return receipt if same and _says(same[0], parts[0]["text"]) else NotFound()

    def check(self) -> Health:
        try:
            if self._hook:
                return self._hook_health(self._hook)
            self._bot.begin()
            return self._bot_health()
        except AdapterError as error:
            return Health(False, problem=error.public)

    def _hook_health(self, hook: WebhookLine) -> Health:
        hook.begin()
        hook.knock()
        account = f"{_HOOKS}#{hook.team}/{hook.service}"
        return Health(True, account=account, handle=hook.service, limits=dict(self.default_limits))

    def _bot_health(self) -> Health:
        answer = self._bot.call("auth.test", json={})
        team, me = answer.text("team_id"), answer.mapping()
        scopes = {one.strip() for one in answer.headers.get("x-oauth-scopes", "").split(",") if one.strip()}
        room = self._room()
        name = str(room.get("name") or "")
        problem = NO_SCOPE if scopes and "chat:write" not in scopes else _trouble(room, scopes)
        workspace = _origin(str(me.get("url") or ""))
        return Health(
            not problem,
            account=f"{_API}#{team}/{self._channel}",
            handle=f"#{name}" if name else f"{me.get('user') or team} {self._channel}",
            url=f"{workspace or _API}/archives/{self._channel}",
            problem=problem,
            limits={**self.default_limits, "workspace": workspace},
        )

    def _room(self) -> Mapping[str, Any]:
        """What Slack tells of the channel; nothing, where the token may not ask."""
        try:
            room = self._bot.call("conversations.info", params={"channel": self._channel}).mapping()
        except AuthFailed as error:
            if not error.detail.startswith(MISSING_SCOPE):
                raise
            return {}
        found = room.get("channel")
        return found if isinstance(found, dict) else {}


# --- What goes out --------------------------------------------------------------------------------
def escaped(text: str) -> str:
    """Slack's three control characters written so that they are none."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _message(payload: Payload) -> dict[str, Any]:
    """`blocks` is what readers see; `text` is what a notification says, and what an edit is measured by."""
    parts: Sequence[Mapping[str, Any]] = payload.body["parts"]
    if len(parts) != 1 or parts[0]["media"]:
        raise Rejected(ONE_MESSAGE)
    section = {"type": "rich_text_section", "elements": list(_elements(parts[0]["text"]))}
    return {"text": escaped(parts[0]["text"]), "blocks": [{"type": "rich_text", "elements": [section]}]}


def _elements(text: str) -> Iterable[dict[str, str]]:
    end = 0
    for found in _LINK.finditer(text):
        address = found[0].rstrip(_AFTER_A_LINK)
        if end < found.start():
            yield {"type": "text", "text": text[end : found.start()]}
        yield {"type": "link", "url": address}
        end = found.start() + len(address)
    if end < len(text):
        yield {"type": "text", "text": text[end:]}


def _own_problems(content: Content, counts: Sequence[Count]) -> Iterable[Problem]:
    yield from validating.too_long(counts)
    if content.media and not validating.texts(content)[0]:
        message = gettext_noop("There is nothing to publish yet: write a text.")
        yield Problem("empty", "text", message, {"part": 1})


# --- What is there --------------------------------------------------------------------------------
def _messages(answer: Answer) -> list[Mapping[str, Any]]:
    found = answer.mapping().get("messages")
    if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
        raise answer.unclear()
    return found


def _key_of(message: Mapping[str, Any]) -> str:
    metadata = message.get("metadata")
    given = metadata.get("event_payload") if isinstance(metadata, dict) else None
    ours = isinstance(given, dict) and metadata is not None and metadata.get("event_type") == _EVENT
    return str(given.get("key") or "") if ours and given else ""


def _says(message: Mapping[str, Any], text: str) -> bool:
    shown = _SHOWN_LINK.sub(r"\1", str(message.get("text") or ""))
    plain = shown.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return folded(plain) == folded(text) and not message.get("files")


def _trouble(room: Mapping[str, Any], scopes: set[str]) -> str:
    if room.get("is_archived") is True:
        return ARCHIVED
    outside = room.get("is_member") is False and scopes and "chat:write.public" not in scopes
    return NOT_ALLOWED if outside else ""


def _origin(url: str) -> str:
    """`https://maison.slack.com` out of what Slack says its workspace is; empty for anything else."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    ours = parts.scheme == "https" and (parts.hostname or "").endswith(".slack.com")
    return f"https://{parts.hostname}" if ours else ""
