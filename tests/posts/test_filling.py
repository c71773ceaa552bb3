"""What a template leaves open: which brackets are gaps, and where one that was left is found."""

from __future__ import annotations

from typing import Any

import pytest

from approvals.reviewing import draft, submit
from posts import drafting, splitting
from posts.filling import gaps_in, left_in, unfilled
from posts.models import Post, Snippet, no_content
from tests.casting import Cast, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414

GAPS = ["[produit]", "[jour]"]


def content(**parts: Any) -> dict[str, Any]:
    return {**no_content(), **parts}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[produit] arrive le [jour], oui, [produit].", ["[produit]", "[jour]"]),
        ("[nom du produit]", ["[nom du produit]"]),
        ("Lire [la notice](https://x.example/) et [1], [2026], [], [ ].", []),
        ("[deux\nlignes] et [trop " + "long " * 20 + "]", []),
        ("[[produit]]", ["[produit]"]),
        ("Rien.", []),
    ],
)
def test_a_gap_is_a_few_words_between_brackets(text: str, found: list[str]):
    assert gaps_in(text) == found


@pytest.mark.parametrize(
    ("parts", "places"),
    [
        ({"text": "Le [jour] venu."}, ["text"]),
        ({"text": "Le [JOUR] venu."}, ["text"]),
        ({"text": "Le ［jour］ venu."}, ["text"]),
        ({"text": "Le [jo\u200bur] venu."}, ["text"]),
        ({"text": "Le jour venu, [ici]."}, []),
        ({"link": "https://x.example/%5Bjour%5D"}, ["link"]),
        ({"thread": ["Un.", "Le [jour]."]}, ["thread:1"]),
        ({"media": [{"alt": "[jour]"}]}, ["alt:0"]),
        ({"text": "x", "variants": {"demo": "[jour]"}, "channels": ["demo"]}, ["variants:demo"]),
        ({"text": "x", "variants": {"demo": "[jour]"}, "channels": ["fil"]}, []),
        ({"text": "[jour]", "variants": {"demo": "Lundi."}, "channels": ["demo"]}, []),
        ({"text": "[jour]", "variants": {"demo": "Lundi."}, "channels": ["demo", "fil"]}, ["text"]),
        ({"options": {"demo": {"content_warning": "[jour]"}}, "channels": ["demo"]}, ["warning:demo"]),
        (
            {"options": {"demo": {"title": "[jour]", "language": "[jour]"}}, "channels": ["demo"]},
            ["title:demo"],
        ),
    ],
)
def test_a_gap_is_found_wherever_the_public_would_read_it(parts: dict[str, Any], places: list[str]):
    assert [place for _gap, place in left_in(GAPS, content(**parts))] == places


def test_a_post_without_a_template_may_say_anything_in_brackets():
    assert list(left_in([], content(text="[produit]"))) == []


def test_each_is_a_problem_at_its_field():
    parts = content(
        text="[produit]", variants={"demo": "[jour]"}, channels=["demo", "fil"],
        options={"demo": {"content_warning": "[jour]", "title": "[jour]"}},
    )  # fmt: skip
    found = [(one.code, one.field, one.channel) for one in unfilled(GAPS, parts)]
    assert found == [
        ("gap_left", "text", ""),
        ("gap_left", "text", "demo"),
        ("gap_left", "content_warning", "demo"),
        ("gap_left", "title", "demo"),
    ]


# --- On the way of a post ---------------------------------------------------------------------------
def begun(cast: Cast, **more: Any) -> Post:
    row = Snippet.objects.create(
        brand=cast.brand, name="De retour", whole=True, text="[produit] revient.", changed_by=cast.olga
    )
    said: Any = {"text": row.text, "template": row.pk, "channels": ["demo"], "slot": in_hours(2).isoformat()}
    return draft(cast.ines, cast.brand, said | more)


def problems(post: Post) -> list[str]:
    return [one.code for one in drafting.problems_in(fresh(post))]


@pytest.mark.django_db
def test_the_gaps_stay_those_it_began_with(cast: Cast):
    post = begun(cast)
    Snippet.objects.update(text="Bonjour [ville].")
    assert problems(post) == ["gap_left"]
    cast.edit("ines", post, text="[ville]")
    assert problems(post) == []
    cast.edit("ines", post, text="Encore [produit].", template=10**6)
    assert problems(post) == ["gap_left"], "put back by hand, and no other template is taken up later"


@pytest.mark.django_db
def test_a_clone_and_a_split_have_the_same_gaps(cast: Cast):
    cast.channel("fil")
    post = begun(cast, channels=["demo", "fil"])
    assert problems(drafting.clone(cast.ines, post)) == ["gap_left"]
    assert problems(splitting.split(cast.ines, fresh(post), ["fil"])) == ["gap_left"]


@pytest.mark.django_db
def test_a_gap_put_back_in_review_waits_for_a_correction(cast: Cast):
    post = submit(cast.ines, begun(cast, text="La lampe revient.").pk)
    cast.edit("ines", post, text="[produit] revient.")
    assert fresh(post).state == "changes_requested"
