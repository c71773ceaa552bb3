"""From the database to the gate's facts: bounded queries, people instead of accounts, whole periods."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pydantic import TypeAdapter

from accounts.clock import database_now
from accounts.models import Absence, User
from approvals import incidents, inviting
from approvals.facts import and_approved, for_release, load, load_one, rule_of, touches
from approvals.gate import Facts, Held, evaluate
from approvals.models import Credential, CredentialState, Decision, Pause, PolicyState
from approvals.reviewing import moment_of
from approvals.standing import Shelf
from posts.models import Contribution, Post
from tests.casting import Cast, fresh, in_hours, is_open


def queries(posts: list[Post]) -> int:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        load(posts)
    return len(captured)


def test_one_post_and_thirty_cost_the_same_queries(cast: Cast):
    posts = [cast.draft() for _ in range(29)]
    first = cast.approved()
    cast.say("marc", first)
    loaded = list(Post.objects.select_related("brand", "revision", "author").order_by("pk"))
    assert len(loaded) == 30
    assert queries([fresh(posts[0])]) == queries(loaded) <= 12


def test_of_no_posts_nothing_is_asked(cast: Cast):
    with CaptureQueriesContext(connection) as made:
        assert load([]) == {}
    assert len(made) == 0


def test_each_post_gets_its_own_facts(cast: Cast):
    approved, other = cast.approved(), cast.submitted(author=cast.marc)
    found = load([fresh(approved), fresh(other)])
    assert [one.person for one in found[approved.pk].facts.decisions] == [cast.nadia.pk]
    assert found[other.pk].facts.decisions == ()
    assert found[other.pk].facts.contributors == {cast.marc.pk}
    assert found[approved.pk].facts.contributors == {cast.ines.pk}


def test_accounts_become_people(cast: Cast):
    post = cast.approved()
    inviting.link(cast.olga, cast.brand, cast.victor, cast.nadia)
    facts = load_one(fresh(post)).facts
    (decision,) = facts.decisions
    assert (decision.person, decision.account) == (cast.victor.pk, cast.nadia.pk)
    held = {one.account for one in facts.held if one.person == cast.victor.pk}
    assert held == {cast.victor.pk, cast.nadia.pk}
    assert cast.nadia.pk not in facts.active
    assert is_open(post)


def test_contributors_are_those_of_the_lineage_less_light_corrections(cast: Cast):
    post = cast.submitted()
    Contribution.objects.create(post=post, lineage=post.lineage, user=cast.nadia, light=True)
    assert load_one(fresh(post)).facts.contributors == {cast.ines.pk}
    cast.adopt("regulated")
    assert load_one(fresh(post)).facts.contributors == {cast.ines.pk, cast.nadia.pk}


def test_a_light_and_a_whole_contribution_are_a_contribution(cast: Cast):
    post = cast.submitted(author=cast.nadia)
    Contribution.objects.create(post=post, lineage=post.lineage, user=cast.nadia, light=True)
    assert cast.nadia.pk in load_one(fresh(post)).facts.contributors


def period(cast: Cast, credential: Credential) -> Held:
    held = load_one(fresh(cast.draft())).facts.held
    return next(one for one in held if one.domain == credential.domain and one.person == credential.user_id)


def test_the_period_of_a_credential(cast: Cast):
    now = database_now()
    later, soon, late = now + timedelta(days=1), now + timedelta(days=2), now + timedelta(days=3)
    made = cast.grant("ines", "topic:legal", 2, valid_from=now, confirmed_at=later)
    assert (period(cast, made).since, period(cast, made).until) == (later, None)
    Credential.objects.filter(pk=made.pk).update(valid_from=soon, valid_until=late)
    assert (period(cast, made).since, period(cast, made).until) == (soon, late)
    Credential.objects.filter(pk=made.pk).update(ended_at=soon, state=CredentialState.LAPSED)
    assert period(cast, made).until == soon, "whichever comes first"


def test_a_credential_that_is_only_proposed_is_not_held(cast: Cast):
    made = cast.grant("ines", "topic:legal", 2, state=CredentialState.PROPOSED, confirmed_at=None)
    assert made.domain not in {one.domain for one in load_one(fresh(cast.draft())).facts.held}


@pytest.mark.parametrize("close", ["membership", "account"])
def test_whoever_left_is_not_active_and_holds_nothing(cast: Cast, close: str):
    post = cast.approved()
    if close == "membership":
        inviting.deactivate(cast.olga, cast.membership("nadia"))
    else:
        User.objects.filter(pk=cast.nadia.pk).update(is_active=False)
    facts = load_one(fresh(post)).facts
    assert cast.nadia.pk not in facts.active
    assert cast.nadia.pk not in {one.person for one in facts.held}
    assert not is_open(post)


def test_a_closed_account_stays_silent_when_another_one_of_the_person_is_open(cast: Cast):
    """Else closing an account and linking it to an open one would bring its approvals back."""
    post = cast.approved()
    inviting.deactivate(cast.olga, cast.membership("nadia"))
    assert not is_open(post)
    inviting.link(cast.olga, cast.brand, cast.olga, cast.nadia)
    assert not is_open(post)


def test_absence_is_of_the_slots_local_day(cast: Cast):
    slot = in_hours(50)
    day = slot.astimezone(cast.brand.zone).date()
    post = cast.draft(slot=slot.isoformat())
    away = Absence.objects.create(brand=cast.brand, user=cast.nadia, first_day=day, last_day=day)
    assert load_one(fresh(post)).facts.absent == {cast.nadia.pk}
    for first, last in (
        (day + timedelta(days=1), day + timedelta(days=2)),
        (day - timedelta(days=2), day - timedelta(days=1)),
    ):
        Absence.objects.filter(pk=away.pk).update(first_day=first, last_day=last)
        assert load_one(fresh(post)).facts.absent == set()


@pytest.mark.parametrize(
    ("scope", "touched"),
    [
        ({"brand": True}, True),
        ({"channels": ["demo"], "products": []}, True),
        ({"channels": ["console"], "products": []}, False),
        ({"channels": [], "products": ["lampe-aurore"]}, True),
        ({"channels": ["console"], "products": ["lampe-aurore"]}, True),
        ({"channels": ["console"], "products": ["autre"]}, False),
        ({}, False),
        ({"brand": False}, False),
    ],
)
def test_what_a_scope_touches(scope: dict[str, object], touched: bool):
    assert touches(scope, ["demo"], ["lampe-aurore"]) is touched


def test_a_posts_epoch_is_the_highest_that_touches_it(cast: Cast):
    cast.channel("console")
    post, other = cast.draft(channels=["demo"]), cast.draft(channels=["console"])
    incidents.declare(cast.victor, cast.brand, {"channels": ["console"]}, "Fuite.")
    incidents.declare(cast.victor, cast.brand, {"channels": ["demo"]}, "Fuite.")
    incidents.declare(cast.victor, cast.brand, {"channels": ["console"]}, "Encore.")
    assert [load_one(fresh(one)).facts.epoch for one in (post, other)] == [2, 3]
    assert load_one(fresh(post)).facts.frozen_by is not None


def test_what_blocks(cast: Cast):
    post = cast.submitted()
    incidents.pause(cast.ines, cast.brand, {"channels": ["demo"]}, "Je vérifie.")
    cast.say("nadia", post, "request_changes", "Une faute.")
    Post.objects.filter(pk=post.pk).update(held_by=cast.marc)
    type(cast.brand).objects.filter(pk=cast.brand.pk).update(stopped_at=database_now())
    found = {one.code: dict(one.params) for one in load_one(fresh(post)).facts.blockers}
    assert set(found) == {"changes_requested", "held", "paused", "stopped"}
    assert found["changes_requested"]["who"] == "Nadia"
    assert found["changes_requested"]["why"] == "Une faute."
    Pause.objects.update(ended_at=database_now())
    assert "paused" not in {one.code for one in load_one(fresh(post)).facts.blockers}


def test_a_request_for_changes_binds_its_bytes_and_its_post_only(cast: Cast):
    post = cast.submitted(text="Un.")
    cast.say("nadia", post, "request_changes")
    assert [one.code for one in load_one(fresh(post)).facts.blockers] == ["changes_requested"]
    cast.edit("ines", post, text="Deux.")
    assert load_one(fresh(post)).facts.blockers == ()
    cast.edit("ines", post, text="Un.")
    assert [one.code for one in load_one(fresh(post)).facts.blockers] == ["changes_requested"]


@pytest.mark.parametrize("word", ["reject", "request_changes"])
def test_an_objection_of_somebody_unqualified_blocks_nothing(cast: Cast, word: str):
    post = cast.submitted()
    decision = cast.say("olga", post, word)
    assert not decision.binding
    assert load_one(fresh(post)).facts.blockers == ()


def test_a_veto_is_cleared_by_its_casters_later_word_only(cast: Cast):
    post = cast.submitted()
    cast.say("hugo", post)
    cast.say("nadia", post, "reject")
    cast.say("hugo", post, "withdraw")
    assert [one.code for one in load_one(fresh(post)).facts.blockers] == ["veto"]
    cast.say("nadia", post, "request_changes")
    assert "veto" in [one.code for one in load_one(fresh(post)).facts.blockers]
    cast.say("nadia", post, "withdraw")
    assert load_one(fresh(post)).facts.blockers == ()


def test_without_a_policy_in_force_there_is_no_rule(cast: Cast):
    post = cast.approved()
    cast.brand.policies.update(state=PolicyState.PROPOSED)
    loaded = load_one(fresh(post))
    assert (loaded.facts.rule, loaded.policy_id) == (None, None)


def test_the_facts_of_a_release_say_the_same_with_less_and_replay(cast: Cast):
    for kind in ("routine", "launch"):
        post = cast.approved(kind=kind)
        whole = load_one(fresh(post)).facts
        small = for_release(whole)
        at = moment_of(fresh(post), whole.taken_at)
        assert evaluate(small, at).open is evaluate(whole, at).open is (kind == "routine")
        assert {one.person for one in small.held} <= {cast.nadia.pk, cast.ines.pk}
        adapter = TypeAdapter(Facts)
        again = adapter.validate_python(adapter.dump_python(small, mode="json"))
        assert evaluate(again, at) == evaluate(small, at)


def test_titles_and_ownership_change_no_verdict(cast: Cast):
    post = cast.approved()
    before = load_one(fresh(post)).facts
    for row in cast.brand.memberships.all():
        type(row).objects.filter(pk=row.pk).update(title="directeur général", is_owner=not row.is_owner)
    User.objects.update(is_superuser=True, is_staff=True)
    after = load_one(fresh(post)).facts
    at = moment_of(fresh(post), after.taken_at)
    assert evaluate(before, at) == evaluate(after, at)
    assert Decision.objects.count() == 1


def test_one_approval_more_is_foretold_as_it_would_be_loaded(cast: Cast):
    """Deciding reads the facts once, and knows those that its own word makes."""
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("sofia", post)
    before = load_one(fresh(post)).facts
    said = cast.say("marc", post)
    after = load_one(fresh(post)).facts
    assert and_approved(before, said) == replace(after, taken_at=before.taken_at)


def test_nothing_else_is_foretold(cast: Cast):
    post = cast.submitted()
    objection = cast.say("nadia", post, "reject")
    blocked = load_one(fresh(post)).facts
    approval = cast.say("hugo", post)
    for facts, said in ((blocked, approval), (replace(blocked, blockers=()), objection)):
        with pytest.raises(ValueError, match=r"^Only one more approval"):
            and_approved(facts, said)


@pytest.mark.parametrize("more", [{}, {"kind": "launch"}, {"kind": "reply"}])
def test_the_rule_of_a_post_is_the_one_in_its_facts(cast: Cast, more: dict[str, str]):
    post = fresh(cast.submitted(**more))
    found = rule_of(post, Shelf().of(post.brand))
    assert found is not None
    assert found == load_one(post).facts.rule


def test_without_rules_and_without_words_there_is_no_rule(cast: Cast):
    post = fresh(cast.submitted())
    standing = Shelf().of(post.brand)
    standing.rules = None
    assert rule_of(post, standing) is None
    post.revision = None
    assert rule_of(post, Shelf().of(post.brand)) is not None


def test_a_channel_nobody_knows_lets_nothing_out(cast: Cast):
    """What it asks for is not known: that must never read as nothing."""
    post = fresh(cast.submitted())
    assert post.revision is not None
    post.revision.content = {**post.revision.content, "channels": ["demo", "gone"]}
    assert rule_of(post, Shelf().of(post.brand)) is None
    assert load([post])[post.pk].facts.rule is None


def test_what_a_shelf_keeps_is_told_without_reading(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    shelf = Shelf()
    assert shelf.kept(cast.brand) is None
    read = shelf.of(cast.brand)
    with CaptureQueriesContext(connection) as made:
        assert shelf.kept(cast.brand) is read
    assert len(made) == 0
    cast.brand.standing += 1
    assert shelf.kept(cast.brand) is None
