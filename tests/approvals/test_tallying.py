"""What became of each decision: every reason for which one does not count."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import translation

from approvals.gate import Blocker, Decided, Facts, Held, Requirement, Rule, evaluate
from approvals.tallying import Tally, WhyNot, sentence, tally

pytestmark = pytest.mark.pure
NOW = datetime(2026, 11, 23, 9, tzinfo=UTC)
WRITER, EXPERT, DIRECTOR = 1, 2, 3


def facts(*decisions: Decided) -> Facts:
    return Facts(
        post=1,
        kind="routine",
        digest="now",
        epoch=4,
        rule=Rule((Requirement("craft", 2),), 1, timedelta(days=45)),
        contributors=frozenset({WRITER}),
        decisions=decisions,
        held=(
            Held(EXPERT, "craft", 3, NOW - timedelta(days=400)),
            Held(WRITER, "craft", 3, NOW - timedelta(days=400)),
            Held(DIRECTOR, "craft", 1, NOW - timedelta(days=400)),
        ),
        active=frozenset({WRITER, EXPERT, DIRECTOR}),
        absent=frozenset(),
        blockers=(),
        frozen_by=None,
        release=None,
        window_from=NOW - timedelta(days=1),
        window_until=NOW + timedelta(days=1),
        taken_at=NOW,
    )


def said(person: int = EXPERT, decision: str = "approve", sequence: int = 1, **more: object) -> Decided:
    made = Decided(sequence, person, decision, "now", 4, NOW - timedelta(hours=1))
    return replace(made, **more)  # type: ignore[arg-type]


def tallied(given: Facts, *binding: int) -> dict[int, Tally]:
    return tally(given, evaluate(given, NOW).reading, NOW, binding)


def test_an_approval_that_covers_something_counts():
    assert tallied(facts(said()))[1].counted


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (facts(said(DIRECTOR)), WhyNot.ADVISORY),
        (facts(said(WRITER)), WhyNot.CONTRIBUTOR),
        (facts(said(digest="before")), WhyNot.OTHER_DIGEST),
        (facts(said(epoch=3)), WhyNot.OTHER_EPOCH),
        (facts(said(at=NOW - timedelta(days=46))), WhyNot.TOO_OLD),
        (replace(facts(said()), active=frozenset({WRITER})), WhyNot.INACTIVE),
        (replace(facts(said()), rule=None), WhyNot.ADVISORY),
        (facts(said(decision="reject")), WhyNot.ADVISORY),
        (facts(said(decision="withdraw")), WhyNot.WITHDRAWAL),
    ],
)
def test_why_one_does_not_count(given: Facts, why: WhyNot):
    assert tallied(given)[1] == Tally(why)


def test_the_latest_word_of_a_person_is_theirs():
    found = tallied(
        facts(said(sequence=1), said(sequence=2, decision="withdraw"), said(DIRECTOR, sequence=3))
    )
    assert [found[number].why_not for number in (1, 2, 3)] == [
        WhyNot.SUPERSEDED,
        WhyNot.WITHDRAWAL,
        WhyNot.ADVISORY,
    ]


def test_an_open_objection_counts_also_without_expertise_today():
    """A veto is judged when it is cast."""
    veto = Blocker("veto", DIRECTOR, {"decision": 1})
    assert tallied(replace(facts(said(DIRECTOR, "reject")), blockers=(veto,)), 1)[1].counted


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (facts(said(decision="request_changes", digest="before")), WhyNot.OTHER_DIGEST),
        (facts(said(decision="reject", digest="before")), WhyNot.OVERRIDDEN),
        (facts(said(decision="reject"), said(sequence=2)), WhyNot.SUPERSEDED),
    ],
)
def test_why_a_binding_objection_holds_nothing_any_more(given: Facts, why: WhyNot):
    assert tallied(given, 1)[1] == Tally(why)


def test_an_approver_of_a_duo_counts_among_the_others_eyes():
    rule = Rule((Requirement("craft", 2),), 1, timedelta(days=1), contributor_covers=True)
    assert tallied(replace(facts(said(DIRECTOR)), rule=rule))[1].counted


@pytest.mark.parametrize("why", list(WhyNot))
def test_every_reason_has_a_sentence(why: WhyNot):
    with translation.override("en"):
        assert sentence(why).endswith(".")
