"""Routes that stop and settle: channels, and deliveries nobody is sure of or a network refused."""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from accounts.refusals import Invalid
from cm_queue.api import answers, shapes
from cm_queue.api.answers import instant_or_none
from cm_queue.api.bodies import ReasonIn, SettleIn
from cm_queue.api.calling import Decide, Manage, Read, brand_named, caller, demand_here
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.models import Channel, Delivery
from posts.rendering import limits_of
from publishing import connecting, reconciling, retrying
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
    _demand_delivery(request, pk)
    if body.url:
        _demand_address(body.url)
    settled = reconciling.settle(caller(request), pk, went_out=body.went_out, url=body.url)
    return answers.delivery(settled)


@router.post("/deliveries/{int:pk}/retry", response=shapes.Delivery, auth=Decide())
def retry_delivery(request: HttpRequest, pk: int) -> shapes.Delivery:
    """Somebody qualified has it tried again where a network refused it: the approved bytes, at once, if the gate
    is open. 409 `not_failed`, `too_late` or `gate_closed`; 403 `not_qualified`."""
    _demand_delivery(request, pk)
    return answers.delivery(retrying.retry(caller(request), pk))


def _demand_delivery(request: HttpRequest, pk: int) -> None:
    brand_id = Delivery.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_delivery", _("There is no such delivery."))


def _demand_address(url: str) -> None:
    """Raises Invalid: what is stored becomes a link on the post's page."""
    try:
        URLValidator(schemes=["http", "https"])(url)
    except ValidationError:
        sentence = _("This is not the address of a page: it begins with https://.")
        raise Invalid("bad_url", sentence, fields={"url": [sentence]}) from None
