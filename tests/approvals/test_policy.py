"""The rules: what is validated, what is expanded, what counts as asking for less."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accounts.refusals import Invalid
from approvals.gate import Requirement, Rule
from approvals.policy import PRESETS, TEAM, asks_for_less, read_rules, rule_for
from posts.models import Kind

pytestmark = pytest.mark.pure


def asked(
    kind: str,
    preset: str = "team",
    networks: tuple[str, ...] = ("demo",),
    products: tuple[str, ...] = (),
    topics: tuple[str, ...] = (),
) -> Rule:
    rule = rule_for(read_rules(PRESETS[preset]), kind, networks, products, topics)
    assert rule is not None
    return rule


def needs(rule: Rule) -> set[tuple[str, int, int]]:
    return {(one.domain, one.level, one.n) for one in rule.requirements}


ROUTINE = {("craft", 2, 1), ("channel:demo", 2, 1), ("company", 2, 1)}
LAMP = ("product:lampe", 2, 1)


@pytest.mark.parametrize(
    ("kind", "requirements", "people", "lives", "pressed"),
    [
        ("routine", ROUTINE, 1, timedelta(days=45), False),
        ("launch", ROUTINE | {LAMP}, 2, timedelta(days=14), False),
        ("reply", {("craft", 2, 1), ("channel:demo", 2, 1), LAMP}, 1, timedelta(hours=12), False),
        ("sensitive_reply", ROUTINE | {LAMP, ("crisis", 2, 1)}, 2, timedelta(hours=4), False),
        (
            "crisis",
            {
                ("craft", 2, 1),
                ("channel:demo", 2, 1),
                ("company", 3, 1),
                LAMP,
                ("crisis", 2, 2),
                ("crisis", 3, 1),
            },
            2,
            timedelta(minutes=60),
            True,
        ),
    ],
)
def test_the_default_policy_is_the_table_of_gate_md(
    kind: str, requirements: set[Any], people: int, lives: timedelta, pressed: bool
):
    rule = asked(kind, products=("lampe",) if kind != "routine" else ())
    assert needs(rule) == requirements
    assert (rule.people, rule.ttl, rule.person_releases, rule.contributor_covers) == (
        people,
        lives,
        pressed,
        False,
    )


def test_each_channel_and_each_product_asks_for_its_own():
    rule = asked("launch", networks=("mastodon", "demo", "demo"), products=("b", "a"))
    domains = [one.domain for one in rule.requirements]
    assert len(domains) == len(set(domains))
    assert {"channel:demo", "channel:mastodon", "product:a", "product:b"} <= set(domains)


def test_a_facet_more_never_asks_for_less():
    rules = read_rules(PRESETS["regulated"])
    for kind in Kind.values:
        for products in ((), ("a",), ("a", "b")):
            for topics in ((), ("legal",), ("legal", "other")):
                plain = rule_for(rules, kind, ["demo"], [], [])
                more = rule_for(rules, kind, ["demo"], products, topics)
                assert plain is not None
                assert more is not None
                assert needs(plain) <= needs(more)
                assert not asks_for_less(more, plain)


def test_an_unknown_kind_has_no_rule():
    rules = read_rules(TEAM)
    assert rule_for(rules, "haiku", ["demo"], [], []) is None
    without = read_rules({**TEAM, "kinds": {"routine": TEAM["kinds"]["routine"]}})
    assert rule_for(without, "launch", ["demo"], [], []) is None


def test_presets():
    assert set(PRESETS) == {"duo", "team", "agency", "regulated"}
    for name, preset in PRESETS.items():
        assert set(read_rules(preset).kinds) == set(Kind), name
    assert {kind for kind in Kind.values if asked(kind, "duo").contributor_covers} == {"routine", "reply"}
    assert all(asked(kind, "regulated").people >= 2 for kind in Kind.values)
    assert ("topic:legal", 2, 1) in needs(asked("routine", "regulated", topics=("legal",)))
    assert ("topic:legal", 2, 1) not in needs(asked("routine", "regulated"))
    assert all(("topic:client", 2, 1) in needs(asked(kind, "agency")) for kind in Kind.values)
    assert {name for name in PRESETS if read_rules(PRESETS[name]).light_correction} == {"duo", "team"}
    assert {name for name in PRESETS if read_rules(PRESETS[name]).reauthenticate} == {"regulated"}


def routine(**more: Any) -> dict[str, Any]:
    return {"preset": "own", "kinds": {"routine": {**TEAM["kinds"]["routine"], **more}}}


@pytest.mark.parametrize(
    "rules",
    [
        None, [], {}, "x", {"preset": "x"}, {"preset": "x", "kinds": {}}, {**TEAM, "loophole": True},
        {**TEAM, "kinds": {"haiku": TEAM["kinds"]["routine"]}},
        routine(requirements=[]), routine(people=0), routine(people=10), routine(ttl_minutes=0),
        routine(ttl_minutes=365 * 24 * 60 + 1), routine(loophole=1),
        routine(requirements=[{"domain": "diploma", "level": 2}]),
        routine(requirements=[{"domain": "craft", "level": 0}]),
        routine(requirements=[{"domain": "craft", "level": 4}]),
        routine(requirements=[{"domain": "craft", "level": 2, "n": 0}]), routine(requirements=[{"domain": "craft"}]),
        routine(requirements=[{"domain": "channel:", "level": 2}]),
        routine(requirements=[{"domain": "craft ", "level": 2}]),
        {"preset": "x", "kinds": {"launch": {**TEAM["kinds"]["launch"], "contributor_covers": True}}},
        {"preset": "x", "kinds": {"crisis": {**TEAM["kinds"]["crisis"], "contributor_covers": True}}},
        {**TEAM, "facets": {"topic:legal": [{"domain": "nothing", "level": 2}]}},
        {**TEAM, "facets": {"legal": [{"domain": "topic:legal", "level": 2}]}},
        {**TEAM, "facets": {"topic:*": [{"domain": "topic:legal", "level": 2}]}},
        routine(requirements=[{"domain": "topic:*", "level": 2}]),
    ],
)  # fmt: skip
def test_an_empty_or_malformed_policy_is_refused(rules: Any):
    with pytest.raises(Invalid) as refusal:
        read_rules(rules)
    assert refusal.value.code == "bad_policy"
    assert refusal.value.fields
    assert all(place.split(".")[0] == "rules" for place in refusal.value.fields)


@pytest.mark.parametrize(
    ("rules", "place", "what"),
    [
        (None, "rules", "This must be an object."),
        ({"preset": "x"}, "rules.kinds", "This is needed."),
        ({"preset": "x", "kinds": {}}, "rules.kinds", "At least one is needed."),
        (routine(requirements=[]), "rules.kinds.routine.requirements", "At least one is needed."),
        (routine(people=0), "rules.kinds.routine.people", "This number is too small."),
        (
            routine(requirements=[{"domain": "diploma", "level": 2}]),
            "rules.kinds.routine.requirements.0.domain",
            "No domain of expertise is called “diploma”.",
        ),
        (
            {**TEAM, "kinds": {"haiku": TEAM["kinds"]["routine"]}},
            "rules.kinds.haiku",
            "There is no kind of post of this name.",
        ),
        ({**TEAM, "loophole": True}, "rules.loophole", "There is no field of this name."),
    ],
)
def test_every_fault_is_named_at_its_field(rules: Any, place: str, what: str):
    with pytest.raises(Invalid) as refusal:
        read_rules(rules)
    assert refusal.value.fields[place] == [what]
    assert place in refusal.value.sentence


def test_a_product_or_a_network_may_ask_for_more_too():
    more = {
        "product:lampe": [{"domain": "topic:safety", "level": 2}],
        "channel:demo": [{"domain": "crisis", "level": 1}],
    }
    rules = read_rules({**TEAM, "facets": more})
    plain = rule_for(rules, "routine", ["console"], [], [])
    lamp = rule_for(rules, "routine", ["demo"], ["lampe"], [])
    assert plain is not None
    assert lamp is not None
    assert needs(lamp) - needs(plain) == {("channel:demo", 2, 1), ("topic:safety", 2, 1), ("crisis", 1, 1)}


BASE = Rule((Requirement("craft", 2), Requirement("company", 2, 2)), 2, timedelta(days=1))


@pytest.mark.parametrize(
    ("new", "less"),
    [
        (BASE, False),
        (Rule(BASE.requirements, 3, timedelta(days=1)), False),
        (Rule(BASE.requirements, 1, timedelta(days=1)), True),
        (Rule(BASE.requirements, 2, timedelta(hours=1)), False),
        (Rule(BASE.requirements, 2, timedelta(days=2)), True),
        (Rule((Requirement("craft", 3), Requirement("company", 2, 2)), 2, timedelta(days=1)), False),
        (Rule((Requirement("craft", 1), Requirement("company", 2, 2)), 2, timedelta(days=1)), True),
        (Rule((Requirement("craft", 2), Requirement("company", 2, 1)), 2, timedelta(days=1)), True),
        (Rule((Requirement("company", 2, 2),), 2, timedelta(days=1)), True),
        (Rule((*BASE.requirements, Requirement("crisis", 2)), 2, timedelta(days=1)), False),
        (Rule(BASE.requirements, 2, timedelta(days=1), person_releases=True), False),
        (Rule(BASE.requirements, 2, timedelta(days=1), contributor_covers=True), True),
        (None, True),
    ],
)
def test_asking_for_less(new: Rule | None, less: bool):
    assert asks_for_less(new, BASE) is less


def test_asking_for_less_than_nothing_and_of_a_press():
    assert not asks_for_less(BASE, None)
    pressed = Rule(BASE.requirements, 2, timedelta(days=1), person_releases=True)
    assert asks_for_less(BASE, pressed)
