"""The lexicon's page, and the forms of facets, suggestions and splits on the pages of a post."""

from __future__ import annotations

import pytest
from django.urls import reverse

from approvals.glossing import add
from posts.commenting import Remark, remark
from posts.models import Comment, LexiconRule, Post
from tests.casting import Cast, cast, fresh, in_english, is_open, media
from tests.desk.entering import at_field, enter, filled, with_picture

__all__ = ["cast", "in_english"]
pytestmark = pytest.mark.django_db
TYPO = "Trois geste pour nettoyer un abat-jour."


# --- The lexicon ----------------------------------------------------------------------------------
def test_everybody_reads_it_and_tries_a_text(cast: Cast):
    client = enter(cast, "ines")
    page = client.get(reverse("lexicon")).content.decode()
    assert "soldes" in page
    assert "ask Nadia" in page or "Nadia" in page
    assert reverse("add_lexicon_rule") not in page
    tried = client.post(
        reverse("try_lexicon"), {"text": "Grandes SOLDES de la lampe Aurore"}
    ).content.decode()
    assert "<q>SOLDES</q>" in tried
    assert "<q>lampe Aurore</q>" in tried
    assert "no rule knows" in client.post(reverse("try_lexicon"), {"text": "Bonjour"}).content.decode()
    assert client.post(reverse("try_lexicon"), {"text": ""}).status_code == 422


def test_a_mentor_adds_several_words_at_once(cast: Cast):
    client = enter(cast, "nadia")
    answer = client.post(
        reverse("add_lexicon_rule"), {"text": "braderie\nvide-grenier", "facet": "launch", "form": "words"}
    )
    assert answer.status_code == 302
    assert LexiconRule.objects.filter(text__in=["braderie", "vide-grenier"], added_by=cast.nadia).count() == 2
    again = client.post(reverse("add_lexicon_rule"), {"text": "braderie", "facet": "launch"})
    assert again.status_code == 409
    assert "has this rule already" in again.content.decode()
    slow = client.post(reverse("add_lexicon_rule"), {"text": "(a+)+b", "facet": "launch", "form": "pattern"})
    assert slow.status_code == 422
    assert "(a+)+b" in slow.content.decode(), "what was typed comes back"
    legal = client.post(reverse("add_lexicon_rule"), {"text": "RGPD", "facet": "launch", "topic": "privacy"})
    assert legal.status_code == 302
    assert LexiconRule.objects.get(text="RGPD").facet == "topic:privacy"


def test_several_words_are_added_all_or_none(cast: Cast):
    client = enter(cast, "nadia")
    add(cast.nadia, cast.brand, "vide-grenier", "launch")
    answer = client.post(reverse("add_lexicon_rule"), {"text": "braderie\nvide-grenier", "facet": "launch"})
    assert answer.status_code == 409
    assert not LexiconRule.objects.filter(text="braderie").exists()
    assert "braderie\nvide-grenier" in answer.content.decode(), "the form comes back whole"


def test_a_rule_is_ended_by_two_people(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    first, second = enter(cast, "nadia"), enter(cast, "hugo")
    url = reverse("end_lexicon_rule", args=[made.pk])
    assert first.post(url, {"reason": ""}).status_code == 422
    assert first.post(url, {"reason": "On ne le dit plus."}).status_code == 302
    assert "asks for the end" in second.get(reverse("lexicon")).content.decode()
    assert "it takes a second person" in first.get(reverse("lexicon_rule", args=[made.pk])).content.decode()
    assert first.post(url, {}).status_code == 409
    assert second.post(url, {}).status_code == 302
    made.refresh_from_db()
    assert made.ended_by == cast.hugo


def test_a_rule_is_changed_and_kept(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    client = enter(cast, "nadia")
    said = {"text": "grande braderie", "facet": "launch", "form": "words"}
    assert client.post(reverse("lexicon_rule", args=[made.pk]), {**said, "reason": ""}).status_code == 422
    assert not LexiconRule.objects.filter(text="grande braderie").exists(), "nothing is half done"
    assert (
        client.post(reverse("lexicon_rule", args=[made.pk]), {**said, "reason": "Mieux."}).status_code == 302
    )
    assert LexiconRule.objects.filter(text="grande braderie", ended_at=None).exists()
    assert enter(cast, "hugo").post(reverse("keep_lexicon_rule", args=[made.pk])).status_code == 302
    made.refresh_from_db()
    assert made.ending_asked_by is None


def test_the_unqualified_and_strangers_change_nothing(cast: Cast):
    made = add(cast.nadia, cast.brand, "braderie", "launch")
    for name in ("end_lexicon_rule", "keep_lexicon_rule"):
        assert enter(cast, "marc").post(reverse(name, args=[made.pk]), {"reason": "x"}).status_code == 403
        assert enter(cast, "stranger").post(reverse(name, args=[made.pk]), {"reason": "x"}).status_code == 404
    assert enter(cast, "stranger").get(reverse("lexicon_rule", args=[made.pk])).status_code == 404
    added = enter(cast, "marc").post(reverse("add_lexicon_rule"), {"text": "x", "facet": "launch"})
    assert added.status_code == 403


# --- Facets -------------------------------------------------------------------------------------
def wish(post: Post, **more: object) -> dict[str, object]:
    post = fresh(post)
    return {"kind": post.kind, "products": post.products, "topics": ", ".join(post.topics), **more}


def test_the_page_tells_the_words(cast: Cast):
    post = cast.submitted("Soldes : la lampe AURORE à −30 %")
    for name in ("post", "review"):
        page = enter(cast, "nadia").get(reverse(name, args=[post.pk])).content.decode()
        assert "<q>Soldes</q>" in page
        assert "<q>−30 %</q>" in page


def test_case_24_facet_lowered_by_a_contributor(cast: Cast):
    post = cast.submitted("Les soldes de tout compte.")
    url = reverse("classify_post", args=[post.pk])
    refused = enter(cast, "ines").post(url, wish(post, kind="routine", reason="Mais si."))
    assert refused.status_code == 403
    assert "Only somebody qualified" in refused.content.decode()
    assert "Mais si." in refused.content.decode()
    bare = enter(cast, "nadia").post(url, wish(post, kind="routine"))
    assert bare.status_code == 422
    done = enter(cast, "nadia").post(
        url, wish(post, kind="routine", reason="De la comptabilité.", place="review")
    )
    assert done.headers["Location"] == reverse("review", args=[post.pk])
    assert fresh(post).kind == "routine"
    page = enter(cast, "ines").get(reverse("post", args=[post.pk])).content.decode()
    assert "De la comptabilité." in page


def test_anybody_raises_on_the_page(cast: Cast):
    post = cast.submitted()
    answer = enter(cast, "olga").post(
        reverse("classify_post", args=[post.pk]), wish(post, kind="launch", products=[cast.lamp])
    )
    assert answer.status_code == 302
    assert (fresh(post).kind, fresh(post).products) == ("launch", [cast.lamp])


def test_compose_tells_before_saving_what_the_words_raise(cast: Cast):
    page = enter(cast, "ines").post(reverse("compose_preview"), filled(text="Grandes soldes"))
    assert "<q>soldes</q>" in page.content.decode()
    assert not Post.objects.exists()


def test_compose_does_not_lower_what_another_raised_meanwhile(cast: Cast):
    """The form still shows the old kind; its writer wished nothing of it."""
    post = cast.draft()
    cast.edit("marc", post, kind="launch")
    sent = filled(had_kind="routine", had_products="", had_topics="", text="Une correction.", seen="1")
    answer = enter(cast, "ines").post(reverse("compose_save", args=[post.pk]), sent)
    assert answer.status_code == 302
    assert fresh(post).kind == "launch"


def test_compose_refuses_a_lowering_at_its_field(cast: Cast):
    post = cast.draft(kind="launch")
    cast.edit("marc", post, text="Relu.")
    sent = filled(had_kind="launch", kind="routine", seen="2", text="Tapé avec soin.")
    answer = enter(cast, "ines").post(reverse("compose_save", args=[post.pk]), sent)
    assert answer.status_code == 403
    assert "Only somebody qualified" in at_field(answer.content.decode(), "kind")
    assert "Tapé avec soin." in answer.content.decode()


# --- Suggestions ----------------------------------------------------------------------------------
@pytest.mark.parametrize(("words", "light"), [("gestes", True), ("idées", False)])
def test_case_04_a_suggestion_is_accepted_its_maker_approves(cast: Cast, words: str, light: bool):
    post = cast.submitted(TYPO)
    nadia, ines = enter(cast, "nadia"), enter(cast, "ines")
    sent = nadia.post(
        reverse("review_comment", args=[post.pk]), {"quote": "geste", "suggestion": words, "place": "review"}
    )
    assert sent.status_code == 302
    one = Comment.objects.get()
    page = ines.get(reverse("edit_post", args=[post.pk])).content.decode()
    assert reverse("accept_suggestion", args=[one.pk]) in page
    assert ("may still approve" in page) is light
    assert nadia.post(reverse("accept_suggestion", args=[one.pk])).status_code == 403
    assert ines.post(reverse("accept_suggestion", args=[one.pk]), {"place": "edit_post"}).status_code == 302
    digest = fresh(post).revision.digest  # type: ignore[union-attr]
    said = nadia.post(reverse("decide", args=[post.pk]), {"decision": "approve", "digest": digest})
    assert (said.status_code, is_open(post)) == ((302, True) if light else (403, False))


def test_a_suggestion_that_cannot_be_made_comes_back(cast: Cast):
    post = cast.submitted(TYPO)
    answer = enter(cast, "nadia").post(
        reverse("review_comment", args=[post.pk]),
        {"quote": "rincer", "suggestion": "laver", "text": "Plutôt ?"},
    )
    assert answer.status_code == 422
    page = answer.content.decode()
    assert "This passage is not in the post" in page
    assert "Plutôt ?" in page


def test_a_suggestion_is_declined(cast: Cast):
    post = cast.submitted(TYPO)
    one = remark(cast.nadia, post.pk, Remark(quote="geste", suggestion="gestes"))
    assert enter(cast, "ines").post(reverse("decline_suggestion", args=[one.pk])).status_code == 302
    assert "kept the words" in enter(cast, "nadia").get(reverse("post", args=[post.pk])).content.decode()
    assert enter(cast, "stranger").post(reverse("decline_suggestion", args=[one.pk])).status_code == 404


def test_case_03_a_reviewer_is_warned_before_rewriting(cast: Cast):
    post = cast.submitted(TYPO)
    nadia, url = enter(cast, "nadia"), reverse("compose_save", args=[post.pk])
    warned = nadia.post(url, filled(text="Tout autre chose.", seen="1"))
    assert warned.status_code == 409
    page = warned.content.decode()
    assert "You can no longer approve this; Hugo" in page
    assert "Tout autre chose." in page
    assert fresh(post).revision.number == 1  # type: ignore[union-attr]
    assert nadia.post(url, filled(text="Tout autre chose.", seen="1", knowing="on")).status_code == 302
    digest = fresh(post).revision.digest  # type: ignore[union-attr]
    said = nadia.post(reverse("decide", args=[post.pk]), {"decision": "approve", "digest": digest})
    assert said.status_code == 403


def test_case_03_a_light_correction_warns_of_nothing(cast: Cast):
    post = cast.submitted(TYPO, options={"demo": {"language": "fr"}})
    slot = fresh(post).slot
    assert slot is not None
    sent = filled(text=TYPO.replace("geste", "gestes"), seen="1", slot=slot.isoformat())
    answer = enter(cast, "nadia").post(reverse("compose_save", args=[post.pk]), sent)
    assert answer.status_code == 302
    cast.say("nadia", post)
    assert is_open(post)


# --- Splitting ------------------------------------------------------------------------------------
def test_a_post_is_split_on_its_page(cast: Cast):
    cast.channel("console")
    post = cast.submitted(channels=["demo", "console"])
    client, url = enter(cast, "ines"), reverse("split_post", args=[post.pk])
    assert "Split by channel" in client.get(reverse("post", args=[post.pk])).content.decode()
    assert client.post(url, {}).status_code == 422
    assert client.post(url, {"channels": ["demo", "console"]}).status_code == 422
    answer = client.post(url, {"channels": ["console"]})
    part = Post.objects.latest("pk")
    assert answer.headers["Location"] == reverse("post", args=[part.pk])
    assert fresh(part).revision.content["channels"] == ["console"]  # type: ignore[union-attr]
    assert "Split by channel" not in client.get(reverse("post", args=[part.pk])).content.decode()
    assert enter(cast, "stranger").post(url, {"channels": ["demo"]}).status_code == 404


def test_case_13_a_look_alike_is_shown_and_stale(cast: Cast):
    post = cast.approved("La lampe d’Angola.")
    cast.edit("ines", post, text="La lampe d’Angоla\u200b.")
    assert not is_open(post)
    page = enter(cast, "nadia").get(reverse("review", args=[post.pk])).content.decode()
    assert "Cyrillic letter (U+043E)" in page
    assert "zero-width space (U+200B)" in page


def test_an_image_without_words_asks_on_the_page(cast: Cast):
    client, picture = enter(cast, "ines"), media(cast).pk
    sent = filled(text="", **with_picture(picture, "Un pied de laiton"))
    first = client.post(reverse("compose_submit"), sent, follow=True)
    assert "say which products the image shows" in at_field(first.content.decode(), "products")
    post = Post.objects.get()
    told = client.post(
        reverse("compose_submit", args=[post.pk]),
        {**sent, "no_products": "on", "had_kind": "routine", "seen": "1"},
    )
    assert told.status_code == 302
    assert fresh(post).state == "in_review"
