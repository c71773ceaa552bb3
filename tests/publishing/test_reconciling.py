from __future__ import annotations

import json
import urllib.request
from datetime import timedelta
from typing import Any

import pytest

from accounts.refusals import Invalid, NotHere, Refused
from approvals.steering import hold
from journal.models import Entry, Notice
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel, Delivery, Post
from publishing.claiming import claim
from publishing.jobs import reconcile_unknown
from publishing.keeping import keep_secret
from publishing.models import Attempt, ChannelSecret, Outcome
from publishing.reconciling import reconcile, settle, sweep, unsettled
from publishing.releasing import start_sending
from tests.contract.stand_ins.faulty_front import Fault
from tests.publishing.conftest import POSTS, Network
from tests.staging import House, age_deliveries, delivery_of, fresh, house, soon, states_of

pytestmark = pytest.mark.django_db
S, P = DeliveryState, PostState
HOUR = timedelta(hours=1)


@pytest.fixture
def lost(lumiere: House, network: Network, release: Any) -> Post:
    """The network took it, and the answer was lost."""
    post = lumiere.approved("taken")
    network.front.arm("POST", POSTS, Fault(cut="after accepting"))
    release()
    return post


@pytest.fixture
def never_came(lumiere: House, network: Network, release: Any) -> Post:
    """The connection broke before the network took it; nobody here can know."""
    post = lumiere.approved("not taken")
    network.front.arm("POST", POSTS, Fault(cut="after reading"))
    release()
    return post


@pytest.fixture
def unreadable(lumiere: House, release: Any) -> Post:
    """To the console, which cannot be read back; its worker died while writing."""
    lumiere.connect("console", "console")
    post = lumiere.approved("who knows", channels=["console"])
    start_sending(claim("worker-1", 10), "worker-1")
    age_deliveries([post], lease_until=HOUR)
    sweep()
    return post


def look(post: Post) -> DeliveryState:
    return reconcile(delivery_of(post))


# --- Expired leases -----------------------------------------------------------------------------------
def test_an_expired_claim_is_pending_again(lumiere: House, network: Network, release: Any) -> None:
    post = lumiere.approved("again")
    claim("worker-that-died", 10)
    age_deliveries([post], lease_until=HOUR)
    assert sweep() == 1
    delivery = delivery_of(post)
    assert (delivery.lifecycle, delivery.claimed_by, delivery.lease_until) == (S.PENDING, "", None)
    release()
    assert network.texts() == ["again"]


def test_an_expired_sending_is_unknown_and_never_sent_again_blindly(
    lumiere: House, network: Network, release: Any
) -> None:
    post = lumiere.approved()
    start_sending(claim("worker-that-died", 10), "worker-that-died")
    age_deliveries([post], lease_until=HOUR)
    sweep()
    delivery = delivery_of(post)
    assert delivery.lifecycle is S.UNKNOWN
    assert fresh(post).lifecycle is P.UNKNOWN
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.ended_at is not None) == (Outcome.UNKNOWN, True)
    assert release() == []
    assert [one.pk for one in unsettled(soon(1))] == [delivery.pk]


def test_a_lease_that_lasts_is_left_alone(lumiere: House) -> None:
    post = lumiere.approved()
    start_sending(claim("worker-1", 10), "worker-1")
    assert sweep() == 0
    assert states_of(post) == {"demo": S.SENDING.value}


# --- Reading back -------------------------------------------------------------------------------------
def test_found_it_is_delivered_with_receipt_and_url_and_not_sent_again(
    lost: Post, network: Network, release: Any
) -> None:
    assert look(lost) is S.DELIVERED
    (out,) = network.posts()
    delivery = delivery_of(lost)
    assert (delivery.remote_id, delivery.url.rsplit("/", 1)[-1]) == (out["id"], out["id"])
    assert delivery.delivered_at is not None
    assert fresh(lost).lifecycle is P.PUBLISHED
    assert Entry.objects.get(verb="delivery.settle").data["went_out"] is True
    assert release() == []
    assert len(network.posts()) == 1


def test_not_found_is_believed_after_two_reads_a_minute_apart(
    never_came: Post, network: Network, release: Any
) -> None:
    assert look(never_came) is S.UNKNOWN
    assert look(never_came) is S.UNKNOWN, "the second read came at once"
    assert release() == []
    delivery = delivery_of(never_came)
    assert delivery.next_at is not None
    assert delivery.next_at > soon(50)
    _a_minute_later(never_came)
    assert look(never_came) is S.PENDING
    release()
    assert network.texts() == ["not taken"]
    assert fresh(never_came).lifecycle is P.PUBLISHED


def _a_minute_later(post: Post) -> None:
    delivery = delivery_of(post)
    problem = {**delivery.problem, "not_found_at": soon(-61).isoformat()}
    Delivery.objects.filter(pk=delivery.pk).update(problem=problem, next_at=soon(-1))


def test_a_post_that_shows_late_is_found_at_the_second_read(never_came: Post, network: Network) -> None:
    """The far side was slow to show it: after the first read it is there."""
    look(never_came)
    delivery = delivery_of(never_came)
    attempt = Attempt.objects.get()
    body = {"account": "maison-lumiere", "text": "not taken"}
    _post_by_hand(network, body, attempt.key)
    _a_minute_later(never_came)
    assert look(never_came) is S.DELIVERED
    assert delivery.pk == delivery_of(never_came).pk


def _post_by_hand(network: Network, body: dict[str, str], key: str) -> None:
    headers = {"Content-Type": "application/json", "Idempotency-Key": key}
    request = urllib.request.Request(f"{network.base}{POSTS}", json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=10).close()


@pytest.mark.parametrize(
    "fault", [Fault(503), Fault(500), Fault(429), Fault(cut="after reading"), Fault(200, b"<")]
)
def test_unreadable_is_neither_found_nor_missing_and_nobody_is_asked(
    never_came: Post, network: Network, fault: Fault
) -> None:
    network.front.arm("GET", POSTS, fault, times=3)
    for _ in range(3):
        _a_minute_later_if_noted(never_came)
        assert look(never_came) is S.UNKNOWN
    delivery = delivery_of(never_came)
    assert "not_found_at" not in delivery.problem
    assert delivery.next_at is not None
    assert not Notice.objects.filter(kind="delivery.unknown").exists()


def _a_minute_later_if_noted(post: Post) -> None:
    if "not_found_at" in delivery_of(post).problem:
        _a_minute_later(post)


def test_nothing_is_created_by_looking(lost: Post, never_came: Post, network: Network) -> None:
    before = len(network.front.requests("POST", POSTS))
    look(lost)
    look(never_came)
    assert len(network.front.requests("POST", POSTS)) == before


def test_what_cannot_be_read_back_is_asked_of_author_and_owner_once(unreadable: Post) -> None:
    assert look(unreadable) is S.UNKNOWN
    told = Notice.objects.filter(kind="delivery.unknown")
    assert sorted(told.values_list("user__name", flat=True)) == ["Ines", "Olga"]
    assert unsettled(soon(3600)) == []
    look(unreadable)
    assert told.count() == 2


def test_a_secret_that_cannot_be_read_asks_a_person(lost: Post) -> None:
    keep_secret(Channel.objects.get(), "token")
    ChannelSecret.objects.update(ciphertext="not ours")
    assert look(lost) is S.UNKNOWN
    assert Notice.objects.filter(kind="delivery.unknown").exists()


def test_two_workers_that_looked_at_the_same_time_settle_it_once(lost: Post, never_came: Post) -> None:
    """Each has read the row before the other wrote."""
    for post in (lost, never_came):
        look(post)
    _a_minute_later(never_came)
    stale = {post: delivery_of(post) for post in (lost, never_came)}
    Delivery.objects.filter(post=lost).update(state=S.UNKNOWN.value, delivered_at=None)
    stale[lost] = delivery_of(lost)
    twin = {post: delivery_of(post) for post in (lost, never_came)}
    before = Entry.objects.filter(verb="delivery.settle").count()
    for post in (lost, never_came):
        reconcile(stale[post])
        reconcile(twin[post])
    assert Entry.objects.filter(verb="delivery.settle").count() == before + 2


@pytest.mark.django_db(transaction=True)
def test_the_job_looks_at_all_that_is_due(lost: Post, never_came: Post) -> None:
    age_deliveries([lost, never_came], next_at=HOUR)
    assert reconcile_unknown() == 2
    assert states_of(lost) == {"demo": S.DELIVERED.value}
    assert reconcile_unknown() == 0, "the other is looked at again in a minute"


# --- A person settles ---------------------------------------------------------------------------------
def test_a_person_says_that_it_went_out(unreadable: Post, lumiere: House) -> None:
    settle(lumiere.ines, delivery_of(unreadable).pk, went_out=True, url="https://there.example/1")
    delivery = delivery_of(unreadable)
    assert (delivery.lifecycle, delivery.url) == (S.DELIVERED, "https://there.example/1")
    assert fresh(unreadable).lifecycle is P.PUBLISHED
    entry = Entry.objects.get(verb="delivery.settle")
    assert (entry.actor, entry.data["went_out"]) == (lumiere.ines, True)


@pytest.mark.parametrize("url", ["https://[broken", "https://", "javascript:alert(1)", "there.example/1"])
def test_what_is_no_address_settles_nothing(unreadable: Post, lumiere: House, url: str) -> None:
    with pytest.raises(Invalid):
        settle(lumiere.ines, delivery_of(unreadable).pk, went_out=True, url=url)
    assert delivery_of(unreadable).lifecycle is S.UNKNOWN


def test_a_person_says_that_it_did_not_and_it_is_judged_and_sent(
    unreadable: Post, lumiere: House, release: Any
) -> None:
    settle(lumiere.nadia, delivery_of(unreadable).pk, went_out=False)
    assert states_of(unreadable) == {"console": S.PENDING.value}
    (result,) = release()
    assert result.outcome is Outcome.DELIVERED


def test_a_person_says_that_it_did_not_and_the_gate_still_decides(
    unreadable: Post, lumiere: House, release: Any
) -> None:
    Post.objects.filter(pk=unreadable.pk).update(held_by=lumiere.ines)
    settle(lumiere.nadia, delivery_of(unreadable).pk, went_out=False)
    assert release() == []
    assert states_of(unreadable) == {"console": S.HELD.value}


def test_an_outsider_settles_nothing(unreadable: Post) -> None:
    outsider = house("autre-maison").olga
    with pytest.raises(NotHere):
        settle(outsider, delivery_of(unreadable).pk, went_out=False)
    assert states_of(unreadable) == {"console": S.UNKNOWN.value}


def test_what_is_known_is_not_settled_again(lost: Post, lumiere: House) -> None:
    look(lost)
    with pytest.raises(Refused, match="already known"):
        settle(lumiere.ines, delivery_of(lost).pk, went_out=False)
    assert states_of(lost) == {"demo": S.DELIVERED.value}
    with pytest.raises(NotHere):
        settle(lumiere.ines, 10**9, went_out=False)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x.example/" + "a" * 2000, "data:text/html,x"]
)
def test_only_a_web_address_is_kept_as_the_link(unreadable: Post, lumiere: House, url: str) -> None:
    with pytest.raises(Refused):
        settle(lumiere.ines, delivery_of(unreadable).pk, went_out=True, url=url)
    assert states_of(unreadable) == {"console": S.UNKNOWN.value}


def test_what_may_be_public_is_never_called_held(lost: Post, lumiere: House) -> None:
    with pytest.raises(Refused):
        hold(lumiere.ines, lost.pk)
    assert states_of(lost) == {"demo": S.UNKNOWN.value}
