"""What a brand can learn from its last weeks, in figures: aggregates that the database makes, never row by row.

Every question is a fixed number of queries over the decisions, attempts or slots of the period, whatever a desk
holds. A rate keeps its two numbers: “3 of 4” says more, and is fairer, than 75 %.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Final

from django.db import connection
from django.db.models import (
    Aggregate,
    Case,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    Min,
    Q,
    QuerySet,
    When,
)
from django.db.models.functions import Coalesce

from accounts.models import Brand
from approvals.models import Decision, Verdict
from approvals.policy import Rules
from posts.models import Post
from publishing.models import Attempt, Outcome

OBJECTIONS = (Verdict.REQUEST_CHANGES.value, Verdict.REJECT.value)
# Upper ends of the bars; what is longer stands in a last one.
WAITS = tuple(timedelta(minutes=minutes) for minutes in (15, 60, 240, 720, 1440, 4320))
MARKS: Final = {"median": 0.5, "p90": 0.9}
LATENESS = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 60, 300, 3600))


@dataclass(frozen=True, slots=True)
class Rate:
    """Of `of` posts, so many passed."""

    passed: int
    of: int


@dataclass(frozen=True, slots=True)
class Spread:
    """How long something took: how many in each bar (one more than there are ends), and the usual marks."""

    ends: Sequence[timedelta]
    counts: Sequence[int]
    median: timedelta | None = None
    p90: timedelta | None = None

    @property
    def total(self) -> int:
        return sum(self.counts)


# --- At the first reading ---------------------------------------------------------------------------
def _words(brand: Brand, since: datetime) -> QuerySet[Decision]:
    """The words that counted: advice and withdrawals are none."""
    return Decision.objects.filter(
        ~Q(rests_on=[]), post__brand=brand, at__gte=since, post__corrects__isnull=True
    ).exclude(decision=Verdict.WITHDRAW.value)


# One line a post that was decided on, and whether somebody sent it back or turned it down; counted twice without being
# found twice: by author and facets, of which a brand has few, and by network.
_RATES: Final = """
WITH told AS MATERIALIZED ({told})
SELECT person, kind, products, topics, NULL, COUNT(*), SUM(back) FROM told GROUP BY person, kind, products, topics
UNION ALL
SELECT NULL, NULL, NULL, NULL, network, COUNT(*), SUM(back)
FROM (
    SELECT DISTINCT told.item, told.back, posts_channel.network FROM told
    JOIN posts_delivery ON posts_delivery.post_id = told.item
    JOIN posts_channel ON posts_channel.id = posts_delivery.channel_id
) AS sent GROUP BY network
"""


def _rates(brand: Brand, since: datetime) -> list[tuple[Any, ...]]:
    """[(author, kind, products, topics, None, Rate)] and [(None, None, None, None, network, Rate)]"""
    told = (
        _words(brand, since)
        .order_by()
        .values(
            item=F("post_id"),
            person=Coalesce("post__author__same_person_as_id", "post__author_id"),
            kind=F("post__kind"),
            products=F("post__products"),
            topics=F("post__topics"),
        )
        .annotate(back=Max(Case(When(decision__in=OBJECTIONS, then=1), default=0)))
    )
    statement, given = told.query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(_RATES.format(told=statement), given)
        rows = cursor.fetchall()
    return [(*row[:5], Rate(row[5] - row[6], row[5])) for row in rows]


@dataclass(frozen=True, slots=True)
class FirstPass:
    """Of all posts that were decided on in the period, by author (two accounts of one person together), and by
    domain: each post in every domain that its kind, channels, products and topics call for."""

    all: Rate
    by_person: Mapping[int, Rate]
    by_domain: Mapping[str, Rate]


def first_pass(brand: Brand, since: datetime, rules: Rules | None) -> FirstPass:
    """One query."""
    everybody, people, domains = _Sums(), _Sums(), _Sums()
    for author, kind, products, topics, network, rate in _rates(brand, since):
        if network is not None:
            domains.add(f"channel:{network}", rate)
            continue
        everybody.add("", rate)
        people.add(author, rate)
        for domain in (
            *_called_for(rules, kind),
            *(f"product:{key}" for key in json.loads(products)),
            *(f"topic:{key}" for key in json.loads(topics)),
        ):
            domains.add(domain, rate)
    return FirstPass(everybody.rates.get("", Rate(0, 0)), people.rates, domains.rates)


class _Sums:
    """Rates that add up, by whatever they are of."""

    def __init__(self) -> None:
        self.rates: dict[Any, Rate] = {}

    def add(self, key: object, rate: Rate) -> None:
        so_far = self.rates.get(key, Rate(0, 0))
        self.rates[key] = Rate(so_far.passed + rate.passed, so_far.of + rate.of)


def _called_for(rules: Rules | None, kind: str) -> set[str]:
    """The domains that a kind asks for by itself."""
    asked = next((rule for one, rule in rules.kinds.items() if one.value == kind), None) if rules else None
    return {one.domain for one in asked.requirements if ":" not in one.domain} if asked else {"craft"}


# --- How long, and why ------------------------------------------------------------------------------
def time_to_decision(brand: Brand, since: datetime) -> Spread:
    """From the bytes' submission to the first word on them, that of one revision each. One query on PostgreSQL, three
    on SQLite."""
    first = (
        Decision.objects.filter(post__brand=brand, at__gte=since, revision__sealed_at__isnull=False)
        .exclude(decision=Verdict.WITHDRAW.value)
        .order_by()
        .values("revision")
        .annotate(
            took=ExpressionWrapper(Min("at") - Min("revision__sealed_at"), output_field=DurationField())
        )
    )
    return _spread(first, WAITS)


def lateness(brand: Brand, since: datetime) -> Spread:
    """From the slot to the network's yes, for all that went out by itself. As many queries."""
    out = Attempt.objects.filter(
        ended_at__gte=since,
        outcome=Outcome.DELIVERED.value,
        delivery__brand=brand,
        delivery__due_at__isnull=False,
    ).annotate(took=ExpressionWrapper(F("ended_at") - F("delivery__due_at"), output_field=DurationField()))
    return _spread(out, LATENESS)


class _Mark(Aggregate):
    """PostgreSQL's own percentile, which sorts once for all of them."""

    function = "PERCENTILE_DISC"
    template = "%(function)s(%(share)s) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def _spread(rows: QuerySet[Any], ends: Sequence[timedelta]) -> Spread:
    """Of a queryset with `took`."""
    asked: dict[str, Aggregate] = {
        f"bar{n}": Count("took", filter=Q(took__lte=end) & (Q(took__gt=ends[n - 1]) if n else Q()))
        for n, end in enumerate(ends)
    }
    asked["more"] = Count("took", filter=Q(took__gt=ends[-1]))
    able = connection.vendor == "postgresql"
    marks = {name: _Mark("took", share=share) for name, share in MARKS.items()} if able else {}
    found = rows.aggregate(**asked, **marks)
    counts = [found[name] for name in asked]
    if not able and sum(counts):
        found |= {name: _at(rows, sum(counts), share) for name, share in MARKS.items()}
    return Spread(ends, counts, found.get("median"), found.get("p90"))


def _at(rows: QuerySet[Any], total: int, share: float) -> timedelta | None:
    """The same by hand: the smallest that is no less than this share of them."""
    place = ceil(total * share) - 1
    ordered: QuerySet[Any] = rows.order_by("took").values_list("took", flat=True)
    return next(iter(ordered[place : place + 1]), None)


def reasons(brand: Brand, since: datetime) -> dict[str, Mapping[str, int]]:
    """{motive: {decision: how often}}, of changes asked for and rejections. One query."""
    rows = (
        Decision.objects.filter(post__brand=brand, at__gte=since, decision__in=OBJECTIONS)
        .order_by()
        .values_list("motive", "decision")
        .annotate(times=Count("pk"))
    )
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for motive, decision, times in rows:
        found[motive][decision] = times
    return dict(found)


def outcomes(brand: Brand, since: datetime, until: datetime) -> dict[str, int]:
    """{state: how many}, of the posts whose slot lay in the period: what became of them. One query."""
    rows = Post.objects.filter(brand=brand, slot__gte=since, slot__lt=until).order_by()
    return dict(rows.values_list("state").annotate(posts=Count("pk")))
