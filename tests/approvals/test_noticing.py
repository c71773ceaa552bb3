"""A decision is taken on what was on the screen: what stops the post, and what it needs."""

from __future__ import annotations

import pytest

from accounts.refusals import Refused
from approvals.facts import load_one
from approvals.models import Decision, Verdict
from approvals.noticing import demand_as_seen, standing_of
from approvals.reviewing import Word, decide
from posts.models import Post
from tests.casting import Cast, digest_of, fresh
from tests.casting import cast as cast  # noqa: PLC0414

pytestmark = pytest.mark.django_db


def standing(post: Post) -> str:
    return standing_of(load_one(fresh(post)).facts)


def test_an_approval_and_time_change_nothing_and_an_objection_does(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    seen = standing(post)
    cast.say("marc", post)
    assert standing(post) == seen
    cast.say("nadia", post, "request_changes", "Non.")
    assert standing(post) != seen
    cast.say("nadia", post, "withdraw")
    assert standing(post) == seen, "what was taken back is no objection any more"


def test_it_is_asked_under_the_lock_and_nothing_is_stored(cast: Cast):
    post = cast.submitted()
    seen = standing(post)
    cast.say("marc", post, "reject", "Non.")
    with pytest.raises(Refused) as refused:
        decide(cast.nadia, post.pk, Word("approve", digest_of(post), standing=seen))
    assert (refused.value.code, refused.value.status) == ("standing_changed", 409)
    assert not Decision.objects.filter(user=cast.nadia).exists()
    decide(cast.nadia, post.pk, Word("approve", digest_of(post), standing=standing(post)))


def test_taking_ones_word_back_asks_nothing(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post)
    made = decide(cast.nadia, post.pk, Word("withdraw", "", standing="stale"))
    assert made.decision == Verdict.WITHDRAW


def test_a_caller_who_shows_nothing_is_not_asked(cast: Cast):
    demand_as_seen(load_one(cast.submitted()).facts, "")
