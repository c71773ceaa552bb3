"""What Meta shows of an account's posts, read back: pages of a list, newest first, and when each was made."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from adapters.base import AdapterError, CannotTell, Rejected, gettext_noop
from adapters.graph import GraphLine
from adapters.http import Answer

_PAGE, _PAGES = 50, 5
# How far a post may seem older than the send that made it: a Date header has whole seconds, and so have posts.
_CLOCKS_AGREE, _CLOCKS_UNKNOWN = timedelta(seconds=10), timedelta(seconds=120)

TOO_MANY = gettext_noop("The account has published so much since that the post was not found.")
SHOWN_ALL_THE_SAME = gettext_noop("The network says that the post is not there, and shows it all the same.")
NO_NUMBER = gettext_noop(
    "The network answered with something else than a post's number. Correct the address of the API."
)

Post = Mapping[str, Any]


def id_in(answer: Answer) -> str:
    """The id of what was made. An answer without one says nothing of what happened."""
    found = answer.text("id")
    if not all(char.isdigit() or char == "_" for char in found) or not found.isascii():
        raise answer.unclear()
    return found


def posts_since(
    line: GraphLine, path: str, fields: str, since: datetime, made: str = "timestamp"
) -> list[Post] | CannotTell:
    """Those made since `since`, oldest first; `made` is the field that says when. CannotTell when there are so
    many that the time was not reached. Raises AdapterError when they cannot be read."""
    found: dict[str, Post] = {}
    query = {"fields": fields, "limit": str(_PAGE)}
    for _page in range(_PAGES):
        answer = line.graph("GET", path, query=query)
        posts, following = _page_of(answer)
        not_before = _on_their_clock(since, answer)
        found.update({str(post["id"]): post for post in posts if made_at(post, made) >= not_before})
        if not following or (posts and made_at(posts[-1], made) < not_before):
            return sorted(found.values(), key=lambda post: (made_at(post, made), len(post["id"]), post["id"]))
        query["after"] = following
    return CannotTell(TOO_MANY)


def is_gone(line: GraphLine, path: str, post_id: str) -> bool:
    """Whether a post that "cannot be found" is gone. Meta says the same of what a sign-in may not see, so the
    list must be readable, and without it."""
    answer = line.graph("GET", path, query={"fields": "id", "limit": str(_PAGE)})
    posts, _following = _page_of(answer)
    return all(str(post["id"]) != post_id for post in posts)


def delete(line: GraphLine, post_id: str, paths: Sequence[str]) -> None:
    """Deletes a post; `paths` list the account's. Already gone is success. Raises AdapterError."""
    answer = line.graph("DELETE", f"/{quoted(post_id)}", missing=True)
    if answer.status == 404:
        if not all(is_gone(line, path, post_id) for path in paths):
            raise Rejected(SHOWN_ALL_THE_SAME, status=404)
        return
    said = answer.read()
    if said is not True and not (isinstance(said, dict) and said.get("success") in {True, "true"}):
        raise answer.unclear()


def quoted(number: str) -> str:
    """A number as a step of a path. Raises Rejected for anything else, which could lead elsewhere."""
    if not number or not number.isascii() or not all(char.isdigit() or char == "_" for char in number):
        raise Rejected(NO_NUMBER)
    return number


def permalink(line: GraphLine, post_id: str, otherwise: str) -> str:
    """The public address of what is out. Nothing that fails now may undo that it is."""
    try:
        found = line.graph("GET", f"/{post_id}", query={"fields": "permalink"}).mapping().get("permalink")
    except AdapterError:
        return otherwise
    return found if isinstance(found, str) and found.startswith("https://") else otherwise


def quota(line: GraphLine, path: str, otherwise: int) -> tuple[int, int]:
    """How many posts the network counted in the last day, and how many it takes. What it does not say for once
    stops nothing."""
    try:
        rows = line.graph("GET", path, query={"fields": "config,quota_usage"}).mapping().get("data")
    except AdapterError:
        return 0, otherwise
    row = rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}
    config, used = row.get("config"), row.get("quota_usage")
    most = config.get("quota_total") if isinstance(config, dict) else None
    return (
        used if isinstance(used, int) and used > 0 else 0,
        most if isinstance(most, int) and most > 0 else otherwise,
    )


def _page_of(answer: Answer) -> tuple[Sequence[Post], str]:
    """The posts of one answer, and where the next begin."""
    said = answer.mapping()
    posts, paging = said.get("data"), said.get("paging")
    if not isinstance(posts, list) or not all(
        isinstance(one, dict) and isinstance(one.get("id"), str) for one in posts
    ):
        raise answer.unclear()
    cursors = paging.get("cursors") if isinstance(paging, dict) and paging.get("next") else None
    after = cursors.get("after") if isinstance(cursors, dict) else None
    return posts, after if isinstance(after, str) else ""


def made_at(post: Post, name: str) -> datetime:
    """What does not say when is not passed over."""
    try:
        when = datetime.fromisoformat(str(post.get(name)))
    except ValueError:
        return datetime.max.replace(tzinfo=UTC)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def _on_their_clock(since: datetime, answer: Answer) -> datetime:
    theirs = answer.date()
    if theirs is None:
        return since - _CLOCKS_UNKNOWN
    return since + (theirs - datetime.now(UTC)) - _CLOCKS_AGREE


def folded(text: object) -> str:
    """White space and the form of accents do not count, every other character does."""
    return " ".join(unicodedata.normalize("NFC", text if isinstance(text, str) else "").split())


def without_signs(text: object) -> str:
    """`folded`, without the signs of names and tags, which Instagram and Threads do not always show."""
    return folded(folded(text).replace("@", "").replace("#", ""))


def listed(post: Post, name: str) -> list[Mapping[str, Any]]:
    """The objects of an edge that is shown inside a post: `{"data": […]}`."""
    edge = post.get(name)
    data = edge.get("data") if isinstance(edge, dict) else None
    return [one for one in data if isinstance(one, dict)] if isinstance(data, list) else []
