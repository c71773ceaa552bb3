"""The database's own refusal to change or remove what the journal holds.

Put in place after every migration (`post_migrate`), because on SQLite a migration that alters a
column rebuilds the table and drops its triggers; `/readyz` checks that they stand.
"""

from __future__ import annotations

from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from journal.models import Entry, Seal

GUARDED: tuple[type[Model], ...] = (Entry, Seal)


# Besides its key, what makes a row of a table the same as another: a REPLACE removes by these as well.
_UNIQUE = {
    Seal._meta.db_table: (
        "entry_id = NEW.entry_id",
        "(brand_id IS NEW.brand_id AND sequence = NEW.sequence)",
    )
}


def _tables() -> list[str]:
    return [model._meta.db_table for model in GUARDED]


def _sqlite_statements(table: str) -> dict[str, str]:
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    # INSERT OR REPLACE deletes without firing BEFORE DELETE unless recursive_triggers is on, which is a
    # setting of each connection: the third one does not depend on it.
    same = " OR ".join(["id = NEW.id", *_UNIQUE.get(table, ())])
    again = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - a table of ours
    bodies = {
        f"{table}_no_update": f"BEFORE UPDATE ON {table}",
        f"{table}_no_delete": f"BEFORE DELETE ON {table}",
        f"{table}_no_replace": f"BEFORE INSERT ON {table} {again}",
    }
    return {name: f"CREATE TRIGGER IF NOT EXISTS {name} {body} {refuse}" for name, body in bodies.items()}


_POSTGRES_FUNCTION = """
CREATE OR REPLACE FUNCTION journal_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'integrity_constraint_violation';
END $$
"""


def _postgres_statements(table: str) -> dict[str, str]:
    return {
        f"{table}_no_change": (
            f"CREATE OR REPLACE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION journal_append_only()"
        ),
        f"{table}_no_truncate": (
            f"CREATE OR REPLACE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table} "
            "FOR EACH STATEMENT EXECUTE FUNCTION journal_append_only()"
        ),
    }


def _statements(vendor: str) -> dict[str, str]:
    make = _postgres_statements if vendor == "postgresql" else _sqlite_statements
    found: dict[str, str] = {}
    for table in _tables():
        found |= make(table)
    return found


def install(connection: BaseDatabaseWrapper) -> None:
    """Puts every trigger in place; those that stand are left or replaced by the same."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRES_FUNCTION)
        for statement in _statements(connection.vendor).values():
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper) -> None:
    """Takes the triggers away. Only for whoever holds the database: tests that flush it or tamper with it."""
    with connection.cursor() as cursor:
        for table in _tables():
            make = _postgres_statements if connection.vendor == "postgresql" else _sqlite_statements
            for name in make(table):
                on = f" ON {table}" if connection.vendor == "postgresql" else ""
                cursor.execute(f"DROP TRIGGER IF EXISTS {name}{on}")


def missing(connection: BaseDatabaseWrapper) -> list[str]:
    """The names of triggers that should stand, enabled, and do not."""
    query = (
        "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal AND tgenabled IN ('O', 'A')"
        if connection.vendor == "postgresql"
        else "SELECT name FROM sqlite_master WHERE type = 'trigger'"
    )
    with connection.cursor() as cursor:
        cursor.execute(query)
        standing = {row[0] for row in cursor.fetchall()}
    return sorted(set(_statements(connection.vendor)) - standing)


def install_after_migrate(using: str, **_kwargs: Any) -> None:
    connection = connections[using]
    present = set(connection.introspection.table_names())
    if all(table in present for table in _tables()):
        install(connection)
