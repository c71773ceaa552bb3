"""Words for columns that the admin panel shows and whose model says none: by the name of the field."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from django.contrib import admin
from django.db.models import BooleanField, Field, ForeignKey, JSONField
from django.urls import NoReverseMatch, reverse
from django.utils.formats import localize
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext_lazy as _

WORDS: Final[Mapping[str, Any]] = {
    "accepted_in": _("accepted in"),
    "added_at": _("added"),
    "added_by": _("added by"),
    "allowed": _("open"),
    "answer": _("answer"),
    "approved_digest": _("digest approved"),
    "asked_at": _("asked"),
    "asked_by": _("asked by"),
    "at": _("when"),
    "attempts": _("attempts"),
    "author": _("author"),
    "became": _("became the incident"),
    "binding": _("binding"),
    "brand": _("brand"),
    "by": _("by"),
    "came_back_at": _("came back"),
    "changed_at": _("changed"),
    "channel": _("channel"),
    "checked_at": _("checked"),
    "claimed_by": _("claimed by"),
    "comment": _("comment"),
    "confirmed_at": _("confirmed"),
    "confirmed_by": _("confirmed by"),
    "content": _("content"),
    "created_at": _("made"),
    "created_by": _("by"),
    "days_ahead": _("days ahead"),
    "decision": _("decision"),
    "declared_at": _("declared"),
    "declared_by": _("declared by"),
    "delivered_at": _("out"),
    "delivery": _("delivery"),
    "digest": _("digest"),
    "domain": _("domain"),
    "done_at": _("done"),
    "dropped_at": _("dropped"),
    "dropped_by": _("dropped by"),
    "due_at": _("due"),
    "ended_at": _("ended"),
    "ended_by": _("ended by"),
    "ending_asked_at": _("end asked"),
    "ending_asked_by": _("end asked by"),
    "ending_reason": _("why it should end"),
    "entry": _("journal entry"),
    "epoch": _("epoch"),
    "erased_at": _("erased"),
    "expires_at": _("ends"),
    "facet": _("facet"),
    "facets": _("facets"),
    "facts": _("facts"),
    "failures": _("failures in a row"),
    "first_at": _("since"),
    "first_grantor": _("first grantor"),
    "fitted": _("became"),
    "flattened": _("transparency became white"),
    "form": _("form"),
    "gate_decision": _("gate decision"),
    "hash": _("hash"),
    "head": _("head of the chain"),
    "height": _("height"),
    "held_by": _("held by"),
    "how": _("how"),
    "in_digest": _("in the daily digest"),
    "incident": _("incident"),
    "joined_at": _("joined"),
    "key": _("key"),
    "kind": _("kind"),
    "lacking": _("lacking"),
    "last_login": _("last signed in"),
    "last_slot": _("last slot made"),
    "late_minutes": _("minutes it may be late"),
    "lease_until": _("lease ends"),
    "lifted_at": _("lifted"),
    "light": _("light correction"),
    "limits": _("limits"),
    "lineage": _("lineage"),
    "lowered_at": _("lowered"),
    "lowered_by": _("lowered by"),
    "made_at": _("made"),
    "made_by": _("made by"),
    "mail_after": _("no mail before"),
    "mailed_at": _("mailed"),
    "mime": _("type of file"),
    "minted_at": _("made"),
    "motive": _("motive"),
    "name": _("name"),
    "network": _("network"),
    "next_at": _("next try"),
    "note": _("note"),
    "number": _("number"),
    "ok": _("works"),
    "original_sha256": _("hash as uploaded"),
    "outcome": _("outcome"),
    "parent": _("answers"),
    "passed_on_at": _("passed on"),
    "pause": _("pause"),
    "payload": _("payload"),
    "payload_sha256": _("hash of the payload"),
    "payloads": _("payloads"),
    "permit": _("permit"),
    "place": _("place"),
    "policy": _("policy"),
    "post": _("post"),
    "post_id": _("post"),
    "problem": _("problem"),
    "proposed_at": _("proposed"),
    "proposed_by": _("proposed by"),
    "quote": _("on these words"),
    "read_at": _("read"),
    "reason": _("reason"),
    "reasons": _("reasons"),
    "redirect_uri": _("address to come back to"),
    "registered_at": _("registered"),
    "released_at": _("released"),
    "released_by": _("released by"),
    "remind_at": _("next reminder"),
    "reminded": _("reminders"),
    "remote_id": _("number on the network"),
    "renew_at": _("renewed at"),
    "renewing_until": _("being renewed until"),
    "resolved_at": _("settled"),
    "rests_on": _("rests on"),
    "revision": _("revision"),
    "rule": _("rule"),
    "rules": _("rules"),
    "scope": _("scope"),
    "scopes": _("scopes"),
    "sealed_at": _("sealed"),
    "sealed_digest": _("digest sealed"),
    "second_grantor": _("second grantor"),
    "sequence": _("place in the chain"),
    "server": _("server"),
    "settings": _("settings"),
    "settled_by": _("settled by"),
    "sha256": _("hash"),
    "size": _("bytes"),
    "source": _("made from"),
    "spent_at": _("spent"),
    "started_at": _("begun"),
    "starts": _("starts"),
    "state": _("state"),
    "status": _("answer"),
    "submitted_at": _("submitted"),
    "suggestion": _("words suggested"),
    "text": _("text"),
    "token": _("token"),
    "topic": _("topic"),
    "tries": _("tries"),
    "uploaded_by": _("uploaded by"),
    "url": _("address"),
    "user": _("person"),
    "version": _("version"),
    "wait_until": _("asked to wait until"),
    "warned_of": _("warned of"),
    "width": _("width"),
    "window_from": _("window from"),
    "window_until": _("window until"),
    "words": _("words"),
    "worker": _("worker"),
}


def link(row: Any, text: object = None) -> Any:
    """`row` as a link to its page in the panel; its words alone where it has none."""
    words = str(row) if text is None else str(text)
    try:
        place = reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk])
    except NoReverseMatch:
        return words
    return format_html('<a href="{}">{}</a>', place, words)


def _shown(row: Any, field: Field[Any, Any], *, linked: bool) -> Any:
    value = getattr(row, field.name)
    if field.flatchoices:
        return getattr(row, f"get_{field.name}_display")()
    if isinstance(field, ForeignKey) and value is not None:
        return link(value) if linked else str(value)
    if isinstance(field, JSONField) and linked:
        return format_html("<pre>{}</pre>", json.dumps(value, ensure_ascii=False, indent=2))
    if isinstance(field, BooleanField):
        return value
    if isinstance(value, datetime):
        return localize(localtime(value))
    return "–" if value is None else localize(value)


def worded(field: object, *, linked: bool = True) -> Callable[[Any], Any] | None:
    """A column that shows `field` under our words; None when the model has words of its own, and what it
    shows needs no more than Django does. `linked`: what it names is a link, and JSON is laid out."""
    if not isinstance(field, Field):
        return None
    own = field.verbose_name if isinstance(field.verbose_name, Promise) else None
    plain = not isinstance(field, ForeignKey | JSONField)
    if (own is not None and (plain or not linked)) or (own is None and field.name not in WORDS):
        return None

    def show(row: Any) -> Any:
        return _shown(row, field, linked=linked)

    boolean = True if isinstance(field, BooleanField) else None
    column: Callable[[Any], Any] = admin.display(
        show, boolean=boolean, ordering=field.name, description=own or WORDS[field.name]
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


class WordedEmpty(admin.EmptyFieldListFilter):
    """A filter by empty or not, under our words."""

    def __init__(
        self, field: Any, request: Any, params: Any, model: Any, model_admin: Any, field_path: str
    ) -> None:
        super().__init__(field, request, params, model, model_admin, field_path)
        self.title = WORDS.get(field_path, self.title)
