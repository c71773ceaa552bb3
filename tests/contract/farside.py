"""One far side of an adapter as the contract tests see it, and what is sent to it.

A network's own `far_<network>.py` beside this file says how its far side is made: `NETWORK`, its key, and
`far(client, folder)`, a context manager that yields a `Far`. The suite over every network finds it by itself.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from adapters.base import (
    Adapter,
    AdapterError,
    Connection,
    Content,
    MediaItem,
    Payload,
    Permit,
    Receipt,
    nowhere,
)
from adapters.registry import adapter_for
from tests.contract.stand_ins.faulty_front import Fault, FaultyFront, Seen

# The smallest PNG: one transparent pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
PIXEL_SHA256 = hashlib.sha256(PIXEL).hexdigest()
CHANNEL = "maison-lumiere/test"


def image(alt: str = "Une lampe sur une table de chêne.") -> MediaItem:
    return MediaItem(PIXEL_SHA256, "image/png", alt, 1, 1, len(PIXEL))


def picture(shade: int) -> bytes:
    """One grey pixel, another one for every shade (0 to 255)."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        body = kind + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    head, pixel = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0), zlib.compress(bytes([0, shade]))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


PICTURES = {hashlib.sha256(one).hexdigest(): one for one in map(picture, range(40, 45))}


def five_images() -> tuple[MediaItem, ...]:
    """Five files, each another, each with a description of its own."""
    return tuple(
        MediaItem(sha256, "image/png", f"Vue numéro {place}", 1, 1, len(content))
        for place, (sha256, content) in enumerate(PICTURES.items(), start=1)
    )


def unique(text: str = "Aurore") -> str:
    """A text that no other test has published on a server that lives for the whole session."""
    return f"{text} {uuid.uuid4().hex}"


def a_moment_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


def permit_for(payload: Payload) -> Permit:
    return Permit(1, 1, payload.channel, "digest", payload.sha256)


def plain_error(status: int, words: str) -> bytes:
    """A refusal as Mastodon and its kin word it."""
    return json.dumps({"error": words}, ensure_ascii=False).encode()


def sent_strings(seen: Seen) -> list[str]:
    """Every string in a request's JSON."""

    def within(value: Any) -> list[str]:
        if isinstance(value, dict):
            value = list(value.values())
        if isinstance(value, list):
            return [said for one in value for said in within(one)]
        return [value] if isinstance(value, str) else []

    return within(json.loads(seen.body))


@dataclass
class Far:
    """One far side behind its faulty front, and how to look at it without the adapter.

    `create` is the path of the request (`method`) that makes a post public, `upload` that of a file; `settings`
    stand beside `base_url`; `options` are those without which a post is refused here.

    The rest is said only where a network differs. `secrets`: all that must never show, where `secret` has parts;
    `error`: how a refusal is worded; `meanings`: statuses that mean something else here when worded so;
    `says`: the texts in a request of `create`; `publishing_upload`: a file goes out with its post, in one
    request; `refuses_too_long`: the far side has the limits that the adapter counts by; `refuses_pictured`: with a
    picture too, whose address there does not count; `counts_code_points`: it counts so, and its network does not;
    `expired_secret`: one that the far side takes no longer, which the adapter cannot know
    (`capabilities.renews`); `duplicate`: how it says that it has this already; `knows_when`: a limit ends at a
    moment that is known without being told; `reference`: what `reply_to` wants of a receipt; `public_url`: where it
    fetches files by itself, and `fetched` those that it did; `opened`: a request's body, so that its words show.
    """

    network: str
    front: FaultyFront
    client: httpx.Client
    secret: str
    create: str
    upload: str
    list_posts: Callable[[], list[dict[str, Any]]]
    settings: dict[str, str] = field(default_factory=dict)
    server: Any = None
    method: str = "POST"
    options: dict[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    error: Callable[[int, str], bytes] = plain_error
    meanings: Mapping[int, type[AdapterError]] = field(default_factory=dict)
    says: Callable[[Seen], list[str]] = sent_strings
    publishing_upload: bool = False
    refuses_too_long: bool = True
    refuses_pictured: bool = True
    counts_code_points: bool = False
    expired_secret: str = ""
    duplicate: Fault | None = None
    knows_when: bool = False
    reference: Callable[[Receipt], str] = lambda receipt: receipt.remote_id
    public_url: Callable[[Mapping[str, Any]], str] = nowhere
    fetched: Callable[[], list[bytes]] = list
    opened: Callable[[Seen], bytes] = lambda seen: seen.body

    @property
    def kind(self) -> type[Adapter]:
        return adapter_for(self.network)

    @property
    def limits(self) -> dict[str, Any]:
        return dict(self.kind.default_limits)

    def adapter(self, **changes: Any) -> Adapter:
        values: dict[str, Any] = {
            "channel": CHANNEL,
            "settings": {"base_url": self.front.base_url, **self.settings},
            "limits": self.limits,
            "secret": self.secret,
            "client": self.client,
            "read_media": {PIXEL_SHA256: PIXEL, **PICTURES}.__getitem__,
            "public_url": self.public_url,
        }
        return self.kind(Connection(**{**values, **changes}))

    def content(self, text: str, media: tuple[MediaItem, ...] = (), **more: Any) -> Content:
        """A post that this network takes: without pictures where it has none."""
        media = media if self.kind.capabilities.media else ()
        return Content(text, media, options=self.options, **more)

    def render(self, content: Content) -> Payload:
        return self.kind.render(content, CHANNEL, self.limits)

    def publish(self, content: Content, key: str, begun: datetime | None = None) -> Any:
        payload = self.render(content)
        return self.adapter().publish(payload, permit_for(payload), key, begun or a_moment_ago())

    def look(self, content: Content, key: str, begun: datetime) -> Any:
        return self.adapter().reconcile(self.render(content), key, begun)

    def everything(self) -> bytes:
        """All that arrived there."""
        return b"".join([self.opened(seen) for seen in self.front.seen] + self.fetched())

    def shown(self, text: str) -> list[str]:
        """Those of the secrets that a text gives away."""
        return [one for one in self.secrets or (self.secret,) if one in text]

    def count(self, text: str) -> int:
        """How many public posts say this."""
        return sum(text in (post.get("content") or post.get("text", "")) for post in self.list_posts())
