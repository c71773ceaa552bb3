"""What people choose to be told, and what nobody can turn off."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import resolve

from accounts.models import User
from accounts.refusals import Invalid
from journal import asking, wording
from journal.asking import ask_of, path_of
from journal.models import How, Notice, Preference, Topic
from journal.preferring import (
    DEFAULTS,
    DIGEST,
    KINDS,
    kinds_of,
    off_token,
    prefer,
    read_off_token,
    topic_of,
    turn_off,
    wishes_of,
)

ROOT = Path(__file__).resolve().parent.parent.parent


def keys_of(function: object) -> set[str]:
    """The kinds that a function has words for."""
    found = re.findall(r'^\s+"([a-z]+\.[a-z_]+)": ', inspect.getsource(function), re.MULTILINE)  # type: ignore[arg-type]
    return set(found)


def test_every_kind_that_has_words_has_a_topic():
    assert keys_of(wording.notice_title) == KINDS


def test_every_kind_is_in_one_topic():
    assert sorted(kind for topic in Topic for kind in kinds_of(topic)) == sorted(KINDS)


def test_what_is_asked_is_asked_of_kinds_that_exist():
    assert keys_of(asking.ask_of) <= KINDS
    asked = {kind for kind in KINDS if ask_of(Notice(kind=kind))}
    assert set(kinds_of(Topic.ASKED)) <= asked


def test_every_kind_that_is_told_somewhere_has_words():
    """`tell(people, brand, "kind", …)` with a kind spelled out, anywhere in the house."""
    told = set()
    for app in ("posts", "approvals", "publishing", "cm_queue"):
        for path in (ROOT / app).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "tell":
                    kinds = [one for one in node.args[2:3] if isinstance(one, ast.Constant)]
                    told |= {str(one.value) for one in kinds}
    assert len(told) > 20
    assert told <= KINDS


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_a_notice_leads_to_a_page_that_is_there(kind: str):
    for data, post in (({}, None), ({"incident": 1, "user": 1}, None), ({"by_hand": 3}, 7), ({}, 7)):
        path = path_of(Notice(kind=kind, data=data, post_id=post)).partition("#")[0]
        assert resolve(path).url_name


def test_an_unknown_kind_is_told_at_once():
    assert DEFAULTS[topic_of("something.new")] == How.AT_ONCE


@pytest.fixture
def ines(db: None) -> User:
    return User.objects.create_user("ines@maison.example", None, name="Inès", language="en")


def test_what_was_chosen_holds_and_the_rest_is_the_houses(ines: User):
    prefer(ines, {Topic.TALK: How.HERE})
    prefer(ines, {Topic.TALK: How.AT_ONCE, Topic.ASKED: How.DIGEST})
    wishes = wishes_of([ines.pk])[ines.pk]
    assert wishes == {**DEFAULTS, Topic.TALK: How.AT_ONCE, Topic.ASKED: How.DIGEST}
    assert Preference.objects.count() == 2


def test_wishes_cost_one_query_for_any_number(ines: User):
    prefer(ines, {Topic.TALK: How.HERE})
    with CaptureQueriesContext(connection) as seen:
        wishes_of([ines.pk, *range(100, 200)])
    assert len(seen) == 1


@pytest.mark.parametrize("how", [How.DIGEST, How.HERE])
def test_incidents_cannot_be_turned_off(ines: User, how: How):
    with pytest.raises(Invalid) as refusal:
        prefer(ines, {Topic.INCIDENT: how, Topic.TALK: How.HERE})
    assert refusal.value.fields.keys() == {"incident"}
    assert not Preference.objects.exists(), "all of it or nothing"
    Preference.objects.create(user=ines, topic=Topic.INCIDENT, how=how)
    assert wishes_of([ines.pk])[ines.pk][Topic.INCIDENT] == How.AT_ONCE
    with pytest.raises(Invalid):
        turn_off(ines, Topic.INCIDENT)


def test_a_signed_link_says_whose_and_what_and_nothing_else_is_believed(ines: User):
    token = off_token(ines, Topic.TALK)
    assert read_off_token(token) == (ines, Topic.TALK)
    assert read_off_token(token[:-2] + "xx") is None
    assert read_off_token("") is None
    User.objects.filter(pk=ines.pk).update(is_active=False)
    assert read_off_token(token) is None


def test_turning_off_twice_is_turning_off_once(ines: User):
    for _n in range(2):
        turn_off(ines, Topic.ANSWERED)
    assert wishes_of([ines.pk])[ines.pk] == {**DEFAULTS, Topic.ANSWERED: How.HERE}


def test_no_digest_any_more_leaves_what_comes_at_once(ines: User):
    turn_off(ines, DIGEST)
    wishes = wishes_of([ines.pk])[ines.pk]
    assert How.DIGEST not in wishes.values()
    assert wishes[Topic.ASKED] == How.AT_ONCE
    assert wishes[Topic.TALK] == wishes[Topic.TEAM] == How.HERE
