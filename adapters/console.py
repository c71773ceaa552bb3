"""Writes to the log instead of to a network: for trying the way of a post without any far side.

It has no memory. Whether something was written is for whoever reads the log to say, which makes
it also the smallest example of a network where an unknown outcome needs a person.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, ClassVar

from adapters import validating
from adapters.base import (
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
    canonical,
    gettext_noop,
)
from adapters.media import rules_of

_log = logging.getLogger("adapters.console")


class Console:
    """The log of this machine."""

    network: ClassVar[str] = "console"
    label: ClassVar[str] = gettext_noop("Console (the server's log)")
    capabilities: ClassVar[Capabilities] = Capabilities(threads=True, posts_per_minute=6000)
    settings: ClassVar[Sequence[Setting]] = ()
    secret_label: ClassVar[str] = ""
    options: ClassVar[Sequence[Option]] = ()
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 5000,
        "characters_reserved_per_url": 23,
        "max_media_attachments": 4,
        "supported_mime_types": ["image/jpeg", "image/png", "image/gif", "image/webp"],
        "image_size_limit": 52_428_800,
        "image_matrix_limit": 100_000_000,
        "description_limit": 1500,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        return validating.problems(content, {**cls.default_limits, **limits}, ())

    media_rules = classmethod(rules_of)

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        return validating.counts(content, {**cls.default_limits, **limits})

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        return Payload(cls.network, channel, {"parts": validating.parts(content)})

    def __init__(self, connection: Connection) -> None:
        self._channel = connection.channel

    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        _log.info("published %s as %s", canonical(payload.as_json()).decode(), key)
        return Receipt(remote_id=key, parts=(key,), answer="written to the log")

    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        return CannotTell(gettext_noop("A log cannot be asked: look there whether the post was written."))

    def retract(self, receipt: Receipt) -> None:
        raise Rejected(gettext_noop("What was written to the log stays there."))

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        raise Rejected(gettext_noop("What was written to the log stays there."))

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        return CannotTell(gettext_noop("A log cannot be asked: look there whether the post was written."))

    def check(self) -> Health:
        return Health(
            True, account=f"console#{self._channel}", handle="console", limits=dict(self.default_limits)
        )
