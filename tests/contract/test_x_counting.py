"""Counting as X counts: its published cases, and texts of every kind around the limit."""

from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.base import Content
from adapters.x import X
from adapters.x_counting import length, links

pytestmark = [pytest.mark.contract, pytest.mark.pure]

FAMILY = "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466"
TEN = "xxxxxxxxxx-"
CJK = "あいうえおかきくけこ"
SUBDIVISION = "\U0001f3f4\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
PUNCTUATION = "This is a tweet with general punctuation characters: " + "".join(
    map(chr, range(0x2000, 0x200C))
)
PUNCTUATION += " ‐ ‑ ‒ – — ― ‖  ‗ ‘ ’ ‚ ‛ “ ” „ ‟ ′ ″ ‴ ‵ ‶ ‷"
CHURCHILL = (
    "A lie gets halfway around the world before the truth has a chance to get its pants on."
    " Winston Churchill (1874-1965) http://bit.ly/dJpywL"
)

# twitter/twitter-text, conformance/validate.yml: WeightedTweetsWithDiscountedEmojiCounterTest,
# UnicodeDirectionalMarkerCounterTest, and of WeightedTweetsCounterTest what does not depend on emoji.
PUBLISHED = [
    ("Hi http://test.co", 26),
    ("http://test.co", 23),
    ("285 chars-" + TEN * 25, 285),
    ("285 chars- http://www.twitter.com/jack " + TEN * 24, 299),
    (TEN * 24 + " http://www.twitter.com/jack ", 289),
    ("https://www.twitter.com/aloha " * 10, 240),
    ("故" * 160, 320),
    ("😷" * 160, 320),
    ("the" + "人" * 160, 323),
    ("A\u0301B", 2),
    ("A\u05e9\u05bc\u05c1", 4),
    ("282 chars-" + TEN * 24 + "xxxxxA\u0301x", 281),
    (f"H🐱☺{FAMILY}", 7),
    ("😷👾😡🔥💩", 10),
    ("\U0001f64b\U0001f3fd\U0001f468\u200d\U0001f3a4", 4),
    (PUNCTUATION, 110),
    ("randomurlrandomurlrandomurlrandomurlrandomurlrandomurlrandomurls.com", 68),
    (CJK * 12 + f" http://{CJK * 5}あいう.com", 358),
    (CJK * 12 + f" http://{CJK * 5}あい.com", 264),
    (FAMILY * 140, 280),
    (f"Unicode 10.0 emoji: 🤪; 🧕; 🧕🏾; {SUBDIVISION}", 34),
    ("Unicode 9.0 emoji: 🤠; 💃; 💃🏾", 29),
    ("ABC\u202a\uffffABC\ufffe", 12),
    ("\u2066\u202ahttp://foobar.پاکستان/\u202c\u2069", 31),
    # `lengths`, with the weights of today.
    ("This is a test.", 15),
    ("https://test.com", 23),
    ("test.com", 23),
    ("Test https://test.com test https://test.com test.com test", 86),
    ("저찀쯿쿿", 8),
]


@pytest.mark.parametrize(("text", "weight"), PUBLISHED)
def test_the_published_cases(text: str, weight: int):
    assert length(text) == weight


@pytest.mark.parametrize(
    "text", ["I am a Tweet", CHURCHILL, CHURCHILL.replace("e", "é"), "の" * 140, "\U0001f431" * 140]
)
def test_the_published_valid_ones(text: str):
    assert X.validate(Content(text), {}) == []


@pytest.mark.parametrize("text", [f"{CHURCHILL} {CHURCHILL}", f"{CHURCHILL}\n{CHURCHILL}", "の" * 141])
def test_the_published_invalid_ones(text: str):
    assert [problem.code for problem in X.validate(Content(text), {})] == ["too_long"]


@pytest.mark.parametrize(
    ("text", "weight"),
    [
        ("e\u0301te\u0301", 3),
        ("français, œuvre, 60 €", 22),
        ("Noël à l’atelier", 16),
        ("العربية", 7),
        ("עברית", 5),
        ("日本語", 6),
        ("zéro\u200bchasse", 11),
        ("\u200e\u200f", 4),
        ("🇫🇷🇯🇵", 4),
        ("1\ufe0f\u20e3#\ufe0f\u20e3", 4),
        ("©", 1),
        ("©\ufe0f", 2),
        ("❤\ufe0f", 2),
        ("\U0001f469\u200d\u2764\ufe0f\u200d\U0001f48b\u200d\U0001f468", 2),
        ("3.14", 4),
        ("M. Dupont", 9),
        ("maison.lumiere", 14),
        ("ami@maison.fr", 13),
        ("(https://maison.fr/a_(b))", 25),
        ("https://maison.fr/été.", 24),
        ("https://t.co/abc/def", 27),
        ("日本example.com", 27),
        ("http://a_b.example.com", 23),
        ("http://-a.example", 17),
    ],
)
def test_what_else_a_brand_writes(text: str, weight: int):
    assert length(text) == weight


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize(
    ("unit", "each"),
    [("x", 1), ("é", 1), ("故", 2), (FAMILY, 2), ("🇫🇷", 2), ("ש", 1), ("\u200b", 1), ("’", 1)],
)
def test_the_limit_is_weighted(unit: str, each: int, off: int):
    text = unit * (270 // each)
    text += "." * (280 + off - length(text))
    assert X.count(Content(text), {})[0].used == 280 + off
    problems = X.validate(Content(text), {})
    assert [problem.code for problem in problems] == (["too_long"] if off > 0 else [])
    assert [problem.params["over"] for problem in problems] == ([1] if off > 0 else [])


def test_every_part_of_a_thread_is_counted():
    content = Content("a", thread=("b" * 281, "c"), link="https://maison-lumiere.example.com/x")
    assert [count.used for count in X.count(content, {})] == [1 + 2 + 23, 281, 1]
    assert [(one.code, one.field, one.params["part"]) for one in X.validate(content, {})] == [
        ("too_long", "thread", 2)
    ]


def test_where_the_links_are():
    text = "Voir maison.fr et https://maison.fr/a?b=1, pas ami@maison.fr"
    assert [text[start:end] for start, end in links(text)] == ["maison.fr", "https://maison.fr/a?b=1"]


@pytest.mark.parametrize(
    "text", ["a." * 50_000, "ab." * 30_000, "故" * 90_000 + ".", "http://a.fr/" + "a(" * 40_000]
)
def test_a_text_without_end_is_counted_too(text: str):
    assert length(text) > 280


# --- What it costs --------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "cost"),
    [
        (Content("Bonjour"), "0.015"),
        (Content("Voir https://maison.fr"), "0.200"),
        (Content("Voir maison.fr"), "0.200"),
        (Content("Voir", link="https://maison.fr"), "0.200"),
        (Content("Un", thread=("Deux", "maison.fr")), "0.230"),
    ],
)
def test_the_price_is_known_before_approval(content: Content, cost: str):
    assert X.price(content, {}) == Decimal(cost)
    assert X.price(content, {"price_usd": "1", "price_with_link_usd": "1"}) == 1 + len(content.thread)
