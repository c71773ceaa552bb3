"""Holes that were found in other publishing tools by running them: each shown to be closed here.

Those of writing and approving go through the API; those of sending through a worker's round, step by step, to a
network on loopback.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest
from django.db.models import F
from django.test import Client

from accounts.clock import database_now
from accounts.models import User
from approvals.models import Credential, CredentialState, Decision
from approvals.reviewing import revise
from approvals.steering import hold
from journal.recording import OPERATOR
from posts.commenting import Remark, remark
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel, Comment, Delivery, Post
from posts.recurring import make_recurring, recur
from posts.scheduling import read_instant
from publishing.claiming import claim
from publishing.connecting import check_channel, pause_channel, resume_channel
from publishing.keeping import keep_secret
from publishing.models import Attempt, ChannelSecret, Pulse
from publishing.outcomes import record_results
from publishing.pulsing import TICKER, WORKER
from publishing.reconciling import reconcile, sweep
from publishing.releasing import send, start_sending
from tests.casting import Cast, digest_of, fresh, in_hours, is_open
from tests.contract.stand_ins.faulty_front import Fault
from tests.desk.entering import filled
from tests.flow.doors import ByApi
from tests.publishing.conftest import POSTS, Network, lumiere, network, release, through
from tests.staging import ALT, House, age_deliveries, delivery_of, picture

__all__ = ["lumiere", "network", "release", "through"]
HOUR = timedelta(hours=1)
Release = Callable[..., list[Any]]


@pytest.fixture
def api(cast: Cast, network: Network) -> ByApi:
    """Maison Lumière as the demonstration seeds it, its channel on the network that is looked at."""
    at = {"base_url": network.url, "account": cast.brand.slug}
    Channel.objects.filter(brand=cast.brand, key="demo").update(settings=at)
    return ByApi(cast)


def nothing_goes_out(network: Network, release: Release) -> None:
    """Not even when every slot has come."""
    Delivery.objects.filter(state=DeliveryState.PENDING.value).update(
        next_at=database_now(), due_at=database_now()
    )
    release()
    assert network.front.requests("POST", POSTS) == []


# --- Scheduled past "approval required" -------------------------------------------------------------
@pytest.mark.parametrize("slot", ["on_approval", "a slot"])
def test_the_composer_schedules_no_draft_past_its_approval(
    api: ByApi, network: Network, release: Release, slot: str
):
    post = api.draft("ines", slot=in_hours(2).isoformat() if slot == "a slot" else slot)
    assert fresh(post).lifecycle == PostState.DRAFT
    nothing_goes_out(network, release)


@pytest.mark.parametrize("verb", ["release", "resume", "reschedule"])
def test_the_queue_lets_no_post_go_past_its_approval(
    api: ByApi, network: Network, release: Release, verb: str
):
    post = api.submitted("ines", slot="on_approval")
    for who in ("ines", "nadia", "olga"):
        api.act(who, post, verb, **({"slot": "on_approval"} if verb == "reschedule" else {}))
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    nothing_goes_out(network, release)


def test_a_recurrence_of_an_approved_post_makes_drafts_that_nobody_has_approved(
    api: ByApi, cast: Cast, network: Network, release: Release
):
    post = api.approved(slot=in_hours(2).isoformat())
    recur(cast.ines, post, "FREQ=DAILY", database_now() + timedelta(days=1))
    assert make_recurring() > 1
    made = Post.objects.exclude(pk=post.pk)
    assert {one.lifecycle for one in made} == {PostState.DRAFT}
    hold(cast.ines, post.pk)
    nothing_goes_out(network, release)


def test_no_import_of_many_posts_goes_around_the_composer(api: ByApi):
    """There is none yet: when it comes, it is in the bypass matrix at once, and belongs here."""
    answer = api.call("nadia", "POST", f"/brands/{api.cast.brand.slug}/imports", {"rows": []})
    assert answer.status == 404
    assert not Post.objects.exists()


# --- What an approval is of ---------------------------------------------------------------------------
@pytest.mark.parametrize(
    "change", [{"text": "Autre chose."}, {"variants": {"demo": "Autre chose, ici seulement."}}], ids=str
)
def test_an_edit_of_a_scheduled_post_or_of_one_channels_text_takes_its_approval_away(
    api: ByApi, network: Network, release: Release, change: dict[str, Any]
):
    post = api.approved(slot="on_approval")
    assert api.edit("ines", post, **change).done
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert not is_open(post)
    nothing_goes_out(network, release)


def test_no_saving_by_itself_writes_another_persons_approved_post(cast: Cast, api: ByApi):
    post = api.approved()
    before = (fresh(post).revision_id, digest_of(post))
    client = Client()
    client.force_login(cast.marc)
    text = "Écrit par la page toute seule."
    previewed = client.post(f"/posts/{post.pk}/edit/preview/", filled(text=text))
    assert (previewed.status_code, text in previewed.content.decode()) == (200, True)
    assert (fresh(post).revision_id, digest_of(post)) == before
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_saving_without_a_change_keeps_the_approval(api: ByApi):
    post = api.approved()
    said = fresh(post).revision.content["text"]
    assert api.edit("ines", post, text=said).done
    assert fresh(post).lifecycle == PostState.SCHEDULED
    assert is_open(post)


def test_the_approved_revision_goes_out_and_never_the_latest(
    lumiere: House, network: Network, release: Release
):
    """Edited in the very moment between a worker's claim and its sending."""
    post = lumiere.approved("Ce qui fut lu.")
    ready = claim("worker-1", 10)
    assert len(ready) == 1
    revise(lumiere.ines, post.pk, {"text": "Ce que personne n’a lu."})
    assert release(ready) == []
    nothing_goes_out(network, release)


# --- Who approves -------------------------------------------------------------------------------------
def test_an_author_with_every_expertise_does_not_approve_their_own(api: ByApi):
    post = api.submitted("hugo")
    assert api.say("hugo", post).refused(403, "contributor")
    assert not Decision.objects.exists()


def test_one_person_does_not_clear_two_stages(api: ByApi):
    post = api.submitted("ines", kind="launch", products=[api.cast.lamp])
    for _again in range(2):
        api.say("hugo", post)
    sight = api.sees("ines", post)
    assert (sight.open, sight.needed, sight.have) == (False, 2, 1)


@pytest.mark.parametrize("who", ["owner", "superuser"])
def test_no_role_gives_a_right_that_expertise_does_not(api: ByApi, cast: Cast, who: str):
    if who == "superuser":
        User.objects.filter(pk=cast.olga.pk).update(is_superuser=True, is_staff=True)
    post = api.submitted("ines")
    assert api.say("olga", post).data["counted"] is False
    assert api.act("olga", post, "release").status == 403
    assert fresh(post).lifecycle == PostState.IN_REVIEW


# --- Other brands, other rooms --------------------------------------------------------------------------
def test_nobody_touches_another_brands_comment_by_its_number(api: ByApi, cast: Cast):
    post = api.submitted("ines", text="Trois gestes pour un abat-jour.")
    plain = remark(cast.nadia, post.pk, Remark("Vraiment ?"))
    suggested = remark(cast.nadia, post.pk, Remark("", quote="Trois", suggestion="Quatre"))
    before = list(Comment.objects.order_by("pk").values())
    for path in (f"/suggestions/{suggested.pk}/accept", f"/suggestions/{suggested.pk}/decline"):
        assert api.call("stranger", "POST", path, {}).status == 404
    for path in (f"/comments/{plain.pk}", f"/posts/{post.pk}/comments"):
        assert api.call("stranger", "DELETE", path).status in (404, 405)
    assert list(Comment.objects.order_by("pk").values()) == before


def test_what_is_said_inside_is_read_by_nobody_outside(
    api: ByApi, cast: Cast, network: Network, release: Release
):
    """Neither by another brand, nor by the public with the post."""
    post = api.submitted("ines", slot="on_approval")
    remark(cast.nadia, post.pk, Remark("Entre nous : le fournisseur a menti."))
    assert api.say("nadia", post).done
    release()
    assert len(network.posts()) == 1
    assert "fournisseur" not in str(network.posts())
    answer = api.call("stranger", "GET", f"/posts/{post.pk}/comments")
    assert answer.status == 404
    assert "fournisseur" not in answer.text


def test_whoever_only_reads_deletes_no_scheduled_post(api: ByApi, cast: Cast):
    post = api.approved()
    cast.member("lea")
    assert api.call("lea", "DELETE", f"/posts/{post.pk}").status == 405
    assert api.act("lea", post, "withdraw").status == 403
    assert fresh(post).lifecycle == PostState.SCHEDULED


# --- Sending ------------------------------------------------------------------------------------------
def test_the_worker_asks_the_gate_again(lumiere: House, network: Network, release: Release):
    """Expertise that ended in the meantime, in the rows alone: no verb came by to hold the post."""
    post = lumiere.approved()
    Credential.objects.filter(user=lumiere.nadia, domain="craft").update(
        state=CredentialState.REVOKED, ended_at=database_now()
    )
    release()
    assert network.posts() == []
    assert fresh(post).lifecycle == PostState.HELD


def test_alt_text_reaches_the_network(lumiere: House, network: Network, release: Release):
    image = picture(lumiere.ines, lumiere.brand)
    lumiere.approved("La lampe", media=[{"id": image.pk, "alt": ALT}])
    release()
    (out,) = network.posts()
    assert [item["alt"] for item in out["media"]] == [ALT]


def test_no_second_try_before_its_time(lumiere: House, network: Network, release: Release):
    post = lumiere.approved()
    network.front.arm("POST", POSTS, Fault(429, headers={"Retry-After": "30"}), times=9)
    for _round in range(4):
        release()
    assert len(network.front.requests("POST", POSTS)) == 1
    next_at = delivery_of(post).next_at
    assert next_at is not None
    assert (next_at - database_now()).total_seconds() > 25


def test_a_success_that_could_not_be_written_down_is_not_sent_again(
    lumiere: House, network: Network, release: Release, through: httpx.Client
):
    """The network took it; whoever was to write that down died."""
    post = lumiere.approved()
    for sending in start_sending(claim("worker-1", 10), "worker-1"):
        send(sending, through)
    age_deliveries([post], lease_until=HOUR)
    sweep()
    assert release() == []
    assert reconcile(delivery_of(post)) == DeliveryState.DELIVERED
    assert len(network.front.requests("POST", POSTS)) == 1


def test_what_a_dead_worker_had_taken_goes_out_after_all(lumiere: House, network: Network, release: Release):
    post = lumiere.approved()
    assert len(claim("dead", 10)) == 1
    assert release() == []
    age_deliveries([post], lease_until=HOUR)
    sweep()
    release()
    assert fresh(post).lifecycle == PostState.PUBLISHED
    assert len(network.posts()) == 1


def test_what_an_outrun_worker_still_holds_in_memory_sends_and_writes_nothing(
    lumiere: House, network: Network, release: Release, through: httpx.Client
):
    post = lumiere.approved()
    ready = claim("slow", 10)
    age_deliveries([post], lease_until=HOUR)
    sweep()
    (result,) = release()
    assert start_sending(ready, "slow") == []
    before = Delivery.objects.values().get()
    record_results([result])
    assert Delivery.objects.values().get() == before
    assert len(network.front.requests("POST", POSTS)) == 1


def test_a_500_is_not_answered_by_sending_again(lumiere: House, network: Network, release: Release):
    post = lumiere.approved()
    network.front.arm("POST", POSTS, Fault(500), times=9)
    for _round in range(4):
        release()
    assert fresh(post).lifecycle == PostState.UNKNOWN
    assert len(network.front.requests("POST", POSTS)) == 1


def test_every_attempt_at_the_same_bytes_has_the_same_key(lumiere: House, network: Network, release: Release):
    post = lumiere.approved()
    network.front.arm("POST", POSTS, Fault(503))
    release()
    Delivery.objects.filter(post=post).update(next_at=F("next_at") - HOUR)
    release()
    keys = [one.headers["idempotency-key"] for one in network.front.requests("POST", POSTS)]
    assert len(keys) == 2
    assert len({*keys}) == 1
    assert {*Attempt.objects.values_list("key", flat=True)} == {*keys}


# --- Calendar, channels, health ---------------------------------------------------------------------------
def test_a_recurrence_knows_its_drafts_by_their_slot_and_not_by_their_words(api: ByApi, cast: Cast):
    post = api.approved()
    recur(cast.ines, post, "FREQ=DAILY", database_now() + timedelta(days=1))
    # A few at each tick.
    assert sum(iter(make_recurring, 0)) > 1
    for one in Post.objects.exclude(pk=post.pk):
        assert api.edit("ines", one, text="Trois gestes, sans la faute.").done
    before = Post.objects.count()
    assert make_recurring() == 0
    assert Post.objects.count() == before


def test_nine_on_the_wall_is_nine_on_both_sides_of_a_clock_change():
    paris = ZoneInfo("Europe/Paris")
    before, after = (read_instant(f"2027-03-{day}T09:00", paris) for day in (27, 28))
    assert [one.astimezone(UTC).hour for one in (before, after)] == [8, 7]


@pytest.mark.parametrize("well", [True, False])
def test_looking_at_a_channel_or_pausing_it_leaves_its_secret(lumiere: House, network: Network, well: bool):
    channel = lumiere.channels["demo"]
    keep_secret(channel, "refresh-token")
    before = ChannelSecret.objects.values().get()
    if not well:
        network.front.arm("GET", "/api/me", Fault(401), times=9)
    assert check_channel(OPERATOR, channel).ok is well
    pause_channel(lumiere.ines, channel)
    resume_channel(lumiere.olga, channel)
    assert ChannelSecret.objects.values().get() == before


@pytest.mark.django_db
def test_a_dead_worker_makes_the_installation_unwell():
    Pulse.objects.create(kind=TICKER, name="here:1", at=database_now())
    worker = Pulse.objects.create(kind=WORKER, name="here:2", at=database_now())
    assert Client().get("/readyz").status_code == 200
    Pulse.objects.filter(pk=worker.pk).update(at=database_now() - timedelta(minutes=2))
    answer = Client().get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["checks"]["workers"]["ok"] is False
