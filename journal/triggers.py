"""The database's own refusal to change or remove what is history.

Put in place after every migration (`post_migrate`), because on SQLite a migration that alters a
column rebuilds the table and drops its triggers; `/readyz` checks that they stand. The journal guards
its own tables; the apps above say which of theirs are history too (`guard`, in their `apps.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Model

from journal.models import Entry, Seal


@dataclass(frozen=True, slots=True)
class Guard:
    """How a table is kept. Rows are never removed. Without `frozen` and `once` they are never changed
    either; with them, `frozen` columns keep their value and `once` columns keep the first that is not null.
    `same` are conditions by which SQLite's REPLACE would remove a row, besides its key."""

    table: str
    frozen: tuple[str, ...] = ()
    once: tuple[str, ...] = ()
    same: tuple[str, ...] = ()

    @property
    def append_only(self) -> bool:
        return not self.frozen and not self.once


_GUARDS: dict[str, Guard] = {}


def guard(
    model: type[Model], *, frozen: Sequence[str] = (), once: Sequence[str] = (), same: Iterable[str] = ()
) -> None:
    """Has the database refuse to change a model's rows (or these of their columns) and to remove them."""
    table = model._meta.db_table
    _GUARDS[table] = Guard(table, tuple(frozen), tuple(once), tuple(same))


guard(Entry)
guard(Seal, same=("entry_id = NEW.entry_id", "(brand_id IS NEW.brand_id AND sequence = NEW.sequence)"))


def tables() -> list[str]:
    """The guarded tables, in order of their names."""
    return sorted(_GUARDS)


def _changed(one: Guard, differs: str) -> str:
    """The condition under which an update is refused; `differs` is how the database says IS NOT."""
    changes = [f"OLD.{column} {differs} NEW.{column}" for column in one.frozen]
    changes += [f"(OLD.{column} IS NOT NULL AND OLD.{column} {differs} NEW.{column})" for column in one.once]
    return " OR ".join(changes)


def _sqlite_statements(one: Guard) -> dict[str, str]:
    table = one.table
    refuse = f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
    # INSERT OR REPLACE deletes without firing BEFORE DELETE unless recursive_triggers is on, which is a
    # setting of each connection: the third one does not depend on it.
    same = " OR ".join(["id = NEW.id", *one.same])
    again = f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same})"  # noqa: S608 - a table of ours
    when = "" if one.append_only else f" WHEN {_changed(one, 'IS NOT')}"
    bodies = {
        f"{table}_no_update": f"BEFORE UPDATE ON {table}{when}",
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


def _postgres_statements(one: Guard) -> dict[str, str]:
    table = one.table
    refuse = "EXECUTE FUNCTION journal_append_only()"
    bodies = {f"{table}_no_truncate": f"BEFORE TRUNCATE ON {table} FOR EACH STATEMENT {refuse}"}
    if one.append_only:
        bodies[f"{table}_no_change"] = f"BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW {refuse}"
    else:
        when = _changed(one, "IS DISTINCT FROM")
        bodies[f"{table}_no_change"] = f"BEFORE UPDATE ON {table} FOR EACH ROW WHEN ({when}) {refuse}"
        bodies[f"{table}_no_delete"] = f"BEFORE DELETE ON {table} FOR EACH ROW {refuse}"
    return {name: f"CREATE OR REPLACE TRIGGER {name} {body}" for name, body in bodies.items()}


def _statements(vendor: str, of: Iterable[str] | None = None) -> dict[str, str]:
    make = _postgres_statements if vendor == "postgresql" else _sqlite_statements
    found: dict[str, str] = {}
    for table in tables() if of is None else of:
        found |= make(_GUARDS[table])
    return found


def install(connection: BaseDatabaseWrapper, of: Iterable[str] | None = None) -> None:
    """Puts every trigger (or those of some tables) in place; those that stand are left or replaced by the
    same."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute(_POSTGRES_FUNCTION)
        for statement in _statements(connection.vendor, of).values():
            cursor.execute(statement)


def remove(connection: BaseDatabaseWrapper, of: Iterable[str] | None = None) -> None:
    """Takes the triggers away. Only for whoever holds the database: tests that flush it or tamper with it."""
    with connection.cursor() as cursor:
        for table in tables() if of is None else of:
            for name in _statements(connection.vendor, [table]):
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
    install(connection, [table for table in tables() if table in present])
