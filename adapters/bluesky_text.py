"""Reading a text as Bluesky does: its two lengths, and the links, mentions and hashtags in it.

Bluesky knows no markup: what can be clicked is said beside the text, as ranges of its UTF-8 bytes
(`app.bsky.richtext.facet`). The rules for what is a mention, a hashtag or the end of a link follow the
official client (`@atproto/api`, rich-text/detection). Two knowing differences: a domain without `https://`
is no link here (without a list of top-level domains, `rapport.pdf` would be one), and `@somebody@server` is
no mention, being an address of another network.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

import regex

from adapters.counting import graphemes

# Without width, and no white space, yet they end a word: zero-width spaces and direction marks.
_INVISIBLE = r"\u00AD\u200A-\u200F\u202A-\u202E\u2060\u2066-\u2069\uFEFF"
_BRACKETS = r"<>\"«»“”„。、，！？：；（）「」『』【】《》"
_LINK = regex.compile(rf"(?<![A-Za-z0-9_@#/.-])https?://[^\s{_INVISIBLE}{_BRACKETS}]+", regex.IGNORECASE)
_LINK_ENDS_NOT_IN = ".,;:!?'’…*_~]}،؛؟۔"
_MENTION = regex.compile(r"(?<![^\s(])@(?P<handle>[a-zA-Z0-9.-]++)(?![\w@])")
_HANDLE = regex.compile(
    r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?", regex.IGNORECASE
)
_HANDLE_MAX = 253
_TAG = regex.compile(r"(?<!\S)[#＃](?P<tag>(?!\uFE0F)[^\s\u00AD\u2060\u200A-\u200D\u20E2\u20E3]+)")
_LAST_PUNCTUATION = regex.compile(r"\p{P}+$")
_SAYS_SOMETHING = regex.compile(r"[^\d\p{P}]")
# `app.bsky.richtext.facet#tag`
_TAG_GRAPHEMES, _TAG_BYTES = 64, 640


@dataclass(frozen=True, slots=True)
class Facet:
    """The bytes `start` to `end` of a text, and what they are. `value` is the address of a link, the tag
    without its sign, or the handle of a mention: whose it is, only the network knows."""

    start: int
    end: int
    kind: Literal["link", "mention", "tag"]
    value: str

    def as_json(self) -> dict[str, Any]:
        return {"start": self.start, "end": self.end, "kind": self.kind, "value": self.value}


def size(text: str) -> tuple[int, int]:
    """Graphemes and UTF-8 bytes: Bluesky limits both."""
    return graphemes(text), len(text.encode())


def is_handle(text: str) -> bool:
    """A domain name, as https://atproto.com/specs/handle has it."""
    return len(text) <= _HANDLE_MAX and bool(_HANDLE.fullmatch(text))


def facets(text: str) -> list[Facet]:
    """What of a text can be clicked, in its order; no two overlap, and a link comes before what is in it."""
    found: list[Facet] = []
    for start, end, kind, value in (*_links(text), *_mentions(text), *_tags(text)):
        first = len(text[:start].encode())
        last = first + len(text[start:end].encode())
        if all(last <= other.start or first >= other.end for other in found):
            found.append(Facet(first, last, kind, value))
    return sorted(found, key=lambda facet: facet.start)


_Found = Iterator[tuple[int, int, Literal["link", "mention", "tag"], str]]


def _links(text: str) -> _Found:
    for match in _LINK.finditer(text):
        address = _without_what_follows(match[0])
        if _leads_somewhere(address):
            yield match.start(), match.start() + len(address), "link", address


def _without_what_follows(address: str) -> str:
    """A sentence goes on after a link; a closing bracket belongs to it only if it opened in it."""
    while address:
        if address[-1] in _LINK_ENDS_NOT_IN or (
            address[-1] == ")" and address.count(")") > address.count("(")
        ):
            address = address[:-1]
        else:
            break
    return address


def _leads_somewhere(address: str) -> bool:
    try:
        host = urlsplit(address).hostname or ""
    except ValueError:
        return False
    return "." in host.strip(".")


def _mentions(text: str) -> _Found:
    for match in _MENTION.finditer(text):
        handle = match["handle"].rstrip(".-")
        if is_handle(handle):
            yield match.start(), match.start() + 1 + len(handle), "mention", handle.lower()


def _tags(text: str) -> _Found:
    for match in _TAG.finditer(text):
        tag = _LAST_PUNCTUATION.sub("", match["tag"])
        used, weight = size(tag)
        if _SAYS_SOMETHING.search(tag) and used <= _TAG_GRAPHEMES and weight <= _TAG_BYTES:
            yield match.start(), match.start() + 1 + len(tag), "tag", tag


def as_record(found: list[Mapping[str, Any]], dids: Mapping[str, str]) -> list[dict[str, Any]]:
    """Facets of a payload as the network takes them. A mention of nobody (its handle is not among `dids`)
    stays plain text, as with the official client."""
    return [
        {
            "index": {"byteStart": one["start"], "byteEnd": one["end"]},
            "features": [_feature(one["kind"], one["value"], dids)],
        }
        for one in found
        if one["kind"] != "mention" or one["value"] in dids
    ]


def _feature(kind: str, value: str, dids: Mapping[str, str]) -> dict[str, str]:
    name, said = {
        "link": ("uri", value),
        "tag": ("tag", value),
        "mention": ("did", dids.get(value, "")),
    }[kind]
    return {"$type": f"app.bsky.richtext.facet#{kind}", name: said}
