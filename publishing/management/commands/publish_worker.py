"""`manage.py publish_worker`: works the publish queue; survives an outage of Redis."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import Any

import django_rq
import redis
import structlog
from django.core.management.base import BaseCommand
from django.db import connection
from rq.exceptions import StopRequested

from accounts.collecting import spare_what_is_loaded
from publishing import draining
from publishing.jobs import QUEUE, worker_name
from publishing.pulsing import pulsing
from publishing.working import END_WITHIN_S, PublishWorker

log = structlog.get_logger("worker")
# Seconds after which a thread that computes must let another one: the claimer and the recorder, whom nobody waits for,
# were interrupted for every answer that came in (docs/decisions/throughput.md).
TURN_S = 0.02


class Command(BaseCommand):
    help = "Claims due deliveries and sends them, whenever a ticker hints that there is work."
    # They load every page and form, which is half of a start; `migrate` makes them.
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        connection.close()
        # RQ's own come later: an order to end in between must not kill a process that shows itself already.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: draining.stopping.set())
        done = threading.Event()
        threading.Thread(target=_leave_in_time, args=(done,), name="leave", daemon=True).start()
        with pulsing():
            try:
                self._work()
            finally:
                # Also of a hint that broke off (Redis or the database went away under it) something may
                # still be on its way.
                draining.finish()
        done.set()

    def _work(self) -> None:
        draining.prepare(worker_name())
        spare_what_is_loaded()
        sys.setswitchinterval(TURN_S)
        while not draining.stopping.is_set():
            try:
                queue = django_rq.get_queue(QUEUE)
                PublishWorker([queue], connection=queue.connection).work(
                    logging_level="WARNING", with_scheduler=False
                )
            except redis.RedisError as error:
                log.warning("redis_away", error=type(error).__name__)
            except StopRequested:
                return
            # Unasked, RQ gives up when its connection breaks in the middle of a hint: begin anew.
            draining.stopping.wait(1.0)


def _leave_in_time(done: threading.Event) -> None:
    """Ends the process in time after the order, whatever it waits for: a lock, a database that is away, a
    network that answers byte by byte. It is as if it had been killed then, which loses and doubles nothing."""
    draining.stopping.wait()
    if not done.wait(END_WITHIN_S):
        log.warning("left_to_leases", seconds=END_WITHIN_S)
        os._exit(1)
