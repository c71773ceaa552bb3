"""What a post on LinkedIn is made of, and what is wrong with a draft of one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from adapters import validating
from adapters.base import Content, Problem, gettext_noop
from adapters.linkedin_text import length

CARD = ("link_title", "link_description")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")


def texts_of(content: Content) -> list[str]:
    """The text of each part as it goes out. A link with a card needs no place in the text."""
    first, *rest = validating.texts(content)
    return [validating.tidy(content.text) if card_of(content)["link"] else first, *rest]


def card_of(content: Content) -> dict[str, str]:
    """The link's card, under the names of a payload's `body`; all empty without one. A post has either
    pictures or a card: beside pictures the link stays in the text."""
    link = validating.tidy(content.link)
    if not link or content.media:
        return {"link": "", "link_title": "", "link_description": ""}
    return {
        "link": link,
        "link_title": validating.one_line(content.options.get("link_title", "")) or _host_of(link),
        "link_description": validating.tidy(content.options.get("link_description", "")),
    }


def _host_of(link: str) -> str:
    try:
        return (urlsplit(link).hostname or link).removeprefix("www.")
    except ValueError:
        return link


def shown(body: Mapping[str, Any], images: Sequence[str]) -> dict[str, Any]:
    """What stands under the words: one picture, several, a card, or nothing."""
    pictures = [
        {"id": image, "altText": item["alt"]}
        for image, item in zip(images, body["parts"][0]["media"], strict=True)
    ]
    if len(pictures) == 1:
        return {"media": pictures[0]}
    if pictures:
        return {"multiImage": {"images": pictures}}
    if not body["link"]:
        return {}
    card = {"source": body["link"], "title": body["link_title"]}
    if body["link_description"]:
        card["description"] = body["link_description"]
    return {"article": card}


def card_problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    for name in CARD:
        said = content.options.get(name, "")
        if _CONTROL.search(said):
            message = gettext_noop("A control character that nobody can see is in here: remove it.")
            yield Problem("control_character", name, message)
        used, most = length(validating.tidy(said)), int(limits[f"{name}_limit"])
        if used > most:
            message = gettext_noop("The text is %(over)s characters too long: %(used)s of %(limit)s.")
            yield Problem(
                f"{name}_too_long", name, message, {"used": used, "limit": most, "over": used - most}
            )
