"""A bounded share of `make prove`: other numbers there, the same questions."""

from __future__ import annotations

from datetime import datetime

import pytest

from approvals.facts import for_release
from approvals.gate import Facts, evaluate
from tests.proof.counting import Count
from tests.proof.machine import play
from tests.proof.replaying import stored

pytestmark = pytest.mark.pure


def enough(count: Count, states: int) -> None:
    assert count.states >= states
    assert count.share >= 0.1, f"agreement on closed doors proves little: {count.share:.0%} were open"
    assert count.looked_into > 0


def says_the_same_with_less(facts: Facts, at: datetime) -> None:
    """What is stored with a release leaves out the people who said nothing: it must open as the whole did."""
    small = for_release(facts)
    assert evaluate(small, at).open is evaluate(facts, at).open
    assert evaluate(stored(small), at) == evaluate(small, at)


def test_the_gate_says_what_the_text_says():
    enough(play(1_500, number=1, also=says_the_same_with_less), 1_500)


@pytest.mark.proof
def test_the_gate_says_what_the_text_says_in_more_stories():
    count = play(8_000, number=7, also=says_the_same_with_less)
    enough(count, 8_000)
    moves = {
        "edit",
        "revoke",
        "declare",
        "lift",
        "pause",
        "hold",
        "link",
        "object",
        "approve",
        "clone",
        "grant",
    }
    assert moves <= set(count.moves), f"never played: {moves - set(count.moves)}"
    for closing in ("edit", "declare", "pause", "hold", "object", "revoke"):
        assert count.closed_by[closing], f"{closing} was never seen closing anything: it proves nothing"
