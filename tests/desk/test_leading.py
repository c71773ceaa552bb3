"""The addresses of a post: what is odd about them, and where they lead when somebody asks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape

import pytest
from django.core.cache import cache
from django.urls import reverse

from adapters.tracing import Trace
from cm_queue.desk.leading import Lead, host_of, keep, kept, signs_of
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.casting import in_english as in_english  # noqa: PLC0414
from tests.desk.entering import enter

INSIDE = "https://127.0.0.1:9/secret"


@pytest.fixture(autouse=True)
def _nothing_kept() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


@pytest.mark.usefixtures("in_english")
@pytest.mark.parametrize(
    ("url", "sign"),
    [
        ("https://bit.ly/x", "shortened"),
        ("www.bit.ly/x", "shortened"),
        ("https://www.mаison.example/", "www.xn--mison-4ve.example"),
        ("https://xn--mison-4ve.example/", "another alphabet"),
        ("http://192.168.0.1/x", "a number"),
        ("https://[2001:db8::1]/x", "a number"),
        ("http://shop.example/", "not encrypted"),
        ("https://maison.example@evil.example/", "the site is evil.example"),
    ],
    ids=["short", "short with www", "cyrillic", "punycode", "number", "v6", "plain", "at"],
)
def test_what_is_odd_about_an_address(url: str, sign: str):
    assert any(sign in one for one in signs_of(url)), signs_of(url)


@pytest.mark.parametrize(
    "url", ["https://maison.example/x", "www.maison.example", "maison.example", "https://["]
)
def test_an_ordinary_address_is_not_remarked_upon(url: str):
    assert signs_of(url) == []


def test_the_same_site_with_and_without_www_is_the_same():
    here = Lead("maison.example", "maison.example", False, [], Trace("https://www.maison.example/", 1))
    there = Lead("maison.example", "maison.example", False, [], Trace("https://evil.example/", 1))
    assert (here.elsewhere, there.elsewhere) == (False, True)
    assert host_of("https://user:pw@Maison.example:8443/x") == "maison.example"


def test_the_page_asks_nobody_and_a_press_asks_but_nothing_private(cast: Cast):
    post = cast.submitted(f"Voyez {INSIDE} et http://nulle-part.invalid/x", kind="routine")
    nadia = enter(cast, "nadia")
    page = unescape(nadia.get(reverse("review", args=[post.pk])).content.decode())
    assert "Where do they lead?" in page
    assert "private network" not in page
    asked = nadia.post(reverse("review_links", args=[post.pk]), headers={"HX-Request": "true"})
    html = unescape(asked.content.decode())
    assert html.lstrip().startswith('<section class="leads" id="leads"')
    assert "It leads into a private network" in html
    assert "There is no site of that name" in html
    assert "Where do they lead?" not in html, "there is nothing left to ask"
    # The next reader sees what was answered; without a script the whole page comes back.
    assert set(kept([INSIDE])) == {INSIDE}
    hugo = enter(cast, "hugo")
    assert "private network" in hugo.get(reverse("review", args=[post.pk])).content.decode()
    whole = hugo.post(reverse("review_links", args=[post.pk]))
    assert (whole.status_code, b"<h1>" in whole.content) == (200, True)


def test_where_it_leads_is_shown_with_the_site_apart(cast: Cast):
    post = cast.submitted("Voyez https://bit.ly/3xLin")
    keep({"https://bit.ly/3xLin": Trace("https://evil.example/<b>", 2)})
    html = enter(cast, "nadia").get(reverse("review", args=[post.pk])).content.decode()
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", unescape(html).replace("<b>", "")))
    assert "leads to another site: evil.example" in text
    assert "https://evil.example/&lt;b&gt;" in html


def test_a_link_that_came_since_the_last_reading_is_marked(cast: Cast):
    post = cast.submitted("Voyez https://maison.example/un")
    cast.say("nadia", post, "request_changes", "Un autre.")
    cast.edit("ines", post, text="Voyez https://maison.example/un et https://maison.example/deux")
    answer = enter(cast, "nadia").get(reverse("review", args=[post.pk]))
    assert [(one.shown, one.new) for one in answer.context["leads"]] == [
        ("https://maison.example/un", False),
        ("https://maison.example/deux", True),
    ]


def test_only_members_ask(cast: Cast):
    post = cast.submitted("https://maison.example/")
    url = reverse("review_links", args=[post.pk])
    assert enter(cast, "stranger").post(url).status_code in {403, 404}
    assert enter(cast, "nadia").get(url).status_code == 405
