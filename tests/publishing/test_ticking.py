from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_rq
import pytest

from accounts.clock import database_now
from approvals.incidents import end_pause, pause
from approvals.reviewing import revise
from approvals.steering import hold, reschedule, resume
from approvals.steering import release as press_release
from journal.models import Entry, Notice, Seal
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery
from posts.scheduling import next_free_slots
from publishing import ticking
from publishing.claiming import claim
from publishing.connecting import pause_channel
from publishing.jobs import QUEUE
from publishing.models import ChannelHealth, Pulse
from tests.staging import House, age, age_deliveries, delivery_of, fresh, say, soon, states_of

pytestmark = pytest.mark.django_db
S, P = DeliveryState, PostState


def hints() -> list[str]:
    """What was enqueued; outside a transaction only, since django-rq waits for the commit."""
    return [job.func_name.rsplit(".", 1)[-1] for job in django_rq.get_queue(QUEUE).jobs]


# --- Missed -------------------------------------------------------------------------------------------
def test_a_slot_that_passes_before_the_gate_opens_makes_the_post_missed(lumiere: House) -> None:
    post = lumiere.submitted(slot=soon(3600).isoformat())
    age(post, timedelta(hours=2))
    assert ticking.miss_unapproved() == 1
    post = fresh(post)
    assert (post.lifecycle, post.reasons) == (P.MISSED, [{"code": "slot_passed"}])
    assert states_of(post) == {"demo": S.MISSED.value}
    assert Notice.objects.filter(user=lumiere.ines, kind="post.missed").count() == 1
    assert next_free_slots(lumiere.brand, soon(0), 1)
    assert ticking.miss_unapproved() == 0


def test_an_approval_after_the_slot_does_not_send_it_late(lumiere: House, release: Any) -> None:
    post = lumiere.submitted(slot=soon(3600).isoformat(), window=_wide())
    age(post, timedelta(hours=1, minutes=1))
    say(lumiere.nadia, post)
    assert fresh(post).lifecycle is P.MISSED
    assert release() == []


@pytest.mark.django_db(transaction=True)
def test_a_missed_post_goes_out_at_the_slot_it_is_given(lumiere: House, network: Any, release: Any) -> None:
    post = lumiere.submitted("second chance", slot=soon(3600).isoformat(), window=_wide())
    age(post, timedelta(hours=2))
    ticking.tick()
    window = {"from": soon(-7200).isoformat(), "until": soon(86_400).isoformat()}
    reschedule(lumiere.ines, post.pk, soon(7200).isoformat(), window)
    say(lumiere.nadia, post)
    assert fresh(post).lifecycle is P.SCHEDULED
    assert release() == []
    age_deliveries([post], next_at=timedelta(hours=3))
    release()
    assert network.texts() == ["second chance"]


def _wide() -> dict[str, str]:
    return {"from": soon(-86_400).isoformat(), "until": soon(86_400).isoformat()}


def test_on_approval_is_missed_when_its_window_ends(lumiere: House) -> None:
    post = lumiere.submitted()
    assert ticking.miss_unapproved() == 0
    age(post, timedelta(hours=25))
    assert ticking.miss_unapproved() == 1
    assert fresh(post).lifecycle is P.MISSED


@pytest.mark.parametrize("late", [timedelta(minutes=59), timedelta(minutes=61)])
def test_approved_and_past_its_lateness_it_is_missed(lumiere: House, late: timedelta) -> None:
    post = lumiere.approved(slot=soon(3600).isoformat(), window=_wide(), late_minutes=60)
    age(post, timedelta(hours=1) + late)
    missed = late > timedelta(minutes=60)
    assert ticking.miss_late() == int(missed)
    assert fresh(post).lifecycle is (P.MISSED if missed else P.SCHEDULED)
    assert Entry.objects.filter(verb="delivery.missed").count() == int(missed)
    assert Notice.objects.filter(user=lumiere.ines, kind="post.missed").count() == int(missed)


def test_a_further_word_after_the_slot_does_not_miss_what_is_scheduled(
    lumiere: House, network: Any, release: Any
) -> None:
    """It waits for its worker, inside its lateness: a second approval, or an intern's advisory one, must
    not take it away."""
    post = lumiere.approved("waits for its worker", slot=soon(3600).isoformat(), window=_wide())
    age(post, timedelta(hours=1, minutes=1))
    say(lumiere.delphine, post)
    say(lumiere.hugo, post)
    assert fresh(post).lifecycle is P.SCHEDULED
    release()
    assert network.texts() == ["waits for its worker"]


@pytest.mark.django_db(transaction=True)
def test_a_person_resumes_inside_the_lateness(lumiere: House, network: Any, release: Any) -> None:
    post = lumiere.approved("held a minute too long", slot=soon(3600).isoformat(), window=_wide())
    hold(lumiere.ines, post.pk)
    age(post, timedelta(hours=1, minutes=1))
    ticking.tick()
    assert release() == []
    resume(lumiere.nadia, post.pk)
    release()
    assert network.texts() == ["held a minute too long"]


def test_resumed_while_something_else_still_stops_it_it_waits_for_that_to_end(
    lumiere: House, network: Any, release: Any
) -> None:
    """Somebody qualified confirmed it, and somebody qualified ended the pause; until both it stays."""
    confirmed = lumiere.approved("confirmed", slot=soon(3600).isoformat(), window=_wide())
    left = lumiere.approved("left alone", slot=soon(3600).isoformat(), window=_wide())
    stop = pause(lumiere.ines, lumiere.brand, {"brand": True})
    resume(lumiere.nadia, confirmed.pk)
    assert fresh(confirmed).lifecycle is not P.SCHEDULED
    age_deliveries([confirmed, left], next_at=timedelta(hours=2))
    assert claim("worker-1", 10) == []
    end_pause(lumiere.nadia, stop.pk)
    assert (fresh(confirmed).lifecycle, fresh(left).lifecycle) == (P.SCHEDULED, P.HELD)
    assert not network.posts()


def test_release_is_pressed_before_the_slot(lumiere: House, network: Any, release: Any) -> None:
    post = lumiere.approved("now, please", slot=soon(3600).isoformat(), window=_wide())
    assert release() == []
    press_release(lumiere.nadia, post.pk)
    release()
    assert network.texts() == ["now, please"]


# --- Hints --------------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_what_is_due_is_hinted_and_no_more_than_the_workers_can_use(lumiere: House) -> None:
    for number in range(8):
        lumiere.approved(f"post {number}")
    for _ in range(10):
        ticking.hint_if_due()
    assert set(hints()) == {"release_due"}
    assert len(hints()) <= 4


@pytest.mark.django_db(transaction=True)
def test_nothing_due_nothing_hinted(lumiere: House) -> None:
    lumiere.approved(slot=soon(3600).isoformat())
    lumiere.approved()
    pause_channel(lumiere.ines, lumiere.channels["demo"])
    ticking.hint_if_due()
    assert hints() == []


@pytest.mark.django_db(transaction=True)
def test_a_queue_full_of_releases_leaves_room_for_looking_back(lumiere: House) -> None:
    """Else nothing unknown is settled, and no channel checked, for as long as there is much to send."""
    lumiere.approved()
    lost = lumiere.approved()
    for _ in range(10):
        ticking.hint_if_due()
    lost.deliveries.update(state=S.UNKNOWN.value, next_at=soon(-1))
    ChannelHealth.objects.update(checked_at=None)
    ticking.hint_if_unknown()
    ticking.hint_if_unchecked()
    assert {"reconcile_unknown", "check_channels"} <= set(hints())


@pytest.mark.django_db(transaction=True)
def test_unknown_outcomes_are_hinted_until_a_person_was_asked(lumiere: House) -> None:
    post = lumiere.approved()
    post.deliveries.update(state=S.UNKNOWN.value, next_at=soon(-1))
    ticking.hint_if_unknown()
    assert hints() == ["reconcile_unknown"]
    django_rq.get_queue(QUEUE).empty()
    post.deliveries.update(next_at=None)
    ticking.hint_if_unknown()
    assert hints() == []


# --- One round ----------------------------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_tick_sweeps_misses_hints_seals_and_leaves_a_sign_of_life(lumiere: House) -> None:
    swept, missed = lumiere.approved("swept"), lumiere.submitted("missed", slot=soon(3600).isoformat())
    claim("worker-that-died", 10)
    age_deliveries([swept], lease_until=timedelta(hours=1))
    age(missed, timedelta(hours=2))
    ticking.tick()
    assert states_of(swept) == {"demo": S.PENDING.value}
    assert fresh(missed).lifecycle is P.MISSED
    assert "release_due" in hints()
    assert Seal.objects.exists()
    assert Pulse.objects.get(kind="ticker").at > soon(-30)


@pytest.mark.django_db(transaction=True)
def test_a_tick_twice_is_a_tick_once(lumiere: House) -> None:
    post = lumiere.submitted(slot=soon(3600).isoformat())
    age(post, timedelta(hours=2))
    ticking.tick()
    before = Entry.objects.count(), Notice.objects.count()
    ticking.tick()
    assert (Entry.objects.count(), Notice.objects.count()) == before


@pytest.mark.django_db(transaction=True)
def test_without_redis_a_tick_does_everything_but_hint(
    lumiere: House, settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """The address leads to a socket that is not there, which is what a dead server looks like."""
    monkeypatch.setitem(settings.RQ_QUEUES[QUEUE], "URL", f"unix://{tmp_path}/away.sock")
    due, missed = lumiere.approved("due"), lumiere.submitted("missed", slot=soon(3600).isoformat())
    age(missed, timedelta(hours=2))
    ticking.tick()
    assert fresh(missed).lifecycle is P.MISSED
    assert Seal.objects.exists()
    assert states_of(due) == {"demo": S.PENDING.value}


# --- When to tick again -------------------------------------------------------------------------------
def test_it_sleeps_until_the_next_due_instant_and_at_most_a_second(lumiere: House) -> None:
    assert ticking.until_next(database_now()) == ticking.EVERY_S
    post = lumiere.approved(slot=soon(3600).isoformat())
    assert ticking.until_next(database_now()) == ticking.EVERY_S
    delivery = delivery_of(post)
    post.deliveries.filter(pk=delivery.pk).update(next_at=soon(0.5))
    assert ticking.SHORTEST_S <= ticking.until_next(database_now()) <= 0.5
    post.deliveries.filter(pk=delivery.pk).update(next_at=soon(0.001))
    assert ticking.until_next(database_now()) >= ticking.SHORTEST_S


@pytest.mark.django_db(transaction=True)
def test_what_comes_due_while_a_round_goes_on_is_hinted_at_once_and_not_a_second_later(
    lumiere: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticking, "EVERY_S", 3600.0)
    delivery = delivery_of(lumiere.approved(slot=soon(7200).isoformat()))
    waits: list[float] = []

    def comes_due_meanwhile() -> None:
        Delivery.objects.filter(pk=delivery.pk).update(next_at=database_now())

    def stop(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 2

    # It comes due after this round has looked for what is due.
    monkeypatch.setattr(ticking, "_PARTS", (ticking.hint_if_due, comes_due_meanwhile))
    django_rq.get_queue(QUEUE).empty()
    ticking.run(stop)
    assert waits[0] == ticking.SHORTEST_S
    assert hints() == ["release_due"]


def test_the_loop_ends_when_it_is_told_to(lumiere: House) -> None:
    waits: list[float] = []

    def stop(seconds: float) -> bool:
        waits.append(seconds)
        return len(waits) == 3

    ticking.run(stop)
    assert len(waits) == 3
    assert all(ticking.SHORTEST_S <= one <= ticking.EVERY_S for one in waits)


def test_the_first_round_and_any_five_that_follow_leave_no_part_out() -> None:
    following = ticking.rounds()
    assert set(next(following)) == set(ticking._PARTS)
    for _ in range(3):
        five = [next(following) for _ in range(ticking.EACH_IN_ROUNDS)]
        assert all(ticking.hint_if_due in parts and len(parts) == len(set(parts)) for parts in five)
        assert {part for parts in five for part in parts} == set(ticking._PARTS)
        assert max(map(len, five)) < len(ticking._PARTS)


@pytest.mark.django_db(transaction=True)
def test_between_two_rounds_it_only_hints_at_what_comes_due(
    lumiere: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that no load of the machine makes the next round's time come.
    monkeypatch.setattr(ticking, "EVERY_S", 3600.0)
    post = lumiere.approved(slot=soon(7200).isoformat())
    delivery = delivery_of(post)
    pulses, waits = [], list[float]()

    def stop(seconds: float) -> bool:
        waits.append(seconds)
        pulses.append(Pulse.objects.get(kind="ticker").at)
        if len(waits) == 1:
            # Woken for it at once, long before the second is over.
            django_rq.get_queue(QUEUE).empty()
            post.deliveries.filter(pk=delivery.pk).update(next_at=soon(-1))
        return len(waits) == 2

    ticking.run(stop)
    assert hints() == ["release_due"]
    assert pulses[0] == pulses[1], "no other round before its time"


def test_an_edit_of_what_was_due_on_approval_waits_for_its_new_approval(lumiere: House) -> None:
    """It has no slot that could have passed: it was due the moment it was approved, and is not any more."""
    post = lumiere.approved(slot="on_approval")
    assert post.lifecycle is P.SCHEDULED
    revise(lumiere.ines, post.pk, {"text": "Autre chose, tout de même."})
    assert ticking.miss_unapproved() == 0
    assert (fresh(post).lifecycle, fresh(post).slot) == (P.IN_REVIEW, None)
    say(lumiere.nadia, fresh(post))
    assert fresh(post).lifecycle is P.SCHEDULED


@pytest.mark.django_db(transaction=True)
def test_one_poisoned_post_does_not_stop_the_other_parts_of_a_tick(monkeypatch: pytest.MonkeyPatch) -> None:
    def poisoned() -> None:
        raise LookupError("a row that nobody foresaw")

    ran: list[str] = []
    monkeypatch.setattr(ticking, "_PARTS", (poisoned, lambda: ran.append("after")))
    ticking.tick()
    assert ran == ["after"]
