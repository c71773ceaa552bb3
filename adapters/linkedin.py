"""LinkedIn, over its versioned REST API, in the name of an organisation's page.

LinkedIn knows no key, but refuses the same words again soon after (`Duplicate`), and an organisation's posts can
be read back. A link becomes a card, whose words are ours: LinkedIn does not look at the page itself. An edit
changes the words alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import quote

from adapters import linkedin_reading as reading
from adapters import linkedin_writing as writing
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
from adapters.http import BAD_SECRET, cannot_tell
from adapters.linkedin_session import (
    MAY_NOT,
    RIGHTS,
    SIGN_IN_AGAIN,
    LinkedInLine,
    Session,
    TokenLine,
)
from adapters.linkedin_text import length, little
from adapters.media import approved_bytes, rules_of

API, PAGES = "https://api.linkedin.com", "https://www.linkedin.com"
# LinkedIn serves a version for a year; a channel's setting names a newer one.
VERSION = "202607"
_MAY_POST = {
    "ADMINISTRATOR",
    "CONTENT_ADMINISTRATOR",
    "CONTENT_ADMIN",
    "DIRECT_SPONSORED_CONTENT_POSTER",
}
_ACL_PAGE, _ACL_PAGES = 100, 5

NO_ORGANISATION = gettext_noop(
    "The organisation's number is missing: it stands in the address of its page for administrators."
)
BAD_VERSION = gettext_noop("A version of LinkedIn's API is a year and a month, for example 202607.")
NO_ROLE = gettext_noop(
    "The person who signed in has no role on the organisation's page that may publish: make them an"
    " administrator or content administrator there."
)
ONE_PART = gettext_noop("This network has no threads. Nothing was sent.")
NOT_THERE = gettext_noop("The post is no longer on LinkedIn.")


class LinkedIn:
    """One organisation's page."""

    network: ClassVar[str] = "linkedin"
    label: ClassVar[str] = "LinkedIn"
    capabilities: ClassVar[Capabilities] = Capabilities(
        max_media=20,
        edit=True,
        edit_keeps=("pictures", "link", *writing.CARD),
        delete=True,
        read_back=True,
        # LinkedIn limits the calls of a day and not those of a minute: this merely keeps a burst short.
        posts_per_minute=10,
        deletes_per_minute=10,
        renews=True,
        signs_in=True,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "organization",
            gettext_noop("Organisation's number"),
            help=gettext_noop(
                "It stands in the address of the page for administrators: linkedin.com/company/12345/admin."
            ),
        ),
        Setting(
            "api_version",
            gettext_noop("Version of the API"),
            required=False,
            help=gettext_noop("A year and a month, for example 202607. Leave empty for the one we know."),
        ),
        Setting(
            "base_url",
            gettext_noop("Address of the API"),
            required=False,
            kind="url",
            help=gettext_noop("Leave empty for https://api.linkedin.com."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop(
        "Access token (or JSON with access, refresh, expires_at, client_id and client_secret)"
    )
    options: ClassVar[Sequence[Option]] = (
        Option(
            "link_title",
            gettext_noop("Title of the link's card"),
            help=gettext_noop("Without pictures, a link is shown as a card. Empty: the site's name."),
        ),
        Option("link_description", gettext_noop("Text of the link's card")),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 3000,
        "max_media_attachments": 20,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif"],
        # Not documented: what LinkedIn's own page takes.
        "image_size_limit": 8_388_608,
        # Fewer than 36,152,320 pixels.
        "image_matrix_limit": 36_152_319,
        "description_limit": 4086,
        "link_title_limit": 400,
        "link_description_limit": 4086,
    }

    # --- Before anything is sent ------------------------------------------------------------------
    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        found = validating.problems(content, {**own, **validating.ANY_LENGTH}, ())
        found += validating.not_offered(content, cls.capabilities)
        found += validating.too_long(cls.count(content, own))
        return [*found, *writing.card_problems(content, own)]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        """What readers see: neither backslashes nor the hashtags' templates count."""
        most = int({**cls.default_limits, **limits}["max_characters"])
        return [Count(length(text), most, part=place) for place, text in enumerate(writing.texts_of(content))]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        parts = validating.parts(content)
        parts[0] = {**parts[0], "text": writing.texts_of(content)[0]}
        body = {
            "parts": parts,
            "commentary": little(parts[0]["text"]),
            # Apart from the text, since an edit cannot change them.
            "pictures": [{"sha256": item["sha256"], "alt": item["alt"]} for item in parts[0]["media"]],
            "visibility": "PUBLIC",
            **writing.card_of(content),
        }
        return Payload(cls.network, channel, body, ("images",))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        base_url = str(connection.settings.get("base_url") or API)
        # Signing in has a host of its own; a server that stands in for LinkedIn is both.
        self._sign_in_url = PAGES if base_url.rstrip("/") == API else base_url
        self._session = Session.read(connection.secret).lend(lent(connection.app, base_url, API))
        version = str(connection.settings.get("api_version") or VERSION).strip()
        self._line = LinkedInLine(connection.client, base_url, self._session, version)
        self._version = version

    def _author(self) -> str:
        return f"urn:li:organization:{self._number()}"

    def _number(self) -> str:
        given = str(self._connection.settings.get("organization") or "").strip()
        number = given.removeprefix("urn:li:organization:")
        if not re.fullmatch(r"[0-9]{1,18}", number):
            raise Rejected(NO_ORGANISATION)
        if not re.fullmatch(r"20[0-9]{4}", self._version):
            raise Rejected(BAD_VERSION)
        return number

    # --- Signing in -------------------------------------------------------------------------------
    def renew(self) -> Renewal:
        """Without a refresh token, which few apps get, the secret stays as it is until its end."""
        now, session = datetime.now(UTC), self._session
        if not session.access and not session.renewable:
            raise AuthFailed(BAD_SECRET)
        if session.renewable:
            if session.refresh_expires is not None and now >= session.refresh_expires:
                raise AuthFailed(SIGN_IN_AGAIN)
            try:
                fresh = self._tokens().trade(now)
            except AuthFailed:
                alone = session.alone(now)
                if alone is None:
                    raise
                fresh = alone
            return Renewal(fresh.dump(), fresh.expires)
        expires = self._expires()
        if expires is not None and now >= expires:
            raise AuthFailed(SIGN_IN_AGAIN)
        return Renewal(self._connection.secret, expires)

    def _tokens(self) -> TokenLine:
        return TokenLine(self._connection.client, self._sign_in_url, self._session)

    def _expires(self) -> datetime | None:
        """When the access token ends: as we were told, or as LinkedIn tells the app it was made for."""
        session = self._session
        if session.expires is not None or not (session.client_id and session.client_secret):
            return session.expires
        return self._tokens().ends()

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        body = _one_part(payload)
        self._line.begin()
        author = self._author()
        self._line.ready()
        # Everything that may fail harmlessly comes before the first public byte.
        images = self._upload(author, body["parts"][0]["media"])
        form = {
            "author": author,
            "commentary": body["commentary"],
            "visibility": body["visibility"],
            "distribution": {
                "feedDistribution": "MAIN_FEED",
                "targetEntities": [],
                "thirdPartyDistributionChannels": [],
            },
            "lifecycleState": "PUBLISHED",
            "isReshareDisabledByAuthor": False,
        }
        content = writing.shown(body, images)
        if content:
            form["content"] = content
        return reading.receipt(reading.urn_in(self._line.rest("POST", "/posts", creates=True, json=form)))

    def _upload(self, author: str, items: Sequence[Mapping[str, Any]]) -> list[str]:
        # Every file is looked at before the first leaves: a replaced one stops all of them.
        contents = [approved_bytes(self._connection, item) for item in items]
        return [self._upload_one(author, content) for content in contents]

    def _upload_one(self, author: str, content: bytes) -> str:
        asked = {"initializeUploadRequest": {"owner": author}}
        answer = self._line.rest("POST", "/images?action=initializeUpload", json=asked)
        value = answer.mapping().get("value")
        value = value if isinstance(value, dict) else {}
        address, image = value.get("uploadUrl"), value.get("image")
        if not isinstance(address, str) or not isinstance(image, str) or not image.startswith("urn:li:"):
            raise answer.unclear()
        self._line.put(address, content)
        return image

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        body = _one_part(payload)
        self._line.begin()
        self._author()
        self._line.ready()
        form = {"patch": {"$set": {"commentary": body["commentary"]}}}
        path = reading.path_of(receipt.remote_id)
        try:
            self._line.rest("POST", path, creates=True, action="PARTIAL_UPDATE", json=form)
        except Rejected as error:
            if error.status not in {404, 410}:
                raise
            raise Rejected(NOT_THERE, status=error.status, detail=error.detail) from None
        return reading.receipt(receipt.remote_id)

    def retract(self, receipt: Receipt) -> None:
        self._line.begin()
        self._author()
        self._line.ready()
        path = reading.path_of(receipt.remote_id)
        self._line.rest("DELETE", path, action="DELETE", accept={404, 410})

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        try:
            author = self._author()
            self._line.ready()
            found = reading.look_for(self._line, author, payload.body, begun)
        except AdapterError as error:
            return cannot_tell(error)
        if isinstance(found, CannotTell):
            return found
        return reading.receipt(found) if found else NotFound()

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        """Pictures and cards are never compared: an edit cannot have changed them."""
        self._line.begin()
        try:
            self._author()
            self._line.ready()
            path = reading.path_of(receipt.remote_id) + "?viewContext=AUTHOR"
            answer = self._line.rest("GET", path, accept={404, 410})
            if answer.status in {404, 410}:
                return NotFound()
            post = answer.mapping()
            if not reading.is_urn(post.get("id")):
                raise answer.unclear()
        except AdapterError as error:
            return cannot_tell(error)
        if payload.body["parts"][0]["media"] or not reading.says(post, payload.body):
            return NotFound()
        return reading.receipt(receipt.remote_id)

    # --- Who am I ---------------------------------------------------------------------------------
    def check(self) -> Health:
        self._line.begin()
        try:
            number = self._number()
            self._line.ready()
            page = self._line.rest("GET", f"/organizations/{number}").mapping()
            may = self._may_post()
            expires = self._ends()
        except AdapterError as error:
            return Health(False, problem=error.public)
        name = str(page.get("localizedName") or "")
        vanity = str(page.get("vanityName") or number)
        granted = set(self._session.scope.replace(",", " ").split())
        problem = "" if may else NO_ROLE
        # What it was given is known of a sign-in that was made from here.
        problem = MAY_NOT if granted and not granted >= RIGHTS else problem
        return Health(
            not problem,
            account=f"https://www.linkedin.com#{number}",
            handle=name or vanity,
            url=f"https://www.linkedin.com/company/{quote(vanity, safe='')}/",
            problem=problem,
            expires_at=expires,
            limits=dict(self.default_limits),
        )

    def _ends(self) -> datetime | None:
        """What a person will have to act on: the end of the refresh token, where there is one."""
        if self._session.renewable:
            return self._session.refresh_expires
        try:
            return self._expires()
        except AuthFailed:
            raise
        except AdapterError:
            # The page and the role were read: not knowing the end for once stops nothing.
            return None

    def _may_post(self) -> bool:
        """Whether the member who signed in has a role on the page that may publish."""
        author = self._author()
        for page in range(_ACL_PAGES):
            query = f"?q=roleAssignee&state=APPROVED&count={_ACL_PAGE}&start={page * _ACL_PAGE}"
            answer = self._line.rest("GET", f"/organizationAcls{query}", action="FINDER")
            rows = answer.mapping().get("elements")
            if not isinstance(rows, list):
                raise answer.unclear()
            if any(lets_post(row, author) for row in rows):
                return True
            if not rows:
                return False
        return False


def lets_post(row: object, author: str) -> bool:
    if not isinstance(row, dict):
        return False
    of = row.get("organization") or row.get("organizationTarget")
    return of == author and row.get("role") in _MAY_POST and row.get("state") == "APPROVED"


def _one_part(payload: Payload) -> Mapping[str, Any]:
    if len(payload.body["parts"]) != 1:
        raise Rejected(ONE_PART)
    return payload.body
