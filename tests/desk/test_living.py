"""An open page asks cheaply whether it is still true, and is told of what concerns it and of nothing else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Membership
from approvals.incidents import pause
from cm_queue.desk.living import CLOCK_S, shown, stamp_of
from journal.models import Entry, Notice
from tests.casting import Cast, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
LIVE, DESK = reverse("live"), reverse("desk")


def ask(client: Client, cast: Cast, etag: str = "", **query: Any) -> Any:
    headers = {"If-None-Match": etag} if etag else {}
    return client.get(LIVE, {"brand": cast.brand.pk, **query}, headers=headers)


@pytest.fixture
def still(time_machine: Any) -> None:
    """The clock behind the `~` does not turn while a test looks."""
    time_machine.move_to(timezone.now(), tick=False)


def test_an_unchanged_page_is_told_so_in_one_query_beside_those_of_signing_in(cast: Cast, still: None):
    client = enter(cast, "nadia")
    etag = ask(client, cast)["ETag"]
    with CaptureQueriesContext(connection) as seen:
        answer = ask(client, cast, etag)
    assert answer.status_code == 304
    assert not answer.content
    assert len([one for one in seen if "journal_entry" in one["sql"]]) == 1
    assert len(seen) == 4, "the session, the account, the memberships, the stamp"


def test_the_page_says_its_stamp_and_the_answer_agrees(cast: Cast, still: None):
    client = enter(cast, "nadia")
    stamp = client.get(DESK).context["house"].live
    assert ask(client, cast, f'"{stamp.word}"').status_code == 304
    cast.submitted()
    answer = ask(client, cast, f'"{stamp.word}"')
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    told = answer.json()
    assert told["stamp"] != stamp.word
    assert told["who"] == stamp.who
    assert told["counts"]["notification"] == shown(Notice.objects.filter(user=cast.nadia).count())


def test_a_post_is_told_of_its_own_acts_and_of_what_changes_its_verdict(cast: Cast, still: None):
    mine, other = cast.submitted("Le mien."), cast.submitted("Un autre.")
    olga = enter(cast, "olga")
    etag = ask(olga, cast, post=mine.pk)["ETag"]
    cast.say("nadia", other)
    assert ask(olga, cast, etag, post=mine.pk).status_code == 304
    cast.say("nadia", mine)
    changed = ask(olga, cast, etag, post=mine.pk)
    assert changed.status_code == 200
    pause(cast.marc, cast.brand, {"brand": True}, "Attendons.")
    assert ask(olga, cast, changed["ETag"], post=mine.pk).status_code == 200


def test_an_entry_that_is_seen_late_is_not_missed(cast: Cast, still: None):
    """Numbers are given when a row is written, and seen when it is committed: a smaller one may come later."""
    cast.submitted()
    before = stamp_of(cast.nadia, cast.brand).word
    last = Entry.objects.filter(brand=cast.brand).order_by("-pk").first()
    assert last is not None
    Entry.objects.create(
        pk=last.pk + 3, brand=cast.brand, verb="post.edit", actor=cast.ines, subject="post:1"
    )
    between = stamp_of(cast.nadia, cast.brand).word
    Entry.objects.create(
        pk=last.pk + 2, brand=cast.brand, verb="post.edit", actor=cast.ines, subject="post:1"
    )
    assert len({before, between, stamp_of(cast.nadia, cast.brand).word}) == 3


def test_the_clock_alone_is_another_stamp_and_no_news(cast: Cast):
    before = stamp_of(cast.nadia, cast.brand).word
    with time_machine.travel(timezone.now() + timedelta(seconds=CLOCK_S), tick=False):
        after = stamp_of(cast.nadia, cast.brand).word
    assert before != after
    assert before.split("~")[0] == after.split("~")[0]


def test_reading_a_notice_in_another_window_is_a_change(cast: Cast, still: None):
    Notice.objects.create(user=cast.nadia, brand=cast.brand, kind="post.missed")
    client = enter(cast, "nadia")
    etag = ask(client, cast)["ETag"]
    Notice.objects.filter(user=cast.nadia).update(read_at=timezone.now())
    assert ask(client, cast, etag).json()["counts"]["notification"] == ""


def test_an_incident_reaches_every_open_page(cast: Cast, still: None):
    client = enter(cast, "ines")
    etag = ask(client, cast)["ETag"]
    pause(cast.marc, cast.brand, {"brand": True}, "Attendons.")
    assert "Marc: the whole brand" in ask(client, cast, etag).json()["alarms"]


def test_who_is_signed_out_is_told_so_without_an_error(cast: Cast):
    answer = ask(Client(), cast)
    assert answer.status_code == 200
    assert answer.json() == {"signed_out": reverse("account_login")}


def test_a_stranger_learns_nothing(cast: Cast):
    post = cast.submitted()
    for query in ({}, {"post": post.pk}):
        assert ask(enter(cast, "stranger"), cast, **query).json() == {"gone": True}
    own = enter(cast, "stranger").get(LIVE, {"brand": cast.elsewhere.pk, "post": post.pk})
    cast.say("nadia", post)
    again = enter(cast, "stranger").get(LIVE, {"brand": cast.elsewhere.pk, "post": post.pk})
    assert own.json()["stamp"].split("~")[0] == again.json()["stamp"].split("~")[0]
    assert fresh(post).brand == cast.brand


def test_somebody_who_left_is_told_that_it_is_gone(cast: Cast):
    client = enter(cast, "ines")
    Membership.objects.filter(user=cast.ines).update(is_active=False)
    assert ask(client, cast).json() == {"gone": True}


@pytest.mark.parametrize("number", ["x", "-1", "٣", "9" * 30])
def test_what_cannot_be_a_post_is_none(cast: Cast, number: str):
    assert ask(enter(cast, "ines"), cast, post=number).status_code == 200


def test_a_page_fetched_in_the_background_keeps_what_is_to_be_said_once(cast: Cast):
    client = enter(cast, "ines")
    client.post(reverse("read_notices"), {"up_to": 0})
    quietly = client.get(DESK, headers={"X-Live": "1"}).content.decode()
    assert "Notices read." not in quietly
    assert "Notices read." in client.get(DESK).content.decode()


def test_regions_have_names_of_their_own_and_pages_their_stamp(cast: Cast):
    post = cast.submitted()
    client = enter(cast, "nadia")
    paths = [DESK, *(reverse(name) for name in ("review_queue", "channels", "notifications"))]
    for path in (*paths, reverse("post", args=[post.pk]), reverse("review", args=[post.pk])):
        html = client.get(path).content.decode()
        names = [part.split('"')[0] for part in html.split('data-live-region="')[1:]]
        assert names, path
        assert len(names) == len(set(names)), path
        assert f'data-page="{path}"' in html
    assert f"post={post.pk}" in client.get(reverse("post", args=[post.pk])).context["house"].live.url


def test_an_answer_to_a_form_is_not_fetched_again(cast: Cast):
    post = cast.submitted()
    answer = enter(cast, "nadia").post(reverse("decide", args=[post.pk]), {"decision": "reject"})
    assert answer.status_code == 422
    assert 'data-page=""' in answer.content.decode()
