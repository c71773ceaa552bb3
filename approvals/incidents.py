"""Stopping a scope: pauses and incidents. It acts before the next send, and nothing resumes by itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, User
from accounts.policies import demand_may_stop, demand_member
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.calling import first, on_call_now
from approvals.halting import hold_scope, in_review
from approvals.levels import level_of, members_of
from approvals.lifting import outlook_of
from approvals.models import Epoch, Incident, Lifting, Pause
from approvals.rejudging import settle_opened
from approvals.reviewing import settle
from approvals.routing import ask, plan_reminders
from journal.recording import record
from journal.telling import tell
from posts.moves import lock_post

# The soonest of them; the rest stands in everybody's queue all the same.
MOST_ASKED_AGAIN = 100
Scope = Mapping[str, Any]


def read_scope(brand: Brand, scope: object) -> dict[str, Any]:
    """{"brand": true}, or channels and products of this brand. Raises Invalid."""
    wrong = Invalid(
        "bad_scope", _("Say what to stop: the brand, channels or products."), fields={"scope": [_("Choose.")]}
    )
    if not isinstance(scope, Mapping):
        raise wrong
    if scope.get("brand") is True:
        return {"brand": True}
    channels, products = scope.get("channels", []), scope.get("products", [])
    known_channels = set(brand.channels.values_list("key", flat=True))
    known_products = set(brand.products.values_list("key", flat=True))
    keys = [*channels, *products] if isinstance(channels, list) and isinstance(products, list) else []
    if not keys or not all(isinstance(key, str) for key in keys):
        raise wrong
    if set(channels) - known_channels or set(products) - known_products:
        raise wrong
    return {"channels": sorted(set(channels)), "products": sorted(set(products))}


def may_declare(user: User, brand: Brand) -> bool:
    """Company 2 or crisis 1. Whoever asks is a member."""
    return level_of(user, brand, "company") >= 2 or level_of(user, brand, "crisis") >= 1


def may_end_pause(user: User, brand: Brand) -> bool:
    """Craft 2 or crisis 2. Whoever asks is a member."""
    return level_of(user, brand, "craft") >= 2 or level_of(user, brand, "crisis") >= 2


def pause(actor: User, brand: Brand, scope: object, reason: str = "") -> Pause:
    """Any member stops a scope in one click; whoever runs the installation may too."""
    read, why = read_scope(brand, scope), read_words(reason)
    with transaction.atomic():
        change_standing(brand.pk)
        demand_may_stop(actor, brand)
        made = Pause.objects.create(brand=brand, scope=read, reason=why, by=actor, at=database_now())
        record("pause.begin", actor, brand, f"pause:{made.pk}", scope=read, personal=why)
        held = hold_scope(actor, brand, read, {"code": "paused", "pause": made.pk}, pause=made)
        authors = User.objects.filter(posts__in=held).exclude(pk=actor.pk).distinct()
        on_call = on_call_now(brand)
        told = [*authors, *([on_call] if on_call is not None and on_call != actor else [])]
        tell(first(told, on_call), brand, "pause.begin", who=actor.name)
    return made


def end_pause(actor: User, pk: int) -> Pause:
    """Somebody qualified lifts a pause. What it held stays held until each is confirmed."""
    found = Pause.objects.select_related("brand").filter(pk=pk).first()
    if found is None:
        raise NotHere("no_such_pause", _("There is no such pause."))
    with transaction.atomic():
        change_standing(found.brand_id)
        demand_member(actor, found.brand)
        if not may_end_pause(actor, found.brand):
            raise Forbidden(
                "not_qualified", _("Any member may pause; to go on takes craft or crisis expertise.")
            )
        ended = Pause.objects.filter(pk=pk, ended_at__isnull=True).update(
            ended_at=database_now(), ended_by=actor
        )
        if not ended:
            raise Refused("already_ended", _("This pause has already ended."))
        record("pause.end", actor, found.brand, f"pause:{pk}")
        # What was approved in the meantime was never stopped, and would otherwise wait for ever.
        settle_opened(actor, in_review(found.brand, found.scope))
    found.refresh_from_db()
    return found


def declare(
    actor: User, brand: Brand, scope: object, reason: str, *, from_pause: Pause | None = None
) -> Incident:
    """Somebody with company 2 or crisis 1 declares an incident: a new epoch, everything in scope held."""
    read = read_scope(brand, scope)
    why = read_words(reason)
    if not why:
        sentence = _("Say in a sentence what happened.")
        raise Invalid("reason_needed", sentence, fields={"reason": [sentence]})
    with transaction.atomic():
        change_standing(brand.pk)
        demand_member(actor, brand)
        if not may_declare(actor, brand):
            raise Forbidden(
                "not_qualified",
                _(
                    "Declaring an incident takes company 2 or crisis 1. Pause instead: any member may, in one click."
                ),
            )
        made = Incident.objects.create(
            brand=brand, scope=read, reason=why, declared_by=actor, declared_at=database_now()
        )
        _new_epoch(brand, read)
        if from_pause is not None:
            _end_by(from_pause, made)
        record("incident.declare", actor, brand, f"incident:{made.pk}", scope=read, personal=why)
        hold_scope(actor, brand, read, {"code": "incident", "incident": made.pk}, incident=made)
        told = first(members_of(brand), on_call_now(brand))
        tell(told, brand, "incident.declare", incident=made.pk, who=actor.name)
    return made


def escalate(actor: User, pk: int, reason: str, scope: object = None) -> Incident:
    """Turns a pause into an incident, over the same scope unless another one is given. What the pause held
    is then held by the incident."""
    found = Pause.objects.select_related("brand").filter(pk=pk).first()
    if found is None:
        raise NotHere("no_such_pause", _("There is no such pause."))
    return declare(actor, found.brand, found.scope if scope is None else scope, reason, from_pause=found)


def _end_by(pause: Pause, incident: Incident) -> None:
    """The pause ends in the incident. Raises Refused when it has ended already; another brand's is left
    alone."""
    mine = Pause.objects.filter(pk=pause.pk, brand_id=incident.brand_id)
    ended = mine.filter(ended_at__isnull=True).update(
        ended_at=incident.declared_at, ended_by_id=incident.declared_by_id, became=incident
    )
    if not ended and mine.exists():
        raise Refused("already_ended", _("This pause has already ended."))


def lift(actor: User, pk: int, reason: str = "") -> Incident:
    """One person's word that it may be lifted; with the second the incident ends, in a new epoch.

    Crisis 3 and one other person; else two of crisis 2; after 24 hours the owner and one mentor.
    """
    why = read_words(reason)
    found = Incident.objects.select_related("brand").filter(pk=pk).first()
    if found is None:
        raise NotHere("no_such_incident", _("There is no such incident."))
    with transaction.atomic():
        change_standing(found.brand_id)
        found.refresh_from_db()
        demand_member(actor, found.brand)
        if found.lifted_at is not None:
            raise Refused("already_lifted", _("This incident is already lifted."))
        now = database_now()
        _word, first = Lifting.objects.get_or_create(
            incident=found, user=actor, defaults={"reason": why, "at": now}
        )
        if first:
            record("incident.lift", actor, found.brand, f"incident:{pk}", personal=why)
        outlook = outlook_of(found, now)
        if outlook.enough:
            Incident.objects.filter(pk=pk).update(lifted_at=now)
            _new_epoch(found.brand, found.scope)
            record("incident.lifted", actor, found.brand, f"incident:{pk}")
            tell(members_of(found.brand), found.brand, "incident.lifted", incident=pk)
            _ask_again(actor, found)
        elif first:
            others = [one for one in outlook.could if one.pk != actor.pk]
            tell(others, found.brand, "incident.lift", incident=pk, who=actor.name)
    found.refresh_from_db()
    return found


def _ask_again(actor: User, incident: Incident) -> None:
    """What was in review all the while was approved before, if at all: its readers are asked anew."""
    for one in in_review(incident.brand, incident.scope)[:MOST_ASKED_AGAIN]:
        post = lock_post(one)
        ask(post, settle(actor, post))
        plan_reminders(post)


def _new_epoch(brand: Brand, scope: Scope) -> None:
    last = Epoch.objects.filter(brand=brand).aggregate(last=Max("number"))["last"] or 0
    Epoch.objects.create(brand=brand, number=last + 1, scope=dict(scope), at=database_now())
