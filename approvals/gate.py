"""The expertise gate: a pure function from facts to a verdict.

It imports nothing of Django, Redis or the network; `approvals/facts.py` loads what it reads and
`approvals/wording.py` says its reasons in French and English. The definition it implements stands
in `docs/gate.md`:

    counted(d)  = d is that person's latest decision, is APPROVE, same digest, same epoch, no older than
                  the TTL at `at`, person active, person not a contributor to the lineage
    covers(d,r) = person held an ACTIVE credential in r.domain at >= r.level when deciding and at `at`
    Allow  iff  the kind is known, requirements are not empty, the policy loads, every requirement has its
                n covering people, the union of all covering people is at least M, no open veto, nothing
                pauses or holds it, no freeze in scope unless the kind is crisis, decided in this epoch and
                released by a person, and `at` lies inside the window

Everything else denies, an error in evaluating included.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

APPROVE = "approve"
CRISIS = "crisis"
ENTRUSTED = 2


# --- Facts ----------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Requirement:
    """`n` people who hold `domain` at `level` or above."""

    domain: str
    level: int
    n: int = 1


@dataclass(frozen=True, slots=True)
class Rule:
    """What a policy demands of one kind of post, expanded to this post's channels, products and
    facets. `ttl` bounds the age of an approval. `people` is M. `contributor_covers`: a contributor's
    own credential may cover requirements, while M others must still have read and approved (duo)."""

    requirements: tuple[Requirement, ...]
    people: int
    ttl: timedelta
    person_releases: bool = False
    contributor_covers: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """A person held `domain` at `level`, ACTIVE, from `since` (inclusive) until `until` (exclusive).

    `account` is the one it was granted to, 0 when that does not matter. A person's accounts are one when
    it comes to who contributed and how many agreed; but expertise speaks through the account that earned
    it, so that saying "these two are one person" can only ever close the gate.
    """

    person: int
    domain: str
    level: int
    since: datetime
    until: datetime | None = None
    account: int = 0

    def at(self, moment: datetime) -> bool:
        return self.since <= moment and (self.until is None or moment < self.until)


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision, in the order `sequence` in which they were made, from `account` (0: any of theirs)."""

    sequence: int
    person: int
    decision: str
    digest: str
    epoch: int
    at: datetime
    account: int = 0


@dataclass(frozen=True, slots=True)
class Blocker:
    """Something that stops the post whatever was approved: an open veto, a hold, a pause, a stopped
    brand, a channel. `code` is stable, `person` who caused it, `params` plain JSON for the sentence,
    `could` the people who could take it away."""

    code: str
    person: int | None = None
    params: Mapping[str, str | int] = field(default_factory=dict)
    could: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Release:
    """A person pressed release, for these bytes, in this epoch."""

    person: int
    digest: str
    epoch: int


@dataclass(frozen=True, slots=True)
class Facts:
    """All that the gate looks at, for one post. People are numbers: one for each person, however many
    accounts. `taken_at` is the instant the facts were read by the database's clock. `rule` is None when
    the policy does not load or does not know the kind; `held` may be limited to those who matter.
    `wrote` are the accounts through which the contributors wrote; empty when that does not matter."""

    post: int
    kind: str
    digest: str | None
    epoch: int
    rule: Rule | None
    contributors: frozenset[int]
    decisions: tuple[Decided, ...]
    held: tuple[Held, ...]
    active: frozenset[int]
    absent: frozenset[int]
    blockers: tuple[Blocker, ...]
    frozen_by: int | None
    release: Release | None
    window_from: datetime | None
    window_until: datetime | None
    taken_at: datetime
    wrote: frozenset[int] = frozenset()


# --- Verdict ----------------------------------------------------------------------------------
class Code(StrEnum):
    """Every reason for which the gate stays closed."""

    ERROR = "error"
    UNKNOWN_KIND = "unknown_kind"
    NO_REQUIREMENTS = "no_requirements"
    NOT_SEALED = "not_sealed"
    MISSING_REQUIREMENT = "missing_requirement"
    MISSING_PEOPLE = "missing_people"
    ENDS_BEFORE_SLOT = "ends_before_slot"
    FROZEN = "frozen"
    NOT_RELEASED = "not_released"
    OUTSIDE_WINDOW = "outside_window"
    BLOCKED = "blocked"


# What people can give by approving.
LACKS = frozenset({Code.MISSING_REQUIREMENT, Code.MISSING_PEOPLE, Code.ENDS_BEFORE_SLOT})


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the gate stays closed. `could` are the people who could do something about it."""

    code: Code
    params: Mapping[str, str | int] = field(default_factory=dict)
    could: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Coverage:
    """One requirement: who covers it, how many more it needs, who could (present), who could but is
    away."""

    requirement: Requirement
    covered_by: tuple[int, ...]
    missing: int
    could: tuple[int, ...]
    away: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """What both verdicts carry: each requirement, and distinct approvers needed and had."""

    coverage: tuple[Coverage, ...] = ()
    needed: int = 0
    have: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Allow:
    """It may go out at `at`; until `until` (exclusive) time alone changes nothing of that."""

    reading: Reading
    until: datetime | None

    @property
    def open(self) -> bool:
        return True

    @property
    def reasons(self) -> tuple[Reason, ...]:
        return ()


@dataclass(frozen=True, slots=True)
class Deny:
    """It may not go out, and every reason why."""

    reasons: tuple[Reason, ...]
    reading: Reading = field(default_factory=Reading)

    @property
    def open(self) -> bool:
        return False

    def only(self, *codes: Code) -> bool:
        """Whether nothing but these reasons stands in the way."""
        return all(reason.code in codes for reason in self.reasons)


Verdict = Allow | Deny


# --- The function -----------------------------------------------------------------------------
def evaluate(facts: Facts, at: datetime) -> Verdict:
    """The verdict on a post as it would be at the instant `at` (aware). Never raises for data:
    facts that cannot be evaluated deny."""
    try:
        return _evaluate(facts, at)
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        return Deny((Reason(Code.ERROR, {"what": type(error).__name__}),))


def _evaluate(facts: Facts, at: datetime) -> Verdict:
    rule = facts.rule
    if rule is None:
        return Deny((Reason(Code.UNKNOWN_KIND, {"kind": facts.kind}),))
    if not rule.requirements or rule.people < 1:
        return Deny((Reason(Code.NO_REQUIREMENTS, {"kind": facts.kind}),))
    counted = _counted(facts, rule, at)
    coverage = tuple(_coverage(facts, rule, requirement, counted, at) for requirement in rule.requirements)
    have = _approvers(facts, rule, coverage, counted, at)
    reading = Reading(coverage, rule.people, tuple(sorted(have)))
    reasons = [
        *_sealed(facts),
        *_missing(facts, rule, coverage, at),
        *_people(facts, rule, coverage, have, at),
        *_stopped(facts),
        *_released(facts, rule, coverage),
        *_window(facts, at),
    ]
    if reasons:
        return Deny(tuple(reasons), reading)
    return Allow(reading, _until(facts, rule, reading, counted, at))


def _latest(facts: Facts) -> dict[int, Decided]:
    latest: dict[int, Decided] = {}
    for decided in facts.decisions:
        known = latest.get(decided.person)
        if known is None or decided.sequence > known.sequence:
            latest[decided.person] = decided
    return latest


def _valid(facts: Facts, decided: Decided) -> bool:
    """Counted, but for its age."""
    return (
        decided.decision == APPROVE
        and decided.digest == facts.digest
        and decided.epoch == facts.epoch
        and decided.person in facts.active
        and decided.person not in facts.contributors
    )


def _counted(facts: Facts, rule: Rule, at: datetime) -> dict[int, Decided]:
    return {
        person: decided
        for person, decided in _latest(facts).items()
        if _valid(facts, decided) and at - decided.at <= rule.ttl
    }


def _holds(facts: Facts, person: int, account: int, requirement: Requirement, moment: datetime) -> bool:
    return any(
        held.person == person
        and _speaks(held, account)
        and held.domain == requirement.domain
        and held.level >= requirement.level
        and held.at(moment)
        for held in facts.held
    )


def _speaks(held: Held, account: int) -> bool:
    return not account or not held.account or held.account == account


def _covering(
    facts: Facts, rule: Rule, requirement: Requirement, counted: Mapping[int, Decided], at: datetime
) -> set[int]:
    covering = {
        person
        for person, decided in counted.items()
        if _holds(facts, person, decided.account, requirement, decided.at)
        and _holds(facts, person, decided.account, requirement, at)
    }
    if rule.contributor_covers:
        covering |= {
            person
            for person in facts.contributors & facts.active
            for account in facts.wrote or {0}
            if _holds(facts, person, account, requirement, facts.taken_at)
            and _holds(facts, person, account, requirement, at)
        }
    return covering


def _able(facts: Facts, requirement: Requirement, at: datetime) -> set[int]:
    """Active non-contributors who hold what is required, now and at `at`."""
    return {
        held.person
        for held in facts.held
        if held.person in facts.active
        and held.person not in facts.contributors
        and held.domain == requirement.domain
        and held.level >= requirement.level
        and held.at(facts.taken_at)
        and _holds(facts, held.person, held.account, requirement, at)
    }


def _coverage(
    facts: Facts, rule: Rule, requirement: Requirement, counted: Mapping[int, Decided], at: datetime
) -> Coverage:
    covering = _covering(facts, rule, requirement, counted, at)
    missing = max(0, requirement.n - len(covering))
    able = _able(facts, requirement, at) - covering
    return Coverage(
        requirement,
        tuple(sorted(covering)),
        missing,
        tuple(sorted(able - facts.absent)),
        tuple(sorted(able & facts.absent)),
    )


def _approvers(
    facts: Facts, rule: Rule, coverage: tuple[Coverage, ...], counted: Mapping[int, Decided], at: datetime
) -> set[int]:
    """The distinct people who count towards M: those who cover something; where a contributor's
    expertise may cover, the others who read and approved and know the trade at all (level >= 1)."""
    if not rule.contributor_covers:
        return {person for covered in coverage for person in covered.covered_by}
    return {
        person
        for person, decided in counted.items()
        if _knows(facts, person, decided.account, decided.at) and _knows(facts, person, decided.account, at)
    }


def _knows(facts: Facts, person: int, account: int, moment: datetime) -> bool:
    """Whether the person holds anything at all, at level 1 or above, at that moment."""
    return any(
        held.person == person and _speaks(held, account) and held.level >= 1 and held.at(moment)
        for held in facts.held
    )


def _sealed(facts: Facts) -> list[Reason]:
    return [] if facts.digest else [Reason(Code.NOT_SEALED)]


def _missing(facts: Facts, rule: Rule, coverage: tuple[Coverage, ...], at: datetime) -> list[Reason]:
    reasons = []
    for covered in coverage:
        if not covered.missing:
            continue
        ending = _ending(facts, rule, covered, at)
        requirement = covered.requirement
        params: dict[str, str | int] = {
            "domain": requirement.domain,
            "level": requirement.level,
            "missing": covered.missing,
        }
        code = Code.ENDS_BEFORE_SLOT if len(ending) >= covered.missing else Code.MISSING_REQUIREMENT
        if ending:
            params["ends"] = ending[0]
        reasons.append(Reason(code, params, covered.could))
    return reasons


def _ending(facts: Facts, rule: Rule, covered: Coverage, at: datetime) -> list[int]:
    """People whose approval covers the requirement now and will no longer at `at`."""
    now = facts.taken_at
    if at <= now:
        return []
    counted = _counted(facts, rule, now)
    still = set(covered.covered_by)
    return sorted(_covering(facts, rule, covered.requirement, counted, now) - still)


def _people(
    facts: Facts, rule: Rule, coverage: tuple[Coverage, ...], have: set[int], at: datetime
) -> list[Reason]:
    if len(have) >= rule.people:
        return []
    could = {person for covered in coverage for person in covered.could}
    if rule.contributor_covers:
        # Nothing more than another pair of eyes is asked: whoever knows the trade at all will do.
        present = facts.active - facts.contributors - facts.absent
        could |= {
            held.person
            for held in facts.held
            if held.person in present
            and _knows(facts, held.person, held.account, facts.taken_at)
            and _knows(facts, held.person, held.account, at)
        }
    params = {"needed": rule.people, "have": len(have), "missing": rule.people - len(have)}
    return [Reason(Code.MISSING_PEOPLE, params, tuple(sorted(could - have)))]


def _stopped(facts: Facts) -> list[Reason]:
    reasons = [
        Reason(Code.BLOCKED, {**blocker.params, "blocker": blocker.code}, blocker.could)
        for blocker in facts.blockers
    ]
    if facts.frozen_by is not None and facts.kind != CRISIS:
        reasons.append(Reason(Code.FROZEN, {"incident": facts.frozen_by}, _lifters(facts)))
    return reasons


def _lifters(facts: Facts) -> tuple[int, ...]:
    """The people whose word, with a second person's, lifts an incident."""
    able = {
        held.person
        for held in facts.held
        if held.domain == CRISIS and held.level >= ENTRUSTED and held.at(facts.taken_at)
    }
    return tuple(sorted((able & facts.active) - facts.absent))


def _released(facts: Facts, rule: Rule, coverage: tuple[Coverage, ...]) -> list[Reason]:
    """Where the policy wants a person to press release, and always inside an incident."""
    if not (rule.person_releases or facts.frozen_by is not None):
        return []
    release = facts.release
    if release is not None and release.digest == facts.digest and release.epoch == facts.epoch:
        return []
    could = {person for covered in coverage for person in (*covered.covered_by, *covered.could)}
    return [Reason(Code.NOT_RELEASED, {}, tuple(sorted(could)))]


def _window(facts: Facts, at: datetime) -> list[Reason]:
    if facts.window_from is None or facts.window_until is None:
        return [Reason(Code.OUTSIDE_WINDOW)]
    if facts.window_from <= at <= facts.window_until:
        return []
    return [Reason(Code.OUTSIDE_WINDOW, {"late": int(at > facts.window_until)})]


def _until(
    facts: Facts, rule: Rule, reading: Reading, counted: Mapping[int, Decided], at: datetime
) -> datetime | None:
    """The earliest instant after `at` at which time alone may close the gate: an approval grows old, a
    credential that covers runs out, the window ends. Safe: it may be early, never late."""
    ends = [facts.window_until] if facts.window_until else []
    people = {person for covered in reading.coverage for person in covered.covered_by} | set(reading.have)
    ends += [counted[person].at + rule.ttl for person in people if person in counted]
    ends += [held.until for held in facts.held if held.person in people and held.until and held.at(at)]
    return min(ends) if ends else None
