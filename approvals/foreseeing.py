"""Says who will have to say yes before anything is saved, and what the writer could learn from it.

The same gate is asked as at release, on facts in which nobody has decided yet: so what a person is told
while writing cannot differ from what will be demanded of the post.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from accounts.clock import database_now
from accounts.models import Brand, User
from approvals.gate import Code, Facts, Held, Reading, Verdict, evaluate
from approvals.policy import rule_for
from approvals.standing import load_brands


@dataclass(frozen=True, slots=True)
class Lesson:
    """A domain that the post needs and in which the writer stands lower: `has` of `needs`."""

    domain: str
    has: int
    needs: int


@dataclass(frozen=True, slots=True)
class Foresight:
    """What will be asked. `known` is False when the policy says nothing of this kind of post, which
    will keep the gate closed. `path` are people who together would open it, as few as a greedy choice
    finds, in that order; empty when those present could not."""

    known: bool
    reading: Reading
    path: tuple[int, ...]
    lessons: tuple[Lesson, ...]


def foresee(
    brand: Brand,
    author: User,
    kind: str,
    networks: Sequence[str],
    products: Sequence[str],
    topics: Sequence[str],
    *,
    at: datetime | None = None,
    contributors: Collection[int] = (),
) -> Foresight:
    """What a post of this kind, there, about that, would need. `at` is its slot (now without one);
    `contributors` are the people who wrote in it before, beside `author`."""
    now = database_now()
    at = at if at is not None and at > now else now
    standing = load_brands([brand.pk])[brand.pk]
    rule = rule_for(standing.rules, kind, networks, products, topics) if standing.rules else None
    day = at.astimezone(brand.zone).date()
    facts = Facts(
        post=0,
        kind=kind,
        digest=None,
        epoch=0,
        rule=rule,
        contributors=frozenset({author.person_id, *contributors}),
        decisions=(),
        held=standing.held,
        active=standing.active,
        absent=frozenset(person for person, row in standing.absences if row.first_day <= day <= row.last_day),
        blockers=(),
        frozen_by=None,
        release=None,
        window_from=None,
        window_until=None,
        taken_at=now,
    )
    verdict = evaluate(facts, at)
    reading = verdict.reading if rule else Reading()
    path = shortest(verdict) if rule else ()
    return Foresight(rule is not None, reading, path, _lessons(reading, standing.held, author, now))


def readers_in(verdict: Verdict) -> tuple[int, ...]:
    """Who could be among the readers a verdict misses, whatever they cover: in a duo other eyes are enough."""
    return next((one.could for one in verdict.reasons if one.code == Code.MISSING_PEOPLE), ())


def shortest(verdict: Verdict) -> tuple[int, ...]:
    """People who would cover all that is missing and are enough, best first, as few as a greedy choice finds.
    Empty when it takes somebody else."""
    reading = verdict.reading
    missing = [covered.missing for covered in reading.coverage]
    chosen: list[int] = []
    while any(missing):
        gains = Counter(
            person
            for place, covered in enumerate(reading.coverage)
            if missing[place]
            for person in covered.could
            if person not in chosen
        )
        if not gains:
            return ()
        best = max(sorted(gains), key=lambda person: gains[person])
        chosen.append(best)
        for place, covered in enumerate(reading.coverage):
            if missing[place] and best in covered.could:
                missing[place] -= 1
    able = {person for covered in reading.coverage for person in covered.could}
    spare = sorted({*able, *readers_in(verdict)} - set(chosen))
    while len(chosen) + len(reading.have) < reading.needed:
        if not spare:
            return ()
        chosen.append(spare.pop(0))
    return tuple(chosen)


def _lessons(reading: Reading, held: Sequence[Held], author: User, now: datetime) -> tuple[Lesson, ...]:
    """Each domain once, at the highest level asked, in the order of the requirements."""
    needs: dict[str, int] = {}
    for covered in reading.coverage:
        one = covered.requirement
        needs[one.domain] = max(needs.get(one.domain, 0), one.level)
    has = Counter[str]()
    for row in held:
        if row.person == author.person_id and row.at(now):
            has[row.domain] = max(has[row.domain], row.level)
    return tuple(Lesson(domain, has[domain], level) for domain, level in needs.items() if has[domain] < level)
