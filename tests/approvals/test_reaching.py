"""What a team could let out today, and what a version of the rules changes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.clock import database_now
from accounts.models import Absence, Membership
from approvals.comparing import compare
from approvals.expertise import revoke
from approvals.legislating import acknowledge
from approvals.policy import PRESETS, TEAM, read_rules
from approvals.reaching import PEOPLE, Reach, acknowledged, reach, team_of
from approvals.ruling import in_force
from tests.casting import Cast

pytestmark = pytest.mark.django_db


def reaches(cast: Cast, preset: str | dict[str, Any] = "team") -> dict[str, Reach]:
    rules = read_rules(PRESETS[preset] if isinstance(preset, str) else preset)
    return {one.kind: one for one in reach(team_of(cast.brand), rules)}


def only(cast: Cast, *who: str) -> None:
    users = [cast.people[one] for one in who]
    Membership.objects.filter(brand=cast.brand).exclude(user__in=users).update(is_active=False)


def names(cast: Cast, people: tuple[int, ...]) -> set[str]:
    return {key for key, user in cast.people.items() if user.pk in people}


def test_the_whole_cast_lets_everything_out(cast: Cast):
    found = reaches(cast)
    assert found["routine"].tone == "ok"
    assert names(cast, found["routine"].path) <= {"nadia", "hugo"}
    assert found["routine"].not_by == ()
    # Two people of crisis 2 are asked, and there are two: what one of them writes nobody could let out.
    assert names(cast, found["crisis"].not_by) == {"victor", "hugo"}
    assert names(cast, found["crisis"].hangs_on) == {"victor", "hugo"}
    assert found["crisis"].tone == "wait"


def test_what_hangs_on_one_person_is_amber(cast: Cast):
    only(cast, "ines", "nadia", "olga")
    found = reaches(cast)
    assert (found["routine"].tone, names(cast, found["routine"].hangs_on)) == ("wait", {"nadia"})
    assert names(cast, found["routine"].not_by) == {"nadia"}
    assert found["launch"].tone == "stop"
    assert found["launch"].lacking == (PEOPLE,)
    assert found["crisis"].lacking[0] == "crisis"


def test_in_a_duo_ones_own_expertise_covers_and_the_other_reads(cast: Cast):
    only(cast, "ines", "nadia")
    found = reaches(cast, "duo")
    assert found["routine"].tone == "wait"
    assert found["routine"].not_by == ()
    only(cast, "nadia")
    assert reaches(cast, "duo")["routine"].tone == "stop"


def test_nobody_is_enough_for_agency_without_the_client(cast: Cast):
    found = reaches(cast, "agency")
    assert {one.tone for one in found.values()} == {"stop"}
    assert found["routine"].lacking == ("topic:client",)
    cast.member("claire")
    cast.grant("claire", "topic:client", 2)
    assert reaches(cast, "agency")["routine"].tone == "wait"


def test_a_network_or_a_product_nobody_knows_is_named(cast: Cast):
    cast.channel("bleu", "bluesky")
    for who in ("nadia", "marc", "hugo"):
        revoke(cast.olga, cast.credentials(who, "channel:bluesky").get().pk, "Elle n’y va plus.")
    cast.product("lampe-brume")
    found = reaches(cast)
    assert set(found["launch"].partly) == {"channel:bluesky", "product:lampe-brume"}
    assert found["routine"].partly == ("channel:bluesky",)
    assert found["routine"].tone == "wait"


def test_whoever_is_away_today_is_not_counted(cast: Cast):
    today = database_now().astimezone(cast.brand.zone).date()
    for user in (cast.nadia, cast.hugo):
        Absence.objects.create(brand=cast.brand, user=user, first_day=today, last_day=today + timedelta(1))
    assert reaches(cast)["routine"].path == (cast.victor.pk, cast.marc.pk) or set(
        reaches(cast)["routine"].path
    ) == {cast.victor.pk, cast.marc.pk}
    Absence.objects.create(brand=cast.brand, user=cast.victor, first_day=today, last_day=today)
    assert reaches(cast)["routine"].lacking == ("company",)


def test_a_kind_without_a_rule_cannot_go_out(cast: Cast):
    kinds = {name: rule for name, rule in TEAM["kinds"].items() if name != "reply"}
    found = reaches(cast, {**TEAM, "kinds": kinds})
    assert (found["reply"].known, found["reply"].tone) == (False, "stop")


def test_what_an_owner_took_note_of_is_told_apart_until_more_is_wanting(cast: Cast):
    cast.adopt("agency")
    policy = in_force(cast.brand.pk).policy
    assert policy is not None
    assert acknowledged(policy, reaches(cast, "agency").values()) == set()
    acknowledge(cast.olga, policy.pk, "routine", ["topic:client"])
    assert acknowledged(policy, reaches(cast, "agency").values()) == {"routine"}
    only(cast, "ines", "marc")
    assert acknowledged(policy, reaches(cast, "agency").values()) == set()


def test_more_people_ask_no_more_of_the_database(cast: Cast):
    with CaptureQueriesContext(connection) as few:
        team_of(cast.brand)
    for name in ("ada", "bea", "cleo"):
        cast.member(name, craft=2)
    with CaptureQueriesContext(connection) as many:
        reach(team_of(cast.brand), read_rules(TEAM))
    assert len(few) == len(many)


# --- Comparing -------------------------------------------------------------------------------------
def changes(old: dict[str, Any], new: dict[str, Any]) -> set[tuple[str, str, bool]]:
    return {(one.what, one.kind, one.stricter) for one in compare(read_rules(old), read_rules(new))}


def test_every_change_is_told_with_its_direction():
    assert changes(TEAM, TEAM) == set()
    assert changes(TEAM, PRESETS["regulated"]) == {
        ("people", "routine", True),
        ("people", "reply", True),
        ("demand_added", "topic:legal", True),
        ("light_correction", "", True),
        ("reauthenticate", "", True),
    }
    assert changes(PRESETS["regulated"], TEAM) == {
        ("people", "routine", False),
        ("people", "reply", False),
        ("demand_removed", "topic:legal", False),
        ("light_correction", "", False),
        ("reauthenticate", "", False),
    }
    assert changes(TEAM, PRESETS["duo"]) == {
        ("contributor_covers", "routine", False),
        ("contributor_covers", "reply", False),
    }
    less = {name: rule for name, rule in TEAM["kinds"].items() if name != "reply"}
    assert changes(TEAM, {**TEAM, "kinds": less}) == {("kind_removed", "reply", True)}
    assert changes({**TEAM, "kinds": less}, TEAM) == {("kind_added", "reply", False)}
    longer = {**TEAM, "kinds": {**TEAM["kinds"], "crisis": {**TEAM["kinds"]["crisis"], "ttl_minutes": 120}}}
    assert changes(TEAM, longer) == {("ttl", "crisis", False)}
    assert {one.what for one in compare(None, read_rules(TEAM))} == {"kind_added", "light_correction"}
