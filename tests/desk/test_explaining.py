"""“Why is this not out?”: one sentence for every state, that names who could act."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone, translation

from accounts.models import Absence
from adapters.http import REFUSED
from approvals import steering
from approvals.reviewing import verdict_of
from cm_queue.desk.explaining import _SENTENCES, why_not_out
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from publishing.models import Attempt, Outcome
from tests.casting import Cast, due, fresh
from tests.casting import cast as cast  # noqa: PLC0414


def why(post: Post) -> str:
    post = fresh(post)
    return why_not_out(post, verdict_of(post)[1])


def put(post: Post, state: PostState, delivery: DeliveryState, **fields: object) -> Post:
    """As the release engine leaves it: only the engine's own tests go through the engine."""
    Post.objects.filter(pk=post.pk).update(state=state.value)
    Delivery.objects.filter(post=post).update(state=delivery.value, **fields)
    return fresh(post)


def test_every_state_has_its_sentence():
    assert set(_SENTENCES) == set(PostState)


def test_a_draft_waits_for_its_author(cast: Cast):
    assert why(cast.draft()) == "It is still a draft: Inès has not submitted it for review."


def test_several_missing_approvals_name_who_could_give_them_all(cast: Cast):
    assert why(cast.submitted()) == (
        "It lacks approvals (craft 2, Demonstration 2, company 2): Nadia or Hugo could give them."
    )


def test_when_hardly_anybody_could_give_them_all_each_names_its_own(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("marc", post)
    assert why(post) == (
        "It lacks approvals: company 2 (Nadia, Victor or Hugo could); Lampe Aurore 2 (Sofia or Hugo could)."
    )


def test_one_missing_approval_says_what_level_and_who(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("nadia", post)
    assert why(post) == "It lacks 1 approval (Lampe Aurore, entrusted): Sofia or Hugo could give it."


def test_when_only_eyes_are_missing_it_asks_for_a_reader(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("hugo", post)
    assert why(post) == "It lacks 1 more reader: Marc, Nadia, Sofia or Victor could be one."


def test_when_nobody_present_could_it_says_what_to_do(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("nadia", post)
    day = timezone.now().date()
    for user in (cast.sofia, cast.hugo):
        Absence.objects.create(
            brand=cast.brand, user=user, first_day=day - timedelta(days=1), last_day=day + timedelta(days=2)
        )
    assert "which nobody present could give: an owner can invite somebody" in why(post)


def test_objections_are_quoted(cast: Cast):
    asked, refused = cast.submitted("Un."), cast.submitted("Deux.")
    cast.say("nadia", asked, "request_changes", "Dis « cinq ans ».")
    cast.say("nadia", refused, "reject", "Jamais.")
    assert why(asked) == "Nadia asks for a correction: “Dis « cinq ans ».”"
    assert why(refused) == "Nadia objects, and only they or Hugo can lift it: “Jamais.”"


def test_a_scheduled_post_says_when_it_goes(cast: Cast):
    assert why(cast.approved()).startswith("It is approved and goes out ")


def test_a_paused_channel_is_named(cast: Cast):
    post = cast.approved()
    post.deliveries.get().channel.__class__.objects.update(paused_at=timezone.now())
    assert why(post) == "It is approved, but the channel demo is paused: somebody must resume it."


def test_a_hold_quotes_its_reason(cast: Cast):
    post = cast.approved()
    steering.hold(cast.marc, post.pk, "Le prix a changé")
    assert why(post) == "Marc put it on hold: “Le prix a changé”. A qualified person can resume it."


def test_a_missed_slot_offers_another(cast: Cast):
    post = cast.submitted()
    due(post, late=timedelta(hours=3))
    cast.say("nadia", post)
    assert why(post).endswith("Nothing is lost: choose another slot.")


def test_what_the_network_answered_is_told(cast: Cast):
    post = cast.approved()
    put(post, PostState.FAILED, DeliveryState.FAILED, problem={"code": "rejected", "text": "Too long."})
    assert why(post) == "demo refused it (Too long): correct it and submit it again."


def test_what_an_adapter_says_of_an_answer_is_told_in_the_readers_language(cast: Cast):
    """Its full stop was taken away before the sentence was looked up, which then was not found."""
    post = cast.approved()
    put(post, PostState.FAILED, DeliveryState.FAILED, problem={"code": "rejected", "text": REFUSED})
    with translation.override("fr"):
        assert "Le réseau a refusé ce contenu)" in why(post)


def test_an_unknown_outcome_asks_a_person(cast: Cast):
    post = put(cast.approved(), PostState.UNKNOWN, DeliveryState.UNKNOWN)
    assert why(post) == (
        "Nobody knows whether it went out on demo: look there, and say. Nothing is sent again before."
    )


def test_what_is_out_says_where(cast: Cast):
    post = put(cast.approved(), PostState.PUBLISHED, DeliveryState.DELIVERED, delivered_at=timezone.now())
    assert why(post).startswith("It is out: demo, at ")


def explained(pk: int) -> str:
    out = StringIO()
    call_command("explain", str(pk), stdout=out)
    return out.getvalue()


def test_the_command_says_the_sentence_then_the_facts(cast: Cast):
    post = cast.approved("Portrait d’une souffleuse de verre.")
    delivery = post.deliveries.get()
    Attempt.objects.create(
        delivery=delivery,
        token=1,
        key="k",
        started_at=timezone.now(),
        ended_at=timezone.now(),
        outcome=Outcome.RATE_LIMITED,
        answer="429 slow down",
    )
    first, _blank, *facts = explained(post.pk).splitlines()
    assert first.startswith("It is approved and goes out ")
    told = "\n".join(facts)
    assert "State: scheduled (scheduled)" in told
    assert "(Europe/Paris)" in told
    assert "✓ craft 2: covered by Nadia" in told
    assert "demo: waiting (PENDING)" in told
    assert "asked to wait · 429 slow down" in told


def test_the_command_names_who_could(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("nadia", post)
    assert "□ Lampe Aurore 2: 1 missing; could: Sofia, Hugo" in explained(post.pk)


def test_the_command_refuses_a_post_that_is_not_there(db: None):
    with pytest.raises(CommandError, match="There is no post 4711"):
        explained(4711)
