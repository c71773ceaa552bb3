"""No denial without a next step: for every reason of the gate an answer of the API and a page that say what is
missing and who could give it, in French and in English."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import translation

from accounts.models import Scope
from accounts.tokens import make_token
from approvals import incidents, steering
from approvals.gate import Code
from approvals.policy import PRESETS
from posts.models import Post
from publishing.stopping import stop_brand
from tests.api.conftest import Caller
from tests.approvals.test_wording import ENGLISH, STEP
from tests.casting import Cast, age_post, in_hours

BRAND = {"brand": True}
Arrange = Callable[[Cast], Post]


def _objected(decision: str) -> Arrange:
    def arrange(cast: Cast) -> Post:
        post = cast.submitted()
        cast.say("nadia", post, decision)
        return post

    return arrange


def _launch_read_by_one(cast: Cast) -> Post:
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("hugo", post)
    return post


def _credential_that_ends(cast: Cast) -> Post:
    cast.credentials("nadia", "company").update(valid_until=in_hours(20))
    post = cast.submitted(slot=in_hours(30).isoformat())
    cast.credentials("nadia", "company").update(valid_until=in_hours(40))
    cast.say("nadia", post)
    cast.credentials("nadia", "company").update(valid_until=in_hours(20))
    return post


def _in_an_incident(cast: Cast) -> Post:
    incidents.declare(cast.victor, cast.brand, BRAND, "Un départ de feu.")
    return cast.submitted()


def _statement(cast: Cast) -> Post:
    post = cast.submitted(kind="crisis", slot="on_approval")
    for who in ("hugo", "victor"):
        cast.say(who, post)
    return post


def _too_late(cast: Cast) -> Post:
    post = cast.submitted()
    age_post(post, timedelta(days=3))
    return post


def _kind_nobody_ruled(cast: Cast) -> Post:
    kinds = {name: rule for name, rule in PRESETS["team"]["kinds"].items() if name != "launch"}
    cast.adopt({**PRESETS["team"], "kinds": kinds})
    return cast.submitted(kind="launch", products=[cast.lamp])


def _held(cast: Cast) -> Post:
    post = cast.approved()
    steering.hold(cast.ines, post.pk, "Je vérifie.")
    return post


def _paused(cast: Cast) -> Post:
    post = cast.approved()
    incidents.pause(cast.ines, cast.brand, BRAND, "Je vérifie.")
    return post


def _stopped(cast: Cast) -> Post:
    post = cast.approved()
    stop_brand(cast.ines, cast.brand, "Je vérifie.")
    return post


# {code of the answer: (how it comes about, who must be named in the answer and on the page)}
REASONS: dict[str, tuple[Arrange, tuple[str, ...]]] = {
    Code.NOT_SEALED: (lambda cast: cast.draft(), ("Inès",)),
    Code.MISSING_REQUIREMENT: (lambda cast: cast.submitted(), ("Nadia", "Hugo")),
    Code.MISSING_PEOPLE: (_launch_read_by_one, ("Sofia", "Victor")),
    Code.ENDS_BEFORE_SLOT: (_credential_that_ends, ("Nadia",)),
    Code.FROZEN: (_in_an_incident, ("Victor", "Hugo")),
    Code.NOT_RELEASED: (_statement, ("Hugo", "Victor")),
    Code.OUTSIDE_WINDOW: (_too_late, ()),
    Code.UNKNOWN_KIND: (_kind_nobody_ruled, ()),
    "veto": (_objected("reject"), ("Nadia", "Hugo")),
    "changes_requested": (_objected("request_changes"), ("Nadia",)),
    "held": (_held, ("Nadia", "Hugo")),
    "paused": (_paused, ("Nadia", "Hugo")),
    "stopped": (_stopped, ()),
}
# Which no rules that were validated, and no facts that were loaded, come to: tests/approvals/test_wording.py
# has their words, tests/approvals/test_gate.py the gate's answer.
NOT_TO_BE_ARRANGED = {Code.ERROR, Code.NO_REQUIREMENTS}


def test_every_reason_is_here() -> None:
    arranged = {code for code in REASONS if code in set(Code)} | {Code.BLOCKED}
    assert arranged | NOT_TO_BE_ARRANGED == set(Code)


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize("code", REASONS)
def test_a_denial_says_what_is_missing_and_who_could_give_it(cast: Cast, code: str, language: str) -> None:
    arrange, named = REASONS[code]
    post = arrange(cast)
    said = _by_the_api(cast, post, code, language)
    page = _on_the_page(cast, post, language)
    if code != Code.NOT_SEALED:
        assert all(name in said for name in named), said
    # The page speaks of “a qualified person”, and of who holds it.
    assert all(name in page for name in (named if code != "held" else ("Inès",))), page
    for text in (said, page):
        assert text.endswith((".", "”", "»")), text
        spoken = "en" if ENGLISH.search(text) else language
        # On the page of a draft the next step is the button below the sentence.
        assert re.search(f"{STEP[spoken]}|soumis|asks for", text, re.IGNORECASE), text
    assert language == "en" or not page.startswith("It "), page


def _by_the_api(cast: Cast, post: Post, code: str, language: str) -> str:
    """The sentence of that reason in the verdict that anybody of the brand may ask for."""
    token = make_token(cast.ines, cast.brand, [Scope.READ.value])
    answer = Caller(cast.ines, token).get(f"/posts/{post.pk}/gate", Accept_Language=language).json()
    assert answer["open"] is False
    messages = {one["code"]: one["message"] for one in answer["blockers"]}
    assert code in messages, messages
    return str(messages[code])


def _on_the_page(cast: Cast, post: Post, language: str) -> str:
    """The one sentence of the post's page: why is this not out?"""
    page = Client()
    page.force_login(cast.ines)
    page.cookies[settings.LANGUAGE_COOKIE_NAME] = language
    with translation.override(language):
        answer = page.get(reverse("post", args=[post.pk]))
    assert answer.status_code == 200
    shown = html.unescape(re.sub(r"<[^>]+>", " ", answer.content.decode()))
    whole = re.sub(r"[ \n\t]+", " ", shown)
    why = str(answer.context["why"])
    assert re.sub(r"[ \n\t]+", " ", why) in whole
    return why
