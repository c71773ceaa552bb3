"""The brand's own Atom feed (RFC 4287), which this product serves itself.

Nothing leaves this machine: that the delivery counts as out is what puts it on the feed, which shows what is out and
nothing else (`cm_queue/feeding.py`). So an outcome is never unknown for long: what is not recorded as out is not on
the feed. An entry's id is a tag URI (RFC 4151) made of the brand's own host, of the moment of the first attempt and
of its key. It is kept with the delivery and never changes, wherever the feed is served.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from adapters import validating
from adapters.base import (
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
from adapters.counting import graphemes
from adapters.http import BAD_ADDRESS, checked_base_url
from adapters.media import approved_bytes, rules_of

_LINK = re.compile(r"https?://[^\s<>\"“”«»]+", re.IGNORECASE)
_AFTER_A_LINK = ".,;:!?…'’*_)]"
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_HOST = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
_HOST_MAX, _TITLE_MAX = 100, 80
# What XML 1.0 has no way to write, and C1 controls, which it has and nobody wants.
_UNWRITABLE = re.compile("[^\t\n\r\x20-\x7e\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ONE_ENTRY = gettext_noop("An entry of a feed has one text.")


class Atom:
    """One feed of one brand."""

    network: ClassVar[str] = "atom"
    label: ClassVar[str] = gettext_noop("Atom feed (served here)")
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_media=10,
        edit=True,
        delete=True,
        read_back=True,
        posts_per_minute=6000,
        deletes_per_minute=6000,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "site_url",
            gettext_noop("Address of the brand's site"),
            kind="url",
            help=gettext_noop(
                "Readers of the feed are led there, and its host names the entries: it cannot change later."
            ),
        ),
    )
    secret_label: ClassVar[str] = ""
    options: ClassVar[Sequence[Option]] = (
        Option("title", gettext_noop("Title"), help=gettext_noop("Without one, the beginning of the text.")),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        # A feed has no limits; these keep a slip of the keyboard off it.
        "max_characters": 50_000,
        "max_title_characters": 300,
        "max_media_attachments": 10,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        "image_size_limit": 16_777_216,
        "image_matrix_limit": 100_000_000,
        "description_limit": 1500,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        shared = {**own, **validating.ANY_LENGTH}
        return [
            *validating.problems(content, shared, ()),
            *validating.not_offered(content, cls.capabilities),
            *_length_problems(content, cls.count(content, own), int(own["max_title_characters"])),
            *_writing_problems(content),
        ]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        """A link counts as long as it is."""
        most = int({**cls.default_limits, **limits}["max_characters"])
        texts = validating.texts(content)
        return [Count(graphemes(text), most, part=place) for place, text in enumerate(texts)]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        """`content` is the entry's HTML; the pictures follow it there, each with its description."""
        parts = validating.parts(content)
        body = {
            "parts": parts,
            "title": _title_of(content),
            "content": _paragraphs(parts[0]["text"]),
            "link": content.link.strip(),
            "language": content.options.get("language", ""),
        }
        return Payload(cls.network, channel, body, ("id", "media_urls"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._site = checked_base_url(str(connection.settings.get("site_url", "")))
        self._host = authority(self._site)

    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._look_at(payload)
        entry = f"{tag(self._host, begun, self._connection.channel)}/{key}"
        return Receipt(entry, parts=(entry,), answer="on the feed")

    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound:
        """What nobody recorded as out is on no feed."""
        return NotFound()

    def retract(self, receipt: Receipt) -> None:
        """The feed shows nothing that is being taken back."""

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        self._look_at(payload)
        return receipt

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound:
        """A correction that nobody recorded as out is on no feed."""
        return NotFound()

    def check(self) -> Health:
        return Health(
            True,
            account=f"https://{self._host}#{self._connection.channel}",
            handle=self._host,
            url=self._site,
            limits=dict(self.default_limits),
        )

    def _look_at(self, payload: Payload) -> None:
        """The approved files are there, and it is one entry. Raises AdapterError."""
        if len(payload.body["parts"]) != 1:
            raise Rejected(ONE_ENTRY)
        for item in payload.body["parts"][0]["media"]:
            approved_bytes(self._connection, item)


# --- Names that never change ----------------------------------------------------------------------
def authority(site: str) -> str:
    """The host that names the feed and its entries, as a tag URI writes it. Raises Rejected."""
    try:
        host = (urlsplit(site).hostname or "").encode("idna").decode("ascii").lower()
    except (ValueError, UnicodeError):
        host = ""
    if not _HOST.fullmatch(host) or len(host) > _HOST_MAX:
        raise Rejected(BAD_ADDRESS)
    return host


def tag(host: str, since: datetime, channel: str) -> str:
    """`tag:maison.example,2026-11-22:channel`."""
    return f"tag:{host},{since.astimezone(UTC):%Y-%m-%d}:{channel}"


# --- What is wrong with a draft -------------------------------------------------------------------
def _length_problems(content: Content, counts: Sequence[Count], longest_title: int) -> Iterable[Problem]:
    yield from validating.too_long(counts)
    used = graphemes(validating.one_line(content.options.get("title", "")))
    if used > longest_title:
        over = {"used": used, "limit": longest_title, "over": used - longest_title}
        message = gettext_noop("The title is %(over)s characters too long: %(used)s of %(limit)s.")
        yield Problem("title_too_long", "title", message, over)


def _writing_problems(content: Content) -> Iterable[Problem]:
    """What XML has no way to write; the control characters of a text are said by all networks alike."""
    text = validating.texts(content)[0]
    if any(char in text for char in "\ufffe\uffff"):
        message = gettext_noop("The text contains a control character that nobody can see: remove it.")
        yield Problem("control_character", "text", message, {"part": 1})
    if _UNWRITABLE.search(validating.tidy(content.options.get("title", ""))):
        message = gettext_noop("The title contains a control character that nobody can see: remove it.")
        yield Problem("control_character", "title", message)
    for place, item in enumerate(content.media, start=1):
        if _UNWRITABLE.search(validating.tidy(item.alt)):
            message = gettext_noop(
                "The description of file %(position)s contains a control character: remove it."
            )
            yield Problem("control_character", "alt", message, {"position": place, "sha256": item.sha256})


def writable(text: str) -> str:
    """The text with a replacement character, in plain sight, for whatever XML cannot write."""
    return _UNWRITABLE.sub("\N{REPLACEMENT CHARACTER}", text)


# --- What an entry is made of ---------------------------------------------------------------------
def _title_of(content: Content) -> str:
    """The title that was given, else the beginning of the text, else what the first picture shows."""
    given = validating.one_line(content.options.get("title", ""))
    if given:
        return given
    shown = content.media[0].alt if content.media else ""
    first = validating.one_line((validating.texts(content)[0] or validating.tidy(shown)).partition("\n")[0])
    return first if len(first) <= _TITLE_MAX else first[:_TITLE_MAX].rsplit(" ", 1)[0] + "…"


def _paragraphs(text: str) -> str:
    """HTML of a plain text: nothing that a person typed is markup, a web address is a link."""
    blocks = (block.strip("\n") for block in _BLANK_LINE.split(text))
    return "\n".join(f"<p>{'<br>'.join(map(_inline, block.split(chr(10))))}</p>" for block in blocks if block)


def _inline(line: str) -> str:
    said, end = [], 0
    for found in _LINK.finditer(line):
        address = found[0].rstrip(_AFTER_A_LINK)
        said.append(html.escape(line[end : found.start()]))
        said.append(f'<a href="{html.escape(address)}">{html.escape(address)}</a>')
        end = found.start() + len(address)
    return "".join([*said, html.escape(line[end:])])
