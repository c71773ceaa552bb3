"""The gate on generated states: it agrees with a plain predicate written from the definition's text, losing
standing never opens it, and `until` is never late."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from approvals.gate import Allow, Blocker, Code, Decided, Facts, Held, Release, Requirement, Rule, evaluate
from tests.approvals.test_gate import (
    AUTHOR,
    DAY,
    DIGEST,
    HOUR,
    MARC,
    NADIA,
    NOW,
    OTHER,
    SOFIA,
    TICK,
    facts,
    said,
)
from tests.proof.plain import may_go_out

pytestmark = pytest.mark.pure

PEOPLE = (AUTHOR, NADIA, MARC, SOFIA)
DOMAINS = ("craft", "company")
# Few instants, around each other's edges, so that the boundaries are met and not only walked past.
STEPS = (-2 * DAY, -DAY - TICK, -DAY, -HOUR, -TICK, 0 * TICK, TICK, HOUR, DAY, DAY + TICK)
INSTANTS = tuple(NOW + step for step in STEPS)
PAST = tuple(moment for moment in INSTANTS if moment <= NOW)
AHEAD = tuple(moment for moment in INSTANTS if moment >= NOW)
WORDS = ("approve", "approve", "approve", "reject", "request_changes", "withdraw")


class Dice(Random):
    """Draws a state from a number, so that a failing example is replayed by its number alone."""

    def mostly(self, usual: Any, *rare: Any) -> Any:
        return usual if self.random() < 0.9 else self.choice(rare)

    def rule(self) -> Rule | None:
        needs = [
            Requirement(self.choice(DOMAINS), self.randint(1, 3), self.mostly(1, 2))
            for _ in range(self.randint(1, 3))
        ]
        made = Rule(
            tuple(needs),
            self.choice((1, 1, 2)),
            self.choice((HOUR, DAY, 5 * DAY, 5 * DAY)),
            person_releases=self.mostly(False, True),
            contributor_covers=self.random() < 0.3,
        )
        return self.mostly(made, made, None, replace(made, requirements=()), replace(made, people=0))

    def credential(self, person: int | None = None, domain: str | None = None) -> Held:
        return Held(
            person or self.choice(PEOPLE),
            domain or self.choice((*DOMAINS, "crisis")),
            self.choice((3, 3, 3, 2, 1, 0)),
            self.mostly(NOW - 50 * DAY, *INSTANTS),
            self.mostly(None, *INSTANTS),
            self.mostly(0, 10, 11),
        )

    def decision(self, person: int | None = None, decision: str = "") -> Decided:
        return Decided(
            self.randint(0, 10**6),
            person or self.choice(PEOPLE),
            decision or self.choice(WORDS),
            self.mostly(DIGEST, OTHER),
            self.mostly(0, 1),
            self.choice(PAST),
            self.mostly(0, 10, 11),
        )

    def state(self) -> Facts:
        """Directed: those who could have usually said yes, so that enough of the states are open."""
        held_ = [self.credential(person, domain) for person in PEOPLE for domain in DOMAINS]
        said_ = [self.decision(person, "approve") for person in PEOPLE[1:] if self.random() < 0.8]
        held_ += [self.credential() for _ in range(self.randint(0, 2))]
        said_ += [self.decision() for _ in range(self.choice((0, 0, 0, 1, 2)))]
        pressed = Release(MARC, DIGEST, 0)
        return facts(
            kind=self.mostly("routine", "crisis"),
            digest=self.mostly(DIGEST, OTHER, None),
            epoch=self.mostly(0, 1),
            rule=self.rule(),
            contributors=frozenset(self.mostly((AUTHOR,), (AUTHOR, NADIA), (MARC,), ())),
            decisions=tuple(said_),
            held=tuple(held_),
            active=frozenset(self.mostly(PEOPLE, PEOPLE[:3], PEOPLE[1:], ())),
            absent=frozenset(self.mostly((), (NADIA,), PEOPLE)),
            blockers=self.mostly((), (Blocker("veto", NADIA),)),
            frozen_by=self.mostly(None, 7),
            release=self.choice((None, pressed, pressed, Release(MARC, OTHER, 0), Release(MARC, DIGEST, 1))),
            window_from=self.mostly(NOW - 5 * DAY, NOW, NOW + HOUR, None),
            window_until=self.mostly(NOW + 5 * DAY, NOW, NOW + HOUR, None),
            wrote=frozenset(self.mostly((), (10,), (11,))),
        )


def drawn(number: int) -> tuple[Facts, datetime, Dice]:
    dice = Dice(number)
    state = dice.state()
    return state, dice.choice((NOW, NOW, *AHEAD)), dice


def bounded(examples: int) -> Callable[[Any], Any]:
    """The same examples in every run: `make prove` is where chance belongs."""
    return settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )


NUMBERS = st.integers(0, 2**48)


def test_agrees_with_the_plain_predicate():
    seen = {True: 0, False: 0}

    @bounded(3000)
    @given(NUMBERS)
    def agrees(number: int) -> None:
        state, at, _dice = drawn(number)
        verdict = evaluate(state, at)
        assert verdict.open is may_go_out(state, at)
        assert verdict.open is not bool(verdict.reasons)
        assert Code.ERROR not in [reason.code for reason in verdict.reasons]
        seen[verdict.open] += 1

    agrees()
    assert seen[True] >= sum(seen.values()) / 10, f"agreement on closed doors proves little: {seen}"


def test_one_more_counted_approval_never_closes():
    seen = {True: 0, False: 0}

    @bounded(700)
    @given(NUMBERS)
    def holds(number: int) -> None:
        state, at, dice = drawn(number)
        person = dice.choice(sorted(state.active - state.contributors) or [SOFIA])
        if (
            person in state.contributors
            or person not in state.active
            or state.epoch
            or state.digest != DIGEST
        ):
            return
        latest = max(
            (one for one in state.decisions if one.person == person), key=lambda d: d.sequence, default=None
        )
        more = said(person, sequence=10**7, at=NOW, account=latest.account if latest else 0)
        before, after = evaluate(state, at), evaluate(replace(state, decisions=(*state.decisions, more)), at)
        # Approving again counts as of now: what was held when the first was given may be held no more.
        again = latest is not None and latest.decision == "approve"
        still = all(
            row.at(NOW) for row in state.held if row.person == person and latest and row.at(latest.at)
        )
        if not again or still:
            assert after.open or not before.open
            seen[after.open and not before.open] += 1

    holds()
    assert seen[True] > 10, "it must also be seen opening"


def _without(rows: tuple[Any, ...], number: int) -> tuple[Any, ...]:
    return tuple(row for place, row in enumerate(rows) if place != number % len(rows))


def _ended(f: Facts, number: int) -> Facts:
    rows = list(f.held)
    place = number % len(rows)
    rows[place] = replace(rows[place], until=NOW - DAY)
    return replace(f, held=tuple(rows))


def _asking(f: Facts, **more: Any) -> Facts:
    return replace(f, rule=None if f.rule is None else replace(f.rule, **more))


CLOSING: Mapping[str, Callable[[Facts, int], Facts]] = {
    "revoke": lambda f, n: replace(f, held=_without(f.held, n)),
    "end": _ended,
    "edit": lambda f, n: replace(f, digest="c" * 64),
    "contribute": lambda f, n: replace(f, contributors=f.contributors | {PEOPLE[n % 4]}),
    "freeze": lambda f, n: replace(f, frozen_by=9),
    "new epoch": lambda f, n: replace(f, epoch=f.epoch + 5),
    "deactivate": lambda f, n: replace(f, active=f.active - {PEOPLE[n % 4]}),
    "object": lambda f, n: replace(f, blockers=(*f.blockers, Blocker("veto", MARC))),
    "take back": lambda f, n: replace(
        f, decisions=(*f.decisions, said(PEOPLE[n % 4], "withdraw", sequence=10**7))
    ),
    "ask more": lambda f, n: (
        _asking(f, requirements=(*f.rule.requirements, Requirement("crisis", 3)))
        if f.rule is not None and f.rule.requirements
        else f
    ),
    "ask more people": lambda f, n: (
        _asking(f, people=f.rule.people + 1) if f.rule is not None and f.rule.people else f
    ),
}


@pytest.mark.parametrize("change", CLOSING)
def test_losing_standing_never_opens(change: str):
    closed_by_it = 0

    @bounded(200)
    @given(NUMBERS)
    def holds(number: int) -> None:
        nonlocal closed_by_it
        state, at, _dice = drawn(number)
        # In duo a contributor's expertise may cover, so writing in a post may open it: not elsewhere.
        if change == "contribute" and state.rule is not None and state.rule.contributor_covers:
            return
        before, after = evaluate(state, at), evaluate(CLOSING[change](state, number), at)
        assert before.open or not after.open
        closed_by_it += before.open and not after.open

    holds()
    assert closed_by_it, "this change was never seen closing anything: it proves nothing"


def test_linking_two_people_never_opens():
    """Marc's account turns out to be Nadia's: neither lends the other any expertise."""
    closed_by_it = 0

    def together(state: Facts) -> Facts:
        def one(person: int) -> int:
            return NADIA if person == MARC else person

        return replace(
            state,
            # What a closed account holds is left out by the loader.
            held=tuple(
                replace(row, person=one(row.person)) for row in state.held if row.person in state.active
            ),
            decisions=tuple(replace(row, person=one(row.person)) for row in state.decisions),
            contributors=frozenset(map(one, state.contributors)),
            active=frozenset(map(one, state.active)),
        )

    @bounded(700)
    @given(NUMBERS)
    def holds(number: int) -> None:
        nonlocal closed_by_it
        state, at, _dice = drawn(number)
        apart = replace(
            state,
            held=tuple(replace(row, account=10 + row.person) for row in state.held),
            decisions=tuple(replace(row, account=10 + row.person) for row in state.decisions),
            wrote=frozenset(10 + person for person in state.contributors),
        )
        before, after = evaluate(apart, at), evaluate(together(apart), at)
        assert before.open or not after.open
        closed_by_it += before.open and not after.open

    holds()
    assert closed_by_it


def test_until_is_never_later_than_the_next_change_by_time():
    bounded_by = 0

    @bounded(1200)
    @given(NUMBERS)
    def holds(number: int) -> None:
        nonlocal bounded_by
        state, at, _dice = drawn(number)
        verdict = evaluate(state, at)
        if not isinstance(verdict, Allow):
            return
        edges = {*INSTANTS, *(one.at + state.rule.ttl + TICK for one in state.decisions if state.rule)}
        for later in sorted(edges | {at + TICK, NOW + 5 * DAY, NOW + 5 * DAY + TICK}):
            if at <= later and (verdict.until is None or later < verdict.until):
                assert evaluate(state, later).open, f"closed at {later}, before {verdict.until}"
        bounded_by += verdict.until is not None

    holds()
    assert bounded_by > 100


def test_absences_and_the_order_of_rows_change_no_verdict():
    """Titles and ownership are not even among the facts."""

    @bounded(250)
    @given(NUMBERS)
    def holds(number: int) -> None:
        state, at, _dice = drawn(number)
        away = frozenset(PEOPLE) - state.absent
        shuffled = replace(
            state, held=state.held[::-1], decisions=state.decisions[::-1], absent=away, post=99
        )
        assert evaluate(shuffled, at).open is evaluate(state, at).open

    holds()
    names = set(Facts.__dataclass_fields__)
    assert not names & {"title", "titles", "owner", "owners", "roles", "superusers"}
