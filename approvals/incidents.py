"""Stopping a scope: pauses and incidents. It acts before the next send, and nothing resumes by itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, Membership, User
from accounts.policies import demand_may_stop, demand_member
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.expertise import level_of
from approvals.facts import touches
from approvals.models import Epoch, Incident, Lifting, Pause
from journal.recording import record
from journal.telling import tell
from posts.lifecycle import MAY_BE_PUBLIC, DeliveryState, PostState
from posts.models import Post
from posts.moves import change_post, follow_deliveries, lock_post, settle_deliveries

_UNDER_WAY = (PostState.SCHEDULED, PostState.RELEASING)
OWNER_MAY_LIFT_AFTER = timedelta(hours=24)
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


def pause(actor: User, brand: Brand, scope: object, reason: str = "") -> Pause:
    """Any member stops a scope in one click; whoever runs the installation may too."""
    read, why = read_scope(brand, scope), read_words(reason)
    with transaction.atomic():
        change_standing(brand.pk)
        demand_may_stop(actor, brand)
        made = Pause.objects.create(brand=brand, scope=read, reason=why, by=actor, at=database_now())
        record("pause.begin", actor, brand, f"pause:{made.pk}", scope=read, personal=why)
        _hold_scope(actor, brand, read, {"code": "paused", "pause": made.pk})
    return made


def end_pause(actor: User, pk: int) -> Pause:
    """Somebody qualified lifts a pause. What it held stays held until each is confirmed."""
    found = Pause.objects.select_related("brand").filter(pk=pk).first()
    if found is None:
        raise NotHere("no_such_pause", _("There is no such pause."))
    with transaction.atomic():
        change_standing(found.brand_id)
        demand_member(actor, found.brand)
        if level_of(actor, found.brand, "craft") < 2 and level_of(actor, found.brand, "crisis") < 2:
            raise Forbidden(
                "not_qualified", _("Any member may pause; to go on takes craft or crisis expertise.")
            )
        ended = Pause.objects.filter(pk=pk, ended_at__isnull=True).update(
            ended_at=database_now(), ended_by=actor
        )
        if not ended:
            raise Refused("already_ended", _("This pause has already ended."))
        record("pause.end", actor, found.brand, f"pause:{pk}")
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
        if level_of(actor, brand, "company") < 2 and level_of(actor, brand, "crisis") < 1:
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
            Pause.objects.filter(pk=from_pause.pk, brand=brand, ended_at__isnull=True).update(
                ended_at=made.declared_at, ended_by=actor, became=made
            )
        record("incident.declare", actor, brand, f"incident:{made.pk}", scope=read, personal=why)
        _hold_scope(actor, brand, read, {"code": "incident", "incident": made.pk})
        members = Membership.objects.filter(brand=brand, is_active=True).select_related("user")
        tell([one.user for one in members], brand, "incident.declare", incident=made.pk, who=actor.name)
    return made


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
        Lifting.objects.get_or_create(incident=found, user=actor, defaults={"reason": why, "at": now})
        # The word of somebody who has left since is no longer theirs to give.
        here = Membership.objects.filter(brand=found.brand, is_active=True, user__is_active=True)
        words = list(found.liftings.filter(user__in=here.values("user")).select_related("user"))
        record("incident.lift", actor, found.brand, f"incident:{pk}", personal=why)
        if _suffices(found, words, long_open=now - found.declared_at >= OWNER_MAY_LIFT_AFTER):
            Incident.objects.filter(pk=pk).update(lifted_at=now)
            _new_epoch(found.brand, found.scope)
            record("incident.lifted", actor, found.brand, f"incident:{pk}")
    found.refresh_from_db()
    return found


def _suffices(incident: Incident, words: list[Lifting], *, long_open: bool) -> bool:
    brand = incident.brand
    accounts: dict[int, list[User]] = {}
    for word in words:
        accounts.setdefault(word.user.person_id, []).append(word.user)
    if len(accounts) < 2:
        return False
    levels = sorted(
        (max(level_of(user, brand, "crisis") for user in users) for users in accounts.values()), reverse=True
    )
    if levels[0] >= 3 or levels[1] >= 2:
        return True
    if not long_open:
        return False
    owners = {
        one.user.person_id
        for one in Membership.objects.filter(brand=brand, is_owner=True, is_active=True).select_related(
            "user"
        )
    }
    mentors = {
        person for person, users in accounts.items() if any(level_of(user, brand) >= 3 for user in users)
    }
    return any(owner != mentor for owner in owners & set(accounts) for mentor in mentors)


def _new_epoch(brand: Brand, scope: Scope) -> None:
    last = Epoch.objects.filter(brand=brand).aggregate(last=Max("number"))["last"] or 0
    Epoch.objects.create(brand=brand, number=last + 1, scope=dict(scope), at=database_now())


def _hold_scope(actor: User, brand: Brand, scope: Scope, reason: dict[str, Any]) -> None:
    """Everything in scope that is scheduled or claimed is held now, and nothing is lost."""
    states = [state.value for state in _UNDER_WAY]
    under_way = Post.objects.filter(brand=brand, state__in=states).select_related("revision").order_by("pk")
    for found in under_way:
        channels = found.revision.content["channels"] if found.revision else []
        if not touches(scope, channels, found.products):
            continue
        post = lock_post(found.pk)
        if post.lifecycle not in _UNDER_WAY:
            continue
        partly = post.deliveries.filter(state__in=[state.value for state in MAY_BE_PUBLIC]).exists()
        change_post(
            post, "post.held", actor, to=None if partly else PostState.HELD, told=reason, reasons=[reason]
        )
        settle_deliveries(post, DeliveryState.HELD, reason)
        if partly:
            follow_deliveries([post.pk], actor)
