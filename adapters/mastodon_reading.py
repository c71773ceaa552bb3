"""What a Mastodon server shows of an account, read back and compared with what was approved."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote, urlsplit

from adapters.base import CannotTell, NotFound, Receipt, gettext_noop
from adapters.http import Answer, Line
from adapters.reading import folded, text_of, without_links

_STATUS_ID = re.compile(r"[0-9A-Za-z]{1,64}")
_PAGE = 40
_PAGES = 5
# How far a status may seem older than the send that made it: a Date header has whole seconds.
_CLOCKS_AGREE = timedelta(seconds=10)
_CLOCKS_UNKNOWN = timedelta(seconds=120)

Status = Mapping[str, Any]


# --- What a status is -----------------------------------------------------------------------------
def is_status(reference: str) -> bool:
    """Whether this can name a status: an id, or an address that ends in one."""
    reference = reference.strip()
    return bool(_address(reference)[1] if "://" in reference else _STATUS_ID.fullmatch(reference))


def reply_target(reference: str, domain: str) -> str:
    """The id when it can be told without asking (`https://our.domain/@who/123`), else the address."""
    if "://" not in reference:
        return reference
    host, last = _address(reference)
    return last if domain and host == domain and _STATUS_ID.fullmatch(last) else reference


def _address(reference: str) -> tuple[str, str]:
    """Host (and port) and last step of a web address; both empty for anything else."""
    try:
        parts = urlsplit(reference)
    except ValueError:
        return "", ""
    if parts.scheme not in {"http", "https"} or not parts.netloc:
        return "", ""
    return parts.netloc.lower(), parts.path.rstrip("/").rsplit("/", 1)[-1]


def status_of(answer: Answer) -> Status:
    """The status in an answer. What lacks an id is no status: nobody knows what happened."""
    status = answer.mapping()
    if not isinstance(status.get("id"), str) or not status["id"]:
        raise answer.unclear()
    return status


def created(status: Status) -> datetime:
    """When the server says it was made; the beginning of time when it does not say."""
    try:
        when = datetime.fromisoformat(str(status.get("created_at")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def receipt(statuses: list[Status]) -> Receipt:
    first = statuses[0]
    return Receipt(
        remote_id=str(first["id"]),
        url=str(first.get("url") or first.get("uri") or ""),
        parts=tuple(str(status["id"]) for status in statuses),
        answer=f"id {first['id']}, {first.get('visibility', '')}, {first.get('created_at', '')}",
    )


# --- Finding one's own ------------------------------------------------------------------------
def look_for(line: Line, body: Mapping[str, Any], since: datetime) -> list[Status] | CannotTell:
    """The statuses made since `since` that are this payload, in the order of its parts: none, the
    first few, or all of them. Raises AdapterError when the account cannot be read."""
    me = line.ask("GET", "/api/v1/accounts/verify_credentials").text("id")
    recent = _statuses_since(line, me, since)
    if isinstance(recent, CannotTell):
        return recent
    found: list[Status] = []
    for part in body["parts"]:
        follows = str(found[-1]["id"]) if found else ""
        candidates = [status for status in recent if _could_be(status, body, part, follows)]
        status = _first_same(line, candidates, part["text"])
        if isinstance(status, CannotTell):
            return status
        if status is None:
            break
        found.append(status)
    return found


def reread(line: Line, ids: Sequence[str], body: Mapping[str, Any]) -> list[Status] | NotFound | CannotTell:
    """The statuses of these ids, if they all say this payload now. Raises AdapterError."""
    found: list[Status] = []
    # A picture cannot be told from another with the same description: that counts as not there.
    if len(ids) != len(body["parts"]) or any(part["media"] for part in body["parts"]):
        return NotFound()
    for status_id, part in zip(ids, body["parts"], strict=True):
        answer = line.ask("GET", f"/api/v1/statuses/{quote(status_id, safe='')}", accept={404, 410})
        if answer.status != 200 or not _says(status_of(answer), body):
            return NotFound()
        same = _first_same(line, [status_of(answer)], part["text"])
        if same is None or isinstance(same, CannotTell):
            return same or NotFound()
        found.append(same)
    return found


def _says(status: Status, body: Mapping[str, Any]) -> bool:
    warning = folded(str(status.get("spoiler_text") or ""))
    return warning == folded(body["spoiler_text"]) and not status.get("media_attachments")


def _statuses_since(line: Line, account: str, since: datetime) -> list[Status] | CannotTell:
    """Oldest first. CannotTell when the account posts so much that the time was not reached."""
    seen: list[Status] = []
    query = {"limit": str(_PAGE), "exclude_reblogs": "true"}
    for _page in range(_PAGES):
        answer = line.ask("GET", f"/api/v1/accounts/{quote(account, safe='')}/statuses", params=query)
        page = answer.mappings()
        not_before = _on_their_clock(since, answer)
        seen += [status for status in page if status.get("id") and created(status) >= not_before]
        if not page or created(page[-1]) < not_before:
            return sorted(seen, key=created)
        query["max_id"] = str(page[-1].get("id"))
    return CannotTell(gettext_noop("The account has published so much since that the post was not found."))


def _on_their_clock(since: datetime, answer: Answer) -> datetime:
    theirs = answer.date()
    if theirs is None:
        return since - _CLOCKS_UNKNOWN
    return since + (theirs - datetime.now(UTC)) - _CLOCKS_AGREE


def _could_be(status: Status, body: Mapping[str, Any], part: Mapping[str, Any], follows: str) -> bool:
    """Everything but the text."""
    shown = [item.get("description") or "" for item in status.get("media_attachments") or ()]
    reply_to = str(status.get("in_reply_to_id") or "")
    expected = follows or body["reply_to"]
    return (
        not status.get("reblog")
        and status.get("visibility") == body["visibility"]
        and folded(str(status.get("spoiler_text") or "")) == folded(body["spoiler_text"])
        and [folded(alt) for alt in shown] == [folded(item["alt"]) for item in part["media"]]
        # The reply's address was resolved while sending: here it is known only that there is one.
        and (bool(reply_to) if "://" in expected else reply_to == expected)
    )


def _first_same(line: Line, candidates: list[Status], text: str) -> Status | CannotTell | None:
    """The first of these with this text. The HTML usually settles it; where a server rewrites what
    it shows, the source of the status does."""
    rewritten = False
    for status in candidates:
        shown = text_of(str(status.get("content") or ""))
        if folded(shown) == folded(text):
            return status
        answer = line.ask(
            "GET", f"/api/v1/statuses/{quote(str(status['id']), safe='')}/source", accept={401, 403, 404}
        )
        if answer.status == 200:
            if folded(str(answer.mapping().get("text") or "")) == folded(text):
                return status
        elif without_links(shown) == without_links(text):
            rewritten = True
    if rewritten:
        return CannotTell(
            gettext_noop("A post with the same words but other links is there: somebody must look.")
        )
    return None
