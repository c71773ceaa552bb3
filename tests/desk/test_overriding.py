"""The objection on a post's page: who may lifts it there, everybody else sees who could."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.urls import reverse

from approvals.models import Decision, Override
from approvals.reviewing import submit
from posts.lifecycle import PostState
from posts.models import Post
from tests.casting import Cast, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

WHY = "Vérifié auprès de l’atelier."


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", unescape(answer.content.decode())))


def vetoed(cast: Cast) -> tuple[Post, Decision]:
    post = cast.submitted()
    return post, cast.say("nadia", post, "reject", "Ce n’est pas notre façon de faire.")


def send(cast: Cast, who: str, post: Post, veto: Decision, reason: str = WHY) -> Any:
    return enter(cast, who).post(
        reverse("override_veto", args=[post.pk]), {"decision": str(veto.pk), "reason": reason}, follow=True
    )


def test_case_22_the_form_is_there_for_who_may(cast: Cast):
    post, veto = vetoed(cast)
    path = reverse("override_veto", args=[post.pk])
    for name in ("post", "review"):
        answer = enter(cast, "hugo").get(reverse(name, args=[post.pk]))
        assert f'action="{path}"' in answer.content.decode(), name
        assert "Lift this objection" in words_of(answer)
    assert "The objection is lifted." in words_of(send(cast, "hugo", post, veto))
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert Override.objects.count() == 3


def test_case_22_the_others_see_who_could(cast: Cast):
    post, veto = vetoed(cast)
    for who in ("ines", "marc", "olga"):
        text = words_of(enter(cast, who).get(reverse("post", args=[post.pk])))
        assert "Whoever objected can take it back; Hugo could lift it." in text, who
        assert "Lift this objection" not in text, who
    own = words_of(enter(cast, "nadia").get(reverse("post", args=[post.pk])))
    assert "It is yours: approve the post as it is now, or withdraw your decision." in own
    assert send(cast, "ines", post, veto).status_code == 403
    assert send(cast, "stranger", post, veto).status_code == 404
    assert not Override.objects.exists()


def test_an_empty_reason_comes_back_with_its_form_open(cast: Cast):
    post, veto = vetoed(cast)
    answer = send(cast, "hugo", post, veto, " ")
    assert answer.status_code == 422
    assert re.search(r'<details class="confirm" open>.{0,200}Lift this', answer.content.decode(), re.DOTALL)


def test_a_refusal_is_told_once(cast: Cast):
    post, veto = vetoed(cast)
    answer = send(cast, "marc", post, veto)
    assert answer.status_code == 403
    assert words_of(answer).count("To lift an objection takes at least the expertise") == 1


def test_a_refusal_whose_objection_is_gone_is_told_too(cast: Cast):
    post, veto = vetoed(cast)
    send(cast, "hugo", post, veto)
    answer = send(cast, "hugo", post, veto)
    assert answer.status_code == 409
    assert unescape(answer.content.decode()).count('role="alert"') == 1


@pytest.mark.parametrize("decision", ["%", "%s", "²", "-1", ""])
def test_a_decision_that_is_no_number_is_no_error_of_ours(cast: Cast, decision: str):
    post, _veto = vetoed(cast)
    answer = enter(cast, "hugo").post(
        reverse("override_veto", args=[post.pk]), {"decision": decision, "reason": WHY}
    )
    assert answer.status_code == 422


def test_a_part_that_is_lifted_says_by_whom_and_what_is_left(cast: Cast):
    post, veto = vetoed(cast)
    cast.grant("marc", "craft", 3)
    answer = send(cast, "marc", post, veto)
    text = words_of(answer)
    assert "Lifted in your part." in text
    assert f"Lifted for craft by Marc: {WHY}" in text
    assert "craft 3" not in text.split("It rests on:")[1][:40]
    assert fresh(post).lifecycle == PostState.REJECTED


def test_case_23_on_a_copy_it_says_where_it_was_cast(cast: Cast):
    post, _veto = vetoed(cast)
    enter(cast, "ines").post(reverse("clone_post", args=[post.pk]))
    copy = Post.objects.latest("pk")
    cast.edit("ines", copy, slot=in_hours(3).isoformat(), text="Autre chose.")
    submit(cast.ines, copy.pk)
    answer = enter(cast, "hugo").get(reverse("post", args=[copy.pk]))
    assert fresh(copy).lifecycle == PostState.REJECTED
    assert "It was said of the post this one shares its words with:" in words_of(answer)


def test_what_is_urgent_says_in_one_line_who_can_approve_it_now(cast: Cast):
    post = cast.submitted(slot=in_hours(1).isoformat())
    for name in ("post", "review"):
        text = words_of(enter(cast, "nadia").get(reverse(name, args=[post.pk])))
        assert re.search(r"Urgent \(in \d+ min(utes)?\): (Nadia|Hugo) can approve it now, alone\.", text), (
            name
        )
    later = cast.submitted("Plus tard.", slot=in_hours(30).isoformat())
    assert "Urgent" not in words_of(enter(cast, "nadia").get(reverse("post", args=[later.pk])))
    statement = cast.submitted("Nous rappelons la lampe.", kind="crisis", slot=in_hours(30).isoformat())
    text = words_of(enter(cast, "nadia").get(reverse("post", args=[statement.pk])))
    assert re.search(r"Urgent \([^)]*\): Hugo and \w+ can approve it now, together\.", text)
