"""/healthz: the process answers. /readyz: what it needs is there.

Answered by a middleware that stands before all others: a session, a person or an unknown host name must
not be able to break the answer while the database is away. Says names and ages, never an address or
an error's own text, which may hold a password.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Max
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from accounts.clock import database_now
from journal import triggers
from publishing.models import Pulse
from publishing.pulsing import TICKER, WORKER

OLDEST_TICK: Final = timedelta(seconds=15)
# A worker says that it lives every ten seconds: four missed signs, and it is not counted.
OLDEST_PULSE: Final = timedelta(seconds=45)
REDIS_TIMEOUT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class Check:
    ok: bool
    detail: str


def database() -> Check:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
    return Check(True, connection.vendor)


_migrated = False


def migrations() -> Check:
    """Whether every migration of this code is applied. Asked until it is so: a running process's code
    does not change, and its database does not go back."""
    global _migrated  # noqa: PLW0603
    if not _migrated:
        executor = MigrationExecutor(connection)
        waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if waiting:
            return Check(False, f"{len(waiting)} to apply: run manage.py migrate")
        _migrated = True
    return Check(True, "all applied")


def journal() -> Check:
    gone = triggers.missing(connection)
    if gone:
        return Check(False, f"triggers missing: {', '.join(gone)}; run manage.py migrate")
    return Check(True, "triggers in place")


def ticker() -> Check:
    last = Pulse.objects.filter(kind=TICKER).aggregate(last=Max("at"))["last"]
    if last is None:
        return Check(False, "no tick yet: is manage.py tick running?")
    age = database_now() - last
    return Check(age <= OLDEST_TICK, f"last tick {max(age.total_seconds(), 0):.0f} s ago")


def workers() -> Check:
    alive = Pulse.objects.filter(kind=WORKER, at__gte=database_now() - OLDEST_PULSE).count()
    return Check(alive > 0, f"{alive} alive" if alive else "none alive: is manage.py publish_worker running?")


def queue() -> Check:
    """Whether Redis answers a ping, soon."""
    try:
        with redis.Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=REDIS_TIMEOUT_S, socket_timeout=REDIS_TIMEOUT_S
        ) as client:
            client.ping()
    except (redis.RedisError, OSError) as error:
        return Check(False, f"no answer ({type(error).__name__}): posts go out late until it is back")
    return Check(True, "answers")


_IN_DATABASE: Final[dict[str, Callable[[], Check]]] = {
    "migrations": migrations,
    "journal": journal,
    "ticker": ticker,
    "workers": workers,
}


def look() -> dict[str, Check]:
    """Every check by name. Raises nothing for a database or a Redis that is away."""
    found = {"database": _asked(database), "redis": queue()}
    for name, check in _IN_DATABASE.items():
        found[name] = (
            _asked(check) if found["database"].ok else Check(False, "not asked: the database is away")
        )
    return found


def _asked(check: Callable[[], Check]) -> Check:
    try:
        return check()
    except (DatabaseError, OSError) as error:
        # A broken connection is not handed to the next request of this thread.
        connection.close()
        return Check(False, f"no answer ({type(error).__name__})")


def healthz() -> JsonResponse:
    return _answer({"process": Check(True, "answers")})


def readyz() -> JsonResponse:
    return _answer(look())


def _answer(found: dict[str, Check]) -> JsonResponse:
    ok = all(check.ok for check in found.values())
    checks = {name: {"ok": check.ok, "detail": check.detail} for name, check in found.items()}
    answer = JsonResponse({"ok": ok, "checks": checks}, status=200 if ok else 503)
    answer["Cache-Control"] = "no-store"
    return answer


_PLACES: Final[dict[str, Callable[[], JsonResponse]]] = {"/healthz": healthz, "/readyz": readyz}


class HealthMiddleware:
    """The first of all: answers the two places, and hands everything else on."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        place = _PLACES.get(request.path_info)
        if place is not None and request.method in {"GET", "HEAD"}:
            return place()
        return self.get_response(request)
