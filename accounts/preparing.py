"""A query that every page asks, written once.

The ORM writes a query anew each time it is asked: for one with a few subqueries that takes several times as long
as the database's answer. A prepared one is written with places for its numbers, and asked with others each time.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db import connection
from django.db.models import QuerySet

# Numbers that no row has and no query of ours names: they mark the places.
_FIRST_MARK = -2_000_000_000


class Prepared:
    """What `build` makes of keys of rows, all of them whole numbers, with columns that are plain values
    (`values_list`): they come as the database has them. It must make the same query of all keys."""

    def __init__(self, build: Callable[..., QuerySet[Any, Any]]) -> None:
        self._build = build
        self._written: dict[int, tuple[str, Sequence[Any]]] = {}

    def rows(self, *keys: int) -> list[tuple[Any, ...]]:
        if len(keys) not in self._written:
            self._written[len(keys)] = self._write(len(keys))
        statement, parameters = self._written[len(keys)]
        places = {_FIRST_MARK - place: key for place, key in enumerate(keys)}
        with connection.cursor() as cursor:
            cursor.execute(statement, [places.get(one, one) for one in parameters])
            return list(cursor.fetchall())

    def _write(self, count: int) -> tuple[str, Sequence[Any]]:
        return self._build(*(_FIRST_MARK - place for place in range(count))).query.sql_with_params()
