"""What needs a person, and whether the engine lives: the panel's first page.

Each line is one count over what the reader may see, and a link to the list that shows exactly these rows.
The number of queries is that of the lines, whatever there is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.clock import database_now
from accounts.models import Brand, User
from approvals.models import Credential, CredentialState, Incident, Pause, Policy, PolicyState, SecondLook
from cm_queue import health
from cm_queue.health import OLDEST_PULSE, OLDEST_TICK
from journal.models import Chain, Entry, Notice
from posts.lifecycle import PostState
from posts.models import Channel, Delivery, LexiconRule, Post
from publishing.models import BulkRetraction, Pulse, Retraction
from publishing.needing import STOP_IS_OVER, TO_DELETE, TO_SETTLE, in_trouble, overdue, to_try_again
from publishing.pulsing import TICKER

SEALED_WITHIN: Final = timedelta(minutes=1)
MAILED_WITHIN: Final = timedelta(minutes=10)
# Beyond so many, how many more does not matter: "1,000 and more".
MOST: Final = 1000


@dataclass(frozen=True, slots=True)
class Need:
    """One line. `tone`: stop (something is at risk), wait (somebody waits)."""

    count: int
    text: str
    url: str
    tone: str


@dataclass(frozen=True, slots=True)
class Line:
    """How one kind of need is counted and said. `brand` leads from a row to its brand."""

    model: type[Model]
    where: Q
    query: Mapping[str, str]
    say: Callable[[int], str]
    tone: str = "wait"
    brand: str = "brand"


def _lines(now: datetime) -> list[Line]:
    """The worst first."""
    return [*_of_sending(now), *_of_stops(), *_of_two_people()]


def _of_sending(now: datetime) -> list[Line]:
    return [
        Line(
            Delivery,
            TO_SETTLE,
            {"needs": "word"},
            lambda n: ngettext(
                "delivery may be out or not: look on the network, then settle it",
                "deliveries may be out or not: look on the network, then settle them",
                n,
            ),
            "stop",
        ),
        Line(
            Delivery,
            overdue(now),
            {"needs": "late"},
            lambda n: ngettext(
                "delivery is due and is not sent: is its channel well, is a worker alive?",
                "deliveries are due and are not sent: are their channels well, is a worker alive?",
                n,
            ),
            "stop",
        ),
        Line(
            Channel,
            in_trouble(now),
            {"trouble": "any"},
            lambda n: ngettext("channel in trouble", "channels in trouble", n),
            "stop",
        ),
        Line(
            Delivery,
            to_try_again(now),
            {"needs": "again"},
            lambda n: ngettext(
                "delivery was refused and can still be tried again",
                "deliveries were refused and can still be tried again",
                n,
            ),
            "stop",
        ),
        Line(
            Retraction,
            TO_DELETE,
            {"is": "by_hand"},
            lambda n: ngettext(
                "post must be deleted on its network by hand",
                "posts must be deleted on their networks by hand",
                n,
            ),
            "stop",
            "delivery__brand",
        ),
    ]


def _of_stops() -> list[Line]:
    held = Q(state=PostState.HELD.value)
    return [
        Line(
            Incident,
            Q(lifted_at__isnull=True),
            {"open": "yes"},
            lambda n: ngettext("incident is open", "incidents are open", n),
            "stop",
        ),
        Line(
            Pause, Q(ended_at__isnull=True), {"open": "yes"},
            lambda n: ngettext("pause holds", "pauses hold", n),
        ),
        Line(
            Post,
            held & STOP_IS_OVER,
            {"held": "after"},
            lambda n: ngettext(
                "post is still held after an incident or a pause: it is gone through one by one",
                "posts are still held after an incident or a pause: they are gone through one by one",
                n,
            ),
        ),
        Line(
            Post,
            Q(state=PostState.MISSED.value),
            {"is": PostState.MISSED.value},
            lambda n: ngettext(
                "post missed its slot: it needs another one",
                "posts missed their slot: they need another one",
                n,
            ),
        ),
    ]  # fmt: skip


def _of_two_people() -> list[Line]:
    proposed = CredentialState.PROPOSED.value
    return [
        Line(
            Credential,
            Q(state=proposed),
            {"state__exact": proposed},
            lambda n: ngettext(
                "credential is proposed and waits for a mentor",
                "credentials are proposed and wait for a mentor",
                n,
            ),
        ),
        Line(
            SecondLook,
            Q(looked_at__isnull=True),
            {"looked": "no"},
            lambda n: ngettext(
                "post rested on revoked expertise: somebody looks again",
                "posts rested on revoked expertise: somebody looks again",
                n,
            ),
            brand="credential__brand",
        ),
        Line(
            Policy,
            Q(state=PolicyState.PROPOSED),
            {"state__exact": PolicyState.PROPOSED.value},
            lambda n: ngettext(
                "policy is proposed and waits for a second person",
                "policies are proposed and wait for a second person",
                n,
            ),
        ),
        Line(
            LexiconRule,
            Q(ended_at__isnull=True, ending_asked_at__isnull=False),
            {"is": "asked"},
            lambda n: ngettext(
                "rule of the lexicon is asked to end: a second person decides",
                "rules of the lexicon are asked to end: a second person decides",
                n,
            ),
        ),
        Line(
            BulkRetraction,
            Q(confirmed_at__isnull=True),
            {"confirmed_at__isempty": "1"},
            lambda n: ngettext(
                "retraction in bulk waits for a second person",
                "retractions in bulk wait for a second person",
                n,
            ),
            brand="incident__brand",
        ),
    ]


def needs(user: User, may_see: Callable[[type[Model]], bool], now: datetime) -> list[Need]:
    """What waits, of the brands and the lists that the person may see; one query a line."""
    mine = None if user.is_superuser else _brands_of(user)
    found = []
    for line in _lines(now):
        if not may_see(line.model):
            continue
        rows: QuerySet[Any] = line.model._default_manager.filter(line.where)
        if mine is not None:
            rows = rows.filter(**{f"{line.brand}__in": mine})
        count = rows.order_by().values("pk")[: MOST + 1].count()
        if count:
            place = reverse(f"admin:{line.model._meta.app_label}_{line.model._meta.model_name}_changelist")
            found.append(Need(count, line.say(count), f"{place}?{urlencode(line.query)}", line.tone))
    return found


def _brands_of(user: User) -> QuerySet[Brand]:
    return Brand.objects.filter(memberships__user=user, memberships__is_active=True)


# --- The engine -------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Sign:
    """Whether one part of the engine is well, in a sentence."""

    well: bool
    name: str
    text: str
    url: str = ""


def engine(now: datetime) -> list[Sign]:
    """For whoever runs the installation. Four queries, and one ping with a short patience."""
    pulses = list(Pulse.objects.order_by("-at").values_list("kind", "at")[:MOST])
    ticks = [at for kind, at in pulses if kind == TICKER]
    alive = sum(kind != TICKER and now - at <= OLDEST_PULSE for kind, at in pulses)
    where = reverse("admin:publishing_pulse_changelist")
    return [
        Sign(bool(ticks) and now - ticks[0] <= OLDEST_TICK, _("Ticker"), _ticked(ticks, now), where),
        Sign(
            alive > 0,
            _("Workers"),
            ngettext("%(n)s alive", "%(n)s alive", alive) % {"n": alive}
            if alive
            else _("none alive: nothing goes out until one is started"),
            where,
        ),
        _queue(),
        _sealing(now),
        _mail(now),
    ]


def _ticked(ticks: list[datetime], now: datetime) -> str:
    if not ticks:
        return _("no sign of life yet: is it running?")
    seconds = max(0, round((now - ticks[0]).total_seconds()))
    return ngettext("last tick %(n)s second ago", "last tick %(n)s seconds ago", seconds) % {"n": seconds}


def _queue() -> Sign:
    well = health.queue().ok
    text = _("answers") if well else _("no answer: posts go out late until it is back")
    return Sign(well, _("Queue"), text, reverse("django_rq:home"))


def _sealing(now: datetime) -> Sign:
    """How many entries should have been sealed by now. Looked for above the floor up to which all is."""
    floor = Chain.objects.filter(brand__isnull=True).values_list("floor", flat=True).first() or 0
    behind = Entry.objects.filter(pk__gt=floor, seal__isnull=True, at__lt=now - SEALED_WITHIN)
    count = behind.values("pk")[: MOST + 1].count()
    text = (
        ngettext(
            "%(n)s entry waits to be sealed: the ticker does it",
            "%(n)s entries wait to be sealed: the ticker does it",
            count,
        )
        % {"n": count}
        if count
        else _("up to date")
    )
    return Sign(count == 0, _("Sealing of the journal"), text, reverse("admin:journal_seal_changelist"))


def _mail(now: datetime) -> Sign:
    waiting = Notice.objects.filter(
        mailed_at__isnull=True, in_digest=False, created_at__lt=now - MAILED_WITHIN
    )
    count = waiting.values("pk")[: MOST + 1].count()
    text = (
        ngettext("%(n)s notice is not mailed yet", "%(n)s notices are not mailed yet", count) % {"n": count}
        if count
        else _("up to date")
    )
    query = urlencode({"mailed_at__isempty": "1", "in_digest__exact": "0"})
    return Sign(count == 0, _("Mail"), text, f"{reverse('admin:journal_notice_changelist')}?{query}")


def minding(user: User, may_see: Callable[[type[Model]], bool]) -> dict[str, Any]:
    """The context of the first page."""
    now = database_now()
    return {
        "needs": needs(user, may_see, now),
        "engine": engine(now) if user.is_superuser else [],
        "most": MOST,
    }
