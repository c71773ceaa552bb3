"""What a stop stops: the posts in a scope that are on their way, and what is still to be gone through."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from accounts.clock import database_now
from accounts.models import Brand
from approvals.facts import touches
from approvals.models import Incident, Pause, Stopped
from journal.recording import Actor
from posts.lifecycle import PostState
from posts.models import Kind, Post
from posts.moves import STOPPABLE, hold_all

Scope = Mapping[str, Any]


def hold_scope(
    actor: Actor,
    brand: Brand,
    scope: Scope,
    reason: Mapping[str, Any],
    *,
    incident: Incident | None = None,
    pause: Pause | None = None,
) -> list[int]:
    """Everything in scope that is scheduled, claimed or held already is held now, and nothing is lost.
    Call under the brand's exclusive lock. Answers the posts' ids."""
    held = hold_all(_within(brand, scope, *STOPPABLE), actor, reason)
    now = database_now()
    Stopped.objects.bulk_create(
        (Stopped(post_id=pk, incident=incident, pause=pause, at=now) for pk in held),
        batch_size=500,
        ignore_conflicts=True,
    )
    return held


def in_review(brand: Brand, scope: Scope) -> list[int]:
    """The posts in scope that wait for decisions, the soonest slot first. Locking them in that order is
    safe under the brand's exclusive lock: whoever else locks two posts holds it shared."""
    return _within(brand, scope, PostState.IN_REVIEW)


def _within(brand: Brand, scope: Scope, *states: PostState) -> list[int]:
    rows = Post.objects.filter(brand=brand, state__in=[state.value for state in states])
    found = rows.order_by(F("slot").asc(nulls_last=True), "pk").values_list(
        "pk", "products", "revision__content__channels"
    )
    return [pk for pk, products, channels in found if touches(scope, channels or (), products)]


@dataclass(frozen=True, slots=True)
class Waiting:
    """The ids of the posts that are still held, by what holds them: an incident's id or a pause's. A post
    may be held by several."""

    by_incident: Mapping[int, set[int]]
    by_pause: Mapping[int, set[int]]

    def of(self, stop: Incident | Pause) -> set[int]:
        held = self.by_incident if isinstance(stop, Incident) else self.by_pause
        return held.get(stop.pk, set())


def waiting_in(brand: Brand) -> Waiting:
    """What nobody has gone through yet, in one query. A post that leaves `held`, by whichever way, has been
    gone through."""
    incidents: dict[int, set[int]] = defaultdict(set)
    pauses: dict[int, set[int]] = defaultdict(set)
    held = Post.objects.filter(brand=brand, state=PostState.HELD.value)
    for pk, reasons in held.values_list("pk", "reasons"):
        for one in reasons:
            if "incident" in one:
                incidents[one["incident"]].add(pk)
            if "pause" in one:
                pauses[one["pause"]].add(pk)
    return Waiting(incidents, pauses)


def statements_of(incident: Incident) -> list[int]:
    """The crisis posts in an incident's scope that were begun while it was open, the newest first."""
    rows = Post.objects.filter(
        brand_id=incident.brand_id, kind=Kind.CRISIS, created_at__gte=incident.declared_at
    ).exclude(state=PostState.WITHDRAWN.value)
    if incident.lifted_at is not None:
        rows = rows.filter(created_at__lte=incident.lifted_at)
    found = rows.order_by("-pk").values_list("pk", "products", "revision__content__channels")
    return [pk for pk, products, channels in found if touches(incident.scope, channels or (), products)]
