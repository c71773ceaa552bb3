"""What a decision did, its way back, and what the later of two people is told."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from approvals.incidents import declare
from approvals.models import Decision
from posts.lifecycle import PostState
from posts.models import Post
from tests.casting import Cast, digest_of, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

HTMX = {"HX-Request": "true"}


def at(name: str, post: Post) -> str:
    return reverse(name, args=[post.pk])


def words_of(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", unescape(answer.content.decode())))


def opened(client: Client, post: Post) -> str:
    """Opens the review; answers what the page would send along of what it showed."""
    return str(client.get(at("review", post)).context["screen"])


def say(client: Client, post: Post, decision: str, screen: str, **fields: Any) -> Any:
    sent = {"decision": decision, "digest": digest_of(post), "screen": screen}
    headers = fields.pop("headers", None)
    return client.post(at("decide", post), {**sent, **fields}, headers=headers)


# --- Two at once --------------------------------------------------------------------------------------
@pytest.mark.parametrize("headers", [None, HTMX], ids=["plain", "htmx"])
def test_somebody_objected_meanwhile_and_the_later_one_is_told(cast: Cast, headers: Any):
    post = cast.submitted()
    nadia = enter(cast, "nadia")
    screen = opened(nadia, post)
    cast.say("marc", post, "request_changes", "La date est fausse.")
    answer = say(nadia, post, "approve", screen, headers=headers)
    assert answer.status_code == 409
    text = words_of(answer)
    assert "Marc decided while you were reading" in text
    assert "La date est fausse." in text
    assert "Your decision was not recorded" in text
    assert not Decision.objects.filter(user=cast.nadia).exists()
    # What stands there now can be decided on.
    assert say(nadia, post, "approve", str(answer.context["screen"])).status_code == 302
    assert Decision.objects.filter(user=cast.nadia).count() == 1


def test_what_was_typed_is_kept_when_somebody_was_quicker(cast: Cast):
    post = cast.submitted()
    nadia = enter(cast, "nadia")
    screen = opened(nadia, post)
    cast.say("marc", post, "reject", "Non.")
    answer = say(nadia, post, "request_changes", screen, motive="tone", comment="Trop sec.")
    assert answer.status_code == 409
    assert "Trop sec." in answer.content.decode()


def test_another_approval_is_no_surprise_and_is_told_in_the_toast(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    nadia = enter(cast, "nadia")
    screen = opened(nadia, post)
    cast.say("marc", post)
    answer = say(nadia, post, "approve", screen)
    assert answer.status_code == 302
    assert "Marc approved it just before you." in words_of(nadia.get(answer["Location"]))


def test_an_incident_declared_meanwhile_is_told(cast: Cast):
    post = cast.submitted()
    nadia = enter(cast, "nadia")
    screen = opened(nadia, post)
    declare(cast.victor, cast.brand, {"brand": True, "channels": [], "products": []}, "Bad buzz.")
    answer = say(nadia, post, "approve", screen)
    assert answer.status_code == 409
    assert "has changed while you were reading it" in words_of(answer)


def test_more_expertise_asked_for_meanwhile_is_told(cast: Cast):
    post = cast.submitted()
    nadia = enter(cast, "nadia")
    screen = opened(nadia, post)
    Post.objects.filter(pk=post.pk).update(kind="launch", products=[cast.lamp])
    assert say(nadia, post, "approve", screen).status_code == 409


def test_a_decision_that_showed_nothing_is_taken_as_before(cast: Cast):
    post = cast.submitted()
    for screen in ("", "nonsense", "0-"):
        assert say(enter(cast, "nadia"), post, "approve", screen).status_code in {302, 409}
    assert say(enter(cast, "nadia"), post, "approve", "").status_code == 302


# --- Undo ---------------------------------------------------------------------------------------------
def undo_in(answer: Any) -> str:
    found = re.search(r'action="(/review/\d+/undo/\?decision=\d+)"', answer.content.decode())
    return found[1] if found else ""


def test_the_toast_takes_the_decision_back_in_one_tap(cast: Cast):
    post = cast.submitted()
    nadia = enter(cast, "nadia")
    answer = say(nadia, post, "approve", "")
    assert fresh(post).lifecycle is PostState.SCHEDULED
    url = undo_in(nadia.get(answer["Location"]))
    assert url
    back = nadia.post(url)
    assert back["Location"] == at("review", post)
    assert fresh(post).lifecycle is PostState.IN_REVIEW
    page = nadia.get(back["Location"])
    assert "is withdrawn" in words_of(page)
    assert not undo_in(page), "taking back is not taken back"
    again = nadia.post(url)
    assert "There is nothing to undo" in words_of(nadia.get(again["Location"]))
    assert Decision.objects.filter(user=cast.nadia).count() == 2


def test_an_objection_is_taken_back_too(cast: Cast):
    post = cast.submitted()
    nadia = enter(cast, "nadia")
    answer = say(nadia, post, "reject", "", motive="facts", comment="Faux.")
    assert fresh(post).lifecycle is PostState.REJECTED
    nadia.post(undo_in(nadia.get(answer["Location"])))
    assert fresh(post).lifecycle is PostState.IN_REVIEW


def test_too_late_is_said(cast: Cast):
    post = cast.submitted()
    nadia = enter(cast, "nadia")
    url = undo_in(nadia.get(say(nadia, post, "approve", "")["Location"]))
    Post.objects.filter(pk=post.pk).update(state=PostState.RELEASING.value)
    answer = nadia.post(url)
    assert answer["Location"] == at("post", post)
    assert "Too late to undo." in words_of(nadia.get(answer["Location"]))


def test_nobody_undoes_for_another(cast: Cast):
    post = cast.submitted()
    nadia, hugo = enter(cast, "nadia"), enter(cast, "hugo")
    url = undo_in(nadia.get(say(nadia, post, "approve", "")["Location"]))
    assert "nothing to undo" in words_of(hugo.get(hugo.post(url)["Location"]))
    assert enter(cast, "stranger").post(url).status_code in {403, 404}
    assert nadia.get(url).status_code == 405
    assert fresh(post).lifecycle is PostState.SCHEDULED
