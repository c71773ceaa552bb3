"""No denial without what is missing and a next step, in both languages."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from approvals.gate import Blocker, Code, Deny, Reason, evaluate
from approvals.models import Level
from approvals.wording import Words, domain_name, kind_name, level_name, listed, sentences
from tests.approvals.test_gate import NOW, facts, rule
from tests.casting import Cast, fresh

NAMES = {2: "Nadia", 3: "Marc", 4: "Sofia"}
BLOCKERS = ("veto", "changes_requested", "held", "paused", "stopped", "something new")
REQUIREMENT: dict[str, str | int] = {"domain": "craft", "level": 2, "missing": 1}
REASONS = [
    Reason(Code.MISSING_REQUIREMENT, REQUIREMENT, (2, 3)),
    Reason(Code.MISSING_REQUIREMENT, {**REQUIREMENT, "missing": 2}, ()),
    Reason(Code.ENDS_BEFORE_SLOT, {**REQUIREMENT, "ends": 2}, ()),
    Reason(Code.MISSING_PEOPLE, {"needed": 2, "have": 1, "missing": 1}, (3,)),
    Reason(Code.MISSING_PEOPLE, {"needed": 3, "have": 1, "missing": 2}, ()),
    Reason(Code.NOT_RELEASED, {}, (2,)),
    Reason(Code.NOT_RELEASED, {}, ()),
    *(
        Reason(code)
        for code in (Code.NOT_SEALED, Code.FROZEN, Code.UNKNOWN_KIND, Code.NO_REQUIREMENTS, Code.ERROR)
    ),
    Reason(Code.OUTSIDE_WINDOW, {"late": 1}),
    *(Reason(Code.BLOCKED, {"blocker": one, "who": "Nadia", "why": "Faux."}) for one in BLOCKERS),
]
# What a junior can do, or ask somebody to do: a verb of the trade in each language.
STEP = {
    "en": r"could|can |choose|submit|edit|tell |ask |must|waits until",
    "fr": r"peut|pourrai|choisi|soumet|modifi|préven|signal|demand|doit|attend|invit",
}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "reason", REASONS, ids=lambda one: f"{one.code}-{one.params.get('blocker', len(one.could))}"
)
def test_every_denial_says_what_and_what_next(reason: Reason, language: str):
    with translation.override(language):
        said = Words({}, NAMES).sentence(reason)
        spoken = language if translation.gettext("rejected") != "rejected" or language == "en" else "en"
    assert said.endswith("."), said
    assert re.search(STEP[spoken], said, re.IGNORECASE), said
    assert "%(" not in said
    assert "?" not in said
    for person in reason.could:
        assert NAMES[person] in said


def test_every_code_is_worded():
    assert {reason.code for reason in REASONS} == set(Code)


def test_when_nobody_could_it_says_so_and_what_to_do():
    with translation.override("en"):
        said = Words({}, {}).sentence(Reason(Code.MISSING_REQUIREMENT, REQUIREMENT, ()))
    assert "1 more approval is needed from somebody entrusted in craft." in said
    assert "Nobody present could" in said


def test_whole_verdicts_on_a_post(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    verdict = evaluate(facts(decisions=(), rule=rule(people=2), blockers=(Blocker("held", 2),)), NOW)
    assert isinstance(verdict, Deny)
    assert len(sentences(verdict, fresh(post))) == len(verdict.reasons) == 3
    from approvals.reviewing import verdict_of

    said = " ".join(sentences(verdict_of(fresh(post))[1], fresh(post)))
    assert "Lampe Aurore" in said
    assert "Sofia" in said
    assert "product:" not in said


def test_names_of_things():
    with translation.override("en"):
        assert domain_name("product:lampe-aurore", {"lampe-aurore": "Lampe Aurore"}) == "Lampe Aurore"
        assert domain_name("product:gone", {}) == "gone"
        assert domain_name("channel:mastodon", {}) == "Mastodon"
        assert domain_name("channel:demo", {}) == "Demo"
        assert domain_name("craft", {}) == "craft"
        assert domain_name("topic:legal", {}) == "legal"
        assert domain_name("topic:autre", {}) == "autre"
        assert [level_name(level) for level in Level.values] == [
            "novice",
            "supervised",
            "entrusted",
            "mentor",
        ]
        assert kind_name("launch") == "launch or sale"
        assert kind_name("haiku") == "haiku"


def test_lists_of_names():
    with translation.override("en"):
        assert [listed(names) for names in ([], ["A"], ["A", "B"], ["A", "B", "C"])] == [
            "",
            "A",
            "A or B",
            "A, B or C",
        ]
