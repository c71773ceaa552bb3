"""Discourse, a forum: topics and replies, with an API key.

A topic carries an `external_id` made of its key, by which it is looked up before it is made and afterwards.
A reply can carry none, so the topic is read back for our own exact words. What the moderators' queue keeps
(`enqueued`) is neither out nor refused: it is `Ambiguous`, and `reconcile` says for whom it waits. Their
letting it through makes the topic without its external id, so our own recent topics are looked at too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from adapters import discourse_writing as writing
from adapters import validating
from adapters.base import (
    AdapterError,
    CannotTell,
    Capabilities,
    Connection,
    Content,
    Count,
    Health,
    NotFound,
    Option,
    Payload,
    Permit,
    Problem,
    Receipt,
    Rejected,
    Setting,
    gettext_noop,
)
from adapters.discourse_limits import categories_of, names_of, read_limits
from adapters.discourse_line import (
    MOVED,
    NO_TOPIC,
    WAITS,
    DiscourseLine,
    Post,
    is_gone,
    is_id,
    posted,
)
from adapters.http import cannot_tell
from adapters.media import approved_bytes, file_name, rules_of

ONE_PART = gettext_noop("This network has no threads. Nothing was sent.")
NOT_THERE = gettext_noop("The post is no longer on this site.")
NO_CATEGORY = gettext_noop(
    "The category is not on this forum, or its name stands for several. Nothing was sent."
)
NO_TAG = gettext_noop("A tag is not on this forum. Nothing was sent.")
QUEUE_UNREADABLE = gettext_noop(
    "The API key may not read the moderators' queue, where the post may wait: somebody must look."
)


class Discourse:
    """One account on one Discourse forum."""

    network: ClassVar[str] = "discourse"
    label: ClassVar[str] = "Discourse"
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=False,
        media=True,
        max_media=10,
        alt_text=True,
        edit=True,
        edit_keeps=("category", "tags", "reply_to"),
        delete=True,
        read_back=True,
        reply=True,
        # An API key has 60 requests a minute, shared with whatever else uses one; a topic takes up to six.
        posts_per_minute=8,
        deletes_per_minute=10,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "base_url",
            gettext_noop("Forum's address"),
            kind="url",
            help=gettext_noop("For example https://forum.example.org."),
        ),
        Setting(
            "username",
            gettext_noop("User name"),
            help=gettext_noop("The account that publishes. The API key must be for it, or for all users."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop("API key")
    options: ClassVar[Sequence[Option]] = (
        Option("title", gettext_noop("Headline"), help=gettext_noop("Of a new topic; a reply has none.")),
        Option(
            "category",
            gettext_noop("Category"),
            help=gettext_noop("The name of a category that the forum has, or its number."),
        ),
        Option(
            "tags",
            gettext_noop("Tags"),
            help=gettext_noop("Names of tags that the forum has, with commas between them."),
        ),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 32_000,
        "min_characters": 20,
        "min_reply_characters": 20,
        "min_title_characters": 15,
        "max_title_characters": 255,
        "allow_uncategorized": True,
        "max_tags": 5,
        "categories": [],
        "domain": "",
        "max_media_attachments": 10,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        "image_size_limit": 4_194_304,
        "image_matrix_limit": 40_000_000,
        "description_limit": 1000,
        # A link counts in full; see `count`.
        "characters_reserved_per_url": 23,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        limits = {**cls.default_limits, **limits}
        # Its own counting, of all that is in the raw text.
        found = [one for one in validating.problems(content, limits, ()) if one.code != "too_long"]
        return [
            *found,
            *validating.not_offered(content, cls.capabilities),
            *writing.problems(content, limits),
        ]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        most = int({**cls.default_limits, **limits}["max_characters"])
        more = [
            Count(len(validating.tidy(text)), most, part=place)
            for place, text in enumerate(content.thread, 1)
        ]
        return [Count(writing.length(content), most), *more]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = writing.body_of(content, str(limits.get("domain", "")))
        return Payload(cls.network, channel, body, ("external_id", "upload_urls"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._line = DiscourseLine(
            connection.client,
            str(connection.settings.get("base_url", "")),
            str(connection.settings.get("username", "")),
            connection.secret,
        )

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        body = _one_part(payload)
        if body["reply_to"]:
            return self._reply(body, begun)
        external_id = writing.external_id(key)
        there = self._line.by_external_id(external_id)
        if there is not None:
            return self._receipt(there)
        form: dict[str, Any] = {"title": body["title"], "external_id": external_id}
        if body["category"]:
            form["category"] = self._category(body["category"])
        if body["tags"]:
            form["tags"] = [self._tag(name) for name in body["tags"]]
        form["raw"] = self._raw(body)
        return self._receipt(posted(self._line.ask("POST", "/posts.json", creates=True, json=form)))

    def _reply(self, body: Mapping[str, Any], begun: datetime) -> Receipt:
        topic_id, post_number = self._target(body["reply_to"])
        there = self._line.reply_since(topic_id, post_number, body["parts"][0], begun)
        if isinstance(there, CannotTell):
            raise Rejected(there.why)
        if there is not None:
            return self._receipt(there)
        form: dict[str, Any] = {"topic_id": topic_id, "raw": self._raw(body)}
        if post_number:
            form["reply_to_post_number"] = post_number
        return self._receipt(posted(self._line.ask("POST", "/posts.json", creates=True, json=form)))

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        body = _one_part(payload)
        there = self._read(receipt.remote_id)
        if there is None:
            raise Rejected(NOT_THERE)
        form: dict[str, Any] = {"post": {"raw": self._raw(body)}}
        if there.get("post_number") == 1 and body["title"]:
            form["title"] = body["title"]
        answer = self._line.ask("PUT", f"/posts/{there['id']}.json", creates=True, json=form)
        return self._receipt(posted(answer))

    def retract(self, receipt: Receipt) -> None:
        self._line.begin()
        there = self._read(receipt.remote_id)
        if there is None:
            return
        topic = there.get("post_number") == 1
        path = f"/t/{there['topic_id']}.json" if topic else f"/posts/{there['id']}.json"
        self._line.ask("DELETE", path, accept={404, 410})

    def _raw(self, body: Mapping[str, Any]) -> str:
        """The Markdown with the pictures' addresses. Uploads what it needs; no post shows that yet."""
        part = body["parts"][0]
        # Every file is looked at before the first leaves: a replaced one stops all of them.
        contents = [approved_bytes(self._connection, item) for item in part["media"]]
        uploads = [self._upload(item, content) for item, content in zip(part["media"], contents, strict=True)]
        return writing.raw_of(part, uploads)

    def _upload(self, item: Mapping[str, Any], content: bytes) -> str:
        """The forum knows equal files by their content: uploading one again makes nothing new."""
        answer = self._line.ask(
            "POST",
            "/uploads.json",
            files={"file": (file_name(item), content, item["mime"])},
            data={"type": "composer", "upload_type": "composer", "synchronous": "true"},
        )
        said = answer.mapping()
        errors = said.get("errors")
        if isinstance(errors, list) and errors:
            told = self._line.without_secret(" ".join(map(str, errors)))[:200]
            raise Rejected(gettext_noop("The forum refused a file. Nothing was sent."), detail=told)
        address = answer.text("short_url") if said.get("short_url") else answer.text("url")
        if any(sign in address for sign in "() \n"):
            raise answer.unclear()
        return address

    def _category(self, name: str) -> int:
        """The number of the category of this name, slug or number."""
        if name.isascii() and name.isdigit():
            return int(name)
        found = [
            one
            for one in categories_of(self._line.ask("GET", "/site.json").mapping())
            if writing.same_name(name) in map(writing.same_name, names_of(one))
        ]
        if len(found) != 1 or not is_id(found[0].get("id")):
            raise Rejected(NO_CATEGORY, detail=name[:200])
        return int(found[0]["id"])

    def _tag(self, name: str) -> str | dict[str, Any]:
        """The tag as this forum's version wants it: since 2026 by number and name, before by name."""
        answer = self._line.ask("GET", "/tags/filter/search.json", params={"q": name, "limit": "5"})
        found = answer.mapping().get("results")
        for one in found if isinstance(found, list) else ():
            shown = str(one.get("name") or one.get("text") or "") if isinstance(one, dict) else ""
            if shown and writing.same_name(shown) == writing.same_name(name):
                return {"id": one["id"], "name": shown} if is_id(one.get("id")) else shown
        raise Rejected(NO_TAG, detail=name[:200])

    def _target(self, reply_to: str) -> tuple[int, int]:
        if "://" in reply_to:
            host, told = writing.read_address(reply_to)
            reply_to = told if host == urlsplit(self._line.base_url).netloc.lower() else ""
        numbers = writing.topic_and_post(reply_to)
        if numbers is None:
            raise Rejected(NO_TOPIC)
        return numbers

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        try:
            found = self._look(payload.body, key, begun)
            if isinstance(found, CannotTell):
                return found
            if found is not None:
                return self._receipt(found)
            waits = self._line.waits(payload.body["parts"][0])
        except AdapterError as error:
            return cannot_tell(error)
        if waits is None:
            return CannotTell(QUEUE_UNREADABLE)
        return CannotTell(WAITS) if waits else NotFound()

    def _look(self, body: Mapping[str, Any], key: str, begun: datetime) -> Post | CannotTell | None:
        part = body["parts"][0]
        if body["reply_to"]:
            return self._line.reply_since(*self._target(body["reply_to"]), part, begun)
        return self._line.by_external_id(writing.external_id(key)) or self._line.topic_since(part, begun)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        body = payload.body
        try:
            there = self._read(receipt.remote_id)
            # A picture cannot be told from another with the same description: that counts as not there.
            if (
                there is None
                or body["parts"][0]["media"]
                or not writing.same_raw(there.get("raw"), body["parts"][0])
            ):
                return NotFound()
            if there.get("post_number") == 1:
                first = self._line.first_post(int(there["topic_id"]))
                if first is None or not writing.same_title(first.get("title"), body["title"]):
                    return NotFound()
        except AdapterError as error:
            return cannot_tell(error)
        return self._receipt(there)

    def _read(self, remote_id: str) -> Post | None:
        if not remote_id.isascii() or not remote_id.isdigit():
            raise Rejected(NOT_THERE)
        answer = self._line.ask("GET", f"/posts/{remote_id}.json", accept={404, 410})
        if answer.status != 200:
            return None
        post = posted(answer)
        return None if is_gone(post) else post

    def check(self) -> Health:
        self._line.begin()
        try:
            return self._health()
        except AdapterError as error:
            if error.status is not None and 300 <= error.status < 400 and error.detail:
                return Health(False, problem=MOVED, params={"address": error.detail})
            return Health(False, problem=error.public)

    def _health(self) -> Health:
        domain = urlsplit(self._line.base_url).netloc.lower()
        me = self._me()
        name = str(me["username"])
        return Health(
            True,
            account=f"{self._line.base_url.partition('://')[2].lower()}#{me['id']}",
            handle=f"@{name}@{domain}",
            url=f"{self._line.base_url}/u/{name}",
            limits={**read_limits(self._line, self.default_limits), "domain": domain},
        )

    def _me(self) -> Mapping[str, Any]:
        """The account that the key acts for. A key of few scopes may not ask that, but see a profile."""
        for path, name in (
            ("/session/current.json", "current_user"),
            (f"/u/{self._line.username}.json", "user"),
        ):
            last = name == "user"
            answer = self._line.ask("GET", path, accept=() if last else {403, 404})
            if answer.status != 200:
                continue
            me = answer.mapping().get(name)
            if not isinstance(me, dict) or not is_id(me.get("id")) or not me.get("username"):
                raise answer.unclear()
            return me
        raise answer.unclear()

    def _receipt(self, post: Post) -> Receipt:
        post_id, topic_id, number = str(post["id"]), post["topic_id"], post.get("post_number")
        place = f"/{number}" if is_id(number) and number != 1 else ""
        return Receipt(
            remote_id=post_id,
            url=f"{self._line.base_url}/t/{post.get('topic_slug') or '-'}/{topic_id}{place}",
            parts=(post_id,),
            answer=f"post {post_id}, topic {topic_id}",
        )


def _one_part(payload: Payload) -> Mapping[str, Any]:
    if len(payload.body["parts"]) != 1:
        raise Rejected(ONE_PART)
    return payload.body
