"""Routes of the crisis: pauses, incidents, what they stopped and what is out."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from accounts.clock import database_now
from accounts.models import Brand
from approvals import incidents
from approvals.halting import statements_of, waiting_in
from approvals.lifting import outlook_of
from approvals.models import Incident, Pause
from cm_queue.api import shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import EscalateIn, ReasonIn, StopIn
from cm_queue.api.calling import Decide, Manage, Read, brand_named, caller, demand_here
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.models import Delivery, Post
from posts.rendering import adapter_of
from posts.titling import title_of
from publishing.retracting import in_scope

router = Router(tags=["crisis"])
MOST = 500


def _incident(row: Incident, left: int) -> shapes.Incident:
    words = sorted(row.liftings.all(), key=lambda word: word.pk)
    return {
        "id": row.pk,
        "scope": row.scope,
        "reason": row.reason,
        "declared_by": person(row.declared_by),
        "declared_at": instant(row.declared_at),
        "lifted_at": instant_or_none(row.lifted_at),
        "lifting": [person(word.user) for word in words],
        "left": left,
    }


def _whole(row: Incident) -> shapes.IncidentWhole:
    waiting = waiting_in(row.brand).of(row)
    held = _posts(row.brand, row.stopped.values_list("post_id", flat=True).order_by("-pk")[:MOST])
    outlook = outlook_of(row, database_now())
    return {
        **_incident(row, len(waiting)),
        "held": [_held(one, waiting) for one in held],
        "published": [_public(one) for one in in_scope(row)[:MOST]],
        "could": [person(user) for user in outlook.could] if row.lifted_at is None else [],
        "statements": [_held(one, ()) for one in _posts(row.brand, statements_of(row))],
    }


def _posts(brand: Brand, ids: Iterable[int]) -> list[Post]:
    rows = Post.objects.filter(brand=brand, pk__in=list(ids)).select_related("revision")
    return list(rows.defer("revision__payloads").order_by("slot", "pk"))


def _held(post: Post, waiting: Collection[int]) -> shapes.HeldPost:
    return {
        "post": post.pk,
        "title": title_of(post),
        "state": post.state,
        "slot": instant_or_none(post.slot),
        "waiting": post.pk in waiting,
    }


def _public(row: Delivery) -> shapes.Public:
    able = adapter_of(row.channel).capabilities
    return {
        "delivery": row.pk,
        "post": row.post_id,
        "title": title_of(row.post),
        "channel": row.channel.key,
        "network": row.channel.network,
        "state": row.state,
        "at": instant_or_none(row.delivered_at),
        "url": row.url or None,
        "can_delete": able.delete,
        "can_edit": able.edit,
    }


def _pause(row: Pause, left: int) -> shapes.Pause:
    return {
        "id": row.pk,
        "scope": row.scope,
        "reason": row.reason,
        "by": person(row.by),
        "at": instant(row.at),
        "ended_at": instant_or_none(row.ended_at),
        "became": row.became_id,
        "left": left,
    }


# --- Incidents ----------------------------------------------------------------------------------
def incident_here(request: HttpRequest, pk: int) -> Incident:
    found = Incident.objects.select_related("brand", "declared_by").filter(pk=pk).first()
    sentence = _("There is no such incident.")
    demand_here(request, found.brand_id if found else None, "no_such_incident", sentence)
    return found  # type: ignore[return-value]


@router.get("/brands/{slug}/incidents", response=shapes.Page[shapes.Incident], auth=Read())
def read_incidents(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Incident]:
    """The brand's incidents, the newest first."""
    brand = brand_named(request, slug)
    rows = Incident.objects.filter(brand=brand).select_related("declared_by")
    page, after = by_id(rows.prefetch_related("liftings__user"), cursor, limit, newest_first=True)
    waiting = waiting_in(brand)
    return {"items": [_incident(row, len(waiting.of(row))) for row in page], "next": after}


@router.get("/incidents/{int:pk}", response=shapes.IncidentWhole, auth=Read())
def read_incident(request: HttpRequest, pk: int) -> shapes.IncidentWhole:
    """What it held, what is already out in its scope, who could lift it, and the statements on it."""
    return _whole(incident_here(request, pk))


@router.post("/brands/{slug}/incidents", response={201: shapes.IncidentWhole}, auth=Manage())
def declare_incident(request: HttpRequest, slug: str, body: StopIn) -> Status[shapes.IncidentWhole]:
    """Declares an incident (company 2 or crisis 1): everything in scope is held, approvals are stale."""
    made = incidents.declare(caller(request), brand_named(request, slug), body.read_scope(), body.reason)
    return Status(201, _whole(made))


@router.post("/incidents/{int:pk}/lift", response=shapes.IncidentWhole, auth=Decide())
def lift_incident(request: HttpRequest, pk: int, body: ReasonIn | None = None) -> shapes.IncidentWhole:
    """One person's word that it may be lifted. With the second, of enough standing, it is."""
    incident_here(request, pk)
    return _whole(incidents.lift(caller(request), pk, body.reason if body else ""))


# --- Pauses -------------------------------------------------------------------------------------
def _demand_pause_here(request: HttpRequest, pk: int) -> None:
    brand_id = Pause.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_pause", _("There is no such pause."))


@router.get("/brands/{slug}/pauses", response=shapes.Page[shapes.Pause], auth=Read())
def read_pauses(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Pause]:
    """The brand's pauses, the newest first."""
    brand = brand_named(request, slug)
    rows = Pause.objects.filter(brand=brand).select_related("by")
    page, after = by_id(rows, cursor, limit, newest_first=True)
    waiting = waiting_in(brand)
    return {"items": [_pause(row, len(waiting.of(row))) for row in page], "next": after}


@router.post("/brands/{slug}/pauses", response={201: shapes.Pause}, auth=Manage())
def pause_scope(request: HttpRequest, slug: str, body: StopIn) -> Status[shapes.Pause]:
    """Any member stops the brand, channels or products."""
    made = incidents.pause(caller(request), brand_named(request, slug), body.read_scope(), body.reason)
    return Status(201, _pause(made, len(waiting_in(made.brand).of(made))))


@router.post("/pauses/{int:pk}/declare", response={201: shapes.IncidentWhole}, auth=Manage())
def declare_from_pause(request: HttpRequest, pk: int, body: EscalateIn) -> Status[shapes.IncidentWhole]:
    """Turns a pause into an incident, over the same scope unless another one is sent."""
    _demand_pause_here(request, pk)
    return Status(201, _whole(incidents.escalate(caller(request), pk, body.reason, body.read_scope())))


@router.delete("/pauses/{int:pk}", response=shapes.Pause, auth=Decide())
def end_pause(request: HttpRequest, pk: int) -> shapes.Pause:
    """Somebody qualified ends a pause. What it held stays held until each is confirmed."""
    _demand_pause_here(request, pk)
    ended = incidents.end_pause(caller(request), pk)
    return _pause(ended, len(waiting_in(ended.brand).of(ended)))
