"""A veto gives way to its caster, or to an equal who wrote nothing of the post: domain by domain."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals import inviting
from approvals.expertise import revoke
from approvals.models import Decision, Override, Verdict
from approvals.overriding import override
from approvals.reviewing import revise, submit
from journal.models import Entry
from posts.drafting import clone
from posts.lifecycle import PostState
from posts.models import Post
from tests.casting import Cast, codes, fresh, in_hours, is_open, missing

REJECT, WITHDRAW = Verdict.REJECT.value, Verdict.WITHDRAW.value
WHY = "Vérifié auprès de l’atelier."


def vetoed(cast: Cast, by: str = "nadia", **fields: Any) -> tuple[Post, Decision]:
    post = cast.submitted(**fields)
    return post, cast.say(by, post, REJECT)


def copied(cast: Cast, post: Post, text: str = "Tout autre chose.") -> Post:
    with transaction.atomic():
        copy = clone(cast.ines, fresh(post))
    revise(cast.ines, copy.pk, {"slot": in_hours(3).isoformat(), "text": text})
    return submit(cast.ines, copy.pk)


def state(post: Post) -> PostState:
    return fresh(post).lifecycle


# --- Overriding ---------------------------------------------------------------------------------
def test_an_equal_lifts_it_in_every_domain_with_a_reason(cast: Cast):
    post, veto = vetoed(cast)
    made = override(cast.hugo, post.pk, veto.pk, WHY)
    assert {row.domain for row in made} == {"craft", "company", "channel:demo"}
    assert (codes(post), state(post)) == ({"missing_requirement", "missing_people"}, PostState.IN_REVIEW)
    entry = Entry.objects.get(verb="decision.override")
    assert (entry.actor, entry.post_id, entry.personal.text) == (cast.hugo, post.pk, WHY)
    assert cast.nadia.notices.filter(kind="decision.override").count() == 1
    assert cast.ines.notices.filter(kind="decision.override").count() == 1
    assert cast.hugo.requests.filter(post=post).exists() or cast.nadia.requests.filter(post=post).exists()


def test_lifting_is_no_approval_and_what_was_approved_counts_again(cast: Cast):
    post, veto = vetoed(cast)
    cast.say("hugo", post)
    assert codes(post) == {"veto"}
    override(cast.hugo, post.pk, veto.pk, WHY)
    assert state(post) == PostState.SCHEDULED


def test_domain_by_domain_by_several_people(cast: Cast):
    """Victor's crisis 3 and craft 2: Marc lifts the craft, Hugo the rest."""
    post, veto = vetoed(cast, "nadia")
    cast.grant("marc", "craft", 3)
    assert [row.domain for row in override(cast.marc, post.pk, veto.pk, WHY)] == ["craft"]
    assert "veto" in codes(post)
    assert state(post) == PostState.REJECTED
    assert {row.domain for row in override(cast.hugo, post.pk, veto.pk, WHY)} == {"company", "channel:demo"}
    assert "veto" not in codes(post)


def test_it_takes_at_least_the_level_of_whoever_cast_it(cast: Cast):
    """Nadia held craft 3: Marc's craft 2 is not enough; of a veto on craft 2 it is."""
    post, veto = vetoed(cast)
    with pytest.raises(Forbidden) as refusal:
        override(cast.marc, post.pk, veto.pk, WHY)
    assert refusal.value.code == "not_qualified"
    assert ["craft", 3] in refusal.value.details["left"]
    other, lower = vetoed(cast, "victor", text="Autre chose.")
    assert {row.domain for row in override(cast.marc, other.pk, lower.pk, WHY)} == {"craft"}
    assert "veto" in codes(other), "Victor's company 2 is left"


@pytest.mark.parametrize(
    ("who", "code"),
    [("nadia", "own_veto"), ("ines", "contributor"), ("olga", "not_qualified"), ("sofia", "not_qualified")],
)
def test_not_by_its_caster_a_contributor_or_the_unqualified(cast: Cast, who: str, code: str):
    post, veto = vetoed(cast)
    with pytest.raises(Forbidden) as refusal:
        override(cast.people[who], post.pk, veto.pk, WHY)
    assert refusal.value.code == code
    assert not Override.objects.exists()


def test_not_by_a_contributor_however_expert(cast: Cast):
    post = cast.submitted()
    cast.edit("hugo", post, text="Hugo y a mis la main.")
    veto = cast.say("nadia", post, REJECT)
    with pytest.raises(Forbidden) as refusal:
        override(cast.hugo, post.pk, veto.pk, WHY)
    assert refusal.value.code == "contributor"


def test_not_through_another_account_of_its_caster(cast: Cast):
    post, veto = vetoed(cast)
    inviting.link(cast.olga, cast.brand, cast.nadia, cast.member("nadia2"))
    for domain in ("craft", "company", "channel:demo"):
        cast.grant("nadia2", domain, 3)
    cast.nadia2.refresh_from_db()
    with pytest.raises(Forbidden) as refusal:
        override(cast.nadia2, post.pk, veto.pk, WHY)
    assert refusal.value.code == "own_veto"


@pytest.mark.parametrize("reason", ["", "  ", "a\x00", "x" * 2001])
def test_a_reason_that_can_be_read(cast: Cast, reason: str):
    post, veto = vetoed(cast)
    with pytest.raises(Invalid) as refusal:
        override(cast.hugo, post.pk, veto.pk, reason)
    assert set(refusal.value.fields) == {"reason"}


def test_only_an_open_veto_of_this_posts_lineage(cast: Cast):
    post, veto = vetoed(cast)
    other = cast.submitted("Autre chose.")
    approval = cast.say("marc", other)
    changes = cast.say("nadia", other, Verdict.REQUEST_CHANGES.value)
    for pk, decision, why in (
        (other.pk, veto.pk, "no_such_decision"), (post.pk, 999, "no_such_decision"),
    ):  # fmt: skip
        with pytest.raises(NotHere) as absent:
            override(cast.hugo, pk, decision, WHY)
        assert absent.value.code == why
    for said in (approval, changes):
        with pytest.raises(Refused) as refusal:
            override(cast.hugo, other.pk, said.pk, WHY)
        assert refusal.value.code == "not_a_veto"
    with pytest.raises(NotHere):
        override(cast.stranger, post.pk, veto.pk, WHY)
    override(cast.hugo, post.pk, veto.pk, WHY)
    with pytest.raises(Refused) as again:
        override(cast.hugo, post.pk, veto.pk, WHY)
    assert again.value.code == "not_a_veto"


def test_an_advisory_rejection_needs_no_lifting(cast: Cast):
    post = cast.submitted()
    advice = cast.say("sofia", post, REJECT)
    assert "veto" not in codes(post)
    with pytest.raises(Refused):
        override(cast.hugo, post.pk, advice.pk, WHY)


# --- Case 22: losing standing never opens -----------------------------------------------------------
@pytest.mark.parametrize("loses", ["credential", "membership"])
def test_case_22_the_veto_stands_until_overridden(cast: Cast, loses: str):
    post, veto = vetoed(cast)
    if loses == "credential":
        for row in cast.nadia.credentials.filter(brand=cast.brand):
            revoke(cast.olga, row.pk, "Elle est partie ailleurs.")
    else:
        inviting.deactivate(cast.olga, cast.membership("nadia"))
    cast.say("hugo", post)
    assert codes(post) == {"veto"}
    override(cast.hugo, post.pk, veto.pk, WHY)
    assert is_open(post)


def test_what_lifted_it_stands_when_the_lifter_loses_standing(cast: Cast):
    """A veto is judged when cast, and its lifting when it is lifted."""
    post, veto = vetoed(cast)
    override(cast.hugo, post.pk, veto.pk, WHY)
    for row in cast.hugo.credentials.filter(brand=cast.brand):
        revoke(cast.olga, row.pk, "Il est parti.")
    assert "veto" not in codes(post)


# --- Case 23: neither an edit nor a copy shakes it off ---------------------------------------------
def test_case_23_a_copy_is_held_and_freed_with_it(cast: Cast):
    post, veto = vetoed(cast)
    copy = copied(cast, post)
    assert (state(copy), codes(copy) & {"veto"}) == (PostState.REJECTED, {"veto"})
    override(cast.hugo, copy.pk, veto.pk, WHY)
    assert (state(post), state(copy)) == (PostState.IN_REVIEW, PostState.IN_REVIEW)


def test_case_23_a_veto_holds_the_copies_that_are_scheduled_already(cast: Cast):
    post = cast.submitted()
    copy = copied(cast, post)
    cast.say("hugo", copy)
    assert state(copy) == PostState.SCHEDULED
    cast.say("nadia", post, REJECT)
    assert state(copy) == PostState.REJECTED
    assert copy.deliveries.get().approved_digest is None
    assert cast.ines.notices.filter(kind="decision.reject", post_id=copy.pk).exists()


def test_approving_a_copy_frees_the_copy_alone(cast: Cast):
    """Nadia likes the gentler copy. The original, with the words she rejected, does not go out for that."""
    post, _veto = vetoed(cast)
    copy = copied(cast, post)
    cast.say("nadia", copy)
    assert is_open(copy)
    assert "veto" in codes(post)
    third = copied(cast, post, "Et une troisième.")
    assert "veto" in codes(third)
    cast.say("hugo", post)
    assert state(post) == PostState.REJECTED


def test_withdrawing_on_a_copy_takes_nothing_back(cast: Cast):
    post, _veto = vetoed(cast)
    copy = copied(cast, post)
    cast.say("nadia", copy, WITHDRAW)
    assert "veto" in codes(post)
    assert "veto" in codes(copy)


@pytest.mark.parametrize("by", ["approve", "withdraw"])
def test_taken_back_where_it_was_cast_it_frees_the_copies_too(cast: Cast, by: str):
    post, _veto = vetoed(cast)
    copy = copied(cast, post)
    cast.edit("ines", post, text="Corrigé comme demandé.")
    cast.say("nadia", post, by)
    assert "veto" not in codes(post)
    assert "veto" not in codes(copy)
    assert state(copy) == PostState.IN_REVIEW


# --- Withdrawing ------------------------------------------------------------------------------------
def test_withdrawing_a_rejection_revives_no_earlier_approval(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("nadia", post)
    assert set(missing(post)) == {"product:lampe-aurore"}
    cast.say("nadia", post, REJECT)
    cast.say("nadia", post, WITHDRAW)
    assert "veto" not in codes(post)
    assert set(missing(post)) == {"craft", "company", "channel:demo", "product:lampe-aurore"}
    assert state(post) == PostState.IN_REVIEW
