"""The ticker's metrics count each outcome once, whenever it is committed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.db import connection

from publishing.measuring import Measures
from publishing.models import Attempt, Outcome
from tests.publishing.conftest import Round
from tests.staging import House


def _counted(measures: Measures) -> float:
    told = {"network": "demo", "outcome": "delivered"}
    return measures.registry.get_sample_value("cmq_attempts_total", told) or 0


def test_an_outcome_committed_while_the_ticker_reads_is_counted_with_the_next_look(
    lumiere: House, release: Round
):
    posts = [lumiere.approved(f"Numéro {n}.", channels=["demo"]) for n in range(2)]
    measures = Measures()
    measures.update()
    release()
    # The second was sent a moment before the look and is committed between two of its statements.
    late: Any = Attempt.objects.filter(delivery__post=posts[1])
    before = late.get().ended_at - timedelta(milliseconds=1)
    late.update(outcome=Outcome.SENDING, ended_at=None)

    waiting = [late]

    def commit_late(
        execute: Callable[..., Any], sql: str, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        answer = execute(sql, params, many, context)
        if "publishing_attempt" in sql and waiting:
            waiting.pop().update(outcome=Outcome.DELIVERED, ended_at=before)
        return answer

    with connection.execute_wrapper(commit_late):
        measures.update()
    measures.update()
    assert _counted(measures) == 2
    measures.update()
    assert _counted(measures) == 2, "and once only"
