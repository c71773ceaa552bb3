"""No denial without what is missing and a next step, in both languages."""

from __future__ import annotations

import re

import pytest
from django.utils import translation

from approvals import incidents
from approvals.gate import Blocker, Code, Deny, Reason, evaluate
from approvals.models import Level
from approvals.naming import domain_name
from approvals.reviewing import verdict_of
from approvals.steering import hold
from approvals.wording import Words, kind_name, level_name, listed, sentences
from posts.models import Post
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
    Reason(Code.MISSING_PEOPLE, {"needed": 3, "have": 1, "missing": 2}, (3,)),
    Reason(Code.MISSING_REQUIREMENT, {**REQUIREMENT, "missing": 3}, (3, 4)),
    Reason(Code.NOT_RELEASED, {}, (2,)),
    Reason(Code.NOT_RELEASED, {}, ()),
    *(
        Reason(code)
        for code in (Code.NOT_SEALED, Code.FROZEN, Code.UNKNOWN_KIND, Code.NO_REQUIREMENTS, Code.ERROR)
    ),
    Reason(Code.OUTSIDE_WINDOW, {"late": 1}),
    *(Reason(Code.BLOCKED, {"blocker": one, "who": "Nadia", "why": "Faux."}) for one in BLOCKERS),
    *(
        Reason(Code.BLOCKED, {"blocker": one, "who": "Nadia", "why": "Faux."}, (3, 4))
        for one in ("veto", "held", "paused")
    ),
    Reason(Code.FROZEN, {"incident": 1}, (3, 4)),
]
# Not yet translated, while a new sentence waits for its French.
ENGLISH = re.compile(r"\b(could|nobody|somebody|they|everything|suffice)\b", re.IGNORECASE)
# What a junior can do, or ask somebody to do: a verb of the trade in each language.
STEP = {
    "en": r"could|can |choose|submit|edit|tell |ask |must|waits until",
    "fr": r"peut|pourrai|choisi|soumet|modifi|préven|signal|demand|doit|attend|invit",
}


@pytest.mark.parametrize("language", ["en", "fr"])
@pytest.mark.parametrize(
    "reason", REASONS, ids=lambda one: f"{one.code}-{one.params.get('blocker', '')}-{len(one.could)}"
)
def test_every_denial_says_what_and_what_next(reason: Reason, language: str):
    with translation.override(language):
        said = Words({}, NAMES).sentence(reason)
        spoken = "en" if ENGLISH.search(said) else language
    assert said.endswith("."), said
    assert re.search(STEP[spoken], said, re.IGNORECASE), said
    assert "%(" not in said
    assert "?" not in said
    for person in reason.could:
        assert NAMES[person] in said


def test_every_code_is_worded():
    assert {reason.code for reason in REASONS} == set(Code)


def test_a_stop_names_who_could_lift_it(cast: Cast):
    post = cast.approved()
    incidents.pause(cast.ines, cast.brand, {"brand": True}, "Je vérifie.")
    said = " ".join(sentences(verdict_of(fresh(post))[1], fresh(post)))
    assert "Everything here is paused (Je vérifie.)." in said
    assert "Marc, Nadia, Victor or Hugo could end the pause." in said
    incidents.declare(cast.victor, cast.brand, {"brand": True}, "Feu.")
    said = " ".join(sentences(verdict_of(fresh(post))[1], fresh(post)))
    assert "Victor or Hugo could lift it, with a second person." in said
    hold(cast.ines, cast.submitted("Autre.").pk)
    said = " ".join(sentences(verdict_of(fresh(Post.objects.latest("pk")))[1], Post.objects.latest("pk")))
    assert "Somebody has put it on hold. Marc, Nadia, Victor or Hugo could resume it." in said


def test_when_nobody_could_it_says_so_and_what_to_do():
    with translation.override("en"):
        said = Words({}, {}).sentence(Reason(Code.MISSING_REQUIREMENT, REQUIREMENT, ()))
    assert "1 more approval is needed from somebody entrusted in craft." in said
    assert "Nobody present could" in said


def test_when_fewer_could_than_it_takes_it_says_that_nobody_else_is_there():
    two = {"needed": 2, "have": 0, "missing": 2}
    with translation.override("en"):
        said = Words({}, NAMES).sentence(Reason(Code.MISSING_PEOPLE, two, (2,)))
        enough = Words({}, NAMES).sentence(Reason(Code.MISSING_PEOPLE, two, (2, 3)))
    assert "Nadia could, and nobody else present could: an owner can invite or entrust somebody" in said
    assert enough.endswith("Nadia or Marc could.")


def test_whole_verdicts_on_a_post(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    verdict = evaluate(facts(decisions=(), rule=rule(people=2), blockers=(Blocker("held", 2),)), NOW)
    assert isinstance(verdict, Deny)
    assert len(sentences(verdict, fresh(post))) == len(verdict.reasons) == 3
    said = " ".join(sentences(verdict_of(fresh(post))[1], fresh(post)))
    assert "Lampe Aurore" in said
    assert "Sofia" in said
    assert "product:" not in said


def test_names_of_things():
    with translation.override("en"):
        assert domain_name("product:lampe-aurore", {"lampe-aurore": "Lampe Aurore"}) == "Lampe Aurore"
        assert domain_name("product:gone", {}) == "gone"
        assert domain_name("channel:mastodon", {}) == "Mastodon"
        assert domain_name("channel:demo", {}) == "Demonstration"
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
