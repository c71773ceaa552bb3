"""The loader against a second, plain one on generated states of the database: field by field, and then the
gate's verdict on what was loaded against the plain predicate on what was read plainly."""

from __future__ import annotations

import os
from dataclasses import fields

import pytest
from django.db import transaction

from accounts.clock import database_now
from approvals.facts import load
from approvals.gate import Facts, Rule, evaluate
from posts.drafting import clone
from posts.models import Post
from tests.casting import Cast, fresh
from tests.proof.counting import Count
from tests.proof.plain import may_go_out
from tests.proof.rows import facts_of
from tests.proof.stories import Story

# `make prove` plays more.
STORIES = int(os.environ.get("STORIES", "16"))
SOME_STORIES = 6


def _sorted(rule: Rule | None) -> tuple[object, ...]:
    """A rule without the order of its requirements, in which nothing lies."""
    if rule is None:
        return ()
    asked = sorted((one.domain, one.level, one.n) for one in rule.requirements)
    return (asked, rule.people, rule.ttl, rule.person_releases, rule.contributor_covers)


def _compare(found: Facts, plain: Facts, stopped: list[tuple[str, int | None]], story: int) -> None:
    assert _sorted(found.rule) == _sorted(plain.rule), f"story {story}"
    assert sorted(map(repr, found.held)) == sorted(map(repr, plain.held)), f"story {story}"
    assert [(one.code, one.person) for one in found.blockers] == stopped, f"story {story}"
    for one in fields(Facts):
        if one.name not in ("rule", "held", "blockers"):
            assert getattr(found, one.name) == getattr(plain, one.name), f"{one.name} of story {story}"


def _tell(cast: Cast, posts: list[Post], number: int, count: Count) -> None:
    now = database_now()
    # Short ones as well, so that enough of the states are open.
    Story(number, cast, posts, now).play(number % 12)
    rows = list(Post.objects.select_related("brand", "revision", "author").order_by("pk"))
    loaded = load(rows, taken_at=now)
    for row in rows:
        found = loaded[row.pk].facts
        plain, stopped = facts_of(row.pk, now)
        _compare(found, plain, stopped, number)
        for at in {now, row.slot or now, row.window_until or now}:
            open_ = evaluate(found, at).open
            assert open_ is (not stopped and may_go_out(plain, at)), f"story {number}, at {at} of {found}"
            count.states, count.open = count.states + 1, count.open + open_
        assert (loaded[row.pk].version, loaded[row.pk].standing) == (row.version, row.brand.standing)


def _play(cast: Cast, stories: range) -> Count:
    cast.channel("console")
    post = cast.submitted(products=[cast.lamp])
    cast.say("nadia", post)
    with transaction.atomic():
        copy = clone(cast.marc, fresh(post))
    other = cast.submitted(author=cast.sofia, channels=["demo", "console"])
    for who in ("nadia", "hugo"):
        cast.say(who, other)
    posts, count = [post, copy, other], Count()
    for number in stories:
        with transaction.atomic():
            _tell(cast, [fresh(one) for one in posts], number, count)
            transaction.set_rollback(True)
    return count


def test_what_is_loaded_is_what_stands_in_the_tables(cast: Cast):
    count = _play(cast, range(SOME_STORIES))
    assert count.states > SOME_STORIES * 3


@pytest.mark.slow
@pytest.mark.long
def test_what_is_loaded_is_what_stands_in_the_tables_in_more_stories(cast: Cast):
    count = _play(cast, range(100, 100 + STORIES))
    assert count.share >= 0.1, f"agreement on closed doors proves little: {count.share:.0%} of {count.states}"
