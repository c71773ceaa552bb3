"""The run's own world (conftest.py) holds what it promises to every other test."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIRequest
from django.db import DatabaseError, connection, transaction
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from redis import Redis

from accounts.locks import change_standing
from accounts.models import Brand, User
from approvals.standing import load_brands
from journal import triggers
from journal.models import Entry
from posts.models import Channel
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.raising import KEPT

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


def _adds_a_channel(brand: Brand, *, raising: bool) -> Callable[[WSGIRequest], HttpResponse]:
    def view(request: WSGIRequest) -> HttpResponse:
        with transaction.atomic():
            if raising:
                change_standing(brand.pk)
            Channel.objects.create(brand=brand, key="echo", name="Echo", network="console")
        return HttpResponse()

    return view


@pytest.mark.django_db
def test_every_table_of_a_standing_is_listened_for(cast: Cast):
    with CaptureQueriesContext(connection) as made:
        load_brands([cast.brand.pk])
    read = {table for one in made for table in re.findall(r'(?:FROM|JOIN) "(\w+)"', one["sql"])}
    assert read == set(KEPT)


@pytest.mark.django_db
@pytest.mark.parametrize("raising", [True, False])
def test_a_request_that_changes_a_standing_must_raise_it(cast: Cast, client: Client, raising: bool):
    # `handler.get_response` is what a request of the client comes to, past all middleware.
    client.handler.get_response = _adds_a_channel(cast.brand, raising=raising)  # type: ignore[method-assign, assignment]
    with (
        nullcontext()
        if raising
        else pytest.raises(AssertionError, match="/x writes posts_channel and raises no")
    ):
        client.get("/x")
