"""Who knows what in this brand, what hangs on one person or on nobody, and who is away. Read only."""

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
from accounts.models import Absence, Brand, Membership
from accounts.refusals import Invalid
from approvals.expertise import in_force
from approvals.models import Credential, CredentialState, Level, Policy, PolicyState
from approvals.policy import Rules, read_rules
from approvals.wording import product_names
from cm_queue.desk import signs
from cm_queue.desk.guarding import MemberRequest, for_members

OWN = ("craft", "company", "crisis")


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
    """What one person holds in one domain; `level` None for nothing at all."""

    label: str
    level: int | None = None
    until: datetime | None = None
    founding: bool = False
    lapsed: bool = False


@dataclass(frozen=True, slots=True)
class Line:
    """One person's row. A person with several accounts has one, under the account they were linked to."""

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
    team = gather(request.brand, database_now())
    return render(request, "desk/people.html", {"team": team, "headline": headline(team)})


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
    lapsed = _lapsed(brand)
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
        columns.append(Column(domain, label_of(domain, products), names, asked.get(domain, 1), gone))
    order = dict.fromkeys(member.user.person_id for member in members)
    lines = [_line(persons[one], one, columns, held, lapsed) for one in order]
    return Team(lines, columns, absences)


def label_of(domain: str, products: Mapping[str, str]) -> str:
    prefix, _sep, key = domain.partition(":")
    return products.get(key, key) if prefix == "product" else signs.domain_name(domain)


def _line(
    member: Membership,
    person: int,
    columns: Iterable[Column],
    held: Mapping[tuple[int, str], Credential],
    lapsed: set[tuple[int, str]],
) -> Line:
    cells = []
    for column in columns:
        one = held.get((person, column.domain))
        if one is not None:
            cells.append(Cell(column.label, one.level, one.valid_until, one.founding))
        else:
            cells.append(Cell(column.label, lapsed=(person, column.domain) in lapsed))
    approves = any(cell.level is not None and cell.level >= Level.ENTRUSTED for cell in cells)
    return Line(member.user.name, member.title, member.is_owner, approves, cells)


def _held(brand: Brand, now: datetime) -> dict[tuple[int, str], Credential]:
    """The highest credential in force, by person and domain."""
    best: dict[tuple[int, str], Credential] = {}
    for row in in_force(brand, now).select_related("user").order_by("level", "pk"):
        best[row.user.person_id, row.domain] = row
    return best


def _lapsed(brand: Brand) -> set[tuple[int, str]]:
    rows = Credential.objects.filter(brand=brand, state=CredentialState.LAPSED).select_related("user")
    return {(row.user.person_id, row.domain) for row in rows}


def _rules(brand: Brand) -> Rules | None:
    policy = Policy.objects.filter(brand=brand, state=PolicyState.ACTIVE).first()
    try:
        return read_rules(policy.rules) if policy else None
    except Invalid:
        # A policy that does not load is shown red where policies are; here it asks for nothing.
        return None


def _asked(brand: Brand) -> dict[str, int]:
    """How many people the policy asks for at once in each domain, at most."""
    rules = _rules(brand)
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
    networks = sorted(set(brand.channels.filter(is_active=True).values_list("network", flat=True)))
    topics = sorted(domain for domain in asked if domain.startswith("topic:") and not domain.endswith("*"))
    return [
        *OWN,
        *(f"channel:{network}" for network in networks),
        *(f"product:{key}" for key in sorted(products)),
        *topics,
    ]
