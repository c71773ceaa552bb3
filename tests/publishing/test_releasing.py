from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db import IntegrityError, transaction

from accounts.clock import database_now
from accounts.locks import change_standing
from adapters import base
from approvals.expertise import revoke
from approvals.incidents import declare
from approvals.incidents import pause as pause_scope
from approvals.models import Credential
from approvals.reviewing import revise
from approvals.steering import hold, reschedule, resume
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel, Media, Post
from publishing.claiming import claim
from publishing.connecting import pause_channel
from publishing.models import Attempt, ChannelHealth, ChannelSecret, Outcome, Permit
from publishing.outcomes import record_results
from publishing.releasing import Sending, key_of, send, start_sending
from tests.contract.stand_ins.faulty_front import Fault
from tests.publishing.conftest import POSTS, Network
from tests.staging import ALT, House, age_deliveries, delivery_of, fresh, picture, soon, states_of

pytestmark = pytest.mark.django_db


def begin(worker: str = "worker-1") -> Sending:
    (sending,) = start_sending(claim(worker, 10), worker)
    return sending


def test_it_goes_out_once_with_everything_that_was_approved(
    lumiere: House, network: Network, release: Any
) -> None:
    image = picture(lumiere.ines, lumiere.brand)
    options = {"demo": {"visibility": "unlisted", "language": "fr"}}
    post = lumiere.approved("La lampe", media=[{"id": image.pk, "alt": ALT}], options=options)
    (result,) = release()
    (out,) = network.posts()
    assert result.outcome is Outcome.DELIVERED
    assert (out["text"], out["visibility"], out["language"]) == ("La lampe", "unlisted", "fr")
    assert [item["alt"] for item in out["media"]] == [ALT]
    delivery, attempt = delivery_of(post), Attempt.objects.get()
    assert delivery.lifecycle is DeliveryState.DELIVERED
    assert (delivery.remote_id, delivery.url) == (out["id"], out["url"].replace(network.base, network.url))
    assert (attempt.outcome, attempt.key) == (Outcome.DELIVERED, out["key"])
    assert attempt.permit is not None
    assert attempt.permit.spent_at is not None
    assert delivery.attempts == 1
    assert fresh(post).lifecycle is PostState.PUBLISHED
    assert release() == []


def test_the_attempt_is_committed_with_its_key_before_the_first_byte(
    lumiere: House, network: Network
) -> None:
    post = lumiere.approved()
    sending = begin()
    delivery, attempt = delivery_of(post), Attempt.objects.get()
    assert delivery.lifecycle is DeliveryState.SENDING
    assert (attempt.outcome, attempt.key) == (Outcome.SENDING, key_of(delivery))
    assert (sending.attempt.pk, sending.attempt.key) == (attempt.pk, attempt.key)
    assert network.front.requests("POST", POSTS) == []
    assert fresh(post).lifecycle is PostState.RELEASING


def test_the_lease_counts_from_the_sending_and_not_from_the_claim(lumiere: House) -> None:
    """Else what waited in a batch would be swept while it is being sent."""
    post = lumiere.approved()
    ready = claim("worker-1", 10)
    age_deliveries([post], lease_until=timedelta(seconds=80))
    start_sending(ready, "worker-1")
    lease = delivery_of(post).lease_until
    assert lease is not None
    assert lease > soon(60)


# --- The point of no return ---------------------------------------------------------------------------
def edit(house: House, post: Post) -> None:
    revise(house.ines, post.pk, {"text": "other words"})


def hold_it(house: House, post: Post) -> None:
    hold(house.ines, post.pk)


def hold_and_resume(house: House, post: Post) -> None:
    hold(house.ines, post.pk)
    resume(house.nadia, post.pk)


def move(house: House, post: Post) -> None:
    reschedule(house.nadia, post.pk, soon(120).isoformat())


def revoke_nadia(house: House, post: Post) -> None:
    revoke(house.olga, Credential.objects.get(user=house.nadia, domain="craft").pk, "a cause")


def incident(house: House, post: Post) -> None:
    declare(house.victor, house.brand, {"brand": True}, "a bad buzz")


def pause_the_brand(house: House, post: Post) -> None:
    pause_scope(house.ines, house.brand, {"brand": True}, "wait")


def pause_the_channel(house: House, post: Post) -> None:
    pause_channel(house.ines, house.channels["demo"])


def change_any_standing(house: House, post: Post) -> None:
    with transaction.atomic():
        change_standing(house.brand.pk)


def stop_the_brand(house: House, post: Post) -> None:
    type(house.brand).objects.update(stopped_at=database_now())


@pytest.mark.parametrize(
    "act",
    [
        edit,
        hold_it,
        hold_and_resume,
        move,
        revoke_nadia,
        incident,
        pause_the_brand,
        pause_the_channel,
        change_any_standing,
        stop_the_brand,
    ],
)
def test_what_changes_after_the_claim_gives_the_delivery_back(
    lumiere: House, network: Network, act: Callable[[House, Post], None]
) -> None:
    # Its window is open now, at whatever hour of the brand's day this runs.
    window = {"from": soon(-86_400).isoformat(), "until": soon(86_400).isoformat()}
    post = lumiere.approved(slot=soon(3600).isoformat(), window=window)
    age_deliveries([post], next_at=timedelta(hours=2))
    ready = claim("worker-1", 10)
    assert len(ready) == 1
    act(lumiere, post)
    assert start_sending(ready, "worker-1") == []
    assert delivery_of(post).lifecycle in {DeliveryState.PENDING, DeliveryState.HELD}
    assert delivery_of(post).attempts == 0
    assert not Attempt.objects.exists()
    assert not network.posts()


def test_given_back_it_is_judged_again_and_goes_out_when_it_still_may(
    lumiere: House, network: Network, release: Any
) -> None:
    lumiere.approved("again")
    ready = claim("worker-1", 10)
    change_any_standing(lumiere, ready[0].delivery.post)
    assert start_sending(ready, "worker-1") == []
    release()
    assert network.texts() == ["again"]


def test_a_part_given_back_does_not_leave_the_post_releasing(
    lumiere: House, network: Network, release: Any
) -> None:
    lumiere.connect("second", base_url=network.base, account="second")
    post = lumiere.approved(channels=["demo", "second"])
    first, second = sorted(claim("worker-1", 10), key=lambda ready: ready.delivery.channel.key)
    network.front.arm("POST", POSTS, Fault(422))
    release([first])
    pause_channel(lumiere.ines, lumiere.channels["second"])
    release([second])
    assert states_of(post) == {"demo": DeliveryState.FAILED.value, "second": DeliveryState.PENDING.value}
    assert fresh(post).lifecycle is not PostState.RELEASING


# --- Permits ------------------------------------------------------------------------------------------
def test_a_permit_that_ran_out_sends_nothing(lumiere: House) -> None:
    post = lumiere.approved()
    (ready,) = claim("worker-1", 10)
    Permit.objects.update(expires_at=soon(-1))
    late = dataclasses.replace(
        ready, permit=dataclasses.replace(ready.permit, expires_at=Permit.objects.get().expires_at)
    )
    assert start_sending([late], "worker-1") == []
    assert states_of(post) == {"demo": DeliveryState.PENDING.value}


def test_a_permit_is_spent_once(lumiere: House, network: Network, through: httpx.Client) -> None:
    """The same claim handed in twice, by a fault of ours, is sent once."""
    lumiere.approved()
    ready = claim("worker-1", 10)
    (sending,) = start_sending(ready, "worker-1")
    assert start_sending(ready, "worker-1") == []
    assert Attempt.objects.count() == 1
    send(sending, through)
    assert len(network.posts()) == 1


def test_a_spent_permit_does_not_send(lumiere: House, network: Network, release: Any) -> None:
    """Somebody tampered with the permit: whatever becomes of the claim, nothing is sent."""
    lumiere.approved()
    ready = claim("worker-1", 10)
    Permit.objects.update(spent_at=database_now())
    with pytest.raises(RuntimeError):
        release(ready)
    assert not network.posts()
    assert not Attempt.objects.exists()


@pytest.mark.parametrize("wrong", [{"channel": "another"}, {"payload_sha256": "0" * 64}])
def test_a_permit_for_another_channel_or_other_bytes_is_refused_before_any_byte(
    lumiere: House, network: Network, through: httpx.Client, wrong: dict[str, str]
) -> None:
    lumiere.approved()
    sending = begin()
    seen = len(network.front.seen)
    result = send(dataclasses.replace(sending, permit=dataclasses.replace(sending.permit, **wrong)), through)
    assert result.outcome is Outcome.REJECTED
    assert len(network.front.seen) == seen


def test_bytes_changed_after_the_permit_are_refused_before_any_byte(
    lumiere: House, network: Network, through: httpx.Client
) -> None:
    lumiere.approved()
    sending = begin()
    body = {**sending.payload.body, "visibility": "unlisted"}
    forged = dataclasses.replace(sending, payload=dataclasses.replace(sending.payload, body=body))
    seen = len(network.front.seen)
    assert send(forged, through).outcome is Outcome.REJECTED
    assert len(network.front.seen) == seen


def test_a_permit_belongs_to_one_claim(lumiere: House) -> None:
    lumiere.approved()
    (ready,) = claim("worker-1", 10)
    again = Permit.objects.get()
    again.pk = None
    with pytest.raises(IntegrityError), transaction.atomic():
        again.save(force_insert=True)
    assert Permit.objects.get(pk=ready.permit.pk).delivery_id == ready.delivery.pk


def test_the_key_is_the_same_for_the_same_bytes_and_another_for_others(
    lumiere: House, network: Network, release: Any
) -> None:
    post = lumiere.approved()
    network.front.arm("POST", POSTS, Fault(503))
    release()
    first = Attempt.objects.get()
    age_deliveries([post], next_at=timedelta(hours=1))
    network.front.arm("POST", POSTS, Fault(422))
    release()
    second = Attempt.objects.order_by("pk").last()
    assert second is not None
    assert second.key == first.key
    revise(lumiere.ines, post.pk, {"text": "other words"})
    assert key_of(delivery_of(post)) != first.key


# --- What cannot be sent ------------------------------------------------------------------------------
def test_an_image_replaced_behind_the_same_name_is_not_sent(
    lumiere: House, network: Network, release: Any
) -> None:
    image = picture(lumiere.ines, lumiere.brand)
    post = lumiere.approved("with", media=[{"id": image.pk, "alt": ALT}])
    other = picture(lumiere.ines, lumiere.brand, "#102030")
    with (
        Media.objects.get(pk=image.pk).file.open("wb") as file,
        Media.objects.get(pk=other.pk).file.open("rb") as source,
    ):
        file.write(source.read())
    (result,) = release()
    assert result.outcome is Outcome.REJECTED
    assert states_of(post) == {"demo": DeliveryState.FAILED.value}
    assert not network.posts()


def test_a_lost_secret_is_lost_authorisation(lumiere: House, network: Network, release: Any) -> None:
    post = lumiere.approved()
    ChannelSecret.objects.create(channel=lumiere.channels["demo"], ciphertext="not ours")
    (result,) = release()
    assert result.outcome is Outcome.AUTH_FAILED
    assert states_of(post) == {"demo": DeliveryState.FAILED.value}
    assert not network.posts()


def test_unusable_settings_are_an_outcome_and_not_a_crash(
    lumiere: House, network: Network, release: Any
) -> None:
    post = lumiere.approved()
    Channel.objects.update(settings={"base_url": "nowhere", "account": "maison-lumiere"})
    (result,) = release()
    assert result.outcome is Outcome.REJECTED
    assert states_of(post) == {"demo": DeliveryState.FAILED.value}
    assert not network.posts()


def test_a_fault_of_ours_while_sending_is_unknown_and_shows_no_secret(
    lumiere: House, through: httpx.Client, caplog: pytest.LogCaptureFixture
) -> None:
    image = picture(lumiere.ines, lumiere.brand)
    lumiere.approved(media=[{"id": image.pk, "alt": ALT}])
    sending = dataclasses.replace(begin(), media={}, secret="s3cret-of-the-channel")
    with caplog.at_level(logging.ERROR):
        result = send(sending, through)
    assert result.outcome is Outcome.UNKNOWN
    assert "s3cret" not in caplog.text + result.answer + str(dict(result.problem))


def test_what_waited_too_long_for_a_thread_is_given_back_unsent(
    lumiere: House, network: Network, through: httpx.Client, settings: Any
) -> None:
    """Its process stood still, say: its lease may run out, and somebody else look after it, any moment."""
    post = lumiere.approved()
    sending = begin()
    late = dataclasses.replace(sending, begun=sending.begun - settings.PUBLISH_BEGIN_WITHIN_S - 0.1)
    result = send(late, through)
    record_results([result])
    assert (result.outcome, result.given_back) == (Outcome.NOT_SENT, True)
    assert not network.posts()
    assert states_of(post) == {"demo": DeliveryState.PENDING.value}


def test_the_journal_tells_of_the_outcome_with_permit_and_digest(lumiere: House, release: Any) -> None:
    post = lumiere.approved()
    release()
    entry = Entry.objects.get(verb="delivery.delivered")
    permit = Permit.objects.get()
    assert entry.data["permit"] == permit.pk
    assert entry.data["digest"] == permit.digest == delivery_of(post).approved_digest
    assert entry.data["url"] == delivery_of(post).url


def test_no_other_module_has_a_way_to_the_network(lumiere: House) -> None:
    """`publish` without a permit does not even have a signature; with a made-up one it is refused."""
    delivery = delivery_of(lumiere.approved())
    made_up = base.Permit(1, delivery.pk, "another", "digest", "0" * 64)
    with pytest.raises(base.PermitRefused):
        made_up.demand(base.Payload.from_json(delivery.payload or {}))
    assert ChannelHealth.objects.get().ok
