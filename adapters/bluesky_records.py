"""Records of a Bluesky repository: their names, their addresses, and what a post's record holds.

A record's key is a TID: 53 bits of microseconds and 10 bits of a clock id, in sortable base 32
(https://atproto.com/specs/tid). Here it is made of the moment of the first attempt and of the delivery's
key, never of the clock or of chance, so that every attempt names the same record, and writing it again
changes nothing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters.base import Content
from adapters.bluesky_text import as_record, is_handle
from adapters.validating import texts, tidy

POST = "app.bsky.feed.post"
# What a brand may say of its own pictures (com.atproto.label.defs#selfLabels), as the official client has it.
LABELS = ("sexual", "nudity", "porn", "graphic-media")

_SORTABLE = "234567abcdefghijklmnopqrstuvwxyz"
_TID = re.compile(rf"[234567abcdefghij][{_SORTABLE}]{{12}}")
_RKEY = re.compile(r"[A-Za-z0-9._:~-]{1,512}")
_DID = re.compile(r"did:[a-z]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._-]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# So many low bits of the microseconds are the key's own: about a second.
_OWN_BITS, _CLOCK_BITS = 20, 10

Ref = Mapping[str, str]


# --- Names ----------------------------------------------------------------------------------------
def tid(key: str, begun: datetime, place: int = 0) -> str:
    """The record key of a part of a thread. It lies in the second or two before `begun`, its last 30 bits
    are of the key's hash, and the parts follow each other, a microsecond apart."""
    own = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "big")
    clock, low = own & ((1 << _CLOCK_BITS) - 1), (own >> _CLOCK_BITS) & ((1 << _OWN_BITS) - 1)
    moment = (begun.astimezone(UTC) - _EPOCH) // timedelta(microseconds=1)
    # Never in the future: a network may refuse what has not happened yet.
    moment = ((moment >> _OWN_BITS) - 1 << _OWN_BITS) + low + place
    number = moment << _CLOCK_BITS | clock
    return "".join(_SORTABLE[number >> shift & 31] for shift in range(60, -1, -5))


def is_tid(text: str) -> bool:
    return bool(_TID.fullmatch(text))


def created_at(begun: datetime, place: int = 0) -> str:
    """What a part says of when it was made: a millisecond after the one before, whatever the attempt."""
    when = begun.astimezone(UTC) + timedelta(milliseconds=place)
    return when.isoformat(timespec="milliseconds").replace("+00:00", "Z")


# --- Addresses ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Address:
    """Where a post is: whose (a DID or a handle), and its record key."""

    whose: str
    rkey: str

    def __str__(self) -> str:
        return f"at://{self.whose}/{POST}/{self.rkey}"

    @classmethod
    def read(cls, reference: str) -> Address | None:
        """From `at://who/app.bsky.feed.post/key` or a page `https://bsky.app/profile/who/post/key`."""
        try:
            parts = urlsplit(reference.strip())
        except ValueError:
            return None
        steps = [unquote(step) for step in parts.path.strip("/").split("/")]
        if parts.scheme == "at" and len(steps) == 2 and steps[0] == POST:
            whose, rkey = parts.netloc, steps[1]
        elif parts.scheme == "https" and len(steps) == 4 and (steps[0], steps[2]) == ("profile", "post"):
            whose, rkey = steps[1], steps[3]
        else:
            return None
        known = _DID.fullmatch(whose) or is_handle(whose)
        return cls(whose, rkey) if known and _RKEY.fullmatch(rkey) else None


def page_of(handle: str, did: str, rkey: str) -> str:
    """The public address. A handle that no longer leads to the account is written `handle.invalid`."""
    return f"https://bsky.app/profile/{did if handle in {'', 'handle.invalid'} else handle}/post/{rkey}"


# --- What a payload says --------------------------------------------------------------------------
def card_of(content: Content) -> dict[str, str]:
    """The link's card, under the names of a payload's `body`; all empty without one. Pictures and a card
    exclude each other: beside pictures the link stays in the text."""
    link = tidy(content.link)
    if not link or content.media:
        return {"link": "", "link_title": "", "link_description": ""}
    title = tidy(content.options.get("link_title", "")) or _host_of(link)
    return {
        "link": link,
        "link_title": title,
        "link_description": tidy(content.options.get("link_description", "")),
    }


def _host_of(link: str) -> str:
    try:
        return (urlsplit(link).hostname or link).removeprefix("www.")
    except ValueError:
        return link


def texts_of(content: Content) -> list[str]:
    """The text of each part as it goes out. A link with a card needs no place in the text."""
    first, *rest = texts(content)
    return [tidy(content.text) if card_of(content)["link"] else first, *rest]


# --- What the network receives ----------------------------------------------------------------
def record_of(
    body: Mapping[str, Any],
    place: int,
    begun: datetime,
    dids: Mapping[str, str],
    blobs: Sequence[Mapping[str, Any]],
    reply: Mapping[str, Ref] | None,
) -> dict[str, Any]:
    """The record of one part: `blobs` as uploaded, in the order of its media."""
    part = body["parts"][place]
    record: dict[str, Any] = {
        "$type": POST,
        "text": part["text"],
        "createdAt": created_at(begun, place),
    }
    clickable = as_record(body["facets"][place], dids)
    embed = _images(part["media"], blobs) if part["media"] else _external(body, place)
    labels = {"$type": "com.atproto.label.defs#selfLabels", "values": [{"val": body["label"]}]}
    said = {
        "facets": clickable,
        "langs": [body["language"]] if body["language"] else [],
        "embed": embed,
        "labels": labels if body["label"] else None,
        "reply": reply,
    }
    return record | {name: value for name, value in said.items() if value}


def _external(body: Mapping[str, Any], place: int) -> dict[str, Any] | None:
    if place or not body["link"]:
        return None
    card = {"uri": body["link"], "title": body["link_title"], "description": body["link_description"]}
    return {"$type": "app.bsky.embed.external", "external": card}


def _images(media: Sequence[Mapping[str, Any]], blobs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    images = []
    for item, blob in zip(media, blobs, strict=True):
        image: dict[str, Any] = {"alt": item["alt"], "image": blob}
        if item["width"] > 0 and item["height"] > 0:
            image["aspectRatio"] = {"width": item["width"], "height": item["height"]}
        images.append(image)
    return {"$type": "app.bsky.embed.images", "images": images}


def says(record: Mapping[str, Any], body: Mapping[str, Any], place: int) -> bool:
    """Whether a record is this part: its text, its pictures' descriptions, its card. Mentions may have come
    to lead elsewhere since."""
    part = body["parts"][place]
    embed = record.get("embed")
    embed = embed if isinstance(embed, dict) else {}
    images, external = embed.get("images"), embed.get("external")
    alts = [
        item.get("alt") for item in (images if isinstance(images, list) else []) if isinstance(item, dict)
    ]
    card = external.get("uri") if isinstance(external, dict) else None
    expected = body["link"] if body["link"] and not place else None
    return (
        record.get("text") == part["text"]
        and alts == [item["alt"] for item in part["media"]]
        and card == expected
    )
