"""What is posted by hand: handed over when the gate allows, never sent, settled by whoever posted it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from accounts.refusals import Refused
from approvals.incidents import declare, pause
from approvals.steering import hold, resume
from journal.models import Entry, Notice
from journal.wording import notice_title, verb_name
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from publishing.claiming import claim
from publishing.connecting import pause_channel
from publishing.handing import HANDED_AGAIN_IN, hand_of, next_hand_over, read_hand
from publishing.jobs import reconcile_unknown
from publishing.measuring import Measures
from publishing.models import Attempt, Outcome, Permit
from publishing.reconciling import reconcile, settle, sweep, unsettled
from publishing.releasing import start_sending
from publishing.stopping import stop_brand
from publishing.ticking import miss_late
from tests.casting import Cast, fresh, in_hours, media, work
from tests.casting import cast as cast  # noqa: PLC0414
from tests.staging import age, age_deliveries, soon

pytestmark = pytest.mark.django_db
S, P = DeliveryState, PostState
HOUR = timedelta(hours=1)
LINK = "https://www.tiktok.com/@maison-lumiere/video/7"
WHOLE = {"brand": True, "channels": [], "products": []}


@pytest.fixture
def tiktok(cast: Cast) -> Cast:
    """With a channel where people post by hand."""
    cast.channel("tiktok", "manual", settings={"place": "TikTok"})
    return cast


def approved(cast: Cast, text: str = "Trois gestes.", **fields: object) -> Post:
    return cast.approved(text, channels=["tiktok"], slot="on_approval", **fields)


def one(post: Post) -> Delivery:
    found = read_hand(post.deliveries.get(channel__network="manual").pk)
    assert found is not None
    return found


@pytest.fixture
def handed(tiktok: Cast) -> Post:
    post = approved(tiktok)
    assert [result.outcome for result in work()] == [Outcome.BY_HAND]
    return fresh(post)


# --- Handed over -------------------------------------------------------------------------------------
def test_the_whole_way(tiktok: Cast):
    picture = media(tiktok)
    asked = [{"id": picture.pk, "alt": "Une lampe allumée."}]
    post = approved(tiktok, "L’atelier\u00a0: « ouvert »\u202f!", media=asked)
    work()
    delivery = one(post)
    assert (delivery.lifecycle, delivery.next_at) == (S.UNKNOWN, None)
    assert delivery.problem["code"] == "by_hand"
    assert fresh(post).lifecycle is P.UNKNOWN
    attempt = Attempt.objects.get()
    assert (attempt.outcome, attempt.ended_at is not None, attempt.remote_id) == (Outcome.BY_HAND, True, "")
    assert Permit.objects.get().spent_at is not None
    hand = hand_of(delivery)
    assert hand.payload is not None
    assert hand.payload.as_json() == delivery.payload
    (part,) = hand.payload.body["parts"]
    assert part["text"] == "L’atelier\u00a0: « ouvert »\u202f!"
    assert [(item["sha256"], item["alt"]) for item in part["media"]] == [
        (picture.sha256, "Une lampe allumée.")
    ]
    settle(tiktok.marc, delivery.pk, went_out=True, url=LINK)
    delivery = one(post)
    assert (delivery.lifecycle, delivery.url, delivery.problem) == (S.DELIVERED, LINK, {})
    assert delivery.delivered_at is not None
    assert fresh(post).lifecycle is P.PUBLISHED
    verbs = list(
        Entry.objects.filter(subject=f"delivery:{delivery.pk}")
        .order_by("pk")
        .values_list("verb", "actor__name")
    )
    assert verbs == [("delivery.by_hand", None), ("delivery.settle", "Marc")]
    assert verb_name("delivery.by_hand") != "delivery.by_hand"
    assert hand_of(delivery).shut == "settled"


def test_author_owner_and_the_entrusted_are_told_each_once(handed: Post, tiktok: Cast):
    told = Notice.objects.filter(kind="delivery.by_hand")
    names = sorted(told.values_list("user__name", flat=True))
    assert names == sorted(set(names))
    assert {"Inès", "Marc", "Nadia", "Olga"} <= set(names)
    assert "Sofia" not in names, "she is entrusted with the lamp, not with this network"
    notice = told.get(user=tiktok.marc)
    assert (notice.post_id, notice.data["by_hand"]) == (handed.pk, one(handed).pk)
    assert notice_title(notice) == "Post this by hand on Tiktok, and say when it is out"


def test_nobody_looks_for_it_resends_it_or_asks_again(handed: Post):
    assert unsettled(soon(86_400)) == []
    assert work() == []
    assert sweep() == 0
    assert reconcile(one(handed)) is S.UNKNOWN
    assert Attempt.objects.count() == 1


def test_beside_a_network_that_sends_by_itself(tiktok: Cast):
    tiktok.channel("log")
    post = tiktok.approved("Partout", channels=["tiktok", "log"], slot="on_approval")
    work()
    states = dict(post.deliveries.values_list("channel__key", "state"))
    assert states == {"tiktok": S.UNKNOWN.value, "log": S.DELIVERED.value}
    settle(tiktok.ines, one(post).pk, went_out=True)
    assert fresh(post).lifecycle is P.PUBLISHED


def test_what_the_gate_denies_is_never_handed_over(tiktok: Cast):
    post = approved(tiktok)
    hold(tiktok.marc, post.pk, "Attendons.")
    assert work() == []
    assert one(post).lifecycle is S.HELD
    assert not Notice.objects.filter(kind="delivery.by_hand").exists()
    assert hand_of(one(post)).shut == "not_handed"
    assert hand_of(one(post)).payload is None


def test_anybody_holds_what_was_handed_over_its_page_closes_and_those_told_hear_of_it(
    handed: Post, tiktok: Cast
):
    assert hand_of(one(handed)).payload is not None
    hold(tiktok.sofia, handed.pk, "Pas ce soir.")
    assert (one(handed).lifecycle, fresh(handed).lifecycle) == (S.UNKNOWN, P.UNKNOWN), "it may be out"
    hand = hand_of(one(handed))
    assert (hand.payload, hand.shut) == (None, "gate")
    told = set(Notice.objects.filter(kind="delivery.by_hand").values_list("user__name", flat=True))
    heard = list(Notice.objects.filter(kind="post.hold").values_list("user__name", flat=True))
    assert sorted(heard) == sorted(told - {"Sofia"})
    with pytest.raises(Refused, match="nothing to hold"):
        hold(tiktok.marc, handed.pk)
    resume(tiktok.marc, handed.pk)
    assert hand_of(one(handed)).payload is not None


def test_what_was_posted_before_the_hold_can_still_be_said(handed: Post, tiktok: Cast):
    hold(tiktok.sofia, handed.pk)
    settle(tiktok.marc, one(handed).pk, went_out=True, url=LINK)
    assert fresh(handed).lifecycle is P.PUBLISHED


def test_held_and_not_posted_it_is_not_handed_over_again_before_it_is_resumed(handed: Post, tiktok: Cast):
    hold(tiktok.sofia, handed.pk)
    settle(tiktok.marc, one(handed).pk, went_out=False)
    assert (one(handed).lifecycle, fresh(handed).lifecycle) == (S.HELD, P.HELD)
    assert work() == []
    resume(tiktok.marc, handed.pk)
    assert fresh(handed).lifecycle is P.SCHEDULED
    assert [result.outcome for result in work()] == [Outcome.BY_HAND]
    assert hand_of(one(handed)).payload is not None


# --- Not posted --------------------------------------------------------------------------------------
def test_not_posted_it_waits_a_while_and_then_the_gate_is_asked_again(handed: Post, tiktok: Cast):
    Delivery.objects.filter(post=handed).update(expires_at=in_hours(2))
    settle(tiktok.marc, one(handed).pk, went_out=False)
    delivery = one(handed)
    assert (delivery.lifecycle, fresh(handed).lifecycle) == (S.PENDING, P.SCHEDULED)
    assert delivery.next_at is not None
    assert soon(0) < delivery.next_at <= soon(0) + HANDED_AGAIN_IN
    assert work() == [], "at once would tell everybody every second"
    age_deliveries([handed], next_at=HANDED_AGAIN_IN)
    assert [result.outcome for result in work()] == [Outcome.BY_HAND]
    assert Permit.objects.count() == 2, "one permit for each time it was handed over"
    assert Notice.objects.filter(kind="delivery.by_hand", user=tiktok.marc).count() == 2


def test_not_posted_and_stopped_meanwhile_it_is_held(handed: Post, tiktok: Cast):
    settle(tiktok.marc, one(handed).pk, went_out=False)
    hold(tiktok.marc, handed.pk, "Pas aujourd’hui.")
    age_deliveries([handed], next_at=HOUR)
    assert work() == []
    assert fresh(handed).lifecycle is P.HELD


def test_not_posted_and_too_late_it_is_missed(handed: Post, tiktok: Cast):
    age(handed, timedelta(days=2))
    settle(tiktok.marc, one(handed).pk, went_out=False)
    assert miss_late() == 1
    assert fresh(handed).lifecycle is P.MISSED


def test_it_is_not_handed_over_past_the_last_instant(handed: Post):
    now = soon(0)
    delivery = one(handed)
    delivery.expires_at = now + timedelta(minutes=5)
    assert next_hand_over(delivery, now) == delivery.expires_at
    delivery.expires_at = now - HOUR
    assert next_hand_over(delivery, now) == now
    delivery.expires_at = None
    assert next_hand_over(delivery, now) == now + HANDED_AGAIN_IN


# --- The gate after the hand-over --------------------------------------------------------------------
def _revoke(cast: Cast, _post: Post) -> None:
    cast.credentials("nadia", "craft").update(ended_at=soon(-1))


def _declare(cast: Cast, _post: Post) -> None:
    declare(cast.victor, cast.brand, WHOLE, "Une lampe a pris feu.")


def _pause(cast: Cast, _post: Post) -> None:
    pause(cast.ines, cast.brand, WHOLE, "Une minute.")


def _pause_channel(cast: Cast, post: Post) -> None:
    pause_channel(cast.ines, one(post).channel, "Compte en panne.")


def _stop(cast: Cast, _post: Post) -> None:
    stop_brand(cast.ines, cast.brand, "Tout.")


def _other_bytes(_cast: Cast, post: Post) -> None:
    payload = one(post).payload
    assert payload is not None
    payload["body"]["parts"][0]["text"] = "Autre chose"
    Delivery.objects.filter(post=post).update(payload=payload)


def _late(_cast: Cast, post: Post) -> None:
    Delivery.objects.filter(post=post).update(expires_at=soon(-1))


def _window_over(_cast: Cast, post: Post) -> None:
    Post.objects.filter(pk=post.pk).update(window_until=soon(-1), window_from=F("window_from") - HOUR)


def _held(cast: Cast, post: Post) -> None:
    Post.objects.filter(pk=post.pk).update(held_by=cast.marc)


@pytest.mark.parametrize(
    ("close", "shut"),
    [
        (_revoke, "gate"),
        (_declare, "gate"),
        (_pause, "gate"),
        (_held, "gate"),
        (_window_over, "gate"),
        (_pause_channel, "paused"),
        (_stop, "stopped"),
        (_other_bytes, "bytes"),
        (_late, "too_late"),
    ],
)
def test_closed_after_the_hand_over_nothing_is_given_out(
    handed: Post, tiktok: Cast, close: Callable[[Cast, Post], None], shut: str
):
    assert hand_of(one(handed)).payload is not None
    close(tiktok, handed)
    hand = hand_of(one(handed))
    assert (hand.payload, hand.shut) == (None, shut)
    assert one(handed).lifecycle is S.UNKNOWN, "it may be out: that is still for a person to say"
    settle(tiktok.marc, one(handed).pk, went_out=True, url=LINK)
    assert one(handed).lifecycle is S.DELIVERED


def test_it_says_until_when(handed: Post):
    Delivery.objects.filter(post=handed).update(expires_at=in_hours(1))
    assert hand_of(one(handed)).until == one(handed).expires_at


# --- A worker that died over it ----------------------------------------------------------------------
@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_over_the_hand_over(tiktok: Cast):
    post = approved(tiktok)
    start_sending(claim("worker-that-died", 10), "worker-that-died")
    assert hand_of(one(post)).shut == "not_handed"
    age_deliveries([post], lease_until=HOUR)
    sweep()
    reconcile_unknown()
    told = Notice.objects.filter(kind="delivery.unknown")
    assert {row.data["by_hand"] for row in told} == {one(post).pk}
    assert sorted(told.values_list("user__name", flat=True)) == ["Inès", "Olga"]
    assert unsettled(soon(86_400)) == []
    assert hand_of(one(post)).payload is not None, (
        "nobody had it in hand yet, and it may be posted from there"
    )
    settle(tiktok.ines, one(post).pk, went_out=True, url=LINK)
    assert fresh(post).lifecycle is P.PUBLISHED


def test_what_waits_for_a_hand_is_measured_apart_from_what_nobody_knows(handed: Post, tiktok: Cast):
    tiktok.channel("log")
    lost = tiktok.approved(channels=["log"], slot="on_approval")
    start_sending(claim("worker-that-died", 10), "worker-that-died")
    age_deliveries([lost], lease_until=HOUR)
    sweep()
    measures = Measures()
    measures.update()
    told = {
        name: measures.registry.get_sample_value(f"cmq_deliveries_{name}") for name in ("by_hand", "unknown")
    }
    assert told == {"by_hand": 1, "unknown": 1}


def test_a_delivery_of_another_network_is_none_of_this(tiktok: Cast):
    tiktok.channel("log")
    post = tiktok.approved(channels=["log"], slot="on_approval")
    assert read_hand(post.deliveries.get().pk) is None
    assert read_hand(10**9) is None
