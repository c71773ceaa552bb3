"""Many rows in one statement with one parameter, for the few statements that run with every release.

The ORM writes a row's every value as a parameter of its own, or a CASE a column a row: at hundreds of rows a
second that costs more than the network call they record (docs/decisions/throughput.md). Here the rows travel
as one JSON text, which both databases take apart themselves. Column names and types come from the models.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import AutoField, CharField, Field, Model, TextField

Row = Mapping[str, Any]


def source(model: type[Model], names: tuple[str, ...]) -> str:
    """The rows as a table `v`, to stand after FROM, with one parameter: `given(rows)`. `names` are columns.
    A JSON column takes objects and arrays only: SQLite hands a JSON text over without its quotes."""
    return _source(model, names, connection.vendor)


@cache
def _source(model: type[Model], names: tuple[str, ...], vendor: str) -> str:
    if vendor == "postgresql":
        columns = ", ".join(f"{name} {_type(_field(model, name))}" for name in names)
        return f"jsonb_to_recordset(%s::jsonb) AS v({columns})"
    columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name in names)
    return f"(SELECT {columns} FROM json_each(%s)) AS v"  # noqa: S608 - names of columns


def given(rows: Iterable[Row]) -> str:
    """The parameter of `source`."""
    return json.dumps(list(rows), default=_stored)


def among(column: str) -> str:
    """A condition with one parameter: `listed(ids)`."""
    if connection.vendor == "postgresql":
        return f"{column} = ANY(%s)"
    return f"{column} IN (SELECT value FROM json_each(%s))"  # noqa: S608 - a name of ours


def listed(ids: Iterable[int]) -> list[int] | str:
    """The parameter of `among`."""
    found = list(ids)
    return found if connection.vendor == "postgresql" else json.dumps(found)


def insert_rows(
    model: type[Model], rows: Sequence[Row], returning: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Inserts rows of {column: value}, all with the same columns; what they leave out takes the field's
    default. Answers the columns named in `returning`, of each, in no promised order."""
    if not rows:
        return []
    defaults = _defaults(model)
    missing = [(name, make) for name, make in defaults.items() if name not in rows[0]]
    names = list(defaults)
    columns = ", ".join(names)
    table = model._meta.db_table
    statement = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {source(model, tuple(names))}"  # noqa: S608
    if returning:
        statement += f" RETURNING {', '.join(returning)}"
    whole = [{**{name: make() for name, make in missing}, **row} for row in rows] if missing else rows
    with connection.cursor() as cursor:
        cursor.execute(statement, [given(whole)])
        return list(cursor.fetchall()) if returning else []


@cache
def _defaults(model: type[Model]) -> dict[str, Callable[[], Any]]:
    """What makes the default of each column but the key."""
    return {
        str(one.column): one.get_default
        for one in model._meta.concrete_fields
        if not isinstance(one, AutoField)
    }


def stored(moment: datetime | None) -> Any:
    """An instant as a parameter of a statement written by hand."""
    return None if moment is None else connection.ops.adapt_datetimefield_value(moment)


def _stored(value: Any) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"{type(value).__name__} has no place in a row of JSON")
    return value.isoformat() if connection.vendor == "postgresql" else str(stored(value))


def _field(model: type[Model], column: str) -> Field[Any, Any]:
    return next(one for one in model._meta.concrete_fields if one.column == column)


def _type(field: Field[Any, Any]) -> str:
    # Without its length: a longer text is then refused on the way into the table, instead of being cut here.
    if isinstance(field, CharField | TextField):
        return "text"
    return str(field.rel_db_type(connection) if isinstance(field, AutoField) else field.db_type(connection))
