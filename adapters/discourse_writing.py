"""What a Discourse topic or reply is made of, and what is wrong with a draft of one.

The text is Markdown, as it is for everybody who writes on a forum. Lengths are code points, as Ruby counts
them, of the whole raw text, the pictures' Markdown included; before the shortest length is compared, what
`StrippedLengthValidator` takes out is taken out.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters import validating
from adapters.base import Content, Count, Problem, gettext_noop
from adapters.validating import names, one_line, too_long

_TOPIC_PATH = re.compile(r"/t/(?:(?!\d+(?:/|$))[^/]+/)?(\d+)(?:/(\d+))?/?$")
_TOPIC = re.compile(r"(\d{1,12})(?:/(\d{1,9}))?")
_EXTERNAL_ID = re.compile(r"[A-Za-z0-9_-]{1,46}")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
_UPLOAD = re.compile(r"upload://[^)\s]+")
# As long as Discourse's: 27 signs of base 62 and an ending.
_SOME_UPLOAD = "upload://" + "x" * 27 + ".jpeg"
_FOR_TOPICS = ("title", "category", "tags")


# --- What goes out --------------------------------------------------------------------------------
def body_of(content: Content, domain: str) -> dict[str, Any]:
    """`Payload.body`: all of it, but the addresses that the forum gives to the pictures."""
    reply_to = reply_target(content.reply_to, domain)
    return {
        "parts": validating.parts(content),
        "reply_to": reply_to,
        "title": "" if reply_to else title_of(content),
        "category": "" if reply_to else one_line(content.options.get("category", "")),
        "tags": [] if reply_to else names(content.options.get("tags", "")),
    }


def title_of(content: Content) -> str:
    """The title that was given; for a preview without one, the beginning of the text."""
    given = one_line(content.options.get("title", ""))
    return given or one_line(validating.tidy(content.text).partition("\n")[0])[:80]


def reply_target(reference: str, domain: str) -> str:
    """`topic` or `topic/post number` where that can be told; else the address as it was given."""
    reference = reference.strip()
    if "://" not in reference:
        return reference
    host, topic = read_address(reference)
    return topic if topic and host == domain else reference


def read_address(address: str) -> tuple[str, str]:
    """Host, and `topic` or `topic/post number`, of a topic's web address; empty for anything else."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    found = _TOPIC_PATH.search(parts.path)
    if parts.scheme not in {"http", "https"} or not parts.netloc or not found:
        return "", ""
    return parts.netloc.lower(), f"{found[1]}/{found[2]}" if found[2] else found[1]


def topic_and_post(reply_to: str) -> tuple[int, int] | None:
    """The numbers of the topic and of the post in it (0: the topic itself)."""
    found = _TOPIC.fullmatch(reply_to)
    return (int(found[1]), int(found[2] or 0)) if found and int(found[1]) else None


def raw_of(part: Mapping[str, Any], uploads: Sequence[str]) -> str:
    """The Markdown of a post, its pictures at the end."""
    pictures = [picture(item, short) for item, short in zip(part["media"], uploads, strict=True)]
    return "\n\n".join(filter(None, [part["text"], *pictures]))


def picture(item: Mapping[str, Any], short_url: str) -> str:
    alt = re.sub(r"([\\\[\]*_`<!&])", r"\\\1", one_line(item["alt"]))
    size = f"|{item['width']}x{item['height']}" if item["width"] > 0 and item["height"] > 0 else ""
    return f"![{alt}{size}]({short_url})"


def external_id(key: str) -> str:
    """Letters, digits, - and _, at most 50: the topic's identity there."""
    return f"cmq-{key if _EXTERNAL_ID.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:40]}"


def length(content: Content) -> int:
    return len(raw_of(validating.parts(content)[0], [_SOME_UPLOAD] * len(content.media)))


# --- What comes back ------------------------------------------------------------------------------
def same_raw(shown: object, part: Mapping[str, Any]) -> bool:
    """Whether a post's raw text is this one. Discourse turns every kind of space into a plain one; the
    address of a file is known only there."""
    meant = raw_of(part, ["upload://x"] * len(part["media"]))
    return isinstance(shown, str) and _folded(shown) == _folded(meant)


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", _UPLOAD.sub("upload://", text)).split())


def same_title(shown: object, title: str) -> bool:
    """Discourse prettifies titles: capitals, repeated signs, the last full stop."""
    return isinstance(shown, str) and _plain(shown) == _plain(title)


def _plain(title: str) -> str:
    return (
        re.sub(r"([!?])\1+", r"\1", _folded(title).casefold())
        .rstrip(". ")
        .replace(" !", "!")
        .replace(" ?", "?")
    )


def same_name(name: str) -> str:
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


# --- What is wrong with it ------------------------------------------------------------------------
def problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    """What Discourse has beyond what every network has."""
    reply = bool(content.reply_to.strip())
    yield from _length_problems(content, limits, reply=reply)
    if reply:
        yield from _reply_problems(content, str(limits["domain"]))
    else:
        yield from _topic_problems(content, limits)
    for name in _FOR_TOPICS:
        if _CONTROL.search(content.options.get(name, "")):
            message = gettext_noop("A control character that nobody can see is in here: remove it.")
            yield Problem("control_character", name, message)
    for place, item in enumerate(content.media, start=1):
        if "|" in item.alt:
            message = gettext_noop(
                "The description of file %(position)s has the sign |, which this network reads as a size:"
                " write it otherwise."
            )
            yield Problem("alt_unreadable", "alt", message, {"position": place, "sha256": item.sha256})


def _length_problems(content: Content, limits: Mapping[str, Any], *, reply: bool) -> Iterable[Problem]:
    used, most = length(content), int(limits["max_characters"])
    least = int(limits["min_reply_characters" if reply else "min_characters"])
    yield from too_long([Count(used, most)])
    counted = len(
        _as_the_shortest_counts(raw_of(validating.parts(content)[0], [_SOME_UPLOAD] * len(content.media)))
    )
    if 0 < counted < least:
        message = gettext_noop(
            "The text is too short for this network: %(used)s of at least %(least)s characters."
        )
        yield Problem("too_short", "text", message, {"used": counted, "least": least, "part": 1})


def _as_the_shortest_counts(text: str) -> str:
    text = re.sub(r"<!--(.*?)-->", "", text)
    text = re.sub(r":\w+(:\w+)?:", "X", text)
    return re.sub(r",{2,}", ",", re.sub(r"\.{2,}", "…", text)).strip()


def _topic_problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    title = one_line(content.options.get("title", ""))
    least, most = int(limits["min_title_characters"]), int(limits["max_title_characters"])
    used, shortest = len(title), len(_as_the_shortest_counts(title))
    if not title:
        yield Problem("title_missing", "title", gettext_noop("This network needs a title."))
    elif used > most:
        message = gettext_noop("The title is %(over)s characters too long: %(used)s of %(limit)s.")
        yield Problem("title_too_long", "title", message, {"used": used, "limit": most, "over": used - most})
    elif shortest < least:
        message = gettext_noop(
            "The title is too short for this network: %(used)s of at least %(least)s characters."
        )
        yield Problem("title_too_short", "title", message, {"used": shortest, "least": least})
    category = one_line(content.options.get("category", ""))
    if not category and not limits["allow_uncategorized"]:
        yield Problem(
            "category_missing", "category", gettext_noop("This forum wants a category for every topic.")
        )
    known = {same_name(str(name)) for name in limits["categories"]}
    if category and known and not category.isdigit() and same_name(category) not in known:
        message = gettext_noop("There is no category “%(name)s” on this forum: choose another.")
        yield Problem("category_unknown", "category", message, {"name": category})
    tags, most_tags = names(content.options.get("tags", "")), int(limits["max_tags"])
    if len(tags) > most_tags:
        message = gettext_noop("There are %(count)s tags; this network takes %(limit)s.")
        yield Problem("tags_too_many", "tags", message, {"count": len(tags), "limit": most_tags})


def _reply_problems(content: Content, domain: str) -> Iterable[Problem]:
    reference = content.reply_to.strip()
    host, topic = read_address(reference)
    if not (topic and host == (domain or host)) and topic_and_post(reference) is None:
        message = gettext_noop("Give the address of a topic of this forum, or its number.")
        yield Problem("reply_unknown", "reply_to", message)
    for name in _FOR_TOPICS:
        if content.options.get(name, "").strip():
            message = gettext_noop("A reply has no title, category or tags of its own: leave this empty.")
            yield Problem("only_for_topics", name, message)
