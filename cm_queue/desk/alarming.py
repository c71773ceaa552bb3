"""What everybody must see above every page: open incidents and pauses of the brand, in one sentence each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from accounts.models import Brand
from approvals.models import Incident, Pause
from cm_queue.desk import moments


@dataclass(frozen=True, slots=True)
class Alarm:
    """A stop. `text` is one translated sentence; `url` leads to where it is dealt with (may be empty),
    `link` is that link's words (empty: "see what is held"); a pause is calmer than an incident."""

    text: str
    url: str = ""
    link: str = ""
    incident: bool = True


def alarms_of(brand: Brand) -> list[Alarm]:
    """Incidents first, then pauses, oldest first."""
    incidents = Incident.objects.filter(brand=brand, lifted_at__isnull=True).order_by("declared_at")
    pauses = Pause.objects.filter(brand=brand, ended_at__isnull=True).select_related("by").order_by("at")
    url = _place_of_incidents()
    return [_incident(one, url) for one in incidents] + [_pause(one, url) for one in pauses]


def _incident(incident: Incident, url: str) -> Alarm:
    words = {
        "what": what(incident.scope),
        "since": moments.brief(incident.declared_at),
        "reason": incident.reason,
    }
    text = (
        _("Incident since %(since)s, on %(what)s: %(reason)s. What was to go out is held, not lost.") % words
    )
    return Alarm(text, url)


def _pause(pause: Pause, url: str) -> Alarm:
    words = {"what": what(pause.scope), "since": moments.brief(pause.at), "who": pause.by}
    text = _("Paused since %(since)s by %(who)s: %(what)s. Nothing is lost.") % words
    return Alarm(text, url, incident=False)


def what(scope: Mapping[str, Any]) -> str:
    """A stop's scope in words: the whole brand, or the channels and products by their keys."""
    if scope.get("brand"):
        return _("the whole brand")
    keys = [*scope.get("channels", []), *scope.get("products", [])]
    return ", ".join(str(key).replace("-", " ") for key in keys)


def _place_of_incidents() -> str:
    try:
        return reverse("incidents")
    except NoReverseMatch:
        return ""
