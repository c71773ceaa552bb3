"""What a person posts by hand: stories, TikTok, Google Business, and whatever else has no API for us.

The whole way up to the last step is that of every network: limits, the sealed bytes, the gate, the permit.
Then nothing is sent. `publish` demands its permit and hands over (`ByHand`): somebody with a phone gets a page
with exactly the approved bytes, posts them, and says so. Only they can know whether it is out, so nothing is
looked up, edited or deleted from here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from adapters import validating
from adapters.base import (
    ByHand,
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
from adapters.counting import graphemes
from adapters.media import rules_of

A_PERSON_POSTS = gettext_noop("No machine sends anything here: a person posts it.")
_ONLY_A_PERSON = gettext_noop("Only the person who posts there can say whether it is out.")
_CHANGE_IT_THERE = gettext_noop("What was posted by hand is changed or deleted by hand, where it is.")
_MOST = 20


class Manual:
    """One place where somebody posts by hand. `place` is what people call it; `account`, where it is given,
    belongs to one brand of the installation, as everywhere else."""

    network: ClassVar[str] = "manual"
    label: ClassVar[str] = gettext_noop("By hand (stories, TikTok, Google Business…)")
    capabilities: ClassVar[Capabilities] = Capabilities(
        threads=True, max_media=_MOST, reply=True, by_hand=True
    )
    settings: ClassVar[Sequence[Setting]] = (
        Setting("place", gettext_noop("Where it is posted"), help=gettext_noop("For example TikTok.")),
        Setting(
            "account",
            gettext_noop("The account there"),
            required=False,
            help=gettext_noop("For example @maison-lumiere. Another brand here cannot claim it too."),
        ),
        Setting(
            "open_url",
            gettext_noop("Address that opens the app or the site"),
            required=False,
            kind="url",
            help=gettext_noop("For example https://www.tiktok.com/upload."),
        ),
    )
    secret_label: ClassVar[str] = ""
    options: ClassVar[Sequence[Option]] = (
        Option(
            "how",
            gettext_noop("For whoever posts it"),
            help=gettext_noop("Music, sticker, where the text stands: it is approved with the rest."),
        ),
    )
    # Nobody tells us the limits of whatever place this is: far enough for any of them, and still bounded.
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 10_000,
        "characters_reserved_per_url": 23,
        "max_media_attachments": _MOST,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        "image_size_limit": 52_428_800,
        "image_matrix_limit": 100_000_000,
        "description_limit": 1500,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        # Lengths are counted below, link by link and letter by letter: no place tells us another way.
        rest = {**cls.default_limits, **limits, "max_characters": sys.maxsize}
        return [
            *validating.too_long(cls.count(content, limits)),
            *validating.problems(content, rest, ()),
            *validating.not_offered(content, cls.capabilities),
        ]

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        most = int({**cls.default_limits, **limits}["max_characters"])
        return [
            Count(graphemes(text), most, part=place) for place, text in enumerate(validating.texts(content))
        ]

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        body = {
            "parts": validating.parts(content),
            "reply_to": content.reply_to.strip(),
            "how": validating.tidy(content.options.get("how", "")),
        }
        return Payload(cls.network, channel, body)

    def __init__(self, connection: Connection) -> None:
        self._settings = connection.settings

    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        raise ByHand(A_PERSON_POSTS)

    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        return CannotTell(_ONLY_A_PERSON)

    def retract(self, receipt: Receipt) -> None:
        raise Rejected(_CHANGE_IT_THERE)

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        raise Rejected(_CHANGE_IT_THERE)

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        return CannotTell(_ONLY_A_PERSON)

    def check(self) -> Health:
        """There is nobody to ask: what can be said is whether the settings will do. Without an account there
        is nothing that two brands could both claim: either may well have a “TikTok”."""
        place, account, address = (
            validating.one_line(str(self._settings.get(name, "")))
            for name in ("place", "account", "open_url")
        )
        if not place:
            return Health(False, problem=gettext_noop("Say where it is posted: TikTok, for example."))
        if address and not _opens(address):
            return Health(
                False,
                problem=gettext_noop("The address that opens the app must begin with https://."),
            )
        return Health(
            True,
            account=f"{place}#{account.lstrip('@')}".casefold() if account else "",
            handle=account or place,
            url=address,
            limits=dict(self.default_limits),
        )


def _opens(address: str) -> bool:
    """Whether a page may link to it as “open the app”."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme == "https" and bool(parts.hostname)
