"""Submitting, revising, deciding, and where a post stands afterwards."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accounts.clock import database_now
from accounts.refusals import Forbidden, Invalid, NotHere, Refused, Stale
from approvals import incidents, inviting
from approvals.models import Decision, Request, Verdict
from approvals.reviewing import Word, decide, draft, revise, submit
from approvals.steering import hold, reschedule
from journal.models import Entry
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from tests.casting import Cast, age_post, codes, digest_of, due, fresh, in_hours, is_open

REJECT, CHANGES, WITHDRAW = Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value, Verdict.WITHDRAW.value


def state(post: Post) -> PostState:
    return fresh(post).lifecycle


# --- Writing -----------------------------------------------------------------------------------------
def test_an_outsider_drafts_nothing(cast: Cast):
    with pytest.raises(NotHere):
        draft(cast.stranger, cast.brand, {"text": "Bonjour."})
    assert not Post.objects.exists()


@pytest.mark.parametrize("verb", ["revise", "submit", "decide"])
def test_an_outsider_learns_and_changes_nothing(cast: Cast, verb: str):
    post = cast.submitted()
    call = {
        "revise": lambda: revise(cast.stranger, post.pk, {"text": "x"}),
        "submit": lambda: submit(cast.stranger, post.pk),
        "decide": lambda: decide(cast.stranger, post.pk, Word("approve", digest_of(post))),
    }[verb]
    with pytest.raises((NotHere, Forbidden)):
        call()
    assert fresh(post).version == post.version


def test_no_such_post(cast: Cast):
    for call in (lambda: revise(cast.ines, 999, {}), lambda: decide(cast.ines, 999, Word("approve", ""))):
        with pytest.raises(NotHere):
            call()


def test_submitting_seals_asks_and_tells(cast: Cast):
    post = cast.submitted()
    revision = fresh(post).revision
    assert revision is not None
    assert len(revision.digest) == 64
    assert revision.sealed_at is not None
    assert set(revision.payloads) == {"demo"}
    delivery = post.deliveries.get()
    assert (delivery.sealed_digest, delivery.approved_digest) == (revision.digest, None)
    assert delivery.lifecycle == DeliveryState.PENDING
    asked = Request.objects.get(post=post)
    assert asked.digest == revision.digest
    assert asked.user.notices.filter(kind="review.asked", post_id=post.pk).exists()


def test_submitting_twice_is_refused(cast: Cast):
    post = cast.submitted()
    with pytest.raises(Refused) as refusal:
        submit(cast.ines, post.pk)
    assert refusal.value.code == "not_a_draft"


def test_submitting_refuses_every_problem_at_its_field(cast: Cast):
    post = cast.draft(text="x" * 6000, slot=None)
    with pytest.raises(Invalid) as refusal:
        submit(cast.ines, post.pk)
    assert set(refusal.value.fields) == {"text", "slot"}
    assert {one["code"] for one in refusal.value.details["problems"]} >= {"no_slot"}
    assert state(post) == PostState.DRAFT
    assert digest_of(post) == ""


def test_a_slot_that_passed_while_it_was_a_draft(cast: Cast):
    post = cast.draft()
    age_post(post, timedelta(hours=3))
    with pytest.raises(Invalid) as refusal:
        submit(cast.ines, post.pk)
    assert refusal.value.code == "past_slot"


def test_a_revision_that_was_not_read_is_stale(cast: Cast):
    post = cast.draft()
    cast.edit("marc", post, text="Deux.")
    with pytest.raises(Stale) as refusal:
        revise(cast.ines, post.pk, {"text": "Trois."}, seen=1)
    assert (refusal.value.status, refusal.value.details) == (412, {"current": 2})
    revise(cast.ines, post.pk, {"text": "Trois."}, seen=2)
    assert fresh(post).revision.number == 3  # type: ignore[union-attr]


def test_a_facet_of_a_draft_is_not_lowered_by_its_writer(cast: Cast):
    post = cast.draft(kind="launch", products=[cast.lamp])
    for change in ({"kind": "routine"}, {"products": []}, {"kind": "reply"}):
        with pytest.raises(Forbidden) as refusal:
            cast.edit("ines", post, **change)
        assert refusal.value.code == "facet_lowered"
        assert "Hugo" in refusal.value.sentence, "it names who could"
    assert (fresh(post).kind, fresh(post).products) == ("launch", [cast.lamp])


def test_the_kind_of_a_new_draft_may_change_sideways(cast: Cast):
    """Routine is what the form offers first: nobody has chosen it, and nobody has read it."""
    post = cast.draft()
    cast.edit("ines", post, kind="reply")
    cast.edit("ines", post, kind="routine")
    cast.edit("ines", post, kind="reply")
    submit(cast.ines, post.pk)
    with pytest.raises(Forbidden):
        cast.edit("ines", post, kind="routine")


def test_anyone_raises_a_facet_and_approvals_stay_on_their_bytes(cast: Cast):
    post = cast.approved()
    cast.edit("olga", post, kind="launch", products=[cast.lamp], topics=["legal"])
    assert state(post) == PostState.IN_REVIEW
    assert codes(post) == {"missing_requirement", "missing_people"}
    cast.say("sofia", post)
    assert state(post) == PostState.SCHEDULED, "what Nadia read are the same bytes"


@pytest.mark.parametrize(
    "bad", [{"products": "lampe"}, {"products": [{}]}, {"products": None}, {"topics": None}, {"kind": []}]
)
def test_facets_that_cannot_be_read_are_refused_at_their_field(cast: Cast, bad: dict[str, object]):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    with pytest.raises(Invalid) as refusal:
        cast.edit("ines", post, **bad)
    assert set(refusal.value.fields) == set(bad)


def test_an_edit_with_a_problem_waits_for_changes(cast: Cast):
    post = cast.approved()
    cast.edit("ines", post, text="x" * 6000)
    assert state(post) == PostState.CHANGES_REQUESTED
    cast.edit("ines", post, text="Court.")
    assert state(post) == PostState.IN_REVIEW
    cast.say("nadia", post)
    assert state(post) == PostState.SCHEDULED


# --- Deciding ----------------------------------------------------------------------------------------
def test_a_decision_remembers_what_it_rested_on_and_what_was_shown(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    decision = cast.say("nadia", post)
    assert decision.rests_on == [["channel:demo", 3], ["company", 3], ["craft", 3]]
    assert decision.facets == {"kind": "launch", "products": [cast.lamp], "topics": []}
    assert (decision.digest, decision.epoch, decision.binding) == (digest_of(post), 0, False)
    entry = Entry.objects.get(verb="decision.approve")
    assert entry.data["decision"] == decision.pk
    assert (entry.actor, entry.post_id) == (cast.nadia, post.pk)
    assert cast.ines.notices.get(kind="decision.approve").data["open"] is False


@pytest.mark.parametrize(
    ("word", "code"),
    [
        (Word("applaud", ""), "unknown_decision"),
        (Word("reject", "", comment="  "), "comment_needed"),
        (Word("request_changes", ""), "comment_needed"),
        (Word("approve", "", motive="mood"), "unknown_reason"),
        (Word("approve", "", comment="a\x00b"), "bad_comment"),
        (Word("approve", "", comment="x" * 5001), "bad_comment"),
        (Word("approve", "", comment="\ud800"), "bad_comment"),
    ],
)
def test_words_that_cannot_be_taken(cast: Cast, word: Word, code: str):
    post = cast.submitted()
    with pytest.raises(Invalid) as refusal:
        decide(cast.nadia, post.pk, Word(word.decision, digest_of(post), word.comment, word.motive))
    assert refusal.value.code == code
    assert refusal.value.fields
    assert not Decision.objects.exists()


def test_a_comment_of_5000_characters_is_kept(cast: Cast):
    assert len(cast.say("nadia", cast.submitted(), comment="x" * 5000).comment) == 5000


def test_requested_changes_then_an_edit_then_approval(cast: Cast):
    post = cast.submitted(text="Un.")
    cast.say("nadia", post, CHANGES, motive="facts")
    assert state(post) == PostState.CHANGES_REQUESTED
    cast.edit("ines", post, text="Deux.")
    assert state(post) == PostState.IN_REVIEW
    cast.say("nadia", post)
    assert state(post) == PostState.SCHEDULED
    assert post.deliveries.get().approved_digest == digest_of(post)


def test_a_contributor_may_object_and_take_it_back(cast: Cast):
    post = cast.submitted(author=cast.nadia)
    cast.say("nadia", post, REJECT)
    assert state(post) == PostState.REJECTED
    cast.say("nadia", post, WITHDRAW)
    assert state(post) == PostState.IN_REVIEW


def test_withdrawing_a_rejection_revives_no_earlier_approval(cast: Cast):
    post = cast.approved()
    cast.say("nadia", post, REJECT)
    cast.say("nadia", post, WITHDRAW)
    assert "missing_requirement" in codes(post)
    assert state(post) == PostState.IN_REVIEW


def test_an_approval_taken_back_unschedules_also_what_a_worker_has_claimed(cast: Cast):
    post = cast.approved()
    soon = database_now() + timedelta(minutes=1)
    Delivery.objects.filter(post=post).update(state=DeliveryState.CLAIMED.value, lease_until=soon, token=5)
    cast.say("nadia", post, WITHDRAW)
    assert state(post) == PostState.IN_REVIEW
    delivery = post.deliveries.get()
    assert (delivery.lifecycle, delivery.approved_digest) == (DeliveryState.PENDING, None)
    assert delivery.token > 5, "the claim is void"


def test_a_draft_is_not_decided(cast: Cast):
    post = cast.draft()
    with pytest.raises(Refused) as refusal:
        decide(cast.nadia, post.pk, Word("approve", ""))
    assert (refusal.value.code, refusal.value.details) == ("not_in_review", {"state": "draft"})


def test_who_left_decides_nothing(cast: Cast):
    post = cast.submitted()
    inviting.deactivate(cast.olga, cast.membership("nadia"))
    with pytest.raises(Forbidden) as refusal:
        cast.say("nadia", post)
    assert refusal.value.code == "not_a_member"


def test_the_database_wants_a_reason_for_an_objection_too(cast: Cast):
    post = cast.submitted()
    with pytest.raises(IntegrityError), transaction.atomic():
        Decision.objects.create(
            post=post,
            revision=post.revisions.get(),
            user=cast.nadia,
            decision=REJECT,
            digest="",
            epoch=0,
            at=database_now(),
        )


# --- Where it stands ---------------------------------------------------------------------------------
def test_a_slot_that_passes_before_the_gate_opens_is_missed(cast: Cast):
    post = cast.submitted()
    due(post, late=timedelta(minutes=10))
    cast.say("nadia", post)
    assert state(post) == PostState.MISSED
    assert post.deliveries.get().lifecycle == DeliveryState.MISSED
    reschedule(
        cast.ines,
        post.pk,
        in_hours(1).isoformat(),
        {"from": in_hours(-1).isoformat(), "until": in_hours(9).isoformat()},
    )
    cast.say("marc", post)
    cast.say("nadia", post)
    assert state(post) == PostState.SCHEDULED


def test_one_more_approval_of_what_is_already_due_does_not_make_it_missed(cast: Cast):
    """Between the slot and the worker a second reader says yes: nothing closes by that."""
    post = cast.approved()
    due(post, late=timedelta(minutes=2))
    cast.say("marc", post)
    assert state(post) == PostState.SCHEDULED
    delivery = post.deliveries.get()
    assert (delivery.lifecycle, delivery.approved_digest) == (DeliveryState.PENDING, digest_of(post))


def test_on_approval_is_due_when_the_gate_opens(cast: Cast):
    post = cast.submitted(slot="on_approval")
    assert fresh(post).slot is None
    cast.say("nadia", post)
    after = fresh(post)
    assert after.lifecycle == PostState.SCHEDULED
    assert after.slot is not None
    assert after.slot <= database_now()
    assert post.deliveries.get().due_at == after.slot


def test_on_approval_again_after_an_edit_is_due_at_the_second_opening(cast: Cast):
    """Its first opening gave it an instant; that instant is not a slot it could miss."""
    post = cast.approved(slot="on_approval")
    cast.edit("ines", post, text="Une virgule, encore.")
    assert state(post) == PostState.IN_REVIEW
    edited = database_now()
    cast.say("nadia", post)
    assert state(post) == PostState.SCHEDULED
    slot = fresh(post).slot
    assert slot is not None
    assert slot > edited
    assert post.deliveries.get().due_at == fresh(post).slot


def held_by_a_pause(cast: Cast) -> Post:
    post = cast.approved()
    pause = incidents.pause(cast.ines, cast.brand, {"brand": True}, "Je vérifie.")
    assert state(post) == PostState.HELD
    incidents.end_pause(cast.nadia, pause.pk)
    assert state(post) == PostState.HELD, "nothing resumes by itself"
    assert is_open(post)
    return post


def test_what_was_held_is_confirmed_by_an_approval_that_counts(cast: Cast):
    post = held_by_a_pause(cast)
    cast.say("nadia", post)
    assert state(post) == PostState.SCHEDULED


@pytest.mark.parametrize(
    "act", ["an advisory vote", "a withdrawal", "the author moves it", "the author raises it"]
)
def test_what_was_held_is_not_resumed_by_just_anybody(cast: Cast, act: str):
    post = held_by_a_pause(cast)
    slot = fresh(post).slot
    assert slot is not None
    {
        "an advisory vote": lambda: cast.say("olga", post),
        "a withdrawal": lambda: cast.say("olga", post, WITHDRAW),
        "the author moves it": lambda: reschedule(
            cast.ines, post.pk, (slot + timedelta(minutes=1)).isoformat()
        ),
        "the author raises it": lambda: cast.edit("ines", post, topics=["nouveau"]),
    }[act]()
    assert state(post) == PostState.HELD


def test_what_a_person_holds_stays_whatever_is_decided(cast: Cast):
    post = cast.submitted()
    hold(cast.ines, post.pk)
    cast.say("nadia", post)
    assert state(post) == PostState.HELD
    assert codes(post) == {"held"}
    cast.edit("ines", post, text="Autre.")
    assert state(post) == PostState.HELD
    assert fresh(post).held_by == cast.ines
