"""The product with one network more: "bare", which has neither keys nor read-back.

    python -m tests.faults.bare publish_worker

stands for `manage.py publish_worker`. An adapter is added to the registry's table, as `docs/adapters.md`
tells everybody who brings a network; nothing of the product is changed.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, ClassVar

from django.core.management import execute_from_command_line

from adapters import registry, validating
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
)
from adapters.http import Line


class Bare:
    """One account of a network that takes posts and can tell nothing about them afterwards."""

    network: ClassVar[str] = "bare"
    label: ClassVar[str] = "Bare"
    capabilities: ClassVar[Capabilities] = Capabilities(posts_per_minute=6000)
    settings: ClassVar[Sequence[Setting]] = (Setting("base_url", "Address"), Setting("account", "Account"))
    secret_label: ClassVar[str] = ""
    options: ClassVar[Sequence[Option]] = ()
    default_limits: ClassVar[Mapping[str, Any]] = {
        "max_characters": 500,
        "characters_reserved_per_url": 23,
        "max_media_attachments": 0,
        "supported_mime_types": [],
        "image_size_limit": 1,
        "image_matrix_limit": 1,
        "description_limit": 1,
    }

    @classmethod
    def validate(cls, content: Content, limits: Mapping[str, Any]) -> list[Problem]:
        return validating.problems(content, {**cls.default_limits, **limits}, ())

    @classmethod
    def count(cls, content: Content, limits: Mapping[str, Any]) -> list[Count]:
        return validating.counts(content, {**cls.default_limits, **limits})

    @classmethod
    def render(cls, content: Content, channel: str, limits: Mapping[str, Any]) -> Payload:
        return Payload(cls.network, channel, {"parts": validating.parts(content)})

    def __init__(self, connection: Connection) -> None:
        self._line = Line(connection.client, str(connection.settings["base_url"]), connection.secret)
        self._account = str(connection.settings["account"])

    def publish(self, payload: Payload, permit: Permit, key: str, begun: datetime) -> Receipt:
        permit.demand(payload)
        self._line.begin()
        (part,) = payload.body["parts"]
        form = {"account": self._account, "text": part["text"]}
        answer = self._line.ask("POST", "/api/bare/posts", creates=True, json=form)
        return Receipt(remote_id=answer.text("id"), url=answer.text("url"))

    def reconcile(self, payload: Payload, key: str, begun: datetime) -> Receipt | NotFound | CannotTell:
        return CannotTell()

    def retract(self, receipt: Receipt) -> None:
        raise Rejected("What is out here stays out.")

    def correct(self, receipt: Receipt, payload: Payload, permit: Permit) -> Receipt:
        permit.demand(payload)
        raise Rejected("What is out here stays as it is.")

    def reread(self, receipt: Receipt, payload: Payload) -> Receipt | NotFound | CannotTell:
        return CannotTell()

    def check(self) -> Health:
        self._line.begin()
        self._line.ask("GET", "/api/bare/me", params={"account": self._account})
        return Health(True, account=f"{self._line.base_url}#{self._account}")


def add() -> None:
    """Puts it beside the others, in this process."""
    registry.ADAPTERS = MappingProxyType({**registry.ADAPTERS, Bare.network: Bare})


if __name__ == "__main__":
    add()
    os.environ["DJANGO_SETTINGS_MODULE"] = "cm_queue.settings"
    execute_from_command_line(["manage.py", *sys.argv[1:]])
