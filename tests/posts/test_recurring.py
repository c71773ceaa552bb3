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
from journal.models import Notice
from posts.lifecycle import PostState
from posts.models import Channel, Post, Recurrence
from posts.recurring import _following, end, make_recurring, read_rule, recur

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


@pytest.mark.parametrize(
    ("zone", "begins", "hours"),
    [
        # Both changes of each: the hour on the wall stays, the instant moves.
        ("Europe/Paris", "2027-03-26T09:00", [8, 8, 7, 7]),
        ("Europe/Paris", "2027-10-29T09:00", [7, 7, 8, 8]),
        ("Australia/Sydney", "2027-04-02T09:00", [22, 22, 23, 23]),
        ("Australia/Sydney", "2027-10-01T09:00", [23, 23, 22, 22]),
        ("America/Santiago", "2027-04-02T09:00", [12, 12, 13, 13]),
        ("America/Santiago", "2027-09-03T09:00", [13, 13, 12, 12]),
    ],
)
def test_every_day_at_nine_across_both_changes_north_and_south(
    zone: str, begins: str, hours: list[int]
) -> None:
    here = ZoneInfo(zone)
    starts = datetime.fromisoformat(begins).replace(tzinfo=here)
    instants = list(islice(read_rule("FREQ=DAILY", starts, here), 4))
    assert [one.astimezone(here).hour for one in instants] == [9, 9, 9, 9]
    assert [one.astimezone(UTC).hour for one in instants] == hours


def test_a_time_that_comes_twice_comes_once() -> None:
    starts = datetime(2027, 10, 30, 2, 30, tzinfo=PARIS)
    days = [one.astimezone(PARIS).day for one in islice(read_rule("FREQ=DAILY", starts, PARIS), 3)]
    assert days == [30, 31, 1]


def test_an_end_in_utc_is_an_end_by_the_brands_clocks() -> None:
    starts = datetime(2027, 6, 1, 9, 0, tzinfo=PARIS)
    rule = "FREQ=DAILY;UNTIL=20270603T070000Z"
    assert [one.day for one in read_rule(rule, starts, PARIS)] == [1, 2, 3]
    assert [one.day for one in read_rule("FREQ=DAILY;UNTIL=20270603T065959Z", starts, PARIS)] == [1, 2]


def test_the_last_day_of_a_month_and_a_leap_day() -> None:
    starts = datetime(2028, 1, 31, 9, 0, tzinfo=PARIS)
    ends = [one.day for one in islice(read_rule("FREQ=MONTHLY;BYMONTHDAY=-1", starts, PARIS), 3)]
    assert ends == [31, 29, 31]


def test_the_twenty_ninth_of_february_comes_every_four_years() -> None:
    starts = datetime(2028, 2, 29, 12, 0, tzinfo=PARIS)
    years = [one.year for one in islice(read_rule("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=29", starts, PARIS), 2)]
    assert years == [2028, 2032]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
        "FREQ=DAILY;UNTIL=x",
        "FREQ=SECONDLY",
        "FREQ=WEEKLY;BYDAY=XX",
        "FREQ=DAILY;BYHOUR=3",
        "tous les lundis",
    ],
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


@pytest.mark.django_db
def test_who_has_left_writes_no_more_drafts() -> None:
    brand = seed_demo(posts=False)
    ines = User.objects.get(email=f"ines@{SLUG}.example")
    source = draft(ines, brand, {"text": "Bon lundi.", "channels": ["demo"]})
    recur(ines, source, "FREQ=DAILY", database_now() + timedelta(hours=1))
    brand.memberships.filter(user=ines).update(is_active=False)
    assert make_recurring() == 0
    brand.memberships.filter(user=ines).update(is_active=True)
    assert make_recurring() > 0


@pytest.mark.django_db
def test_what_can_no_longer_be_written_ends_and_stops_no_other() -> None:
    brand = seed_demo(posts=False)
    ines = User.objects.get(email=f"ines@{SLUG}.example")
    old = Channel.objects.create(brand=brand, key="log", name="Log", network="console", account="console#log")
    broken = draft(ines, brand, {"text": "Au journal.", "channels": ["log"]})
    sound = draft(ines, brand, {"text": "Au public.", "channels": ["demo"]})
    first, second = (
        recur(ines, post, "FREQ=DAILY", database_now() + timedelta(hours=1)) for post in (broken, sound)
    )
    Channel.objects.filter(pk=old.pk).update(is_active=False)
    assert make_recurring() > 0
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.ended_at is not None, second.ended_at) == (True, None)
    assert not Post.objects.filter(recurrence=first).exists()
    assert Notice.objects.filter(kind="recurrence.stopped", user=ines, post_id=broken.pk).count() == 1


@pytest.mark.django_db
def test_a_rule_is_walked_once_and_not_at_every_tick() -> None:
    brand = seed_demo(posts=False)
    ines = User.objects.get(email=f"ines@{SLUG}.example")
    source = draft(ines, brand, {"text": "Bon lundi.", "channels": ["demo"]})
    recur(ines, source, "FREQ=YEARLY", database_now() + timedelta(days=90))
    make_recurring()
    walked = _following.cache_info().misses
    for _again in range(3):
        assert make_recurring() == 0
    assert _following.cache_info().misses == walked
