"""The edges of the gate that its mutants found nobody looking at (docs/proof.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from approvals.gate import Allow, Code, Deny, Reason, evaluate
from tests.approvals.test_gate import (
    AUTHOR,
    COMPANY,
    CRAFT,
    DAY,
    HOUR,
    HUGO,
    MARC,
    NADIA,
    NOW,
    SOFIA,
    TICK,
    could,
    facts,
    held,
    opens,
    reasons,
    rule,
    said,
)

pytestmark = pytest.mark.pure
DUO = rule(contributor_covers=True)


class Odd:
    """A row in which something is wrong that is found only on looking."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    @property
    def person(self) -> int:
        raise self.error


@pytest.mark.parametrize("error", [OverflowError, AttributeError, KeyError, TypeError, ValueError])
def test_whatever_goes_wrong_denies_and_says_what(error: type[Exception]):
    verdict = evaluate(facts(held=(Odd(error("odd")),)), NOW)
    assert isinstance(verdict, Deny)
    assert verdict.reasons == (Reason(Code.ERROR, {"what": error.__name__}),)


def test_nothing_but_these_means_every_one_of_them():
    both = Deny((Reason(Code.NOT_RELEASED), Reason(Code.FROZEN)))
    assert both.only(Code.NOT_RELEASED, Code.FROZEN)
    assert not both.only(Code.NOT_RELEASED)
    assert not both.only(Code.FROZEN)


# --- Who could ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "now",
    [held(MARC, "company"), held(MARC, "craft", 1), held(MARC, "craft", 2, since=NOW + TICK)],
    ids=["another domain", "another level", "nothing yet"],
)
def test_who_will_be_able_at_the_slot_cannot_approve_now(now: Any):
    later = held(MARC, since=NOW + TICK)
    assert could(Code.MISSING_REQUIREMENT, decisions=(), held=(now, later), at=NOW + HOUR) == ()
    able = held(MARC)
    assert could(Code.MISSING_REQUIREMENT, decisions=(), held=(able,), at=NOW + HOUR) == (MARC,)


def test_in_duo_knowing_something_speaks_through_the_account_that_learnt_it():
    change: dict[str, Any] = {"rule": DUO, "held": (held(AUTHOR), held(NADIA, "company", 1, account=20))}
    assert opens(**change, decisions=(said(NADIA, account=20),))
    assert not opens(**change, decisions=(said(NADIA, account=21),))


def test_elsewhere_than_in_duo_a_beginner_is_not_another_pair_of_eyes():
    change: dict[str, Any] = {
        "rule": rule(CRAFT, people=2),
        "held": (held(NADIA), held(MARC), held(SOFIA, "company", 1)),
    }
    assert could(Code.MISSING_PEOPLE, **change) == (MARC,)
    duo = {**change, "rule": replace(change["rule"], contributor_covers=True)}
    assert could(Code.MISSING_PEOPLE, **duo) == (MARC, SOFIA)


def test_in_duo_a_reader_is_one_now_and_at_the_slot():
    for reader, named in (
        (held(NADIA, "company", 1), (NADIA,)),
        (held(NADIA, "company", 1, since=NOW + TICK), ()),
        (held(NADIA, "company", 1, until=NOW + HOUR), ()),
    ):
        change: dict[str, Any] = {"rule": DUO, "held": (held(AUTHOR), reader), "decisions": ()}
        assert could(Code.MISSING_PEOPLE, at=NOW + HOUR, **change) == named


def test_an_incident_is_lifted_by_those_who_know_crises_and_are_here():
    people = (
        held(NADIA, "crisis", 2),
        held(MARC, "crisis", 3),
        held(SOFIA, "crisis", 1),
        held(HUGO, "craft", 3),
        held(6, "crisis", 3, until=NOW),
        held(7, "crisis", 3, since=NOW + TICK),
        held(8, "crisis", 3),
        held(9, "crisis", 3),
    )
    everybody = frozenset({AUTHOR, NADIA, MARC, SOFIA, HUGO, 6, 7, 8})
    found = could(Code.FROZEN, held=people, active=everybody, absent=frozenset({8}), frozen_by=1)
    assert found == (NADIA, MARC), "9 has left"


# --- Time ---------------------------------------------------------------------------------------------
def test_looking_back_nothing_has_ended():
    """Asked about an instant before the facts were read, at which a credential had not yet begun."""
    begun = held(NADIA, since=NOW - 2 * HOUR)
    found = reasons(at=NOW - 3 * HOUR, held=(begun,), decisions=(said(NADIA, at=NOW - HOUR),))
    assert Code.MISSING_REQUIREMENT in found
    assert Code.ENDS_BEFORE_SLOT not in found


def test_a_window_the_wrong_way_round_is_not_late_on_its_last_instant():
    window = {"window_from": NOW + HOUR, "window_until": NOW}
    assert reasons(at=NOW, **window) == {Code.OUTSIDE_WINDOW: {"late": 0}}
    assert reasons(at=NOW + TICK, **window) == {Code.OUTSIDE_WINDOW: {"late": 1}}


def test_in_duo_it_stays_open_until_the_first_of_writer_and_reader_runs_out():
    def until(writer: Any, reader: Any) -> Any:
        verdict = evaluate(
            facts(rule=DUO, held=(held(AUTHOR, until=writer), held(NADIA, "company", 1, until=reader))), NOW
        )
        assert isinstance(verdict, Allow)
        return verdict.until

    assert until(NOW + 2 * HOUR, NOW + 3 * HOUR) == NOW + 2 * HOUR
    assert until(NOW + 3 * HOUR, NOW + 2 * HOUR) == NOW + 2 * HOUR
    assert until(None, None) == NOW - HOUR + DAY, "the reader's approval grows old"


def test_two_requirements_by_two_people_are_both_asked_for():
    both = rule(CRAFT, COMPANY)
    found = evaluate(facts(rule=both, held=(held(NADIA), held(MARC, "company"))), NOW)
    assert [(one.code, one.params["domain"], one.could) for one in found.reasons] == [
        (Code.MISSING_REQUIREMENT, "company", (MARC,))
    ]
