"""Reminders at a half and three quarters of the time left; then the next able people; absences pass on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db.models import F

from accounts.clock import database_now
from accounts.models import Absence
from approvals import incidents, inviting
from approvals.models import Request
from approvals.reminding import pass_on_for_absent, remind_asked
from approvals.routing import reminder, unanswered
from approvals.steering import reschedule
from journal.models import Entry, Notice
from posts.lifecycle import PostState
from posts.models import Post
from tests.casting import Cast, fresh, in_hours


def asked(post: Post) -> dict[str, int]:
    """{name: how often reminded}"""
    return dict(Request.objects.filter(post=post).values_list("user__name", "reminded"))


def later(post: Post, share: float) -> None:
    """As if that share of the time between the asking and the slot had passed."""
    for row in Request.objects.filter(post=post):
        end = post.window_until if post.on_approval else post.slot
        assert end is not None
        by = (end - row.asked_at) * share
        Request.objects.filter(pk=row.pk).update(
            asked_at=F("asked_at") - by, remind_at=row.remind_at - by if row.remind_at else None
        )
        Post.objects.filter(pk=post.pk).update(slot=end - by if not post.on_approval else post.slot)
        if post.on_approval:
            Post.objects.filter(pk=post.pk).update(window_until=end - by)
        break


def alone(cast: Cast) -> None:
    """Only Nadia and Hugo cover a routine post, and Hugo is busy: Nadia is asked first."""
    other = cast.submitted("Un autre.")
    Request.objects.filter(post=other).delete()
    Request.objects.create(post=other, user=cast.hugo, digest=fresh(other).revision.digest)  # type: ignore[union-attr]


@pytest.fixture
def post(cast: Cast) -> Post:
    alone(cast)
    made = cast.submitted(slot=in_hours(8).isoformat())
    assert asked(made) == {"Nadia": 0}
    return fresh(made)


def reminders(cast: Cast, who: str = "nadia") -> int:
    return Notice.objects.filter(user=cast.people[who], kind="review.remind").count()


# --- When ---------------------------------------------------------------------------------------
def test_at_a_half_and_at_three_quarters_and_no_more():
    start = datetime(2026, 11, 24, 8, tzinfo=UTC)
    end = start + timedelta(hours=4)
    assert reminder(start, end, 0) == start + timedelta(hours=2)
    assert reminder(start, end, 1) == start + timedelta(hours=3)
    assert reminder(start, end, 2) is None
    assert reminder(start, None, 0) is None
    assert reminder(end, start, 0) is None


def test_nothing_before_the_half(cast: Cast, post: Post):
    later(post, 0.45)
    assert remind_asked() == 0
    assert asked(post) == {"Nadia": 0}


def test_once_at_the_half_however_many_tickers(cast: Cast, post: Post):
    later(post, 0.55)
    assert [remind_asked() for _ in range(3)] == [1, 0, 0]
    assert asked(post) == {"Nadia": 1}
    assert reminders(cast) == 1
    assert Entry.objects.filter(verb="review.remind", post_id=post.pk).count() == 1


def test_at_three_quarters_the_next_able_people_are_asked(cast: Cast, post: Post):
    later(post, 0.55)
    remind_asked()
    later(fresh(post), 0.5)
    assert remind_asked() == 1
    assert asked(post) == {"Nadia": 2, "Hugo": 0}
    assert reminders(cast) == 2
    assert remind_asked() == 0
    assert Request.objects.get(post=post, user=cast.nadia).remind_at is None


def test_a_ticker_that_slept_reminds_once(cast: Cast, post: Post):
    later(post, 0.9)
    assert remind_asked() == 1
    assert asked(post) == {"Nadia": 2, "Hugo": 0}
    assert reminders(cast) == 1


def test_when_there_is_nobody_next_the_author_and_the_owner_are_told(cast: Cast, post: Post):
    for who in ("hugo", "victor", "marc", "sofia"):
        inviting.deactivate(cast.olga, cast.membership(who))
    later(post, 0.9)
    remind_asked()
    for person in (cast.ines, cast.olga):
        assert person.notices.filter(kind="review.nobody", post_id=post.pk).count() == 1


# --- When not -----------------------------------------------------------------------------------
def test_whoever_has_answered_is_left_alone(cast: Cast, post: Post):
    cast.say("nadia", post, "request_changes")
    later(post, 0.55)
    assert remind_asked() == 0
    assert reminders(cast) == 0


def test_nor_is_anybody_when_it_is_approved_or_rewritten(cast: Cast, post: Post):
    cast.say("hugo", post)
    assert fresh(post).lifecycle == PostState.SCHEDULED
    later(post, 0.55)
    assert remind_asked() == 0


def test_when_the_slot_moves_the_reminder_moves(cast: Cast, post: Post):
    before = Request.objects.get(post=post).remind_at
    reschedule(cast.ines, post.pk, in_hours(8.5).isoformat())
    row = Request.objects.filter(post=post, user=cast.nadia).latest("pk")
    assert before is not None
    assert row.remind_at is not None
    assert row.remind_at - row.asked_at > before - row.asked_at


def test_what_is_due_on_approval_counts_to_the_end_of_its_window(cast: Cast):
    made = fresh(cast.submitted(slot="on_approval"))
    row = Request.objects.get(post=made)
    assert made.window_until is not None
    assert row.remind_at is not None
    assert abs(row.remind_at - (row.asked_at + (made.window_until - row.asked_at) / 2)) < timedelta(seconds=1)
    later(made, 0.55)
    assert remind_asked() == 1


def test_nobody_is_reminded_of_what_is_frozen_and_all_are_asked_again_after(cast: Cast, post: Post):
    half = cast.submitted("Approuvé avant.", kind="launch", products=[cast.lamp])
    first = Request.objects.filter(post=half).order_by("pk")[0]
    cast.say(first.user.email.partition("@")[0], half)
    assert fresh(half).lifecycle == PostState.IN_REVIEW
    incident = incidents.declare(cast.victor, cast.brand, {"brand": True}, "Feu.")
    later(post, 0.55)
    assert remind_asked() == 0
    for one in (cast.victor, cast.ines):
        incidents.lift(one, incident.pk)
    waiting = Request.objects.filter(post=post, remind_at__isnull=False)
    assert waiting.exists()
    again = Request.objects.filter(post=half, asked_at__gt=incident.declared_at)
    assert again.exists(), "the approval it had is stale"


# --- Absences -----------------------------------------------------------------------------------
def away(cast: Cast, who: str, moment: Any) -> None:
    day = moment.astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=cast.people[who], first_day=day, last_day=day)


@pytest.mark.parametrize("day", ["today", "at the slot"])
def test_somebody_who_becomes_absent_others_are_asked(cast: Cast, day: str):
    alone(cast)
    made = cast.submitted(slot=in_hours(50).isoformat())
    assert asked(made) == {"Nadia": 0}
    assert pass_on_for_absent() == 0
    away(cast, "nadia", database_now() if day == "today" else in_hours(50))
    assert [pass_on_for_absent() for _ in range(2)] == [1, 0]
    assert asked(made) == {"Nadia": 0, "Hugo": 0}
    row = Request.objects.get(post=made, user=cast.nadia)
    assert row.passed_on_at is not None
    # What was passed on no longer waits for her, and the header does not count it.
    waiting = {who.name: made in unanswered(who, cast.brand) for who in (cast.nadia, cast.hugo)}
    assert waiting == {"Nadia": False, "Hugo": True}
    assert row.remind_at is None
    assert cast.hugo.notices.filter(kind="review.asked", post_id=made.pk).exists()
    assert Entry.objects.get(verb="review.pass_on").data["to"] == [cast.hugo.pk]
    cast.say("nadia", made)
    assert fresh(made).lifecycle == PostState.SCHEDULED, "an absence takes no right away"


def test_an_absence_of_another_day_changes_nothing(cast: Cast, post: Post):
    away(cast, "nadia", in_hours(24 * 5))
    assert pass_on_for_absent() == 0


def test_whoever_is_still_counted_on_is_not_asked_again(cast: Cast):
    """Marc and Sofia were asked; Marc falls ill: Nadia comes in for him, and Sofia is not written to twice."""
    for who in ("hugo", "victor"):
        inviting.deactivate(cast.olga, cast.membership(who))
    cast.grant("marc", "company", 2)
    alone_load = cast.submitted("De quoi occuper Nadia.")
    Request.objects.filter(post=alone_load).update(user=cast.nadia)
    made = cast.submitted(kind="launch", products=[cast.lamp])
    assert asked(made) == {"Marc": 0, "Sofia": 0}
    away(cast, "marc", in_hours(2))
    away(cast, "marc", database_now())
    assert pass_on_for_absent() == 1
    assert asked(made) == {"Marc": 0, "Sofia": 0, "Nadia": 0}
    assert cast.sofia.notices.filter(kind="review.asked", post_id=made.pk).count() == 1
