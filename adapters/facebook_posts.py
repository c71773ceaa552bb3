"""What a post on a Facebook Page is made of, and what Facebook shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

from adapters import validating
from adapters.base import CannotTell, Content, Receipt, gettext_noop
from adapters.graph import GraphLine
from adapters.graph_reading import Post, folded, listed, posts_since

_FIELDS = (
    "id,message,created_time,"
    "attachments{media_type,unshimmed_url,url,target,subattachments{media_type,target}}"
)
# Of an album with more pictures than so many, only the beginning may be shown.
_ALBUM = 4

OTHER_LINKS = gettext_noop("A post with the same words but other links is there: somebody must look.")
FEWER_PICTURES = gettext_noop("A post with the same words but fewer pictures is there: somebody must look.")


def texts_of(content: Content) -> list[str]:
    """The text of each part as it goes out. A link with a card needs no place in the text."""
    first, *rest = validating.texts(content)
    return [validating.tidy(content.text) if card_of(content) else first, *rest]


def card_of(content: Content) -> str:
    """A post has either pictures or a card: beside pictures the link stays in the text."""
    return "" if content.media else validating.tidy(content.link)


def length(text: str) -> int:
    """UTF-16 units, which are never fewer than what Facebook may count."""
    return len(text.encode("utf-16-le")) // 2


def receipt(post_id: str) -> Receipt:
    return Receipt(post_id, f"https://www.facebook.com/{post_id}", (post_id,), f"id {post_id}")


# --- Finding one's own ----------------------------------------------------------------------------
def look_for(line: GraphLine, page: str, body: Mapping[str, Any], since: datetime) -> str | CannotTell:
    """The id of the post made since `since` that is this payload, empty when there is none. Raises
    AdapterError when the Page's posts cannot be read."""
    recent = posts_since(line, f"/{page}/published_posts", _FIELDS, since, "created_time")
    if isinstance(recent, CannotTell):
        return recent
    doubt = ""
    for post in recent:
        shown, wanted = _pictures(post), len(body["pictures"])
        if not says(post, body) or not (shown == wanted or _ALBUM <= shown < wanted):
            continue
        if shown == wanted and _leads_to(post, body["link"]):
            return str(post["id"])
        doubt = OTHER_LINKS if shown == wanted else FEWER_PICTURES
    return CannotTell(doubt) if doubt else ""


def says(post: Post, body: Mapping[str, Any]) -> bool:
    return folded(post.get("message")) == folded(body["parts"][0]["text"])


def _pictures(post: Post) -> int:
    shown = 0
    for attachment in listed(post, "attachments"):
        several = listed(attachment, "subattachments")
        shown += len(several) if several else attachment.get("media_type") in {"photo", "album"}
    return shown


def _leads_to(post: Post, link: str) -> bool:
    """Whether its card leads to the link. Facebook may not have made one, and then says nothing of it."""
    shown = [
        str(attachment.get("unshimmed_url") or attachment.get("url") or "")
        for attachment in listed(post, "attachments")
        if attachment.get("media_type") not in {"photo", "album", "video"}
    ]
    return not link or not any(shown) or any(_target(one) == _target(link) for one in shown)


def _target(url: str) -> str:
    """A link without what a browser changes of it: the scheme, the case of the host, a last slash."""
    try:
        parts = urlsplit(url)
        where = (parts.hostname or "").removeprefix("www.") + (f":{parts.port}" if parts.port else "")
    except ValueError:
        return url
    tail = unquote(parts.path).rstrip("/") + (f"?{unquote(parts.query)}" if parts.query else "")
    return where + tail
