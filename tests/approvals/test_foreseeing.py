"""What a writer is told beforehand is what the gate will ask of the post."""

from __future__ import annotations

from datetime import timedelta

from accounts.clock import database_now
from accounts.models import Absence
from approvals import inviting
from approvals.foreseeing import foresee, shortest
from approvals.gate import Code, Coverage, Deny, Reading, Reason, Requirement
from approvals.models import Policy
from approvals.reviewing import verdict_of
from tests.casting import Cast, fresh
from tests.tampering import past_the_triggers


def of(*rows: tuple[int, tuple[int, ...]], needed: int = 1, readers: tuple[int, ...] = ()) -> Deny:
    reading = Reading(
        tuple(
            Coverage(Requirement(f"topic:t{place}", 2, missing), (), missing, could)
            for place, (missing, could) in enumerate(rows)
        ),
        needed,
    )
    return Deny((Reason(Code.MISSING_PEOPLE, {}, readers),), reading)


def test_it_is_what_the_gate_says_of_the_saved_post(cast: Cast):
    post = fresh(cast.submitted(kind="launch", products=[cast.lamp]))
    _loaded, verdict = verdict_of(post)
    told = foresee(cast.brand, cast.ines, "launch", ["demo"], [cast.lamp], [], at=post.slot)
    assert told.reading == verdict.reading


def test_a_writer_is_never_among_those_who_could_nor_an_earlier_one(cast: Cast):
    told = foresee(cast.brand, cast.nadia, "routine", ["demo"], [], [], contributors=[cast.hugo.pk])
    could = {person for covered in told.reading.coverage for person in covered.could}
    assert could == {cast.marc.pk, cast.victor.pk}
    assert set(told.path) == could


def test_lessons_name_what_the_writer_lacks_and_nothing_else(cast: Cast):
    told = foresee(cast.brand, cast.marc, "routine", ["demo"], [], [])
    assert [(one.domain, one.has, one.needs) for one in told.lessons] == [("company", 0, 2)]


def test_who_is_away_at_the_slot_is_told_apart(cast: Cast):
    slot = database_now() + timedelta(days=2)
    day = slot.astimezone(cast.brand.zone).date()
    Absence.objects.create(brand=cast.brand, user=cast.sofia, first_day=day, last_day=day)
    told = foresee(cast.brand, cast.ines, "launch", ["demo"], [cast.lamp], [], at=slot)
    lamp = next(one for one in told.reading.coverage if one.requirement.domain == f"product:{cast.lamp}")
    assert lamp.away == (cast.sofia.pk,)
    assert lamp.could == (cast.hugo.pk,)


def test_an_unknown_kind_or_a_broken_policy_promises_nothing(cast: Cast):
    assert not foresee(cast.brand, cast.ines, "gossip", ["demo"], [], []).known
    with past_the_triggers():
        Policy.objects.filter(brand=cast.brand).update(rules={"kinds": {}})
    told = foresee(cast.brand, cast.ines, "routine", ["demo"], [], [])
    assert not told.known
    assert told.path == ()


def test_the_shortest_way_takes_whoever_covers_most_first():
    assert shortest(of((1, (1, 2)), (1, (2, 3)), (1, (3,)))) == (2, 3)
    assert shortest(of((1, (1,)), (1, ()))) == ()


def test_the_shortest_way_has_as_many_people_as_the_policy_wants():
    assert shortest(of((1, (1, 2)), needed=2)) == (1, 2)
    assert shortest(of((1, (1,)), needed=2)) == ()
    assert shortest(of((2, (1, 2)), (1, (2,)), needed=2)) == (2, 1)


def test_other_eyes_that_cover_nothing_are_on_the_way_too():
    assert shortest(of(readers=(7,))) == (7,)
    assert shortest(of((1, (2,)), needed=2, readers=(7,))) == (2, 7)


def test_in_duo_the_beginner_is_the_way_of_what_the_expert_writes(cast: Cast):
    for who in ("marc", "hugo", "victor", "sofia"):
        inviting.deactivate(cast.olga, cast.membership(who))
    cast.adopt("duo")
    assert foresee(cast.brand, cast.nadia, "routine", ["demo"], [], []).path == (cast.ines.pk,)
