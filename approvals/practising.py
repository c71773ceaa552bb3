"""Keeping expertise by practice: three acts in ninety days in the domain, else it lapses.

An act is a word that counted in the domain (on somebody else's post), a post of one's own that was accepted
there, and in `crisis` also declaring an incident or a word for lifting one. Each post counts once. Whoever was
granted something has the same ninety days to begin. A lapse turns votes into advice until a mentor confirms
recent practice (`renewing.py`). The ticker looks at each credential when something could be said of it, and
not before: `Credential.look_at`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, User
from accounts.preparing import Prepared
from approvals.levels import accounts_of, in_force, mentors_in, owners_of
from approvals.models import Credential, CredentialState, Decision, Incident, Lifting, Verdict
from approvals.striking import hold_what_rested_on
from journal.recording import TICKER, record
from journal.telling import tell

ACTS: Final = 3
WITHIN: Final = timedelta(days=90)
WARN_BEFORE: Final = timedelta(days=14)

Acts = Mapping[tuple[int, str], list[datetime]]


@dataclass(frozen=True, slots=True)
class Practice:
    """What somebody did in a domain in the last ninety days, and when their credential lapses unless they
    do more."""

    acts: int
    lapses_at: datetime


# --- Counting ---------------------------------------------------------------------------------------
def acts_since(brand_id: int, people: Collection[int], since: datetime) -> Acts:
    """{(person, domain): the instants of their acts after `since`, newest first}, in a number of queries
    that people and posts do not change."""
    if not people:
        return {}
    accounts = accounts_of(people)
    here = Decision.objects.filter(post__brand_id=brand_id, at__gt=since)
    columns = (
        "post__lineage_id",
        "decision",
        "rests_on",
        "at",
        "user_id",
        "user__same_person_as_id",
        "post__author_id",
        "post__author__same_person_as_id",
    )
    # By (person, domain), each piece of work once, at its latest act.
    once: dict[tuple[int, str], dict[tuple[str, int], datetime]] = defaultdict(dict)
    words = here.filter(user__in=accounts)
    accepted = here.filter(
        post__author__in=accounts, decision__in=[Verdict.APPROVE.value, Verdict.WITHDRAW.value]
    )
    for rows, own in ((words, False), (accepted, True)):
        standing: dict[tuple[int, int, int], tuple[list[list[str | int]], datetime]] = {}
        for lineage, decision, rests_on, at, user, same, author, author_same in rows.order_by(
            "pk"
        ).values_list(*columns):
            reviewer, writer = same or user, author_same or author
            word = (writer if own else reviewer, lineage, reviewer)
            if decision == Verdict.WITHDRAW:
                standing.pop(word, None)
            elif reviewer != writer:
                standing[word] = rests_on, at
        for (person, lineage, _reviewer), (rests_on, at) in standing.items():
            for domain, _level in rests_on:
                of_work = once[person, str(domain)]
                of_work["post", lineage] = max(at, of_work.get(("post", lineage), at))
    for person, kind, pk, at in _in_crises(brand_id, accounts, since):
        once[person, "crisis"][kind, pk] = at
    return {key: sorted(of_key.values(), reverse=True) for key, of_key in once.items()}


def _in_crises(
    brand_id: int, accounts: Collection[int], since: datetime
) -> Iterable[tuple[int, str, int, datetime]]:
    declared = Incident.objects.filter(
        brand_id=brand_id, declared_by__in=accounts, declared_at__gt=since
    ).select_related("declared_by")
    for incident in declared:
        yield incident.declared_by.person_id, "incident", incident.pk, incident.declared_at
    words = Lifting.objects.filter(
        incident__brand_id=brand_id, user__in=accounts, at__gt=since
    ).select_related("user")
    for word in words:
        yield word.user.person_id, "incident", word.incident_id, word.at


def lapses_at(row: Credential, acts: Iterable[datetime]) -> datetime:
    """When this credential lapses unless something more is done: ninety days after the third latest act,
    and never before it could have been practised for as long."""
    newest = list(acts)[:ACTS]
    begun = max(row.valid_from, row.confirmed_at or row.valid_from)
    return max(begun, newest[-1] if len(newest) == ACTS else begun) + WITHIN


def practice(brand: Brand, rows: Collection[Credential], now: datetime) -> dict[int, Practice]:
    """{credential: its practice}; `rows` with their users."""
    acts = acts_since(brand.pk, {row.user.person_id for row in rows}, now - WITHIN)
    found = {}
    for row in rows:
        of_row = acts.get((row.user.person_id, row.domain), [])
        found[row.pk] = Practice(len(of_row), lapses_at(row, of_row))
    return found


# --- The ticker's part ------------------------------------------------------------------------------
def keep_current(limit: int = 100) -> int:
    """Lapses what was not practised, and warns two weeks before a lapse or an end. Answers how many
    credentials it looked at. One that practice has carried on is looked at again in its time."""
    now = database_now()
    due = (
        Credential.objects.filter(state=CredentialState.ACTIVE, look_at__lte=now)
        .select_related("user", "brand")
        .order_by("look_at", "pk")[:limit]
    )
    by_brand: dict[int, list[Credential]] = defaultdict(list)
    for row in due:
        by_brand[row.brand_id].append(row)
    for rows in by_brand.values():
        known = practice(rows[0].brand, rows, now)
        for row in rows:
            _look(row, known[row.pk].lapses_at, now)
    return sum(len(rows) for rows in by_brand.values())


def _look(row: Credential, lapses: datetime, now: datetime) -> None:
    over = row.ended_at is not None or (row.valid_until is not None and row.valid_until <= now)
    if over:
        say = "" if row.ended_at is not None else "credential.expired"
        _look_again(row, None, say, row.valid_until)
    elif lapses <= now:
        _lapse(row)
    else:
        ends = min(lapses, row.valid_until or lapses)
        if ends - WARN_BEFORE > now:
            _look_again(row, ends - WARN_BEFORE)
        elif row.warned_for == ends:
            _look_again(row, ends)
        else:
            kind = "credential.expire_soon" if row.valid_until == ends else "credential.lapse_soon"
            _look_again(row, ends, kind, ends)


def _look_again(row: Credential, moment: datetime | None, say: str = "", of: datetime | None = None) -> None:
    """Sets when it is looked at next, and tells; of several tickers one does."""
    with transaction.atomic():
        mine = Credential.objects.filter(pk=row.pk, look_at=row.look_at, state=CredentialState.ACTIVE)
        warned = {"warned_for": of} if say else {}
        if mine.update(look_at=moment, **warned) and say:
            _say(row, say, of, others=say != "credential.lapse_soon")


def _lapse(row: Credential) -> None:
    """Under the exclusive lock, and looked at again there: an act of this very second keeps it."""
    with transaction.atomic():
        change_standing(row.brand_id)
        now = database_now()
        acts = acts_since(row.brand_id, [row.user.person_id], now - WITHIN)
        if lapses_at(row, acts.get((row.user.person_id, row.domain), [])) > now:
            return
        lapsed = Credential.objects.filter(
            pk=row.pk, state=CredentialState.ACTIVE, ended_at__isnull=True
        ).update(state=CredentialState.LAPSED, ended_at=now, look_at=None)
        if not lapsed:
            return
        record(
            "credential.lapse",
            TICKER,
            row.brand_id,
            f"credential:{row.pk}",
            person=row.user.person_id,
            domain=row.domain,
            level=row.level,
        )
        hold_what_rested_on(TICKER, row)
        _say(row, "credential.lapse", now, others=True)


def _say(row: Credential, kind: str, moment: datetime | None, *, others: bool) -> None:
    """To the person, and where somebody else must act, to who could: mentors, else the owners."""
    told: list[User] = [row.user]
    if others:
        person = row.user.person_id
        able = list(mentors_in(row.brand, row.domain, database_now(), but=person).values())
        told += able or owners_of(row.brand, but=person)
    day = moment.astimezone(row.brand.zone).date().isoformat() if moment else ""
    about: dict[str, Any] = {
        "domain": row.domain,
        "who": row.user.name,
        "user": row.user_id,
        "credential": row.pk,
    }
    tell(told, row.brand_id, kind, **about, day=day)


# --- Before a slot ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Ending:
    """A credential that will not count any more at an instant: it runs out (`lapses` False), or lapses
    unless it is practised until then."""

    domain: str
    at: datetime
    lapses: bool


# How many of a person's latest words are looked at before all of ninety days are.
_LATEST = 20


def carried(user: User, brand: Brand, moment: datetime) -> set[str]:
    """Domains that the account's latest words alone carry beyond `moment`: the whole of its practice, which may
    be long, need not be read for them. It leaves out rather than in."""
    heard: set[int] = set()
    acts: dict[str, list[datetime]] = defaultdict(list)
    for decision, rests_on, at, brand_id, lineage, author, same in _WORDS.rows(user.pk):
        if lineage in heard:
            continue
        # Of several words on a post the last one counts; a withdrawal took back those before it.
        heard.add(lineage)
        others = (same or author) != user.person_id
        if others and brand_id == brand.pk and decision != Verdict.WITHDRAW:
            for domain, _level in rests_on:
                acts[str(domain)].append(at)
    return {domain for domain, of in acts.items() if len(of) >= ACTS and of[ACTS - 1] + WITHIN > moment}


_WORDS = Prepared(
    lambda user: (
        Decision.objects.filter(user=user)
        .order_by("-pk")
        .values_list(
            "decision",
            "rests_on",
            "at",
            "post__brand_id",
            "post__lineage_id",
            "post__author_id",
            "post__author__same_person_as_id",
        )[:_LATEST]
    )
)


def ends_before(
    user: User, brand: Brand, domains: Iterable[str], moment: datetime, now: datetime | None = None
) -> list[Ending]:
    """Of what the account holds in these domains now, what will have ended by `moment`, soonest first."""
    now = now or database_now()
    rows = in_force(brand, now).filter(user=user, domain__in=set(domains)).select_related("user")
    held = list(rows.order_by("level", "pk"))
    best = {row.domain: row for row in held}
    known = practice(brand, held, now)
    found = []
    for domain, row in best.items():
        lapses = known[row.pk].lapses_at
        ends = min(lapses, row.valid_until or lapses)
        if ends <= moment:
            found.append(Ending(domain, ends, row.valid_until != ends))
    return sorted(found, key=lambda one: (one.at, one.domain))
