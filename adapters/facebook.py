"""A Facebook Page, over Meta's Graph API.

Facebook knows no key, but refuses the same words twice in a row (`Duplicate`), and a Page's posts can be read back.
Pictures are uploaded without being shown, then published with their post. A link without pictures becomes a card,
which Facebook makes from the page behind it. An edit changes the words alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

from adapters import facebook_posts as posts
from adapters import graph_reading as reading
from adapters import validating
from adapters.base import (
    AdapterError,
    AuthFailed,
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
    Renewal,
    Setting,
    gettext_noop,
    lent,
)
from adapters.graph import VERSION, GraphLine, Session, demand_version
from adapters.graph_tokens import RIGHTS_MISSING, lasting, looked_at, missing_rights
from adapters.http import BAD_SECRET, cannot_tell
from adapters.media import approved_bytes, file_name, rules_of

RIGHTS = ("pages_manage_posts", "pages_read_engagement", "pages_show_list")
# A Page's token that is refused so soon after it was given is not helped by another one.
_FRESH = timedelta(minutes=10)
# A person's token lives 60 days: half-way it is traded for another 60.
_TRADED = timedelta(days=30)

NO_PAGE = gettext_noop("The Page's number is missing: it stands on the Page under About, Page transparency.")
NOT_THE_PAGES = gettext_noop(
    "The access token is not this Page's: give that of a person who may publish on the Page, or the Page's own."
)
ONE_PART = gettext_noop("This network has no threads. Nothing was sent.")
NOT_THERE = gettext_noop("The post is no longer on Facebook.")


class Facebook:
    """One Page."""

    API: ClassVar[str] = "https://graph.facebook.com"
    network: ClassVar[str] = "facebook"
    label: ClassVar[str] = "Facebook"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_media=10,
        edit=True,
        edit_keeps=("pictures", "link"),
        delete=True,
        read_back=True,
        # Meta limits the calls of a day, by how many people the Page reaches: this merely keeps a burst short.
        posts_per_minute=10,
        deletes_per_minute=10,
        renews=True,
        signs_in=True,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "page",
            gettext_noop("Page's number"),
            help=gettext_noop("It stands on the Page under About, Page transparency."),
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
            help=gettext_noop("Leave empty for https://graph.facebook.com."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop(
        "Access token (or JSON with user_access_token, client_id and client_secret)"
    )
    options: ClassVar[Sequence[Option]] = ()
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 63_206,
        # How many Facebook takes is not documented; ten are known to work.
        "max_media_attachments": 10,
        "supported_mime_types": ["image/jpeg", "image/png"],
        # Less than 10 MB.
        "image_size_limit": 9_999_999,
        # The next two are not documented.
        "image_matrix_limit": 67_108_864,
        "description_limit": 1000,
    }

    # --- Before anything is sent ------------------------------------------------------------------
    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        found = validating.problems(content, {**own, **validating.ANY_LENGTH}, ())
        found += validating.not_offered(content, cls.capabilities)
        found += validating.too_long(cls.count(content, own))
        return found

    media_rules = classmethod(rules_of)

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
            # Apart from the text, since an edit cannot change them.
            "pictures": [{"sha256": item["sha256"], "alt": item["alt"]} for item in parts[0]["media"]],
            "link": posts.card_of(content),
        }
        return Payload(cls.network, channel, body, ("attached_media",))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._base_url = str(connection.settings.get("base_url") or self.API)
        self._version = str(connection.settings.get("api_version") or VERSION).strip()
        self._session = Session.read(connection.secret).lend(lent(connection.app, self._base_url, self.API))
        self._line = self._as(self._session, _FRESH if self._session.user else None)

    def _as(self, session: Session, renews_after: timedelta | None = None) -> GraphLine:
        return GraphLine(
            self._connection.client,
            self._base_url,
            session,
            self._version,
            renews_after=renews_after,
            proves=True,
        )

    def _page(self) -> str:
        number = str(self._connection.settings.get("page") or "").strip()
        if not re.fullmatch(r"[0-9]{1,20}", number):
            raise Rejected(NO_PAGE)
        demand_version(self._version)
        return number

    def _begin(self) -> str:
        """The Page's number. Raises before anything is sent by whom may not."""
        self._line.begin()
        page = self._page()
        self._line.ready()
        return page

    # --- Signing in -------------------------------------------------------------------------------
    def renew(self) -> Renewal:
        """A Page's own token is kept as it is. A person's is traded for one that lasts, and that for the Page's,
        which then has no end."""
        page, session = self._page(), self._session
        if session.access and not session.user:
            if _who(self._as(session))[0] == page:
                return Renewal(self._connection.secret, looked_at(self._as(session)).expires)
            session = replace(session, user=session.access, access="", issued=None)
        if not session.user:
            raise AuthFailed(BAD_SECRET)
        if session.renewed_lately(_TRADED) and self._still_good(session, page):
            return Renewal(self._connection.secret, session.expires)
        return self._traded(replace(session, access=session.user), page)

    def _still_good(self, session: Session, page: str) -> bool:
        try:
            return bool(session.access) and _who(self._as(session))[0] == page
        except AuthFailed:
            return False

    def _traded(self, person: Session, page: str) -> Renewal:
        if person.client_id and person.client_secret:
            person = lasting(self._connection.client, self._base_url, person, self._version)
        answer = self._as(person).graph("GET", f"/{page}", query={"fields": "access_token"})
        token = answer.mapping().get("access_token")
        if not isinstance(token, str) or not token:
            raise AuthFailed(NOT_THE_PAGES)
        fresh = replace(person, access=token, user=person.access, issued=datetime.now(UTC), expires=None)
        fresh = replace(fresh, expires=looked_at(self._as(fresh)).expires)
        return Renewal(fresh.dump(), fresh.expires)

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        body, page = _one_part(payload), self._begin()
        # Everything that may fail harmlessly comes before the first public byte.
        photos = self._upload(page, body["parts"][0]["media"])
        form: dict[str, Any] = {}
        if body["parts"][0]["text"]:
            form["message"] = body["parts"][0]["text"]
        if photos:
            form["attached_media"] = [{"media_fbid": photo} for photo in photos]
        if body["link"]:
            form["link"] = body["link"]
        answer = self._line.graph("POST", f"/{page}/feed", creates=True, json=form)
        return posts.receipt(reading.id_in(answer))

    def _upload(self, page: str, items: Sequence[Mapping[str, Any]]) -> list[str]:
        # Every file is looked at before the first leaves: a replaced one stops all of them.
        files = [
            (file_name(item), approved_bytes(self._connection, item), str(item["mime"])) for item in items
        ]
        photos: list[str] = []
        for item, file in zip(items, files, strict=True):
            form = {"published": "false"}
            if item["alt"]:
                form["alt_text_custom"] = item["alt"]
            answer = self._line.graph("POST", f"/{page}/photos", data=form, files={"source": file})
            photos.append(reading.id_in(answer))
        return photos

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        body = _one_part(payload)
        self._begin()
        form = {"message": body["parts"][0]["text"]}
        path = f"/{reading.quoted(receipt.remote_id)}"
        answer = self._line.graph("POST", path, creates=True, missing=True, json=form)
        if answer.status == 404:
            raise Rejected(NOT_THERE, status=404)
        if answer.mapping().get("success") not in {True, "true"}:
            raise answer.unclear()
        return posts.receipt(receipt.remote_id)

    def retract(self, receipt: Receipt) -> None:
        page = self._begin()
        reading.delete(self._line, receipt.remote_id, [f"/{page}/published_posts"])

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        try:
            found = posts.look_for(self._line, self._begin(), payload.body, begun)
        except AdapterError as error:
            return cannot_tell(error)
        if isinstance(found, CannotTell):
            return found
        return posts.receipt(found) if found else NotFound()

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        """Pictures and links are never compared: an edit cannot have changed them."""
        try:
            self._begin()
            path = f"/{reading.quoted(receipt.remote_id)}"
            answer = self._line.graph("GET", path, missing=True, query={"fields": "id,message"})
            if answer.status == 404:
                return NotFound()
            answer.text("id")
        except AdapterError as error:
            return cannot_tell(error)
        says = posts.says(answer.mapping(), payload.body)
        return posts.receipt(receipt.remote_id) if says else NotFound()

    # --- Who am I ---------------------------------------------------------------------------------
    def check(self) -> Health:
        try:
            page = self._begin()
            number, name = _who(self._line)
        except AdapterError as error:
            return Health(False, problem=error.public)
        if number != page:
            return Health(False, problem=NOT_THE_PAGES)
        looked = looked_at(self._line)
        missing = missing_rights(self._session, looked, RIGHTS)
        return Health(
            not missing,
            account=f"https://www.facebook.com#{page}",
            handle=name or page,
            url=f"https://www.facebook.com/{page}",
            problem=RIGHTS_MISSING if missing else "",
            params={"rights": missing} if missing else {},
            # What is renewed by itself ends nothing.
            expires_at=None if self._session.user else looked.expires or self._session.expires,
            limits=dict(self.default_limits),
        )


def _who(line: GraphLine) -> tuple[str, str]:
    """Whose token it is: the number and the name of a Page, or of a person."""
    answer = line.graph("GET", "/me", query={"fields": "id,name"})
    return answer.text("id"), str(answer.mapping().get("name") or "")


def _one_part(payload: Payload) -> Mapping[str, Any]:
    if len(payload.body["parts"]) != 1:
        raise Rejected(ONE_PART)
    return payload.body
