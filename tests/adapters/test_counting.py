from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.counting import graphemes, length

pytestmark = pytest.mark.pure

LINK = 23


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", 0),
        ("Bonjour", 7),
        ("été", 3),
        ("e\u0301te\u0301", 3),
        ("👨‍👩‍👧‍👦", 1),
        ("🇫🇷🇬🇧", 2),
        ("👍🏽", 1),
        ("a\nb", 3),
        ("https://a.org", LINK),
        ("https://maison-lumiere.com/" + "x" * 300, LINK),
        ("voir https://a.org.", 5 + LINK + 1),
        ("(https://a.org/b)", 1 + LINK + 1),
        ("https://a.org/wiki/Lampe_(objet)", LINK),
        ("https://a.org/b?c=d&e=f#g", LINK),
        ("https://a.org/é", LINK),
        ("https://élan.org/", LINK),
        ("https://a.org https://b.org", LINK * 2 + 1),
        ("http://a.org:8080/x", LINK),
        ("HTTPS://A.ORG/X", LINK),
        ("https://xn--lan-9la.org/x", LINK),
        ("xhttps://a.org", 14),
        ("a.org/x", 7),
        ("https://localhost/x", 19),
        ("https://", 8),
        ("@ami", 4),
        ("@ami@ailleurs.org", 4),
        ("bonjour @ami@ailleurs.org !", 8 + 4 + 2),
        ("@ami@ailleurs.org.", 4 + 1),
        ("courriel@maison.com", 19),
        ("https://a.org/@ami@ailleurs.org", LINK),
        ("@a.b-c@d.org", 6),
        ("#MaisonLumière", 14),
    ],
)
def test_as_mastodon_counts(text: str, expected: int):
    assert length(text) == expected


def test_the_warning_counts_in_full_even_a_link():
    assert length("abc", "https://maison-lumiere.com/aurore") == 3 + 33


def test_what_a_link_counts_is_the_instances_to_say():
    assert length("https://a.org", per_link=30) == 30


@given(st.text(max_size=200))
def test_a_text_without_links_or_mentions_counts_what_is_seen(text: str):
    plain = text.replace("@", "").replace("//", "")
    assert length(plain) == graphemes(plain)


@given(st.text(alphabet="ab@./:()?=&https-_#é ", max_size=400))
def test_no_text_takes_for_ever_or_counts_below_nothing(text: str):
    assert length(text) >= 0


@pytest.mark.parametrize(
    "text",
    ["https://a.org/" + "(" * 20_000, "https://a.org/" + "." * 20_000, "@" + "a." * 20_000, "@a" * 20_000],
)
def test_hostile_texts_are_counted_too(text: str):
    assert length(text) > 0
