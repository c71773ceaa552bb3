"""Cases 29 to 38 of gate.md, each through the API and through the page: sent once, the crisis, the screen, the
level, the end. Case 30, the race, needs real processes: tests/faults/test_races.py."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.clock import database_now
from accounts.models import Membership
from approvals import incidents
from approvals.models import Decision
from posts.lifecycle import PostState
from publishing.models import Attempt, Permit
from tests.casting import Cast, digest_of, due, fresh, work
from tests.flow.doors import ByApi, Door
from tests.flow.test_cases_standing import tomorrow
from tests.flow.test_cases_writing import done

STATEMENT = "Nous rappelons la lampe Aurore."


@pytest.fixture
def crisis(console: Cast) -> Cast:
    incidents.declare(console.victor, console.brand, {"brand": True}, "Une lampe a pris feu.")
    return console


def test_case_29_pressed_twice_it_is_sent_once(door: Door, console: Cast):
    """No door takes a permit: each send mints its own, which is spent once (the rest of the case is
    tests/approvals/test_cases.py, at the engine)."""
    post = door.approved(channels=["console"], slot=tomorrow(console, 11))
    assert not Permit.objects.exists()
    due(post)
    assert len(work()) == 1
    assert fresh(post).lifecycle == PostState.PUBLISHED
    for verb in ("release", "resume"):
        assert not door.act("nadia", post, verb).done
    assert door.edit("ines", post, text="Autre chose.").status in (409, 422)
    assert work() == []
    assert Attempt.objects.filter(delivery__post=post).count() == 1
    assert Permit.objects.filter(spent_at__isnull=False).count() == 1


def test_case_31_relabelled_crisis_to_escape_a_freeze(door: Door, console: Cast):
    post = door.approved(channels=["console"])
    incidents.declare(console.victor, console.brand, {"brand": True}, "Une lampe a pris feu.")
    assert "frozen" in door.sees("ines", post).codes
    done(door.edit("ines", post, kind="crisis"))
    sight = door.sees("ines", post)
    assert "frozen" not in sight.codes
    assert set(sight.missing) == {"craft", "channel:console", "company", "crisis"}
    assert "not_released" in sight.codes
    due(post)
    assert work() == []


def test_case_32_freeze_lifted(door: Door, console: Cast):
    post = door.approved(channels=["console"])
    incident = incidents.declare(console.victor, console.brand, {"brand": True}, "Une lampe a pris feu.")
    incidents.lift(console.victor, incident.pk)
    incidents.lift(console.olga, incident.pk)
    sight = door.sees("ines", post)
    assert (sight.open, sight.codes) == (False, {"missing_requirement", "missing_people"})
    assert fresh(post).lifecycle == PostState.HELD
    assert work() == []
    done(door.say("nadia", post))
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_case_34_approval_from_a_stale_screen(door: Door):
    post = door.submitted(text="Avant.")
    seen = digest_of(post)
    done(door.edit("ines", post, text="Entre-temps."))
    answer = door.say("nadia", post, digest=seen)
    assert answer.refused(409, "stale_digest")
    if isinstance(door, ByApi):
        assert answer.data["digest"] == digest_of(post)
        assert answer.data["revision"] == 2
    else:
        assert "Inès changed this post while you were reading it" in answer.text
        assert "Entre-temps" in answer.text
        assert "Avant" in answer.text
    assert not Decision.objects.exists()


def test_case_35_a_director_at_level_1_approves(door: Door, cast: Cast):
    cast.member("delphine", craft=1, company=1, **{"channel:demo": 1})
    Membership.objects.filter(user=cast.delphine).update(title="directrice", is_owner=True)
    post = door.submitted()
    answer = door.say("delphine", post)
    done(answer)
    sight = door.sees("ines", post)
    assert (sight.open, sight.have) == (False, 0)
    if isinstance(door, ByApi):
        assert answer.data["counted"] is False
        assert answer.data["why_not"]
    else:
        assert "advice" in sight.text.lower() or "advisory" in sight.text.lower()
    assert cast.ines.notices.get(kind="decision.approve").data["advisory"] is True


def test_case_36_approval_that_will_end_before_the_slot(door: Door, cast: Cast):
    """Approvals of a reply live twelve hours, and its slot is the day after tomorrow."""
    post = door.submitted(kind="reply", slot=tomorrow(cast, 11, days=2))
    done(door.say("nadia", post))
    sight = door.sees("ines", post)
    assert not sight.open
    assert "ends_before_slot" in sight.codes
    assert fresh(post).lifecycle == PostState.IN_REVIEW


def test_case_36_credential_that_will_end_before_the_slot(door: Door, cast: Cast):
    cast.credentials("nadia", "company").update(valid_until=database_now() + timedelta(hours=1))
    post = door.submitted()
    done(door.say("nadia", post))
    sight = door.sees("ines", post)
    assert "ends_before_slot" in sight.codes
    assert sight.missing == {"company": 1}


def test_case_37_a_crisis_statement_in_its_own_incident(door: Door, crisis: Cast):
    post = door.submitted(kind="crisis", channels=["console"], text=STATEMENT, slot="on_approval")
    done(door.say("victor", post))
    done(door.say("hugo", post))
    assert "not_released" in door.sees("ines", post).codes
    assert work() == []
    assert door.act("nadia", post, "release").refused(403, "not_qualified")
    done(door.act("victor", post, "release"))
    assert [result.outcome for result in work()] == ["DELIVERED"]
    assert fresh(post).lifecycle == PostState.PUBLISHED


def test_case_37_not_without_the_second(door: Door, crisis: Cast):
    post = door.submitted(kind="crisis", channels=["console"], text=STATEMENT, slot="on_approval")
    done(door.say("hugo", post))
    assert door.act("victor", post, "release").refused(409, "gate_closed")
    assert fresh(post).released_by_id is None, "the press is undone"
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert work() == []


def test_case_38_launch_approved_by_a_generalist_and_the_products_expert(door: Door, console: Cast):
    post = door.submitted(kind="launch", products=[console.lamp], channels=["console"])
    done(door.say("nadia", post))
    done(door.say("sofia", post))
    assert fresh(post).lifecycle == PostState.SCHEDULED
    assert door.sees("ines", post).open
    due(post)
    assert [result.outcome for result in work()] == ["DELIVERED"]
    assert fresh(post).lifecycle == PostState.PUBLISHED
