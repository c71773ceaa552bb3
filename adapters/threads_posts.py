"""What a post on Threads is made of, how it is counted, and what Threads shows of an account's posts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote

import regex

from adapters import validating
from adapters.base import CannotTell, Content, Count, Problem, gettext_noop
from adapters.graph import GraphLine
from adapters.graph_reading import Post, folded, listed, posts_since, without_signs

_FIELDS = "id,text,media_type,timestamp,children{id}"
_REPLY_FIELDS = f"{_FIELDS},is_reply,replied_to"
_NUMBER = re.compile(r"[0-9]{1,20}")
_LINK = re.compile(r"(?:https?://|\bwww\.)[^\s<>\"]+", re.IGNORECASE)
_ENDS_NO_LINK = ".,;:!?…'\"»”’)]}"
# One picture for a reader: what has a picture by nature, flags, and digits in a box.
_EMOJI = regex.compile(r"\p{Extended_Pictographic}|\p{Regional_Indicator}|\u20e3|\ufe0f")
_GRAPHEME = regex.compile(r"\X")


def length(text: str) -> int:
    """Characters, of which an emoji is as many as it has bytes in UTF-8."""
    return sum(len(one.encode()) if _EMOJI.search(one) else len(one) for one in _GRAPHEME.findall(text))


def texts_of(content: Content) -> list[str]:
    """The text of each part as it goes out. A link with a card needs no place in the text."""
    first, *rest = validating.texts(content)
    return [validating.tidy(content.text) if card_of(content) else first, *rest]


def card_of(content: Content) -> str:
    """A post of words alone has a card: beside pictures, or without words, the link stands in the text."""
    words = validating.tidy(content.text)
    return validating.tidy(content.link) if words and not content.media else ""


def topic_of(content: Content) -> str:
    return validating.one_line(content.options.get("topic_tag", "")).removeprefix("#").strip()


def form_of(body: Mapping[str, Any], part: Mapping[str, Any], out: Sequence[str]) -> dict[str, Any]:
    """What a container says beside its pictures. The first part alone has a topic, a card, and its say of who
    may reply."""
    form: dict[str, Any] = {"text": part["text"]} if part["text"] else {}
    follows = out[-1] if out else body["reply_to"]
    if follows:
        form["reply_to_id"] = follows
    if not out:
        named = {"topic_tag": "topic_tag", "reply_control": "reply_control", "link": "link_attachment"}
        form |= {theirs: body[ours] for ours, theirs in named.items() if body[ours]}
    return form


def profile(username: str) -> str:
    return f"https://www.threads.com/@{quote(username, safe='')}" if username else "https://www.threads.com"


# --- Before anything is sent ----------------------------------------------------------------------
def links_in(text: str) -> set[str]:
    return {found.rstrip(_ENDS_NO_LINK) for found in _LINK.findall(text)}


def problems(content: Content, limits: Mapping[str, Any], counts: Sequence[Count]) -> Iterable[Problem]:
    most = int(limits["max_links"])
    for count, text in zip(counts, texts_of(content), strict=True):
        field, place = "thread" if count.part else "text", {"part": count.part + 1}
        yield from validating.too_long([count])
        card = "" if count.part else card_of(content)
        links = len(links_in(text) | ({card} if card else set()))
        if links > most:
            message = gettext_noop("The text has %(count)s links; Threads takes %(limit)s in a post.")
            yield Problem("links", field, message, {"count": links, "limit": most, **place})


def option_problems(content: Content, choices: Sequence[str]) -> Iterable[Problem]:
    topic, chosen = topic_of(content), content.options.get("reply_control", "")
    if len(topic) > 50 or any(sign in topic for sign in ".&") or not topic.isprintable():
        message = gettext_noop("A topic has up to 50 characters, and neither a full stop nor &.")
        yield Problem("topic_tag_invalid", "topic_tag", message)
    if chosen not in choices:
        message = gettext_noop("Threads does not know this choice of who may reply.")
        yield Problem("reply_control_unknown", "reply_control", message)
    if content.reply_to.strip() and not _NUMBER.fullmatch(content.reply_to.strip()):
        message = gettext_noop("Give the number that Threads' API has for the post to reply to.")
        yield Problem("reply_unknown", "reply_to", message)


# --- Finding one's own ----------------------------------------------------------------------------
def look_for(line: GraphLine, body: Mapping[str, Any], since: datetime) -> list[str] | CannotTell:
    """The ids of the posts made since `since` that are this payload, in the order of its parts: none, the first
    few, or all of them. Raises AdapterError when the account's posts cannot be read."""
    lists: dict[str, list[Post]] = {}
    found: list[str] = []
    for part in body["parts"]:
        follows = found[-1] if found else body["reply_to"]
        path, fields = ("/me/replies", _REPLY_FIELDS) if follows else ("/me/threads", _FIELDS)
        if path not in lists:
            recent = posts_since(line, path, fields, since)
            if isinstance(recent, CannotTell):
                return recent
            lists[path] = recent
        wanted = (str(post["id"]) for post in lists[path] if _is(post, part, follows))
        out = next((one for one in wanted if one not in found), "")
        if not out:
            return found
        found.append(out)
    return found


def _is(post: Post, part: Mapping[str, Any], follows: str) -> bool:
    parent = post.get("replied_to")
    answered = str(parent.get("id") or "") if isinstance(parent, dict) else ""
    # Whom a reply answers is not always shown.
    if follows and answered and answered != follows:
        return False
    kind = post.get("media_type")
    several = len(listed(post, "children")) if kind == "CAROUSEL_ALBUM" else int(kind == "IMAGE")
    said, text = post.get("text"), part["text"]
    alike = folded(said) == folded(text) or without_signs(said) == without_signs(text)
    return alike and several == len(part["media"]) and kind in {"TEXT_POST", "IMAGE", "CAROUSEL_ALBUM"}
