"""Words for columns that the admin panel shows and whose model says none: by the name of the field."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from django.contrib import admin
from django.db.models import BooleanField, Field
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

WORDS: Final[Mapping[str, Any]] = {
    "allowed": _("open"),
    "answer": _("answer"),
    "approved_digest": _("digest approved"),
    "at": _("when"),
    "attempts": _("attempts"),
    "author": _("author"),
    "became": _("became the incident"),
    "binding": _("binding"),
    "brand": _("brand"),
    "by": _("by"),
    "channel": _("channel"),
    "claimed_by": _("claimed by"),
    "comment": _("comment"),
    "confirmed_at": _("confirmed"),
    "confirmed_by": _("confirmed by"),
    "created_at": _("made"),
    "decision": _("decision"),
    "declared_at": _("declared"),
    "declared_by": _("declared by"),
    "delivered_at": _("out"),
    "digest": _("digest"),
    "due_at": _("due"),
    "ended_at": _("ended"),
    "ended_by": _("ended by"),
    "epoch": _("epoch"),
    "expires_at": _("ends"),
    "facets": _("facets"),
    "facts": _("facts"),
    "first_grantor": _("first grantor"),
    "gate_decision": _("gate decision"),
    "held_by": _("held by"),
    "joined_at": _("joined"),
    "key": _("key"),
    "last_login": _("last signed in"),
    "late_minutes": _("minutes it may be late"),
    "lease_until": _("lease ends"),
    "lifted_at": _("lifted"),
    "limits": _("limits"),
    "minted_at": _("made"),
    "motive": _("motive"),
    "next_at": _("next try"),
    "number": _("number"),
    "outcome": _("outcome"),
    "payload": _("payload"),
    "payload_sha256": _("hash of the payload"),
    "permit": _("permit"),
    "policy": _("policy"),
    "problem": _("problem"),
    "proposed_at": _("proposed"),
    "proposed_by": _("proposed by"),
    "reason": _("reason"),
    "reasons": _("reasons"),
    "released_at": _("released"),
    "released_by": _("released by"),
    "remote_id": _("number on the network"),
    "rests_on": _("rests on"),
    "revision": _("revision"),
    "rules": _("rules"),
    "scope": _("scope"),
    "scopes": _("scopes"),
    "sealed_digest": _("digest sealed"),
    "second_grantor": _("second grantor"),
    "settings": _("settings"),
    "spent_at": _("spent"),
    "started_at": _("begun"),
    "state": _("state"),
    "submitted_at": _("submitted"),
    "token": _("token"),
    "url": _("address"),
    "user": _("person"),
    "version": _("version"),
    "window_from": _("window from"),
    "window_until": _("window until"),
    "worker": _("worker"),
}


def worded(field: object) -> Callable[[Any], Any] | None:
    """A column that shows `field` under our words; None when the model has words of its own."""
    if not isinstance(field, Field) or isinstance(field.verbose_name, Promise) or field.name not in WORDS:
        return None

    def show(row: Any) -> Any:
        if field.flatchoices:
            return getattr(row, f"get_{field.name}_display")()
        return getattr(row, field.name)

    boolean = True if isinstance(field, BooleanField) else None
    column: Callable[[Any], Any] = admin.display(
        show, boolean=boolean, ordering=field.name, description=WORDS[field.name]
    )
    return column


class WordedChoices(admin.ChoicesFieldListFilter):
    """A filter by choices, or by yes and no, under our words."""

    def __init__(
        self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = WORDS.get(field_path, self.title)


class WordedYesNo(admin.BooleanFieldListFilter):
    """A filter by yes and no, under our words."""

    def __init__(
        self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = WORDS.get(field_path, self.title)


class WordedDates(admin.DateFieldListFilter):
    """A filter by date, under our words."""

    def __init__(
        self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = WORDS.get(field_path, self.title)
