"""A clock that a test sets, for the whole product: Python's and the database's, which the gate believes.

It stands still until it is moved, so that what is due at a slot goes out at that very instant and a test
measures no time. On PostgreSQL a function of a schema that is looked through first answers in the place of
the server's own; both vanish with the test's transaction. On SQLite the database asks Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import time_machine
from django.db import connection

_SHIM = """
CREATE SCHEMA clockwork;
CREATE FUNCTION clockwork.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
  AS $$ SELECT current_setting('clockwork.now')::timestamptz $$;
CREATE FUNCTION clockwork.statement_timestamp() RETURNS timestamptz LANGUAGE sql STABLE
  AS $$ SELECT current_setting('clockwork.now')::timestamptz $$;
"""


@dataclass
class Clock:
    traveller: time_machine.Traveller

    @property
    def now(self) -> datetime:
        return datetime.now(UTC)

    def to(self, moment: datetime) -> None:
        """Never backwards: the journal and the gate would see what no house ever sees."""
        assert moment >= self.now, f"the clock would go back from {self.now} to {moment}"
        self.traveller.move_to(moment.astimezone(UTC))
        _set_the_database(moment)

    def on(self, by: timedelta) -> None:
        self.to(self.now + by)


def _set_the_database(moment: datetime) -> None:
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('clockwork.now', %s, false)", [moment.isoformat()])


def _strftime(form: str, _moment: str) -> str:
    """What SQLite is asked for by Django's `Now()`, the only place in which we ask SQLite for the time."""
    assert (form, _moment) == ("%Y-%m-%d %H:%M:%f", "NOW"), (form, _moment)
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S.") + f"{datetime.now(UTC).microsecond // 1000:03}"


@contextmanager
def set_to(moment: datetime) -> Iterator[Clock]:
    """Inside a test's transaction. Afterwards it is again what time it was."""
    with time_machine.travel(moment.astimezone(UTC), tick=False) as traveller:
        connection.ensure_connection()
        if connection.vendor == "sqlite":
            # It stays with the connection, and tells the true time as soon as nobody travels.
            connection.connection.create_function("strftime", 2, _strftime)
        else:
            with connection.cursor() as cursor:
                cursor.execute(_SHIM)
                cursor.execute("SET LOCAL search_path = clockwork, public, pg_catalog")
        _set_the_database(moment)
        yield Clock(traveller)
