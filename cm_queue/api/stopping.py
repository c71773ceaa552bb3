"""Routes that stop and settle: incidents, pauses, channels, deliveries nobody is sure of."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from accounts.refusals import Invalid
from approvals import incidents
from approvals.models import Incident, Pause
from cm_queue.api import answers, shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import ReasonIn, SettleIn, StopIn
from cm_queue.api.calling import Decide, Manage, Read, brand_named, caller, demand_here
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.models import Channel, Delivery
from posts.rendering import limits_of
from publishing import connecting, reconciling
from publishing.models import ChannelHealth

router = Router(tags=["stopping"])


def channel_of(row: Channel) -> shapes.Channel:
    """`row` with its health. Never its secret, and of its settings nothing."""
    health: ChannelHealth | None = getattr(row, "health", None)
    return {
        "id": row.pk,
        "key": row.key,
        "name": row.name,
        "network": row.network,
        "handle": row.handle,
        "active": row.is_active,
        "paused_at": instant_or_none(row.paused_at),
        "pause_reason": row.pause_reason,
        "health": _health(health) if health else None,
        "limits": dict(limits_of(row)),
    }


def _health(row: ChannelHealth) -> shapes.Health:
    return {
        "ok": row.ok,
        "problem": row.problem,
        "checked_at": instant_or_none(row.checked_at),
        "expires_at": instant_or_none(row.expires_at),
        "wait_until": instant_or_none(row.wait_until),
    }


def _incident(row: Incident) -> shapes.Incident:
    words = row.liftings.select_related("user").order_by("pk")
    return {
        "id": row.pk,
        "scope": row.scope,
        "reason": row.reason,
        "declared_by": person(row.declared_by),
        "declared_at": instant(row.declared_at),
        "lifted_at": instant_or_none(row.lifted_at),
        "lifting": [person(word.user) for word in words],
    }


def _pause(row: Pause) -> shapes.Pause:
    return {
        "id": row.pk,
        "scope": row.scope,
        "reason": row.reason,
        "by": person(row.by),
        "at": instant(row.at),
        "ended_at": instant_or_none(row.ended_at),
    }


@router.post("/brands/{slug}/incidents", response={201: shapes.Incident}, auth=Manage())
def declare_incident(request: HttpRequest, slug: str, body: StopIn) -> Status[shapes.Incident]:
    """Declares an incident (company 2 or crisis 1): everything in scope is held, approvals are stale."""
    made = incidents.declare(caller(request), brand_named(request, slug), body.read_scope(), body.reason)
    return Status(201, _incident(made))


@router.post("/incidents/{int:pk}/lift", response=shapes.Incident, auth=Decide())
def lift_incident(request: HttpRequest, pk: int, body: ReasonIn | None = None) -> shapes.Incident:
    """One person's word that it may be lifted. With the second, of enough standing, it is."""
    brand_id = Incident.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_incident", _("There is no such incident."))
    return _incident(incidents.lift(caller(request), pk, body.reason if body else ""))


@router.post("/brands/{slug}/pauses", response={201: shapes.Pause}, auth=Manage())
def pause_scope(request: HttpRequest, slug: str, body: StopIn) -> Status[shapes.Pause]:
    """Any member stops the brand, channels or products."""
    made = incidents.pause(caller(request), brand_named(request, slug), body.read_scope(), body.reason)
    return Status(201, _pause(made))


@router.delete("/pauses/{int:pk}", response=shapes.Pause, auth=Decide())
def end_pause(request: HttpRequest, pk: int) -> shapes.Pause:
    """Somebody qualified ends a pause. What it held stays held until each is confirmed."""
    brand_id = Pause.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_pause", _("There is no such pause."))
    return _pause(incidents.end_pause(caller(request), pk))


@router.get("/brands/{slug}/channels", response=shapes.Page[shapes.Channel], auth=Read())
def read_channels(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Channel]:
    """The brand's channels, with health and limits."""
    rows = Channel.objects.filter(brand=brand_named(request, slug)).select_related("health")
    page, after = by_id(rows, cursor, limit)
    return {"items": [channel_of(row) for row in page], "next": after}


def _channel_here(request: HttpRequest, pk: int) -> Channel:
    row = Channel.objects.select_related("brand", "health").filter(pk=pk).first()
    demand_here(request, row.brand_id if row else None, "no_such_channel", _("There is no such channel."))
    return row  # type: ignore[return-value]


@router.post("/channels/{int:pk}/pause", response=shapes.Channel, auth=Manage())
def pause_channel(request: HttpRequest, pk: int, body: ReasonIn | None = None) -> shapes.Channel:
    """Any member stops a channel: nothing more is sent there."""
    connecting.pause_channel(caller(request), _channel_here(request, pk), body.reason if body else "")
    return channel_of(_channel_here(request, pk))


@router.post("/channels/{int:pk}/resume", response=shapes.Channel, auth=Decide())
def resume_channel(request: HttpRequest, pk: int) -> shapes.Channel:
    """An owner, or somebody entrusted with the channel, lets it go on."""
    connecting.resume_channel(caller(request), _channel_here(request, pk))
    return channel_of(_channel_here(request, pk))


@router.post("/deliveries/{int:pk}/settle", response=shapes.Delivery, auth=Manage())
def settle_delivery(request: HttpRequest, pk: int, body: SettleIn) -> shapes.Delivery:
    """A person says whether an unknown one went out. If not, it is sent again."""
    brand_id = Delivery.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_delivery", _("There is no such delivery."))
    if body.url:
        _demand_address(body.url)
    settled = reconciling.settle(caller(request), pk, went_out=body.went_out, url=body.url)
    return answers.delivery(settled)


def _demand_address(url: str) -> None:
    """Raises Invalid: what is stored becomes a link on the post's page."""
    try:
        URLValidator(schemes=["http", "https"])(url)
    except ValidationError:
        sentence = _("This is not the address of a page: it begins with https://.")
        raise Invalid("bad_url", sentence, fields={"url": [sentence]}) from None
