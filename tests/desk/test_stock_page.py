"""Templates and ready words: their page, and what compose makes of them."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from approvals import stocking
from cm_queue.desk.compose_stock import PIECES_SHOWN, TEMPLATES_SHOWN
from posts.models import Post, Snippet
from tests.casting import Cast, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import at_field, enter, filled

pytestmark = pytest.mark.django_db
STOCK, ADD, COMPOSE = reverse("compose_stock"), reverse("compose_stock_add"), reverse("compose")


def page(client: Client, url: str = STOCK) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def template(cast: Cast, **more: Any) -> Snippet:
    said: Any = {
        "name": "De retour",
        "whole": True,
        "text": "[produit] revient.",
        "channels": ["demo"],
        **more,
    }
    return stocking.add(cast.olga, cast.brand, said)


def piece(cast: Cast, **more: Any) -> Snippet:
    said: Any = {"name": "Horaires", "text": "Du mardi\nau samedi.", **more}
    return stocking.add(cast.olga, cast.brand, said)


def sent(**more: Any) -> dict[str, Any]:
    return {"what": "template", "name": "Annonce", "text": "[produit] arrive.", "kind": "routine", **more}


# --- The list ---------------------------------------------------------------------------------------
def test_an_empty_stock_teaches(cast: Cast):
    html = page(enter(cast, "ines"))
    assert "Nothing is kept ready yet." in html
    assert "the sentence you have typed ten times" in html
    assert "ask " in html and ADD not in html  # noqa: PT018
    assert "Marc" in html
    assert ADD in page(enter(cast, "marc"))


def test_the_list_says_what_is_for_what(cast: Cast):
    template(cast, products=[cast.lamp], kind="launch")
    piece(cast)
    html = page(enter(cast, "ines"))
    assert "1 template to begin a post with." in html
    assert "to fill in: [produit]" in html
    assert "Lampe Aurore" in html
    assert html.index("De retour") < html.index("Horaires")
    assert f"{COMPOSE}?template=" in html


def test_somebody_adds_one_and_everybody_finds_it(cast: Cast):
    answer = enter(cast, "marc").post(
        ADD, sent(channels=["demo"], topics="Legal, presse", link="https://x.example/")
    )
    assert (answer.status_code, answer["Location"]) == (302, STOCK)
    row = Snippet.objects.get()
    assert (row.whole, row.channels, row.topics, row.link) == (
        True,
        ["demo"],
        ["legal", "presse"],
        "https://x.example/",
    )
    assert list(row.writers.all()) == [cast.marc]
    assert "Annonce" in page(enter(cast, "ines"))
    assert enter(cast, "marc").post(ADD, sent(what="piece", name="Fin", channels=["demo"])).status_code == 302
    assert Snippet.objects.get(name="Fin").channels == []


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "de RETOUR"}, "name"),
        ({"text": ""}, "text"),
        ({"what": "piece", "text": "x" * 1001}, "text"),
        ({"topics": "pas_un"}, "topics"),
        ({"channels": ["nowhere"]}, "channels"),
    ],
    ids=["nameless", "taken", "empty", "long piece", "topic", "channel"],
)
def test_what_is_wrong_comes_back_with_what_was_typed(cast: Cast, more: dict[str, Any], field: str):
    template(cast)
    answer = enter(cast, "marc").post(ADD, sent(link="https://kept.example/", **more))
    html = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert 'value="https://kept.example/"' in html
    assert f'id="stock-{field}_error"' in html
    assert Snippet.objects.count() == 1


def test_only_keepers_keep(cast: Cast):
    row = piece(cast)
    client = enter(cast, "ines")
    assert client.post(ADD, sent()).status_code == 403
    assert (
        client.post(reverse("compose_stock_change", args=[row.pk]), {"name": "x", "text": "x"}).status_code
        == 403
    )
    assert client.post(reverse("compose_stock_away", args=[row.pk])).status_code == 403
    html = page(client, reverse("compose_stock_change", args=[row.pk]))
    assert "au samedi." in html
    assert "<textarea" not in html
    assert Snippet.objects.get().retired_at is None


def test_another_brands_is_not_there(cast: Cast):
    row = template(cast)
    client = enter(cast, "stranger")
    for name in ("compose_stock_change", "compose_stock_away"):
        assert client.post(reverse(name, args=[row.pk]), sent()).status_code == 404
    assert client.get(reverse("compose_stock_change", args=[row.pk])).status_code == 404
    assert client.get(f"{COMPOSE}?template={row.pk}").status_code == 404
    assert "De retour" not in page(client)


# --- One of them --------------------------------------------------------------------------------------
def test_it_is_changed_and_put_away(cast: Cast):
    row = template(cast)
    client, url = enter(cast, "nadia"), reverse("compose_stock_change", args=[row.pk])
    html = page(client, url)
    assert 'name="what"' not in html
    assert "written by Olga" in html
    assert client.post(url, sent(seen="1", name="Retour")).status_code == 302
    row.refresh_from_db()
    assert (row.name, row.text, row.version) == ("Retour", "[produit] arrive.", 2)
    assert client.post(reverse("compose_stock_away", args=[row.pk])).status_code == 302
    assert "Retour" not in page(client).split("</h1>")[1]
    assert "Put away" in page(client, url)
    again = client.post(reverse("compose_stock_away", args=[row.pk]))
    assert again.status_code == 409
    assert "put away already" in again.content.decode()


def test_the_later_of_two_sees_what_is_there_and_keeps_what_they_typed(cast: Cast):
    row = template(cast)
    client, url = enter(cast, "nadia"), reverse("compose_stock_change", args=[row.pk])
    stocking.change(cast.marc, row.pk, {"text": "[produit] : le voilà."})
    answer = client.post(url, sent(seen="1", text="Ma version.", channels=["demo"]))
    html = unescape(answer.content.decode())
    assert answer.status_code == 412
    assert "Ma version." in html
    assert "le voilà" in html
    assert "Marc" in html
    seen = re.search(r'name="seen" value="(\d+)"', html)
    assert seen is not None
    assert seen[1] == "2"
    assert client.post(url, sent(seen="2", text="Ma version.", channels=["demo"])).status_code == 302
    row.refresh_from_db()
    assert (row.text, row.channels) == ("Ma version.", ["demo"])


def test_a_piece_has_its_words_only(cast: Cast):
    row = piece(cast)
    url = reverse("compose_stock_change", args=[row.pk])
    html = page(enter(cast, "marc"), url)
    assert 'name="kind"' not in html
    assert (
        enter(cast, "marc").post(url, {"name": "Horaires", "text": "Fermé.", "seen": "1"}).status_code == 302
    )
    row.refresh_from_db()
    assert (row.text, row.whole) == ("Fermé.", False)


# --- In compose ---------------------------------------------------------------------------------------
def test_compose_offers_templates_and_pieces(cast: Cast):
    row, words = template(cast), piece(cast)
    html = page(enter(cast, "ines"), f"{COMPOSE}?slot={in_hours(30).isoformat().replace('+', '%2B')}")
    assert re.search(rf'href="\?template={row.pk}&slot=[^"]+"', html), "the slot that was asked for is kept"
    assert f'data-put-in="piece-{words.pk}"' in html
    assert 'class="piece" id="piece-' in html
    assert "js/put_in.js" in html
    post = cast.draft()
    html = page(enter(cast, "ines"), reverse("edit_post", args=[post.pk]))
    assert "data-put-in" in html
    assert "?template=" not in html


def test_without_any_compose_says_nothing_of_them(cast: Cast):
    html = page(enter(cast, "ines"), COMPOSE)
    assert "?template=" not in html
    assert "put_in.js" not in html


def test_a_post_begins_with_a_template(cast: Cast):
    row = template(
        cast,
        kind="launch",
        products=[cast.lamp],
        topics=["legal"],
        link="https://x.example/",
        text="[produit] !",
    )
    client = enter(cast, "ines")
    html = page(client, f"{COMPOSE}?template={row.pk}")
    assert "Begun with “De retour”." in html
    assert "[produit] is yours to fill in." in html
    assert "Olga wrote it" in html
    assert ">\n[produit] !</textarea>" in html
    for name, value in (("kind", "launch"), ("channels", "demo"), ("products", cast.lamp)):
        assert re.search(rf'<input[^>]*name="{name}" value="{value}"[^>]*checked', html), name
    assert 'value="https://x.example/"' in html
    assert 'value="legal"' in html
    assert "[produit]” still stands there" in at_field(html, "text")
    assert not re.search(r'<textarea[^>]*name="text"[^>]*aria-invalid', html), (
        "not a mistake, only not done yet"
    )
    assert f'name="template" value="{row.pk}"' in html


def test_it_is_saved_with_its_gap_and_not_submitted(cast: Cast):
    row = template(cast)
    client = enter(cast, "ines")
    answer = client.post(reverse("compose_submit"), filled(text=row.text, template=str(row.pk)), follow=True)
    post = Post.objects.get()
    assert (post.state, post.gaps) == ("draft", ["[produit]"])
    html = unescape(answer.content.decode())
    assert "Saved as a draft, not submitted: 1 point to settle first." in html
    assert "[produit]” still stands there" in at_field(html, "text")
    assert re.search(r'<textarea[^>]*name="text"[^>]*aria-invalid', html)
    answer = client.post(
        reverse("compose_submit", args=[post.pk]),
        filled(text="La lampe revient.", seen="1", had_kind="routine"),
    )
    assert answer.status_code == 302
    post.refresh_from_db()
    assert post.state == "in_review"


def test_the_preview_knows_the_gaps_and_the_form_remembers_the_template(cast: Cast):
    row = template(cast)
    client = enter(cast, "ines")
    data = filled(text="Le [produit] bleu.", template=str(row.pk))
    html = unescape(client.post(reverse("compose_preview"), data).content.decode())
    assert "[produit]” still stands there" in at_field(html, "text")
    assert f'name="template" value="{row.pk}"' in html
    data = filled(text="Le [produit] bleu.")
    assert "still stands there" not in unescape(
        client.post(reverse("compose_preview"), data).content.decode()
    )


def test_one_put_away_while_the_page_was_open_still_counts(cast: Cast):
    row = template(cast)
    stocking.put_away(cast.olga, row.pk)
    client = enter(cast, "ines")
    assert client.get(f"{COMPOSE}?template={row.pk}").status_code == 404
    assert (
        client.post(reverse("compose_save"), filled(text=row.text, template=str(row.pk))).status_code == 302
    )
    assert Post.objects.get().gaps == ["[produit]"]


@pytest.mark.parametrize("asked", ["x", "-1", "0", "9" * 30, "999999"])
def test_an_address_without_such_a_template(cast: Cast, asked: str):
    assert enter(cast, "ines").get(f"{COMPOSE}?template={asked}").status_code == 404
    saved = enter(cast, "ines").post(reverse("compose_save"), filled(template=asked))
    assert saved.status_code == 302, "nothing typed is lost over it"
    assert Post.objects.get().gaps == []


def test_it_counts_against_whoever_wrote_it_before_it_is_saved(cast: Cast):
    """Of those who could approve a routine post alone, Nadia is gone when the template is hers."""
    mine = stocking.add(
        cast.nadia, cast.brand, {"name": "À elle", "whole": True, "text": "Bonjour.", "channels": ["demo"]}
    )
    theirs = template(cast, text="Bonjour.")

    def asked(row: Snippet) -> str:
        return (
            page(enter(cast, "ines"), f"{COMPOSE}?template={row.pk}")
            .split('id="h-yes"')[1]
            .split("</section>")[0]
        )

    assert "Nadia" in asked(theirs)
    assert "Nadia" not in asked(mine)


# --- However many ---------------------------------------------------------------------------------------
def _many(cast: Cast, numbers: range) -> None:
    for n in numbers:
        template(cast, name=f"Modèle {n:03}")
        piece(cast, name=f"Texte {n:03}")


@pytest.mark.parametrize("url", [STOCK, COMPOSE])
def test_queries_do_not_grow(cast: Cast, url: str):
    client = enter(cast, "marc")
    client.get(url)
    counts = []
    for numbers in (range(3), range(3, 30)):
        _many(cast, numbers)
        with CaptureQueriesContext(connection) as made:
            page(client, url)
        counts.append(len(made))
    assert counts[0] == counts[1]


def test_a_long_list_is_paged_and_compose_shows_the_first(cast: Cast):
    _many(cast, range(35))
    client = enter(cast, "ines")
    first = page(client)
    assert "Modèle 029" in first
    assert "Modèle 030" not in first
    assert "35 templates to begin a post with." in first
    assert "Texte 000" in page(client, f"{STOCK}?page=2")
    html = page(client, COMPOSE)
    assert html.count("?template=") == TEMPLATES_SHOWN
    assert html.count("data-put-in=") == PIECES_SHOWN
    assert "All of them" in html
