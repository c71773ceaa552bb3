"""What X shows of an account's posts, read back and compared with what was approved.

X shows every link as one of its own (`t.co`) and says beside it where it leads; `&`, `<` and `>` are escaped;
a picture adds a link at the end, and a reply may begin with the names of those it answers.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from adapters.base import CannotTell, Receipt, gettext_noop
from adapters.http import Answer, Line
from adapters.x_counting import links

_ID = re.compile(r"[0-9]{1,19}")
_HOSTS = {"x.com", "twitter.com", "mobile.twitter.com", "mobile.x.com", "www.x.com", "www.twitter.com"}
_PAGE, _PAGES = 100, 5
# How far a post may seem older than the send that made it: a Date header has whole seconds.
_CLOCKS_AGREE, _CLOCKS_UNKNOWN = timedelta(seconds=10), timedelta(seconds=120)
# What is asked for begins earlier, so that a clock that is wrong here hides nothing.
_CLOCK_WRONG = timedelta(minutes=90)
_LEADING_NAMES = re.compile(r"(?:@\w{1,20}\s+)+")
_MARK = "⟨link⟩"
_ASKED = {
    "max_results": str(_PAGE),
    "exclude": "retweets",
    "tweet.fields": "created_at,entities,referenced_tweets,attachments",
    "expansions": "attachments.media_keys",
    "media.fields": "alt_text,type",
}

Post = Mapping[str, Any]


def reply_target(reference: str) -> str:
    """The id in a number or in an address of a post; what was written where it names none."""
    return post_id(reference) or reference.strip()


def post_id(reference: str) -> str:
    reference = reference.strip()
    if _ID.fullmatch(reference):
        return reference
    try:
        address = urlsplit(reference)
    except ValueError:
        return ""
    steps = address.path.strip("/").split("/")
    if (address.hostname or "") not in _HOSTS or "status" not in steps[:-1]:
        return ""
    found = steps[steps.index("status") + 1]
    return found if _ID.fullmatch(found) else ""


def id_in(answer: Answer) -> str:
    """The id of what was made. An answer without one says nothing of what happened."""
    data = answer.mapping().get("data")
    found = data.get("id") if isinstance(data, dict) else None
    if not isinstance(found, str) or not _ID.fullmatch(found):
        raise answer.unclear()
    return found


def receipt(ids: Sequence[str], username: str) -> Receipt:
    url = f"https://x.com/{quote(username, safe='') or 'i'}/status/{ids[0]}"
    return Receipt(ids[0], url, tuple(ids), f"id {ids[0]}")


# --- Finding one's own ------------------------------------------------------------------------
def look_for(line: Line, user: str, body: Mapping[str, Any], since: datetime) -> list[str] | CannotTell:
    """The ids of the posts made since `since` that are this payload, in the order of its parts: none, the
    first few, or all of them. Raises AdapterError when the account cannot be read."""
    recent = _posts_since(line, user, since)
    if isinstance(recent, CannotTell):
        return recent
    found: list[str] = []
    for part in body["parts"]:
        follows = found[-1] if found else body["reply_to"]
        rewritten = False
        for post in recent:
            if not _could_be(post, part, follows):
                continue
            same = _same(post, part["text"])
            if same:
                found.append(str(post["id"]))
                break
            rewritten = rewritten or same is None
        else:
            if not rewritten:
                return found
            return CannotTell(
                gettext_noop("A post with the same words but other links is there: somebody must look.")
            )
    return found


def _posts_since(line: Line, user: str, since: datetime) -> list[Post] | CannotTell:
    """Oldest first. CannotTell when the account posts so much that the time was not reached."""
    seen: list[Post] = []
    earliest = (since - _CLOCK_WRONG).astimezone(UTC)
    query = {**_ASKED, "start_time": earliest.strftime("%Y-%m-%dT%H:%M:%SZ")}
    for _page in range(_PAGES):
        answer = line.ask("GET", f"/2/users/{quote(user, safe='')}/tweets", params=query)
        page, following = _page_of(answer)
        not_before = _on_their_clock(since, answer)
        seen += [post for post in page if _created(post) >= not_before]
        if not following or (page and _created(page[-1]) < not_before):
            return sorted(seen, key=lambda post: (_created(post), int(post["id"])))
        query["pagination_token"] = following
    return CannotTell(gettext_noop("The account has published so much since that the post was not found."))


def _page_of(answer: Answer) -> tuple[list[Post], str]:
    """The posts of one answer, each with its pictures under `media`, and the token of the next page."""
    said = answer.mapping()
    meta, data, includes = said.get("meta"), said.get("data", []), said.get("includes")
    if not isinstance(meta, dict) or not isinstance(data, list):
        raise answer.unclear()
    media = includes.get("media") if isinstance(includes, dict) else None
    by_key = {
        str(one.get("media_key")): one
        for one in (media if isinstance(media, list) else [])
        if isinstance(one, dict)
    }
    posts: list[Post] = []
    for post in data:
        if not isinstance(post, dict) or not _ID.fullmatch(str(post.get("id"))):
            raise answer.unclear()
        attached = post.get("attachments")
        keys = attached.get("media_keys") if isinstance(attached, dict) else None
        posts.append({**post, "media": [by_key.get(str(key), {}) for key in keys or ()]})
    following = meta.get("next_token")
    return posts, following if isinstance(following, str) else ""


def _created(post: Post) -> datetime:
    try:
        when = datetime.fromisoformat(str(post.get("created_at")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def _on_their_clock(since: datetime, answer: Answer) -> datetime:
    theirs = answer.date()
    if theirs is None:
        return since - _CLOCKS_UNKNOWN
    return since + (theirs - datetime.now(UTC)) - _CLOCKS_AGREE


def _could_be(post: Post, part: Mapping[str, Any], follows: str) -> bool:
    """Everything but the text. A description that X does not show is not held against it."""
    answered = [
        str(one.get("id"))
        for one in post.get("referenced_tweets") or ()
        if isinstance(one, dict) and one.get("type") == "replied_to"
    ]
    shown = [one.get("alt_text") for one in post["media"]]
    wanted = [item["alt"] for item in part["media"]]
    return (
        answered == ([follows] if follows else [])
        and len(shown) == len(wanted)
        and all(
            seen is None or _folded(seen) == _folded(alt) for seen, alt in zip(shown, wanted, strict=True)
        )
    )


# --- Comparing texts ------------------------------------------------------------------------------
# X writes out the scheme of a link that was typed without one.
_SCHEME = re.compile(r"https?://", re.IGNORECASE)


def _same(post: Post, text: str) -> bool | None:
    """Whether a post says this; None when it does, but for its links."""
    if _SCHEME.sub("", _shown(post, whole=True)[0]) == _SCHEME.sub("", _folded(text)):
        # Word for word with its links written out: X may see a link where our list of domains sees none.
        return True
    words, led_to = _shown(post)
    wanted, leads_to = _wanted(text)
    if _LEADING_NAMES.match(words) and not _LEADING_NAMES.match(wanted):
        words = _LEADING_NAMES.sub("", words, count=1)
    if words != wanted:
        return False
    return True if led_to == leads_to else None


def _wanted(text: str) -> tuple[str, list[str]]:
    text = unicodedata.normalize("NFC", text)
    said, place, targets = [], 0, []
    for start, end in links(text):
        said += [text[place:start], _MARK]
        targets.append(_target(text[start:end]))
        place = end
    return _folded("".join([*said, text[place:]])), targets


def _shown(post: Post, *, whole: bool = False) -> tuple[str, list[str]]:
    """The text with its links marked (or `whole`, written out), and where they lead, in order."""
    text, entities = str(post.get("text") or ""), post.get("entities")
    listed = entities.get("urls") if isinstance(entities, dict) else None
    known = {
        str(one.get("url")): one
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict) and one.get("url")
    }
    targets: list[str] = []

    def mark(found: re.Match[str]) -> str:
        entity = known[found[0]]
        if entity.get("media_key") or "pic." in str(entity.get("display_url", ""))[:4]:
            return ""
        leads_to = str(entity.get("expanded_url") or found[0])
        targets.append(_target(leads_to))
        return leads_to if whole else _MARK

    if known:
        longest_first = sorted(known, key=lambda url: -len(url))
        text = re.sub("|".join(map(re.escape, longest_first)), mark, text)
    for escaped, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(escaped, char)
    return _folded(text), targets


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).split())


def _target(url: str) -> str:
    """A link without what X or a browser changes of it: the scheme, the case of the host, a last slash."""
    try:
        parts = urlsplit(url if "://" in url else f"https://{url}")
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except (ValueError, UnicodeError):
        return url
    where = host if port in {None, 80, 443} else f"{host}:{port}"
    tail = unquote(parts.path).rstrip("/") + (f"?{unquote(parts.query)}" if parts.query else "")
    return where + tail + (f"#{unquote(parts.fragment)}" if parts.fragment else "")
