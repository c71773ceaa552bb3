"""A proposal over what was decided, and what was stored evaluated again."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from approvals.legislating import confirm, propose
from approvals.models import GateDecision, Policy
from approvals.policy import TEAM
from approvals.replaying import differences, replay
from posts.lifecycle import PostState
from posts.models import Post
from tests.approvals.test_legislating import routine_by
from tests.casting import Cast, due, fresh, work
from tests.tampering import past_the_triggers

pytestmark = [pytest.mark.long, pytest.mark.django_db]


def proposal(cast: Cast, rules: dict[str, Any]) -> Policy:
    return propose(cast.olga, cast.brand, rules, "Pour voir.")


def with_kind(kind: str, **more: Any) -> dict[str, Any]:
    return {**TEAM, "preset": "own", "kinds": {**TEAM["kinds"], kind: {**TEAM["kinds"][kind], **more}}}


def release(cast: Cast, post: Post) -> None:
    """Its slot comes, and a worker."""
    due(post)
    work()


def told(found: list[Any]) -> set[int]:
    return {one.post_id for one in found}


@pytest.fixture
def history(cast: Cast) -> tuple[list[Post], list[Post]]:
    """Ten routine posts: seven on one approver's word, three on two. Some are out, the others scheduled."""
    cast.channel("console")
    single, double = [], []
    for number in range(10):
        post = cast.submitted(f"Message {number}.", channels=["console"])
        cast.say("nadia", post)
        if number % 3 == 2:
            cast.say("hugo", post)
            double.append(post)
        else:
            single.append(post)
        if number < 5:
            release(cast, post)
    return single, double


def test_two_people_for_routine_would_have_stopped_exactly_the_seven(cast: Cast, history: Any):
    single, double = history
    assert len(single) == 7
    assert {fresh(post).lifecycle for post in (*single, *double)} == {
        PostState.PUBLISHED,
        PostState.SCHEDULED,
    }
    found = replay(proposal(cast, routine_by(2)))
    assert (found.evaluated, found.unchanged) == (10, 3)
    assert told(found.stopped) == {post.pk for post in single}
    assert found.let_through == []
    for one in found.stopped:
        assert [reason.code.value for reason in one.reasons] == ["missing_people"]
        assert cast.hugo.pk in one.could
        assert cast.nadia.pk not in one.could
        assert cast.ines.pk not in one.could


def test_the_same_rules_change_nothing(cast: Cast, history: Any):
    found = replay(proposal(cast, TEAM))
    assert (found.evaluated, found.unchanged, found.stopped, found.let_through) == (10, 10, [], [])


def test_it_writes_nothing(cast: Cast, history: Any):
    policy = proposal(cast, routine_by(2))
    with CaptureQueriesContext(connection) as queries:
        replay(policy)
    assert [one["sql"] for one in queries if not one["sql"].startswith("SELECT")] == []


def test_more_posts_ask_no_more_of_the_database(cast: Cast, history: Any):
    policy, counts = proposal(cast, routine_by(2)), []
    for limit in (6, 10):
        with CaptureQueriesContext(connection) as queries:
            assert replay(policy, limit).evaluated == limit
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[1] <= 30


def test_only_the_last_ones_and_only_what_is_decided(cast: Cast, history: Any):
    single, double = history
    last = max((*single, *double), key=lambda post: post.pk)
    cast.submitted("Personne ne l’a lu.")
    asked = cast.submitted("À reprendre.")
    cast.say("nadia", asked, "request_changes")
    found = replay(proposal(cast, routine_by(2)), limit=1)
    assert found.evaluated == 1
    assert told(found.stopped) == {last.pk}
    assert replay(proposal(cast, routine_by(2))).evaluated == 10


def test_a_requirement_more_names_who_could_have_given_it(cast: Cast, history: Any):
    rules = with_kind(
        "routine", requirements=[*TEAM["kinds"]["routine"]["requirements"], {"domain": "crisis", "level": 2}]
    )
    found = replay(proposal(cast, rules))
    single, _double = history
    assert told(found.stopped) == {post.pk for post in single}
    assert {who for one in found.stopped for who in one.could} == {cast.victor.pk, cast.hugo.pk}


def test_a_looser_policy_says_what_it_would_have_let_through(cast: Cast):
    cast.channel("console")
    post = cast.approved(channels=["console"])
    cast.adopt(routine_by(2))
    release(cast, post)
    assert fresh(post).lifecycle == PostState.HELD
    assert GateDecision.objects.get(post=post).allowed is False
    found = replay(proposal(cast, TEAM))
    assert (found.evaluated, told(found.let_through), found.stopped) == (1, {post.pk}, [])
    assert [reason.code.value for reason in found.let_through[0].reasons] == ["missing_people"]


def test_a_veto_is_a_veto_under_any_rules(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, "reject")
    found = replay(proposal(cast, with_kind("routine", requirements=[{"domain": "craft", "level": 1}])))
    assert (found.evaluated, found.unchanged, found.let_through) == (1, 1, [])


def test_what_came_afterwards_is_left_out(cast: Cast, history: Any):
    """A pause of today does not make the posts of yesterday look stopped."""
    from approvals.incidents import declare, pause

    policy = proposal(cast, routine_by(2))
    before = told(replay(policy).stopped)
    pause(cast.ines, cast.brand, {"brand": True}, "Une minute.")
    declare(cast.victor, cast.brand, {"brand": True}, "Une lampe a pris feu.")
    after = replay(policy)
    assert told(after.stopped) == before
    assert after.unchanged == 3


def test_a_post_is_compared_with_the_rules_of_its_own_day(cast: Cast, history: Any):
    """Under the stricter rules in force now, the seven are still told as what they would have stopped."""
    single, _double = history
    policy = proposal(cast, routine_by(2))
    confirm(cast.nadia, policy.pk)
    assert told(replay(policy).stopped) == {post.pk for post in single}


def test_a_kind_that_the_new_rules_forget_would_have_been_stopped(cast: Cast, history: Any):
    kinds = {name: rule for name, rule in TEAM["kinds"].items() if name != "routine"}
    found = replay(proposal(cast, {**TEAM, "kinds": kinds}))
    assert len(found.stopped) == 10
    assert {reason.code.value for one in found.stopped for reason in one.reasons} == {"unknown_kind"}


# --- Stored gate decisions ---------------------------------------------------------------------------------
def replay_gate(*arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("replay_gate", *arguments, stdout=out, stderr=err)
    except SystemExit as end:
        return int(str(end.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_every_release_and_every_denial_there_is_stored(cast: Cast):
    cast.channel("console")
    out, stopped = cast.approved(channels=["console"]), cast.approved("Un autre.", channels=["console"])
    release(cast, out)
    cast.adopt(routine_by(2))
    release(cast, stopped)
    assert fresh(out).lifecycle == PostState.PUBLISHED
    rows = {row.post_id: row for row in GateDecision.objects.all()}
    assert (rows[out.pk].allowed, rows[out.pk].reasons) == (True, [])
    assert rows[stopped.pk].allowed is False
    assert rows[stopped.pk].policy is not None
    assert rows[stopped.pk].policy.number == 2
    assert [one["code"] for one in rows[stopped.pk].reasons] == ["missing_people"]


def test_stored_decisions_come_out_the_same(cast: Cast, history: Any):
    assert list(differences()) == [None] * 5
    code, out, _err = replay_gate()
    assert code == 0
    assert "5" in out


@pytest.mark.parametrize("what", ["allowed", "facts", "reasons", "rubbish", "post"])
def test_a_row_that_was_tampered_with_is_named(cast: Cast, history: Any, what: str):
    row = GateDecision.objects.order_by("pk").first()
    assert row is not None
    all_fields: dict[str, dict[str, Any]] = {
        "allowed": {"allowed": False},
        "facts": {"facts": {**row.facts, "decisions": []}},
        "reasons": {"reasons": [{"code": "error", "params": {}, "could": []}]},
        "rubbish": {"facts": {"post": "x"}},
        "post": {"facts": {**row.facts, "post": 10**6}},
    }
    fields = all_fields[what]
    with past_the_triggers():
        GateDecision.objects.filter(pk=row.pk).update(**fields)
    code, _out, err = replay_gate()
    assert code == 1
    assert f"#{row.pk}" in err
    assert f"post {row.post_id}" in err
    assert err.count("#") == 1


def test_since_a_day_looks_at_no_more(cast: Cast, history: Any):
    row = GateDecision.objects.order_by("pk").first()
    assert row is not None
    with past_the_triggers():
        GateDecision.objects.filter(pk=row.pk).update(allowed=False, at=row.at - timedelta(days=30))
    assert replay_gate()[0] == 1
    since = (row.at - timedelta(days=2)).date().isoformat()
    assert replay_gate("--since", since)[0] == 0
