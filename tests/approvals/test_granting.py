"""Proposing, confirming, turning down; who may vouch for whom; what each level takes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.clock import database_now
from accounts.models import Brand, Membership, User
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals import inviting
from approvals.expertise import FOUNDING_LASTS, Grant, found, level_of, revoke
from approvals.granting import Evidence, Proposal, confirm, decline, propose
from approvals.models import Credential, CredentialState
from journal.models import Entry
from posts.models import Channel
from tests.approvals.working import accepted, piece
from tests.casting import Cast


def proposed(cast: Cast, by: str, who: str, domain: str = "craft", level: int = 1, **more: Any) -> Credential:
    evidence = more.pop("evidence", [Evidence("Ses vingt derniers posts.")])
    return propose(cast.people[by], cast.brand, Proposal(cast.people[who], domain, level, evidence, **more))


def few(cast: Cast, needed: int = 2) -> None:
    """So many accepted posts are enough here."""
    Brand.objects.filter(pk=cast.brand.pk).update(accepted_to_entrust=needed)
    cast.brand.refresh_from_db()


# --- Two people -------------------------------------------------------------------------------------
def test_two_mentors_make_a_credential(cast: Cast):
    made = proposed(cast, "nadia", "ines", "company")
    assert (made.state, made.first_grantor, made.proposed_by) == ("PROPOSED", cast.nadia, cast.nadia)
    assert level_of(cast.ines, cast.brand, "company") == 0
    assert [one.kind for one in cast.hugo.notices.order_by("pk")] == ["credential.propose"]
    assert not cast.olga.notices.filter(kind="credential.propose").exists()
    before = Brand.objects.get(pk=cast.brand.pk).standing
    made = confirm(cast.hugo, made.pk)
    assert (made.state, made.second_grantor, made.valid_until) == ("ACTIVE", cast.hugo, None)
    assert level_of(cast.ines, cast.brand, "company") == 1
    assert Brand.objects.get(pk=cast.brand.pk).standing > before
    assert cast.ines.notices.filter(kind="credential.confirm").exists()
    verbs = Entry.objects.filter(subject=f"credential:{made.pk}").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["credential.propose", "credential.confirm"]
    assert made.evidence[0]["text"] == "Ses vingt derniers posts."


def test_case_33_own_endorsement(cast: Cast):
    for who in ("nadia", "ines", "olga"):
        with pytest.raises(Forbidden) as own:
            proposed(cast, who, who, "topic:legal")
        assert own.value.code == "own_grant"
    made = proposed(cast, "nadia", "victor", "company", 3)
    with pytest.raises(Forbidden) as own:
        confirm(cast.victor, made.pk)
    assert own.value.code == "own_grant"


def test_case_33_own_endorsement_through_another_account(cast: Cast):
    twin = cast.member("nadia2", craft=3, company=3)
    inviting.link(cast.olga, cast.brand, cast.nadia, twin)
    twin = User.objects.get(pk=twin.pk)
    with pytest.raises(Forbidden) as own:
        propose(twin, cast.brand, Proposal(cast.nadia, "topic:legal", 1, [Evidence("Vu.")]))
    assert own.value.code == "own_grant"
    made = proposed(cast, "nadia", "ines", "company")
    with pytest.raises(Refused) as twice:
        confirm(twin, made.pk)
    assert twice.value.code == "already_confirmed"


def test_case_33_mutual_endorsement(cast: Cast):
    """Nadia vouched for Hugo; he does not vouch for her for 180 days, in whatever domain."""
    made = proposed(cast, "nadia", "hugo", "topic:legal", 1)
    with pytest.raises(Forbidden) as mutual:
        proposed(cast, "hugo", "nadia", "crisis", 1)
    assert mutual.value.code == "reciprocal"
    proposal = proposed(cast, "victor", "nadia", "crisis", 1)
    with pytest.raises(Forbidden) as mutual:
        confirm(cast.hugo, proposal.pk)
    assert mutual.value.code == "reciprocal"
    Credential.objects.filter(pk=made.pk).update(first_at=database_now() - timedelta(days=181))
    assert confirm(cast.hugo, proposal.pk).state == CredentialState.ACTIVE


def test_the_founding_owner_is_bound_by_it_too(cast: Cast):
    """Who founded the mentors cannot be entrusted by them at once."""
    with pytest.raises(Forbidden) as mutual:
        proposed(cast, "nadia", "olga", "craft", 1)
    assert mutual.value.code == "reciprocal"


def test_a_word_that_was_turned_down_binds_nobody(cast: Cast):
    decline(cast.nadia, proposed(cast, "nadia", "hugo", "topic:legal", 1).pk, "Trop tôt.")
    assert proposed(cast, "hugo", "nadia", "crisis", 1).state == CredentialState.PROPOSED


@pytest.mark.parametrize(
    ("by", "code"), [("marc", "not_qualified"), ("sofia", "not_qualified"), ("ines", "not_qualified")]
)
def test_who_may_not_propose(cast: Cast, by: str, code: str):
    who = "ines" if by != "ines" else "sofia"
    with pytest.raises(Forbidden) as refusal:
        proposed(cast, by, who, "company")
    assert refusal.value.code == code
    assert not Credential.objects.filter(state=CredentialState.PROPOSED).exists()


def test_an_owner_s_proposal_waits_for_both_mentors(cast: Cast):
    made = proposed(cast, "olga", "ines", "company")
    assert made.first_grantor is None
    assert confirm(cast.hugo, made.pk).state == CredentialState.PROPOSED
    with pytest.raises(Forbidden):
        confirm(cast.olga, made.pk)
    with pytest.raises(Refused):
        confirm(cast.hugo, made.pk)
    assert confirm(cast.nadia, made.pk).state == CredentialState.ACTIVE


def test_where_one_mentor_exists_the_owner_confirms_in_the_second_place(cast: Cast):
    revoke(cast.olga, cast.credentials("hugo", "company").get().pk, "Il part.")
    made = proposed(cast, "nadia", "ines", "company")
    for who in ("hugo", "marc", "victor"):
        with pytest.raises(Forbidden):
            confirm(cast.people[who], made.pk)
    made = confirm(cast.olga, made.pk)
    assert (made.state, made.founding) == (CredentialState.ACTIVE, False)


def test_a_mentor_who_lost_their_standing_has_not_vouched(cast: Cast):
    cast.member("lea", company=3)
    made = proposed(cast, "nadia", "ines", "company")
    revoke(cast.olga, cast.credentials("nadia", "company").get().pk, "Doute.")
    assert confirm(cast.hugo, made.pk).state == CredentialState.PROPOSED
    made = confirm(cast.people["lea"], made.pk)
    assert (made.first_grantor, made.second_grantor) == (cast.hugo, cast.people["lea"])


def test_an_outsider_learns_nothing(cast: Cast):
    made = proposed(cast, "nadia", "ines", "company")
    for act in (confirm, decline):
        with pytest.raises(NotHere):
            act(cast.stranger, made.pk)  # type: ignore[operator]
    with pytest.raises(NotHere):
        propose(cast.nadia, cast.brand, Proposal(cast.stranger, "craft", 1, [Evidence("Vu.")]))
    with pytest.raises(NotHere):
        propose(cast.nadia, cast.elsewhere, Proposal(cast.stranger, "craft", 1, [Evidence("Vu.")]))


# --- A domain that nobody can grant -----------------------------------------------------------------
def test_a_domain_without_a_mentor_is_founded_by_a_mentor_and_the_owner(cast: Cast):
    cast.product("lampe-brume")
    made = proposed(cast, "nadia", "sofia", "product:lampe-brume", 3)
    with pytest.raises(Forbidden):
        confirm(cast.marc, made.pk)
    made = confirm(cast.olga, made.pk)
    assert (made.state, made.founding) == (CredentialState.ACTIVE, True)
    assert made.valid_until == made.confirmed_at + FOUNDING_LASTS  # type: ignore[operator]


def test_two_people_make_a_grant_wherever_two_others_exist(db: None):
    """An owner and one member besides the person, and no mentor at all."""
    brand = Brand.objects.create(slug="neuve", name="Neuve")
    users = {}
    for name in ("patronne", "lea", "tom"):
        users[name] = User.objects.create_user(f"{name}@neuve.example", None, name=name)
        Membership.objects.create(brand=brand, user=users[name], is_owner=name == "patronne")
    made = propose(users["patronne"], brand, Proposal(users["lea"], "craft", 2, [Evidence("Vu.")]))
    assert made.state == CredentialState.PROPOSED
    made = confirm(users["tom"], made.pk)
    assert (made.state, made.founding) == (CredentialState.ACTIVE, True)


def test_where_one_other_person_exists_their_word_suffices(db: None):
    brand = Brand.objects.create(slug="duo", name="Duo")
    users = {}
    for name in ("patronne", "lea"):
        users[name] = User.objects.create_user(f"{name}@duo.example", None, name=name)
        Membership.objects.create(brand=brand, user=users[name], is_owner=name == "patronne")
    made = propose(users["patronne"], brand, Proposal(users["lea"], "craft", 2, [Evidence("Vu.")]))
    assert (made.state, made.second_grantor) == (CredentialState.ACTIVE, None)


# --- What a level takes -----------------------------------------------------------------------------
def test_entrusted_by_accepted_work_and_different_mentors(cast: Cast):
    few(cast, 3)
    made = proposed(cast, "nadia", "ines", "craft", 2)
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert (early.value.code, early.value.status) == ("not_yet", 409)
    assert "3 more accepted posts, and 2 more mentors" in early.value.sentence
    accepted(cast, 3, by="nadia")
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert "the acceptance of one more mentor" in early.value.sentence
    accepted(cast, 1, by="hugo")
    assert confirm(cast.hugo, made.pk).state == CredentialState.ACTIVE
    assert level_of(cast.ines, cast.brand, "craft") == 2
    old = cast.credentials("ines", "craft").get(level=1)
    assert (old.state, made.pk) == (
        CredentialState.REPLACED,
        cast.credentials("ines", "craft").get(level=2).pk,
    )


def test_twenty_is_what_a_brand_asks_for_unless_it_says_otherwise(cast: Cast):
    assert cast.brand.accepted_to_entrust == 20
    made = proposed(cast, "nadia", "ines", "craft", 2)
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert early.value.details["progress"]["missing_posts"] == 20


def test_work_elsewhere_replaces_at_most_half(cast: Cast):
    few(cast, 4)
    more = {"evidence": [Evidence("Dix ans à l’Atelier voisin.", posts=200)]}
    made = proposed(cast, "nadia", "ines", "craft", 2, **more)
    accepted(cast, 1, by="nadia")
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert early.value.details["progress"]["missing_posts"] == 1
    accepted(cast, 1, by="hugo")
    assert confirm(cast.hugo, made.pk).state == CredentialState.ACTIVE


@pytest.mark.parametrize("domain", ["company", "product:lampe-aurore"])
def test_company_and_product_are_shown_in_the_house(cast: Cast, domain: str):
    by = "nadia" if domain == "company" else "sofia"
    with pytest.raises(Invalid) as refusal:
        proposed(cast, by, "ines", domain, 2, evidence=[Evidence("Chez le voisin.", posts=5)])
    assert refusal.value.code == "not_in_house"


def test_less_than_85_per_cent_is_not_enough(cast: Cast):
    few(cast, 2)
    made = proposed(cast, "nadia", "ines", "craft", 2)
    accepted(cast, 1, by="nadia")
    accepted(cast, 1, by="hugo")
    piece(cast, "nadia", "reject")
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert early.value.details["progress"]["missing_posts"] == 4
    accepted(cast, 4, by="nadia")
    assert confirm(cast.hugo, made.pk).state == CredentialState.ACTIVE


def test_crisis_2_stands_on_craft_2_and_company_2(cast: Cast):
    few(cast, 1)
    made = proposed(cast, "victor", "marc", "crisis", 2)
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert early.value.details == {"needs": ["company"]}


def test_a_mentor_takes_time_and_reviews(cast: Cast):
    few(cast, 2)
    made = proposed(cast, "nadia", "marc", "craft", 3)
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert "90 days" in early.value.sentence
    since = database_now() - timedelta(days=100)
    cast.credentials("marc", "craft").filter(level=2).update(valid_from=since, confirmed_at=since)
    with pytest.raises(Refused) as early:
        confirm(cast.hugo, made.pk)
    assert early.value.details == {"reviewed": 0, "needed": 2}
    accepted(cast, 2, by="marc")
    assert confirm(cast.hugo, made.pk).level == 3


# --- What is typed ----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"domain": "cooking"}, "domain"),
        ({"domain": "product:nothing"}, "domain"),
        ({"domain": "channel:*"}, "domain"),
        ({"level": 0}, "level"),
        ({"level": 4}, "level"),
        ({"evidence": []}, "evidence"),
        ({"evidence": [Evidence(" ")]}, "evidence"),
        ({"evidence": [Evidence("Vu.", posts=-1)]}, "evidence"),
        ({"evidence": [Evidence("a\x00")]}, "evidence"),
    ],
)
def test_what_cannot_be_used_is_told_at_its_field(cast: Cast, change: dict[str, Any], field: str):
    given = {"domain": "craft", "level": 2, **change}
    with pytest.raises(Invalid) as refusal:
        proposed(cast, "nadia", "ines", **given)
    assert set(refusal.value.fields) == {field}


def test_one_proposal_at_a_time_and_none_for_what_is_held(cast: Cast):
    made = proposed(cast, "nadia", "ines", "craft", 2)
    with pytest.raises(Refused) as twice:
        proposed(cast, "hugo", "ines", "craft", 2)
    assert (twice.value.code, twice.value.details["credential"]) == ("already_proposed", made.pk)
    with pytest.raises(Refused) as held:
        proposed(cast, "nadia", "marc", "craft", 2)
    assert held.value.code == "already_held"


def test_turned_down_counts_for_nothing_and_may_be_proposed_again(cast: Cast):
    made = proposed(cast, "nadia", "ines", "company")
    with pytest.raises(Forbidden):
        decline(cast.ines, made.pk)
    made = decline(cast.hugo, made.pk, "Encore un peu tôt.")
    assert (made.state, made.ended_at, made.ended_by) == ("DECLINED", made.valid_from, cast.hugo)
    assert level_of(cast.ines, cast.brand, "company") == 0
    assert cast.nadia.notices.filter(kind="credential.decline").exists()
    with pytest.raises(Refused):
        confirm(cast.hugo, made.pk)
    assert proposed(cast, "nadia", "ines", "company").state == CredentialState.PROPOSED


def test_the_database_says_it_too(cast: Cast):
    made = proposed(cast, "nadia", "ines", "company")
    row = Credential.objects.filter(pk=made.pk)
    for change in (
        {"second_grantor": cast.ines},
        {"second_grantor": cast.nadia},
        {"proposed_by": cast.ines},
        {"level": 3},
        {"user": cast.marc},
        {"first_grantor": None, "second_grantor": cast.hugo},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            row.update(**change)
    with pytest.raises(IntegrityError), transaction.atomic():
        Credential.objects.create(brand=cast.brand, user=cast.ines, domain="company", level=2)


def test_a_founding_grant_of_a_linked_account_is_suspended(cast: Cast):
    """Olga founded Victor's crisis; if they are one person, nobody else has looked at it."""
    inviting.link(cast.olga, cast.brand, cast.victor, cast.olga)
    assert level_of(cast.victor, cast.brand, "crisis") == 0
    assert set(cast.credentials("victor", "crisis").values_list("state", flat=True)) == {"SUSPENDED"}


def test_founding_is_still_once(cast: Cast):
    assert Channel.objects.filter(brand=cast.brand).exists()
    with pytest.raises(Refused):
        found(cast.olga, cast.brand, [Grant(cast.ines, "company", 2, "Vu.")])
