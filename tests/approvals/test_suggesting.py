"""Other words for a passage: what accepting them costs whoever suggested them, and when it costs nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.refusals import Forbidden, Invalid, NotHere, Refused, Stale
from approvals.inviting import link
from approvals.policy import PRESETS
from approvals.suggesting import accept, decline, light_among
from journal.models import Entry, Notice
from posts.commenting import Remark, remark
from posts.lifecycle import PostState
from posts.models import Comment, Contribution, Post
from posts.retouching import texts_in
from tests.casting import Cast, fresh, is_open, media

pytestmark = pytest.mark.django_db
TEXT = "Trois geste pour nettoyer un abat-jour."


def suggest(cast: Cast, who: str, post: Post, quote: str, words: str, **more: Any) -> Comment:
    return remark(cast.people[who], post.pk, Remark(quote=quote, suggestion=words, **more))


def text(post: Post) -> str:
    return str(fresh(post).revision.content["text"])  # type: ignore[union-attr]


def test_case_04_a_suggestion_is_accepted_and_its_maker_approves(cast: Cast):
    post = cast.submitted(TEXT)
    made = suggest(cast, "nadia", post, "nettoyer", "dépoussiérer")
    accept(cast.ines, made.pk)
    assert text(post) == "Trois geste pour dépoussiérer un abat-jour."
    with pytest.raises(Forbidden) as refusal:
        cast.say("nadia", post)
    assert refusal.value.code == "contributor"
    cast.say("hugo", post)
    assert is_open(post)


def test_case_04_a_light_correction_counts(cast: Cast):
    post = cast.submitted(TEXT)
    made = suggest(cast, "nadia", post, "geste", "gestes")
    assert light_among(fresh(post), [made]) == {made.pk}
    accept(cast.ines, made.pk)
    revision = fresh(post).revision
    assert revision is not None
    assert (revision.light, revision.created_by) == (True, cast.ines)
    assert not is_open(post), "it is a new digest and still needs approving"
    cast.say("nadia", post)
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_case_03_a_reviewer_rewrites_then_approves(cast: Cast):
    post = cast.submitted(TEXT)
    cast.edit("nadia", post, text="Trois gestes pour dépoussiérer un abat-jour.")
    with pytest.raises(Forbidden) as refusal:
        cast.say("nadia", post)
    assert refusal.value.code == "contributor"


def test_case_03_a_light_correction_counts(cast: Cast):
    post = cast.submitted(TEXT)
    cast.edit("nadia", post, text="Trois gestes pour nettoyer un abat-jour.")
    cast.say("nadia", post)
    assert fresh(post).lifecycle == PostState.SCHEDULED


@pytest.mark.parametrize("preset", ["agency", "regulated"])
def test_where_the_policy_does_not_allow_it_no_correction_is_light(cast: Cast, preset: str):
    cast.adopt(preset)
    post = cast.submitted(TEXT)
    made = suggest(cast, "nadia", post, "geste", "gestes")
    assert light_among(fresh(post), [made]) == set()
    accept(cast.ines, made.pk)
    with pytest.raises(Forbidden):
        cast.say("nadia", post)


def test_a_policy_that_loosens_later_makes_nothing_light(cast: Cast):
    cast.adopt("agency")
    post = cast.submitted(TEXT)
    accept(cast.ines, suggest(cast, "nadia", post, "geste", "gestes").pk)
    cast.adopt("team")
    with pytest.raises(Forbidden):
        cast.say("nadia", post)


def test_a_policy_that_tightens_later_makes_light_ones_count_as_writing(cast: Cast):
    post = cast.submitted(TEXT)
    accept(cast.ines, suggest(cast, "nadia", post, "geste", "gestes").pk)
    cast.adopt({**PRESETS["team"], "light_correction": False})
    with pytest.raises(Forbidden):
        cast.say("nadia", post)


def test_two_light_steps_do_not_make_another_word(cast: Cast):
    post = cast.submitted("La lampe verte est là.")
    accept(cast.ines, suggest(cast, "nadia", post, "verte", "varte").pk)
    accept(cast.ines, suggest(cast, "nadia", post, "varte", "carte").pk)
    with pytest.raises(Forbidden):
        cast.say("nadia", post)


def test_a_light_correction_and_then_a_rewriting(cast: Cast):
    post = cast.submitted(TEXT)
    cast.edit("nadia", post, text="Trois gestes pour nettoyer un abat-jour.")
    cast.edit("nadia", post, text="Quatre idées pour un abat-jour.")
    with pytest.raises(Forbidden):
        cast.say("nadia", post)


def test_a_correction_along_with_anything_else_is_not_light(cast: Cast):
    cast.channel("console")
    post = cast.submitted(TEXT)
    cast.edit("nadia", post, text="Trois gestes pour nettoyer un abat-jour.", channels=["demo", "console"])
    with pytest.raises(Forbidden):
        cast.say("nadia", post)


def test_the_author_s_own_correction_is_never_light(cast: Cast):
    post = cast.submitted(TEXT, author=cast.nadia)
    cast.edit("nadia", post, text="Trois gestes pour nettoyer un abat-jour.")
    with pytest.raises(Forbidden):
        cast.say("nadia", post)
    assert not Contribution.objects.filter(post=post, light=True).exists()


def test_a_second_account_of_the_author_corrects_nothing_lightly(cast: Cast):
    cast.member("nadia2", craft=3, company=3)
    link(cast.olga, cast.brand, cast.nadia, cast.people["nadia2"])
    post = cast.submitted(TEXT, author=cast.nadia)
    cast.people["nadia2"].refresh_from_db()
    cast.edit("nadia2", post, text="Trois gestes pour nettoyer un abat-jour.")
    assert not Contribution.objects.filter(post=post, light=True).exists()


# --- Making one -----------------------------------------------------------------------------------
def test_a_suggestion_changes_nothing_and_is_no_contribution(cast: Cast):
    post = cast.approved(TEXT)
    made = suggest(cast, "marc", post, "nettoyer", "laver", text="Plus court.")
    assert (made.place, made.suggestion, made.text) == ("text", "laver", "Plus court.")
    assert fresh(post).lifecycle == PostState.SCHEDULED
    assert not Contribution.objects.filter(user=cast.marc).exists()
    assert Notice.objects.filter(kind="suggestion.add", user=cast.ines).exists()
    assert "« nettoyer » → « laver »" in Entry.objects.get(verb="suggestion.add").personal.text


@pytest.mark.parametrize(
    ("quote", "words", "field", "code"),
    [
        ("", "laver", "quote", "no_such_passage"),
        ("rincer", "laver", "quote", "no_such_passage"),
        ("nettoyer", "nettoyer", "suggestion", "same_words"),
        ("e", "a", "quote", "passage_not_unique"),
        ("nettoyer", "a\x00b", "suggestion", "bad_comment"),
        ("nettoyer", "x" * 5001, "suggestion", "bad_comment"),
    ],
)
def test_what_cannot_be_suggested(cast: Cast, quote: str, words: str, field: str, code: str):
    post = cast.submitted(TEXT)
    with pytest.raises(Invalid) as refusal:
        suggest(cast, "nadia", post, quote, words)
    assert (refusal.value.code, set(refusal.value.fields)) == (code, {field})
    assert not Comment.objects.exists()


def test_the_database_wants_a_passage_too(cast: Cast):
    post = cast.submitted(TEXT)
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.create(post=post, revision=fresh(post).revision, author=cast.nadia, suggestion="x")
    made = remark(cast.nadia, post.pk, Remark("Bien."))
    with pytest.raises(IntegrityError), transaction.atomic():
        Comment.objects.filter(pk=made.pk).update(accepted_in=fresh(post).revision)
    connection.check_constraints()


@pytest.mark.parametrize(
    ("quote", "words", "place"),
    [("Ici", "Là", "variants:demo"), ("Et puis", "Ensuite", "thread:1"), ("dôme", "globe", "alt:0")],
)
def test_every_part_can_be_corrected(cast: Cast, quote: str, words: str, place: str):
    picture = media(cast)
    post = cast.submitted(
        TEXT, variants={"demo": "Ici même."}, thread=["Voilà.", "Et puis voici."],
        media=[{"id": picture.pk, "alt": "Une lampe à dôme blanc"}],
    )  # fmt: skip
    made = suggest(cast, "nadia", post, quote, words)
    assert made.place == place
    accept(cast.ines, made.pk)
    content = fresh(post).revision.content  # type: ignore[union-attr]
    got = dict(texts_in(content))[place]
    assert words in got
    assert quote not in got
    assert content["text"] == TEXT


def test_an_empty_suggestion_takes_the_passage_away(cast: Cast):
    post = cast.submitted(TEXT)
    accept(cast.ines, suggest(cast, "nadia", post, " pour nettoyer", "").pk)
    assert text(post) == "Trois geste un abat-jour."


# --- Answering one ----------------------------------------------------------------------------------
@pytest.mark.parametrize("who", ["nadia", "marc", "olga"])
def test_only_a_writer_accepts(cast: Cast, who: str):
    post = cast.submitted(TEXT)
    made = suggest(cast, "nadia", post, "geste", "gestes")
    with pytest.raises(Forbidden) as refusal:
        accept(cast.people[who], made.pk)
    assert refusal.value.code == "writers_only"
    assert text(post) == TEXT


def test_a_stranger_answers_nothing(cast: Cast):
    made = suggest(cast, "nadia", cast.submitted(TEXT), "geste", "gestes")
    for answer in (accept, decline):
        with pytest.raises(NotHere):
            answer(cast.stranger, made.pk)


def test_a_plain_comment_is_no_suggestion(cast: Cast):
    made = remark(cast.nadia, cast.submitted(TEXT).pk, Remark("Bien."))
    with pytest.raises(NotHere):
        accept(cast.ines, made.pk)


def test_declined_by_a_writer_or_taken_back_by_its_maker(cast: Cast):
    post = cast.submitted(TEXT)
    for who in ("ines", "nadia"):
        made = suggest(cast, "nadia", post, "geste", "gestes")
        row = decline(cast.people[who], made.pk)
        assert (row.settled_by, row.accepted_in) == (cast.people[who], None)
        with pytest.raises(Refused) as refusal:
            accept(cast.ines, made.pk)
        assert refusal.value.code == "already_settled"
    with pytest.raises(Forbidden):
        decline(cast.marc, suggest(cast, "nadia", post, "geste", "gestes").pk)
    assert Notice.objects.filter(kind="suggestion.decline", user=cast.nadia).count() == 1


def test_a_passage_that_changed_meanwhile(cast: Cast):
    post = cast.submitted(TEXT)
    made = suggest(cast, "nadia", post, "nettoyer", "laver")
    cast.edit("ines", post, text="Trois gestes pour un abat-jour.")
    with pytest.raises(Refused) as refusal:
        accept(cast.ines, made.pk)
    assert refusal.value.code == "passage_gone"
    assert light_among(fresh(post), [made]) == set()


def test_an_acceptance_on_a_stale_screen(cast: Cast):
    post = cast.submitted(TEXT)
    made = suggest(cast, "nadia", post, "nettoyer", "laver")
    cast.edit("ines", post, text=TEXT + " Fin.")
    with pytest.raises(Stale):
        accept(cast.ines, made.pk, seen=1)


def test_what_is_out_takes_no_suggestion(cast: Cast):
    post = cast.submitted(TEXT)
    made = suggest(cast, "nadia", post, "nettoyer", "laver")
    Post.objects.filter(pk=post.pk).update(state=PostState.PUBLISHED.value)
    for act in (lambda: suggest(cast, "nadia", post, "geste", "gestes"), lambda: accept(cast.ines, made.pk)):
        with pytest.raises(Refused) as refusal:
            act()
        assert refusal.value.code == "already_out"


def test_accepted_words_may_raise_a_facet(cast: Cast):
    post = cast.submitted(TEXT)
    accept(cast.ines, suggest(cast, "nadia", post, "nettoyer", "solder, en soldes,").pk)
    assert fresh(post).kind == "launch"


def test_the_maker_and_the_journal_are_told(cast: Cast):
    post = cast.submitted(TEXT)
    accept(cast.ines, suggest(cast, "nadia", post, "geste", "gestes").pk)
    assert Notice.objects.filter(kind="suggestion.accept", user=cast.nadia, post_id=post.pk).exists()
    data = Entry.objects.get(verb="suggestion.accept").data
    assert data == {"revision": 2, "by": cast.nadia.pk, "light": True}
