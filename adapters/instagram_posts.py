"""What is wrong with a draft for Instagram, and what Instagram shows of an account's posts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from adapters import graph_pictures as pictures
from adapters import validating
from adapters.base import CannotTell, Content, Count, Problem, gettext_noop
from adapters.graph import GraphLine
from adapters.graph_reading import Post, folded, listed, posts_since, without_signs

_FIELDS = "id,caption,media_type,timestamp,children{id}"
_HASHTAG = re.compile(r"(?<![\w&/])[#＃]\w+")
_MENTION = re.compile(r"(?<![\w.@/])@\w[\w.]*")


def length(text: str) -> int:
    """UTF-16 units, which are never fewer than what Instagram may count."""
    return len(text.encode("utf-16-le")) // 2


def problems(content: Content, limits: Mapping[str, Any], counts: Sequence[Count]) -> Iterable[Problem]:
    yield from validating.too_long(counts)
    text = validating.texts(content)[0]
    tags, most = len(_HASHTAG.findall(text)), int(limits["max_hashtags"])
    if tags > most:
        message = gettext_noop("The text has %(count)s hashtags; Instagram takes %(limit)s.")
        yield Problem("hashtags", "text", message, {"count": tags, "limit": most})
    names, most = len(_MENTION.findall(text)), int(limits["max_mentions"])
    if names > most:
        message = gettext_noop("The text mentions %(count)s accounts; Instagram takes %(limit)s.")
        yield Problem("mentions", "text", message, {"count": names, "limit": most})
    if not content.media:
        yield Problem(
            "media_missing", "media", gettext_noop("Instagram takes no post without a picture: add one.")
        )
    yield from pictures.problems(content.media, limits)


# --- Finding one's own ----------------------------------------------------------------------------
def look_for(line: GraphLine, account: str, body: Mapping[str, Any], since: datetime) -> str | CannotTell:
    """The id of the post made since `since` that is this payload, empty when there is none. Raises
    AdapterError when the account's posts cannot be read."""
    recent = posts_since(line, f"/{account}/media", _FIELDS, since)
    if isinstance(recent, CannotTell):
        return recent
    part = body["parts"][0]
    return next((str(post["id"]) for post in recent if _is(post, part["text"], len(part["media"]))), "")


def _is(post: Post, text: str, pictures_wanted: int) -> bool:
    shown = len(listed(post, "children")) if post.get("media_type") == "CAROUSEL_ALBUM" else 1
    said = post.get("caption")
    alike = folded(said) == folded(text) or without_signs(said) == without_signs(text)
    return post.get("media_type") in {"IMAGE", "CAROUSEL_ALBUM"} and shown == pictures_wanted and alike
