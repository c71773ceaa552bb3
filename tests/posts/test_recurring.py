"""Recurring posts: drafts, never approvals, in the brand's local time across clock changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest

from accounts.clock import database_now
from accounts.models import User
from accounts.refusals import Invalid
from approvals.reviewing import draft
from cm_queue.seeding import SLUG, seed_demo
from posts.lifecycle import PostState
from posts.models import Post, Recurrence
from posts.recurring import end, make_recurring, read_rule, recur

PARIS = ZoneInfo("Europe/Paris")


def test_nine_o_clock_stays_nine_o_clock_across_the_clock_change() -> None:
    starts = datetime(2026, 10, 19, 9, 0, tzinfo=PARIS)
    instants = list(islice(read_rule("FREQ=WEEKLY;BYDAY=MO", starts, PARIS), 3))
    assert [one.astimezone(PARIS).hour for one in instants] == [9, 9, 9]
    assert [one.astimezone(UTC).hour for one in instants] == [7, 8, 8]


def test_an_occurrence_that_the_clock_change_skips_is_left_out() -> None:
    starts = datetime(2027, 3, 27, 2, 30, tzinfo=PARIS)
    days = [one.astimezone(PARIS).day for one in islice(read_rule("FREQ=DAILY", starts, PARIS), 2)]
    assert days == [27, 29]


def test_the_twenty_ninth_of_february_comes_every_four_years() -> None:
    starts = datetime(2028, 2, 29, 12, 0, tzinfo=PARIS)
    years = [one.year for one in islice(read_rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", starts, PARIS), 2)]
    assert years == [2028, 2032]


@pytest.mark.parametrize(
    "rule", ["", "FREQ=SECONDLY", "FREQ=WEEKLY;BYDAY=XX", "FREQ=DAILY;BYHOUR=3", "tous les lundis"]
)
def test_a_rule_that_cannot_be_read_is_refused(rule: str) -> None:
    with pytest.raises(Invalid):
        read_rule(rule, datetime(2026, 11, 23, 9, 0, tzinfo=PARIS), PARIS)


@pytest.mark.django_db
def test_each_occurrence_becomes_one_draft_that_nobody_has_approved() -> None:
    brand = seed_demo(posts=False)
    ines = User.objects.get(email=f"ines@{SLUG}.example")
    source = draft(ines, brand, {"text": "Bon lundi.", "channels": ["demo"]})
    made = recur(ines, source, "FREQ=DAILY", database_now() + timedelta(hours=1))
    assert make_recurring() == 5, "at most so many in one tick"
    while make_recurring():
        pass
    posts = Post.objects.filter(recurrence=made)
    assert 6 <= posts.count() <= 7
    assert {post.state for post in posts} == {PostState.DRAFT.value}
    assert {post.lineage_id for post in posts} == {source.lineage_id}
    assert len({post.recurrence_slot for post in posts}) == posts.count()
    end(ines, made)
    Recurrence.objects.update(last_slot=None)
    assert make_recurring() == 0
