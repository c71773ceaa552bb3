"""The edges of the loader that its mutants found nobody looking at (docs/proof.md)."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.clock import database_now
from accounts.models import Absence, Brand, Membership
from approvals import facts as loader
from approvals import incidents, inviting
from approvals.facts import for_release, load, load_one, read_subjects, subject_of, who_could_override
from approvals.gate import Held, Requirement, evaluate
from approvals.models import Credential, Decision, Pause
from approvals.reviewing import revise, submit
from approvals.standing import Shelf, load_brands
from posts.drafting import clone
from posts.models import Post
from tests.approvals.test_gate import (
    AUTHOR,
    HOUR,
    HUGO,
    MARC,
    NADIA,
    NOW,
    SOFIA,
    TICK,
    facts,
    held,
    rule,
    said,
)
from tests.casting import Cast, fresh, in_hours

CRISIS_2 = [held(MARC, "crisis", 2), held(SOFIA, "crisis", 1), held(NADIA, "craft", 3)]
LEFT = (AUTHOR, NADIA, MARC, SOFIA)


# --- Who could take it away -------------------------------------------------------------------------------
@pytest.mark.pure
def test_who_holds_it_now_is_here_and_active():
    people = (
        held(NADIA),
        held(MARC, level=1),
        held(SOFIA, "company"),
        held(HUGO, until=NOW),
        held(6),
        held(7),
        held(8, since=NOW + TICK),
    )
    known = facts(held=people, active=frozenset({NADIA, MARC, SOFIA, HUGO, 6, 8}), absent=frozenset({6}))
    assert loader._holders(known, "craft", 2) == {NADIA}
    assert loader._holders(known, "craft", 1) == {NADIA, MARC}
    assert loader._holders(known, "craft", 3) == set()


@pytest.mark.pure
def test_a_veto_is_lifted_by_whoever_could_lift_all_of_it_else_a_part():
    both = (
        held(NADIA),
        held(NADIA, "company"),
        held(MARC),
        held(AUTHOR),
        held(SOFIA),
        held(SOFIA, "company"),
    )
    known = facts(held=both)
    left = {"craft": 2, "company": 2}
    assert who_could_override(known, SOFIA, left) == (NADIA,), "neither its caster nor the author"
    assert who_could_override(known, NADIA, left) == (SOFIA,)
    alone = facts(held=(held(NADIA), held(MARC, "company")))
    assert who_could_override(alone, SOFIA, left) == (NADIA, MARC), "each in a part"
    assert who_could_override(known, SOFIA, {"craft": 3}) == ()
    assert who_could_override(known, SOFIA, {}) == ()


@pytest.mark.pure
def test_a_hold_is_resumed_by_whoever_covers_a_requirement():
    people = (*CRISIS_2, held(HUGO, "craft", 2), held(SOFIA, "company", 1), held(6, "product:lampe", 3))
    known = facts(held=people, active=frozenset({*LEFT, HUGO, 6}))
    low = rule(Requirement("craft", 1), Requirement("company", 1))
    assert loader._who_could_resume(replace(known, rule=low)) == (NADIA, HUGO), "entrusted at least"
    high = rule(Requirement("craft", 3), Requirement("crisis", 2))
    assert loader._who_could_resume(replace(known, rule=high)) == (NADIA, MARC)
    assert loader._who_could_resume(replace(known, rule=high, kind="crisis")) == (MARC,)
    assert loader._who_could_resume(replace(known, rule=None)) == ()


@pytest.mark.pure
def test_a_pause_is_ended_by_whoever_knows_the_craft_or_crises():
    people = (*CRISIS_2, held(HUGO, "craft", 1), held(6, "company", 3))
    known = facts(held=people, active=frozenset({*LEFT, HUGO, 6}))
    assert loader._who_could_end_pause(known) == (NADIA, MARC)


@pytest.mark.pure
def test_of_a_release_is_kept_who_spoke_or_wrote():
    whole = facts(
        held=(held(NADIA), held(MARC), held(AUTHOR, "company")),
        decisions=(said(NADIA),),
        absent=frozenset({NADIA}),
        active=frozenset({NADIA, MARC, AUTHOR}),
    )
    small = for_release(whole)
    assert small.held == (held(NADIA), held(AUTHOR, "company"))
    assert (small.active, small.absent) == ({NADIA, AUTHOR}, set())
    assert replace(small, held=whole.held, active=whole.active, absent=whole.absent) == whole


# --- What is read of a post -------------------------------------------------------------------------------
def test_a_subject_read_in_one_statement_is_the_one_made_of_the_post(cast: Cast):
    post = cast.approved(products=[cast.lamp], topics=["prix"])
    Post.objects.filter(pk=post.pk).update(
        held_by=cast.marc, released_by=cast.hugo, released_digest="d" * 64, released_epoch=3
    )
    Brand.objects.filter(pk=cast.brand.pk).update(stopped_at=database_now(), standing=99)
    with CaptureQueriesContext(connection) as captured:
        (read,) = read_subjects([post.pk])
    made = subject_of(fresh(post))
    assert len(captured) == 1
    for name in loader.Subject.__slots__:
        ours, theirs = getattr(read, name), getattr(made, name)
        assert list(ours) == list(theirs) if isinstance(ours, list | tuple) else ours == theirs, name
    assert (read.held_by_id, read.released_by_id, read.released_epoch) == (cast.marc.pk, cast.hugo.pk, 3)
    assert (read.standing, read.keys) == (99, ["demo"])
    loaded = load([fresh(post)])[post.pk]
    assert (loaded.standing, loaded.version) == (99, read.version)
    assert loaded.policy_id == cast.brand.policies.get().pk


def test_a_post_without_a_revision_has_neither_bytes_nor_channels(cast: Cast):
    post = fresh(cast.submitted())
    bare = replace(subject_of(post), digest=None, channels=None)
    found = loader.load_subjects([bare])[post.pk].facts
    assert found.digest is None
    assert found.rule is not None
    assert not [one for one in found.rule.requirements if one.domain.startswith("channel:")]


def test_with_a_channel_that_is_not_there_nobody_knows_what_is_asked(cast: Cast):
    subject = replace(subject_of(fresh(cast.submitted())), channels=["nowhere", "demo"])
    facts = loader.load_subjects([subject])[subject.pk].facts
    assert facts.rule is None
    assert not evaluate(facts, facts.taken_at).open


def test_a_post_without_a_slot_is_looked_at_today(cast: Cast):
    post = cast.submitted(slot="on_approval")
    now = database_now()
    today = now.astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=cast.nadia, first_day=today, last_day=today)
    assert load([fresh(post)], taken_at=now)[post.pk].facts.absent == {cast.nadia.pk}


def test_blockers_say_who_why_and_who_could(cast: Cast):
    post = cast.submitted()
    veto = cast.say("nadia", post, "reject", "x" * 400)
    pause = incidents.pause(cast.ines, cast.brand, {"channels": ["demo"]}, "y" * 400)
    Post.objects.filter(pk=post.pk).update(held_by=cast.marc)
    found = {one.code: one for one in load_one(fresh(post)).facts.blockers}
    assert found["veto"].params == {"decision": veto.pk, "who": "Nadia", "why": "x" * 300}
    assert found["veto"].person == cast.nadia.pk
    assert cast.hugo.pk in found["veto"].could
    assert cast.nadia.pk not in found["veto"].could
    assert found["paused"].params == {"pause": Pause.objects.get().pk, "why": "y" * 300}
    assert pause.pk == Pause.objects.get().pk
    assert {cast.nadia.pk, cast.hugo.pk} <= set(found["paused"].could)
    assert found["held"].person == cast.marc.pk
    assert cast.nadia.pk in found["held"].could


def test_a_request_for_changes_names_nobody_who_could_override_it(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, "request_changes")
    (blocker,) = load_one(fresh(post)).facts.blockers
    assert (blocker.code, blocker.could) == ("changes_requested", ())


def test_a_writer_is_a_person_and_writes_through_an_account(cast: Cast):
    post = cast.submitted()
    inviting.link(cast.olga, cast.brand, cast.marc, cast.ines)
    found = load_one(fresh(post)).facts
    assert (found.contributors, found.wrote) == ({cast.marc.pk}, {cast.ines.pk})


def test_a_release_needs_both_who_and_in_which_epoch(cast: Cast):
    post = cast.submitted()
    for who, epoch, there in ((cast.hugo, 0, True), (cast.hugo, None, False), (None, 0, False)):
        Post.objects.filter(pk=post.pk).update(released_by=who, released_epoch=epoch)
        assert (load_one(fresh(post)).facts.release is not None) is there


def test_the_first_incident_freezes_and_the_highest_epoch_counts(cast: Cast):
    post = cast.submitted()
    assert (load_one(fresh(post)).facts.frozen_by, load_one(fresh(post)).facts.epoch) == (None, 0)
    first = incidents.declare(cast.victor, cast.brand, {"brand": True}, "Feu.")
    incidents.declare(cast.victor, cast.brand, {"channels": ["demo"]}, "Encore.")
    found = load_one(fresh(post)).facts
    assert (found.frozen_by, found.epoch) == (first.pk, 2)


def test_a_request_for_changes_of_the_same_bytes_elsewhere_is_of_elsewhere(cast: Cast):
    post = cast.submitted()
    copy = fresh(copy_of(cast, post))
    assert copy.revision is not None
    Decision.objects.create(
        post=post, revision=copy.revision, user=cast.nadia, decision="request_changes", epoch=0,
        digest=copy.revision.digest, rests_on=[["craft", 2]], binding=True, comment="Non.", at=database_now(),
    )  # fmt: skip
    assert stopped(copy) == []


def test_behind_a_request_that_was_met_a_veto_still_stands(cast: Cast):
    post = cast.submitted()
    cast.say("nadia", post, "request_changes")
    cast.say("hugo", post, "reject")
    cast.edit("ines", post, text="Autrement.")
    assert stopped(post) == ["veto"]


def test_behind_a_veto_lifted_for_a_copy_another_still_stands(cast: Cast):
    post = cast.submitted()
    copy = copy_of(cast, post)
    for who in ("nadia", "hugo"):
        cast.say(who, post, "reject")
    cast.say("nadia", copy)
    (blocker,) = load_one(fresh(copy)).facts.blockers
    assert blocker.person == cast.hugo.pk


def test_a_pause_elsewhere_stops_nothing_here(cast: Cast):
    cast.channel("console")
    post, other = cast.submitted(), cast.submitted(channels=["console"])
    incidents.pause(cast.ines, cast.brand, {"channels": ["console"]}, "Je vérifie.")
    assert (stopped(post), stopped(other)) == ([], ["paused"])


def test_an_incident_elsewhere_freezes_nothing_here(cast: Cast):
    cast.channel("console")
    post, other = cast.submitted(), cast.submitted(channels=["console"])
    incident = incidents.declare(cast.victor, cast.brand, {"channels": ["console"]}, "Fuite.")
    assert load_one(fresh(post)).facts.frozen_by is None
    assert load_one(fresh(other)).facts.frozen_by == incident.pk


def test_an_override_counts_for_its_own_objection(cast: Cast):
    """Two vetoes: what is lifted of the one still rests on the other."""
    post = cast.submitted()
    first, second = (cast.say(who, post, "reject") for who in ("nadia", "hugo"))
    for domain, _level in first.rests_on:
        first.overrides.create(user=cast.victor, domain=domain, reason="Vérifié.", at=database_now())
    (blocker,) = load_one(fresh(post)).facts.blockers
    assert blocker.params["decision"] == second.pk
    assert Decision.objects.count() == 2


@pytest.mark.parametrize(
    ("word", "binding"), [("reject", False), ("request_changes", False), ("approve", True)]
)
def test_only_a_binding_objection_blocks(cast: Cast, word: str, binding: bool):
    """Whatever else stands in its row."""
    post = fresh(cast.submitted())
    assert post.revision is not None
    Decision.objects.create(
        post=post, revision=post.revision, user=cast.nadia, decision=word, digest=post.revision.digest, epoch=0,
        rests_on=[["craft", 2]], binding=binding, comment="Non.", at=database_now(),
    )  # fmt: skip
    assert load_one(post).facts.blockers == ()


def copy_of(cast: Cast, post: Post) -> Post:
    with transaction.atomic():
        copy = clone(cast.marc, fresh(post))
    revise(cast.marc, copy.pk, {"slot": in_hours(3).isoformat()})
    submit(cast.marc, copy.pk)
    return copy


def stopped(post: Post) -> list[str]:
    return [one.code for one in load_one(fresh(post)).facts.blockers]


def test_an_approval_before_an_objection_takes_nothing_back(cast: Cast):
    post = cast.submitted()
    copy = copy_of(cast, post)
    for one in (post, copy):
        cast.say("nadia", one)
    cast.say("nadia", post, "reject")
    assert (stopped(post), stopped(copy)) == (["veto"], ["veto"])
    cast.say("hugo", post, "reject")
    cast.say("nadia", post, "withdraw")
    assert [one.person for one in load_one(fresh(post)).facts.blockers] == [cast.hugo.pk]


def test_an_approval_of_a_copy_lifts_the_veto_for_that_copy_only(cast: Cast):
    post = cast.submitted()
    copy, other = copy_of(cast, post), copy_of(cast, post)
    cast.say("nadia", post, "reject")
    cast.say("hugo", copy)
    cast.say("nadia", copy, "withdraw")
    assert (stopped(post), stopped(copy), stopped(other)) == (["veto"], ["veto"], ["veto"])
    cast.say("nadia", copy)
    assert (stopped(post), stopped(copy), stopped(other)) == (["veto"], [], ["veto"])
    cast.say("nadia", post)
    assert (stopped(post), stopped(copy), stopped(other)) == ([], [], [])


def test_where_nobody_objected_nothing_more_is_asked(cast: Cast):
    quiet, objected = cast.submitted(), cast.submitted()
    cast.say("nadia", objected, "reject")
    asked = []
    for post in (quiet, objected):
        subjects, shelf = [subject_of(fresh(post))], Shelf()
        with CaptureQueriesContext(connection) as captured:
            loader.load_subjects(subjects, shelf=shelf)
        asked.append(len(captured))
    assert asked[0] < asked[1]


# --- What is kept of a brand ------------------------------------------------------------------------------
def test_nothing_is_asked_about_no_brand(cast: Cast):
    with CaptureQueriesContext(connection) as captured:
        assert load_brands([]) == {}
    assert not captured.captured_queries


def test_two_brands_are_kept_apart(cast: Cast):
    found = load_brands([cast.brand.pk, cast.elsewhere.pk])
    assert found[cast.elsewhere.pk].held == ()
    assert found[cast.elsewhere.pk].active == {cast.stranger.pk}
    assert (found[cast.elsewhere.pk].rules, found[cast.elsewhere.pk].policy_id) == (None, None)
    assert cast.stranger.pk not in found[cast.brand.pk].active
    assert found[cast.brand.pk].networks == {"demo": "demo"}
    assert all(isinstance(one, Held) for one in found[cast.brand.pk].held)


def test_a_policy_that_does_not_load_is_none(cast: Cast):
    made = cast.adopt({})
    found = load_brands([cast.brand.pk])[cast.brand.pk]
    assert (found.rules, found.policy_id) == (None, made.pk)


def test_nothing_is_read_of_a_brand_that_was_not_asked_for(cast: Cast):
    with CaptureQueriesContext(connection) as captured:
        load_brands([cast.elsewhere.pk])
    assert len(captured) > 5
    assert [one["sql"] for one in captured.captured_queries if '"brand_id" IN (' not in one["sql"]] == []


def test_a_shelf_keeps_a_brand_for_a_second_and_for_its_standing(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    clock = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    shelf, subject = Shelf(), subject_of(fresh(cast.submitted(slot=in_hours(3).isoformat())))

    def asked() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert shelf.brands_of([subject])[cast.brand.pk].active
        return len(captured)

    assert asked() > 0
    assert asked() == 0
    clock[0] += Shelf.LASTS_S - 0.001
    assert asked() == 0, "kept since it was read"
    clock[0] += 0.001
    assert asked() > 0, "forgotten after a second"
    assert asked() == 0
    subject = replace(subject, standing=subject.standing + 1)
    assert asked() > 0, "another standing"
    assert asked() == 0


def test_the_shelf_that_is_handed_in_is_the_one_that_is_used(cast: Cast):
    shelf, subjects = Shelf(), [subject_of(fresh(cast.submitted()))]
    asked = []
    for _time in range(2):
        with CaptureQueriesContext(connection) as captured:
            loader.load_subjects(subjects, shelf=shelf)
        asked.append(len(captured))
    assert asked[1] < asked[0]


def test_a_closed_account_takes_nobody_elses_expertise_along(cast: Cast):
    first = Credential.objects.filter(brand=cast.brand).order_by("pk")[0].user_id
    before = {one.account for one in load_brands([cast.brand.pk])[cast.brand.pk].held}
    Membership.objects.filter(user=first).update(is_active=False)
    after = {one.account for one in load_brands([cast.brand.pk])[cast.brand.pk].held}
    assert first in before
    assert after == before - {first}
    assert len(after) > 2


@pytest.mark.parametrize(
    ("state", "counts"),
    [("ACTIVE", True), ("LAPSED", True), ("REVOKED", True), ("PROPOSED", False), ("DECLINED", False)],
)
def test_what_never_was_confirmed_was_never_held(cast: Cast, state: str, counts: bool):
    """What was confirmed and has ended was held until then."""
    now = database_now()
    ended = None if state in ("ACTIVE", "PROPOSED") else now
    cast.grant("ines", "topic:legal", 2, state=state, valid_from=now - HOUR, confirmed_at=now, ended_at=ended)
    held_ = load_one(fresh(cast.draft())).facts.held
    assert [one.domain for one in held_ if one.domain == "topic:legal"] == ["topic:legal"] * counts


def test_what_ends_first_ends_a_credential(cast: Cast):
    now = database_now()
    for name, until, ended in (("a", 1, 2), ("b", 2, 1), ("c", 1, None), ("d", None, 1)):
        cast.grant(
            "ines", f"topic:{name}", 2,
            valid_until=now + until * HOUR if until else None,
            ended_at=now + ended * HOUR if ended else None,
        )  # fmt: skip
    held_ = [one for one in load_one(fresh(cast.draft())).facts.held if one.domain.startswith("topic:")]
    assert [one.until for one in held_] == [now + HOUR] * 4
