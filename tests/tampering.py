"""Writes what the database refuses to anybody: for tests that move history in time, or tamper with it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

from journal import triggers


@contextmanager
def past_the_triggers() -> Iterator[None]:
    """As whoever holds the database could: the triggers are away, and stand again afterwards."""
    triggers.remove(connection)
    try:
        yield
    finally:
        triggers.install(connection)
