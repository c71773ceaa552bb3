"""What lists call a post."""

from __future__ import annotations

import pytest

from posts.models import Post, Revision
from posts.titling import title_of


def called(text: str, length: int = 96, **content: object) -> str:
    post = Post(pk=7)
    post.revision = Revision(content={"text": text, **content})
    return title_of(post, length)


def test_a_post_is_called_by_its_first_sentence_else_by_its_first_words():
    assert called("Nos lampes se réparent toutes. Depuis toujours.") == "Nos lampes se réparent toutes."
    assert called("Oui.\n\nToutes   nos lampes") == "Oui. Toutes nos lampes"
    assert called("un deux trois quatre", 12) == "un deux…"
    assert called("x" * 20, 12) == "x" * 11 + "…"


@pytest.mark.parametrize("text", ["Le mot\u00a0: «\u00a0opaline\u00a0»", "Et pourquoi, demandez-vous\u202f?"])
def test_the_spaces_that_french_keeps_are_kept(text: str):
    """Seen: lines that began with a colon, or ended with «."""
    assert called(text) == text
    assert called(f"{text} Une suite assez longue pour ne pas tenir dans un titre.", 40).startswith(text)


def test_a_post_without_a_text_is_called_by_what_its_picture_shows_or_its_number():
    assert called(" ", media=[{"alt": "Une lampe."}]) == "Une lampe."
    assert "7" in called("")
