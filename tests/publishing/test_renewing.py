"""Credentials that run out: signed in once, renewed before their end by one process, never lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.db.models import F

from accounts.clock import database_now
from adapters.base import AdapterError
from adapters.bluesky_session import Session
from adapters.x_session import Session as XSession
from approvals.models import Credential
from journal.models import Entry, Notice
from journal.recording import WORKER
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel, Delivery
from publishing import ticking
from publishing.connecting import check_channel
from publishing.dialling import client, secret_of
from publishing.jobs import renew_secrets
from publishing.keeping import keep_secret, reveal
from publishing.models import ChannelHealth, ChannelSecret
from publishing.reconciling import reconcile
from publishing.renewing import NeedsAPerson, due_for_renewal, renew, warn_of_ends
from publishing.retracting import retract, work_retractions
from tests.casting import work
from tests.contract import far_bluesky, far_linkedin, far_x
from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.strict_bluesky import HANDLE, PASSWORD
from tests.publishing.conftest import through
from tests.staging import House, fresh, house

__all__ = ["through"]
pytestmark = pytest.mark.django_db
CREATE = "/xrpc/com.atproto.server.createSession"
REFRESH = "/xrpc/com.atproto.server.refreshSession"
Release = Callable[[], list[Any]]


@pytest.fixture
def far(through: httpx.Client, tmp_path: Any) -> Iterator[Far]:
    with far_bluesky.far(through, tmp_path) as made:
        yield made


@pytest.fixture
def lumiere(far: Far) -> House:
    """Its channel was connected with an app password that somebody typed."""
    made = house()
    made.connect("bluesky", "bluesky", PASSWORD, base_url=far.front.base_url, handle=HANDLE)
    before = Credential.objects.get(brand=made.brand, user=made.nadia, domain="channel:demo")
    before.pk, before.domain = None, "channel:bluesky"
    before.save(force_insert=True)
    Credential.objects.filter(pk=before.pk).update(valid_from=F("valid_from") - timedelta(days=1))
    return made


@pytest.fixture
def release(through: httpx.Client) -> Release:
    return lambda: work(through)


def kept(house: House) -> ChannelSecret:
    return ChannelSecret.objects.get(channel=house.channels["bluesky"])


def due_now(house: House) -> None:
    ChannelSecret.objects.update(renew_at=database_now() - timedelta(seconds=1))


def renewed() -> int:
    return sum(renew(WORKER, one) for one in due_for_renewal())


def later() -> None:
    Delivery.objects.update(next_at=database_now())


# --- Signing in -----------------------------------------------------------------------------------
def test_connecting_signs_in_once_and_keeps_the_session(lumiere: House, far: Far):
    channel = lumiere.channels["bluesky"]
    assert ChannelHealth.objects.get(channel=channel).ok
    assert len(far.front.requests("POST", CREATE)) == 1
    session = Session.read(secret_of(channel))
    assert (session.password, bool(session.access), bool(session.refresh)) == (PASSWORD, True, True)
    stored = kept(lumiere)
    assert stored.expires_at
    assert stored.renew_at
    assert database_now() < stored.renew_at < stored.expires_at
    check_channel(WORKER, channel)
    assert len(far.front.requests("POST", CREATE)) == 1, "a check signs in no second time"


def test_nothing_is_renewed_before_its_time(lumiere: House, far: Far):
    assert due_for_renewal() == []
    assert not renew(WORKER, lumiere.channels["bluesky"])
    assert far.front.requests("POST", REFRESH) == []


# --- Before the end -------------------------------------------------------------------------------
def test_it_is_renewed_before_its_end_and_posts_go_on(lumiere: House, far: Far, release: Release):
    before = secret_of(lumiere.channels["bluesky"])
    due_now(lumiere)
    assert renewed() == 1
    assert len(far.front.requests("POST", REFRESH)) == 1
    assert secret_of(lumiere.channels["bluesky"]) != before
    assert due_for_renewal() == []
    assert Entry.objects.filter(verb="channel.renew").exists()
    post = lumiere.approved("Après le renouvellement.")
    release()
    assert fresh(post).lifecycle == PostState.PUBLISHED
    assert far.count("Après le renouvellement.") == 1


@pytest.mark.django_db(transaction=True)
def test_the_hint_of_it_is_worked(lumiere: House, far: Far):
    due_now(lumiere)
    assert renew_secrets() == 1
    far.front.arm("POST", REFRESH, Fault(503), times=1)
    due_now(lumiere)
    assert renew_secrets() == 0
    assert renew_secrets() == 0


def test_one_process_at_a_time_trades_it(lumiere: House, far: Far):
    due_now(lumiere)
    ChannelSecret.objects.update(renewing_until=database_now() + timedelta(seconds=30))
    assert due_for_renewal() == []
    assert not renew(WORKER, lumiere.channels["bluesky"])
    # Whoever was at it died: after its lease another takes over.
    ChannelSecret.objects.update(renewing_until=database_now() - timedelta(seconds=1))
    assert renew(WORKER, lumiere.channels["bluesky"])
    assert len(far.front.requests("POST", REFRESH)) == 1


def test_a_network_that_is_away_is_asked_again_later_and_nothing_is_lost(lumiere: House, far: Far):
    before = secret_of(lumiere.channels["bluesky"])
    due_now(lumiere)
    far.front.arm("POST", REFRESH, Fault(503), times=1)
    with pytest.raises(AdapterError):
        renew(WORKER, lumiere.channels["bluesky"])
    assert secret_of(lumiere.channels["bluesky"]) == before
    assert ChannelHealth.objects.get().ok, "being away for a moment is no trouble of the channel's"
    assert due_for_renewal() == []
    ChannelSecret.objects.update(renewing_until=None)
    assert renew(WORKER, lumiere.channels["bluesky"])


def test_what_a_person_reconnects_meanwhile_is_not_overwritten(lumiere: House, far: Far):
    channel, hooks = lumiere.channels["bluesky"], client().event_hooks
    due_now(lumiere)
    # While the network's answer is on its way.
    client().event_hooks = {"response": [lambda _answer: keep_secret(channel, "another-app-password")]}
    try:
        assert not renew(WORKER, channel)
    finally:
        client().event_hooks = hooks
    assert len(far.front.requests("POST", REFRESH)) == 1
    assert secret_of(channel) == "another-app-password"


def test_what_cannot_be_traded_is_left_alone_until_its_end(through: httpx.Client, tmp_path: Any):
    """As a token without a refresh token: it would else be renewed again and again towards its end."""
    ends = (database_now() + timedelta(days=20)).replace(microsecond=0)
    with far_linkedin.far(through, tmp_path) as far:
        secret = replace(far_linkedin.session(), refresh="", expires=ends).dump()
        made = house()
        channel = made.connect("linkedin", "linkedin", secret, base_url=far.front.base_url, **far.settings)
        stored = ChannelSecret.objects.get(channel=channel)
        assert ChannelHealth.objects.get(channel=channel).ok
    assert (stored.renew_at, stored.expires_at) == (ends, ends)
    assert due_for_renewal() == []
    assert not Entry.objects.filter(verb="channel.renew").exists()
    assert secret_of(channel) == secret


# --- After the end --------------------------------------------------------------------------------
def test_a_token_that_ran_out_on_the_way_is_renewed_and_the_post_goes_out_once(
    lumiere: House, far: Far, release: Release
):
    post = lumiere.approved("Le jeton a expiré.")
    far.front.arm("POST", far.create, Fault(400, b'{"error": "ExpiredToken", "message": "out"}'), times=1)
    (result,) = release()
    assert result.ran_out
    assert far.count("Le jeton a expiré.") == 0
    row = post.deliveries.get()
    assert row.lifecycle == DeliveryState.PENDING
    assert ChannelHealth.objects.get().failures == 0, "no failure of the channel's"
    assert [one.pk for one in due_for_renewal()] == [lumiere.channels["bluesky"].pk]
    ticking.hint_if_running_out()
    assert renewed() == 1
    later()
    release()
    assert fresh(post).lifecycle == PostState.PUBLISHED
    assert far.count("Le jeton a expiré.") == 1


def test_a_retraction_that_meets_it_is_no_lost_try(lumiere: House, far: Far, release: Release):
    post = lumiere.approved("À retirer.")
    release()
    retract(lumiere.nadia, post.pk)
    path = "/xrpc/com.atproto.repo.deleteRecord"
    far.front.arm("POST", path, Fault(400, b'{"error": "ExpiredToken", "message": "out"}'), times=1)
    work_retractions()
    row = post.deliveries.get().retraction
    assert (row.tries, row.done_at) == (0, None)
    assert renewed() == 1
    row.next_at = database_now()
    row.save()
    work_retractions()
    assert fresh(post).lifecycle == PostState.RETRACTED


def test_a_look_that_meets_it_has_it_renewed_and_asks_nobody(through: httpx.Client, tmp_path: Any):
    with far_x.far(through, tmp_path) as far:
        made = house()
        before = Credential.objects.get(brand=made.brand, user=made.nadia, domain="channel:demo")
        before.pk, before.domain = None, "channel:x"
        before.save(force_insert=True)
        channel = made.connect("x", "x", far.secret, base_url=far.front.base_url, **far.settings)
        post = made.approved("Sorti, ou non ?")
        far.front.arm("POST", far.create, Fault(cut="after accepting"), times=1)
        work(through)
        assert post.deliveries.get().lifecycle == DeliveryState.UNKNOWN
        session = XSession.read(secret_of(channel))
        keep_secret(channel, replace(session, expires=database_now() - timedelta(minutes=1)).dump())
        ChannelSecret.objects.update(renew_at=None)
        assert reconcile(post.deliveries.get()) == DeliveryState.UNKNOWN
        assert not Notice.objects.filter(kind="delivery.unknown").exists()
        assert renewed() == 1
        assert reconcile(post.deliveries.get()) == DeliveryState.DELIVERED
        assert far.count("Sorti, ou non ?") == 1


def test_a_sign_in_that_is_taken_no_more_stops_the_channel_and_tells_the_owners_once(
    lumiere: House, far: Far, release: Release
):
    post = lumiere.approved("En attente.")
    due_now(lumiere)
    refused = Fault(400, b'{"error": "AccountDeactivated", "message": "gone"}')
    far.front.arm("POST", REFRESH, refused, times=9)
    far.front.arm("POST", CREATE, refused, times=9)
    with pytest.raises(NeedsAPerson):
        renew(WORKER, lumiere.channels["bluesky"])
    assert not ChannelHealth.objects.get().ok
    assert Notice.objects.filter(kind="channel.signed_out", user=lumiere.olga).count() == 1
    assert due_for_renewal() == []
    assert release() == []
    assert fresh(post).lifecycle == PostState.SCHEDULED, "nothing scheduled is lost"
    assert reveal(kept(lumiere)), "nor the secret"


def test_a_password_that_is_wrong_from_the_start_is_said_at_once(far: Far):
    made = house()
    channel = made.connect("bluesky", "bluesky", "wrong", base_url=far.front.base_url, handle=HANDLE)
    health = ChannelHealth.objects.get(channel=channel)
    assert not health.ok
    assert "app password" in health.problem
    assert Channel.objects.get(pk=channel.pk).account == ""


# --- What nobody but a person can renew -----------------------------------------------------------
def test_access_that_ends_within_a_week_is_told_once_and_again_for_another_end(lumiere: House):
    health = ChannelHealth.objects.filter(channel=lumiere.channels["bluesky"])
    health.update(expires_at=database_now() + timedelta(days=8))
    assert warn_of_ends() == 0
    health.update(expires_at=database_now() + timedelta(days=6))
    assert (warn_of_ends(), warn_of_ends()) == (1, 0)
    told = Notice.objects.filter(kind="channel.ends")
    assert [one.user for one in told] == [lumiere.olga]
    health.update(expires_at=database_now() + timedelta(days=5))
    assert warn_of_ends() == 1
    health.update(expires_at=database_now() - timedelta(days=1))
    assert warn_of_ends() == 0, "over: that is trouble, and told as such"
