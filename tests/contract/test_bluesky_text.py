"""Bluesky's reading of a text: graphemes as Unicode counts them, facets by the bytes of UTF-8."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.base import Content
from adapters.bluesky import Bluesky
from adapters.bluesky_text import as_record, facets, is_handle, size
from tests.contract.farside import CHANNEL

pytestmark = [pytest.mark.contract, pytest.mark.pure]

# Graphemes after Unicode's text segmentation (UAX 29, extended clusters), as `unicode-segmenter`, which the
# PDS counts with, and `Intl.Segmenter` do; bytes after UTF-8.
GRAPHEMES = [
    pytest.param("", 0, 0, id="nothing"),
    pytest.param("abc", 3, 3, id="latin"),
    pytest.param("é", 1, 2, id="composed"),
    pytest.param("e\u0301", 1, 3, id="decomposed"),
    pytest.param("e\u0301\u0323\u0308", 1, 7, id="three combining marks"),
    pytest.param("\r\n", 1, 2, id="a line break of two"),
    pytest.param("\n\n", 2, 2, id="two line breaks"),
    pytest.param("👍🏽", 1, 8, id="a skin tone"),
    pytest.param("👨‍👩‍👧‍👦", 1, 25, id="a family"),
    pytest.param("🧑🏽‍🚀", 1, 15, id="a profession with a skin tone"),
    pytest.param("🏳️‍🌈", 1, 14, id="the rainbow flag"),
    pytest.param("🇫🇷", 1, 8, id="a flag"),
    pytest.param("🇫🇷🇩🇪", 2, 16, id="two flags"),
    pytest.param("🇫🇷🇩", 2, 12, id="a flag and half of one"),
    pytest.param("🏴󠁧󠁢󠁳󠁣󠁴󠁿", 1, 28, id="Scotland, of tags"),
    pytest.param("1️⃣", 1, 7, id="a keycap"),
    pytest.param("❤️", 1, 6, id="a heart with a variation selector"),
    pytest.param("각", 1, 3, id="a Hangul syllable"),
    pytest.param("\u1100\u1161\u11a8", 1, 9, id="the same of jamo"),
    pytest.param("क्ष", 1, 9, id="a Devanagari conjunct"),
    pytest.param("நி", 1, 6, id="Tamil with a vowel sign"),
    pytest.param("กำ", 1, 6, id="Thai"),
    pytest.param("שָׁלוֹם", 4, 14, id="Hebrew with points"),
    pytest.param("مُحَمَّد", 4, 16, id="Arabic with vowels"),
    pytest.param("日本語", 3, 9, id="Japanese"),
    pytest.param("が", 1, 3, id="kana"),
    pytest.param("か\u3099", 1, 6, id="kana and its mark"),
    pytest.param("a\u200bb", 3, 5, id="a zero-width space counts"),
    pytest.param("a\u200db", 2, 5, id="a joiner hangs on to what is before it"),
    pytest.param("\u202eabc\u202c", 5, 9, id="direction marks count"),
    pytest.param("Z͑ͫ̓ͪ̂ͫ̽͏̴̙̤̞͉͚̯̞̠͍A", 2, None, id="Zalgo"),
]


@pytest.mark.parametrize(("text", "graphemes", "weight"), GRAPHEMES)
def test_lengths(text: str, graphemes: int, weight: int | None):
    assert size(text) == (graphemes, weight if weight is not None else len(text.encode()))


def cut(text: str) -> list[tuple[str, str, str]]:
    """Kind, the words the bytes cut out of the text, and the value, of each facet."""
    raw = text.encode()
    return [(one.kind, raw[one.start : one.end].decode(), one.value) for one in facets(text)]


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("https://a.example", ["https://a.example"]),
        ("Voir https://a.example/x.", ["https://a.example/x"]),
        ("Voir https://a.example/x… et après", ["https://a.example/x"]),
        ("(https://a.example/x)", ["https://a.example/x"]),
        ("https://fr.wikipedia.org/wiki/Lampe_(objet)", ["https://fr.wikipedia.org/wiki/Lampe_(objet)"]),
        (
            "(voir https://fr.wikipedia.org/wiki/Lampe_(objet)).",
            ["https://fr.wikipedia.org/wiki/Lampe_(objet)"],
        ),
        ("« https://a.example/x »", ["https://a.example/x"]),
        ("«https://a.example/x»", ["https://a.example/x"]),
        ("“https://a.example/x”", ["https://a.example/x"]),
        ("日本語https://a.example/あ。次", ["https://a.example/あ"]),
        ("زوروا https://a.example/x، ثم", ["https://a.example/x"]),
        ("\u2067https://a.example/x\u2069", ["https://a.example/x"]),
        ("https://a.example/?q=1&r=%C3%A9#fin!", ["https://a.example/?q=1&r=%C3%A9#fin"]),
        ("HTTPS://A.EXAMPLE/x", ["HTTPS://A.EXAMPLE/x"]),
        ("https://a.example/x\nhttps://b.example/y", ["https://a.example/x", "https://b.example/y"]),
        ("https://a.example\u200bsuite", ["https://a.example"]),
        ("https://münchen.example/", ["https://münchen.example/"]),
        ("xhttps://a.example", []),
        ("https://", []),
        ("https://localhost/x", []),
        ("https://[broken", []),
        ("ftp://a.example javascript:alert(1) rapport.pdf a.example", []),
    ],
)
def test_links(text: str, links: list[str]):
    assert cut(text) == [("link", link, link) for link in links]


@pytest.mark.parametrize(
    ("text", "handles"),
    [
        ("@ami.bsky.social", ["ami.bsky.social"]),
        ("Merci @ami.bsky.social.", ["ami.bsky.social"]),
        ("(@ami.bsky.social)", ["ami.bsky.social"]),
        ("@Ami.Bsky.Social", ["ami.bsky.social"]),
        ("@ami.bsky.social’s", ["ami.bsky.social"]),
        ("@xn--mnchen-3ya.example @a-b.c-d.example", ["xn--mnchen-3ya.example", "a-b.c-d.example"]),
        ("@ami", []),
        ("@ami@mastodon.social", []),
        ("@ami.social@mastodon.social", []),
        ("lumiere@maison.example", []),
        ("@@ami.bsky.social", []),
        ("@-ami.example @ami..example @ami.123 @.ami.example", []),
        ("@ami.bsky.social_x", []),
        ("https://medium.example/@ami.bsky.social", None),
    ],
)
def test_mentions(text: str, handles: list[str] | None):
    found = cut(text)
    if handles is None:
        assert [kind for kind, _words, _value in found] == ["link"]
        return
    assert [(kind, value) for kind, _words, value in found] == [("mention", handle) for handle in handles]
    assert all(words.lower() == f"@{value}" for _kind, words, value in found)


@pytest.mark.parametrize(
    ("text", "tags"),
    [
        ("#Aurore", ["Aurore"]),
        ("Une #lampe, puis #lumière!", ["lampe", "lumière"]),
        ("#été2026", ["été2026"]),
        ("#日本語 #العربية #עברית #हिन्दी", ["日本語", "العربية", "עברית", "हिन्दी"]),
        ("＃日本語", ["日本語"]),
        ("#🔆", ["🔆"]),
        ("#a-b_c", ["a-b_c"]),
        ("##double", ["#double"]),
        ("#" + "a" * 64, ["a" * 64]),
        ("#" + "a" * 65, []),
        ("#" + "🇫🇷" * 64, ["🇫🇷" * 64]),
        ("#" + "🇫🇷" * 65, []),
        ("#" + "e\u0323\u0302\u0308\u0301\u0300" * 60, []),
        ("#zéro\u200blargeur", ["zéro"]),
        ("#1 #2026 #", []),
        ("#!? #️⃣", []),
        ("x#tag (#tag)", []),
        ("https://a.example/#fin", None),
    ],
)
def test_hashtags(text: str, tags: list[str] | None):
    found = cut(text)
    if tags is None:
        assert [kind for kind, _words, _value in found] == ["link"]
        return
    assert [(kind, value) for kind, _words, value in found] == [("tag", tag) for tag in tags]


MIXED = (
    "👨‍👩‍👧‍👦 Noël chez @ami.bsky.social — 日本語 https://a.example/été?x=1 שלום #lumière\n"
    "e\u0301té العربية (https://b.example/(x)) 🇫🇷 @deux.example, #फूल 한국어 #fin."
)


def test_facets_over_mixed_scripts():
    assert cut(MIXED) == [
        ("mention", "@ami.bsky.social", "ami.bsky.social"),
        ("link", "https://a.example/été?x=1", "https://a.example/été?x=1"),
        ("tag", "#lumière", "lumière"),
        ("link", "https://b.example/(x)", "https://b.example/(x)"),
        ("mention", "@deux.example", "deux.example"),
        ("tag", "#फूल", "फूल"),
        ("tag", "#fin", "fin"),
    ]


_FILLING = st.sampled_from(
    [
        "Noël",
        "日本語",
        "العربية",
        "שלום",
        "👨‍👩‍👧‍👦",
        "🇫🇷",
        "e\u0301",
        "\u200b",
        "«\u00a0x\u00a0»",
        "…",
        "\n",
        "हिन्दी",
        "(",
        ")",
    ]
)
_CLICKABLE = st.sampled_from(
    ["https://a.example/é?x=1", "@ami.bsky.social", "#lumière", "#日本語", "https://b.example/(x)", "#فن"]
)


@given(st.lists(st.one_of(_FILLING, _CLICKABLE), max_size=30))
def test_facets_come_round_by_their_bytes_whatever_stands_between(words: list[str]):
    """Each word that can be clicked, white space around it, is cut out whole, and in its order."""
    text = " ".join(words)
    raw = text.encode()
    found = facets(text)
    assert [raw[one.start : one.end].decode() for one in found] == [
        word for word in words if word[0] in "h@#"
    ]
    assert all(one.end <= after.start for one, after in pairwise(found))


@given(st.text(max_size=200))
def test_any_text_at_all_has_facets_that_cut_between_characters(text: str):
    payload = Bluesky.render(Content(text), CHANNEL, {})
    raw = payload.body["parts"][0]["text"].encode()
    end = 0
    for one in payload.body["facets"][0]:
        assert end <= one["start"] < one["end"] <= len(raw)
        raw[one["start"] : one["end"]].decode()
        end = one["end"]


def test_the_network_receives_dids_and_a_mention_of_nobody_is_plain_text():
    found = [one.as_json() for one in facets("@ami.bsky.social @personne.example #x https://a.example/")]
    sent = as_record(found, {"ami.bsky.social": "did:plc:abc"})
    assert sent == [
        {
            "index": {"byteStart": 0, "byteEnd": 16},
            "features": [{"$type": "app.bsky.richtext.facet#mention", "did": "did:plc:abc"}],
        },
        {
            "index": {"byteStart": 35, "byteEnd": 37},
            "features": [{"$type": "app.bsky.richtext.facet#tag", "tag": "x"}],
        },
        {
            "index": {"byteStart": 38, "byteEnd": 56},
            "features": [{"$type": "app.bsky.richtext.facet#link", "uri": "https://a.example/"}],
        },
    ]


@pytest.mark.parametrize(
    ("handle", "good"),
    [
        ("maison-lumiere.bsky.social", True),
        ("a.co", True),
        ("8.cn", True),
        ("john..test", False),
        ("jo@hn.test", False),
        ("john.0", False),
        ("-john.test", False),
        ("john", False),
        ("a" * 64 + ".test", False),
        ("a." * 126 + "fr", False),
    ],
)
def test_handles_are_domain_names(handle: str, good: bool):
    """Cases of https://atproto.com/specs/handle."""
    assert is_handle(handle) is good
