"""What a PDS objects to in an `app.bsky.feed.post`, after the lexicons and their validators.

Written from github.com/bluesky-social/atproto, lexicons/app/bsky/{feed/post,richtext/facet,embed/images,
embed/external,embed/defs}.json, lexicons/com/atproto/{label/defs,repo/strongRef}.json, packages/lexicon/src/
validators/{primitives,formats}.ts, and https://atproto.com/specs/{tid,record-key,did,data-model}. Stricter in
two things: a facet must cut the text between two characters, and a field of no lexicon is refused.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any

import regex

POST = "app.bsky.feed.post"
TID = re.compile(r"[234567abcdefghij][234567abcdefghijklmnopqrstuvwxyz]{12}")
DID = re.compile(r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]")
AT_URI = re.compile(rf"at://{DID.pattern}/[a-zA-Z0-9.]+/[A-Za-z0-9._:~-]+")
CID = re.compile(r"b[a-z2-7]{50,}")
URI = re.compile(r"\w+:(?://)?[^\s/][^\s]*")
LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
BLOB_MAX = 2_000_000


class Wrong(Exception):
    """The record is refused; the text is the validator's."""


def demand(condition: object, message: str) -> None:
    if not condition:
        raise Wrong(f"Invalid {POST} record: {message}")


def _fields(thing: Any, path: str, required: set[str], optional: set[str]) -> None:
    demand(isinstance(thing, dict), f"{path} must be an object")
    missing = required - set(thing)
    demand(not missing, f'{path} must have the property "{"".join(sorted(missing)[:1])}"')
    unknown = set(thing) - required - optional
    demand(not unknown, f"{path} has unknown fields: {', '.join(sorted(unknown))}")


def _whole(value: Any, path: str, least: int) -> None:
    demand(type(value) is int and value >= least, f"{path} must be an integer of at least {least}")


def check(record: Any, blobs: dict[str, dict]) -> None:
    """Raises Wrong. `blobs`: what was uploaded, by its link."""
    optional = {"facets", "langs", "embed", "labels", "reply"}
    _fields(record, "Record", {"$type", "text", "createdAt"}, optional)
    demand(record["$type"] == POST, f"Record/$type must be {POST}")
    text, when = record["text"], record["createdAt"]
    demand(isinstance(text, str), "Record/text must be a string")
    demand(len(text.encode()) <= 3000, "Record/text must not be longer than 3000 characters")
    demand(len(regex.findall(r"\X", text)) <= 300, "Record/text must not be longer than 300 graphemes")
    demand(
        isinstance(when, str) and DATETIME.fullmatch(when), "Record/createdAt must be an RFC 3339 datetime"
    )
    datetime.fromisoformat(when)
    for facet in record.get("facets", []):
        _facet(facet, text.encode())
    langs = record.get("langs", [])
    demand(isinstance(langs, list) and len(langs) <= 3, "Record/langs must not have more than 3 elements")
    demand(all(LANGUAGE.fullmatch(one) for one in langs), "Record/langs must be well-formed BCP 47 languages")
    if "embed" in record:
        _embed(record["embed"], blobs)
    if "labels" in record:
        _labels(record["labels"])
    if "reply" in record:
        _fields(record["reply"], "Record/reply", {"root", "parent"}, set())
        for name in ("root", "parent"):
            _ref(record["reply"][name], f"Record/reply/{name}")


def _ref(ref: Any, path: str) -> None:
    _fields(ref, path, {"uri", "cid"}, set())
    demand(AT_URI.fullmatch(ref["uri"]), f"{path}/uri must be a valid at-uri")
    demand(CID.fullmatch(ref["cid"]), f"{path}/cid must be a cid string")


def _facet(facet: Any, text: bytes) -> None:
    _fields(facet, "Record/facets/0", {"index", "features"}, {"$type"})
    _fields(facet["index"], "Record/facets/0/index", {"byteStart", "byteEnd"}, set())
    start, end = facet["index"]["byteStart"], facet["index"]["byteEnd"]
    _whole(start, "byteStart", 0)
    _whole(end, "byteEnd", start + 1)
    demand(end <= len(text), "Record/facets/0/index ends after the text")
    try:
        text[start:end].decode()
        text[:start].decode()
    except UnicodeDecodeError:
        raise Wrong("Record/facets/0/index cuts a character in two") from None
    for feature in facet["features"]:
        kind = str(feature.get("$type")).removeprefix("app.bsky.richtext.facet#")
        field, form = {"link": ("uri", URI), "mention": ("did", DID), "tag": ("tag", None)}.get(
            kind, ("", None)
        )
        demand(field, "Record/facets/0/features/0 is of an unknown type")
        _fields(feature, "Record/facets/0/features/0", {"$type", field}, set())
        demand(form is None or form.fullmatch(feature[field]), f"{field} is not well-formed")
        if kind == "tag":
            demand(len(feature["tag"].encode()) <= 640, "tag must not be longer than 640 characters")
            demand(
                len(regex.findall(r"\X", feature["tag"])) <= 64, "tag must not be longer than 64 graphemes"
            )


def _embed(embed: Any, blobs: dict[str, dict]) -> None:
    kind = embed.get("$type")
    if kind == "app.bsky.embed.external":
        _fields(embed, "Record/embed", {"$type", "external"}, set())
        external = embed["external"]
        _fields(external, "Record/embed/external", {"uri", "title", "description"}, {"thumb"})
        demand(URI.fullmatch(external["uri"]), "Record/embed/external/uri must be a uri")
        return
    demand(kind == "app.bsky.embed.images", "Record/embed is of an unknown type")
    _fields(embed, "Record/embed", {"$type", "images"}, set())
    demand(len(embed["images"]) <= 4, "Record/embed/images must not have more than 4 elements")
    for image in embed["images"]:
        _fields(image, "Record/embed/images/0", {"image", "alt"}, {"aspectRatio"})
        demand(isinstance(image["alt"], str), "Record/embed/images/0/alt must be a string")
        if "aspectRatio" in image:
            _fields(image["aspectRatio"], "aspectRatio", {"width", "height"}, set())
            _whole(image["aspectRatio"]["width"], "width", 1)
            _whole(image["aspectRatio"]["height"], "height", 1)
        _blob(image["image"], blobs)


def _blob(blob: Any, blobs: dict[str, dict]) -> None:
    _fields(blob, "image", {"$type", "ref", "mimeType", "size"}, set())
    demand(blob["$type"] == "blob" and set(blob["ref"]) == {"$link"}, "image must be a blob")
    known = blobs.get(blob["ref"]["$link"])
    if known is None:
        raise Wrong(f"Could not find blob: {blob['ref']['$link']}")
    demand(known == blob, "Referenced Mimetype does not match stored blob")
    demand(blob["mimeType"].startswith("image/"), "Wrong type of file")
    demand(blob["size"] <= BLOB_MAX, f"This file is too large. It is {blob['size']} but the maximum is 2MB.")


def _labels(labels: Any) -> None:
    _fields(labels, "Record/labels", {"$type", "values"}, set())
    demand(labels["$type"] == "com.atproto.label.defs#selfLabels", "Record/labels is of an unknown type")
    for value in labels["values"]:
        _fields(value, "Record/labels/values/0", {"val"}, set())
        demand(0 < len(value["val"]) <= 128, "Record/labels/values/0/val must not be longer than 128")
