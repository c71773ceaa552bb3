"""Stopping a scope acts before the next send; nothing resumes by itself; lifting takes two."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.clock import database_now
from accounts.models import Brand
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals import inviting
from approvals.halting import waiting_in
from approvals.incidents import declare, end_pause, lift, pause, read_scope
from approvals.lifting import OWNER_MAY_LIFT_AFTER
from approvals.models import Epoch, Incident, Lifting, Pause
from approvals.steering import hold, withdraw
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from publishing.claiming import claim
from publishing.releasing import start_sending
from tests.casting import Cast, codes, fresh, is_open

WHOLE: dict[str, Any] = {"brand": True}


def standing(cast: Cast) -> int:
    return Brand.objects.get(pk=cast.brand.pk).standing


def state(post: Post) -> PostState:
    return fresh(post).lifecycle


# --- Scope -------------------------------------------------------------------------------------------
def test_scopes_that_can_be_read(cast: Cast):
    assert read_scope(cast.brand, {"brand": True, "channels": ["demo"]}) == {"brand": True}
    assert read_scope(cast.brand, {"channels": ["demo", "demo"]}) == {"channels": ["demo"], "products": []}
    assert read_scope(cast.brand, {"products": [cast.lamp]}) == {"channels": [], "products": [cast.lamp]}


@pytest.mark.parametrize(
    "scope",
    [
        None, [], "brand", {}, {"brand": False}, {"brand": "yes"}, {"channels": []}, {"channels": "demo"},
        {"channels": ["nowhere"]}, {"products": ["nothing"]}, {"channels": ["demo"], "products": ["nothing"]},
        {"channels": [{}]}, {"channels": [1]}, {"channels": None}, {"products": [["x"]]},
    ],
)  # fmt: skip
def test_scopes_that_cannot(cast: Cast, scope: object):
    for stop in (
        lambda: pause(cast.ines, cast.brand, scope),
        lambda: declare(cast.victor, cast.brand, scope, "Feu."),
    ):
        with pytest.raises(Invalid) as refusal:
            stop()
        assert (refusal.value.code, set(refusal.value.fields)) == ("bad_scope", {"scope"})
    assert not Pause.objects.exists()


# --- Pauses ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["ines", "olga", "sofia"])
def test_any_member_pauses(cast: Cast, who: str):
    post, before = cast.approved(), standing(cast)
    made = pause(cast.people[who], cast.brand, WHOLE, "Je vérifie.")
    assert (state(post), Delivery.objects.get(post=post).lifecycle) == (PostState.HELD, DeliveryState.HELD)
    assert fresh(post).reasons == [{"code": "paused", "pause": made.pk}]
    assert standing(cast) > before
    assert codes(post) == {"paused"}
    assert Entry.objects.get(verb="pause.begin").data == {"scope": WHOLE}


def test_an_outsider_stops_nothing(cast: Cast):
    for stop in (
        lambda: pause(cast.stranger, cast.brand, WHOLE),
        lambda: declare(cast.stranger, cast.brand, WHOLE, "Feu."),
    ):
        with pytest.raises(NotHere):
            stop()


def test_only_what_is_in_scope_and_under_way(cast: Cast):
    cast.channel("console")
    inside, outside = cast.approved(), cast.approved(channels=["console"])
    waiting, draft = cast.submitted(), cast.draft()
    pause(cast.ines, cast.brand, {"channels": ["demo"]})
    assert [state(post) for post in (inside, outside, waiting, draft)] == [
        PostState.HELD, PostState.SCHEDULED, PostState.IN_REVIEW, PostState.DRAFT,
    ]  # fmt: skip
    assert "paused" in codes(waiting)
    assert is_open(outside)


def test_by_product(cast: Cast):
    cast.product("autre")
    lamp, other = cast.approved(products=[cast.lamp]), cast.approved(products=["autre"])
    pause(cast.ines, cast.brand, {"products": [cast.lamp]})
    assert (state(lamp), state(other)) == (PostState.HELD, PostState.SCHEDULED)


def test_a_claimed_delivery_is_stopped_and_one_that_is_out_is_not(cast: Cast):
    cast.channel("console")
    post = cast.approved(channels=["demo", "console"])
    rows = {row.channel.key: row.pk for row in post.deliveries.select_related("channel")}
    now = database_now()
    Delivery.objects.filter(pk=rows["demo"]).update(state=DeliveryState.DELIVERED.value, delivered_at=now)
    Delivery.objects.filter(pk=rows["console"]).update(
        state=DeliveryState.CLAIMED.value, lease_until=now + timedelta(minutes=1), token=5
    )
    Post.objects.filter(pk=post.pk).update(state=PostState.RELEASING.value)
    pause(cast.ines, cast.brand, WHOLE)
    console = Delivery.objects.get(pk=rows["console"])
    assert (console.lifecycle, console.token) == (DeliveryState.HELD, 6)
    assert Delivery.objects.get(pk=rows["demo"]).lifecycle == DeliveryState.DELIVERED
    assert state(post) == PostState.PARTLY_PUBLISHED


@pytest.mark.parametrize(
    ("who", "may"), [("ines", False), ("olga", False), ("sofia", False), ("marc", True), ("victor", True)]
)
def test_ending_a_pause_takes_expertise(cast: Cast, who: str, may: bool):
    made = pause(cast.ines, cast.brand, WHOLE)
    if not may:
        with pytest.raises(Forbidden):
            end_pause(cast.people[who], made.pk)
        assert Pause.objects.get().ended_at is None
        return
    assert end_pause(cast.people[who], made.pk).ended_at is not None
    with pytest.raises(Refused) as refusal:
        end_pause(cast.people[who], made.pk)
    assert refusal.value.code == "already_ended"


def test_no_such_pause_nor_incident(cast: Cast):
    with pytest.raises(NotHere):
        end_pause(cast.marc, 999)
    with pytest.raises(NotHere):
        lift(cast.victor, 999)


def test_a_pause_is_no_epoch(cast: Cast):
    pause(cast.ines, cast.brand, WHOLE)
    assert not Epoch.objects.exists()


# --- Incidents ---------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("who", "may"),
    [("ines", False), ("olga", False), ("sofia", False), ("marc", False), ("nadia", True), ("victor", True)],
)
def test_declaring_takes_company_2_or_crisis_1(cast: Cast, who: str, may: bool):
    if not may:
        with pytest.raises(Forbidden) as refusal:
            declare(cast.people[who], cast.brand, WHOLE, "Une lampe a pris feu.")
        assert "Pause instead" in refusal.value.sentence
        assert not Incident.objects.exists()
    else:
        assert declare(cast.people[who], cast.brand, WHOLE, "Une lampe a pris feu.").pk


def test_crisis_1_alone_suffices(cast: Cast):
    cast.grant("ines", "crisis", 1)
    assert declare(cast.ines, cast.brand, WHOLE, "Feu.").pk


@pytest.mark.parametrize("reason", ["", "  ", "a\x00b", "x" * 2001])
def test_a_reason_that_can_be_read(cast: Cast, reason: str):
    with pytest.raises(Invalid) as refusal:
        declare(cast.victor, cast.brand, WHOLE, reason)
    assert set(refusal.value.fields) == {"reason"}


def test_declaring_holds_ages_approvals_and_tells_everybody(cast: Cast):
    post = cast.approved()
    incident = declare(cast.victor, cast.brand, WHOLE, "Une lampe a pris feu.")
    assert state(post) == PostState.HELD
    assert codes(post) == {"frozen", "missing_requirement", "missing_people", "not_released"}
    assert list(Epoch.objects.values_list("number", "scope")) == [(1, WHOLE)]
    told = set(cast.brand.memberships.values_list("user", flat=True))
    assert {
        row.user_id
        for row in type(cast.ines.notices.get(kind="incident.declare")).objects.filter(
            kind="incident.declare"
        )
    } == told
    assert Incident.objects.get(pk=incident.pk).lifted_at is None


def test_from_a_pause_which_ends_with_it(cast: Cast):
    made = pause(cast.ines, cast.brand, WHOLE)
    incident = declare(cast.victor, cast.brand, WHOLE, "Feu.", from_pause=made)
    made.refresh_from_db()
    assert (made.became, made.ended_by) == (incident, cast.victor)


def test_another_brands_pause_is_not_ended(cast: Cast):
    theirs = pause(cast.stranger, cast.elsewhere, WHOLE)
    declare(cast.victor, cast.brand, WHOLE, "Feu.", from_pause=theirs)
    theirs.refresh_from_db()
    assert (theirs.ended_at, theirs.became) == (None, None)


# --- Lifting -----------------------------------------------------------------------------------------
def lifted(cast: Cast, *who: str, hours: float = 0) -> bool:
    incident = declare(cast.victor, cast.brand, WHOLE, "Feu.")
    Incident.objects.filter(pk=incident.pk).update(declared_at=database_now() - timedelta(hours=hours))
    for one in who:
        lift(cast.people[one], incident.pk, "C’est éteint.")
    return Incident.objects.get(pk=incident.pk).lifted_at is not None


@pytest.mark.parametrize(
    ("who", "suffices"),
    [
        (("victor",), False),
        (("victor", "victor"), False),
        (("victor", "ines"), True),
        (("ines", "victor"), True),
        (("olga", "nadia"), False),
        (("ines", "marc", "nadia", "olga"), False),
    ],
)
def test_lifting_takes_crisis_3_and_one_other(cast: Cast, who: tuple[str, ...], suffices: bool):
    assert lifted(cast, *who) is suffices


@pytest.mark.parametrize(("levels", "suffices"), [((2, 2), True), ((2, 1), False), ((1, 1), False)])
def test_or_two_of_crisis_2(cast: Cast, levels: tuple[int, int], suffices: bool):
    cast.grant("ines", "crisis", levels[0])
    cast.grant("marc", "crisis", levels[1])
    assert lifted(cast, "ines", "marc") is suffices


@pytest.mark.parametrize(
    ("who", "hours", "suffices"),
    [
        (("olga", "nadia"), 24.01, True),
        (("olga", "nadia"), 23.9, False),
        (("olga", "ines"), 25, False),
        (("marc", "nadia"), 25, False),
        (("olga", "sofia"), 25, True),
    ],
)
def test_after_a_day_an_owner_and_a_mentor(cast: Cast, who: tuple[str, str], hours: float, suffices: bool):
    assert timedelta(hours=24) == OWNER_MAY_LIFT_AFTER
    assert lifted(cast, *who, hours=hours) is suffices


def test_one_person_who_is_owner_and_mentor_is_one(cast: Cast):
    cast.grant("olga", "craft", 3)
    assert not lifted(cast, "olga", "ines", hours=25)


def test_two_accounts_of_one_person_are_one_word(cast: Cast):
    cast.member("victor2")
    inviting.link(cast.olga, cast.brand, cast.victor, cast.victor2)
    assert not lifted(cast, "victor", "victor2")


def test_the_word_of_somebody_who_left_does_not_count(cast: Cast):
    incident = declare(cast.victor, cast.brand, WHOLE, "Feu.")
    lift(cast.victor, incident.pk)
    inviting.deactivate(cast.olga, cast.membership("victor"))
    lift(cast.ines, incident.pk)
    assert Incident.objects.get(pk=incident.pk).lifted_at is None


def test_lifting_starts_an_epoch_and_resumes_nothing(cast: Cast):
    post = cast.approved()
    incident = declare(cast.victor, cast.brand, WHOLE, "Feu.")
    for one in (cast.victor, cast.ines):
        lift(one, incident.pk)
    assert list(Epoch.objects.order_by("number").values_list("number", flat=True)) == [1, 2]
    assert state(post) == PostState.HELD
    assert codes(post) == {"missing_requirement", "missing_people"}
    with pytest.raises(Refused) as refusal:
        lift(cast.hugo, incident.pk)
    assert refusal.value.code == "already_lifted"
    assert Lifting.objects.count() == 2


# --- Before the next send ----------------------------------------------------------------------------
@pytest.mark.parametrize("stop", [pause, declare])
def test_a_batch_that_is_claimed_already_is_not_sent(cast: Cast, stop: Any):
    """Between the claim and the commit of SENDING: the standing has changed, and so has the token."""
    cast.channel("console")
    post = cast.approved(channels=["console"], slot="on_approval")
    (ready,) = claim("worker", 10)
    stop(cast.victor, cast.brand, WHOLE, "Feu.")
    assert start_sending([ready], "worker") == []
    assert claim("worker", 10) == []
    assert (state(post), post.deliveries.get().attempts) == (PostState.HELD, 0)


def test_many_posts_are_held_in_as_many_statements_as_one(cast: Cast):
    counts = []
    for size in (1, 9):
        for n in range(size):
            cast.approved(f"Post {size}, {n}.")
        with CaptureQueriesContext(connection) as caught:
            made = pause(cast.ines, cast.brand, WHOLE)
        counts.append(len(caught))
        assert len(waiting_in(cast.brand).of(made)) == (1 if size == 1 else 10)
        end_pause(cast.marc, made.pk)
    assert counts[1] <= counts[0] + 2, counts


def test_an_incident_takes_over_what_a_pause_or_another_incident_held(cast: Cast):
    post = cast.approved()
    made = pause(cast.ines, cast.brand, WHOLE)
    first = declare(cast.victor, cast.brand, {"channels": ["demo"]}, "Feu.")
    second = declare(cast.victor, cast.brand, WHOLE, "Feu.")
    assert fresh(post).reasons == [
        {"code": "paused", "pause": made.pk},
        {"code": "incident", "incident": first.pk},
        {"code": "incident", "incident": second.pk},
    ]
    waiting = waiting_in(cast.brand)
    assert [waiting.of(one) for one in (made, first, second)] == [{post.pk}] * 3
    withdraw(cast.ines, post.pk)
    assert not waiting_in(cast.brand).of(first)


def test_a_hold_on_top_takes_nothing_off_the_list_of_what_is_to_be_gone_through(cast: Cast):
    post = cast.approved()
    made = declare(cast.nadia, cast.brand, {"brand": True}, "Bad buzz.")
    hold(cast.ines, post.pk, "Le prix a changé.")
    assert waiting_in(cast.brand).of(made) == {post.pk}
    cast.edit("ines", fresh(post), text="Un autre prix.")
    assert fresh(post).lifecycle == PostState.HELD
    assert waiting_in(cast.brand).of(made) == {post.pk}


def test_the_authors_of_what_a_pause_held_are_told(cast: Cast):
    cast.approved()
    pause(cast.marc, cast.brand, WHOLE)
    assert cast.ines.notices.filter(kind="pause.begin").count() == 1
    pause(cast.ines, cast.brand, WHOLE)
    assert cast.ines.notices.filter(kind="pause.begin").count() == 1, "not of one's own"


def test_a_delivery_that_waits_behind_an_unknown_one_is_held_too(cast: Cast):
    cast.channel("console")
    post = cast.approved(channels=["demo", "console"])
    rows = {row.channel.key: row.pk for row in post.deliveries.select_related("channel")}
    Delivery.objects.filter(pk=rows["demo"]).update(state=DeliveryState.UNKNOWN.value, attempts=1)
    Post.objects.filter(pk=post.pk).update(state=PostState.UNKNOWN.value)
    pause(cast.ines, cast.brand, WHOLE)
    assert Delivery.objects.get(pk=rows["console"]).lifecycle == DeliveryState.HELD
    assert state(post) == PostState.UNKNOWN


def test_the_second_voice_is_called_for_and_all_are_told_when_it_is_over(cast: Cast):
    incident = declare(cast.victor, cast.brand, WHOLE, "Feu.")
    lift(cast.ines, incident.pk)
    assert cast.hugo.notices.filter(kind="incident.lift").count() == 1
    assert not cast.sofia.notices.filter(kind="incident.lift").exists()
    lift(cast.hugo, incident.pk)
    assert cast.sofia.notices.filter(kind="incident.lifted").count() == 1


def test_the_declarer_may_be_one_of_the_two(cast: Cast):
    assert lifted(cast, "victor", "sofia")
