"""The rules through the API: versions, the second person, what a proposal would have done."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import ApiToken
from approvals.policy import PRESETS, TEAM
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal

POLICY = f"{HERE}/policy"


def routine_by(people: int) -> dict[str, Any]:
    return {**TEAM, "kinds": {**TEAM["kinds"], "routine": {**TEAM["kinds"]["routine"], "people": people}}}


def proposed(cast: Cast, by: str = "olga", **body: Any) -> dict[str, Any]:
    body = {"preset": "regulated", "reason": "Le secteur l’exige.", **body}
    answer = getattr(cast, by).post(POLICY, body)
    assert answer.status_code == 201, answer.content
    return answer.json()  # type: ignore[no-any-return]


def test_a_version_is_proposed_confirmed_and_listed(cast: Cast):
    made = proposed(cast)
    assert (made["number"], made["state"]) == (2, "PROPOSED")
    assert made["rules"]["preset"] == "regulated"
    assert made["reason"] == "Le secteur l’exige."
    told = cast.nadia.post(f"/policy/{made['id']}/confirm").json()
    assert (told["state"], told["confirmed_by"]["name"]) == ("ACTIVE", "Nadia")
    items = cast.ines.get(POLICY).json()["items"]
    assert [(one["number"], one["state"]) for one in items] == [(2, "ACTIVE"), (1, "SUPERSEDED")]
    assert cast.ines.get(f"/policy/{made['id']}").json() == told


@pytest.mark.parametrize("preset", PRESETS)
def test_what_a_version_shows_can_be_sent_back(cast: Cast, preset: str):
    made = proposed(cast, preset=preset)
    again = cast.olga.post(POLICY, {"rules": made["rules"], "reason": "La même."})
    assert again.status_code == 201
    assert again.json()["rules"] == made["rules"]


def test_case_27_author_loosens_the_policy_alone(cast: Cast, submitted: Draft):
    """By somebody who may propose and by somebody who may not; neither gets the post out."""
    post = submitted("nadia")
    refusal(cast.ines.post(POLICY, {"preset": "duo", "reason": "Plus simple."}), 403, "not_qualified")
    made = proposed(cast, "nadia", preset="duo")
    told = refusal(cast.nadia.post(f"/policy/{made['id']}/confirm"), 403, "own_proposal")
    assert "Olga" in told["detail"]
    assert cast.nadia.get(POLICY).json()["items"][-1]["state"] == "ACTIVE"
    assert cast.nadia.get(f"/posts/{post['id']}/gate").json()["open"] is False


def test_case_26_policy_tightened_after_approval(cast: Cast, submitted: Draft):
    post = submitted()
    cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post))
    assert cast.ines.get(f"/posts/{post['id']}").json()["state"] == "scheduled"
    made = proposed(cast, rules=routine_by(2), preset="")
    cast.hugo.post(f"/policy/{made['id']}/confirm")
    told = cast.ines.get(f"/posts/{post['id']}").json()
    assert told["state"] == "held"
    assert told["gate"]["open"] is False
    assert told["gate"]["distinct_approvers"] == {"needed": 2, "have": 1}
    assert {one["state"] for one in told["deliveries"]} == {"HELD"}


@pytest.mark.parametrize(
    ("rules", "place"),
    [
        ({}, "rules.kinds"),
        ([], "rules"),
        ({**TEAM, "kinds": {}}, "rules.kinds"),
        (routine_by(0), "rules.kinds.routine.people"),
        ({**TEAM, "kinds": {"haiku": TEAM["kinds"]["routine"]}}, "rules.kinds.haiku"),
    ],
)
def test_case_25_an_empty_or_malformed_policy_is_refused_at_its_field(cast: Cast, rules: Any, place: str):
    told = refusal(cast.olga.post(POLICY, {"rules": rules, "reason": "x"}), 422, "bad_policy")
    assert place in told["errors"]
    assert len(cast.olga.get(POLICY).json()["items"]) == 1


def test_what_is_sent_wrongly_is_told(cast: Cast):
    for body, code in (
        ({"reason": "x"}, "rules_needed"),
        ({"rules": TEAM, "preset": "team", "reason": "x"}, "rules_needed"),
        ({"preset": "laxist", "reason": "x"}, "unknown_preset"),
        ({"preset": "team"}, "reason_needed"),
        ({"preset": "team", "reason": "x", "loophole": 1}, "invalid"),
    ):
        refusal(cast.olga.post(POLICY, body), 422, code)


def test_another_brand_s_rules_are_not_there(cast: Cast):
    made = proposed(cast)
    for path in ("confirm", "drop", "replay"):
        refusal(cast.outsider.post(f"/policy/{made['id']}/{path}"), 404, "no_such_policy")
        refusal(cast.nobody.post(f"/policy/{made['id']}/{path}"), 401, "unauthenticated")
    refusal(cast.outsider.get(POLICY), 404, "no_such_brand")
    refusal(cast.outsider.get(f"/policy/{made['id']}"), 404, "no_such_policy")
    refusal(cast.outsider.post(POLICY, {"preset": "duo", "reason": "x"}), 404, "no_such_brand")


def test_each_act_needs_its_scope(cast: Cast):
    made = proposed(cast)
    reader = cast.with_scopes("nadia", "read")
    refusal(reader.post(POLICY, {"preset": "duo", "reason": "x"}), 403, "missing_scope")
    for path in ("confirm", "drop"):
        refusal(reader.post(f"/policy/{made['id']}/{path}"), 403, "missing_scope")
    assert reader.post(f"/policy/{made['id']}/replay").status_code == 200


def test_a_proposal_is_dropped(cast: Cast):
    made = proposed(cast)
    refusal(cast.marc.post(f"/policy/{made['id']}/drop"), 403, "not_qualified")
    told = cast.hugo.post(f"/policy/{made['id']}/drop", {"reason": "Trop lourd."}).json()
    assert (told["state"], told["dropped_by"]["name"]) == ("DROPPED", "Hugo")
    refusal(cast.nadia.post(f"/policy/{made['id']}/confirm"), 409, "not_proposed")


def test_a_stale_comparison_is_refused(cast: Cast):
    first, second = proposed(cast), proposed(cast, preset="agency")
    cast.nadia.post(f"/policy/{first['id']}/confirm", {"in_force": 1})
    told = refusal(cast.nadia.post(f"/policy/{second['id']}/confirm", {"in_force": 1}), 409, "stale_policy")
    assert told["in_force"] == 2


def test_raising_routine_to_two_lists_exactly_those_with_one_approver(cast: Cast, submitted: Draft):
    one, two = set(), set()
    for number in range(10):
        post = submitted(text=f"Message {number}.")
        cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post))
        if number >= 7:
            cast.hugo.post(f"/posts/{post['id']}/decisions", a_word(post))
        (one if number < 7 else two).add(post["id"])
    made = proposed(cast, rules=routine_by(2), preset="")
    told = cast.olga.post(f"/policy/{made['id']}/replay").json()
    assert (told["evaluated"], told["unchanged"], told["let_through"]) == (10, 3, [])
    assert {item["post"] for item in told["stopped"]} == one
    item = told["stopped"][0]
    assert item["why"][0]["code"] == "missing_people"
    assert "1 more person" in item["why"][0]["message"] or "personne" in item["why"][0]["message"]
    assert "Hugo" in {person["name"] for person in item["could"]}


def test_an_owner_takes_note(cast: Cast):
    (active,) = cast.olga.get(POLICY).json()["items"]
    body = {"kind": "crisis", "lacking": ["crisis"]}
    refusal(cast.nadia.post(f"/policy/{active['id']}/acknowledge", body), 403, "owner_only")
    told = cast.olga.post(f"/policy/{active['id']}/acknowledge", body).json()
    assert (told["kind"], told["lacking"], told["by"]["name"]) == ("crisis", ["crisis"], "Olga")


def test_under_regulated_an_older_token_decides_nothing_and_is_told_the_way(cast: Cast, submitted: Draft):
    made = proposed(cast)
    cast.nadia.post(f"/policy/{made['id']}/confirm")
    post = submitted()
    path = f"/posts/{post['id']}/decisions"
    ApiToken.objects.filter(user=cast.nadia.user).update(created_at=timezone.now() - timedelta(minutes=16))
    told = refusal(cast.nadia.post(path, a_word(post)), 403, "reauthenticate")
    assert told["tokens"].endswith("/tokens/")
    assert told["review"].endswith(f"/review/{post['id']}/")
    assert cast.ines.get(f"/posts/{post['id']}").json()["decisions"] == []
    # Hugo has just been given his: whoever gives the right to decide has just said who they are.
    assert cast.hugo.post(path, a_word(post)).json()["counted"] is True
    told = cast.hugo.get(f"/posts/{post['id']}/gate").json()["distinct_approvers"]
    assert told == {"needed": 2, "have": 1}
