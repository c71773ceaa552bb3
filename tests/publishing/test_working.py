from __future__ import annotations

import os
import signal
from typing import Any

import django_rq
import pytest
from rq.exceptions import StopRequested

from publishing import draining
from publishing.jobs import QUEUE
from publishing.working import PublishWorker


@pytest.fixture(autouse=True)
def as_before():
    numbers = (signal.SIGTERM, signal.SIGINT)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)
    draining.stopping.clear()


def test_an_order_to_end_that_came_before_the_worker_listened_is_obeyed():
    queue = django_rq.get_queue(QUEUE)
    draining.stopping.set()
    # Without it this would wait for a hint, for minutes.
    assert PublishWorker([queue], connection=queue.connection).work(logging_level="WARNING") is False


def test_an_order_that_is_swallowed_on_the_way_is_obeyed_all_the_same():
    class Swallowing(PublishWorker):
        def run_maintenance_tasks(self) -> None:
            try:
                os.kill(os.getpid(), signal.SIGTERM)
            except StopRequested:
                swallowed.append(True)

        def dequeue_job_and_maintain_ttl(self, *args: Any, **kwargs: Any) -> None:
            waited.append(True)
            # Else this would wait for a hint.
            raise LookupError

    swallowed, waited = list[bool](), list[bool]()
    queue = django_rq.get_queue(QUEUE)
    assert Swallowing([queue], connection=queue.connection).work(logging_level="ERROR") is False
    assert (swallowed, waited) == ([True], [])
