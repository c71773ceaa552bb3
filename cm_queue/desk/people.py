"""Who knows what in this brand, what hangs on one person or on nobody, whose word is waited for, who is away.

What is done about it stands on each person's own page (`people_card.py`, `people_acts.py`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.http import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.clock import database_now
from accounts.models import Absence, Brand, Membership, User
from approvals import ruling
from approvals.earning import board, juniors
from approvals.levels import in_force
from approvals.models import Credential, CredentialState, Level
from approvals.naming import domain_name
from approvals.practising import WARN_BEFORE, Practice, practice
from approvals.progressing import Progress
from approvals.relooking import looks_to_take
from approvals.vouching import Roster
from approvals.wording import product_names
from cm_queue.desk.domains import domains_in, networks_of
from cm_queue.desk.guarding import MemberRequest, for_members


@dataclass(frozen=True, slots=True)
class Column:
    """A domain: who can approve in it (names), how many the policy asks for at most, and of those who can,
    who is away just now."""

    domain: str
    label: str
    able: Sequence[str]
    asked: int
    away: Sequence[str]

    @property
    def tone(self) -> str:
        return "stop" if not self.able else "wait" if len(self.able) < max(2, self.asked) else ""


@dataclass(frozen=True, slots=True)
class Cell:
    """What one person holds in one domain; `level` None for nothing at all. `until` is when it ends for want
    of renewal or of practice (`lapses`), `soon` that this is less than two weeks away; `progress` how far
    somebody who is not entrusted yet has come; `stopped` the state of what counts no more."""

    label: str
    level: int | None = None
    until: datetime | None = None
    lapses: bool = False
    soon: bool = False
    founding: bool = False
    stopped: str = ""
    progress: Progress | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """One person's row. A person with several accounts has one, under the account they were linked to."""

    pk: int
    name: str
    title: str
    is_owner: bool
    approves: bool
    cells: Sequence[Cell]


@dataclass(frozen=True, slots=True)
class Team:
    lines: Sequence[Line]
    columns: Sequence[Column]
    absences: Sequence[Absence]

    @property
    def nobody(self) -> list[Column]:
        return [one for one in self.columns if not one.able]

    @property
    def single(self) -> list[Column]:
        return [one for one in self.columns if one.tone == "wait"]


@require_safe
@for_members
def people(request: MemberRequest) -> HttpResponseBase:
    now = database_now()
    team = gather(request.brand, now)
    products = product_names(request.brand.pk)
    context = {
        "team": team,
        "headline": headline(team),
        "waiting": waiting(request.brand, request.user, products, now),
        "looks": [
            (one, domain_name(one.credential.domain, products)) for one in looks_to_take(request.brand)
        ],
        "may_found": request.membership.is_owner and may_found(request.brand),
        "me": request.user.person_id,
    }
    return render(request, "desk/people.html", context)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A proposal; `mine` that the reader's word is waited for, else `names` whose."""

    row: Credential
    label: str
    mine: bool
    names: Sequence[str]


def waiting(brand: Brand, user: User, products: Mapping[str, str], now: datetime) -> list[Waiting]:
    """Every open proposal, those that wait for the reader first. Four queries."""
    rows = (
        Credential.objects.filter(brand=brand, state=CredentialState.PROPOSED)
        .select_related("user", "brand", "first_grantor", "proposed_by")
        .order_by("pk")
    )
    roster = Roster(brand, now)
    found = []
    for row in rows:
        left = roster.places(row.user, row.domain).open_beside(row.first_grantor)
        names = [one.name for one in roster.named(left)]
        found.append(Waiting(row, domain_name(row.domain, products), user.pk in left, names))
    return sorted(found, key=lambda one: not one.mine)


def may_found(brand: Brand) -> bool:
    """Whether the founding grants are still to be recorded."""
    return not (Credential.objects.filter(brand=brand).exists() or brand.channels.exists())


def headline(team: Team) -> str:
    """The news of the page: how much hangs on a thread."""
    nobody, alone = len(team.nobody), sum(len(one.able) == 1 for one in team.columns)
    if not nobody and not alone:
        return _("Every domain has two people who know it.")
    hangs = ngettext("%(n)s domain hangs on one person", "%(n)s domains hang on one person", alone) % {
        "n": alone
    }
    void = ngettext("%(n)s domain on nobody", "%(n)s domains on nobody", nobody) % {"n": nobody}
    if not nobody:
        return f"{hangs}."
    if not alone:
        return ngettext(
            "Nobody knows %(n)s of the domains.", "Nobody knows %(n)s of the domains.", nobody
        ) % {"n": nobody}
    return _("%(hangs)s, %(void)s.") % {"hangs": hangs, "void": void}


def gather(brand: Brand, now: datetime) -> Team:
    """Everything on the page, in a number of queries that people and domains do not change."""
    members = list(
        Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
        .select_related("user__same_person_as")
        .order_by("pk")
    )
    held = _held(brand, now)
    known = practice(brand, list(held.values()), now)
    stopped = _stopped(brand)
    shown = {
        (person, one.domain): one
        for person, of_person in _progress(brand, members, now).items()
        for one in of_person
    }
    today = now.astimezone(brand.zone).date()
    absences = list(
        Absence.objects.filter(brand=brand, last_day__gte=today)
        .select_related("user")
        .order_by("first_day", "pk")
    )
    away = {one.user.person_id for one in absences if one.first_day <= today}
    persons = {member.user.person_id: member for member in reversed(members)}
    asked = _asked(brand)
    products = product_names(brand.pk)
    columns = []
    for domain in _domains(brand, asked, products):
        levels = {one: held[one, domain].level for one in persons if (one, domain) in held}
        able = [one for one, level in levels.items() if level >= Level.ENTRUSTED]
        names = sorted(persons[one].user.name for one in able)
        gone = sorted(persons[one].user.name for one in able if one in away)
        columns.append(Column(domain, domain_name(domain, products), names, asked.get(domain, 1), gone))
    order = dict.fromkeys(member.user.person_id for member in members)
    seen = _Seen(held, known, stopped, shown, now)
    lines = [_line(persons[one], one, columns, seen) for one in order]
    return Team(lines, columns, absences)


@dataclass(frozen=True, slots=True)
class _Seen:
    """What stands in the cells, by person and domain."""

    held: Mapping[tuple[int, str], Credential]
    practice: Mapping[int, Practice]
    stopped: Mapping[tuple[int, str], str]
    progress: Mapping[tuple[int, str], Progress]
    now: datetime

    def cell(self, person: int, column: Column) -> Cell:
        key = (person, column.domain)
        row = self.held.get(key)
        if row is None:
            return Cell(column.label, stopped=self.stopped.get(key, ""), progress=self.progress.get(key))
        lapses = self.practice[row.pk].lapses_at
        until = min(lapses, row.valid_until or lapses)
        return Cell(
            column.label,
            row.level,
            until,
            lapses=until != row.valid_until,
            soon=until - WARN_BEFORE <= self.now,
            founding=row.founding,
            progress=self.progress.get(key),
        )


def _line(member: Membership, person: int, columns: Iterable[Column], seen: _Seen) -> Line:
    cells = [seen.cell(person, column) for column in columns]
    approves = any(cell.level is not None and cell.level >= Level.ENTRUSTED for cell in cells)
    return Line(member.user_id, member.user.name, member.title, member.is_owner, approves, cells)


def _progress(brand: Brand, members: Iterable[Membership], now: datetime) -> dict[int, list[Progress]]:
    """Of those who are entrusted with nothing yet: the others' stands on their own pages."""
    people = {member.user.person_id for member in members}
    return board(brand, juniors(brand, people, now), now)


def _held(brand: Brand, now: datetime) -> dict[tuple[int, str], Credential]:
    """The highest credential in force, by person and domain."""
    best: dict[tuple[int, str], Credential] = {}
    for row in in_force(brand, now).select_related("user").order_by("level", "pk"):
        best[row.user.person_id, row.domain] = row
    return best


def _stopped(brand: Brand) -> dict[tuple[int, str], str]:
    """What was lapsed or suspended last, where nothing followed it."""
    states = [CredentialState.LAPSED, CredentialState.SUSPENDED]
    rows = Credential.objects.filter(brand=brand, state__in=states).select_related("user").order_by("pk")
    return {(row.user.person_id, row.domain): row.state for row in rows}


def domains_of(brand: Brand) -> list[str]:
    """The domains in which somebody here can be granted something: those of the matrix, and whatever else
    is held already."""
    found = _domains(brand, _asked(brand), product_names(brand.pk))
    held = Credential.objects.filter(brand=brand).values_list("domain", flat=True).distinct()
    return [*found, *sorted(set(held) - set(found))]


def _asked(brand: Brand) -> dict[str, int]:
    """How many people the policy asks for at once in each domain, at most."""
    # A policy that does not load is shown red where policies are; here it asks for nothing.
    rules = ruling.in_force(brand.pk).rules
    asked: dict[str, int] = defaultdict(lambda: 1)
    if rules is not None:
        demands = [one for rule in rules.kinds.values() for one in rule.requirements]
        demands += [one for extra in rules.facets.values() for one in extra]
        for one in demands:
            asked[one.domain] = max(asked[one.domain], one.n)
    return asked


def _domains(brand: Brand, asked: Mapping[str, int], products: Mapping[str, str]) -> list[str]:
    """The domains that can be asked for here: the trade's own, the brand's networks, its products, and the
    topics that its policy names."""
    topics = sorted(domain for domain in asked if domain.startswith("topic:") and not domain.endswith("*"))
    return [*domains_in(networks_of(brand), products), *topics]
