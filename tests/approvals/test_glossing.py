"""The lexicon is widened by one mentor or owner, and narrowed by two people."""

from __future__ import annotations

import pytest

from accounts.models import Membership, User
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.glossing import add, begin, change, end, facets_on_offer, keep, keepers, may_keep
from approvals.inviting import link
from journal.models import Entry, Notice
from journal.recording import INSTALLER
from posts.lexicon import rules_of
from posts.models import LexiconRule
from tests.casting import Cast, fresh

pytestmark = pytest.mark.django_db


def active(cast: Cast) -> set[str]:
    return {rule.text for rule in rules_of(cast.brand.pk)}


def test_a_new_brand_has_its_first_rules_once(cast: Cast):
    first = LexiconRule.objects.filter(brand=cast.brand).count()
    assert {"soldes", "Lampe Aurore", "procès"} <= active(cast)
    begin(INSTALLER, cast.brand)
    assert LexiconRule.objects.filter(brand=cast.brand).count() == first
    assert Entry.objects.filter(verb="lexicon.begin").count() == 1


@pytest.mark.parametrize(
    ("who", "may"), [("nadia", True), ("sofia", True), ("olga", True), ("marc", False), ("ines", False)]
)
def test_mentors_and_owners_add(cast: Cast, who: str, may: bool):
    assert may_keep(cast.people[who], cast.brand) is may
    if may:
        made = add(cast.people[who], cast.brand, "  braderie ", "kind:launch")
        assert (made.text, made.facet, made.added_by) == ("braderie", "launch", cast.people[who])
        assert Entry.objects.get(verb="lexicon.add").data == {
            "text": "braderie",
            "form": "words",
            "facet": "launch",
        }
    else:
        with pytest.raises(Forbidden) as refusal:
            add(cast.people[who], cast.brand, "braderie", "launch")
        assert refusal.value.code == "keepers_only"


def test_a_stranger_adds_nothing(cast: Cast):
    with pytest.raises(NotHere):
        add(cast.stranger, cast.brand, "braderie", "launch")


@pytest.mark.parametrize(
    ("text", "facet", "form", "field"),
    [
        ("", "launch", "words", "text"),
        (" \u200b ", "launch", "words", "text"),
        ("a\x00b", "launch", "words", "text"),
        ("x" * 201, "launch", "words", "text"),
        ("braderie", "routine", "words", "facet"),
        ("braderie", "reply", "words", "facet"),
        ("braderie", "product:none", "words", "facet"),
        ("braderie", "topic:Légal", "words", "facet"),
        ("braderie", "", "words", "facet"),
        ("braderie", "launch", "poem", "form"),
        ("(", "launch", "pattern", "text"),
        ("x*", "launch", "pattern", "text"),
        ("(a+)+b", "launch", "pattern", "text"),
        ("(a|a)*b", "launch", "pattern", "text"),
        (r"(a)\1", "launch", "pattern", "text"),
    ],
)
def test_what_cannot_be_a_rule(cast: Cast, text: str, facet: str, form: str, field: str):
    before = LexiconRule.objects.count()
    with pytest.raises(Invalid) as refusal:
        add(cast.nadia, cast.brand, text, facet, form=form)
    assert set(refusal.value.fields) == {field}
    assert LexiconRule.objects.count() == before


def test_the_same_rule_twice_is_refused(cast: Cast):
    add(cast.nadia, cast.brand, "braderie", "launch")
    with pytest.raises(Refused) as refusal:
        add(cast.hugo, cast.brand, "braderie", "launch")
    assert refusal.value.code == "rule_exists"
    add(cast.hugo, cast.brand, "braderie", "topic:legal")


def test_a_rule_ends_by_two_people(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    with pytest.raises(Invalid) as bare:
        end(cast.nadia, made.pk)
    assert bare.value.code == "reason_needed"
    assert end(cast.nadia, made.pk, "On ne le dit plus.").ended_at is None
    assert "braderie" in active(cast), "it is in force until the second word"
    told = set(Notice.objects.filter(kind="lexicon.ask_end").values_list("user__name", flat=True))
    assert told == {user.name for user in keepers(cast.brand, but=cast.nadia)}
    with pytest.raises(Refused) as again:
        end(cast.nadia, made.pk, "Vraiment.")
    assert again.value.code == "second_person"
    assert "Hugo" in again.value.sentence
    assert end(cast.hugo, made.pk).ended_at is not None
    assert "braderie" not in active(cast)
    with pytest.raises(Refused) as after:
        end(cast.hugo, made.pk)
    assert after.value.code == "already_ended"
    assert {"lexicon.ask_end", "lexicon.end"} <= set(Entry.objects.values_list("verb", flat=True))


def test_two_accounts_of_a_person_are_not_two_people(cast: Cast):
    other = cast.member("hugo2")
    Membership.objects.filter(user=other).update(is_owner=True)
    link(cast.olga, cast.brand, cast.hugo, other)
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    end(User.objects.get(pk=cast.hugo.pk), made.pk, "On ne le dit plus.")
    with pytest.raises(Refused) as refusal:
        end(User.objects.get(pk=other.pk), made.pk)
    assert refusal.value.code == "second_person"


def test_the_unqualified_neither_ask_nor_agree(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    for who in ("ines", "marc"):
        with pytest.raises(Forbidden):
            end(cast.people[who], made.pk, "Il gêne.")
    with pytest.raises(NotHere):
        end(cast.stranger, made.pk, "Il gêne.")
    end(cast.nadia, made.pk, "On ne le dit plus.")
    with pytest.raises(Forbidden):
        end(cast.marc, made.pk)
    assert "braderie" in active(cast)


def test_a_rule_is_kept_though_somebody_asked_for_its_end(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    with pytest.raises(Refused):
        keep(cast.hugo, made.pk)
    end(cast.nadia, made.pk, "On ne le dit plus.")
    assert keep(cast.hugo, made.pk).ending_asked_by is None
    assert Notice.objects.filter(kind="lexicon.keep", user=cast.nadia).exists()
    assert end(cast.hugo, made.pk, "Tout compte fait.").ended_at is None, "it is asked for anew"


def test_whoever_is_alone_ends_at_once(cast: Cast):
    Membership.objects.filter(brand=cast.brand).exclude(user=cast.olga).update(is_active=False)
    made = add(cast.olga, cast.brand, "braderie", "launch")
    assert end(cast.olga, made.pk, "Je suis seule.").ended_at is not None


def test_a_change_is_another_rule_beside_the_old_until_a_second_person_agrees(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    new = change(cast.nadia, made.pk, "grande braderie", "launch", form="words", reason="Plus précis.")
    assert {"braderie", "grande braderie"} <= active(cast)
    end(cast.hugo, made.pk)
    assert new.text in active(cast)
    assert "braderie" not in active(cast)


def test_posts_keep_their_facets_when_a_rule_ends(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    post = cast.draft("La braderie")
    end(cast.nadia, made.pk, "On ne le dit plus.")
    end(cast.hugo, made.pk)
    assert fresh(post).kind == "launch"


def test_the_facets_on_offer_are_the_house_s(cast: Cast):
    names = [name for name, _words in facets_on_offer(cast.brand)]
    assert names == ["launch", "sensitive_reply", "crisis", f"product:{cast.lamp}", "topic:legal"]
