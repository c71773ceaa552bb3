"""Expertise through the API: granting, keeping and losing it; second looks; absences."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Brand
from approvals.models import Credential, CredentialState
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal, tomorrow

LEGAL = {"domain": "topic:legal", "level": 1, "evidence": "Deux ans de notices relues."}


def proposal(cast: Cast, who: str, **more: Any) -> dict[str, Any]:
    return {"person": cast.people[who].user.pk, "domain": "company", "level": 1, "evidence": "Vu.", **more}


def proposed(cast: Cast, by: str, who: str, **more: Any) -> dict[str, Any]:
    answer = cast.people[by].post(f"{HERE}/credentials", proposal(cast, who, **more))
    assert answer.status_code == 201, answer.content
    return answer.json()


def held(cast: Cast, who: str, domain: str) -> Credential:
    return Credential.objects.get(user=cast.people[who].user, domain=domain)


# --- Granting ---------------------------------------------------------------------------------------
def test_proposed_and_confirmed_by_a_second_mentor(cast: Cast):
    made = proposed(cast, "nadia", "ines", evidence=["Vu.", {"text": "Lu."}])
    assert (made["state"], made["first_grantor"]["name"], made["second_grantor"]) == (
        "PROPOSED",
        "Nadia",
        None,
    )
    assert [one["text"] for one in made["evidence"]] == ["Vu.", "Lu."]
    assert [one["name"] for one in made["waits_for"]] == ["Hugo"]
    path = f"/credentials/{made['id']}"
    assert cast.ines.get(path).json()["state"] == "PROPOSED"
    refusal(cast.outsider.get(path), 404, "no_such_credential")
    refusal(cast.outsider.post(f"{path}/confirm"), 404, "no_such_credential")
    refusal(cast.nobody.post(f"{path}/confirm"), 401, "unauthenticated")
    refusal(cast.nadia.post(f"{path}/confirm"), 409, "already_confirmed")
    for who in ("marc", "olga", "sofia"):
        told = refusal(cast.people[who].post(f"{path}/confirm"), 403, "not_qualified")
        assert "Hugo" in told["detail"]
    granted = cast.hugo.post(f"{path}/confirm").json()
    assert (granted["state"], granted["second_grantor"]["name"]) == ("ACTIVE", "Hugo")
    assert granted["practice"]["needed"] == 3
    assert "company" in {one["domain"] for one in cast.ines.get("/me").json()["credentials"]}
    refusal(cast.hugo.post(f"{path}/confirm"), 409, "not_proposed")


def test_case_33_mutual_or_own_endorsement(cast: Cast):
    refusal(cast.ines.post(f"{HERE}/credentials", proposal(cast, "ines")), 403, "own_grant")
    refusal(cast.nadia.post(f"{HERE}/credentials", proposal(cast, "nadia", **LEGAL)), 403, "own_grant")
    made = proposed(cast, "hugo", "victor", level=3)
    refusal(cast.victor.post(f"/credentials/{made['id']}/confirm"), 403, "own_grant")
    proposed(cast, "nadia", "hugo", **LEGAL)
    back = proposal(cast, "nadia", domain="crisis")
    refusal(cast.hugo.post(f"{HERE}/credentials", back), 403, "reciprocal")
    other = proposed(cast, "victor", "nadia", domain="crisis")
    refusal(cast.hugo.post(f"/credentials/{other['id']}/confirm"), 403, "reciprocal")


def test_who_may_propose_and_for_whom(cast: Cast):
    for who in ("marc", "sofia"):
        refusal(cast.people[who].post(f"{HERE}/credentials", proposal(cast, "ines")), 403, "not_qualified")
    refusal(cast.outsider.post(f"{HERE}/credentials", proposal(cast, "ines")), 404, "no_such_brand")
    stranger = {**proposal(cast, "ines"), "person": cast.outsider.user.pk}
    refusal(cast.nadia.post(f"{HERE}/credentials", stranger), 404, "no_such_person")
    nameless = {key: value for key, value in proposal(cast, "ines").items() if key != "person"}
    refusal(cast.nadia.post(f"{HERE}/credentials", nameless), 422, "person_needed")
    by_mail = {**nameless, "email": "INES@maison-lumiere.example"}
    assert cast.nadia.post(f"{HERE}/credentials", by_mail).json()["person"]["name"] == "Inès"
    refusal(cast.hugo.post(f"{HERE}/credentials", proposal(cast, "ines")), 409, "already_proposed")
    refusal(
        cast.with_scopes("nadia", "manage").post(f"{HERE}/credentials", proposal(cast, "sofia")),
        403,
        "missing_scope",
    )


@pytest.mark.parametrize(
    ("change", "field"),
    [({"level": 9}, "level"), ({"domain": "product:rien"}, "domain"), ({"evidence": " "}, "evidence")],
)
def test_what_cannot_be_used_is_told_at_its_field(cast: Cast, change: dict[str, Any], field: str):
    answer = cast.nadia.post(f"{HERE}/credentials", proposal(cast, "ines", **change))
    assert answer.status_code == 422
    assert set(answer.json()["errors"]) == {field}


def test_work_elsewhere_does_not_show_the_company(cast: Cast):
    given = proposal(cast, "ines", level=2, evidence=[{"text": "Chez le voisin.", "posts": 5}])
    refusal(cast.nadia.post(f"{HERE}/credentials", given), 422, "not_in_house")


def test_turned_down(cast: Cast):
    made = proposed(cast, "nadia", "ines")
    path = f"/credentials/{made['id']}/decline"
    refusal(cast.ines.post(path, {"reason": "x"}), 403, "not_qualified")
    assert cast.hugo.post(path, {"reason": "Un peu tôt."}).json()["state"] == "DECLINED"
    refusal(cast.hugo.post(path, {}), 409, "not_proposed")


def test_the_promotion_of_the_intern(cast: Cast, submitted: Draft):
    """From reviewed work to a vote that counts, with what is missing told on the way."""
    Brand.objects.filter(pk=cast.brand.pk).update(accepted_to_entrust=3)
    made = proposed(cast, "nadia", "ines", domain="craft", level=2)
    assert made["progress"]["sentence"] == "3 posts acceptés de plus, et 2 référents de plus"
    told = refusal(cast.hugo.post(f"/credentials/{made['id']}/confirm"), 409, "not_yet")
    assert told["progress"]["missing_posts"] == 3
    for reviewer in ("nadia", "nadia", "hugo"):
        post = submitted()
        cast.people[reviewer].post(f"/posts/{post['id']}/decisions", a_word(post))
    (ines,) = [one for one in cast.marc.get(f"{HERE}/people").json()["items"] if one["name"] == "Inès"]
    craft = next(one for one in ines["progress"] if one["domain"] == "craft")
    assert (craft["accepted"], craft["mentors"], craft["ready"], craft["share"]) == (3, 2, True, 100)
    assert cast.hugo.post(f"/credentials/{made['id']}/confirm").json()["state"] == "ACTIVE"
    post = submitted(by="marc")
    said = cast.ines.post(f"/posts/{post['id']}/decisions", a_word(post)).json()
    assert said["counted"] is True


def test_one_person_shows_progress_in_every_domain_begun(cast: Cast, submitted: Draft):
    post = submitted(by="marc")
    cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post))
    told = cast.ines.get(f"/people/{cast.marc.user.pk}").json()
    assert [one["domain"] for one in told["progress"]] == ["company"]
    refusal(cast.ines.get(f"/people/{cast.outsider.user.pk}"), 404, "no_such_person")


# --- Keeping and losing -----------------------------------------------------------------------------
def test_renewed_on_practice(cast: Cast, submitted: Draft):
    row = held(cast, "nadia", "company")
    path = f"/credentials/{row.pk}/renew"
    told = refusal(cast.olga.post(path, {"note": "Vu."}), 409, "not_practised")
    assert (told["acts"], told["needed"]) == (0, 3)
    for _number in range(3):
        post = submitted()
        cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post))
    refusal(cast.nadia.post(path, {"note": "Vu."}), 403, "own_grant")
    refusal(cast.olga.post(path, {"note": ""}), 422, "note_needed")
    made = cast.olga.post(path, {"note": "Elle relit chaque jour."}).json()
    assert (made["state"], made["follows"], made["founding"]) == ("ACTIVE", row.pk, True)
    assert made["practice"]["acts"] == 3


def test_suspended_and_reinstated(cast: Cast, submitted: Draft):
    post = submitted()
    cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post))
    row = held(cast, "nadia", "company")
    refusal(cast.marc.post(f"/credentials/{row.pk}/suspend", {"cause": "x"}), 403, "not_qualified")
    refusal(cast.hugo.post(f"/credentials/{row.pk}/suspend", {}), 422, "cause_needed")
    assert (
        cast.hugo.post(f"/credentials/{row.pk}/suspend", {"cause": "Doute."}).json()["state"] == "SUSPENDED"
    )
    assert cast.ines.get(f"/posts/{post['id']}").json()["state"] == "held"
    refusal(cast.nadia.post(f"/credentials/{row.pk}/reinstate", {"note": "x"}), 403, "own_grant")
    assert cast.hugo.post(f"/credentials/{row.pk}/reinstate", {"note": "Levé."}).json()["state"] == "ACTIVE"


def test_practice_confirmed_after_a_lapse(cast: Cast):
    row = held(cast, "nadia", "company")
    path = f"/credentials/{row.pk}/practice"
    refusal(cast.hugo.post(path, {"note": "Vu."}), 409, "not_lapsed")
    Credential.objects.filter(pk=row.pk).update(state=CredentialState.LAPSED, ended_at=timezone.now())
    refusal(cast.olga.post(path, {"note": "Vu."}), 403, "not_qualified")
    assert cast.hugo.post(path, {"note": "Vu."}).json()["state"] == "ACTIVE"


def test_revoked_with_what_follows(cast: Cast, submitted: Draft):
    waits, public = submitted(), submitted()
    for post in (waits, public):
        cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post))
    Post.objects.filter(pk=public["id"]).update(state=PostState.PUBLISHED.value)
    Delivery.objects.filter(post=public["id"]).update(
        state=DeliveryState.DELIVERED.value, delivered_at=timezone.now()
    )
    row = held(cast, "nadia", "company")
    since = (timezone.now() - timedelta(days=1)).isoformat()
    told = cast.hugo.post(f"/credentials/{row.pk}/revoke", {"cause": "Inventé.", "since": since}).json()
    assert (told["state"], told["end_cause"]) == ("REVOKED", "Inventé.")
    assert [one["post"] for one in told["second_looks"]] == [public["id"]]
    answer = cast.ines.get(f"/posts/{waits['id']}").json()
    assert answer["state"] == "held"
    assert [one["domain"] for one in answer["gate"]["requirements"] if one["missing"]] == ["company"]
    (look,) = cast.ines.get(f"{HERE}/second-looks").json()["items"]
    assert look["looked_at"] is None
    refusal(cast.outsider.get(f"{HERE}/second-looks"), 404, "no_such_brand")
    refusal(cast.outsider.post(f"/second-looks/{look['id']}", {"word": "x"}), 404, "no_such_look")
    refusal(cast.nadia.post(f"/second-looks/{look['id']}", {"word": "x"}), 403, "not_qualified")
    done = cast.victor.post(f"/second-looks/{look['id']}", {"word": "Vérifié."}).json()
    assert (done["looked_by"]["name"], done["word"]) == ("Victor", "Vérifié.")


# --- At approval ------------------------------------------------------------------------------------
def test_the_approver_is_told_what_will_have_ended_at_the_slot(cast: Cast, submitted: Draft):
    ago = timedelta(days=88)
    nadia = Credential.objects.filter(user=cast.nadia.user)
    nadia.filter(domain="company").update(
        valid_from=F("valid_from") - ago, confirmed_at=F("confirmed_at") - ago
    )
    nadia.filter(domain="craft").update(valid_until=timezone.now() + timedelta(days=1))
    post = submitted(slot=tomorrow(72))
    said = cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post)).json()
    assert [one["code"] for one in said["warnings"]] == ["ends_before_slot", "lapses_before_slot"]
    assert "métier" in said["warnings"][0]["message"]
    assert said["counted"] is True
    near = submitted(slot=tomorrow(3))
    assert cast.nadia.post(f"/posts/{near['id']}/decisions", a_word(near)).json()["warnings"] == []


def test_an_approval_that_grows_too_old_is_told_at_once(cast: Cast, submitted: Draft):
    post = submitted(kind="reply", slot=tomorrow(20))
    said = cast.nadia.post(f"/posts/{post['id']}/decisions", a_word(post)).json()
    assert [one["code"] for one in said["warnings"]] == ["approval_ends_before_slot"]


# --- Lists and absences -----------------------------------------------------------------------------
def test_the_list_of_credentials_and_its_queries(cast: Cast):
    proposed(cast, "nadia", "ines")
    (only,) = cast.ines.get(f"{HERE}/credentials?state=PROPOSED").json()["items"]
    assert only["person"]["name"] == "Inès"
    counts = []
    for limit in (2, 12):
        with CaptureQueriesContext(connection) as queries:
            cast.ines.get(f"{HERE}/credentials?state=ACTIVE&limit={limit}")
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert cast.ines.get(f"{HERE}/credentials?state=WHAT").status_code == 422


def test_proposals_take_as_many_queries_for_one_as_for_all(cast: Cast):
    for who in ("ines", "sofia", "marc"):
        proposed(cast, "nadia", who, domain="topic:legal")
    counts, items = [], []
    for limit in (1, 3):
        with CaptureQueriesContext(connection) as queries:
            items = cast.ines.get(f"{HERE}/credentials?state=PROPOSED&limit={limit}").json()["items"]
        counts.append(len(queries))
    assert len(items) == 3
    assert all(one["waits_for"] for one in items)
    assert counts[0] == counts[1]


def test_absences(cast: Cast):
    today = timezone.now().astimezone(cast.brand.zone).date().isoformat()
    refusal(cast.sofia.post(f"{HERE}/absences", {"first_day": "demain", "last_day": today}), 422, "bad_day")
    days = {"first_day": today, "last_day": today}
    made = cast.sofia.post(f"{HERE}/absences", days)
    assert made.status_code == 201
    assert made.json()["person"]["name"] == "Sofia"
    other = {**days, "person": cast.sofia.user.pk}
    refusal(cast.marc.post(f"{HERE}/absences", other), 403, "not_yours")
    refusal(cast.outsider.post(f"{HERE}/absences", other), 404, "no_such_brand")
    people = {one["name"]: one for one in cast.ines.get(f"{HERE}/people").json()["items"]}
    assert people["Sofia"]["absent"] is True
    path = f"/absences/{made.json()['id']}"
    refusal(cast.outsider.call("DELETE", path), 404, "no_such_absence")
    refusal(cast.marc.call("DELETE", path), 403, "not_yours")
    assert cast.sofia.call("DELETE", path).status_code == 204
    assert cast.ines.get(f"{HERE}/absences").json()["items"] == []
