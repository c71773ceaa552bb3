"""The two databases of a run, read and set by plain SQL: what the product says of itself is not asked."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psycopg
from psycopg.rows import dict_row

from tests.servers import Postgres

Row = dict[str, Any]
# How late a delivery of ours may be before it is missed.
LATE = timedelta(hours=10)


class Database(Protocol):
    address: str

    def rows(self, statement: str) -> list[Row]:
        """What a statement without parameters answers, as dictionaries. JSON and instants are as the
        database keeps them: see `instant` and `loaded`."""

    def execute(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        """One statement for each of `parameters`, all in one transaction; places are written `%s`."""


class OnPostgres:
    def __init__(self, server: Postgres) -> None:
        self.server, self.address = server, server.address

    def rows(self, statement: str) -> list[Row]:
        with psycopg.connect(self.address, row_factory=dict_row, connect_timeout=5) as connection:
            return connection.execute(statement.encode()).fetchall()

    def execute(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        with psycopg.connect(self.address) as connection, connection.cursor() as cursor:
            cursor.executemany(statement.encode(), parameters)

    def cut(self) -> None:
        """Ends every connection but the one that asks for it."""
        self.rows(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )


class OnSqlite:
    def __init__(self, file: Path) -> None:
        self._file, self.address = file, f"sqlite:///{quote(str(file))}"

    def rows(self, statement: str) -> list[Row]:
        with closing(sqlite3.connect(self._file, timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(statement).fetchall()]

    def execute(self, statement: str, parameters: Sequence[Sequence[Any]]) -> None:
        kept = [[_stored(one) if isinstance(one, datetime) else one for one in given] for given in parameters]
        with closing(sqlite3.connect(self._file, timeout=30)) as connection, connection:
            connection.executemany(statement.replace("%s", "?"), kept)


def _stored(at: datetime) -> str:
    """An instant as Django writes it in SQLite."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def instant(kept: Any) -> datetime:
    """An instant out of a row of either database, in UTC."""
    moment = kept if isinstance(kept, datetime) else datetime.fromisoformat(str(kept))
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def loaded(kept: Any) -> Any:
    """JSON out of a row of either database."""
    return json.loads(kept) if isinstance(kept, str) else kept


def set_due(database: Database, instants: Mapping[int, datetime]) -> None:
    """Makes posts due: {post id: instant}."""
    rows = [(at, at, at + LATE, number) for number, at in instants.items()]
    database.execute(
        "UPDATE posts_delivery SET due_at = %s, next_at = %s, expires_at = %s WHERE post_id = %s", rows
    )
    database.execute(
        "UPDATE posts_post SET slot = %s WHERE id = %s", [(at, number) for at, _at, _ends, number in rows]
    )
