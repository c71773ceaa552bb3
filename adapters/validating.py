"""What short-post networks object to, said once: their files pass their own limits and add their own.

`limits` has the names of Mastodon's `/api/v2/instance`: `max_characters`, `description_limit` and
`characters_reserved_per_url` in characters, `image_size_limit` in bytes, `image_matrix_limit` in
pixels, `max_media_attachments`, `supported_mime_types`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from adapters.base import Capabilities, Content, Count, MediaItem, Problem, gettext_noop
from adapters.counting import graphemes, length

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
_HALF_PAIR = re.compile("[\ud800-\udfff]")
# Control characters other than a line break and a tab never reach a reader as they were approved.
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")

# For a network that counts in a way of its own: what it has in common with the others, but for the length.
ANY_LENGTH: Mapping[str, int] = {"max_characters": 10**9, "characters_reserved_per_url": 23}


def tidy(text: str) -> str:
    """Line breaks in one form, no blank ends: what the networks do to a text anyway. Half a
    surrogate pair, which no bytes can express, becomes the replacement character, in plain sight."""
    text = _HALF_PAIR.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def texts(content: Content) -> list[str]:
    """The text of each part as it goes out; the link follows the first unless the text has it."""
    first, link = tidy(content.text), content.link.strip()
    if link and link not in first:
        first = f"{first}\n\n{link}" if first else link
    return [first, *(tidy(part) for part in content.thread)]


def parts(content: Content) -> list[dict[str, Any]]:
    """`Payload.body["parts"]`: the first carries the media."""
    media = [
        {
            "sha256": item.sha256,
            "mime": item.mime,
            "alt": tidy(item.alt),
            "width": item.width,
            "height": item.height,
        }
        for item in content.media
    ]
    return [{"text": text, "media": [] if place else media} for place, text in enumerate(texts(content))]


def warning(content: Content) -> str:
    return tidy(content.options.get("content_warning", ""))


def one_line(text: str) -> str:
    """A title, or whatever else has no lines."""
    return " ".join(tidy(text).split())


def names(listed: str) -> list[str]:
    """The names in a list with commas, each once, in their order."""
    each = (one_line(name) for name in listed.split(","))
    return list(dict.fromkeys(name for name in each if name))


def counts(content: Content, limits: Mapping[str, Any]) -> list[Count]:
    said = warning(content)
    return [
        Count(
            length(text, said, per_link=int(limits["characters_reserved_per_url"])),
            int(limits["max_characters"]),
            part=place,
        )
        for place, text in enumerate(texts(content))
    ]


def problems(content: Content, limits: Mapping[str, Any], visibilities: Iterable[str]) -> list[Problem]:
    """Everything that short-post networks have in common."""
    return [
        *_text_problems(content, limits),
        *_media_problems(content.media, limits),
        *_option_problems(content, tuple(visibilities)),
    ]


def not_offered(content: Content, can: Capabilities) -> Iterable[Problem]:
    """What was asked for and this network does not have: it would be lost without a word."""
    if content.media and not can.media:
        message = gettext_noop("This network takes no pictures from here: remove them.")
        yield Problem("media_not_offered", "media", message)
    if content.thread and not can.threads:
        message = gettext_noop("This network has no threads: put everything into one text.")
        yield Problem("thread_not_offered", "thread", message)
    if content.reply_to.strip() and not can.reply:
        message = gettext_noop("One cannot reply to a post on this network.")
        yield Problem("reply_not_offered", "reply_to", message)
    if warning(content) and not can.content_warning:
        message = gettext_noop("This network has no content warning: put it into the text.")
        yield Problem("warning_not_offered", "content_warning", message)


def too_long(counted: Iterable[Count]) -> Iterable[Problem]:
    """Each part that is longer than its limit, as the network counts."""
    for count in counted:
        if count.used > count.limit:
            over = {"used": count.used, "limit": count.limit, "over": count.used - count.limit}
            message = gettext_noop("The text is %(over)s characters too long: %(used)s of %(limit)s.")
            field = "thread" if count.part else "text"
            yield Problem("too_long", field, message, {**over, "part": count.part + 1})


def _text_problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    for count, text in zip(counts(content, limits), texts(content), strict=True):
        field = "thread" if count.part else "text"
        place = {"part": count.part + 1}
        if not text and (count.part or not content.media):
            yield Problem(
                "empty", field, gettext_noop("There is nothing to publish yet: write a text."), place
            )
        yield from too_long([count])
        if _CONTROL.search(text):
            message = gettext_noop("The text contains a control character that nobody can see: remove it.")
            yield Problem("control_character", field, message, place)
    if content.link and not _is_link(content.link.strip()):
        yield Problem(
            "link_invalid", "link", gettext_noop("The link must be a whole address, beginning with https://.")
        )


def _is_link(link: str) -> bool:
    try:
        parts_of = urlsplit(link)
    except ValueError:
        return False
    return parts_of.scheme in {"http", "https"} and bool(parts_of.hostname) and not re.search(r"\s", link)


def _media_problems(media: tuple[MediaItem, ...], limits: Mapping[str, Any]) -> Iterable[Problem]:
    most = int(limits["max_media_attachments"])
    if len(media) > most:
        message = gettext_noop("There are %(count)s files; this network takes %(limit)s.")
        yield Problem("media_too_many", "media", message, {"count": len(media), "limit": most})
    for place, item in enumerate(media, start=1):
        yield from _file_problems(item, {"position": place, "sha256": item.sha256}, limits)


def _file_problems(item: MediaItem, which: dict[str, Any], limits: Mapping[str, Any]) -> Iterable[Problem]:
    if item.mime not in limits["supported_mime_types"]:
        message = gettext_noop("File %(position)s is of a kind this network does not take: %(mime)s.")
        yield Problem("media_type", "media", message, {**which, "mime": item.mime})
    size = int(limits["image_size_limit"])
    if item.size > size:
        message = gettext_noop(
            "File %(position)s is too large: %(size_mb)s MB, and this network takes %(limit_mb)s MB."
        )
        sizes = {"size_mb": round(item.size / 1_048_576, 1), "limit_mb": round(size / 1_048_576, 1)}
        yield Problem("media_too_large", "media", message, {**which, **sizes})
    if item.width * item.height > int(limits["image_matrix_limit"]):
        message = gettext_noop(
            "File %(position)s has too many pixels for this network: %(width)s by %(height)s."
        )
        yield Problem(
            "media_too_many_pixels", "media", message, {**which, "width": item.width, "height": item.height}
        )
    said, longest = graphemes(tidy(item.alt)), int(limits["description_limit"])
    if not said:
        message = gettext_noop(
            "File %(position)s has no description: say what it shows, for those who cannot see it."
        )
        yield Problem("alt_missing", "alt", message, which)
    if said > longest:
        message = gettext_noop(
            "The description of file %(position)s is too long: %(used)s of %(limit)s characters."
        )
        yield Problem("alt_too_long", "alt", message, {**which, "used": said, "limit": longest})


def _option_problems(content: Content, visibilities: tuple[str, ...]) -> Iterable[Problem]:
    visibility = content.options.get("visibility", "")
    if visibility and visibility not in visibilities:
        message = gettext_noop("This network has no visibility “%(visibility)s”.")
        yield Problem("visibility_unknown", "visibility", message, {"visibility": visibility})
    language = content.options.get("language", "")
    if language and not _LANGUAGE.fullmatch(language):
        message = gettext_noop("“%(language)s” is no language code; write fr or en, for example.")
        yield Problem("language_unknown", "language", message, {"language": language})
    if _CONTROL.search(warning(content)):
        message = gettext_noop("The content warning contains a control character: remove it.")
        yield Problem("control_character", "content_warning", message)
