"""What LinkedIn shows of an organisation's posts, read back and compared with what was approved.

Words come back as little text; a long link may have become one of LinkedIn's own (`lnkd.in`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote

from adapters.base import CannotTell, Receipt, gettext_noop
from adapters.http import Answer
from adapters.linkedin_session import LinkedInLine
from adapters.linkedin_text import folded, plain, without_links

_PAGE, _PAGES = 100, 5
# How far a post may seem older than the send that made it: a Date header has whole seconds.
_CLOCKS_AGREE, _CLOCKS_UNKNOWN = timedelta(seconds=10), timedelta(seconds=120)
_OUT, _ON_ITS_WAY = "PUBLISHED", "PUBLISH_REQUESTED"

Post = Mapping[str, Any]


def is_urn(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("urn:li:share:", "urn:li:ugcPost:"))


def urn_in(answer: Answer) -> str:
    """The id of what was made, which stands in a header. Without one nobody knows what happened."""
    told = unquote(answer.headers.get("x-restli-id", "") or answer.headers.get("x-linkedin-id", ""))
    if not is_urn(told):
        raise answer.unclear()
    return told


def receipt(urn: str) -> Receipt:
    return Receipt(urn, f"https://www.linkedin.com/feed/update/{urn}/", (urn,), f"id {urn}")


def path_of(urn: str) -> str:
    return f"/posts/{quote(urn, safe='')}"


# --- Finding one's own ----------------------------------------------------------------------------
def look_for(line: LinkedInLine, author: str, body: Mapping[str, Any], since: datetime) -> str | CannotTell:
    """The URN of the post made since `since` that is this payload, empty when there is none. Raises
    AdapterError when the organisation's posts cannot be read."""
    recent = _posts_since(line, author, since)
    if isinstance(recent, CannotTell):
        return recent
    rewritten = False
    for post in recent:
        if not _is_ours(post, author) or not _could_be(post, body):
            continue
        if says(post, body):
            if post.get("lifecycleState") == _ON_ITS_WAY:
                return CannotTell(gettext_noop("The network is still publishing it."), again=True)
            return str(post["id"])
        wanted = without_links(body["parts"][0]["text"])
        rewritten = rewritten or without_links(_words(post)) == wanted
    if rewritten:
        return CannotTell(
            gettext_noop("A post with the same words but other links is there: somebody must look.")
        )
    return ""


def says(post: Post, body: Mapping[str, Any]) -> bool:
    return folded(_words(post)) == folded(body["parts"][0]["text"])


def _words(post: Post) -> str:
    return plain(str(post.get("commentary") or ""))


def _posts_since(line: LinkedInLine, author: str, since: datetime) -> list[Post] | CannotTell:
    """Oldest first. CannotTell when there are so many that the time was not reached. A page may be short
    without being the last: only one without anything new is."""
    seen: dict[str, Post] = {}
    for page in range(_PAGES):
        query = (
            f"?author={quote(author, safe='')}&q=author&count={_PAGE}&start={page * _PAGE}"
            "&sortBy=LAST_MODIFIED&viewContext=AUTHOR"
        )
        answer = line.rest("GET", f"/posts{query}", action="FINDER")
        posts = _elements(answer)
        not_before = _on_their_clock(since, answer)
        new = [post for post in posts if post["id"] not in seen]
        seen.update({str(post["id"]): post for post in new})
        # Whatever follows was changed earlier still, and therefore made earlier.
        if not new or _moment(posts[-1], "lastModifiedAt", "createdAt") < not_before:
            made = [post for post in seen.values() if _moment(post, "createdAt", "publishedAt") >= not_before]
            return sorted(made, key=lambda post: _moment(post, "createdAt", "publishedAt"))
    return CannotTell(gettext_noop("The account has published so much since that the post was not found."))


def _elements(answer: Answer) -> Sequence[Post]:
    posts = answer.mapping().get("elements")
    if not isinstance(posts, list) or not all(
        isinstance(one, dict) and is_urn(one.get("id")) for one in posts
    ):
        raise answer.unclear()
    return posts


def _moment(post: Post, *names: str) -> datetime:
    """The first of these that is there: milliseconds since 1970. What says nothing is not passed over."""
    for name in names:
        value = post.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**14:
            return datetime.fromtimestamp(value / 1000, UTC)
    return datetime.max.replace(tzinfo=UTC)


def _on_their_clock(since: datetime, answer: Answer) -> datetime:
    theirs = answer.date()
    if theirs is None:
        return since - _CLOCKS_UNKNOWN
    return since + (theirs - datetime.now(UTC)) - _CLOCKS_AGREE


def _is_ours(post: Post, author: str) -> bool:
    state = post.get("lifecycleState", _OUT)
    return post.get("author", author) == author and state in {_OUT, _ON_ITS_WAY} and not _reshares(post)


def _reshares(post: Post) -> bool:
    return bool(post.get("reshareContext"))


def _could_be(post: Post, body: Mapping[str, Any]) -> bool:
    """Everything but the text. A description that LinkedIn does not show is not held against it."""
    content = post.get("content")
    content = content if isinstance(content, dict) else {}
    article, several, single = (content.get(name) for name in ("article", "multiImage", "media"))
    images = several.get("images") if isinstance(several, dict) else [single] if single else []
    shown = [
        one.get("altText") if isinstance(one, dict) else None
        for one in (images if isinstance(images, list) else [])
    ]
    wanted = [item["alt"] for item in body["parts"][0]["media"]]
    source = article.get("source") if isinstance(article, dict) else ""
    return (
        (source or "") == body["link"]
        and len(shown) == len(wanted)
        and all(not seen or folded(str(seen)) == folded(alt) for seen, alt in zip(shown, wanted, strict=True))
    )
