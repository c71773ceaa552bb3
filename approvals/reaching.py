"""What a team could let out today under given rules: which kinds of post, with whom, and what hangs on one
person or on nobody. The gate itself is asked, on posts that nobody has written yet.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from accounts.clock import database_now
from accounts.models import Brand, Membership
from approvals.foreseeing import readers_in, shortest
from approvals.gate import Facts, Held, Rule, evaluate
from approvals.models import Acknowledgement, Policy
from approvals.policy import Rules, rule_for
from approvals.standing import load_brands
from posts.models import Channel, Kind, Product

PEOPLE: Final = "people"


@dataclass(frozen=True, slots=True)
class Team:
    """Who is here today, by person, what they hold, and what the brand speaks about, and where."""

    people: tuple[int, ...]
    held: tuple[Held, ...]
    networks: tuple[str, ...]
    products: tuple[str, ...]
    now: datetime

    def holds(self, person: int) -> frozenset[tuple[str, int]]:
        rows = (one for one in self.held if one.person == person and one.at(self.now))
        return frozenset((one.domain, one.level) for one in rows)


@dataclass(frozen=True, slots=True)
class Reach:
    """One kind of post under some rules.

    `path` are people who together would let out what `author` writes. `hangs_on`: without this one person
    nothing of this kind could go out. `not_by`: whose own posts nobody could let out. `lacking`: domains
    (or "people") for want of which nothing of this kind goes out at all. `partly`: networks and products
    of which nobody can let anything out.
    """

    kind: str
    known: bool
    author: int | None = None
    path: tuple[int, ...] = ()
    hangs_on: tuple[int, ...] = ()
    not_by: tuple[int, ...] = ()
    lacking: tuple[str, ...] = ()
    partly: tuple[str, ...] = ()

    @property
    def tone(self) -> str:
        """`stop` when nobody present could satisfy it, `wait` when it hangs on one person, `ok`."""
        if self.author is None:
            return "stop"
        return "wait" if self.hangs_on or self.partly else "ok"


def team_of(brand: Brand) -> Team:
    """The brand's people who are not away today. In a fixed number of queries."""
    now = database_now()
    standing = load_brands([brand.pk])[brand.pk]
    day = now.astimezone(brand.zone).date()
    away = {person for person, row in standing.absences if row.first_day <= day <= row.last_day}
    members = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    people = dict.fromkeys(row.user.person_id for row in members.select_related("user").order_by("pk"))
    networks = Channel.objects.filter(brand=brand, is_active=True).values_list("network", flat=True)
    products = Product.objects.filter(brand=brand).order_by("key").values_list("key", flat=True)
    return Team(
        tuple(person for person in people if person not in away),
        standing.held,
        tuple(sorted(set(networks))),
        tuple(products),
        now,
    )


def reach(team: Team, rules: Rules) -> list[Reach]:
    """Each kind of post, in the order of the trade."""
    return [_reach(team, rules, kind.value) for kind in Kind]


@dataclass(frozen=True, slots=True)
class _Look:
    """What the gate would say of one post by one author: whether those present could open it, through whom,
    and for want of what not."""

    could: bool
    path: tuple[int, ...]
    lacking: tuple[str, ...]


class _Ground:
    """One kind of post on one team; what is asked twice is answered once. Two authors who hold the same are
    the same when it comes to whether their posts could go out."""

    def __init__(self, team: Team, rules: Rules, kind: str) -> None:
        self.team, self.rules, self.kind = team, rules, kind
        self._looks: dict[tuple[object, ...], _Look] = {}
        self._holds = {person: team.holds(person) for person in team.people}

    def look(
        self, author: int, networks: Sequence[str], products: Sequence[str] = (), without: int = 0
    ) -> _Look:
        rule = rule_for(self.rules, self.kind, networks, products, ())
        if rule is None:
            return _Look(False, (), ())
        return _look(self.team, self.kind, rule, author, without)

    def could(
        self, author: int, networks: Sequence[str], products: Sequence[str] = (), without: int = 0
    ) -> bool:
        key = (self._holds[author], tuple(networks), tuple(products), without)
        if key not in self._looks:
            self._looks[key] = self.look(author, networks, products, without)
        return self._looks[key].could

    def anybody(self, networks: Sequence[str], products: Sequence[str] = (), without: int = 0) -> int | None:
        """Somebody whose post could go out. Those who hold little are tried first, as juniors write most; then
        those who hold nothing at all, who mostly do other work."""
        authors = sorted(self.team.people, key=lambda one: (not self._holds[one], len(self._holds[one]), one))
        return next(
            (one for one in authors if one != without and self.could(one, networks, products, without)), None
        )


def _reach(team: Team, rules: Rules, kind: str) -> Reach:
    if Kind(kind) not in rules.kinds:
        return Reach(kind, known=False)
    ground = _Ground(team, rules, kind)
    places: list[tuple[str, ...]] = [(network,) for network in team.networks] or [()]
    open_places = [place for place in places if ground.anybody(place) is not None]
    if not open_places:
        return Reach(kind, known=True, lacking=_lacking(ground, places))
    place = open_places[0]
    author = ground.anybody(place)
    assert author is not None
    path = ground.look(author, place).path
    closed = [f"channel:{one[0]}" for one in places if one not in open_places]
    closed += [f"product:{one}" for one in team.products if ground.anybody(place, (one,)) is None]
    return Reach(
        kind,
        known=True,
        author=author,
        path=path,
        hangs_on=tuple(one for one in {author, *path} if ground.anybody(place, without=one) is None),
        not_by=tuple(one for one in team.people if not ground.could(one, place)),
        partly=tuple(closed),
    )


def _lacking(ground: _Ground, places: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """What is wanting whoever writes: of all looks, the one that lacks least."""
    looks = [ground.look(author, place).lacking for author in ground.team.people for place in places]
    return min(looks, key=len, default=(PEOPLE,))


def _look(team: Team, kind: str, rule: Rule, author: int, without: int) -> _Look:
    present = frozenset(team.people) - {without}
    facts = Facts(
        post=0,
        kind=kind,
        digest=None,
        epoch=0,
        rule=rule,
        contributors=frozenset({author}),
        decisions=(),
        held=team.held,
        active=present,
        absent=frozenset(),
        blockers=(),
        frozen_by=None,
        release=None,
        window_from=None,
        window_until=None,
        taken_at=team.now,
    )
    verdict = evaluate(facts, team.now)
    reading = verdict.reading
    lacking = [one.requirement.domain for one in reading.coverage if one.missing > len(one.could)]
    if len(reading.have) + len(readers_in(verdict)) < reading.needed:
        lacking.append(PEOPLE)
    if lacking:
        return _Look(False, (), tuple(dict.fromkeys(lacking)))
    return _Look(True, shortest(verdict), ())


def acknowledged(policy: Policy | None, found: Iterable[Reach]) -> set[str]:
    """The kinds that cannot go out and of which an owner has taken note: for want of these very things."""
    if policy is None:
        return set()
    noted: dict[str, list[Collection[str]]] = {}
    for row in Acknowledgement.objects.filter(policy=policy):
        noted.setdefault(row.kind, []).append(set(row.lacking))
    return {
        one.kind
        for one in found
        if one.tone == "stop" and any(set(one.lacking) <= set(seen) for seen in noted.get(one.kind, ()))
    }
