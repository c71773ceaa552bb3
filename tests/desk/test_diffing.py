"""Diffs by word, links, and the characters that a reader does not see or takes for others. No database."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import translation

from cm_queue.desk.diffing import changes, links_in, words
from cm_queue.desk.spotting import marked, oddities, spot

pytestmark = pytest.mark.pure


@pytest.fixture(autouse=True)
def in_english() -> Any:
    with translation.override("en"):
        yield


def payload(text: str, *media: dict[str, str], **body: Any) -> dict[str, Any]:
    return {
        "network": "demo",
        "channel": "demo",
        "body": {"parts": [{"text": text, "media": list(media)}], **body},
    }


def test_whole_words_change_and_the_texts_can_be_put_together_again():
    old, new = "tourné en France, en quelques minutes", "tourné à Angers, en trente minutes"
    found = words(old, new)
    assert (-1, "quelques") in found
    assert (1, "trente") in found
    assert "".join(text for op, text in found if op <= 0) == old
    assert "".join(text for op, text in found if op >= 0) == new


@pytest.mark.parametrize(
    ("old", "new"), [("", "Un"), ("Un", ""), ("", ""), ("a" * 9, "👨‍👩‍👧 b"), ("é", "e\u0301")]
)
def test_any_two_texts_have_a_diff(old: str, new: str):
    found = words(old, new)
    assert "".join(text for op, text in found if op >= 0) == new


def test_links_are_found_with_and_without_a_scheme_but_not_addresses_or_typing_errors():
    text = "Voir https://a.example/x?b=1, maison.example/aurore. (www.b.example) joe@c.example fin.Le 3.5"
    assert links_in(text) == ["https://a.example/x?b=1", "maison.example/aurore", "www.b.example"]


def test_a_cyrillic_letter_in_a_latin_word_is_named():
    (odd,) = spot("dans nоs boutiques")
    assert (odd.at, odd.name, odd.word) == (6, "Cyrillic letter (U+043E)", "nоs")


@pytest.mark.parametrize(
    ("char", "name"),
    [
        ("\u200b", "zero-width space (U+200B)"),
        ("\u202e", "mark that turns the direction of reading (U+202E)"),
        ("\u2066", "mark that turns the direction of reading (U+2066)"),
        ("\ufeff", "byte order mark, invisible (U+FEFF)"),
        ("\u00ad", "soft hyphen, invisible (U+00AD)"),
        ("\x07", "control character (U+0007)"),
    ],
)
def test_what_cannot_be_seen_is_shown_by_its_number(char: str, name: str):
    pieces = marked([(0, f"mai{char}son")])
    assert pieces == [(0, "mai"), ("odd", name[-7:-1], name), (0, "son")]


@pytest.mark.parametrize(
    "text", ["👨‍👩‍👧", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "Всё хорошо", "Ελλάδα", "déjà\u00a0vu\u202f!", "नमस्‍ते", "a\nb\tc"]
)
def test_honest_characters_are_left_alone(text: str):
    assert spot(text) == []


def test_a_whole_word_in_disguise_is_found_in_a_latin_text_only():
    assert [odd.word for odd in spot("une сор bleue")] == ["сор"] * 3
    assert spot("новая сор") == []


def test_letters_of_decoration_are_named():
    assert oddities(["𝐛on"])[0].title == "A character that looks like another."


def test_the_same_oddity_is_said_once():
    assert len(oddities(["nоs nоs", "nоs"])) == 1


def test_an_odd_character_inside_an_added_passage_stands_apart():
    assert marked([(0, "a "), (-1, "x\u200b"), (1, "nоs")]) == [
        (0, "a "), (-1, "x\u200b"), (1, "n"), ("odd", "о", "Cyrillic letter (U+043E)"), (1, "s"),
    ]  # fmt: skip


def test_everything_the_public_would_notice_is_a_change():
    old = {"demo": payload("Prix 10", {"sha256": "a", "alt": "Une lampe"}, visibility="public")}
    new = {
        "demo": payload(
            "Prix 12 https://x.example", {"sha256": "b", "alt": "Deux lampes"}, visibility="unlisted"
        ),
        "log": payload("Prix 12"),
    }
    found = changes(old, new, {"demo": "Démo", "log": "Journal"})
    assert [one.where for one in found.texts] == ["Text · Démo", "Description of image 1 · Démo"]
    assert found.remarks == [
        "Démo · Another image.",
        "Démo · visibility: public → unlisted",
        "Journal · Channel added.",
    ]
    assert found.new_links == ["https://x.example"]


def test_the_same_change_on_two_channels_is_shown_once():
    old = {key: payload("Un") for key in ("a", "b")}
    new = {key: payload("Deux") for key in ("a", "b")}
    assert [one.where for one in changes(old, new, {}).texts] == ["Text"]


def test_the_same_bytes_are_no_change():
    same = {"demo": payload("Un")}
    assert not changes(same, same, {})


def test_what_one_network_alone_is_told_is_compared_too():
    def on_the_blog(title: str) -> dict[str, Any]:
        return {"blog": {**payload("Bonjour.", title=title, status="publish"), "network": "wordpress"}}

    found = changes(on_the_blog("La lampe Aurore"), on_the_blog("La l\u0430mpe Aurore"), {"blog": "Blog"})
    (one,) = found.texts
    assert "Headline" in one.where
    assert not changes(on_the_blog("Lampe"), on_the_blog("Lampe"), {"blog": "Blog"})
