"""Instagram, over Meta's Graph API, for a professional account.

A post is made in two steps. Containers are made first, for which Instagram fetches the pictures at an address of ours;
nobody sees them. Then one is published. Instagram knows no key: before anything is sent, and after an answer that was
lost, the account's newest posts are read. A container's number is kept nowhere: it would say that its post is out, and
not which one it is. Nothing can be edited there.

Whoever signed in with Instagram talks to graph.instagram.com; whoever signed in with Facebook, whose tokens begin with
EAA, to graph.facebook.com, and they alone may delete.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import quote

from adapters import graph_pictures as pictures
from adapters import graph_reading as reading
from adapters import instagram_posts as posts
from adapters import validating
from adapters.base import (
    AdapterError,
    AuthFailed,
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
from adapters.graph import DAY_IS_FULL, VERSION, GraphLine, Session, demand_version
from adapters.graph_containers import Containers, addresses
from adapters.graph_tokens import DAY, RIGHTS_MISSING, Looked, lasting, looked_at, missing_rights, refreshed
from adapters.http import BAD_SECRET, cannot_tell, checked_base_url
from adapters.media import MediaRules

RIGHTS = ("instagram_business_basic", "instagram_business_content_publish")
RIGHTS_BY_FACEBOOK = ("instagram_basic", "instagram_content_publish", "pages_read_engagement")


NO_ACCOUNT = gettext_noop(
    "The account's number is missing or malformed: it is what Meta calls the Instagram account's ID."
)
ONE_PART = gettext_noop("This network has no threads. Nothing was sent.")
NO_PICTURE = gettext_noop("Instagram takes no post without a picture. Nothing was sent.")
NO_EDIT = gettext_noop("A post on Instagram cannot be edited from here: retract it and publish another.")
NO_DELETE = gettext_noop(
    "Instagram lets a post be deleted only for those who signed in with Facebook: delete it in the app."
)


class Instagram:
    """One professional account."""

    API: ClassVar[str] = "https://graph.instagram.com"
    FACEBOOK_API: ClassVar[str] = "https://graph.facebook.com"
    network: ClassVar[str] = "instagram"
    label: ClassVar[str] = "Instagram"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_media=10,
        delete=True,
        read_back=True,
        # A hundred posts and four hundred containers in a day: this merely keeps a burst short.
        posts_per_minute=6,
        deletes_per_minute=10,
        renews=True,
        signs_in=True,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "account",
            gettext_noop("Account's number"),
            required=False,
            help=gettext_noop(
                "Leave empty for the account that signed in; needed for a sign-in with Facebook."
            ),
        ),
        Setting(
            "api_version",
            gettext_noop("Version of the API"),
            required=False,
            help=gettext_noop("For example v26.0. Leave empty for the one we know."),
        ),
        Setting(
            "base_url",
            gettext_noop("Address of the API"),
            required=False,
            kind="url",
            help=gettext_noop("Leave empty for Instagram's own, or Facebook's for a sign-in with Facebook."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop(
        "Access token (or JSON with access_token, expires_at, client_id and client_secret)"
    )
    options: ClassVar[Sequence[Option]] = ()
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 2200,
        "max_hashtags": 30,
        "max_mentions": 20,
        "max_media_attachments": 10,
        "supported_mime_types": ["image/jpeg"],
        # Said to be 8 MB in one place and 8 MiB in another.
        "image_size_limit": 8_000_000,
        # A picture may be 320 to 1440 wide, and its width by its height 4:5 to 1.91:1.
        "image_width_min": 320,
        "image_side_limit": 1440,
        "image_matrix_limit": 1440 * 1440,
        "image_ratio_min": 0.8,
        "image_ratio_max": 1.91,
        "description_limit": 1000,
        "posts_per_day": 100,
        "user_id": "",
        "username": "",
    }

    # --- Before anything is sent ------------------------------------------------------------------
    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        found = validating.problems(content, {**own, **validating.ANY_LENGTH}, ())
        found += validating.not_offered(content, cls.capabilities)
        return [*found, *posts.problems(content, own, cls.count(content, own))]

    @classmethod
    def media_rules(cls, limits: Mapping[str, Any]) -> MediaRules:
        return pictures.rules({**cls.default_limits, **limits})

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        most = int({**cls.default_limits, **limits}["max_characters"])
        return [
            Count(posts.length(text), most, part=place)
            for place, text in enumerate(validating.texts(content))
        ]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = {"parts": validating.parts(content)}
        return Payload(cls.network, channel, body, ("image_url", "children", "creation_id"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        given = str(connection.settings.get("base_url") or "")
        session = Session.read(connection.secret)
        at_facebook = bool(given) and checked_base_url(given) == self.FACEBOOK_API
        self._by_facebook = at_facebook or session.access.startswith("EAA")
        self._base_url = given or (self.FACEBOOK_API if self._by_facebook else self.API)
        self._version = str(connection.settings.get("api_version") or VERSION).strip()
        own = self.FACEBOOK_API if self._by_facebook else self.API
        self._session = session.lend(lent(connection.app, self._base_url, own))
        self._line = GraphLine(
            connection.client,
            self._base_url,
            self._session,
            self._version,
            renews_after=DAY,
            proves=self._by_facebook,
        )

    def _account(self) -> str:
        number = str(self._connection.settings.get("account") or "").strip()
        if not re.fullmatch(r"[0-9]{0,20}", number) or (self._by_facebook and not number):
            raise Rejected(NO_ACCOUNT)
        demand_version(self._version)
        # Whoever signed in with Instagram is known by the last check, or simply is “me”.
        return number or str(self._connection.limits.get("user_id") or "me")

    def _begin(self) -> str:
        """The account's step in a path. Raises before anything is sent by whom may not."""
        self._line.begin()
        account = self._account()
        self._line.ready()
        return account

    # --- Signing in -------------------------------------------------------------------------------
    def renew(self) -> Renewal:
        client, session, secret = self._connection.client, self._session, self._connection.secret
        if not self._by_facebook:
            return refreshed(client, self._base_url, session, "ig", secret)
        if not session.access:
            raise AuthFailed(BAD_SECRET)
        expires = looked_at(self._plain()).expires or session.expires
        if not (session.client_id and session.client_secret) or session.renewed_lately(DAY):
            # A Page's token has no end; another one a person has to renew.
            self._plain().graph("GET", f"/{self._account()}", query={"fields": "id"})
            return Renewal(secret, expires)
        fresh = lasting(client, self._base_url, session, self._version)
        return Renewal(fresh.dump(), fresh.expires)

    def _plain(self) -> GraphLine:
        """A line that never asks for a renewal."""
        return GraphLine(
            self._connection.client, self._base_url, self._session, self._version, proves=self._by_facebook
        )

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        part, account = _one_part(payload), self._begin()
        if not part["media"]:
            raise Rejected(NO_PICTURE)
        places = addresses(self._connection, part["media"])
        # An attempt before this one may have published it after all.
        found = posts.look_for(self._line, account, payload.body, begun)
        if isinstance(found, CannotTell):
            raise Duplicate(found.why)
        if found:
            return self._receipt(found)
        containers = Containers(self._line, f"/{account}/media", "status_code", "status", "json")
        container = self._filled(containers, part, places)
        return self._receipt(containers.publish(f"/{account}/media_publish", container))

    @staticmethod
    def _filled(containers: Containers, part: Mapping[str, Any], places: Sequence[str]) -> str:
        """The container to publish, ready for it."""
        words = {"caption": part["text"]} if part["text"] else {}
        pictures: list[dict[str, Any]] = [
            {"image_url": place, **({"alt_text": item["alt"]} if item["alt"] else {})}
            for place, item in zip(places, part["media"], strict=True)
        ]
        if len(pictures) == 1:
            container = containers.make(**pictures[0], **words)
        else:
            children = [containers.make(**picture, is_carousel_item=True) for picture in pictures]
            form = {"media_type": "CAROUSEL", "children": ",".join(children), **words}
            container = containers.gather(children, **form)
        containers.wait_for(container)
        return container

    def _receipt(self, media_id: str) -> Receipt:
        name = str(self._connection.limits.get("username") or "")
        profile = f"https://www.instagram.com/{quote(name, safe='')}"
        url = reading.permalink(self._line, media_id, profile)
        return Receipt(media_id, url, (media_id,), f"id {media_id}")

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        raise Rejected(NO_EDIT)

    def retract(self, receipt: Receipt) -> None:
        account = self._begin()
        if not self._by_facebook:
            raise Rejected(NO_DELETE)
        reading.delete(self._line, receipt.remote_id, [f"/{account}/media"])

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        try:
            found = posts.look_for(self._line, self._begin(), payload.body, begun)
        except AdapterError as error:
            return cannot_tell(error)
        if isinstance(found, CannotTell):
            return found
        return self._receipt(found) if found else NotFound()

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        return CannotTell(NO_EDIT)

    # --- Who am I ---------------------------------------------------------------------------------
    def check(self) -> Health:
        try:
            account = self._begin()
            fields = "id,username" if self._by_facebook else "user_id,username"
            me = self._line.graph("GET", f"/{account}", query={"fields": fields})
            number, name = me.text("id" if self._by_facebook else "user_id"), me.text("username")
        except AdapterError as error:
            return Health(False, problem=error.public)
        per_day = int(self.default_limits["posts_per_day"])
        used, most = reading.quota(self._line, f"/{account}/content_publishing_limit", per_day)
        looked = looked_at(self._plain()) if self._by_facebook else Looked()
        needed = RIGHTS_BY_FACEBOOK if self._by_facebook else RIGHTS
        missing = missing_rights(self._session, looked, needed)
        problem = RIGHTS_MISSING if missing else DAY_IS_FULL if used >= most else ""
        return Health(
            not problem,
            account=f"https://www.instagram.com#{number}",
            handle=f"@{name}",
            url=f"https://www.instagram.com/{quote(name, safe='')}",
            problem=problem,
            params={"rights": missing} if missing else {},
            expires_at=looked.expires or self._session.expires,
            limits={**self.default_limits, "user_id": number, "username": name, "posts_per_day": most},
        )


def _one_part(payload: Payload) -> Mapping[str, Any]:
    if len(payload.body["parts"]) != 1:
        raise Rejected(ONE_PART)
    part: Mapping[str, Any] = payload.body["parts"][0]
    return part
