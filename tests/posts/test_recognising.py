"""When two texts are the same, and when nearly."""

from __future__ import annotations

import pytest

from posts.recognising import ALIKE, likeness, words_of_text

LINEN = "Trois gestes pour nettoyer un abat-jour en lin sans le tacher."


@pytest.mark.parametrize(
    "other",
    [
        LINEN.upper(),
        f"  {LINEN}\n",
        "Trois gestes pour nettoyer un abat jour en lin — sans le tacher !",
        f"{LINEN} https://maison.example/lin?utm=1",
    ],
    ids=["case", "blanks", "punctuation", "link"],
)
def test_the_same_words_are_the_same_text(other: str):
    assert likeness(words_of_text(LINEN), words_of_text(other)) == 1.0


def test_accents_do_not_make_another_text():
    assert words_of_text("Été à Noël") == words_of_text("ete a noel")


def test_a_word_more_is_nearly_the_same_and_another_order_too():
    for other in (
        LINEN.replace("gestes", "gestes simples"),
        "Sans le tacher : trois gestes pour nettoyer un abat-jour en lin.",
    ):
        assert ALIKE <= likeness(words_of_text(LINEN), words_of_text(other)) < 1.0


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (LINEN, "Trois gestes pour choisir une ampoule qui dure."),
        ("Merci à tous !", "Merci à vous !"),
        ("", ""),
        ("", LINEN),
        ("💡💡", "✨"),
    ],
)
def test_another_text_is_another(one: str, other: str):
    assert likeness(words_of_text(one), words_of_text(other)) < ALIKE
