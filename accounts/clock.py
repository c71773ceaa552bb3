"""The database's time: the only clock the gate and the release engine believe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

_AGO: ContextVar[timedelta] = ContextVar("ago", default=timedelta(0))


@contextmanager
def back_then(moment: datetime) -> Iterator[None]:
    """Everything inside happens at a moment of the past. Only the demonstration's memory is made with it
    (`cm_queue/recalling.py`; a test sees to it): its two weeks of history go through the same verbs, the same
    gate and the same engine as today's posts. A moment to come is refused: what the gate will say of it is
    not known yet."""
    ago = _database_now() - moment
    if ago < timedelta(0):
        raise ValueError("Only the past can be remembered.")
    token = _AGO.set(ago)
    try:
        yield
    finally:
        _AGO.reset(token)


def database_now() -> datetime:
    """The instant by the database's clock, aware, in UTC. Several machines agree on it; on SQLite
    there is one machine, and its clock is the one."""
    return _database_now() - _AGO.get()


def _database_now() -> datetime:
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    moment: datetime = row[0]
    return moment
