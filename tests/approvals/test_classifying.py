"""What a post is about: raised by anybody and by its words, lowered only by the qualified, with a reason."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.classifying import classify
from approvals.glossing import add
from approvals.reviewing import draft, submit
from journal.models import Entry, Notice
from posts import drafting
from posts.lifecycle import PostState
from posts.models import FacetMark, LexiconRule, Post
from tests.casting import Cast, fresh, media, missing

pytestmark = pytest.mark.django_db
SALE = "Soldes : la lampe AURORE à −30 %"


@pytest.fixture
def glossary(cast: Cast) -> Cast:
    """The lexicon of the issue's example, and nothing else."""
    LexiconRule.objects.filter(brand=cast.brand).delete()
    for text, facet in [
        ("soldes", "launch"), ("-30 %", "launch"), ("code promo", "launch"), ("procès", "topic:legal"),
        ("avocat", "topic:legal"), ("Lampe Aurore", f"product:{cast.lamp}"),
    ]:  # fmt: skip
        add(cast.nadia, cast.brand, text, facet)
    return cast


def words(post: Post) -> dict[str, list[str]]:
    """{facet: the words that raised it} of the marks that stand."""
    rows = FacetMark.objects.filter(post=post, lowered_at__isnull=True).order_by("pk")
    return {row.facet: [word["words"] for word in row.words] for row in rows}


def about(post: Post) -> tuple[str, list[str], list[str]]:
    post = fresh(post)
    return post.kind, post.products, post.topics


def test_the_example_of_the_issue(glossary: Cast):
    post = glossary.draft(SALE)
    assert about(post) == ("launch", [glossary.lamp], [])
    assert words(post) == {"launch": ["Soldes", "−30 %"], f"product:{glossary.lamp}": ["lampe AURORE"]}
    entry = Entry.objects.get(verb="facet.raise")
    assert (entry.system, entry.post_id) == ("lexicon", post.pk)
    assert "−30 %" in entry.personal.text


@pytest.mark.parametrize(
    "fields",
    [
        {"variants": {"demo": "Code promo en story"}},
        {"thread": ["Et le code\u00a0promo ?"]},
        {"link": "https://maison.example/soldes"},
        {"options": {"demo": {"content_warning": "soldes"}}},
    ],
)
def test_every_part_the_public_reads_raises(glossary: Cast, fields: dict[str, Any]):
    assert about(glossary.draft("Bonjour.", **fields))[0] == "launch"


def test_an_alt_text_raises(glossary: Cast):
    picture = media(glossary)
    post = glossary.draft("Bonjour.", media=[{"id": picture.pk, "alt": "Une affiche de soldes"}])
    assert about(post)[0] == "launch"


def test_an_edit_raises_and_the_gate_asks_for_more(glossary: Cast):
    post = glossary.approved("Bonjour.")
    glossary.edit("ines", post, text="Bonjour, les soldes commencent.")
    assert about(post)[0] == "launch"
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    entry = Entry.objects.filter(verb="facet.raise", post_id=post.pk).get()
    assert entry.data["facets"] == ["launch"]


def test_a_rule_added_meanwhile_is_read_at_submit(glossary: Cast):
    post = glossary.draft("Une braderie.")
    assert about(post)[0] == "routine"
    add(glossary.nadia, glossary.brand, "braderie", "launch")
    submit(glossary.ines, post.pk)
    assert about(post)[0] == "launch"
    assert words(post) == {"launch": ["braderie"]}


def test_a_word_never_lowers_a_kind(glossary: Cast):
    post = glossary.draft(SALE, kind="crisis", products=[])
    assert about(post) == ("crisis", [glossary.lamp], [])


def test_a_reply_cannot_hide_a_sale(glossary: Cast):
    assert about(glossary.draft(SALE, kind="reply"))[0] == "launch"


def test_what_its_writer_chose_is_marked_as_theirs(glossary: Cast):
    post = glossary.draft("Bonjour.", kind="launch", topics=["legal"])
    marks = {row.facet: row.by for row in FacetMark.objects.filter(post=post)}
    assert marks == {"launch": glossary.ines, "topic:legal": glossary.ines}


def test_words_that_are_gone_leave_the_facet(glossary: Cast):
    """Nobody has judged that it is no launch: only the text says so now, and its writer is no judge."""
    post = glossary.draft(SALE)
    glossary.edit("ines", post, text="Bonjour.")
    assert about(post) == ("launch", [glossary.lamp], [])


# --- Lowering -------------------------------------------------------------------------------------
def test_the_writer_does_not_lower_what_the_words_raised(glossary: Cast):
    post = glossary.draft(SALE)
    for lower in (
        lambda: glossary.edit("ines", post, kind="routine"),
        lambda: classify(glossary.ines, post.pk, {"products": []}, "Mais si."),
        lambda: glossary.edit("ines", post, text="Bonjour.", kind="routine"),
    ):
        with pytest.raises(Forbidden) as refusal:
            lower()
        assert refusal.value.code == "facet_lowered"
    assert about(post) == ("launch", [glossary.lamp], [])


def test_a_clone_is_not_lowered_either(glossary: Cast):
    post = glossary.submitted(SALE)
    copy = drafting.clone(glossary.marc, post)
    assert about(copy) == ("launch", [glossary.lamp], [])
    for who in ("marc", "ines"):
        with pytest.raises(Forbidden):
            glossary.edit(who, copy, kind="routine")


def test_an_end_of_the_rule_lowers_nothing(glossary: Cast):
    post = glossary.submitted(SALE)
    LexiconRule.objects.filter(brand=glossary.brand).delete()
    glossary.edit("ines", post, text=SALE + " !")
    assert about(post) == ("launch", [glossary.lamp], [])


def test_a_qualified_reader_lowers_with_a_reason(glossary: Cast):
    post = glossary.submitted("Les soldes de tout compte, expliquées.")
    assert about(post)[0] == "launch"
    with pytest.raises(Invalid) as refusal:
        classify(glossary.nadia, post.pk, {"kind": "routine"}, "  ")
    assert refusal.value.code == "reason_needed"
    classify(glossary.nadia, post.pk, {"kind": "routine"}, "C’est de la comptabilité.")
    assert about(post)[0] == "routine"
    mark = FacetMark.objects.filter(post=post, lowered_at__isnull=False, by=None).latest("pk")
    assert (mark.lowered_by, mark.reason) == (glossary.nadia, "C’est de la comptabilité.")
    entry = Entry.objects.get(verb="facet.lower")
    assert (entry.actor, entry.personal.text) == (glossary.nadia, "C’est de la comptabilité.")
    assert Notice.objects.filter(kind="facet.lower", user=glossary.ines, post_id=post.pk).exists()


def test_the_very_same_words_do_not_raise_again_and_new_ones_do(glossary: Cast):
    post = glossary.submitted("Les soldes de tout compte.")
    classify(glossary.nadia, post.pk, {"kind": "routine"}, "C’est de la comptabilité.")
    glossary.edit("ines", post, text="Les SOLDES de tout compte, expliquées.")
    assert about(post)[0] == "routine", "the same words"
    glossary.edit("ines", post, text="Les soldes de tout compte. Et nos soldes !")
    assert about(post)[0] == "launch", "once more than was judged"


def test_another_word_raises_again(glossary: Cast):
    post = glossary.submitted("Les soldes de tout compte.")
    classify(glossary.nadia, post.pk, {"kind": "routine"}, "C’est de la comptabilité.")
    glossary.edit("ines", post, text="Les soldes de tout compte, à -30 %.")
    assert about(post)[0] == "launch"


def test_lowering_to_a_milder_kind_keeps_the_words_between_quiet(glossary: Cast):
    post = glossary.submitted(SALE, kind="crisis")
    classify(glossary.hugo, post.pk, {"kind": "routine"}, "Ni l’un ni l’autre.")
    assert about(post) == ("routine", [glossary.lamp], [])


@pytest.mark.parametrize("who", ["ines", "olga", "sofia"])
def test_who_may_not_lower(glossary: Cast, who: str):
    """The writer; the owner, who holds nothing; Sofia, whose lamp a routine post does not ask about."""
    post = glossary.submitted("Les soldes de tout compte.", kind="launch")
    with pytest.raises(Forbidden) as refusal:
        classify(glossary.people[who], post.pk, {"kind": "routine"}, "Je crois.")
    assert refusal.value.code == "facet_lowered"
    assert "Hugo" in refusal.value.sentence


def test_a_stranger_classifies_nothing(glossary: Cast):
    post = glossary.submitted("Bonjour.")
    with pytest.raises(NotHere):
        classify(glossary.stranger, post.pk, {"kind": "launch"}, "")


def test_anyone_raises_without_a_reason_and_approvals_stay(glossary: Cast):
    post = glossary.approved("Bonjour.")
    classify(glossary.olga, post.pk, {"kind": "launch", "products": [glossary.lamp]})
    assert about(post) == ("launch", [glossary.lamp], [])
    assert missing(post) == {f"product:{glossary.lamp}": 1}, "Nadia's approval still covers the rest"
    assert (
        post.requests.filter(user=glossary.sofia).exists()
        or post.requests.filter(user=glossary.hugo).exists()
    )
    assert words(post) == {"launch": [], f"product:{glossary.lamp}": []}


def test_to_classify_is_not_to_write(glossary: Cast):
    post = glossary.submitted("Bonjour.")
    classify(glossary.nadia, post.pk, {"kind": "launch"})
    glossary.say("nadia", post)
    assert fresh(post).revision.number == 1  # type: ignore[union-attr]


def test_nothing_but_facets_is_changed(glossary: Cast):
    post = glossary.submitted("Bonjour.")
    classify(glossary.nadia, post.pk, {"kind": "launch", "text": "Autre chose."})
    assert fresh(post).revision.content["text"] == "Bonjour."  # type: ignore[union-attr]


def test_what_is_out_is_not_classified(glossary: Cast):
    post = glossary.submitted("Bonjour.")
    Post.objects.filter(pk=post.pk).update(state=PostState.PUBLISHED.value)
    with pytest.raises(Refused) as refusal:
        classify(glossary.nadia, post.pk, {"kind": "launch"})
    assert refusal.value.code == "already_out"


# --- Without words ------------------------------------------------------------------------------
def test_an_image_alone_asks_for_its_products(glossary: Cast):
    picture = {"id": media(glossary).pk, "alt": "Un pied de laiton"}
    post = glossary.draft("", media=[picture])
    with pytest.raises(Invalid) as refusal:
        submit(glossary.ines, post.pk)
    assert refusal.value.code == "products_needed"
    assert set(refusal.value.fields) == {"products"}
    glossary.edit("ines", post, products=[glossary.lamp])
    assert submit(glossary.ines, post.pk).lifecycle == PostState.IN_REVIEW


def test_an_image_alone_may_show_no_product_if_somebody_says_so(glossary: Cast):
    picture = {"id": media(glossary).pk, "alt": "La cour de l’atelier"}
    post = draft(
        glossary.ines, glossary.brand,
        {"text": "", "media": [picture], "channels": ["demo"], "slot": "on_approval", "products": []},
    )  # fmt: skip
    assert submit(glossary.ines, post.pk).lifecycle == PostState.IN_REVIEW
    copy = drafting.clone(glossary.ines, fresh(post))
    assert copy.products_said, "what was said of it holds for its clone"


def test_a_post_in_review_that_loses_its_words_waits(glossary: Cast):
    picture = {"id": media(glossary).pk, "alt": "Un pied de laiton"}
    post = glossary.submitted("Bonjour.", media=[picture])
    glossary.edit("ines", post, text="")
    assert fresh(post).lifecycle == PostState.CHANGES_REQUESTED
