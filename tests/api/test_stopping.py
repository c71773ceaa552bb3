"""Channels and settling through the API."""

from __future__ import annotations

import pytest

from posts.models import Channel, Delivery, Post
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal


def scheduled(cast: Cast, submitted: Draft) -> int:
    made = submitted()
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    return int(made["id"])


# --- Channels -----------------------------------------------------------------------------------
def test_channels_show_health_and_limits_and_no_secret(cast: Cast):
    (channel,) = cast.ines.get(f"{HERE}/channels").json()["items"]
    assert (channel["key"], channel["network"], channel["active"]) == ("demo", "demo", True)
    assert set(channel["health"]) == {"ok", "problem", "checked_at", "expires_at", "wait_until"}
    assert channel["limits"]
    assert not {"secret", "settings"} & set(channel)


def test_a_channel_is_paused_by_anybody_and_resumed_by_the_entrusted(cast: Cast):
    path = f"/channels/{Channel.objects.get().pk}"
    for verb in ("pause", "resume"):
        refusal(cast.outsider.post(f"{path}/{verb}"), 404, "no_such_channel")
        refusal(cast.nobody.post(f"{path}/{verb}"), 401, "unauthenticated")
    paused = cast.ines.post(f"{path}/pause", {"reason": "Il répond mal."}).json()
    assert paused["paused_at"]
    assert paused["pause_reason"] == "Il répond mal."
    refusal(cast.ines.post(f"{path}/pause"), 409, "already_paused")
    refusal(cast.ines.post(f"{path}/resume"), 403, "not_qualified")
    assert cast.marc.post(f"{path}/resume").json()["paused_at"] is None
    refusal(cast.marc.post(f"{path}/resume"), 409, "not_paused")


# --- Settling -----------------------------------------------------------------------------------
@pytest.fixture
def uncertain(cast: Cast, submitted: Draft) -> Delivery:
    pk = scheduled(cast, submitted)
    Delivery.objects.filter(post_id=pk).update(state="UNKNOWN", attempts=1, problem={"code": "unknown"})
    Post.objects.filter(pk=pk).update(state="unknown")
    return Delivery.objects.get(post_id=pk)


def test_a_person_says_that_it_went_out(cast: Cast, uncertain: Delivery):
    path = f"/deliveries/{uncertain.pk}/settle"
    refusal(cast.outsider.post(path, {"went_out": True}), 404, "no_such_delivery")
    refusal(cast.nobody.post(path, {"went_out": True}), 401, "unauthenticated")
    assert (
        cast.ines.get(f"/posts/{uncertain.post_id}").json()["deliveries"][0]["problem"]["code"] == "unknown"
    )
    told = cast.ines.post(path, {"went_out": True, "url": "https://example.org/1"}).json()
    assert (told["state"], told["url"], told["id"]) == ("DELIVERED", "https://example.org/1", uncertain.pk)
    assert cast.ines.get(f"/posts/{uncertain.post_id}").json()["state"] == "published"
    refusal(cast.ines.post(path, {"went_out": False}), 409, "already_settled")


def test_a_person_says_that_it_did_not(cast: Cast, uncertain: Delivery):
    told = cast.ines.post(f"/deliveries/{uncertain.pk}/settle", {"went_out": False}).json()
    assert told["state"] == "PENDING"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "went_out"),
        ({"went_out": "oui"}, "went_out"),
        ({"went_out": True, "url": "javascript:alert(1)"}, "url"),
        ({"went_out": True, "url": "https://" + "x" * 1000}, "url"),
    ],
)
def test_settling_refuses_what_it_cannot_read(
    cast: Cast, uncertain: Delivery, body: dict[str, object], field: str
):
    answer = cast.ines.post(f"/deliveries/{uncertain.pk}/settle", body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    uncertain.refresh_from_db()
    assert uncertain.state == "UNKNOWN"


# --- Trying again ---------------------------------------------------------------------------------
def test_what_was_refused_is_tried_again_by_somebody_qualified(cast: Cast, submitted: Draft):
    made = submitted(slot="on_approval")
    pk = made["id"]
    cast.nadia.post(f"/posts/{pk}/decisions", a_word(made))
    Delivery.objects.filter(post_id=pk).update(state="FAILED", attempts=1, problem={"code": "rejected"})
    Post.objects.filter(pk=pk).update(state="failed")
    path = f"/deliveries/{Delivery.objects.get(post_id=pk).pk}/retry"
    refusal(cast.nobody.post(path), 401, "unauthenticated")
    refusal(cast.outsider.post(path), 404, "no_such_delivery")
    refusal(cast.ines.post(path), 403, "not_qualified")
    told = cast.nadia.post(path).json()
    assert (told["state"], told["problem"]) == ("PENDING", None)
    assert cast.ines.get(f"/posts/{pk}").json()["state"] == "scheduled"
    refusal(cast.nadia.post(path), 409, "not_failed")
