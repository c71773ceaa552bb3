from __future__ import annotations

import pytest

from adapters.reading import folded, text_of, without_links

pytestmark = pytest.mark.pure


def test_html_is_read_as_a_person_would_except_for_links():
    html = (
        '<p>Bonjour <a href="https://x.org/@ami" class="u-url mention">@<span>ami</span></a>'
        '<br />&amp; <a href="https://a.org/une/longue?x=1&amp;y=2"><span class="invisible">https://</span>'
        '<span class="ellipsis">a.org/une</span><span class="invisible">/longue?x=1&amp;y=2</span></a></p>'
        '<p><a href="/tags/Aurore" class="mention hashtag">#<span>Aurore</span></a></p>'
    )
    source = "Bonjour @ami@x.org\n& https://a.org/une/longue?x=1&y=2\n\n#Aurore"
    assert folded(text_of(html)) == folded(source)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://A.org/x/", "https://a.org/x"),
        ("https://a.org/%C3%A9", "https://a.org/é"),
        ("https://élan.org/", "https://xn--lan-9la.org"),
        ("https://a.org:443/x", "https://a.org/x"),
        ("a  b\n\nc", "a b c"),
        ("@ami@x.org", "@ami"),
        ("e\u0301", "é"),
    ],
)
def test_what_servers_respell_is_the_same(one: str, other: str):
    assert folded(one) == folded(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://a.org/x", "https://a.org/y"),
        ("https://a.org/x?a=1", "https://a.org/x?a=2"),
        ("https://a.org/X", "https://a.org/x"),
        ("Oui", "oui"),
        ("a\u200bb", "ab"),
        ("@ami", "@amie"),
        ("Prix : 60 €", "Prix : 80 €"),
    ],
)
def test_everything_else_differs(one: str, other: str):
    assert folded(one) != folded(other)


def test_blanked_links_tell_a_rewritten_link_from_another_post():
    assert without_links("voir https://a.org/x") == without_links("voir https://t.org/1")
    assert without_links("voir https://a.org/x") != without_links("lire https://a.org/x")


@pytest.mark.parametrize(
    "html", ["", "<p>", "<a href>x", "&#0;&lt;", "<a href='https://[broken'>x</a>", "<<<>>>", "\ud800"]
)
def test_broken_html_is_read_without_complaint(html: str):
    assert isinstance(folded(text_of(html)), str)
