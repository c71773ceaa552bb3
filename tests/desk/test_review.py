"""Reviewing: what is shown, who may say what, and that nothing typed is lost when the bytes changed."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from approvals.models import Decision
from posts.lifecycle import PostState
from posts.models import Comment, Post
from tests.casting import ALT, Cast, age_decisions, digest_of, due, fresh, in_hours, media
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

HTMX = {"HX-Request": "true"}


def at(name: str, post: Post) -> str:
    return reverse(name, args=[post.pk])


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def words_of(answer: Any) -> str:
    """The page's text in one line, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", html_of(answer)))


def say(client: Client, post: Post, decision: str, **fields: str) -> Any:
    headers = fields.pop("headers", None)
    sent = {"decision": decision, "digest": digest_of(post), **fields}
    return client.post(at("decide", post), sent, headers=headers)  # type: ignore[arg-type]


def field(html: str, decision: str) -> str:
    """The digest that the page would send with a decision."""
    found = re.search(
        rf'<input type="hidden" name="digest" value="([0-9a-f]*)" [^>]*id="{decision}-digest"', html
    )
    assert found, decision
    return found.group(1)


# --- What is shown ---------------------------------------------------------------------------------
def test_the_page_shows_the_sealed_payload_with_the_description_of_its_image(cast: Cast):
    image = media(cast)
    post = cast.submitted("Une lampe.", media=[{"id": image.pk, "alt": ALT}])
    revision = fresh(post).revision
    assert revision is not None
    # A guess rendered anew would show the content, not what is sealed.
    revision.payloads["demo"]["body"]["parts"][0]["text"] = "Le texte scellé."
    revision.save(update_fields=["payloads"])
    html = html_of(enter(cast, "nadia").get(at("review", post)))
    assert "Le texte scellé." in html
    assert f'alt="{ALT}"' in html
    assert reverse("media_file", args=[image.sha256]) in html


def test_the_checklist_says_who_covers_who_could_and_that_you_could(cast: Cast):
    post = cast.submitted(kind="launch", products=[cast.lamp])
    cast.say("marc", post)
    answer = enter(cast, "nadia").get(at("review", post))
    kinds = {
        row["label"]: (row["covered_by"], row["missing"], row["viewer"]) for row in answer.context["rows"]
    }
    assert kinds["craft"] == (["Marc"], 0, None)
    assert kinds["company"] == ([], 1, "Nadia")
    assert kinds["Lampe Aurore"] == ([], 1, None)
    text = words_of(answer)
    assert "1 missing: you could" in text
    assert "1 missing: Sofia or Hugo could" in text
    assert re.search(r"If you approve, this remains: Lampe Aurore 2 \((Sofia|Hugo): asked\)\.", text)


def test_what_an_approval_would_change_when_everything_is_there(cast: Cast):
    post = cast.submitted()
    assert "If you approve, everything is there: it goes out" in words_of(
        enter(cast, "nadia").get(at("review", post))
    )
    assert "covers nothing that is" in words_of(enter(cast, "olga").get(at("review", post)))


def test_the_words_that_changed_since_somebody_read_it(cast: Cast):
    post = cast.submitted("Elle se lève en quelques minutes, en France.")
    cast.say("nadia", post, "request_changes", "Combien ?")
    cast.edit(
        "ines", post, text="Elle se lève en trente minutes, à Angers. Voir https://lampe.example/aurore"
    )
    html = html_of(enter(cast, "hugo").get(at("review", post)))
    assert "since revision 1, read by Nadia" in html
    assert re.search(r"<del>.*?quelques</del>", html)
    assert re.search(r"<ins>.*?trente</ins>", html)
    assert "New link:" in html


def test_a_reader_who_returns_sees_what_changed_since_their_own_reading(cast: Cast):
    post = cast.submitted("Un.")
    cast.say("marc", post)
    cast.edit("ines", post, text="Deux.")
    cast.say("nadia", post)
    cast.edit("ines", post, text="Trois.")
    marc = enter(cast, "marc").get(at("review", post)).context["proof"]
    hugo = enter(cast, "hugo").get(at("review", post)).context["proof"]
    assert (marc.base.number, hugo.base.number) == (1, 2)


def test_the_authors_own_word_is_no_reading(cast: Cast):
    post = cast.submitted("Un.")
    cast.say("ines", post, "request_changes", "Je me suis trompée.")
    cast.edit("ines", post, text="Deux.")
    assert enter(cast, "nadia").get(at("review", post)).context["proof"].base is None


def test_odd_characters_are_marked_and_named(cast: Cast):
    post = cast.submitted("Dans nоs boutiques, mai\u200bson.")
    html = html_of(enter(cast, "nadia").get(at("review", post)))
    assert "A character that looks like another." in html
    assert "Cyrillic letter (U+043E)" in html
    assert "zero-width space (U+200B)" in html
    assert re.search(r'<span class="odd" title="Cyrillic[^>]*>о', html)


def test_a_draft_has_nothing_to_decide_on(cast: Cast):
    post = cast.draft()
    answer = enter(cast, "nadia").get(at("review", post))
    assert answer.status_code == 302
    assert answer["Location"] == at("post", post)


def test_no_inline_style_or_script_and_one_headline(cast: Cast):
    html = html_of(enter(cast, "nadia").get(at("review", cast.submitted())))
    assert not re.search(r"\sstyle=|\son[a-z]+=\"", html)
    assert all("src=" in one for one in re.findall(r"<script([^>]*)>", html))
    assert html.count("<h1") == 1
    for key in ("a", "c", "r"):
        assert f'data-key="{key}"' in html


# --- Deciding ----------------------------------------------------------------------------------------
def test_approving_goes_on_to_the_next_item_and_then_to_the_desk(cast: Cast):
    first, second = (cast.submitted(f"Post {n}.", slot=in_hours(n + 1).isoformat()) for n in range(2))
    nadia = enter(cast, "nadia")
    answer = say(nadia, first, "approve")
    assert (answer.status_code, answer.url) == (302, at("review", second))
    assert fresh(first).lifecycle == PostState.SCHEDULED
    assert "Approved: “Post 0.” goes out" in html_of(nadia.get(answer.url))
    assert say(nadia, second, "approve").url == reverse("desk")


def test_with_htmx_the_last_decision_leads_to_the_desk_as_a_whole_page(cast: Cast):
    answer = say(enter(cast, "nadia"), cast.submitted(), "approve", headers=HTMX)  # type: ignore[arg-type]
    assert answer["HX-Redirect"] == reverse("desk")


def test_an_objection_takes_a_reason_and_a_sentence(cast: Cast):
    post, nadia = cast.submitted(), enter(cast, "nadia")
    answer = say(nadia, post, "request_changes", comment="Pas exact.")
    assert answer.status_code == 422
    html = html_of(answer)
    assert "Choose what it is about." in html
    assert "Pas exact.</textarea>" in html
    assert re.search(r'<details class="d-chg" name="[^"]*" open>', html)
    assert not Decision.objects.exists()
    assert say(nadia, post, "reject", motive="facts").status_code == 422
    assert say(nadia, post, "request_changes", comment="Pas exact.", motive="facts").status_code == 302
    assert fresh(post).lifecycle == PostState.CHANGES_REQUESTED
    assert Decision.objects.get().motive == "facts"


def test_bytes_that_changed_on_the_screen_are_not_approved(cast: Cast):
    post, nadia = cast.submitted("Avant midi."), enter(cast, "nadia")
    seen = field(html_of(nadia.get(at("review", post))), "approve")
    cast.edit("ines", post, text="Après midi.")
    answer = say(nadia, post, "approve", digest=seen)
    assert answer.status_code == 409
    html = html_of(answer)
    assert "Inès changed this post while you were reading it: revision 2 is there now." in html
    assert re.search(r"<del>.*?Avant</del>", html)
    assert not Decision.objects.exists()
    assert field(html, "approve") == digest_of(post) != seen
    assert say(nadia, post, "approve", digest=field(html, "approve")).status_code == 302


def test_what_was_typed_on_a_stale_screen_is_kept(cast: Cast):
    post, nadia = cast.submitted("Avant."), enter(cast, "nadia")
    seen = digest_of(post)
    cast.edit("ines", post, text="Après.")
    answer = say(nadia, post, "reject", digest=seen, motive="legal", comment="La loi l’interdit.")
    html = html_of(answer)
    assert answer.status_code == 409
    assert "La loi l’interdit.</textarea>" in html
    assert re.search(r'value="legal"[^>]*checked', html)
    assert re.search(r'<details class="d-no" name="[^"]*" open>', html)


def test_a_contributor_sees_why_and_has_no_button(cast: Cast):
    post = cast.submitted()
    cast.edit("nadia", post, text="Relu par Nadia.")
    html = html_of(enter(cast, "nadia").get(at("review", post)))
    assert "your approval cannot count for it" in html
    assert "Hugo could" in html
    assert 'data-key="a"' not in html
    forced = say(enter(cast, "nadia"), post, "approve")
    assert forced.status_code == 403
    assert "Other eyes must read it." in html_of(forced)
    assert not Decision.objects.exists()


def test_an_author_is_not_offered_to_judge_themselves(cast: Cast):
    html = html_of(enter(cast, "ines").get(at("review", cast.submitted())))
    assert "your approval cannot count" in html
    assert '<details class="d-' not in html
    assert at("decide", Post.objects.get()) not in html
    assert at("edit_post", Post.objects.get()) in html


def test_an_opinion_without_expertise_is_recorded_as_advice(cast: Cast):
    post, olga = cast.submitted(), enter(cast, "olga")
    assert "recorded as advice" in html_of(olga.get(at("review", post)))
    answer = say(olga, post, "approve")
    assert answer.status_code == 302
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    seen = enter(cast, "nadia").get(at("review", post)).context["said"][0]
    assert (seen.weight.standing, seen.decision.user) == ("", cast.olga)


def test_ones_own_decision_can_be_withdrawn(cast: Cast):
    post, nadia = cast.approved(), enter(cast, "nadia")
    html = html_of(nadia.get(at("review", post)))
    assert "You approved." in html
    assert 'data-key="a"' not in html
    answer = say(nadia, post, "withdraw")
    assert (answer.status_code, answer.url) == (302, at("review", post))
    assert fresh(post).lifecycle == PostState.IN_REVIEW
    assert 'data-key="a"' in html_of(nadia.get(at("review", post)))


def test_an_approval_that_no_longer_counts_says_why(cast: Cast):
    post = cast.submitted()
    cast.say("marc", post)
    age_decisions(post, timedelta(days=46))
    said = enter(cast, "nadia").get(at("review", post)).context["said"][0]
    assert said.weight.sentence == "No longer counts: an approval of this kind of post lives 45\u00a0days."
    cast.edit("ines", post, text="Autre chose.")
    said = enter(cast, "nadia").get(at("review", post)).context["said"][0]
    assert said.weight.sentence == "No longer counts: it was given on revision 1, and the post has changed."


def test_a_decision_that_is_none_is_refused_and_shown(cast: Cast):
    post = cast.submitted()
    answer = say(enter(cast, "nadia"), post, "bless")
    assert answer.status_code == 422
    assert "Select a valid choice" in html_of(answer)
    assert not Decision.objects.exists()


def test_deciding_is_a_post_and_needs_its_token(cast: Cast):
    post = cast.submitted()
    assert enter(cast, "nadia").get(at("decide", post)).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(cast.nadia)
    assert say(strict, post, "approve").status_code == 403
    assert not Decision.objects.exists()


@pytest.mark.parametrize("name", ["review", "decide", "review_comment"])
def test_another_brands_post_is_not_there(cast: Cast, name: str):
    post = cast.submitted()
    stranger = enter(cast, "stranger")
    answer = stranger.get(at(name, post)) if name == "review" else say(stranger, post, "approve", text="x")
    if name == "review_comment":
        answer = stranger.post(at(name, post), {"text": "x"})
    assert answer.status_code == 404
    assert not Decision.objects.exists()
    assert not Comment.objects.exists()


# --- The queue -----------------------------------------------------------------------------------
def test_the_queue_is_for_those_who_could(cast: Cast):
    cast.submitted("Un post.")
    answer = enter(cast, "nadia").get(reverse("review_queue"))
    assert [row.title for row in answer.context["queue"].rows] == ["Un post."]
    assert "You could: everything" in html_of(answer)
    assert "Nothing waits for your opinion." in html_of(enter(cast, "ines").get(reverse("review_queue")))


def test_the_page_knows_its_place_in_the_queue(cast: Cast):
    posts = [cast.submitted(f"Post {n}.", slot=in_hours(n + 1).isoformat()) for n in range(3)]
    answer = enter(cast, "nadia").get(at("review", posts[1]))
    assert (answer.context["place"], answer.context["total"]) == (2, 3)
    html = html_of(answer)
    assert re.search(rf'href="{at("review", posts[2])}" data-key="j"', html)
    assert re.search(rf'href="{at("review", posts[0])}" data-key="k"', html)


# --- Comments --------------------------------------------------------------------------------------
def test_a_comment_is_kept_and_shown_without_deciding(cast: Cast):
    post = cast.submitted("Une lampe en laiton.")
    answer = enter(cast, "ines").post(at("review_comment", post), {"text": "Vu ?", "quote": "en laiton"})
    assert (answer.status_code, answer["Location"]) == (302, f"{at('review', post)}#comments")
    html = html_of(enter(cast, "nadia").get(at("review", post)))
    assert "Vu ?" in html
    assert "on “en laiton”" in html
    assert fresh(post).lifecycle == PostState.IN_REVIEW


def test_with_htmx_only_the_comments_come_back(cast: Cast):
    post = cast.submitted()
    answer = enter(cast, "nadia").post(at("review_comment", post), {"text": "Bien."}, headers=HTMX)
    html = html_of(answer)
    assert answer.status_code == 200
    assert html.lstrip().startswith('<section class="block" id="comments"')
    assert "Bien." in html
    assert "<h1" not in html


def test_an_empty_comment_is_refused_and_a_comment_on_words_that_are_not_there_too(cast: Cast):
    post, nadia = cast.submitted(), enter(cast, "nadia")
    assert nadia.post(at("review_comment", post), {"text": " "}, headers=HTMX).status_code == 422
    answer = nadia.post(at("review_comment", post), {"text": "Ici.", "quote": "absent"})
    assert answer.status_code == 422
    assert "This passage is not in the post" in html_of(answer)
    assert "Ici.</textarea>" in html_of(answer)
    assert not Comment.objects.exists()


def test_a_post_whose_slot_has_passed_says_so(cast: Cast):
    post = cast.submitted()
    due(post, late=timedelta(hours=3))
    assert "its slot has passed: it needs another one." in html_of(
        enter(cast, "nadia").get(at("review", post))
    )
