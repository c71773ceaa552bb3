"""The database of one measurement: sets what is due, looks how far the engine is, counts what it did.

Two of a kind, PostgreSQL and SQLite; `engine.py` asks them the same.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import psycopg

from tests.bench.ground import LATE_MINUTES, ROLES, Ground

# What opens and ends transactions is counted as a commit, not as a statement.
_NO_STATEMENT = "^(begin|commit|rollback|savepoint|release|set |show )"
# A foreign key that is checked at commit: PostgreSQL's own query, which no client sent.
_FOREIGN_KEY = "%FOR KEY SHARE OF x"
_SEEN = """
FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid JOIN pg_roles r ON r.oid = s.userid
WHERE d.datname = %s
"""
_SENT = f"SELECT rolname, sum(calls)::bigint {_SEEN} AND query !~* %s GROUP BY rolname"
_CHECKS = f"SELECT coalesce(sum(calls), 0)::bigint {_SEEN} AND query LIKE %s"
_SLOWEST = f"""
SELECT calls, total_exec_time, regexp_replace(query, '\\s+', ' ', 'g') {_SEEN}
AND query !~* %s AND (rolname = %s OR query LIKE %s) ORDER BY total_exec_time DESC LIMIT 40
"""


@dataclass(frozen=True)
class Counted:
    """What the database did during a run."""

    by_worker: int = 0
    by_ticker: int = 0
    foreign_keys: int = 0
    commits: int = 0
    # The costliest statements of the workers: (calls, total ms, text).
    slowest: list[tuple[int, float, str]] = field(default_factory=list)


class Database(Protocol):
    def address(self, role: str = "") -> str: ...

    def due(self, begin: datetime, spread_s: float, n: int) -> None:
        """Makes delivery number i (of n) due at begin + i * spread_s / n."""

    def left(self) -> int:
        """Deliveries that are not DELIVERED."""

    def states(self) -> dict[str, int]: ...

    def pulses(self) -> int:
        """How many processes have given a sign of life."""

    def begin_counting(self) -> None: ...

    def counted(self) -> Counted:
        """Since `begin_counting`; ask when the engine's processes have ended."""

    def close(self) -> None: ...


class OnPostgres:
    """A fresh copy of a seeded database."""

    def __init__(self, ground: Ground, template: str) -> None:
        self._ground = ground
        self.name = ground.fresh(template)
        self._connection = psycopg.connect(ground.address(self.name), autocommit=True)
        self._own_commits = self._commits_before = 0

    def address(self, role: str = "") -> str:
        return self._ground.address(self.name, role)

    def _one(self, statement: str, parameters: tuple[Any, ...] = ()) -> Any:
        self._own_commits += 1
        row = self._connection.execute(statement.encode(), parameters).fetchone()
        return row[0] if row else None

    def due(self, begin: datetime, spread_s: float, n: int) -> None:
        each = timedelta(seconds=spread_s / n)
        self._connection.execute("UPDATE posts_post SET slot = %s + (id - 1) * %s", (begin, each))
        self._connection.execute(
            "UPDATE posts_delivery d SET due_at = p.slot, next_at = p.slot, expires_at = p.slot + %s"
            " FROM posts_post p WHERE p.id = d.post_id",
            (timedelta(minutes=LATE_MINUTES),),
        )
        self._connection.execute("VACUUM ANALYZE")

    def left(self) -> int:
        return int(self._one("SELECT count(*) FROM posts_delivery WHERE state <> 'DELIVERED'"))

    def states(self) -> dict[str, int]:
        return dict(
            self._connection.execute("SELECT state, count(*) FROM posts_delivery GROUP BY 1").fetchall()
        )

    def pulses(self) -> int:
        return int(self._one("SELECT count(*) FROM publishing_pulse"))

    def begin_counting(self) -> None:
        self._connection.execute("SELECT pg_stat_force_next_flush()")
        self._connection.execute("SELECT 1")
        with psycopg.connect(self._ground.admin, autocommit=True) as admin:
            admin.execute("SELECT pg_stat_statements_reset()")
            self._commits_before = self._commits(admin)
        self._own_commits = 0

    def _commits(self, admin: psycopg.Connection[Any]) -> int:
        row = admin.execute(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = %s", (self.name,)
        ).fetchone()
        assert row
        return int(row[0])

    def counted(self) -> Counted:
        seals = int(self._one("SELECT count(*) FROM journal_seal WHERE brand_id IS NOT NULL"))
        self._connection.close()
        time.sleep(0.2)
        with psycopg.connect(self._ground.admin, autocommit=True) as admin:
            commits = self._commits(admin) - self._commits_before - self._own_commits
            sent: dict[str, int] = dict(admin.execute(_SENT, (self.name, _NO_STATEMENT)).fetchall())
            checks = admin.execute(_CHECKS, (self.name, _FOREIGN_KEY)).fetchone()
            slowest = admin.execute(_SLOWEST, (self.name, _NO_STATEMENT, ROLES[0], _FOREIGN_KEY)).fetchall()
        assert checks
        # Each seal checks its brand, and seals are the ticker's.
        return Counted(
            sent.get(ROLES[0], 0), sent.get(ROLES[1], 0), max(0, checks[0] - seals), commits, slowest
        )

    def close(self) -> None:
        self._connection.close()
        self._ground.drop(self.name)


class OnSqlite:
    """A file beside the others, with the product's own settings (WAL, synchronous FULL)."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def address(self, role: str = "") -> str:
        return f"sqlite:///{quote(str(self._file))}"

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self._file, timeout=30, isolation_level=None)

    def due(self, begin: datetime, spread_s: float, n: int) -> None:
        each, late = timedelta(seconds=spread_s / n), timedelta(minutes=LATE_MINUTES)
        instants = [begin + number * each for number in range(n)]
        with closing(self._open()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "UPDATE posts_delivery SET due_at = ?, next_at = ?, expires_at = ? WHERE post_id = ?",
                [
                    (_stored(at), _stored(at), _stored(at + late), place + 1)
                    for place, at in enumerate(instants)
                ],
            )
            connection.executemany(
                "UPDATE posts_post SET slot = ? WHERE id = ?",
                [(_stored(at), place + 1) for place, at in enumerate(instants)],
            )
            connection.execute("COMMIT")
            connection.execute("ANALYZE")

    def left(self) -> int:
        with closing(self._open()) as connection:
            return int(
                connection.execute(
                    "SELECT count(*) FROM posts_delivery WHERE state <> 'DELIVERED'"
                ).fetchone()[0]
            )

    def states(self) -> dict[str, int]:
        with closing(self._open()) as connection:
            return dict(
                connection.execute("SELECT state, count(*) FROM posts_delivery GROUP BY 1").fetchall()
            )

    def pulses(self) -> int:
        with closing(self._open()) as connection:
            return int(connection.execute("SELECT count(*) FROM publishing_pulse").fetchone()[0])

    def begin_counting(self) -> None:
        """SQLite counts nothing."""

    def counted(self) -> Counted:
        return Counted()

    def close(self) -> None:
        for end in ("", "-wal", "-shm"):
            self._file.with_name(self._file.name + end).unlink(missing_ok=True)


def _stored(at: datetime) -> str:
    """An instant as Django writes it in SQLite."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
