"""The stock of words: who keeps it, what it refuses, and that nothing of it is an approval."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.refusals import Forbidden, Invalid, NotHere, Refused, Stale
from approvals import stocking
from approvals.reviewing import draft, submit
from approvals.stocking import add, change, keepers, may_keep, put_away
from journal.models import Entry
from journal.wording import verb_name
from posts.filling import as_draft
from posts.models import Contribution, Post, Snippet
from tests.casting import Cast, codes, digest_of, fresh, in_hours, is_open, missing

pytestmark = pytest.mark.django_db
BACK = "[produit] est de retour à l’atelier dès [jour]."


def template(cast: Cast, who: str = "olga", **more: Any) -> Snippet:
    said: Any = {"name": "De retour", "whole": True, "text": BACK, "channels": ["demo"], **more}
    return add(cast.people[who], cast.brand, said)


def piece(cast: Cast, who: str = "olga", **more: Any) -> Snippet:
    said: Any = {"name": "Horaires", "text": "Du mardi au samedi.", **more}
    return add(cast.people[who], cast.brand, said)


def begun(cast: Cast, row: Snippet, who: str = "ines", **more: Any) -> Post:
    fields: Any = {**as_draft(row), "slot": in_hours(2).isoformat(), **more}
    return draft(cast.people[who], cast.brand, fields)


# --- Who keeps it -----------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("who", "may"),
    [("olga", True), ("marc", True), ("victor", True), ("nadia", True), ("ines", False), ("sofia", False)],
)
def test_owners_and_those_entrusted_with_the_craft_keep_it(cast: Cast, who: str, may: bool):
    assert may_keep(cast.people[who], cast.brand) is may
    assert (cast.people[who] in keepers(cast.brand)) is may
    if may:
        assert template(cast, who).changed_by == cast.people[who]
        return
    row = piece(cast)
    for verb in (
        lambda: template(cast, who),
        lambda: change(cast.people[who], row.pk, {"text": "Fermé."}),
        lambda: put_away(cast.people[who], row.pk),
    ):
        with pytest.raises(Forbidden) as told:
            verb()
        assert told.value.code == "keepers_only"
    assert Snippet.objects.get().text == "Du mardi au samedi."


def test_another_brands_is_none(cast: Cast):
    row = piece(cast)
    with pytest.raises(NotHere):
        change(cast.stranger, row.pk, {"text": "x"})
    with pytest.raises(NotHere):
        put_away(cast.stranger, row.pk)
    with pytest.raises(NotHere):
        add(cast.stranger, cast.brand, {"name": "x", "text": "x"})
    with pytest.raises(NotHere):
        change(cast.olga, 10**9, {"text": "x"})


# --- What is kept -----------------------------------------------------------------------------------
def test_a_template_keeps_what_a_draft_begins_with_and_a_piece_only_its_words(cast: Cast):
    more: Any = {"kind": "launch", "products": [cast.lamp], "topics": ["legal"], "link": "https://x.example/"}
    row = template(cast, **more)
    assert {**as_draft(row)} == {"text": BACK, "channels": ["demo"], **more, "template": row.pk}
    said = piece(cast, channels=["demo"], **more)
    assert (said.kind, said.channels, said.products, said.topics, said.link) == ("routine", [], [], [], "")


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"name": "  "}, "name"),
        ({"name": "x" * 81}, "name"),
        ({"name": "DE RETOUR"}, "name"),
        ({"text": " "}, "text"),
        ({"text": "a\x00b"}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"kind": "gossip"}, "kind"),
        ({"channels": ["nowhere"]}, "channels"),
        ({"channels": "demo"}, "channels"),
        ({"products": ["nothing"]}, "products"),
        ({"topics": ["Not A Topic"]}, "topics"),
        ({"link": "https://x.example/" + "x" * 2000}, "link"),
    ],
    ids=[
        "nameless", "long name", "taken", "empty", "nul", "long", "kind", "channel", "no list", "product", "topic",
        "long link",
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused_at_its_field(cast: Cast, said: Any, field: str):
    template(cast)
    before = Entry.objects.count()
    wanted: Any = {"name": "Autre", "whole": True, "text": "Mots.", **said}
    with pytest.raises(Invalid) as told:
        add(cast.olga, cast.brand, wanted)
    assert set(told.value.fields) == {field}
    assert Snippet.objects.count() == 1
    assert Entry.objects.count() == before


def test_every_fault_is_told_at_once_and_a_piece_is_short(cast: Cast):
    with pytest.raises(Invalid) as told:
        add(cast.olga, cast.brand, {"name": "", "whole": True, "text": "", "kind": "gossip"})
    assert set(told.value.fields) == {"name", "text", "kind"}
    with pytest.raises(Invalid) as told:
        piece(cast, text="x" * 1001)
    assert set(told.value.fields) == {"text"}


def test_there_is_an_end_of_them(cast: Cast, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(stocking, "MOST_SNIPPETS", 2)
    template(cast)
    row = piece(cast)
    with pytest.raises(Refused) as told:
        piece(cast, name="De trop")
    assert told.value.code == "stock_full"
    put_away(cast.olga, row.pk)
    assert piece(cast, name="De trop").pk


# --- Changing and putting away --------------------------------------------------------------------------
def test_a_change_writes_what_changed_and_who_wrote(cast: Cast):
    row = template(cast)
    changed = change(cast.marc, row.pk, {"text": "[produit] revient."}, seen=1)
    assert (changed.version, changed.changed_by, changed.name) == (2, cast.marc, "De retour")
    assert set(changed.writers.all()) == {cast.olga, cast.marc}
    told = Entry.objects.get(verb="snippet.change")
    assert told.data == {"fields": ["text"]}
    assert "revient" in told.personal.text
    change(cast.nadia, row.pk, {"channels": [], "name": "Revient"})
    told = Entry.objects.filter(verb="snippet.change").latest("pk")
    assert told.data["before"] == {"channels": ["demo"]}
    assert told.data["after"] == {"channels": []}
    assert set(changed.writers.all()) == {cast.olga, cast.marc}, "a name and a channel are no words of a post"


def test_saving_without_a_change_writes_nothing(cast: Cast):
    row = template(cast)
    assert change(cast.marc, row.pk, {"name": "De retour", "text": BACK, "whole": False}).version == 1
    assert not Entry.objects.filter(verb="snippet.change").exists()
    assert Snippet.objects.get().whole, "a template stays one"


def test_the_later_of_two_is_told(cast: Cast):
    row = template(cast)
    change(cast.marc, row.pk, {"text": "[produit] revient."}, seen=1)
    with pytest.raises(Stale) as told:
        change(cast.nadia, row.pk, {"text": "Perdu ?"}, seen=1)
    assert "Marc" in told.value.sentence
    assert Snippet.objects.get().text == "[produit] revient."


def test_put_away_it_is_offered_no_more_and_its_name_is_free(cast: Cast):
    row = template(cast)
    put_away(cast.marc, row.pk)
    for verb in (lambda: put_away(cast.marc, row.pk), lambda: change(cast.marc, row.pk, {"text": "x"})):
        with pytest.raises(Refused) as told:
            verb()
        assert told.value.code == "put_away"
    assert template(cast).pk != row.pk
    told_of = Entry.objects.filter(verb__startswith="snippet.").values_list("verb", flat=True)
    assert set(told_of) == {"snippet.add", "snippet.put_away"}


@pytest.mark.parametrize("verb", ["snippet.add", "snippet.change", "snippet.put_away"])
def test_the_journal_has_words_for_it(verb: str):
    assert verb_name(verb) != verb


def test_what_the_brand_no_longer_has_is_left_out_and_does_not_stand_in_the_way(cast: Cast):
    cast.channel("old")
    row = template(cast, channels=["old", "demo"])
    cast.brand.channels.filter(key="old").update(is_active=False)
    assert as_draft(row)["channels"] == ["demo"]
    assert change(cast.olga, row.pk, {"name": "Retour"}).channels == ["demo"]


# --- It opens nothing ------------------------------------------------------------------------------------
def test_what_begins_with_one_passes_the_gate_like_any_other(cast: Cast):
    row = template(cast, text="Bonjour.", channels=["demo"])
    post = submit(cast.ines, begun(cast, row).pk)
    assert not is_open(post)
    assert missing(post) == {"craft": 1, "channel:demo": 1, "company": 1}
    assert not post.decisions.exists()


def test_the_lexicon_reads_it_like_any_other(cast: Cast):
    row = template(cast, text="Soldes : la lampe Aurore à moitié prix.", kind="routine")
    post = begun(cast, row)
    assert post.kind == "launch"
    assert post.products == [cast.lamp]


def test_whoever_wrote_the_template_does_not_approve_what_begins_with_it(cast: Cast):
    """Else somebody would let out their own words by another's hand."""
    row = template(cast, "marc", text="Bonjour.")
    change(cast.nadia, row.pk, {"text": "Bonjour à tous."})
    post = submit(cast.ines, begun(cast, row).pk)
    wrote = set(Contribution.objects.filter(post=post).values_list("user__name", flat=True))
    assert wrote == {"Inès", "Marc", "Nadia"}
    for who in ("marc", "nadia"):
        with pytest.raises(Forbidden) as told:
            cast.say(who, post)
        assert told.value.code == "contributor"
    cast.say("hugo", post, digest=digest_of(post))
    assert is_open(fresh(post))


def test_whoever_only_renamed_it_may(cast: Cast):
    row = template(cast, text="Bonjour.")
    change(cast.nadia, row.pk, {"name": "Salut"})
    post = submit(cast.ines, begun(cast, row).pk)
    cast.say("nadia", post)
    assert is_open(fresh(post))


def test_another_brands_template_and_a_piece_are_none_to_begin_with(cast: Cast):
    said = piece(cast)
    theirs = Snippet.objects.create(
        brand=cast.elsewhere, name="Leur", whole=True, text="x", changed_by=cast.stranger
    )
    for pk in (said.pk, theirs.pk, 10**9):
        with pytest.raises(Invalid) as told:
            draft(cast.ines, cast.brand, {"text": "x", "channels": ["demo"], "template": pk})
        assert set(told.value.fields) == {"template"}
    assert not Post.objects.exists()


def test_a_gap_left_is_a_problem_and_nothing_else_is(cast: Cast):
    post = begun(cast, template(cast))
    with pytest.raises(Invalid) as told:
        submit(cast.ines, post.pk)
    assert [one["code"] for one in told.value.details["problems"]] == ["gap_left", "gap_left"]
    assert "[produit]" in told.value.fields["text"][0]
    assert "[jour]" in told.value.fields["text"][1]
    cast.edit("ines", post, text="La lampe [Aurore] est de retour dès demain.")
    assert submit(cast.ines, post.pk).state == "in_review", "brackets of one's own are no gap"
    assert "gap_left" not in codes(post)
