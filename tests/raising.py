"""Whoever changes what the gate reads of a brand raises the brand's standing.

A process that read the brand a moment ago keeps it for as long as the standing is the same (`approvals/standing.py`):
a writer who forgot to raise it would be obeyed a moment too late. Here every request that a test makes is listened to.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.test import Client

_WRITES = re.compile(r'^\s*(INSERT INTO|DELETE FROM|UPDATE) "?([a-z_]+)')
_SETS = re.compile(r'"(\w+)" = ')
# What is kept of a brand: {table: its columns} (tests/test_world.py: no table is missing).
KEPT: dict[str, set[str]] = {
    "accounts_membership": {"user_id", "brand_id", "is_active"},
    "accounts_user": {"is_active", "same_person_as_id"},
    "accounts_absence": {"user_id", "brand_id", "first_day", "last_day"},
    "approvals_credential": {
        *("user_id", "brand_id", "domain", "level", "state"),
        *("valid_from", "confirmed_at", "valid_until", "ended_at"),
    },
    "approvals_policy": {"brand_id", "rules", "state"},
    "approvals_incident": {"brand_id", "scope", "lifted_at"},
    "approvals_pause": {"brand_id", "scope", "ended_at"},
    "approvals_epoch": {"brand_id", "scope", "number"},
    "posts_channel": {"brand_id", "key", "network"},
}
# A brand that was made this very moment was read by nobody; an account is nowhere a member when it is made.
_BRAND, _ACCOUNT = "accounts_brand", "accounts_user"


@dataclass
class Heard:
    """The tables in which something of a standing was changed, and whether one was raised."""

    changed: set[str] = field(default_factory=set)
    raised: bool = False

    def hear(self, sql: str) -> None:
        found = _WRITES.search(sql)
        if found is None:
            return
        how, table = found.groups()
        columns = set(_SETS.findall(sql.partition(" SET ")[2].partition(" WHERE ")[0]))
        if table == _BRAND and (how == "INSERT INTO" or "standing" in columns):
            self.raised = True
        if how == "UPDATE":
            changes = not columns.isdisjoint(KEPT.get(table, ()))
        else:
            changes = table in KEPT and (how, table) != ("INSERT INTO", _ACCOUNT)
        if changes:
            self.changed.add(table)


@contextmanager
def listening() -> Iterator[Heard]:
    heard = Heard()

    def listen(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        heard.hear(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(listen):
        yield heard


def listen_to_every_request() -> None:
    """From now on a request of a test's client that changes a standing without raising it fails the test."""
    ask = Client.request

    def request(self: Client, **given: Any) -> Any:
        with listening() as heard:
            answer = ask(self, **given)
        changed = ", ".join(sorted(heard.changed))
        assert heard.raised or not changed, f"{given['PATH_INFO']} writes {changed} and raises no standing"
        return answer

    Client.request = request  # type: ignore[method-assign]
