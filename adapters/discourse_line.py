"""Speaking with a Discourse forum: how one signs in, what its refusals mean, and what it shows of a topic."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from adapters import discourse_writing as writing
from adapters.base import (
    AdapterError,
    Ambiguous,
    AuthFailed,
    CannotTell,
    Duplicate,
    RateLimited,
    Rejected,
    gettext_noop,
)
from adapters.http import BAD_SECRET, FORBIDDEN, REDIRECTED, REFUSED, UNKNOWN_TOKEN, Answer, Line, object_in

MOVED = gettext_noop("The site answers at another address, %(address)s: correct the channel's address.")
WAITS = gettext_noop(
    "The forum keeps the post for its moderators: it is not public before they let it through."
)
ALREADY = gettext_noop("The forum says that it already has this topic.")
TOO_MANY = gettext_noop(
    "So much was written in the topic since that the reply was not found: somebody must look."
)
NO_TOPIC = gettext_noop("The topic to reply to is not there.")

Post = Mapping[str, Any]

_PAGE = 20
_PAGES = 5
_RECENT_TOPICS = 5
_DETAIL_MAX = 200
# How far a post may seem older than the send that made it: a Date header has whole seconds.
_CLOCKS_AGREE = timedelta(seconds=10)
_CLOCKS_UNKNOWN = timedelta(seconds=120)


class DiscourseLine(Line):
    def __init__(self, client: httpx.Client, base_url: str, username: str, key: str) -> None:
        super().__init__(client, base_url, key)
        self.username = username.strip().removeprefix("@")

    def _signed(self) -> dict[str, str]:
        if (
            not self._secret
            or not self._secret.isascii()
            or not self._secret.isprintable()
            or " " in self._secret
        ):
            raise AuthFailed(BAD_SECRET)
        if not self.username or not self.username.isascii() or not self.username.isprintable():
            raise AuthFailed(gettext_noop("The channel's user name is missing or malformed."))
        return {"Api-Key": self._secret, "Api-Username": self.username, "Accept": "application/json"}

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        status, said = received.status_code, object_in(received.content)
        detail = self._detail(received)
        if 300 <= status < 400:
            return Rejected(REDIRECTED, status=status, detail=self._moved_to(received.headers))
        if status == 403:
            return self._forbidden(said, detail)
        if status == 422 and "external" in detail.lower() and creates:
            return Duplicate(ALREADY, status=status, detail=detail)
        refusal = super()._refusal(received, creates)
        if isinstance(refusal, RateLimited) and refusal.retry_after is None:
            refusal.retry_after = _wait_seconds(said)
        return refusal

    @staticmethod
    def _forbidden(said: Mapping[str, Any], detail: str) -> AdapterError:
        """Discourse says `invalid_access` both for a key it does not take and for what this account may not
        do there; only its sentence about a key has the word API in it, in every language."""
        if said.get("error_type") == "not_logged_in" or "api" in detail.lower():
            return AuthFailed(UNKNOWN_TOKEN, status=403, detail=detail)
        return Rejected(FORBIDDEN, status=403, detail=detail)

    def _moved_to(self, headers: Mapping[str, str]) -> str:
        return self.without_secret(headers.get("location", "").partition("?")[0])[:_DETAIL_MAX]

    def _detail(self, received: httpx.Response) -> str:
        said = object_in(received.content)
        errors = said.get("errors")
        told = errors if isinstance(errors, list) else [said.get("message") or said.get("error") or ""]
        return self.without_secret(" ".join(str(one) for one in told))[:_DETAIL_MAX]

    # --- Reading ----------------------------------------------------------------------------------
    def topic(self, topic_id: int) -> Answer:
        return self.ask("GET", f"/t/{topic_id}.json", params={"include_raw": "true"}, accept={404, 410})

    def first_post(self, topic_id: int) -> Post | None:
        answer = self.topic(topic_id)
        if answer.status != 200:
            return None
        first = next((one for one in posts_of(answer) if one.get("post_number") == 1), None)
        return {**first, "title": answer.mapping().get("title")} if first else None

    def by_external_id(self, external_id: str) -> Post | None:
        """The first post of the topic with this id. Discourse answers with a redirect to the topic, which is
        read for its number and not followed."""
        answer = self.ask("GET", f"/t/external_id/{external_id}.json", accept={301, 302, 404})
        if answer.status == 404:
            return None
        if answer.status == 200:
            topic_id = answer.mapping().get("id")
        else:
            _host, told = writing.read_address(
                "https://forum.invalid" + _path_of(answer.headers.get("location", "")).removesuffix(".json")
            )
            topic_id = int(told.partition("/")[0]) if told else None
            if topic_id is None:
                raise Rejected(REDIRECTED, status=answer.status, detail=self._moved_to(answer.headers))
        if not is_id(topic_id):
            raise answer.unclear()
        return self.first_post(int(str(topic_id)))

    def reply_since(
        self, topic_id: int, post_number: int, part: Mapping[str, Any], since: datetime
    ) -> Post | CannotTell | None:
        """Our own reply of these words, made there since `since`. Raises Rejected without the topic."""
        answer = self.topic(topic_id)
        if answer.status != 200:
            raise Rejected(NO_TOPIC, status=answer.status)
        stream = answer.mapping().get("post_stream")
        ids = stream.get("stream") if isinstance(stream, dict) else None
        if not isinstance(ids, list) or not all(is_id(one) for one in ids):
            raise answer.unclear()
        not_before = on_their_clock(since, answer)
        newest = ids[::-1]
        for start in range(0, _PAGE * _PAGES, _PAGE):
            page = newest[start : start + _PAGE]
            if not page:
                return None
            query = {"post_ids[]": [str(one) for one in page], "include_raw": "true"}
            posts = posts_of(self.ask("GET", f"/t/{topic_id}/posts.json", params=query))
            for post in posts:
                answers = int(post.get("reply_to_post_number") or 0)
                # A reply to the topic's first post is shown as one to the topic.
                same_place = answers == post_number or {answers, post_number} == {0, 1}
                if made(post) >= not_before and same_place and self._ours(post, part):
                    return post
            if any(made(post) < not_before for post in posts):
                return None
        return CannotTell(TOO_MANY)

    def topic_since(self, part: Mapping[str, Any], since: datetime) -> Post | None:
        """A topic of ours with these words: one that moderators let through has lost its external id."""
        answer = self.ask("GET", f"/topics/created-by/{self.username}.json", accept={403, 404})
        listed = answer.mapping().get("topic_list") if answer.status == 200 else None
        topics = listed.get("topics") if isinstance(listed, dict) else None
        if not isinstance(topics, list):
            return None
        not_before = on_their_clock(since, answer)
        recent = [
            one
            for one in topics
            if isinstance(one, dict) and is_id(one.get("id")) and made(one) >= not_before
        ]
        for topic in recent[:_RECENT_TOPICS]:
            first = self.first_post(int(topic["id"]))
            if first is not None and self._ours(first, part):
                return first
        return None

    def waits(self, part: Mapping[str, Any]) -> bool | None:
        """Whether the moderators' queue holds this text of ours; None when that cannot be read."""
        answer = self.ask("GET", f"/posts/{self.username}/pending.json", accept={403, 404})
        if answer.status != 200:
            return None
        pending = answer.mapping().get("pending_posts")
        if not isinstance(pending, list):
            raise answer.unclear()
        return any(isinstance(one, dict) and writing.same_raw(one.get("raw_text"), part) for one in pending)

    def _ours(self, post: Post, part: Mapping[str, Any]) -> bool:
        mine = str(post.get("username", "")).lower() == self.username.lower()
        return mine and not is_gone(post) and writing.same_raw(post.get("raw"), part)


def posted(answer: Answer) -> Post:
    """The post in the answer to a creation. One that the moderators keep is no post yet, and nobody knows
    whether it ever will be."""
    said = answer.mapping()
    if said.get("action") == "enqueued":
        raise Ambiguous(WAITS, status=answer.status)
    post = said.get("post") if isinstance(said.get("post"), dict) else said
    if not isinstance(post, dict) or not is_id(post.get("id")) or not is_id(post.get("topic_id")):
        errors = said.get("errors")
        if isinstance(errors, list) and errors:
            # 200 with an error inside: the forum says that it took nothing.
            raise Rejected(REFUSED, status=answer.status, detail=" ".join(map(str, errors))[:_DETAIL_MAX])
        raise answer.unclear()
    return post


def posts_of(answer: Answer) -> list[Post]:
    stream = answer.mapping().get("post_stream")
    posts = stream.get("posts") if isinstance(stream, dict) else None
    if not isinstance(posts, list) or not all(isinstance(one, dict) for one in posts):
        raise answer.unclear()
    return posts


def is_gone(post: Post) -> bool:
    return bool(post.get("deleted_at") or post.get("user_deleted"))


def is_id(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def made(one: Mapping[str, Any]) -> datetime:
    """When the forum says it was made; the beginning of time when it does not say."""
    try:
        when = datetime.fromisoformat(str(one.get("created_at")))
    except ValueError:
        return datetime.min.replace(tzinfo=UTC)
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when


def on_their_clock(since: datetime, answer: Answer) -> datetime:
    theirs = answer.date()
    return since - _CLOCKS_UNKNOWN if theirs is None else since + (theirs - datetime.now(UTC)) - _CLOCKS_AGREE


def _path_of(location: str) -> str:
    try:
        return httpx.URL(location).path
    except httpx.InvalidURL:
        return ""


def _wait_seconds(said: Mapping[str, Any]) -> float | None:
    extras = said.get("extras")
    wait = extras.get("wait_seconds") if isinstance(extras, dict) else None
    if isinstance(wait, bool) or not isinstance(wait, int | float) or not wait >= 0:
        return None
    return min(max(float(wait), 1.0), 86_400.0)
