"""What everybody must see above every page: open incidents and pauses of the brand, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Exists
from django.urls import reverse
from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.preparing import Prepared
from approvals.models import Incident, Pause
from approvals.standing import DESK_SHELF
from journal import moments
from journal.models import Entry
from posts.models import Channel, Product


@dataclass(frozen=True, slots=True)
class Alarm:
    """A stop. `text` is one translated sentence; `url` leads to where it is dealt with (may be empty),
    `link` is that link's words (empty: "see what is held"); a pause is calmer than an incident."""

    text: str
    url: str = ""
    link: str = ""
    incident: bool = True


def alarms_of(brand: Brand) -> list[Alarm]:
    """A stop of the whole brand first, then incidents, then pauses, oldest first. One query where there is none,
    or not even that where the page has just read so; else two more, and two for the names of a part that is stopped."""
    if brand.stopped_at is None and not _stopped(brand):
        return []
    incidents = Incident.objects.filter(brand=brand, lifted_at__isnull=True).order_by("declared_at")
    pauses = Pause.objects.filter(brand=brand, ended_at__isnull=True).select_related("by").order_by("at")
    stops = [_stop(brand)] if brand.stopped_at is not None else []
    open_ones, paused = list(incidents), list(pauses)
    scopes = [*(one.scope for one in open_ones), *(one.scope for one in paused)]
    named = any(not scope.get("brand") for scope in scopes)
    names = Names.of(brand) if named else Names({}, {})
    return stops + [_incident(one, names) for one in open_ones] + [_pause(one, names) for one in paused]


def _stopped(brand: Brand) -> bool:
    """Whether an incident or a pause is open in it."""
    kept = DESK_SHELF.kept(brand)
    if kept is not None:
        return bool(kept.incidents or kept.pauses)
    return bool(_STOPS.rows(brand.pk))


_STOPS = Prepared(
    lambda brand: Brand.objects.filter(
        Exists(Incident.objects.filter(brand=brand, lifted_at__isnull=True))
        | Exists(Pause.objects.filter(brand=brand, ended_at__isnull=True)),
        pk=brand,
    ).values_list("pk")
)


def _stop(brand: Brand) -> Alarm:
    """The whole brand is stopped: who did it and why, as the journal has it."""
    entry = (
        Entry.objects.filter(brand=brand, verb="brand.stop")
        .select_related("actor", "personal")
        .order_by("-pk")
        .first()
    )
    personal = getattr(entry, "personal", None)
    words = {
        "since": moments.brief(brand.stopped_at) if brand.stopped_at else "",
        "who": entry.actor.name if entry is not None and entry.actor else _("CM Queue"),
        "why": personal.text.strip().removesuffix(".") if personal is not None else "",
    }
    text = (
        _("Stopped since %(since)s by %(who)s: “%(why)s”. Nothing goes out, and nothing is lost.")
        if words["why"]
        else _("Stopped since %(since)s by %(who)s. Nothing goes out, and nothing is lost.")
    )
    return Alarm(text % words, f"{reverse('desk')}#halt", _("How it goes on"))


def _incident(incident: Incident, names: Names) -> Alarm:
    words = {
        "what": what(incident.scope, names),
        "since": moments.brief(incident.declared_at),
        "reason": incident.reason.strip().removesuffix("."),  # ours follows
    }
    text = (
        _("Incident since %(since)s, on %(what)s: %(reason)s. What was to go out is held, not lost.") % words
    )
    return Alarm(text, reverse("incident", args=[incident.pk]))


def _pause(pause: Pause, names: Names) -> Alarm:
    words = {"what": what(pause.scope, names), "since": moments.brief(pause.at), "who": pause.by}
    text = _("Paused since %(since)s by %(who)s: %(what)s. Nothing is lost.") % words
    return Alarm(text, reverse("incidents"), _("See what it stops"), incident=False)


@dataclass(frozen=True, slots=True)
class Names:
    """What a brand calls its channels and products, by key."""

    channels: Mapping[str, str]
    products: Mapping[str, str]

    @classmethod
    def of(cls, brand: Brand) -> Names:
        return cls(
            dict(Channel.objects.filter(brand=brand).values_list("key", "name")),
            dict(Product.objects.filter(brand=brand).values_list("key", "name")),
        )


def what(scope: Mapping[str, Any], names: Names) -> str:
    """A stop's scope in words: the whole brand, or the channels and products by name."""
    if scope.get("brand"):
        return _("the whole brand")
    channels = [names.channels.get(key, key) for key in scope.get("channels", [])]
    return ", ".join([*channels, *(names.products.get(key, key) for key in scope.get("products", []))])
