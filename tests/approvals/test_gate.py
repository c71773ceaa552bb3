"""The gate as a pure function: every rule of its definition, both sides of every boundary.

`test_*_boundary*` and the counting tests were each seen failing with the operator they guard changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from approvals.gate import (
    Allow,
    Blocker,
    Code,
    Decided,
    Deny,
    Facts,
    Held,
    Reading,
    Release,
    Requirement,
    Rule,
    evaluate,
)

pytestmark = pytest.mark.pure

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TICK = timedelta(microseconds=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
AUTHOR, NADIA, MARC, SOFIA, HUGO = 1, 2, 3, 4, 5
DIGEST, OTHER = "a" * 64, "b" * 64
CRAFT, COMPANY = Requirement("craft", 2), Requirement("company", 2)


def rule(*requirements: Requirement, people: int = 1, **more: Any) -> Rule:
    return Rule(requirements or (CRAFT,), people, more.pop("ttl", DAY), **more)


def held(person: int, domain: str = "craft", level: int = 2, **more: Any) -> Held:
    return Held(person, domain, level, more.pop("since", NOW - 100 * DAY), more.pop("until", None), **more)


def said(person: int, decision: str = "approve", sequence: int = 1, **more: Any) -> Decided:
    fields = {"digest": DIGEST, "epoch": 0, "at": NOW - HOUR, **more}
    return Decided(sequence, person, decision, **fields)


def facts(**more: Any) -> Facts:
    """Open unless told otherwise: Nadia, who holds craft 2, has approved."""
    fields: dict[str, Any] = {
        "post": 1,
        "kind": "routine",
        "digest": DIGEST,
        "epoch": 0,
        "rule": rule(),
        "contributors": frozenset({AUTHOR}),
        "decisions": (said(NADIA),),
        "held": (held(NADIA),),
        "active": frozenset({AUTHOR, NADIA, MARC, SOFIA, HUGO}),
        "absent": frozenset(),
        "blockers": (),
        "frozen_by": None,
        "release": None,
        "window_from": NOW - 10 * DAY,
        "window_until": NOW + 10 * DAY,
        "taken_at": NOW,
        **more,
    }
    return Facts(**fields)


def opens(at: datetime = NOW, **more: Any) -> bool:
    return evaluate(facts(**more), at).open


def reasons(at: datetime = NOW, **more: Any) -> dict[Code, Mapping[str, Any]]:
    return {reason.code: reason.params for reason in evaluate(facts(**more), at).reasons}


def could(code: Code, at: datetime = NOW, **more: Any) -> tuple[int, ...]:
    return next(reason.could for reason in evaluate(facts(**more), at).reasons if reason.code == code)


def test_one_counted_approval_that_covers_opens():
    verdict = evaluate(facts(), NOW)
    assert isinstance(verdict, Allow)
    assert verdict.open
    assert verdict.reasons == ()
    assert verdict.reading.coverage[0].covered_by == (NADIA,)
    assert (verdict.reading.needed, verdict.reading.have) == (1, (NADIA,))


# --- What cannot be judged --------------------------------------------------------------------------
def test_an_unknown_kind_or_a_policy_that_does_not_load_denies():
    assert reasons(rule=None, kind="haiku") == {Code.UNKNOWN_KIND: {"kind": "haiku"}}
    assert evaluate(facts(rule=None), NOW).reading == Reading((), 0, ())


@pytest.mark.parametrize("broken", [Rule((), 1, DAY), Rule((CRAFT,), 0, DAY), Rule((), 0, DAY)])
def test_a_policy_that_asks_for_nothing_denies(broken: Rule):
    assert reasons(rule=broken) == {Code.NO_REQUIREMENTS: {"kind": "routine"}}


@pytest.mark.parametrize("digest", [None, ""])
def test_what_is_not_sealed_stays(digest: str | None):
    found = reasons(digest=digest, decisions=(said(NADIA, digest=digest or ""),))
    assert Code.NOT_SEALED in found


@pytest.mark.parametrize(
    "broken",
    [
        {"decisions": (said(NADIA, at=datetime(2026, 11, 23)),)},  # noqa: DTZ001 - on purpose
        {"held": None},
        {"rule": Rule((CRAFT,), 1, None)},  # type: ignore[arg-type]
        {"decisions": (said(NADIA, at=None),)},
        {"rule": Rule((Requirement("craft", None),), 1, DAY)},  # type: ignore[arg-type]
    ],
)
def test_facts_that_cannot_be_evaluated_deny(broken: dict[str, Any]):
    verdict = evaluate(facts(**broken), NOW)
    assert isinstance(verdict, Deny)
    assert [reason.code for reason in verdict.reasons] == [Code.ERROR]


# --- Which decisions count --------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change",
    [
        {"decisions": ()},
        {"decisions": (said(NADIA, "reject"),)},
        {"decisions": (said(NADIA, "request_changes"),)},
        {"decisions": (said(NADIA, "withdraw"),)},
        {"decisions": (said(NADIA, digest=OTHER),)},
        {"decisions": (said(NADIA, epoch=1),)},
        {"epoch": 1},
        {"active": frozenset({AUTHOR})},
        {"contributors": frozenset({AUTHOR, NADIA})},
        {"held": ()},
    ],
)
def test_what_does_not_count(change: dict[str, Any]):
    assert reasons(**change)[Code.MISSING_REQUIREMENT] == {"domain": "craft", "level": 2, "missing": 1}


@pytest.mark.parametrize("later", ["reject", "request_changes", "withdraw"])
def test_only_the_latest_decision_of_a_person_counts(later: str):
    assert not opens(decisions=(said(NADIA, sequence=1), said(NADIA, later, sequence=2)))
    assert not opens(decisions=(said(NADIA, later, sequence=2), said(NADIA, sequence=1)))
    assert opens(decisions=(said(NADIA, later, sequence=1), said(NADIA, sequence=2)))


def test_a_later_word_on_other_bytes_takes_the_earlier_one_back():
    assert not opens(decisions=(said(NADIA, sequence=1), said(NADIA, "request_changes", 2, digest=OTHER)))


def test_ttl_boundary():
    at = NOW - DAY
    assert opens(decisions=(said(NADIA, at=at),))
    assert not opens(decisions=(said(NADIA, at=at - TICK),))
    assert opens(decisions=(said(NADIA, at=NOW),))


# --- Who covers what --------------------------------------------------------------------------------
def test_level_boundary():
    for level, covers in ((1, False), (2, True), (3, True)):
        assert opens(held=(held(NADIA, level=level),)) is covers


def test_a_credential_counts_from_its_first_instant_when_deciding():
    at = NOW - HOUR
    assert opens(held=(held(NADIA, since=at),))
    assert not opens(held=(held(NADIA, since=at + TICK),))


def test_a_credential_ends_before_its_last_instant():
    assert opens(held=(held(NADIA, until=NOW + TICK),))
    assert not opens(held=(held(NADIA, until=NOW),))


def test_it_must_be_held_when_deciding_and_now():
    before = held(NADIA, until=NOW - 2 * HOUR)
    assert not opens(held=(before,))
    again = held(NADIA, since=NOW - TICK)
    assert not opens(held=(before, again)), "not when deciding"
    renewed = (held(NADIA, until=NOW - TICK), held(NADIA, since=NOW - TICK))
    assert opens(held=renewed), "held by one row when deciding, by the next now"


@pytest.mark.parametrize("domain", ["company", "channel:demo", "product:lampe", "Craft", ""])
def test_another_domain_covers_nothing(domain: str):
    assert not opens(held=(held(NADIA, domain),))


def test_somebody_elses_credential_covers_nothing():
    assert not opens(held=(held(MARC),))


def test_n_boundary():
    two = rule(Requirement("craft", 2, 2), people=1)
    people = (held(NADIA), held(MARC))
    assert reasons(rule=two, held=people)[Code.MISSING_REQUIREMENT]["missing"] == 1
    assert opens(rule=two, held=people, decisions=(said(NADIA), said(MARC)))


def test_m_boundary_counts_people_and_not_requirements():
    both = rule(CRAFT, COMPANY, people=2)
    one = (held(NADIA), held(NADIA, "company"))
    found = evaluate(facts(rule=both, held=(*one, held(MARC))), NOW)
    assert [reason.code for reason in found.reasons] == [Code.MISSING_PEOPLE]
    assert found.reasons[0].params == {"needed": 2, "have": 1, "missing": 1}
    assert found.reasons[0].could == (MARC,)
    assert opens(rule=both, held=(*one, held(MARC)), decisions=(said(NADIA), said(MARC)))


def test_who_covers_nothing_is_not_among_m():
    both = rule(CRAFT, people=2)
    found = evaluate(
        facts(
            rule=both, held=(held(NADIA), held(MARC, "topic:legal", 3)), decisions=(said(NADIA), said(MARC))
        ),
        NOW,
    )
    assert found.reading.have == (NADIA,)
    assert [reason.code for reason in found.reasons] == [Code.MISSING_PEOPLE]


def test_every_requirement_is_needed():
    found = evaluate(facts(rule=rule(CRAFT, COMPANY)), NOW)
    assert [reason.params["domain"] for reason in found.reasons] == ["company"]
    assert [one.missing for one in found.reading.coverage] == [0, 1]


# --- Two accounts, one person -----------------------------------------------------------------------
def test_expertise_speaks_through_the_account_that_earned_it():
    """Else saying that Olga is Nadia would let Olga approve."""
    nadias = (held(NADIA, account=20),)
    assert opens(held=nadias, decisions=(said(NADIA, account=20),))
    assert not opens(held=nadias, decisions=(said(NADIA, account=99),))
    assert opens(held=nadias, decisions=(said(NADIA),)), "0: any account"
    assert opens(decisions=(said(NADIA, account=20),)), "0: any account"


def test_in_duo_a_linked_account_lends_a_contributor_nothing():
    duo = rule(contributor_covers=True)
    open_: dict[str, Any] = {
        "rule": duo,
        "held": (held(AUTHOR, account=10), held(NADIA, "company", 1)),
        "decisions": (said(NADIA),),
    }
    assert opens(**open_, wrote=frozenset({10}))
    assert opens(**open_)
    assert not opens(**open_, wrote=frozenset({11}))


# --- Duo --------------------------------------------------------------------------------------------
DUO = rule(contributor_covers=True)
AUTHORS = held(AUTHOR)


def test_in_duo_a_contributors_expertise_covers_and_others_eyes_read():
    assert not opens(rule=DUO, held=(AUTHORS,), decisions=())
    reader = held(NADIA, "company", 1)
    assert opens(rule=DUO, held=(AUTHORS, reader))
    assert not opens(rule=rule(), held=(AUTHORS, reader)), "elsewhere it does not"


def test_in_duo_a_reader_knows_something_of_the_trade():
    for level, counts in ((0, False), (1, True)):
        assert opens(rule=DUO, held=(AUTHORS, held(NADIA, "company", level))) is counts
    assert not opens(rule=DUO, held=(AUTHORS, held(MARC, "company", 1)))
    assert not opens(rule=DUO, held=(AUTHORS, held(NADIA, "company", 1, until=NOW)))
    assert not opens(rule=DUO, held=(AUTHORS, held(NADIA, "company", 1, since=NOW - TICK)))


def test_in_duo_a_reader_whose_credential_was_renewed_still_counts():
    renewed = (held(NADIA, "company", 1, until=NOW - TICK), held(NADIA, "company", 1, since=NOW - TICK))
    assert opens(rule=DUO, held=(AUTHORS, *renewed))


def test_in_duo_a_contributors_approval_still_does_not_count():
    assert not opens(rule=DUO, held=(AUTHORS,), decisions=(said(AUTHOR),))


def test_in_duo_the_contributor_must_be_here_and_hold_it_now_and_then():
    reader = held(NADIA, "company", 1)
    assert not opens(rule=DUO, held=(AUTHORS, reader), active=frozenset({NADIA}))
    assert not opens(rule=DUO, held=(held(AUTHOR, until=NOW + HOUR), reader), at=NOW + HOUR)
    assert not opens(rule=DUO, held=(held(AUTHOR, since=NOW + TICK), reader), at=NOW + HOUR)


def test_in_duo_whoever_may_read_is_named():
    """A team of two, the author with the expertise and a beginner: the beginner is the one to ask."""
    found = evaluate(facts(rule=DUO, held=(AUTHORS, held(NADIA, "company", 1)), decisions=()), NOW)
    assert [(reason.code, reason.could) for reason in found.reasons] == [(Code.MISSING_PEOPLE, (NADIA,))]


@pytest.mark.parametrize(
    "change",
    [
        {"absent": frozenset({NADIA})},
        {"active": frozenset({AUTHOR})},
        {"held": (AUTHORS, held(NADIA, "company", 0))},
        {"held": (AUTHORS, held(NADIA, "company", 1, until=NOW))},
        {"contributors": frozenset({AUTHOR, NADIA})},
    ],
)
def test_in_duo_nobody_is_named_who_could_not(change: dict[str, Any]):
    base = {"rule": DUO, "held": (AUTHORS, held(NADIA, "company", 1)), "decisions": ()}
    assert could(Code.MISSING_PEOPLE, **{**base, **change}) == ()


# --- Who could --------------------------------------------------------------------------------------
def test_a_denial_names_who_is_here_and_who_is_away():
    found = evaluate(
        facts(held=(held(NADIA), held(MARC), held(HUGO)), decisions=(), absent=frozenset({HUGO})), NOW
    )
    (coverage,) = found.reading.coverage
    assert (coverage.could, coverage.away) == ((NADIA, MARC), (HUGO,))
    assert found.reasons[0].could == (NADIA, MARC)


@pytest.mark.parametrize(
    "change",
    [
        {"contributors": frozenset({AUTHOR, NADIA})},
        {"active": frozenset({AUTHOR})},
        {"held": (held(NADIA, level=1),)},
        {"held": (held(NADIA, "company"),)},
        {"held": (held(NADIA, since=NOW + TICK),)},
        {"held": (held(NADIA, until=NOW),)},
    ],
)
def test_nobody_is_named_who_could_not(change: dict[str, Any]):
    assert could(Code.MISSING_REQUIREMENT, **{"decisions": (), **change}) == ()


def test_nobody_is_named_whose_credential_ends_before_the_slot():
    ending = held(NADIA, until=NOW + HOUR)
    both = rule(CRAFT, people=2)
    change: dict[str, Any] = {"rule": both, "held": (ending, held(MARC)), "decisions": (said(MARC),)}
    assert could(Code.MISSING_PEOPLE, at=NOW + 2 * HOUR, **change) == ()
    assert could(Code.MISSING_PEOPLE, **change) == (NADIA,)


def test_who_covers_already_is_not_asked_again():
    two = rule(Requirement("craft", 2, 2))
    assert could(Code.MISSING_REQUIREMENT, rule=two, held=(held(NADIA), held(MARC))) == (MARC,)


# --- It will not hold until the slot ----------------------------------------------------------------
def test_an_approval_that_grows_old_before_the_slot_says_so():
    slot = NOW - HOUR + DAY
    assert opens(at=slot)
    assert reasons(at=slot + TICK)[Code.ENDS_BEFORE_SLOT] == {
        "domain": "craft",
        "level": 2,
        "missing": 1,
        "ends": NADIA,
    }


def test_a_credential_that_ends_before_the_slot_says_so():
    ending = (held(NADIA, until=NOW + HOUR),)
    assert opens(at=NOW + HOUR - TICK, held=ending)
    assert Code.ENDS_BEFORE_SLOT in reasons(at=NOW + HOUR, held=ending)


def test_what_was_never_there_does_not_end():
    assert Code.MISSING_REQUIREMENT in reasons(at=NOW + HOUR, decisions=())


def test_when_more_is_missing_than_ends_it_is_missing():
    two = rule(Requirement("craft", 2, 2))
    found = reasons(at=NOW + HOUR, rule=two, held=(held(NADIA, until=NOW + HOUR),))
    assert found == {
        Code.MISSING_REQUIREMENT: {"domain": "craft", "level": 2, "missing": 2, "ends": NADIA},
        Code.MISSING_PEOPLE: {"needed": 1, "have": 0, "missing": 1},
    }


def test_nothing_ends_before_now():
    """`at` is now: what does not count is missing, it does not end."""
    assert Code.MISSING_REQUIREMENT in reasons(held=(held(NADIA, until=NOW),))


# --- What stops it ----------------------------------------------------------------------------------
def test_a_blocker_closes_and_is_told_with_what_it_says():
    found = evaluate(facts(blockers=(Blocker("veto", NADIA, {"why": "Non."}), Blocker("held"))), NOW)
    assert [dict(reason.params) for reason in found.reasons] == [
        {"why": "Non.", "blocker": "veto"},
        {"blocker": "held"},
    ]
    assert isinstance(found, Deny)
    assert found.only(Code.BLOCKED)
    assert not found.only(Code.FROZEN)


def test_a_freeze_stops_all_but_a_crisis_statement_that_a_person_releases():
    assert reasons(frozen_by=7) == {Code.FROZEN: {"incident": 7}, Code.NOT_RELEASED: {}}
    assert reasons(frozen_by=7, release=Release(NADIA, DIGEST, 0)) == {Code.FROZEN: {"incident": 7}}
    assert reasons(frozen_by=7, kind="crisis") == {Code.NOT_RELEASED: {}}
    assert opens(frozen_by=7, kind="crisis", release=Release(NADIA, DIGEST, 0))


def test_where_the_policy_wants_a_person_to_press_release():
    pressed = rule(person_releases=True)
    assert reasons(rule=pressed) == {Code.NOT_RELEASED: {}}
    assert opens(rule=pressed, release=Release(MARC, DIGEST, 0))
    assert not opens(rule=pressed, release=Release(MARC, OTHER, 0)), "for other bytes"
    assert not opens(rule=pressed, release=Release(MARC, DIGEST, 1)), "in another epoch"
    assert could(Code.NOT_RELEASED, rule=pressed, held=(held(NADIA), held(MARC))) == (NADIA, MARC)


def test_window_boundaries():
    window = {"window_from": NOW, "window_until": NOW + HOUR}
    assert opens(at=NOW, **window)
    assert opens(at=NOW + HOUR, **window)
    assert reasons(at=NOW - TICK, **window) == {Code.OUTSIDE_WINDOW: {"late": 0}}
    assert reasons(at=NOW + HOUR + TICK, **window) == {Code.OUTSIDE_WINDOW: {"late": 1}}


@pytest.mark.parametrize("none", [{"window_from": None}, {"window_until": None}])
def test_without_a_window_it_stays(none: dict[str, Any]):
    assert reasons(**none) == {Code.OUTSIDE_WINDOW: {}}


def test_every_reason_is_named_at_once():
    found = reasons(
        decisions=(),
        digest=None,
        blockers=(Blocker("held"),),
        frozen_by=1,
        window_until=NOW - TICK,
        rule=rule(people=2),
    )
    assert set(found) == {
        Code.NOT_SEALED,
        Code.MISSING_REQUIREMENT,
        Code.MISSING_PEOPLE,
        Code.BLOCKED,
        Code.FROZEN,
        Code.NOT_RELEASED,
        Code.OUTSIDE_WINDOW,
    }


# --- Until when -------------------------------------------------------------------------------------
def until(**more: Any) -> datetime | None:
    verdict = evaluate(facts(**more), NOW)
    assert isinstance(verdict, Allow)
    return verdict.until


def test_until_is_the_first_of_what_ends():
    assert until() == NOW - HOUR + DAY, "the approval grows old"
    assert until(window_until=NOW + HOUR) == NOW + HOUR, "the window ends"
    assert until(held=(held(NADIA, until=NOW + 2 * HOUR),)) == NOW + 2 * HOUR, "a credential runs out"
    assert until(held=(held(NADIA), held(MARC, until=NOW + HOUR))) == NOW - HOUR + DAY, (
        "somebody else's does not matter"
    )
    over = held(NADIA, "company", until=NOW - HOUR)
    assert until(held=(held(NADIA), over)) == NOW - HOUR + DAY, "what is over ends no more"
