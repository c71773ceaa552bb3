"""Pauses and incidents through the API: what they stop, what they say, how they end."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.models import Incident, Pause
from posts.models import Post
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal, tomorrow

BRAND: dict[str, Any] = {"scope": {"brand": True}, "reason": "Un client se plaint en public."}


def scheduled(cast: Cast, submitted: Draft, **more: Any) -> int:
    made = submitted(**more)
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    return int(made["id"])


def approve(cast: Cast, who: str, pk: int) -> Any:
    told = cast.ines.get(f"/posts/{pk}").json()
    return getattr(cast, who).post(f"/posts/{pk}/decisions", a_word(told))


def declare(cast: Cast, **scope: Any) -> dict[str, Any]:
    body = {**BRAND, "scope": scope or {"brand": True}}
    answer = cast.victor.post(f"{HERE}/incidents", body)
    assert answer.status_code == 201, answer.content
    told: dict[str, Any] = answer.json()
    return told


def lift(cast: Cast, pk: int, *who: str) -> dict[str, Any]:
    told: dict[str, Any] = {}
    for one in who or ("victor", "ines"):
        told = getattr(cast, one).post(f"/incidents/{pk}/lift").json()
    return told


def state(cast: Cast, pk: int) -> str:
    return str(cast.ines.get(f"/posts/{pk}").json()["state"])


# --- Incidents ----------------------------------------------------------------------------------
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


def test_it_tells_what_it_held_and_what_is_left_one_by_one(cast: Cast, submitted: Draft):
    first, second, third = (scheduled(cast, submitted, text=f"Post {n}.") for n in range(3))
    waiting = submitted(text="Encore en relecture.")
    incident = declare(cast)
    assert [one["post"] for one in incident["held"]] == [first, second, third]
    assert {one["state"] for one in incident["held"]} == {"held"}
    assert waiting["id"] not in [one["post"] for one in incident["held"]]
    assert incident["left"] == 3
    lift(cast, incident["id"])
    approve(cast, "nadia", first)
    assert state(cast, first) == "scheduled"
    assert cast.ines.post(f"/posts/{second}/withdraw").json()["state"] == "withdrawn"
    told = cast.ines.get(f"/incidents/{incident['id']}").json()
    assert {one["post"]: one["waiting"] for one in told["held"]} == {first: False, second: False, third: True}
    assert told["left"] == 1
    slot = {"slot": cast.ines.get(f"/posts/{third}").json()["window"]["until"]}
    moved = cast.ines.post(f"/posts/{third}/reschedule", slot).json()
    assert moved["state"] == "in_review", "another slot does not spare it a reader"
    assert cast.ines.get(f"/incidents/{incident['id']}").json()["left"] == 0
    approve(cast, "nadia", third)
    assert state(cast, third) == "scheduled"


def test_it_tells_what_is_out_in_its_scope(cast: Cast, submitted: Draft):
    pk = scheduled(cast, submitted)
    row = Post.objects.get(pk=pk).deliveries.get()
    type(row).objects.filter(pk=row.pk).update(
        state="DELIVERED", attempts=1, url="https://example.org/1", remote_id="1", due_at=row.due_at
    )
    Post.objects.filter(pk=pk).update(state="published")
    elsewhere = declare(cast, products=["lampe-aurore"])
    assert elsewhere["published"] == []
    (out,) = declare(cast)["published"]
    assert (out["post"], out["channel"], out["state"]) == (pk, "demo", "DELIVERED")
    assert out["url"] == "https://example.org/1"
    assert out["can_delete"] is True


def test_who_could_lift_it_is_named(cast: Cast):
    incident = declare(cast)
    assert {one["name"] for one in incident["could"]} == {"Victor", "Hugo"}
    told = cast.ines.post(f"/incidents/{incident['id']}/lift").json()
    assert {one["name"] for one in told["could"]} == {"Victor", "Hugo"}, "Inès is the one other"
    assert cast.hugo.post(f"/incidents/{incident['id']}/lift").json()["could"] == []


def test_incidents_are_listed_newest_first(cast: Cast):
    first, second = declare(cast), declare(cast, channels=["demo"])
    told = cast.ines.get(f"{HERE}/incidents").json()
    assert [one["id"] for one in told["items"]] == [second["id"], first["id"]]
    assert cast.ines.get(f"{HERE}/incidents?limit=1").json()["next"]
    refusal(cast.outsider.get(f"{HERE}/incidents"), 404, "no_such_brand")
    refusal(cast.outsider.get(f"/incidents/{first['id']}"), 404, "no_such_incident")
    refusal(cast.nobody.get(f"/incidents/{first['id']}"), 401, "unauthenticated")


@pytest.mark.parametrize("what", ["incidents", "pauses"])
def test_a_list_takes_as_many_queries_for_three_as_for_one(cast: Cast, submitted: Draft, what: str):
    scheduled(cast, submitted)
    counts = []
    for _ in range(3):
        cast.victor.post(f"{HERE}/{what}", BRAND)
        with CaptureQueriesContext(connection) as caught:
            cast.ines.get(f"{HERE}/{what}")
        counts.append(len(caught))
    assert len(set(counts)) == 1, counts


def test_overlapping_incidents_each_hold_on_their_own(cast: Cast, submitted: Draft):
    pk = scheduled(cast, submitted, products=["lampe-aurore"])
    whole, lamp = declare(cast), declare(cast, products=["lampe-aurore"])
    assert [one["post"] for one in lamp["held"]] == [pk]
    lift(cast, whole["id"])
    told = cast.ines.get(f"/posts/{pk}").json()
    assert "frozen" in {one["code"] for one in told["gate"]["blockers"]}
    approve(cast, "nadia", pk)
    assert state(cast, pk) == "held"
    lift(cast, lamp["id"], "hugo", "ines")
    assert state(cast, pk) == "held"
    approve(cast, "nadia", pk)
    assert state(cast, pk) == "scheduled"
    for one in (whole, lamp):
        assert cast.ines.get(f"/incidents/{one['id']}").json()["left"] == 0


def test_a_post_that_enters_a_frozen_scope_later_waits(cast: Cast, submitted: Draft):
    """Once it is about the lamp, the approvals it had are of another epoch, and it is frozen."""
    pk = scheduled(cast, submitted)
    incident = declare(cast, products=["lampe-aurore"])
    assert state(cast, pk) == "scheduled"
    told = cast.ines.patch(f"/posts/{pk}", {"products": ["lampe-aurore"]}).json()
    assert told["state"] == "in_review"
    assert "frozen" in {one["code"] for one in told["gate"]["blockers"]}
    lift(cast, incident["id"])
    told = cast.ines.get(f"/posts/{pk}").json()
    assert told["state"] == "in_review"
    assert told["decisions"][0]["why_not_code"] == "other_epoch"
    approve(cast, "nadia", pk)
    assert state(cast, pk) == "scheduled"


def test_what_was_approved_in_review_before_is_stale_too(cast: Cast, submitted: Draft):
    made = submitted(kind="launch", products=["lampe-aurore"])
    cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made))
    incident = declare(cast)
    lift(cast, incident["id"])
    told = cast.ines.get(f"/posts/{made['id']}").json()
    assert told["decisions"][0]["counted"] is False
    assert told["gate"]["distinct_approvers"]["have"] == 0


def test_one_person_with_two_accounts_does_not_lift_it_alone(cast: Cast):
    incident = declare(cast)
    answer = cast.olga.post(f"/people/{cast.victor.user.pk}/link", {"account": cast.marc.user.pk})
    assert answer.status_code in {200, 201}, answer.content
    assert lift(cast, incident["id"], "victor", "marc")["lifted_at"] is None
    assert lift(cast, incident["id"], "olga")["lifted_at"]


def test_case_31_relabelled_crisis_it_needs_all_of_a_crisis(cast: Cast, submitted: Draft):
    pk = scheduled(cast, submitted, window={"from": tomorrow(-1), "until": tomorrow(30)})
    declare(cast)
    told = cast.ines.patch(f"/posts/{pk}", {"kind": "crisis"}).json()
    codes = {one["code"] for one in told["gate"]["blockers"]}
    assert {"missing_requirement", "missing_people", "not_released"} <= codes
    assert "frozen" not in codes
    needed = {(one["domain"], one["level"], one["needed"]) for one in told["gate"]["requirements"]}
    assert needed == {
        ("craft", 2, 1), ("channel:demo", 2, 1), ("company", 3, 1), ("crisis", 2, 2), ("crisis", 3, 1),
    }  # fmt: skip
    refusal(cast.victor.post(f"/posts/{pk}/release"), 409, "gate_closed")


def test_case_37_the_statement_goes_out_of_its_own_incident(cast: Cast, submitted: Draft):
    incident = declare(cast)
    made = submitted(kind="crisis", text="Nous rappelons la lampe.", slot="on_approval")
    for who in ("hugo", "victor"):
        approve(cast, who, made["id"])
    told = cast.ines.get(f"/posts/{made['id']}").json()
    assert {one["code"] for one in told["gate"]["blockers"]} == {"not_released"}
    refusal(cast.nadia.post(f"/posts/{made['id']}/release"), 403, "not_qualified")
    assert cast.victor.post(f"/posts/{made['id']}/release").json()["state"] == "scheduled"
    whole = cast.ines.get(f"/incidents/{incident['id']}").json()
    assert [one["post"] for one in whole["statements"]] == [made["id"]]


def test_case_37_not_when_decided_before_the_incident(cast: Cast, submitted: Draft):
    made = submitted(kind="crisis", text="Nous rappelons la lampe.", slot="on_approval")
    for who in ("hugo", "victor"):
        approve(cast, who, made["id"])
    declare(cast)
    told = refusal(cast.victor.post(f"/posts/{made['id']}/release"), 409, "gate_closed")
    assert "missing_requirement" in told["reasons"]


# --- Pauses -------------------------------------------------------------------------------------
def test_anybody_pauses_and_the_qualified_go_on(cast: Cast, submitted: Draft):
    pk = scheduled(cast, submitted)
    answer = cast.ines.post(f"{HERE}/pauses", {"scope": {"channels": ["demo"]}})
    assert answer.status_code == 201
    pause = answer.json()
    assert pause["scope"] == {"channels": ["demo"], "products": []}
    assert (pause["left"], pause["became"]) == (1, None)
    assert "paused" in {one["code"] for one in cast.ines.get(f"/posts/{pk}/gate").json()["blockers"]}
    path = f"/pauses/{pause['id']}"
    refusal(cast.outsider.call("DELETE", path), 404, "no_such_pause")
    refusal(cast.nobody.call("DELETE", path), 401, "unauthenticated")
    refusal(cast.ines.call("DELETE", path), 403, "not_qualified")
    ended = cast.marc.call("DELETE", path).json()
    assert ended["ended_at"]
    assert ended["left"] == 1, "nothing resumes by itself"
    refusal(cast.marc.call("DELETE", path), 409, "already_ended")
    assert [one["id"] for one in cast.ines.get(f"{HERE}/pauses").json()["items"]] == [pause["id"]]


def test_a_pause_is_turned_into_an_incident(cast: Cast, submitted: Draft):
    pk = scheduled(cast, submitted)
    pause = cast.ines.post(f"{HERE}/pauses", {"scope": {"channels": ["demo"]}}).json()
    path = f"/pauses/{pause['id']}/declare"
    refusal(cast.ines.post(path, {"reason": "Feu."}), 403, "not_qualified")
    refusal(cast.victor.post(path, {}), 422, "reason_needed")
    refusal(cast.outsider.post(path, {"reason": "Feu."}), 404, "no_such_pause")
    refusal(cast.nobody.post(path, {"reason": "Feu."}), 401, "unauthenticated")
    answer = cast.victor.post(path, {"reason": "Feu."})
    assert answer.status_code == 201
    incident = answer.json()
    assert incident["scope"] == {"channels": ["demo"], "products": []}
    assert [one["post"] for one in incident["held"]] == [pk]
    (told,) = cast.ines.get(f"{HERE}/pauses").json()["items"]
    assert told["became"] == incident["id"]
    refusal(cast.victor.post(path, {"reason": "Feu."}), 409, "already_ended")
    assert Incident.objects.count() == 1


def test_or_into_a_wider_one(cast: Cast):
    pause = cast.ines.post(f"{HERE}/pauses", {"scope": {"channels": ["demo"]}}).json()
    body = {"reason": "Feu.", "scope": {"brand": True}}
    assert cast.victor.post(f"/pauses/{pause['id']}/declare", body).json()["scope"] == {"brand": True}


def test_what_was_approved_during_a_pause_is_scheduled_when_it_ends(cast: Cast, submitted: Draft):
    made = submitted()
    pause = cast.ines.post(f"{HERE}/pauses", {"scope": {"brand": True}}).json()
    approve(cast, "nadia", made["id"])
    assert state(cast, made["id"]) == "in_review"
    cast.marc.call("DELETE", f"/pauses/{pause['id']}")
    assert state(cast, made["id"]) == "scheduled"


def test_another_slot_does_not_free_what_a_pause_held(cast: Cast, submitted: Draft):
    """Its approvals still stand, so a mover without expertise would let it go; it stays held."""
    pk = scheduled(cast, submitted)
    pause = cast.ines.post(f"{HERE}/pauses", {"scope": {"brand": True}}).json()
    slot = {"slot": cast.ines.get(f"/posts/{pk}").json()["window"]["until"]}
    assert cast.ines.post(f"/posts/{pk}/reschedule", slot).json()["state"] == "held"
    cast.marc.call("DELETE", f"/pauses/{pause['id']}")
    assert state(cast, pk) == "held"
    refusal(cast.ines.post(f"/posts/{pk}/resume"), 403, "not_qualified")
    assert cast.marc.post(f"/posts/{pk}/resume").json()["state"] == "scheduled"


# --- What cannot be read ------------------------------------------------------------------------
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
