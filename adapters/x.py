"""X, over its API v2, in the name of one account.

X knows no key, but refuses the same words again soon after (`Duplicate`), and an account's posts can be read
back. A thread is a chain of replies to oneself. Every post costs money, more when it has a link (`price`). An
edit exists there for paying accounts, for half an hour, and gives the post another id: it is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, ClassVar
from urllib.parse import quote

from adapters import validating
from adapters import x_reading as reading
from adapters.base import (
    AdapterError,
    Ambiguous,
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
    Unavailable,
    gettext_noop,
    lent,
)
from adapters.http import BAD_SECRET, cannot_tell
from adapters.media import approved_bytes, file_name, rules_of
from adapters.x_counting import length, links
from adapters.x_session import Session, TokenLine, XLine

_API = "https://api.x.com"
_POLLS = 10
_MAY_ANSWER = ("following", "mentionedUsers", "verified")
_NEEDED = {"tweet.read", "tweet.write", "users.read", "media.write"}
_CASHTAG = re.compile(
    r"(?:^|(?<=\s))\$[A-Za-z]{1,6}(?:[._][A-Za-z]{1,2})?(?=$|[\s!'#%&()*+,\\\-./:;<=>?@\[\]^_{|}~$])"
)
_NEVER = re.compile("[\ufffe\ufeff\uffff]")

PARTLY_OUT = gettext_noop("Only the first parts of the thread went out. The rest is missing.")
NO_EDIT = gettext_noop("A post on X cannot be edited from here: retract it and publish another.")
MISSING_SCOPE = gettext_noop(
    "The sign-in may not publish: make one with the scopes tweet.read, tweet.write, users.read, media.write and"
    " offline.access."
)
STILL_WORKING = gettext_noop("The network is still working on a file. Nothing became public.")
BAD_FILE = gettext_noop("The network could not use a file. Nothing was sent.")


class X:
    """One account on X."""

    network: ClassVar[str] = "x"
    label: ClassVar[str] = "X"
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=True,
        max_media=4,
        delete=True,
        read_back=True,
        reply=True,
        # 100 posts and 50 deletions in a quarter of an hour.
        posts_per_minute=6,
        deletes_per_minute=3,
        priced=True,
        renews=True,
        signs_in=True,
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting(
            "base_url",
            gettext_noop("Address of the API"),
            required=False,
            kind="url",
            help=gettext_noop("Leave empty for https://api.x.com."),
        ),
    )
    secret_label: ClassVar[str] = gettext_noop("Sign-in (JSON with client_id and refresh_token)")
    options: ClassVar[Sequence[Option]] = (
        Option(
            "reply_settings",
            gettext_noop("Who may reply"),
            kind="choice",
            choices=(
                ("", gettext_noop("Everyone")),
                ("following", gettext_noop("Whom the account follows")),
                ("mentionedUsers", gettext_noop("Who is mentioned")),
                ("verified", gettext_noop("Verified accounts")),
            ),
        ),
    )
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 280,
        "characters_reserved_per_url": 23,
        "max_media_attachments": 4,
        "supported_mime_types": ["image/jpeg", "image/png", "image/webp"],
        "image_size_limit": 5_242_880,
        "image_matrix_limit": 67_108_864,
        "description_limit": 1000,
        "max_cashtags": 1,
        "price_usd": "0.015",
        "price_with_link_usd": "0.200",
        "user_id": "",
        "username": "",
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        own = {**cls.default_limits, **limits}
        return [
            *validating.problems(content, {**own, "max_characters": 10**9}, ()),
            *validating.not_offered(content, cls.capabilities),
            *_text_problems(content, own),
            *_reply_problems(content),
        ]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        return _counts(content, {**cls.default_limits, **limits})

    @classmethod
    def price(cls, content: Content, limits: Mapping[str, Any]) -> Decimal:
        """What X charges for publishing this, in US dollars: each part of a thread is a post, and dearer when
        it has a link."""
        own = {**cls.default_limits, **limits}
        names = [
            "price_with_link_usd" if any(links(text)) else "price_usd" for text in validating.texts(content)
        ]
        return sum((Decimal(str(own[name])) for name in names), Decimal(0))

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = {
            "parts": validating.parts(content),
            "reply_to": reading.reply_target(content.reply_to),
            "reply_settings": content.options.get("reply_settings", ""),
        }
        return Payload(cls.network, channel, body, ("media_ids", "in_reply_to_tweet_id"))

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._base_url = str(connection.settings.get("base_url") or _API)
        self._session = Session.read(connection.secret).lend(lent(connection.app, self._base_url, _API))
        self._line = XLine(connection.client, self._base_url, self._session)

    # --- Signing in -------------------------------------------------------------------------------
    def renew(self) -> Renewal:
        """A bare access token cannot be renewed: it is merely looked whether it still lives."""
        if not self._session.refresh:
            if not self._session.access:
                raise AuthFailed(BAD_SECRET)
            self._me()
            return Renewal(self._session.dump(), self._session.expires)
        now, line = datetime.now(UTC), TokenLine(self._connection.client, self._base_url, self._session)
        try:
            fresh = line.trade(now)
        except AuthFailed:
            alone = self._session.alone(now)
            if alone is None:
                raise
            fresh = alone
        return Renewal(fresh.dump(), fresh.expires)

    # --- Sending ----------------------------------------------------------------------------------
    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        self._line.ready()
        parts = payload.body["parts"]
        # Everything that may fail harmlessly comes before the first public byte.
        uploaded = [[self._upload(item) for item in part["media"]] for part in parts]
        out: list[str] = []
        for part, media_ids in zip(parts, uploaded, strict=True):
            form = self._form(payload.body, part, media_ids, out)
            try:
                answer = self._line.ask("POST", "/2/tweets", creates=True, json=form)
                out.append(reading.id_in(answer))
            except AdapterError as error:
                if not out:
                    raise
                # Something is public already, so nothing that is safe to repeat may be claimed.
                raise Ambiguous(
                    PARTLY_OUT, status=error.status, detail=error.detail or error.public
                ) from None
        return reading.receipt(out, self._username())

    @staticmethod
    def _form(
        body: Mapping[str, Any], part: Mapping[str, Any], media_ids: list[str], out: list[str]
    ) -> dict[str, Any]:
        form: dict[str, Any] = {"text": part["text"]} if part["text"] else {}
        if media_ids:
            form["media"] = {"media_ids": media_ids}
        answers = out[-1] if out else body["reply_to"]
        if answers:
            form["reply"] = {"in_reply_to_tweet_id": answers}
        elif body["reply_settings"]:
            form["reply_settings"] = body["reply_settings"]
        return form

    def _upload(self, item: Mapping[str, Any]) -> str:
        file = (file_name(item), approved_bytes(self._connection, item), item["mime"])
        form = {"media_category": "tweet_image", "media_type": item["mime"]}
        answer = self._line.ask("POST", "/2/media/upload", files={"media": file}, data=form)
        media_id = reading.id_in(answer)
        polls = 0
        while (progress := _progress(answer.mapping())) not in {"", "succeeded"}:
            if progress == "failed":
                raise Rejected(BAD_FILE)
            if polls == _POLLS:
                raise Unavailable(STILL_WORKING)
            polls += 1
            query = {"command": "STATUS", "media_id": media_id}
            answer = self._line.ask("GET", "/2/media/upload", params=query)
        if item["alt"]:
            described = {"id": media_id, "metadata": {"alt_text": {"text": item["alt"]}}}
            self._line.ask("POST", "/2/media/metadata", json=described)
        return media_id

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        raise Rejected(NO_EDIT)

    def retract(self, receipt: Receipt) -> None:
        self._line.begin()
        self._line.ready()
        # The last part first: a thread never stands there without its beginning.
        for post_id in reversed(receipt.parts or (receipt.remote_id,)):
            answer = self._line.ask("DELETE", f"/2/tweets/{quote(post_id, safe='')}", accept={404})
            if answer.status in {204, 404}:
                continue
            said = answer.mapping()
            data, errors = said.get("data"), said.get("errors")
            first = errors[0] if isinstance(errors, list) and errors else None
            gone = isinstance(first, dict) and str(first.get("type")).endswith("resource-not-found")
            if not gone and (not isinstance(data, dict) or data.get("deleted") is not True):
                raise answer.unclear()

    # --- Looking ----------------------------------------------------------------------------------
    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        self._line.begin()
        try:
            self._line.ready()
            user = str(self._connection.limits.get("user_id") or "") or str(self._me()["id"])
            found = reading.look_for(self._line, user, payload.body, begun)
        except AdapterError as error:
            return cannot_tell(error)
        if isinstance(found, CannotTell):
            return found
        if not found:
            return NotFound()
        if len(found) < len(payload.body["parts"]):
            # There is no key by which the rest could be added without repeating the beginning.
            return CannotTell(PARTLY_OUT)
        return reading.receipt(found, self._username())

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        return CannotTell(NO_EDIT)

    def check(self) -> Health:
        self._line.begin()
        try:
            self._line.ready()
            me = self._me()
        except AdapterError as error:
            return Health(False, problem=error.public)
        granted = set(self._session.scope.split())
        problem = MISSING_SCOPE if granted and not granted >= _NEEDED else ""
        name = str(me.get("username") or "")
        return Health(
            not problem,
            account=f"https://x.com#{me['id']}",
            handle=f"@{name}",
            url=f"https://x.com/{quote(name, safe='')}",
            problem=problem,
            # A token that is renewed by itself ends nothing.
            expires_at=None if self._session.refresh else self._session.expires,
            limits={**self.default_limits, "user_id": str(me["id"]), "username": name},
        )

    def _me(self) -> Mapping[str, Any]:
        answer = self._line.ask("GET", "/2/users/me")
        reading.id_in(answer)
        data: Mapping[str, Any] = answer.mapping()["data"]
        return data

    def _username(self) -> str:
        return str(self._connection.limits.get("username") or "")


def _progress(said: Mapping[str, Any]) -> str:
    """How far X is with a file; empty when it needs no time for it."""
    data = said.get("data")
    info = data.get("processing_info") if isinstance(data, dict) else None
    return str(info.get("state") or "") if isinstance(info, dict) else ""


def _counts(content: Content, limits: Mapping[str, Any]) -> list[Count]:
    per_link, most = int(limits["characters_reserved_per_url"]), int(limits["max_characters"])
    return [
        Count(length(text, per_link), most, part=place)
        for place, text in enumerate(validating.texts(content))
    ]


def _text_problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    for count, text in zip(_counts(content, limits), validating.texts(content), strict=True):
        field, place = "thread" if count.part else "text", {"part": count.part + 1}
        yield from validating.too_long([count])
        if _NEVER.search(text):
            message = gettext_noop("The text contains a control character that nobody can see: remove it.")
            yield Problem("control_character", field, message, place)
        tags, most = len(_CASHTAG.findall(text)), int(limits["max_cashtags"])
        if tags > most:
            message = gettext_noop("The text has %(count)s signs like $ABC; X takes %(limit)s in a post.")
            yield Problem("cashtags", field, message, {"count": tags, "limit": most, **place})


def _reply_problems(content: Content) -> Iterable[Problem]:
    if content.reply_to.strip() and not reading.post_id(content.reply_to):
        message = gettext_noop("Give the address of the post to reply to, or its number.")
        yield Problem("reply_unknown", "reply_to", message)
    chosen = content.options.get("reply_settings", "")
    if chosen and chosen not in _MAY_ANSWER:
        message = gettext_noop("X does not know this choice of who may reply.")
        yield Problem("reply_settings_unknown", "reply_settings", message)
    elif chosen and content.reply_to.strip():
        message = gettext_noop("Who may reply is chosen by the post that is replied to: leave it open here.")
        yield Problem("reply_settings_of_a_reply", "reply_settings", message)
