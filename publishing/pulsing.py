"""Says that a worker lives, every few seconds, in the database.

RQ's own sign of life is renewed when a worker takes a hint, and stands for minutes after a SIGKILL;
this one is as old as the worker has been dead, and it outlives Redis. It says that the process lives
and reaches the database, not that it has work.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Final

import structlog
from django.db import DatabaseError, connection

from accounts.clock import database_now
from publishing.jobs import worker_name
from publishing.models import Pulse

log = structlog.get_logger("worker")
WORKER: Final = "worker"
TICKER: Final = "ticker"
EVERY_S: Final = 10.0
FORGOTTEN: Final = timedelta(days=1)


def beat(name: str) -> None:
    """One sign of life. Raises DatabaseError."""
    Pulse.objects.update_or_create(kind=WORKER, name=name, defaults={"at": database_now()})


def _begin(name: str) -> None:
    Pulse.objects.filter(at__lt=database_now() - FORGOTTEN).delete()
    beat(name)


def _end(name: str) -> None:
    Pulse.objects.filter(kind=WORKER, name=name).delete()


def _live(name: str, ended: threading.Event) -> None:
    act = _begin
    while True:
        try:
            act(name)
            act = beat
        except DatabaseError as error:
            log.warning("pulse_missed", error=type(error).__name__)
        finally:
            # This thread's own connection: not worth keeping open for a statement now and then.
            connection.close()
        if ended.wait(EVERY_S):
            break
    try:
        _end(name)
    except DatabaseError as error:
        log.warning("pulse_left", error=type(error).__name__)
    finally:
        connection.close()


@contextmanager
def pulsing() -> Iterator[None]:
    """Keeps this process's sign of life fresh while the block runs; takes it away at a clean end."""
    ended = threading.Event()
    thread = threading.Thread(target=_live, args=(worker_name(), ended), name="pulse", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(timeout=1)
