"""A strict reader of Atom feeds: what RFC 4287 (with RFC 3339, 4151 and 5005) demands, as assertions."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections import Counter
from datetime import datetime
from urllib.parse import urlsplit

ATOM = "{http://www.w3.org/2005/Atom}"
_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")
_TAG = re.compile(r"tag:[a-z0-9.-]+(:\d+)?,\d{4}(-\d\d(-\d\d)?)?:[A-Za-z0-9._~!$&'()*+,;=:@/?%-]*")
_ONCE = {"id", "title", "updated", "published", "subtitle", "generator", "icon", "logo", "rights", "content"}
_IN_FEED = {"author", "category", "contributor", "generator", "icon", "id", "link", "logo", "rights"}
_IN_FEED |= {"subtitle", "title", "updated", "entry"}
_IN_ENTRY = {"author", "category", "content", "contributor", "id", "link", "published", "rights", "source"}
_IN_ENTRY |= {"summary", "title", "updated"}
_RELS = {"alternate", "related", "self", "enclosure", "via", "first", "last", "previous", "next"}


def checked(content: bytes) -> ET.Element:
    """The feed, which breaks no rule."""
    assert content.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
    content.decode("utf-8", "strict")
    root = ET.fromstring(content)
    assert root.tag == ATOM + "feed"
    _children(root, _IN_FEED, {"id", "title", "updated"})
    people = root.findall(ATOM + "author")
    assert people or all(entry.findall(ATOM + "author") for entry in root.findall(ATOM + "entry"))
    for person in people:
        names = [one.tag.removeprefix(ATOM) for one in person]
        assert names.count("name") == 1
        assert set(names) <= {"name", "uri", "email"}
        assert max(Counter(names).values()) == 1
        assert person.findtext(ATOM + "name")
    assert [one for one in root.findall(ATOM + "link") if one.get("rel") == "self"]
    entries = root.findall(ATOM + "entry")
    for entry in entries:
        _children(entry, _IN_ENTRY, {"id", "title", "updated"})
        alternates = [one for one in entry.findall(ATOM + "link") if one.get("rel") in {None, "alternate"}]
        assert entry.find(ATOM + "content") is not None or alternates
        assert said(entry, "updated") >= said(entry, "published")
    ids = [said(entry, "id") for entry in entries]
    assert len(ids) == len(set(ids))
    assert said(root, "id") not in ids
    return root


def said(node: ET.Element, name: str) -> str:
    return node.findtext(ATOM + name) or ""


def links(node: ET.Element, rel: str) -> list[str]:
    return [one.get("href") or "" for one in node.findall(ATOM + "link") if one.get("rel") == rel]


def _children(node: ET.Element, known: set[str], needed: set[str]) -> None:
    names = Counter(one.tag.removeprefix(ATOM) for one in node)
    assert set(names) <= known, set(names) - known
    assert needed <= set(names)
    assert all(names[name] <= 1 for name in _ONCE)
    _language(node)
    assert _TAG.fullmatch(said(node, "id")), said(node, "id")
    for one in node:
        name = one.tag.removeprefix(ATOM)
        if name in {"updated", "published"}:
            assert _MOMENT.fullmatch(one.text or ""), one.text
            datetime.fromisoformat(one.text or "")
        if name in {"title", "subtitle", "rights", "summary", "content"}:
            assert one.get("type", "text") in {"text", "html"}
            assert len(one) == 0, "no element inside a text or escaped HTML"
        if name == "link":
            _link(one)
    kinds = Counter(
        (one.get("type"), one.get("hreflang"))
        for one in node.findall(ATOM + "link")
        if one.get("rel", "alternate") == "alternate"
    )
    assert all(number == 1 for number in kinds.values())


def _link(link: ET.Element) -> None:
    where = urlsplit(link.get("href") or "")
    assert where.scheme in {"http", "https"}
    assert where.netloc
    assert link.get("rel") in _RELS
    assert re.fullmatch(r"[\w.+-]+/[\w.+-]+", link.get("type", "a/b"))
    assert re.fullmatch(r"[1-9][0-9]*", link.get("length", "1"))
    assert len(link) == 0


def _language(node: ET.Element) -> None:
    assert re.fullmatch(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8})*", node.get(_LANG, "fr"))
