"""The post's page: why it is not out, its whole story, and the verbs with their refusals in place."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from approvals import steering
from approvals.models import Credential, CredentialState
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel, Contribution, Delivery, Post
from publishing.models import Attempt, Outcome
from tests.casting import Cast, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

VERBS = ["hold_post", "resume_post", "reschedule_post", "release_post", "withdraw_post", "clone_post"]


def at(name: str, post: Post) -> str:
    return reverse(name, args=[post.pk])


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def do(cast: Cast, who: str, name: str, post: Post, **fields: Any) -> Any:
    return enter(cast, who).post(at(name, post), fields)


def offered(cast: Cast, who: str, post: Post) -> set[str]:
    """The verbs whose forms are on the page."""
    html = html_of(enter(cast, who).get(at("post", post)))
    return {name for name in VERBS if f'action="{at(name, post)}"' in html}


def lost_answer(post: Post) -> Delivery:
    """As the release engine leaves a send whose answer never came."""
    delivery = post.deliveries.get()
    Attempt.objects.create(
        delivery=delivery,
        token=1,
        key="k",
        started_at=timezone.now(),
        ended_at=timezone.now(),
        outcome=Outcome.UNKNOWN,
    )
    Delivery.objects.filter(pk=delivery.pk).update(state=DeliveryState.UNKNOWN.value, attempts=1)
    Post.objects.filter(pk=post.pk).update(state=PostState.UNKNOWN.value)
    delivery.refresh_from_db()
    return delivery


# --- The story ---------------------------------------------------------------------------------------
def test_the_page_answers_why_in_one_sentence_and_tells_the_story(cast: Cast):
    post = cast.submitted("Nos ampoules durent.")
    cast.say("nadia", post, "request_changes", "Combien de temps ?", motive="facts")
    cast.edit("ines", post, text="Nos ampoules durent cinq ans.")
    cast.say("nadia", post)
    steering.hold(cast.marc, post.pk, "Attendons la notice.")
    answer = enter(cast, "ines").get(at("post", post))
    assert answer.context["why"].startswith("Marc put it on hold: “Attendons la notice”.")
    told = [(one.who, one.what) for one in answer.context["events"]]
    assert told[0] == ("Marc", "put on hold")
    assert ("Nadia", "requested changes") in told
    assert told[-1] == ("Inès", "wrote a draft")
    html = html_of(answer)
    assert "Combien de temps ?</blockquote>" in html
    assert "Reason: facts." in html
    assert "Rested on: Demonstration 3, company 3, craft 3." in html
    assert "Attendons la notice.</blockquote>" in html


def test_each_decision_says_whether_it_counts(cast: Cast):
    post = cast.submitted("Un.")
    cast.say("marc", post)
    cast.edit("ines", post, text="Deux.")
    cast.say("nadia", post)
    weights = {
        one.who: one.weight
        for one in enter(cast, "ines").get(at("post", post)).context["events"]
        if one.weight
    }
    assert weights["Nadia"].standing == "counts"
    assert (
        weights["Marc"].sentence == "No longer counts: it was given on revision 1, and the post has changed."
    )


def test_deliveries_show_attempts_answers_and_what_went_out(cast: Cast):
    post = cast.approved()
    delivery = post.deliveries.get()
    for token, outcome, answer in ((1, Outcome.RATE_LIMITED, "429"), (2, Outcome.DELIVERED, "")):
        Attempt.objects.create(
            delivery=delivery, token=token, key="k", started_at=timezone.now(), ended_at=timezone.now(),
            outcome=outcome, answer=answer,
        )  # fmt: skip
    Delivery.objects.filter(pk=delivery.pk).update(
        state=DeliveryState.DELIVERED.value, url="https://demo.example/@m/1", delivered_at=timezone.now()
    )
    Post.objects.filter(pk=post.pk).update(state=PostState.PUBLISHED.value)
    html = html_of(enter(cast, "ines").get(at("post", post)))
    assert 'href="https://demo.example/@m/1"' in html
    assert "2 attempts" in html
    assert "asked to wait · 429" in html


def test_an_address_that_is_no_web_address_is_no_link(cast: Cast):
    post = cast.approved()
    post.deliveries.update(state=DeliveryState.DELIVERED.value, url="javascript:alert(1)")
    assert "javascript:" not in html_of(enter(cast, "ines").get(at("post", post)))


def test_a_comment_made_here_comes_back_here(cast: Cast):
    post = cast.submitted()
    answer = do(cast, "ines", "review_comment", post, text="Je change la photo.", place="post")
    assert answer.url == f"{at('post', post)}#comments"
    told = enter(cast, "marc").get(at("post", post)).context["events"]
    assert (told[0].who, told[0].what, told[0].quote) == ("Inès", "commented", "Je change la photo.")


@pytest.mark.parametrize("who", ["ines", "nadia", "olga"])
def test_no_inline_style_or_script_and_one_headline(cast: Cast, who: str):
    html = html_of(enter(cast, who).get(at("post", cast.approved())))
    assert not re.search(r"\sstyle=|\son[a-z]+=\"", html)
    assert html.count("<h1") == 1


# --- Who is offered what -----------------------------------------------------------------------------
def test_the_page_offers_what_state_and_person_allow(cast: Cast):
    draft, ready = cast.draft(), cast.approved("Prêt.", window=around_now())
    assert offered(cast, "ines", draft) == {"reschedule_post", "clone_post", "withdraw_post"}
    assert offered(cast, "ines", ready) == {"hold_post", "reschedule_post", "clone_post", "withdraw_post"}
    assert offered(cast, "nadia", ready) == {"hold_post", "reschedule_post", "clone_post", "release_post"}
    steering.hold(cast.ines, ready.pk)
    assert offered(cast, "nadia", ready) == {"resume_post", "reschedule_post", "clone_post"}
    assert "somebody with expertise in what it touches can resume it" in html_of(
        enter(cast, "olga").get(at("post", ready))
    )


def test_release_is_offered_inside_the_window_only(cast: Cast):
    ahead = {"from": in_hours(20).isoformat(), "until": in_hours(30).isoformat()}
    later = cast.approved("Demain.", slot=in_hours(24).isoformat(), window=ahead)
    assert "release_post" not in offered(cast, "nadia", later)
    assert do(cast, "nadia", "release_post", later).status_code == 409
    now = cast.approved("Prêt.", window=around_now())
    assert "release_post" in offered(cast, "nadia", now)


def test_a_withdrawn_post_offers_a_clone_only(cast: Cast):
    post = cast.submitted()
    steering.withdraw(cast.ines, post.pk)
    assert offered(cast, "ines", post) == {"clone_post"}


@pytest.mark.parametrize("name", VERBS)
def test_verbs_are_posts_for_members_of_the_brand(cast: Cast, name: str):
    post = cast.approved()
    before = fresh(post).version
    assert enter(cast, "nadia").get(at(name, post)).status_code == 405
    assert do(cast, "stranger", name, post).status_code == 404
    assert fresh(post).version == before
    assert Post.objects.count() == 1


def test_another_brands_post_is_not_there(cast: Cast):
    assert enter(cast, "stranger").get(at("post", cast.draft())).status_code == 404


# --- The verbs --------------------------------------------------------------------------------------
def test_holding_and_resuming(cast: Cast):
    post = cast.approved()
    assert do(cast, "olga", "hold_post", post, reason="Attendons.").status_code == 302
    assert fresh(post).lifecycle == PostState.HELD
    refused = do(cast, "ines", "resume_post", post)
    assert refused.status_code == 403
    assert "to let it go takes expertise" in html_of(refused)
    assert fresh(post).lifecycle == PostState.HELD
    assert do(cast, "nadia", "resume_post", post).status_code == 302
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_a_refused_hold_keeps_what_was_typed(cast: Cast):
    post = cast.draft()
    answer = do(cast, "marc", "hold_post", post, reason="Le prix a changé.")
    assert answer.status_code == 409
    assert "There is nothing to hold" in html_of(answer)
    held = cast.approved("Prêt.")
    steering.hold(cast.marc, held.pk)
    again = do(cast, "marc", "hold_post", held, reason="Encore.")
    assert again.status_code == 409


def test_moving_to_a_free_slot_and_to_a_time_of_ones_own(cast: Cast):
    post = cast.approved()
    page = enter(cast, "ines").get(at("post", post))
    choices = [value for value, _word in page.context["forms"]["move"].fields["slot"].choices]
    assert len(choices) == 6
    assert do(cast, "ines", "reschedule_post", post, slot=choices[1], seen=1).status_code == 302
    moved = fresh(post).slot
    assert moved is not None
    assert moved.isoformat() == datetime.fromisoformat(choices[1]).astimezone(moved.tzinfo).isoformat()
    local = (timezone.localtime() + timedelta(days=3)).strftime("%Y-%m-%dT10:15")
    seen = fresh(post).revision
    assert seen is not None
    assert (
        do(cast, "ines", "reschedule_post", post, slot="other", at=local, seen=seen.number).status_code == 302
    )
    slot = fresh(post).slot
    assert slot is not None
    assert timezone.localtime(slot, cast.brand.zone).strftime("%Y-%m-%dT%H:%M") == local


def test_a_slot_that_cannot_be_is_refused_at_its_place(cast: Cast):
    post = cast.approved()
    before = fresh(post).slot
    answer = do(cast, "ines", "reschedule_post", post, slot="other", at="2020-01-01T10:00", seen=1)
    assert answer.status_code == 422
    html = html_of(answer)
    assert "This slot has already passed." in html
    assert 'value="2020-01-01T10:00"' in html
    assert do(cast, "ines", "reschedule_post", post, slot="other", at="", seen=1).status_code == 422
    assert do(cast, "ines", "reschedule_post", post, slot="tomorrow-ish", seen=1).status_code == 422
    assert fresh(post).slot == before


def test_moving_a_post_that_changed_meanwhile_is_refused(cast: Cast):
    post = cast.approved()
    cast.edit("ines", post, text="Autre.")
    answer = do(cast, "marc", "reschedule_post", post, slot=in_hours(3).isoformat(), seen=1)
    assert answer.status_code == 412
    assert "revision 2 is there now" in html_of(answer)


def around_now() -> dict[str, str]:
    """A window that is open: the default one, the slot's local day, is not yet late in the evening."""
    return {"from": in_hours(-1).isoformat(), "until": in_hours(3).isoformat()}


def test_releasing_now(cast: Cast):
    post = cast.approved(window=around_now())
    assert do(cast, "ines", "release_post", post).status_code == 403
    assert do(cast, "nadia", "release_post", post).status_code == 302
    slot = fresh(post).slot
    assert slot is not None
    assert slot <= timezone.now()


def test_a_closed_gate_says_what_is_missing(cast: Cast):
    post = cast.submitted(window=around_now())
    answer = do(cast, "nadia", "release_post", post)
    assert answer.status_code == 409
    assert "more approval is needed" in html_of(answer)
    assert fresh(post).released_at is None


def test_withdrawing_is_the_authors_or_an_owners(cast: Cast):
    post = cast.submitted()
    assert do(cast, "nadia", "withdraw_post", post).status_code == 403
    assert do(cast, "ines", "withdraw_post", post).status_code == 302
    assert fresh(post).lifecycle == PostState.WITHDRAWN


def test_a_clone_is_a_draft_of_the_same_lineage(cast: Cast):
    post = cast.submitted()
    answer = do(cast, "marc", "clone_post", post)
    fresh_one = Post.objects.exclude(pk=post.pk).get()
    assert answer.url == at("post", fresh_one)
    assert fresh_one.lineage_id == post.lineage_id
    assert Contribution.objects.filter(lineage=post.lineage).count() == 2


# --- Did it go out? ---------------------------------------------------------------------------------
def test_an_unknown_delivery_asks_and_says_where_to_look(cast: Cast):
    Channel.objects.filter(brand=cast.brand).update(
        settings={"base_url": "https://demo.example"}, handle="@maison-lumiere"
    )
    delivery = lost_answer(cast.approved())
    html = html_of(enter(cast, "ines").get(at("post", delivery.post)))
    assert "Did this go out?" in html
    assert 'href="https://demo.example/@maison-lumiere"' in html
    assert f'action="{reverse("settle_delivery", args=[delivery.pk])}"' in html


@pytest.mark.parametrize(
    ("answer", "state"), [("yes", DeliveryState.DELIVERED), ("no", DeliveryState.PENDING)]
)
def test_a_person_settles_it(cast: Cast, answer: str, state: DeliveryState):
    delivery = lost_answer(cast.approved())
    sent = {"went_out": answer, "url": "https://demo.example/1"}
    path = reverse("settle_delivery", args=[delivery.pk])
    assert enter(cast, "stranger").post(path, sent).status_code == 404
    assert enter(cast, "ines").post(path, sent).status_code == 302
    delivery.refresh_from_db()
    assert delivery.lifecycle == state
    again = enter(cast, "ines").post(path, sent)
    assert again.status_code == 409
    assert "It is already known what became of this one." in html_of(again)


def test_an_address_that_is_none_settles_nothing(cast: Cast):
    delivery = lost_answer(cast.approved())
    path = reverse("settle_delivery", args=[delivery.pk])
    answer = enter(cast, "ines").post(path, {"went_out": "yes", "url": "javascript:alert(1)"})
    assert answer.status_code == 422
    assert "Enter a valid URL." in html_of(answer)
    delivery.refresh_from_db()
    assert delivery.lifecycle == DeliveryState.UNKNOWN


# --- Trying again -----------------------------------------------------------------------------------
def refused(post: Post) -> Delivery:
    """As the release engine leaves what the network refused."""
    Delivery.objects.filter(post=post).update(
        state=DeliveryState.FAILED.value, attempts=1, problem={"code": "rejected", "text": "no links today"}
    )
    Post.objects.filter(pk=post.pk).update(state=PostState.FAILED.value)
    return post.deliveries.get()


def test_what_a_network_refused_is_tried_again_by_somebody_qualified(cast: Cast):
    delivery = refused(cast.approved(slot="on_approval"))
    path = reverse("retry_delivery", args=[delivery.pk])
    nadia = enter(cast, "nadia")
    html = html_of(nadia.get(at("post", delivery.post)))
    assert f'action="{path}"' in html
    assert f"Send it to {delivery.channel.name} once more?" in html
    assert nadia.post(path).headers["Location"] == at("post", delivery.post)
    delivery.refresh_from_db()
    assert delivery.lifecycle == DeliveryState.PENDING
    answer = nadia.get(at("post", delivery.post))
    assert "It is due again" in html_of(answer)
    assert f'action="{path}"' not in html_of(answer)
    assert ("Nadia", "asked to try again") in [(one.who, one.what) for one in answer.context["events"]]
    again = nadia.post(path)
    assert again.status_code == 409
    assert "Only what the network refused is tried again by hand." in html_of(again)


def test_nobody_unqualified_is_offered_another_try_or_gets_it(cast: Cast):
    delivery = refused(cast.approved(slot="on_approval"))
    path = reverse("retry_delivery", args=[delivery.pk])
    html = html_of(enter(cast, "ines").get(at("post", delivery.post)))
    assert f'action="{path}"' not in html
    assert "somebody with expertise in what it touches can have it tried again" in html
    refusal = enter(cast, "ines").post(path)
    assert refusal.status_code == 403
    assert "takes expertise" in html_of(refusal)
    assert enter(cast, "stranger").post(path).status_code == 404
    delivery.refresh_from_db()
    assert delivery.lifecycle == DeliveryState.FAILED


def test_no_other_try_is_offered_where_its_time_has_passed_or_the_gate_is_closed(cast: Cast):
    late, closed = refused(cast.approved(slot="on_approval")), refused(cast.approved(slot="on_approval"))
    Delivery.objects.filter(pk=late.pk).update(expires_at=timezone.now() - timedelta(minutes=1))
    Credential.objects.filter(user=cast.nadia, domain="company").update(
        state=CredentialState.SUSPENDED, ended_at=timezone.now() - timedelta(days=1)
    )
    for delivery, code in ((late, "has passed"), (closed, "approval")):
        path = reverse("retry_delivery", args=[delivery.pk])
        assert f'action="{path}"' not in html_of(enter(cast, "hugo").get(at("post", delivery.post)))
        answer = enter(cast, "hugo").post(path)
        assert answer.status_code == 409
        assert code in html_of(answer)
        delivery.refresh_from_db()
        assert delivery.lifecycle == DeliveryState.FAILED
