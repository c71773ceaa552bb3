"""Changing the rules: two people, persons and not accounts, and what it does to posts under way."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, transaction

from accounts.models import Membership, User
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.legislating import acknowledge, confirm, confirmers, drop, propose, read_proposal
from approvals.models import Acknowledgement, Policy, PolicyState
from approvals.policy import PRESETS, TEAM, read_rules
from approvals.ruling import in_force
from journal.models import Entry, Notice
from posts.lifecycle import DeliveryState, PostState
from tests.casting import Cast, codes, fresh

pytestmark = pytest.mark.django_db
WHY = "Deux paires d’yeux."


def routine_by(people: int) -> dict[str, Any]:
    kinds = {**TEAM["kinds"], "routine": {**TEAM["kinds"]["routine"], "people": people}}
    return {**TEAM, "preset": "own", "kinds": kinds}


def tighten(cast: Cast, who: str = "olga") -> Policy:
    return propose(cast.people[who], cast.brand, routine_by(2), WHY)


def refused(code: str, kind: type[Refused], do: Any) -> Refused:
    with pytest.raises(kind) as refusal:
        do()
    assert refusal.value.code == code
    return refusal.value


# --- Two people ---------------------------------------------------------------------------------------
def test_a_proposal_changes_nothing_and_a_second_person_brings_it_into_force(cast: Cast):
    before = in_force(cast.brand.pk).policy
    made = tighten(cast)
    assert (made.number, made.state, made.reason) == (2, PolicyState.PROPOSED, WHY)
    assert in_force(cast.brand.pk).policy == before
    after = confirm(cast.nadia, made.pk)
    assert (after.state, after.confirmed_by, after.proposed_by) == (PolicyState.ACTIVE, cast.nadia, cast.olga)
    rules = in_force(cast.brand.pk).rules
    assert rules is not None
    assert rules.kinds["routine"].people == 2  # type: ignore[index]
    assert before is not None
    before.refresh_from_db()
    assert before.state == PolicyState.SUPERSEDED


@pytest.mark.parametrize("who", ["ines", "marc", "sofia", "victor"])
def test_only_an_owner_or_a_mentor_of_the_craft_proposes_or_confirms(cast: Cast, who: str):
    refused("not_qualified", Forbidden, lambda: tighten(cast, who))
    made = tighten(cast)
    refused("not_qualified", Forbidden, lambda: confirm(cast.people[who], made.pk))
    refused("not_qualified", Forbidden, lambda: drop(cast.people[who], made.pk))
    assert not Policy.objects.filter(confirmed_by=cast.people[who]).exists()


@pytest.mark.parametrize("who", ["olga", "nadia", "hugo"])
def test_case_27_nobody_confirms_what_they_proposed(cast: Cast, who: str):
    loose = read_proposal(preset="duo")
    made = propose(cast.people[who], cast.brand, loose, "Plus simple.")
    told = refused("own_proposal", Forbidden, lambda: confirm(cast.people[who], made.pk))
    assert cast.people[who].name not in told.sentence
    assert in_force(cast.brand.pk).policy.number == 1  # type: ignore[union-attr]


def test_case_27_nor_by_another_account_of_the_same_person(cast: Cast):
    second = cast.member("nadia2", craft=3)
    User.objects.filter(pk=second.pk).update(same_person_as=cast.nadia)
    second.refresh_from_db()
    made = tighten(cast, "nadia")
    refused("own_proposal", Forbidden, lambda: confirm(second, made.pk))
    assert second not in confirmers(cast.brand, cast.nadia)
    confirm(cast.hugo, made.pk)


def test_a_stranger_sees_no_proposal(cast: Cast):
    made = tighten(cast)
    refused("not_a_member", NotHere, lambda: confirm(cast.stranger, made.pk))
    refused("not_a_member", NotHere, lambda: propose(cast.stranger, cast.brand, TEAM, WHY))
    refused("no_such_policy", NotHere, lambda: confirm(cast.olga, 10**9))


def test_a_superuser_is_nobody_here(cast: Cast):
    root = User.objects.create_superuser("root@maison-lumiere.example", None, name="Racine")
    made = tighten(cast)
    refused("not_a_member", NotHere, lambda: confirm(root, made.pk))


def test_where_nobody_else_is_qualified_another_member_is_the_second_person(cast: Cast):
    Membership.objects.filter(brand=cast.brand).exclude(user__in=[cast.olga, cast.ines]).update(
        is_active=False
    )
    made = tighten(cast)
    assert confirmers(cast.brand, cast.olga) == [cast.ines]
    refused("own_proposal", Forbidden, lambda: confirm(cast.olga, made.pk))
    assert confirm(cast.ines, made.pk).confirmed_by == cast.ines


def test_somebody_who_is_alone_decides_alone_and_the_journal_says_so(cast: Cast):
    Membership.objects.filter(brand=cast.brand).exclude(user=cast.olga).update(is_active=False)
    made = confirm(cast.olga, tighten(cast).pk)
    assert (made.state, made.confirmed_by) == (PolicyState.ACTIVE, None)
    assert Entry.objects.get(verb="policy.confirm").data["alone"] is True


def test_a_second_account_is_no_second_person_when_one_is_alone(cast: Cast):
    twin = cast.member("olga2")
    Membership.objects.filter(brand=cast.brand, user=twin).update(is_owner=True)
    Membership.objects.filter(brand=cast.brand).exclude(user__in=[cast.olga, twin]).update(is_active=False)
    User.objects.filter(pk=twin.pk).update(same_person_as=cast.olga)
    made = confirm(User.objects.get(pk=twin.pk), tighten(cast).pk)
    assert (made.state, made.confirmed_by) == (PolicyState.ACTIVE, None)
    assert Entry.objects.get(verb="policy.confirm").data["alone"] is True


def test_the_word_of_somebody_who_has_left_is_not_theirs_to_give(cast: Cast):
    made = tighten(cast, "hugo")
    cast_membership = cast.membership("hugo")
    cast_membership.is_active = False
    cast_membership.save(update_fields=["is_active"])
    refused("proposer_gone", Refused, lambda: confirm(cast.nadia, made.pk))


def test_a_proposal_is_confirmed_or_dropped_once(cast: Cast):
    made = tighten(cast)
    confirm(cast.hugo, made.pk)
    for again in (confirm, drop):
        assert refused("not_proposed", Refused, lambda again=again: again(cast.nadia, made.pk)).details == {
            "state": "ACTIVE"
        }
    other = tighten(cast, "nadia")
    gone = drop(cast.nadia, other.pk, "Trop lourd.")
    assert (gone.state, gone.dropped_by) == (PolicyState.DROPPED, cast.nadia)
    refused("not_proposed", Refused, lambda: confirm(cast.hugo, other.pk))


def test_what_was_compared_with_other_rules_is_read_again(cast: Cast):
    first, second = tighten(cast, "nadia"), propose(cast.hugo, cast.brand, TEAM, "Comme avant.")
    confirm(cast.olga, first.pk, seen=1)
    told = refused("stale_policy", Refused, lambda: confirm(cast.olga, second.pk, seen=1))
    assert told.details == {"in_force": 2}
    assert confirm(cast.olga, second.pk, seen=2).state == PolicyState.ACTIVE


def test_an_empty_or_malformed_proposal_is_refused_at_its_field(cast: Cast):
    empty = {**TEAM, "kinds": {"routine": {"requirements": [], "people": 1, "ttl_minutes": 60}}}
    told = refused("bad_policy", Invalid, lambda: propose(cast.olga, cast.brand, empty, WHY))
    assert set(told.fields) == {"rules.kinds.routine.requirements"}
    assert set(
        refused("reason_needed", Invalid, lambda: propose(cast.olga, cast.brand, TEAM, " ")).fields
    ) == {"reason"}
    refused("unknown_preset", Invalid, lambda: read_proposal(preset="laxist"))
    refused("rules_needed", Invalid, read_proposal)
    refused("rules_needed", Invalid, lambda: read_proposal(TEAM, "team"))
    assert Policy.objects.filter(brand=cast.brand).count() == 1


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_stored_whole(cast: Cast, preset: str):
    made = propose(cast.olga, cast.brand, read_proposal(preset=preset), WHY)
    made.refresh_from_db()
    assert read_rules(made.rules) == read_rules(PRESETS[preset])


def test_it_is_told_and_journalled(cast: Cast):
    made = tighten(cast)
    asked = Notice.objects.filter(kind="policy.propose").values_list("user__name", flat=True)
    assert set(asked) == {"Nadia", "Hugo"}
    confirm(cast.nadia, made.pk)
    assert Notice.objects.filter(kind="policy.confirm").count() == 7
    verbs = (
        Entry.objects.filter(subject=f"policy:{made.pk}").order_by("pk").values_list("verb", "actor__name")
    )
    assert list(verbs) == [("policy.propose", "Olga"), ("policy.confirm", "Nadia")]
    assert Entry.objects.get(verb="policy.propose").personal.text == WHY


# --- What it does to posts under way --------------------------------------------------------------------
def test_case_26_what_a_tightened_policy_closes_is_held_at_once_and_told(cast: Cast):
    post, launch = cast.approved(), cast.submitted(kind="launch", products=[cast.lamp])
    for who in ("nadia", "hugo"):
        cast.say(who, launch)
    assert fresh(launch).lifecycle == PostState.SCHEDULED
    confirm(cast.nadia, tighten(cast).pk)
    held = fresh(post)
    assert held.lifecycle == PostState.HELD
    assert [one["code"] for one in held.reasons] == ["missing_people"]
    assert {row.lifecycle for row in held.deliveries.all()} == {DeliveryState.HELD}
    assert fresh(launch).lifecycle == PostState.SCHEDULED
    told = set(
        Notice.objects.filter(kind="policy.held", post_id=post.pk).values_list("user__name", flat=True)
    )
    assert {"Inès", "Hugo"} <= told
    assert Entry.objects.filter(verb="policy.confirm").get().data["held"] == 1
    # The second pair of eyes lets it go on.
    cast.say("hugo", post)
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_what_a_looser_policy_opens_is_scheduled(cast: Cast):
    confirm(cast.nadia, tighten(cast).pk)
    post = cast.submitted()
    cast.say("nadia", post)
    assert (fresh(post).lifecycle, codes(post)) == (PostState.IN_REVIEW, {"missing_people"})
    confirm(cast.hugo, propose(cast.olga, cast.brand, read_proposal(preset="team"), "Assez d’une.").pk)
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_what_is_held_does_not_resume_by_itself(cast: Cast):
    post = cast.approved()
    confirm(cast.nadia, tighten(cast).pk)
    confirm(cast.hugo, propose(cast.olga, cast.brand, TEAM, "Comme avant.").pk)
    assert (fresh(post).lifecycle, codes(post)) == (PostState.HELD, set())


# --- What nobody could satisfy ---------------------------------------------------------------------------
def test_only_an_owner_takes_note_of_what_cannot_go_out(cast: Cast):
    policy = in_force(cast.brand.pk).policy
    assert policy is not None
    refused("owner_only", Forbidden, lambda: acknowledge(cast.nadia, policy.pk, "crisis", ["crisis"]))
    made = acknowledge(cast.olga, policy.pk, "crisis", ["crisis", "company"])
    assert Acknowledgement.objects.get() == made
    assert made.lacking == ["company", "crisis"]
    refused("not_in_force", Refused, lambda: acknowledge(cast.olga, tighten(cast).pk, "crisis", ["crisis"]))


# --- The database says it too ------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fields",
    [
        {"state": "ACTIVE"},
        {"state": "SUPERSEDED", "confirmed_at": None},
        {"state": "DROPPED"},
        {"state": "LAW"},
        {"confirmed_by": "proposer"},
    ],
)
def test_the_database_refuses_a_policy_that_nobody_adopted(cast: Cast, fields: dict[str, Any]):
    made = tighten(cast)
    if fields.get("confirmed_by"):
        fields = {"confirmed_by": made.proposed_by}
    with pytest.raises(IntegrityError), transaction.atomic():
        Policy.objects.filter(pk=made.pk).update(**fields)
