"""Me, people, coverage, policy, linking and revoking through the API."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import Absence, Membership, User
from approvals.models import Credential
from tests.api.conftest import HERE, Cast, Draft, a_word, refusal


def test_me_is_the_token_s_person(cast: Cast):
    told = cast.nadia.get("/me").json()
    assert (told["name"], told["email"]) == ("Nadia", "nadia@maison-lumiere.example")
    assert [one["slug"] for one in told["brands"]] == ["maison-lumiere"]
    held = {one["domain"]: one for one in told["credentials"]}
    assert held["company"]["level"] == 3
    assert held["company"]["valid_until"]
    assert told["token"]["brand"] == "maison-lumiere"
    assert set(told["token"]["scopes"]) == {"read", "draft", "decide", "manage"}
    assert cast.nadia.token not in str(told)


def test_people_by_domains(cast: Cast):
    told = {one["name"]: one for one in cast.ines.get(f"{HERE}/people").json()["items"]}
    assert told["Victor"]["domains"] == {"craft": 2, "company": 2, "crisis": 3}
    assert told["Olga"]["is_owner"] is True
    assert told["Olga"]["credentials"] == []
    assert told["Inès"]["title"] == "stagiaire"
    refusal(cast.outsider.get(f"{HERE}/people"), 404, "no_such_brand")


def test_people_take_as_many_queries_for_one_as_for_all(cast: Cast):
    counts = []
    for limit in (1, 7):
        with CaptureQueriesContext(connection) as queries:
            cast.ines.get(f"{HERE}/people?limit={limit}")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_coverage_shows_first_what_hangs_on_nobody(cast: Cast):
    items = cast.olga.get(f"{HERE}/coverage").json()["items"]
    slack = [one["able"] - one["needed"] for one in items]
    assert slack == sorted(slack)
    crisis = {(one["domain"], one["level"]): one for one in items if one["kind"] == "crisis"}
    assert {one["name"] for one in crisis["crisis", 3]["people"]} == {"Victor", "Hugo"}
    assert (crisis["crisis", 2]["needed"], crisis["crisis", 2]["able"]) == (2, 2)
    assert crisis["product:lampe-aurore", 2]["able"] == 2
    Membership.objects.filter(user__in=[cast.victor.user, cast.hugo.user]).update(is_active=False)
    first = cast.olga.get(f"{HERE}/coverage").json()["items"][0]
    assert (first["domain"], first["able"]) == ("crisis", 0)


def test_the_policy_s_versions(cast: Cast):
    (policy,) = cast.ines.get(f"{HERE}/policy").json()["items"]
    assert (policy["number"], policy["state"]) == (1, "ACTIVE")
    assert policy["rules"]["preset"] == "team"
    assert policy["proposed_by"]["name"] == "Olga"


# --- Linking ------------------------------------------------------------------------------------
@pytest.fixture
def second_account(cast: Cast) -> User:
    user = User.objects.create_user("ines.bis@maison-lumiere.example", None, name="Inès bis")
    Membership.objects.create(brand=cast.brand, user=user)
    return user


def test_an_owner_links_two_accounts(cast: Cast, second_account: User, submitted: Draft):
    ines = cast.ines.user
    for who in ({"account": ines.pk}, {"email": "INES@maison-lumiere.example"}):
        refusal(cast.nadia.post(f"/people/{second_account.pk}/link", who), 403, "owner_only")
        refusal(cast.outsider.post(f"/people/{second_account.pk}/link", who), 404, "no_such_person")
    told = cast.olga.post(f"/people/{ines.pk}/link", {"email": "INES.bis@maison-lumiere.example"}).json()
    assert told["id"] == ines.pk
    assert {one["id"] for one in told["accounts"]} == {ines.pk, second_account.pk}
    refusal(cast.olga.post(f"/people/{ines.pk}/link", {"account": second_account.pk}), 409, "already_linked")


def test_somebody_is_absent_with_all_their_accounts(cast: Cast, second_account: User):
    cast.olga.post(f"/people/{cast.ines.user.pk}/link", {"account": second_account.pk})
    today = timezone.now().astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=second_account, first_day=today, last_day=today)
    people = {one["id"]: one for one in cast.marc.get(f"{HERE}/people").json()["items"]}
    assert people[cast.ines.user.pk]["absent"] is True
    assert people[cast.marc.user.pk]["absent"] is False
    assert cast.marc.get(f"/people/{cast.ines.user.pk}").json()["absent"] is True


def test_a_second_account_of_the_writer_does_not_approve(cast: Cast, submitted: Draft):
    made = submitted()
    cast.olga.post(f"/people/{cast.ines.user.pk}/link", {"account": cast.nadia.user.pk})
    refusal(cast.nadia.post(f"/posts/{made['id']}/decisions", a_word(made)), 403, "contributor")


def test_an_owner_speaks_for_their_own_brand_only(cast: Cast):
    zoe, ines = cast.outsider.user, cast.ines.user
    refusal(cast.olga.post(f"/people/{ines.pk}/link", {"account": zoe.pk}), 404, "no_such_person")
    refusal(cast.olga.post(f"/people/{zoe.pk}/link", {"account": ines.pk}), 404, "no_such_person")
    refusal(cast.outsider.post(f"/people/{zoe.pk}/link", {"email": ines.email}), 404, "no_such_person")
    told = refusal(cast.olga.post(f"/people/{ines.pk}/link", {}), 422, "account_needed")
    assert "account" in told["errors"]


# --- Revoking -----------------------------------------------------------------------------------
def test_a_mentor_or_owner_revokes(cast: Cast):
    held = Credential.objects.get(user=cast.marc.user, domain="craft")
    path = f"/credentials/{held.pk}/revoke"
    refusal(cast.outsider.post(path, {"cause": "x"}), 404, "no_such_credential")
    refusal(cast.nobody.post(path, {"cause": "x"}), 401, "unauthenticated")
    refusal(cast.ines.post(path, {"cause": "x"}), 403, "not_qualified")
    refusal(cast.marc.post(path, {"cause": "x"}), 403, "not_qualified")
    told = refusal(cast.nadia.post(path, {"cause": " "}), 422, "cause_needed")
    assert "cause" in told["errors"]
    told = refusal(cast.nadia.post(path, {"cause": "x", "since": "hier"}), 422, "bad_time")
    assert "since" in told["errors"]
    told = cast.nadia.post(path, {"cause": "Il ne relit plus.", "since": "2026-01-01T00:00:00Z"}).json()
    assert (told["state"], told["ended_at"]) == ("REVOKED", "2026-01-01T00:00:00Z")
    assert told["person"]["name"] == "Marc"
    refusal(cast.olga.post(path, {"cause": "x"}), 409, "already_revoked")
    assert "craft" not in {one["domain"] for one in cast.marc.get("/me").json()["credentials"]}
