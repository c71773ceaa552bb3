"""Threads, over Meta's Threads API.

A post is made in two steps, as on Instagram: a container, for which Threads fetches the pictures at an address of
ours and which nobody sees, then its publication. A thread is a chain of replies to oneself; what follows can only be
made once what it follows is out. Threads knows no key: before anything is sent, and after an answer that was lost,
the account's newest posts are read. Nothing can be edited there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from adapters import graph_pictures as pictures
from adapters import graph_reading as reading
from adapters import threads_posts as posts
from adapters import validating
from adapters.base import (
    AdapterError,
    Ambiguous,
    CannotTell,
    Capabilities,
    Connection,
    Content,
    Count,
    Duplicate,
    Health,
    NotFound,
    Option,
    Payload,
    Permit,
    Problem,
    Receipt,
    Rejected,
    Renewal,
    Setting,
    gettext_noop,
    lent,
)
from adapters.graph import DAY_IS_FULL, GraphLine, Session
from adapters.graph_containers import Containers, addresses
from adapters.graph_tokens import DAY, RIGHTS_MISSING, looked_at, missing_rights, refreshed
from adapters.http import cannot_tell
from adapters.media import MediaRules

RIGHTS = ("threads_basic", "threads_content_publish", "threads_delete")
# For threads and replies alone, and to find them again.
RIGHTS_TO_REPLY = ("threads_manage_replies", "threads_read_replies")

_VERSION = "v1.0"

PARTLY_OUT = gettext_noop("Only the first parts of the thread went out. The rest is missing.")
NO_EDIT = gettext_noop("A post on Threads cannot be edited from here: retract it and publish another.")


class Threads:
    """One profile."""

    API: ClassVar[str] = "https://graph.threads.net"
    network: ClassVar[str] = "threads"
    label: ClassVar[str] = "Threads"
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=True,
        max_media=20,
        delete=True,
        read_back=True,
        reply=True,
        # 250 posts, 1000 replies and 100 deletions in a day: this merely keeps a burst short.
        posts_per_minute=10,
        deletes_per_minute=4,
        renews=True,
        signs_in=True,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "base_url",
            gettext_noop("Address of the API"),
            required=False,
            kind="url",
            help=gettext_noop("Leave empty for https://graph.threads.net."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop(
        "Access token (or JSON with access_token, expires_at, client_id and client_secret)"
    )
    options: ClassVar[Sequence[Option]] = (
        Option(
            "topic_tag",
            gettext_noop("Topic"),
            help=gettext_noop("One topic, without #, up to 50 characters, no full stop and no &."),
        ),
        Option(
            "reply_control",
            gettext_noop("Who may reply"),
            kind="choice",
            choices=(
                ("", gettext_noop("Everyone")),
                ("accounts_you_follow", gettext_noop("Whom the account follows")),
                ("mentioned_only", gettext_noop("Who is mentioned")),
                ("followers_only", gettext_noop("Who follows the account")),
                ("parent_post_author_only", gettext_noop("Whoever is replied to")),
            ),
        ),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 500,
        "max_links": 5,
        "max_media_attachments": 20,
        "supported_mime_types": ["image/jpeg", "image/png"],
        # 8 MB; in bytes it is not said.
        "image_size_limit": 8_000_000,
        # Wider ones Threads makes smaller itself, narrower ones larger.
        "image_width_min": 0,
        "image_side_limit": 1440,
        "image_matrix_limit": 1440 * 1440,
        "image_ratio_min": 0.1,
        "image_ratio_max": 10,
        "description_limit": 1000,
        "posts_per_day": 250,
        "username": "",
    }

    # --- Before anything is sent ------------------------------------------------------------------
    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        return [
            *validating.problems(content, {**own, **validating.ANY_LENGTH}, ()),
            *validating.not_offered(content, cls.capabilities),
            *posts.problems(content, own, cls.count(content, own)),
            *posts.option_problems(content, [value for value, _ in cls.options[1].choices]),
            *pictures.problems(content.media, own),
        ]

    @classmethod
    def media_rules(cls, limits: Mapping[str, Any]) -> MediaRules:
        return pictures.rules({**cls.default_limits, **limits})

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        most = int({**cls.default_limits, **limits}["max_characters"])
        return [
            Count(posts.length(text), most, part=place) for place, text in enumerate(posts.texts_of(content))
        ]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        parts = validating.parts(content)
        parts[0] = {**parts[0], "text": posts.texts_of(content)[0]}
        body = {
            "parts": parts,
            "link": posts.card_of(content),
            "topic_tag": posts.topic_of(content),
            "reply_control": content.options.get("reply_control", ""),
            "reply_to": content.reply_to.strip(),
        }
        return Payload(cls.network, channel, body, ("image_url", "children", "creation_id", "reply_to_id"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._base_url = str(connection.settings.get("base_url") or self.API)
        self._session = Session.read(connection.secret).lend(lent(connection.app, self._base_url, self.API))
        self._line = GraphLine(connection.client, self._base_url, self._session, _VERSION, renews_after=DAY)

    def _begin(self) -> None:
        self._line.begin()
        self._line.ready()

    # --- Signing in -------------------------------------------------------------------------------
    def renew(self) -> Renewal:
        client, secret = self._connection.client, self._connection.secret
        return refreshed(client, self._base_url, self._session, "th", secret)

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._begin()
        body = payload.body
        places = addresses(self._connection, body["parts"][0]["media"])
        # An attempt before this one may have published it after all.
        found = posts.look_for(self._line, body, begun)
        if isinstance(found, CannotTell):
            raise Duplicate(found.why)
        if len(found) == len(body["parts"]):
            return self._receipt(found)
        if found:
            raise Ambiguous(PARTLY_OUT)
        containers = Containers(self._line, "/me/threads", "status", "error_message", "data")
        out: list[str] = []
        for part in body["parts"]:
            try:
                container = self._filled(containers, body, part, places, out)
                containers.wait_for(container)
                out.append(containers.publish("/me/threads_publish", container))
            except AdapterError as error:
                if not out:
                    raise
                # Something is public already, so nothing that is safe to repeat may be claimed.
                raise Ambiguous(
                    PARTLY_OUT, status=error.status, detail=error.detail or error.public
                ) from None
        return self._receipt(out)

    @staticmethod
    def _filled(
        containers: Containers,
        body: Mapping[str, Any],
        part: Mapping[str, Any],
        places: Sequence[str],
        out: Sequence[str],
    ) -> str:
        """The container of one part, which follows those that are out."""
        form = posts.form_of(body, part, out)
        items = part["media"]
        shown = [
            {"media_type": "IMAGE", "image_url": place, **({"alt_text": item["alt"]} if item["alt"] else {})}
            for place, item in zip(places, items, strict=False)
        ]
        if len(shown) > 1:
            children = [containers.make(**picture, is_carousel_item="true") for picture in shown]
            form |= {"media_type": "CAROUSEL", "children": ",".join(children)}
            return containers.gather(children, **form)
        form |= shown[0] if shown else {"media_type": "TEXT"}
        return containers.make_after(**form) if out else containers.make(**form)

    def _receipt(self, ids: Sequence[str]) -> Receipt:
        name = str(self._connection.limits.get("username") or "")
        url = reading.permalink(self._line, ids[0], posts.profile(name))
        return Receipt(ids[0], url, tuple(ids), f"id {ids[0]}")

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        raise Rejected(NO_EDIT)

    def retract(self, receipt: Receipt) -> None:
        self._begin()
        parts = receipt.parts or (receipt.remote_id,)
        # The last part first: a thread never stands there without its beginning.
        for post_id in reversed(parts):
            reading.delete(self._line, post_id, ["/me/threads", "/me/replies"])

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        try:
            self._begin()
            found = posts.look_for(self._line, payload.body, begun)
        except AdapterError as error:
            return cannot_tell(error)
        if isinstance(found, CannotTell):
            return found
        if not found:
            return NotFound()
        if len(found) < len(payload.body["parts"]):
            # There is no key by which the rest could be added without repeating the beginning.
            return CannotTell(PARTLY_OUT)
        return self._receipt(found)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        return CannotTell(NO_EDIT)

    # --- Who am I ---------------------------------------------------------------------------------
    def check(self) -> Health:
        try:
            self._begin()
            me = self._line.graph("GET", "/me", query={"fields": "id,username"})
            number, name = me.text("id"), me.text("username")
        except AdapterError as error:
            return Health(False, problem=error.public)
        per_day = int(self.default_limits["posts_per_day"])
        used, most = reading.quota(self._line, "/me/threads_publishing_limit", per_day)
        line = GraphLine(self._connection.client, self._base_url, self._session, _VERSION)
        looked = looked_at(line, by_app=False)
        missing = missing_rights(self._session, looked, RIGHTS + RIGHTS_TO_REPLY)
        problem = RIGHTS_MISSING if missing else DAY_IS_FULL if used >= most else ""
        return Health(
            not problem,
            account=f"https://www.threads.com#{number}",
            handle=f"@{name}",
            url=posts.profile(name),
            problem=problem,
            params={"rights": missing} if missing else {},
            expires_at=looked.expires or self._session.expires,
            limits={**self.default_limits, "username": name, "posts_per_day": most},
        )
