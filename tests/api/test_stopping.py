"""Pauses, incidents, channels and settling through the API."""

from __future__ import annotations

import pytest

from approvals.models import Incident, Pause
from posts.models import Channel, Delivery, Post
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal

BRAND = {"scope": {"brand": True}, "reason": "Un client se plaint en public."}


def scheduled(cast: Cast, submitted: Draft) -> int:
    made = submitted()
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    return int(made["id"])


def test_an_incident_stops_and_two_people_lift_it(cast: Cast, submitted: Draft):
    pk = scheduled(cast, submitted)
    refusal(cast.ines.post(f"{HERE}/incidents", BRAND), 403, "not_qualified")
    answer = cast.victor.post(f"{HERE}/incidents", BRAND)
    assert answer.status_code == 201
    incident = answer.json()
    assert (incident["scope"], incident["declared_by"]["name"]) == ({"brand": True}, "Victor")
    told = cast.ines.get(f"/posts/{pk}").json()
    assert told["state"] == "held"
    assert "frozen" in {one["code"] for one in told["gate"]["blockers"]}
    assert told["decisions"][0]["why_not_code"] == "other_epoch"
    path = f"/incidents/{incident['id']}/lift"
    refusal(cast.outsider.post(path), 404, "no_such_incident")
    refusal(cast.nobody.post(path), 401, "unauthenticated")
    assert cast.victor.post(path, {"reason": "C’est réglé."}).json()["lifted_at"] is None
    lifted = cast.ines.post(path).json()
    assert lifted["lifted_at"]
    assert [one["name"] for one in lifted["lifting"]] == ["Victor", "Inès"]
    refusal(cast.hugo.post(path), 409, "already_lifted")
    assert cast.ines.get(f"/posts/{pk}").json()["state"] == "held"


def test_anybody_pauses_and_the_qualified_go_on(cast: Cast, submitted: Draft):
    pk = scheduled(cast, submitted)
    answer = cast.ines.post(f"{HERE}/pauses", {"scope": {"channels": ["demo"]}})
    assert answer.status_code == 201
    pause = answer.json()
    assert pause["scope"] == {"channels": ["demo"], "products": []}
    assert "paused" in {one["code"] for one in cast.ines.get(f"/posts/{pk}/gate").json()["blockers"]}
    path = f"/pauses/{pause['id']}"
    refusal(cast.outsider.call("DELETE", path), 404, "no_such_pause")
    refusal(cast.nobody.call("DELETE", path), 401, "unauthenticated")
    refusal(cast.ines.call("DELETE", path), 403, "not_qualified")
    assert cast.marc.call("DELETE", path).json()["ended_at"]
    refusal(cast.marc.call("DELETE", path), 409, "already_ended")


@pytest.mark.parametrize("what", ["incidents", "pauses"])
@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"scope": {}, "reason": "x"}, "scope"),
        ({"scope": {"channels": ["nulle-part"]}, "reason": "x"}, "scope"),
        ({"scope": {"brand": "oui"}, "reason": "x"}, "scope.brand"),
        ({"reason": "x"}, "scope"),
        ({"scope": {"brand": True}, "reason": "a\x00"}, "reason"),
        ({"scope": {"channels": ["\x00"]}, "reason": "x"}, "scope"),
    ],
)
def test_a_scope_that_is_none_is_refused(cast: Cast, what: str, body: dict[str, object], field: str):
    answer = cast.victor.post(f"{HERE}/{what}", body)
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == [field]
    assert not Incident.objects.exists()
    assert not Pause.objects.exists()


def test_strangers_stop_nothing(cast: Cast):
    for what in ("incidents", "pauses"):
        refusal(cast.outsider.post(f"{HERE}/{what}", BRAND), 404, "no_such_brand")
        refusal(cast.nobody.post(f"{HERE}/{what}", BRAND), 401, "unauthenticated")


def test_an_incident_needs_a_reason(cast: Cast):
    told = refusal(cast.victor.post(f"{HERE}/incidents", {"scope": {"brand": True}}), 422, "reason_needed")
    assert "reason" in told["errors"]


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
