"""The lexicon finds what the public would read, however it is written, and nothing inside other words."""

from __future__ import annotations

from typing import Any

import pytest

from posts.lexicon import compiled, first_rules, fold, hits_in, parts_of, rule, tokens_of
from posts.models import RuleForm, no_content

pytestmark = pytest.mark.pure
WORDS, PATTERN = RuleForm.WORDS.value, RuleForm.PATTERN.value


def content(text: str = "", **more: Any) -> dict[str, Any]:
    return {**no_content(), "text": text, **more}


def found(text: str, words: str, form: str = WORDS) -> list[str]:
    """What of a text a rule finds, as written."""
    return [hit.words for hit in hits_in([rule(form, words, "launch")], content(text))]


def test_the_example_of_the_issue():
    rules = [rule(WORDS, text, "launch") for text in ("soldes", "-30 %", "code promo")]
    rules += [rule(WORDS, text, "topic:legal") for text in ("procès", "avocat")]
    rules += [rule(WORDS, "Lampe Aurore", "product:lampe-aurore")]
    hits = hits_in(rules, content("Soldes : la lampe AURORE à −30 %"))
    assert [(hit.facet, hit.words) for hit in hits] == [
        ("launch", "Soldes"),
        ("launch", "−30 %"),
        ("product:lampe-aurore", "lampe AURORE"),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "-30 %",
        "−30 %",
        "- 30 %",
        "-30%",
        "–30\u00a0%",
        "\u201130\u202f%",
        "－30％",
        "Jusqu’à -30 % !",
        "(-30 %)",
    ],
)
def test_minus_signs_and_spaces_of_every_kind(text: str):
    assert len(found(text, "-30 %")) == 1


@pytest.mark.parametrize("text", ["-300 %", "-1,30 %", "-30,5 %", "30 %", "130 %", "−3 0 %"])
def test_another_number_is_another_thing(text: str):
    assert found(text, "-30 %") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SOLDES !", "soldes"),
        ("les soldés", "soldes"),
        ("#soldes", "soldes"),
        ("soldes2026", "soldes"),
        ("_soldes_", "soldes"),
        ("sol\u200bdes", "soldes"),
        ("sol\u00addes", "soldes"),
        ("sоldes avec un о cyrillique", "soldes"),
        ("𝐬𝐨𝐥𝐝𝐞𝐬", "soldes"),
        ("le PROCES", "procès"),
        ("le proce\u0300s", "procès"),
        ("code\u00a0promo", "code promo"),
        ("code-promo", "code promo"),
        ("code   promo", "code promo"),
        ("code\npromo", "code promo"),
        ("#CodePromo", "code promo"),
        ("#LampeAuroreEnFin", "Lampe Aurore"),
        ("l'avocat", "avocat"),
        ("L’AVOCAT", "l'avocat"),
        ("une œuvre", "oeuvre"),
    ],
)
def test_written_another_way(text: str, words: str):
    assert len(found(text, words)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("avocats", "avocat"),
        ("un promoteur", "promo"),
        ("insoldes", "soldes"),
        ("#LampeAurores", "Lampe Aurore"),
        ("lampe bleue Aurore", "lampe Aurore"),
        ("", "soldes"),
    ],
)
def test_not_inside_a_word(text: str, words: str):
    assert found(text, words) == []


def test_the_words_are_told_as_written():
    assert found("Des SOLDES\u00a0monstres, et encore des soldés", "soldes") == ["SOLDES", "soldés"]


def test_the_same_words_have_the_same_key():
    hits = hits_in([rule(WORDS, "-30 %", "launch")], content("−30 %, oui, -30\u00a0% et - 30%"))
    assert {hit.key for hit in hits} == {"-30%"}
    assert len(hits) == 3


def test_a_networks_own_words_are_read_too():
    whole = content("un", options={"blog": {"title": "Grands soldes", "visibility": "soldes"}})
    assert [hit.where for hit in hits_in([rule(WORDS, "soldes", "launch")], whole)] == ["title:blog"]


def test_every_part_that_the_public_reads():
    whole = content(
        "un",
        variants={"demo": "deux"},
        thread=["trois", "quatre"],
        media=[{"alt": "cinq"}],
        link="https://maison.example/offre%20six/grands-soldes",
        options={"demo": {"content_warning": "sept", "visibility": "public"}},
    )
    assert [where for where, _text in parts_of(whole)] == [
        "text", "variants:demo", "thread:0", "thread:1", "alt:0", "link", "warning:demo",
    ]  # fmt: skip
    for words, where in [
        ("deux", "variants:demo"), ("quatre", "thread:1"), ("cinq", "alt:0"), ("offre six", "link"),
        ("soldes", "link"), ("sept", "warning:demo"),
    ]:  # fmt: skip
        assert [hit.where for hit in hits_in([rule(WORDS, words, "launch")], whole)] == [where]


def test_a_pattern_reads_the_folded_text():
    assert found("De −12,5 % à −20 %", r"-\s?\d{1,2}(?:,\d)?\s?%", PATTERN) == ["−12,5 %", "−20 %"]
    assert found("Un PROCÈS", "procès|litige", PATTERN) == ["PROCÈS"]
    assert found("Rien", r"x*", PATTERN) == [], "an empty match is none"


def test_a_pattern_that_gives_no_answer_in_time_counts_as_found():
    hits = hits_in([rule(PATTERN, r"(a|a)*$", "launch")], content("a" * 40 + "!"))
    assert [(hit.facet, hit.key) for hit in hits] == [("launch", "? (a|a)*$")]


def test_a_pattern_that_can_no_longer_be_read_counts_as_found():
    assert [hit.facet for hit in hits_in([rule(PATTERN, "(", "launch")], content("Bonjour"))] == ["launch"]
    assert hits_in([rule(PATTERN, "(", "launch")], content("")) == []


def test_every_index_of_a_folded_text_leads_back():
    text = "Œuvre ﬁne −30\u00a0%\u200b…"
    folded = fold(text)
    assert len(folded.text) == len(folded.at)
    assert list(folded.at) == sorted(folded.at)
    assert folded.text == "oeuvre fine -30 %..."


def test_a_new_brand_begins_with_its_products_and_words_of_sale_complaint_and_law():
    rules = first_rules({"lampe-aurore": "Lampe Aurore"})
    assert (WORDS, "Lampe Aurore", "product:lampe-aurore") in rules
    assert {facet for _form, _text, facet in rules} == {
        "product:lampe-aurore", "launch", "sensitive_reply", "topic:legal",
    }  # fmt: skip
    for form, text, _facet in rules:
        assert compiled(form, text)
        assert form == PATTERN or tokens_of(text)


@pytest.mark.parametrize(
    ("text", "facet"),
    [
        ("Grandes soldes d’été", "launch"),
        ("−15 % sur tout", "launch"),
        ("20 % off today", "launch"),
        ("À 49,90 €", "launch"),
        ("Only $30", "launch"),
        ("Une remise de 10 euros", "launch"),
        ("Nous traitons votre réclamation", "sensitive_reply"),
        ("You will get a refund", "sensitive_reply"),
        ("Notre avocat répondra", "topic:legal"),
        ("A lawsuit was filed", "topic:legal"),
    ],
)
def test_what_the_first_rules_find(text: str, facet: str):
    rules = [rule(*one) for one in first_rules({})]
    assert facet in {hit.facet for hit in hits_in(rules, content(text))}


@pytest.mark.parametrize(
    "text",
    [
        "Trois gestes pour nettoyer un abat-jour en lin sans le tacher : à sec, puis à l’eau tiède.",
        "Merci à l’atelier d’Angers : dix ans, et quarante mille lampes.",
        "Pourquoi nos pieds de lampe ne sont jamais tout à fait droits.",
        "Du linge sale se lave en famille.",
        "Rendez-vous de 9 h à 18 h, 10-12 rue des Lices.",
        "Our workshop is open. Come and see us.",
    ],
)
def test_what_the_first_rules_leave_alone(text: str):
    assert hits_in([rule(*one) for one in first_rules({})], content(text)) == []
