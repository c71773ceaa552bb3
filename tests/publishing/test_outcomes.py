from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx
import pytest

from accounts.clock import database_now
from accounts.refusals import Refused
from approvals.models import Verdict
from approvals.reviewing import revise
from approvals.steering import hold, withdraw
from journal.models import Notice
from posts.lifecycle import DeliveryState, PostState
from posts.models import Post
from publishing.claiming import claim
from publishing.models import Attempt, ChannelHealth, Outcome
from publishing.outcomes import LONGEST_WAIT_S, record_results, waiting
from publishing.reconciling import sweep
from publishing.releasing import send, start_sending
from tests.contract.stand_ins.faulty_front import Fault
from tests.publishing.conftest import POSTS, Network
from tests.staging import House, age_deliveries, delivery_of, fresh, say, states_of

pytestmark = pytest.mark.django_db
S, P = DeliveryState, PostState


def seconds_until_next(post: Post) -> float:
    next_at = delivery_of(post).next_at
    assert next_at is not None
    return (next_at - database_now()).total_seconds()


# --- From the far side's answer to a state ------------------------------------------------------------
@pytest.mark.parametrize(
    ("fault", "outcome", "delivery", "post_state"),
    [
        (Fault(422), Outcome.REJECTED, S.FAILED, P.FAILED),
        (Fault(401), Outcome.AUTH_FAILED, S.FAILED, P.FAILED),
        (Fault(429), Outcome.RATE_LIMITED, S.PENDING, P.SCHEDULED),
        (Fault(503), Outcome.UNAVAILABLE, S.PENDING, P.SCHEDULED),
        (Fault(500), Outcome.UNKNOWN, S.UNKNOWN, P.UNKNOWN),
        (Fault(200, b"<html>"), Outcome.UNKNOWN, S.UNKNOWN, P.UNKNOWN),
        (Fault(cut="after reading"), Outcome.UNKNOWN, S.UNKNOWN, P.UNKNOWN),
        (Fault(cut="after accepting"), Outcome.UNKNOWN, S.UNKNOWN, P.UNKNOWN),
    ],
)
def test_each_answer_leads_to_its_state(
    lumiere: House,
    network: Network,
    release: Any,
    fault: Fault,
    outcome: Outcome,
    delivery: DeliveryState,
    post_state: PostState,
) -> None:
    post = lumiere.approved()
    network.front.arm("POST", POSTS, fault)
    (result,) = release()
    assert result.outcome is outcome
    found, attempt = delivery_of(post), Attempt.objects.get()
    assert found.lifecycle is delivery
    assert found.problem["code"] == outcome.value.lower()
    assert (found.lease_until, found.claimed_by) == (None, "")
    assert (attempt.outcome, attempt.ended_at is not None) == (outcome, True)
    assert fresh(post).lifecycle is post_state


def test_nobody_there_is_not_sent_and_tried_again(lumiere: House, network: Network, release: Any) -> None:
    post = lumiere.approved()
    network.front.shutdown()
    network.front.server_close()
    (result,) = release()
    assert result.outcome is Outcome.NOT_SENT
    assert states_of(post) == {"demo": S.PENDING.value}
    assert seconds_until_next(post) > 1


def test_what_is_to_be_tried_again_waits_first(lumiere: House, network: Network, release: Any) -> None:
    """Four attempts in a fifth of a second is what a peer did."""
    post = lumiere.approved()
    network.front.arm("POST", POSTS, Fault(503), times=4)
    for _ in range(4):
        release()
    assert Attempt.objects.count() == 1
    assert seconds_until_next(post) > 1


def test_waits_grow_are_jittered_and_bounded() -> None:
    means = [sum(waiting(attempts, None) for _ in range(200)) / 200 for attempts in range(5)]
    assert means == sorted(means)
    assert len({waiting(3, None) for _ in range(20)}) > 1
    assert max(waiting(50, None) for _ in range(200)) <= LONGEST_WAIT_S


def test_the_network_says_how_long_to_wait_and_the_whole_channel_waits(
    lumiere: House, network: Network, release: Any
) -> None:
    first = lumiere.approved("first")
    network.front.arm("POST", POSTS, Fault(429, headers={"Retry-After": "120"}))
    release()
    assert 110 < seconds_until_next(first) <= 120
    lumiere.approved("second")
    assert release() == []
    wait_until = ChannelHealth.objects.get().wait_until
    assert wait_until is not None
    assert wait_until > database_now() + timedelta(seconds=110)


@pytest.mark.parametrize("absurd", ["99999999999999", "1e300", "-5", "soon"])
def test_an_absurd_wait_does_not_stop_the_worker(
    lumiere: House, network: Network, release: Any, absurd: str
) -> None:
    post = lumiere.approved()
    network.front.arm("POST", POSTS, Fault(429, headers={"Retry-After": absurd}))
    release()
    assert states_of(post) == {"demo": S.PENDING.value}
    assert 0 < seconds_until_next(post) <= 86_400


def test_a_later_try_succeeds_and_forgets_the_trouble(lumiere: House, network: Network, release: Any) -> None:
    post = lumiere.approved("third time lucky")
    network.front.arm("POST", POSTS, Fault(503), times=2)
    for _ in range(3):
        release()
        age_deliveries([post], next_at=timedelta(hours=1))
    delivery = delivery_of(post)
    assert delivery.lifecycle is S.DELIVERED
    assert (delivery.attempts, delivery.problem) == (3, {})
    assert ChannelHealth.objects.get().failures == 0
    assert network.texts() == ["third time lucky"]


# --- Who is told --------------------------------------------------------------------------------------
def told(kind: str) -> set[str]:
    return set(Notice.objects.filter(kind=kind).values_list("user__name", flat=True))


def test_a_refusal_is_told_to_the_author(lumiere: House, network: Network, release: Any) -> None:
    lumiere.approved()
    network.front.arm("POST", POSTS, Fault(422))
    release()
    assert told("delivery.rejected") == {"Ines"}


def test_a_lost_authorisation_is_told_to_author_and_owner_and_shown_at_the_channel(
    lumiere: House, network: Network, release: Any
) -> None:
    lumiere.approved()
    network.front.arm("POST", POSTS, Fault(401))
    release()
    assert told("delivery.auth_failed") == {"Ines", "Olga"}
    assert not ChannelHealth.objects.get().ok


def test_waiting_is_told_to_nobody(lumiere: House, network: Network, release: Any) -> None:
    lumiere.approved()
    Notice.objects.all().delete()
    network.front.arm("POST", POSTS, Fault(503))
    release()
    assert not Notice.objects.exists()


# --- The token ----------------------------------------------------------------------------------------
def test_a_late_writer_changes_nothing(lumiere: House, network: Network, through: httpx.Client) -> None:
    post = lumiere.approved()
    (sending,) = start_sending(claim("worker-1", 10), "worker-1")
    result = send(sending, through)
    age_deliveries([post], lease_until=timedelta(hours=1))
    sweep()
    before = delivery_of(post)
    record_results([result])
    after = delivery_of(post)
    assert after.lifecycle is S.UNKNOWN
    assert (after.token, after.remote_id, after.problem) == (before.token, "", before.problem)
    assert Attempt.objects.get().outcome == Outcome.UNKNOWN


def test_a_late_writer_does_not_touch_the_next_attempt(
    lumiere: House, network: Network, through: httpx.Client
) -> None:
    post = lumiere.approved()
    (old,) = start_sending(claim("worker-1", 10), "worker-1")
    network.front.arm("POST", POSTS, Fault(503))
    result = send(old, through)
    record_results([result])
    age_deliveries([post], next_at=timedelta(hours=1))
    (new,) = start_sending(claim("worker-2", 10), "worker-2")
    record_results([result])
    delivery = delivery_of(post)
    assert (delivery.lifecycle, delivery.token) == (S.SENDING, new.delivery.token)
    assert Attempt.objects.get(pk=new.attempt.pk).outcome == Outcome.SENDING


def test_one_outrun_result_does_not_keep_the_others_from_being_written(
    lumiere: House, through: httpx.Client
) -> None:
    slow, quick = lumiere.approved("slow"), lumiere.approved("quick")
    results = [send(one, through) for one in start_sending(claim("worker-1", 10), "worker-1")]
    age_deliveries([slow], lease_until=timedelta(hours=1))
    sweep()
    record_results(results)
    assert states_of(slow) == {"demo": S.UNKNOWN.value}
    assert states_of(quick) == {"demo": S.DELIVERED.value}


# --- Several deliveries of a post -----------------------------------------------------------------------
@pytest.fixture
def two(lumiere: House, network: Network) -> House:
    """Two channels; only `demo` goes through the front that misbehaves."""
    lumiere.connect("second", base_url=network.base, account="second")
    return lumiere


@pytest.mark.parametrize(
    ("fault", "after"),
    [
        (Fault(422), P.PARTLY_PUBLISHED),
        (Fault(503), P.RELEASING),
        (Fault(500), P.UNKNOWN),
        (None, P.PUBLISHED),
    ],
)
def test_a_post_follows_its_deliveries(
    two: House, network: Network, release: Any, fault: Fault | None, after: PostState
) -> None:
    post = two.approved(channels=["demo", "second"])
    if fault is not None:
        network.front.arm("POST", POSTS, fault)
    release()
    assert states_of(post)["second"] == S.DELIVERED.value
    assert fresh(post).lifecycle is after


def test_what_was_partly_published_becomes_published_when_the_rest_is_out(
    two: House, network: Network, release: Any
) -> None:
    post = two.approved(channels=["demo", "second"])
    network.front.arm("POST", POSTS, Fault(503))
    release()
    age_deliveries([post], next_at=timedelta(hours=1))
    release()
    assert fresh(post).lifecycle is P.PUBLISHED
    assert len(network.posts()) == len(network.posts("second")) == 1


def test_both_refused_is_failed_and_an_edit_takes_it_through_review_again(
    two: House, network: Network, release: Any
) -> None:
    post = two.approved(channels=["demo"])
    network.front.arm("POST", POSTS, Fault(422))
    release()
    assert fresh(post).lifecycle is P.FAILED
    with pytest.raises(Refused):
        hold(two.ines, post.pk)
    withdraw(two.ines, post.pk)
    assert fresh(post).lifecycle is P.WITHDRAWN


def test_a_channel_that_was_refused_and_then_taken_out_is_not_tried_again(
    two: House, network: Network, release: Any
) -> None:
    """And it stops nobody else: its row has other bytes than those that are approved now."""
    post = two.approved("refused here", channels=["demo"])
    network.front.arm("POST", POSTS, Fault(422))
    release()
    revise(two.ines, post.pk, {"channels": ["second"], "slot": "on_approval"})
    say(two.nadia, post, Verdict.APPROVE)
    two.approved("somebody else's", channels=["second"])
    release()
    release()
    assert network.texts("second") == ["refused here", "somebody else's"]
    assert not network.posts()
    assert fresh(post).lifecycle is P.PUBLISHED
