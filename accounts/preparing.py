"""A query that every page asks, written once.

The ORM writes a query anew each time it is asked: for one with a few subqueries that takes several times as long
as the database's answer. A prepared one is written with places for its numbers, and asked with others each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connection
from django.db.models import Field, Model, QuerySet

M = TypeVar("M", bound=Model)

# Numbers that no row has and no query of ours names: they mark the places.
_FIRST_MARK = -2_000_000_000
# In the place of a number beyond what a key can be, which somebody may well type: it finds nothing either.
_NO_ROW, _GREATEST = -1_999_999_999, 2**63 - 1


def padded(keys: Sequence[int]) -> list[int]:
    """The same keys, the last one repeated up to the next power of two: a query of a list of them is then written a
    few times, and not once for each length. For queries that ask whether something is among them."""
    room = 1 << max(0, len(keys) - 1).bit_length()
    return [*keys, *([keys[-1]] * (room - len(keys)) if keys else [])]


@dataclass(frozen=True, slots=True)
class _Written:
    statement: str
    parameters: Sequence[Any]
    # {column: what makes of the database's value what the field has}
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]


class Prepared:
    """What `build` makes of keys of rows, all of them whole numbers, with named columns (`values_list`). It must make
    the same query of all keys."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._written: dict[int, _Written] = {}

    def rows(self, *keys: int) -> list[tuple[Any, ...]]:
        if len(keys) not in self._written:
            self._written[len(keys)] = self._write(len(keys))
        written = self._written[len(keys)]
        places = {
            _FIRST_MARK - place: key if abs(key) <= _GREATEST else _NO_ROW for place, key in enumerate(keys)
        }
        with connection.cursor() as cursor:
            cursor.execute(written.statement, [places.get(one, one) for one in written.parameters])
            rows = cursor.fetchall()
        return list(_converted(rows, written)) if written.converters else list(rows)

    def _write(self, count: int) -> _Written:
        query = self._build(*(_FIRST_MARK - place for place in range(count))).query
        compiler = query.get_compiler(connection=connection)
        statement, parameters = compiler.as_sql()
        columns = [column for column, _sql, _alias in compiler.select]
        return _Written(statement, parameters, compiler.get_converters(columns))


def _converted(rows: Sequence[tuple[Any, ...]], written: _Written) -> Iterator[tuple[Any, ...]]:
    for row in rows:
        values = list(row)
        for place, (converters, column) in written.converters.items():
            for convert in converters:
                values[place] = convert(values[place], column, connection)
        yield tuple(values)


class PreparedObjects(Generic[M]):
    """The same for whole objects, with those that the foreign keys `related` lead to, as `select_related` has them."""

    def __init__(self, model: type[M], build: Callable[..., QuerySet[M]], *related: str) -> None:
        self._parts: list[tuple[str, type[Model], list[str]]] = [("", model, _columns(model))]
        for name in related:
            there = model._meta.get_field(name).related_model
            assert isinstance(there, type)
            self._parts.append((name, there, _columns(there)))
        names = [f"{part}__{name}" if part else name for part, _model, of in self._parts for name in of]
        self._asked = Prepared(lambda *keys: build(*keys).values_list(*names))

    def objects(self, *keys: int) -> list[M]:
        return [self._object(row) for row in self._asked.rows(*keys)]

    def first(self, *keys: int) -> M | None:
        """The only one, or the first in the order of the query."""
        return next(iter(self.objects(*keys)), None)

    def _object(self, row: Sequence[Any]) -> M:
        begin, made = 0, list[Any]()
        for _name, model, columns in self._parts:
            values = row[begin : begin + len(columns)]
            begin += len(columns)
            # Every table of ours has its key first: without one, nothing is there.
            made.append(None if values[0] is None else model.from_db(connection.alias, columns, values))
        one: M = made[0]
        for (name, *_), other in zip(self._parts[1:], made[1:], strict=True):
            setattr(one, name, other)
        return one


def _columns(model: type[Model]) -> list[str]:
    fields: Sequence[Field[Any, Any]] = model._meta.concrete_fields
    assert fields[0].primary_key, model
    return [field.attname for field in fields]
