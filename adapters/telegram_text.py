"""What a Telegram message may be, and how its text, chat and reply target are read.

Nothing is ever given to a `parse_mode`: a text goes out as it was approved, and what is set off in it (a bold
title) is an entity beside it. The length of a text is counted in code points, an entity's place in UTF-16
units; the first was seen on the real server (8,192 units of 4,096 emoji taken, one emoji more refused).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from adapters import validating
from adapters.base import Content, Count, Problem, gettext_noop

PREVIEWS = ("none", "small", "large")
_NUMBER = re.compile(r"[1-9][0-9]{0,15}")
_CHAT_NUMBER = re.compile(r"-?[1-9][0-9]{0,15}")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{3,31}")
_HOSTS = {"t.me", "telegram.me", "telegram.dog"}
# Invisible, though Unicode calls them letters or symbols.
_BLANKS = set("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
_UNSEEN = {"Cc", "Cf", "Zs", "Zl", "Zp"}


def title(content: Content) -> str:
    return " ".join(validating.tidy(content.options.get("title", "")).split())


def texts(content: Content) -> list[str]:
    """As `validating.texts`, the title before the first."""
    first, *rest = validating.texts(content)
    head = title(content)
    return [f"{head}\n\n{first}" if head and first else head or first, *rest]


def entities(content: Content) -> list[dict[str, Any]]:
    """What is set off in the first text; places in UTF-16 units."""
    head = title(content)
    return [{"type": "bold", "offset": 0, "length": utf16(head)}] if head else []


def utf16(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def counts(content: Content, limits: Mapping[str, Any]) -> list[Count]:
    """In code points, of what is left after the entities are taken out, which here is all of it."""
    captioned = int(limits["max_caption"]) if content.media else int(limits["max_characters"])
    return [
        Count(len(text), captioned if place == 0 else int(limits["max_characters"]), part=place)
        for place, text in enumerate(texts(content))
    ]


def length_problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    for count, text in zip(counts(content, limits), texts(content), strict=True):
        field = "thread" if count.part else "text"
        place = {"part": count.part + 1}
        if text and not content.media and not _is_seen(text):
            message = gettext_noop("There is nothing to publish yet: write a text.")
            yield Problem("empty", field, message, place)
        if count.used <= count.limit:
            continue
        over = {"used": count.used, "limit": count.limit, "over": count.used - count.limit, **place}
        message = gettext_noop("The text is %(over)s characters too long: %(used)s of %(limit)s.")
        if content.media and not count.part:
            message = gettext_noop(
                "The text under a picture is %(over)s characters too long: %(used)s of %(limit)s."
            )
        yield Problem("too_long", field, message, over)


def _is_seen(text: str) -> bool:
    return any(char not in _BLANKS and unicodedata.category(char) not in _UNSEEN for char in text)


def picture_problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    most, widest = int(limits["image_sides_sum"]), int(limits["image_ratio"])
    for place, item in enumerate(content.media, start=1):
        which = {"position": place, "sha256": item.sha256, "width": item.width, "height": item.height}
        if item.width + item.height > most:
            message = gettext_noop(
                "File %(position)s is too large for Telegram: width and height together are %(sum)s pixels,"
                " and may be %(limit)s."
            )
            sides = {"sum": item.width + item.height, "limit": most}
            yield Problem("media_too_many_pixels", "media", message, {**which, **sides})
        if min(item.width, item.height) * widest < max(item.width, item.height):
            message = gettext_noop(
                "File %(position)s is too narrow for Telegram: %(width)s by %(height)s, and one side may be at"
                " most %(limit)s times the other."
            )
            yield Problem("media_too_narrow", "media", message, {**which, "limit": widest})


def option_problems(content: Content) -> Iterable[Problem]:
    preview = content.options.get("link_preview", "")
    if preview and preview not in PREVIEWS:
        message = gettext_noop("“%(value)s” is no choice for the link's preview.")
        yield Problem("link_preview_unknown", "link_preview", message, {"value": preview})


def reply_problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    wanted = content.reply_to.strip()
    if not wanted:
        return
    where, number = _message(wanted)
    if not number:
        message = gettext_noop("Give the address of the post to reply to, or its number.")
        yield Problem("reply_unknown", "reply_to", message)
    elif where and limits.get("chat_id") and where not in _places(limits):
        message = gettext_noop("The post to reply to is in another chat.")
        yield Problem("reply_elsewhere", "reply_to", message)


def reply_target(reference: str) -> str:
    """The message's number; whatever was written where that names no message."""
    return _message(reference.strip())[1] or reference.strip()


def _places(limits: Mapping[str, Any]) -> set[str]:
    return {str(limits.get("username", "")).lower(), str(limits["chat_id"]).removeprefix("-100")}


def _message(reference: str) -> tuple[str, str]:
    """(chat, number) of a number or of `https://t.me/name/12`, `https://t.me/c/1234/12`; empty where unsaid."""
    if _NUMBER.fullmatch(reference):
        return "", reference
    try:
        address = urlsplit(reference)
    except ValueError:
        return "", ""
    steps = [step for step in address.path.split("/") if step]
    if (address.hostname or "") not in _HOSTS or len(steps) < 2 or not _NUMBER.fullmatch(steps[-1]):
        return "", ""
    private = steps[0] == "c" and len(steps) > 2
    return steps[1] if private else steps[0].lower(), steps[-1]


def chat_id(written: str) -> int | str | None:
    """What the API takes: a number, or `@name` of a name or an address. None for anything else."""
    written = written.strip()
    if _CHAT_NUMBER.fullmatch(written):
        return int(written)
    for start in ("https://", "http://"):
        written = written.removeprefix(start)
    host, _, rest = written.partition("/")
    name = (rest.strip("/") if host in _HOSTS else written).removeprefix("@")
    return f"@{name}" if _NAME.fullmatch(name) else None


def link_to(chat: Mapping[str, Any], message_id: str) -> str:
    """The message's address: public for a chat with a name, for its members alone otherwise."""
    name, number = chat.get("username"), str(chat.get("id", ""))
    if isinstance(name, str) and _NAME.fullmatch(name):
        return f"https://t.me/{name}/{message_id}"
    return f"https://t.me/c/{number[4:]}/{message_id}" if number.startswith("-100") else ""
