"""The run's own world (conftest.py) holds what it promises to every other test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction
from redis import Redis

from accounts.models import User
from journal import triggers
from journal.models import Entry

ROOT = Path(__file__).resolve().parent.parent


@pytest.mark.parametrize("time", ["first", "second"])
@pytest.mark.django_db(transaction=True)
def test_a_flush_gets_past_the_journals_triggers_and_puts_them_back(time: str):
    assert Entry.objects.count() == 0, f"the {time} test found another's entries"
    entry = Entry.objects.create(system="tests", verb="test.tried", subject="test:1")
    assert triggers.missing(connection) == []
    with pytest.raises(DatabaseError), transaction.atomic():
        Entry.objects.filter(pk=entry.pk).delete()
    assert Entry.objects.count() == 1


@pytest.mark.parametrize("time", ["first", "second"])
def test_no_test_finds_the_jobs_of_another(empty_valkey: Redis, time: str):
    assert empty_valkey.dbsize() == 0, f"the {time} test found another's keys"
    empty_valkey.set("job", time)


def test_a_child_works_on_the_same_database_and_redis(child_environment: dict[str, str], empty_valkey: Redis):
    User.objects.create_user("ines@maison-lumiere.example", name="Inès")
    empty_valkey.set("greeting", "Bonjour")
    code = (
        "import django; django.setup()\n"
        "from accounts.models import User; from django.conf import settings; import redis\n"
        "print(User.objects.get().email, redis.Redis.from_url(settings.REDIS_URL).get('greeting').decode())"
    )
    environment = {**child_environment, "DJANGO_SETTINGS_MODULE": "cm_queue.settings"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "ines@maison-lumiere.example Bonjour"


def test_nothing_of_the_run_lies_in_the_tree():
    assert not settings.DATA_DIR.is_relative_to(ROOT)
    assert settings.DEMO is False
    assert settings.REDIS_URL.startswith("unix://")
