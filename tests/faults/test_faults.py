"""The bounded share of `make faults` that runs with the tests; what is marked `proof` runs in `make faults` only,
larger."""

from __future__ import annotations

import pytest

from tests.faults.meddling import meddle
from tests.faults.runs import Run, work

pytestmark = [pytest.mark.processes, pytest.mark.faults, pytest.mark.slow]
SEED = 20261122


@pytest.mark.parametrize(
    "run",
    [
        pytest.param(Run("postgresql", "mastodon", 40, 8, SEED), id="keys, on PostgreSQL"),
        pytest.param(
            Run("postgresql", "bare", 40, 8, SEED + 3), id="bare, on PostgreSQL", marks=pytest.mark.proof
        ),
        pytest.param(Run("sqlite", "mastodon", 30, 5, SEED + 2, workers=1, tickers=1), id="keys, on SQLite"),
    ],
)
def test_kills_in_the_middle_of_a_drain_lose_and_double_nothing(run: Run) -> None:
    report = work(run)
    assert report.faults() == {}, report.told()
    assert 0 < report.kills <= run.kills, report.told()


@pytest.mark.parametrize(
    ("database", "workers", "tickers"),
    [("postgresql", 4, 2), pytest.param("sqlite", 1, 1, marks=pytest.mark.proof)],
)
def test_nothing_goes_out_that_was_not_allowed(database: str, workers: int, tickers: int) -> None:
    """A person edits, holds, revokes, pauses and declares while it drains."""
    meddled = meddle(database, 60, 8.0, SEED, workers, tickers)
    assert meddled.wrong == []
    # Both happened, or it proves nothing.
    assert meddled.sent > 0
    assert meddled.stopped > 0
    assert sum(number for act, number in meddled.acts.items() if ":" not in act) > 10
