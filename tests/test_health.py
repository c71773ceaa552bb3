"""/healthz and /readyz, with a real Valkey, a real worker, and with what they need taken away."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client

from accounts.clock import database_now
from accounts.models import User
from journal import triggers
from publishing.models import Pulse
from publishing.pulsing import TICKER, WORKER

ROOT = Path(__file__).resolve().parent.parent


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    assert answer["Content-Type"] == "application/json"
    told = answer.json()
    assert set(told) == {"ok", "checks"}
    assert told["ok"] == (answer.status_code == 200)
    return answer.status_code, told["checks"]


def unwell(checks: dict[str, Any]) -> set[str]:
    return {name for name, check in checks.items() if not check["ok"]}


@pytest.fixture
def living(db: None) -> None:
    for kind in (TICKER, WORKER):
        Pulse.objects.create(kind=kind, name="here:1", at=database_now())


def test_the_process_answers_without_the_database():
    # pytest-django refuses any query here: there is no `db` fixture.
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()["ok"]) == (200, True)


@pytest.mark.usefixtures("living")
def test_ready_when_all_is_there():
    status, checks = ready()
    assert (status, unwell(checks)) == (200, set())
    assert set(checks) == {"database", "redis", "migrations", "journal", "ticker", "workers"}


@pytest.mark.parametrize(("kind", "name"), [(TICKER, "ticker"), (WORKER, "workers")])
@pytest.mark.usefixtures("living")
def test_an_old_sign_of_life_does_not_count(kind: str, name: str):
    age = {TICKER: 16, WORKER: 46}[kind]
    Pulse.objects.filter(kind=kind).update(at=database_now() - timedelta(seconds=age))
    status, checks = ready()
    assert (status, unwell(checks)) == (503, {name})
    Pulse.objects.filter(kind=kind).delete()
    assert unwell(ready()[1]) == {name}


@pytest.mark.usefixtures("living")
def test_a_living_one_beside_a_dead_one_counts():
    for kind in (TICKER, WORKER):
        Pulse.objects.create(kind=kind, name="gone:2", at=database_now() - timedelta(hours=1))
    assert ready()[0] == 200


@pytest.mark.usefixtures("living")
def test_redis_away(monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]):
    monkeypatch.setattr(settings, "REDIS_URL", f"redis://:s3cr3t@127.0.0.1:{free_port()}/0")
    status, checks = ready()
    assert (status, unwell(checks)) == (503, {"redis"})
    assert "s3cr3t" not in json.dumps(checks)


@pytest.mark.django_db(transaction=True)
def test_missing_journal_triggers_are_named(living: None):
    triggers.remove(connection)
    try:
        status, checks = ready()
    finally:
        triggers.install(connection)
    assert (status, unwell(checks)) == (503, {"journal"})
    assert "journal_entry" in checks["journal"]["detail"]
    assert ready()[0] == 200


@pytest.mark.django_db
def test_a_session_asks_for_nothing(django_assert_num_queries: Any):
    client = Client()
    client.force_login(
        User.objects.create_user("ines@example.org", None, name="Inès"),
        backend="allauth.account.auth_backends.AuthenticationBackend",
    )
    with django_assert_num_queries(0):
        assert client.get("/healthz").status_code == 200


@pytest.mark.usefixtures("living")
def test_only_reading_and_from_any_host():
    assert Client().head("/readyz").status_code == 200
    assert Client().post("/readyz").status_code == 404
    assert Client().get("/readyz", headers={"host": "10.0.0.7:8000"}).status_code == 200


_ASK = """
import django, json
django.setup()
from django.conf import settings
from django.test import Client
client = Client(raise_request_exception=False)
client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
for place in ("/healthz", "/readyz"):
    answer = client.get(place)
    print(json.dumps([answer.status_code, answer.json()]))
"""


def _asked(**environment: str) -> list[tuple[int, dict[str, Any]]]:
    """What a process of its own answers to somebody with a session."""
    told = subprocess.run(
        [sys.executable, "-c", _ASK],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "cm_queue.settings",
            "LOG_LEVEL": "ERROR",
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    return [tuple(json.loads(line)) for line in told.stdout.splitlines()]


def _all_but(*well: str) -> set[str]:
    return {"database", "redis", "migrations", "journal", "ticker", "workers"} - set(well)


@pytest.mark.slow
def test_a_file_that_is_no_database(tmp_path: Path):
    (tmp_path / "broken").write_bytes(b"not a database at all" * 100)
    healthy, checked = _asked(DATABASE_URL=f"sqlite:///{tmp_path / 'broken'}", REDIS_URL=settings.REDIS_URL)
    assert healthy[0] == 200
    assert checked[0] == 503
    assert unwell(checked[1]["checks"]) == _all_but("redis")


@pytest.mark.slow
def test_a_database_server_that_is_away(free_port: Callable[[], int]):
    healthy, checked = _asked(
        DATABASE_URL=f"postgres://cmq:s3cr3t@127.0.0.1:{free_port()}/cmq",
        REDIS_URL=f"redis://127.0.0.1:{free_port()}/0",
        SECRET_KEY="k" * 50,
        ENCRYPTION_KEYS="A" * 43 + "=",
    )
    assert healthy[0] == 200
    assert checked[0] == 503
    assert unwell(checked[1]["checks"]) == _all_but()
    assert "s3cr3t" not in json.dumps(checked)


@pytest.mark.slow
def test_a_database_that_is_not_migrated(tmp_path: Path):
    _healthy, checked = _asked(
        DATABASE_URL=f"sqlite:///{tmp_path / 'empty.sqlite3'}", REDIS_URL=settings.REDIS_URL
    )
    assert checked[0] == 503
    assert unwell(checked[1]["checks"]) >= {"migrations", "journal"}


def _wait_for(what: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not what():
        assert time.monotonic() < until, "nothing came"
        time.sleep(0.1)


@pytest.mark.once
@pytest.mark.processes
def test_a_real_worker_counts_until_it_is_killed(manage: Callable[..., Any]):
    worker = manage("publish_worker")
    _wait_for(lambda: Pulse.objects.filter(kind=WORKER).exists())
    Pulse.objects.create(kind=TICKER, name="here:1", at=database_now())
    assert ready()[0] == 200
    worker.kill()
    worker.wait()
    # Nobody renews it: as if the 45 seconds had passed.
    Pulse.objects.filter(kind=WORKER).update(at=database_now() - timedelta(seconds=46))
    Pulse.objects.filter(kind=TICKER).update(at=database_now())
    assert unwell(ready()[1]) == {"workers"}


@pytest.mark.once
@pytest.mark.processes
def test_a_worker_that_ends_takes_its_sign_of_life_away(manage: Callable[..., Any]):
    Pulse.objects.create(kind=WORKER, name="long-gone:9", at=database_now() - timedelta(days=2))
    worker = manage("publish_worker")
    _wait_for(lambda: list(Pulse.objects.filter(kind=WORKER).exclude(name="long-gone:9")) != [])
    assert not Pulse.objects.filter(name="long-gone:9").exists()
    worker.terminate()
    assert worker.wait(timeout=30) == 0
    assert not Pulse.objects.filter(kind=WORKER).exists()
