"""Stopping is cheap, releasing is not."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.clock import database_now
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.reviewing import submit
from approvals.steering import hold, release, reschedule, resume, withdraw
from journal.models import Entry, Personal
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from tests.casting import Cast, codes, digest_of, due, fresh, in_hours, is_open


def state(post: Post) -> PostState:
    return fresh(post).lifecycle


def delivery(post: Post) -> Delivery:
    return Delivery.objects.get(post=post)


# --- Hold, resume ------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["ines", "olga", "sofia", "marc"])
def test_any_member_holds(cast: Cast, who: str):
    post = cast.approved()
    hold(cast.people[who], post.pk, "Un doute.")
    assert state(post) == PostState.HELD
    assert delivery(post).lifecycle == DeliveryState.HELD
    assert Personal.objects.filter(entry__verb="post.hold", text="Un doute.").exists()
    assert "held" in codes(post)
    assert cast.ines.notices.filter(kind="post.hold").exists() is (who != "ines")


def test_a_hold_reaches_what_a_worker_has_claimed(cast: Cast):
    post = cast.approved()
    soon = database_now() + timedelta(minutes=1)
    Delivery.objects.filter(post=post).update(state=DeliveryState.CLAIMED.value, lease_until=soon, token=5)
    hold(cast.ines, post.pk)
    assert (delivery(post).lifecycle, delivery(post).token, delivery(post).lease_until) == (
        DeliveryState.HELD,
        6,
        None,
    )


def test_an_outsider_holds_nothing(cast: Cast):
    post = cast.approved()
    with pytest.raises(NotHere):
        hold(cast.stranger, post.pk)
    assert state(post) == PostState.SCHEDULED


def test_there_must_be_something_to_hold(cast: Cast):
    draft, post = cast.draft(), cast.approved()
    hold(cast.ines, post.pk)
    for one in (draft, post):
        with pytest.raises(Refused) as refusal:
            hold(cast.ines, one.pk)
        assert refusal.value.code == "cannot_hold"


@pytest.mark.parametrize("reason", ["a\x00b", "\ud800", "x" * 20_000])
def test_a_reason_that_cannot_be_stored_is_refused_at_its_field(cast: Cast, reason: str):
    post = cast.approved()
    with pytest.raises(Invalid) as refusal:
        hold(cast.ines, post.pk, reason)
    assert set(refusal.value.fields) == {"reason"}
    assert state(post) == PostState.SCHEDULED


@pytest.mark.parametrize("who", ["ines", "olga", "sofia"])
def test_the_unqualified_let_nothing_go_on(cast: Cast, who: str):
    post = cast.approved()
    hold(cast.marc, post.pk)
    with pytest.raises(Forbidden) as refusal:
        resume(cast.people[who], post.pk)
    assert refusal.value.code == "not_qualified"
    with pytest.raises(Forbidden):
        release(cast.people[who], post.pk)
    assert state(post) == PostState.HELD


def test_resuming_puts_it_where_the_gate_says(cast: Cast):
    approved, waiting = cast.approved(), cast.submitted()
    for post in (approved, waiting):
        hold(cast.ines, post.pk)
        resume(cast.marc, post.pk)
    assert (state(approved), state(waiting)) == (PostState.SCHEDULED, PostState.IN_REVIEW)
    assert delivery(approved).approved_digest == digest_of(approved)
    assert delivery(waiting).approved_digest is None
    assert fresh(approved).held_by is None
    with pytest.raises(Refused) as refusal:
        resume(cast.marc, approved.pk)
    assert refusal.value.code == "not_held"


def test_resumed_inside_its_lateness_it_still_goes_out(cast: Cast):
    post = cast.approved(late_minutes=60)
    hold(cast.ines, post.pk)
    due(post, late=timedelta(minutes=20))
    resume(cast.marc, post.pk)
    assert state(post) == PostState.SCHEDULED


def test_resumed_too_late_it_is_missed(cast: Cast):
    post = cast.approved(late_minutes=10)
    hold(cast.ines, post.pk)
    due(post, late=timedelta(minutes=20))
    resume(cast.marc, post.pk)
    assert (state(post), delivery(post).lifecycle) == (PostState.MISSED, DeliveryState.MISSED)


def test_a_post_of_which_one_channel_is_out_is_held_for_the_rest(cast: Cast):
    cast.channel("console")
    post = cast.approved(channels=["demo", "console"])
    rows = {row.channel.key: row.pk for row in post.deliveries.select_related("channel")}
    now = database_now()
    Delivery.objects.filter(pk=rows["demo"]).update(state=DeliveryState.DELIVERED.value, delivered_at=now)
    Post.objects.filter(pk=post.pk).update(state=PostState.RELEASING.value)
    hold(cast.ines, post.pk)
    assert state(post) == PostState.PARTLY_PUBLISHED
    assert Delivery.objects.get(pk=rows["console"]).lifecycle == DeliveryState.HELD
    resume(cast.nadia, post.pk)
    again = Delivery.objects.get(pk=rows["console"])
    assert (again.lifecycle, again.approved_digest) == (DeliveryState.PENDING, digest_of(post))
    assert Delivery.objects.get(pk=rows["demo"]).lifecycle == DeliveryState.DELIVERED


def test_what_is_uncertain_on_one_channel_can_be_held_on_the_others(cast: Cast):
    """Stopping is cheap: an unknown outcome somewhere must not keep the rest from being stopped."""
    cast.channel("console")
    post = cast.approved(channels=["demo", "console"])
    rows = {row.channel.key: row.pk for row in post.deliveries.select_related("channel")}
    Delivery.objects.filter(pk=rows["demo"]).update(state=DeliveryState.UNKNOWN.value)
    Post.objects.filter(pk=post.pk).update(state=PostState.UNKNOWN.value)
    hold(cast.ines, post.pk)
    assert Delivery.objects.get(pk=rows["console"]).lifecycle == DeliveryState.HELD
    assert Delivery.objects.get(pk=rows["demo"]).lifecycle == DeliveryState.UNKNOWN
    assert state(post) == PostState.UNKNOWN


# --- Move, release, withdraw -------------------------------------------------------------------------
def test_moving_a_missed_post_takes_it_up_again_with_its_approvals(cast: Cast):
    window = {"from": in_hours(-1).isoformat(), "until": in_hours(9).isoformat()}
    post = cast.submitted(window=window)
    Post.objects.filter(pk=post.pk).update(slot=in_hours(-0.5))
    cast.say("nadia", post)
    assert state(post) == PostState.MISSED
    reschedule(cast.ines, post.pk, in_hours(1).isoformat())
    assert state(post) == PostState.SCHEDULED
    assert delivery(post).lifecycle == DeliveryState.PENDING
    assert delivery(post).due_at == fresh(post).slot


def test_what_is_withdrawn_or_going_out_is_not_moved(cast: Cast):
    gone, going = cast.approved(), cast.approved()
    withdraw(cast.ines, gone.pk)
    Post.objects.filter(pk=going.pk).update(state=PostState.RELEASING.value)
    for post in (gone, going):
        with pytest.raises(Refused) as refusal:
            reschedule(cast.ines, post.pk, in_hours(1).isoformat())
        assert refusal.value.code == "already_out"


def test_a_slot_of_the_past_is_refused(cast: Cast):
    post = cast.approved()
    with pytest.raises(Invalid) as refusal:
        reschedule(cast.ines, post.pk, in_hours(-1).isoformat())
    assert (refusal.value.code, set(refusal.value.fields)) == ("past_slot", {"slot"})


def test_releasing_sends_an_approved_post_now(cast: Cast):
    window = {"from": in_hours(-1).isoformat(), "until": in_hours(9).isoformat()}
    post = cast.approved(window=window)
    release(cast.marc, post.pk)
    after = fresh(post)
    assert after.lifecycle == PostState.SCHEDULED
    assert after.slot is not None
    assert after.slot <= database_now()
    assert (after.released_by, after.released_digest) == (cast.marc, digest_of(post))
    assert delivery(post).next_at == after.slot
    assert delivery(post).approved_digest == digest_of(post)


def test_releasing_outside_the_window_or_with_the_gate_closed(cast: Cast):
    early = cast.approved(window={"from": in_hours(1).isoformat(), "until": in_hours(3).isoformat()})
    window = {"from": in_hours(-1).isoformat(), "until": in_hours(9).isoformat()}
    unread, held = cast.submitted(window=window), cast.approved(window=window)
    hold(cast.ines, held.pk)
    for post, code in (
        (early, "outside_window"),
        (unread, "gate_closed"),
        (held, "cannot_release"),
        (cast.draft(), "cannot_release"),
    ):
        before = fresh(post)
        with pytest.raises(Refused) as refusal:
            release(cast.nadia, post.pk)
        assert refusal.value.code == code
        assert (fresh(post).version, fresh(post).slot) == (before.version, before.slot)


def test_a_refused_release_says_what_is_missing(cast: Cast):
    post = cast.submitted(window={"from": in_hours(-1).isoformat(), "until": in_hours(9).isoformat()})
    with pytest.raises(Refused) as refusal:
        release(cast.marc, post.pk)
    assert "company" in refusal.value.sentence
    assert "Nadia" in refusal.value.sentence
    assert set(refusal.value.details["reasons"]) == {"missing_requirement", "missing_people"}


@pytest.mark.parametrize(("who", "may"), [("ines", True), ("olga", True), ("nadia", False), ("marc", False)])
def test_its_author_or_an_owner_withdraws(cast: Cast, who: str, may: bool):
    post = cast.approved()
    if may:
        withdraw(cast.people[who], post.pk)
        assert (state(post), delivery(post).lifecycle) == (PostState.WITHDRAWN, DeliveryState.HELD)
        assert Entry.objects.filter(verb="post.withdraw").exists()
        with pytest.raises(Refused):
            submit(cast.ines, post.pk)
    else:
        with pytest.raises(Forbidden):
            withdraw(cast.people[who], post.pk)
        assert is_open(post)


@pytest.mark.parametrize("public", [DeliveryState.SENDING, DeliveryState.DELIVERED, DeliveryState.UNKNOWN])
def test_what_may_be_public_is_not_withdrawn(cast: Cast, public: DeliveryState):
    post = cast.approved()
    soon = database_now() + timedelta(minutes=1)
    Delivery.objects.filter(post=post).update(state=public.value, lease_until=soon)
    with pytest.raises(Refused) as refusal:
        withdraw(cast.ines, post.pk)
    assert refusal.value.code == "already_out"
