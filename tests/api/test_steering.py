"""Holding, resuming, moving, releasing and withdrawing through the API."""

from __future__ import annotations

import pytest
from django.utils import timezone

from posts.models import Post
from tests.api.conftest import Cast, Draft, a_word, refusal, tomorrow

STEERING = ["withdraw", "hold", "resume", "reschedule", "release"]


def scheduled(cast: Cast, submitted: Draft, **more: object) -> dict[str, object]:
    made = submitted(**more)
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    return made


@pytest.mark.parametrize("verb", STEERING)
def test_strangers_steer_nothing(cast: Cast, submitted: Draft, verb: str):
    made = scheduled(cast, submitted)
    path, body = f"/posts/{made['id']}/{verb}", {"slot": tomorrow()} if verb == "reschedule" else None
    refusal(cast.outsider.post(path, body), 404, "no_such_post")
    refusal(cast.nobody.post(path, body), 401, "unauthenticated")
    assert Post.objects.get().state == "scheduled"


def test_anybody_holds_and_the_qualified_resume(cast: Cast, submitted: Draft):
    made = scheduled(cast, submitted)
    path = f"/posts/{made['id']}"
    held = cast.ines.post(f"{path}/hold", {"reason": "Je doute."}).json()
    assert held["state"] == "held"
    assert "held" in {one["code"] for one in held["gate"]["blockers"]}
    assert held["deliveries"][0]["state"] == "HELD"
    assert held["deliveries"][0]["problem"]["code"] == "held"
    refusal(cast.ines.post(f"{path}/hold"), 409, "cannot_hold")
    refusal(cast.ines.post(f"{path}/resume"), 403, "not_qualified")
    assert cast.nadia.post(f"{path}/resume").json()["state"] == "scheduled"
    refusal(cast.nadia.post(f"{path}/resume"), 409, "not_held")


def test_a_slot_moves_inside_its_window(cast: Cast, submitted: Draft):
    window = {"from": tomorrow(12), "until": tomorrow(60)}
    made = scheduled(cast, submitted, window=window)
    path = f"/posts/{made['id']}/reschedule"
    moved = cast.ines.post(path, {"slot": tomorrow(50)}, If_Match='"1"').json()
    assert moved["state"] == "scheduled"
    assert moved["revision"] == made["revision"]
    assert moved["deliveries"][0]["due_at"] == moved["slot"]
    outside = cast.ines.post(path, {"slot": tomorrow(200)}).json()
    assert outside["state"] == "in_review"
    assert outside["decisions"][0]["why_not_code"] == "other_digest"
    refusal(cast.ines.post(path, {"slot": tomorrow(200)}, If_Match='"1"'), 412, "stale_revision")


@pytest.mark.parametrize("slot", ["2020-01-01T09:00:00Z", "jamais", "", None, "2027-03-28T02:30:00"])
def test_a_slot_that_cannot_be_is_refused(cast: Cast, submitted: Draft, slot: str | None):
    made = scheduled(cast, submitted)
    answer = cast.ines.post(f"/posts/{made['id']}/reschedule", {"slot": slot})
    assert answer.status_code == 422
    assert list(answer.json()["errors"]) == ["slot"]
    assert cast.ines.get(f"/posts/{made['id']}").json()["slot"] == made["slot"]


def test_release_is_for_the_qualified_and_inside_the_window(cast: Cast, submitted: Draft):
    window = {"from": timezone.now().isoformat(), "until": tomorrow(60)}
    made = scheduled(cast, submitted, window=window)
    path = f"/posts/{made['id']}/release"
    refusal(cast.ines.post(path), 403, "not_qualified")
    out = cast.nadia.post(path)
    assert out.status_code == 200
    assert out.json()["slot"] < made["slot"]


def test_release_says_what_is_missing(cast: Cast, submitted: Draft):
    window = {"from": timezone.now().isoformat(), "until": tomorrow(60)}
    made = submitted(window=window)
    told = refusal(cast.nadia.post(f"/posts/{made['id']}/release"), 409, "gate_closed")
    assert "missing_requirement" in told["reasons"]
    assert cast.ines.get(f"/posts/{made['id']}").json()["slot"] == made["slot"]


def test_release_outside_the_window_is_refused(cast: Cast, submitted: Draft):
    made = scheduled(cast, submitted, slot=tomorrow(24 * 5))
    refusal(cast.nadia.post(f"/posts/{made['id']}/release"), 409, "outside_window")


def test_the_author_withdraws_for_good(cast: Cast, submitted: Draft):
    made = submitted()
    path = f"/posts/{made['id']}/withdraw"
    refusal(cast.marc.post(path), 403, "not_yours")
    assert cast.ines.post(path).json()["state"] == "withdrawn"
    refusal(cast.ines.post(path), 403, "not_yours")
    refusal(cast.ines.patch(f"/posts/{made['id']}", {"text": "x"}), 409, "already_out")
