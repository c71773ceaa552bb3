from __future__ import annotations

import pytest

from adapters.base import Content, MediaItem
from adapters.demo import Demo
from adapters.mastodon import Mastodon
from adapters.validating import texts, tidy

pytestmark = pytest.mark.pure

LIMITS = Mastodon.default_limits


def image(**changes: object) -> MediaItem:
    values = {
        "sha256": "a" * 64,
        "mime": "image/png",
        "alt": "Une lampe.",
        "width": 800,
        "height": 600,
        "size": 9000,
    }
    return MediaItem(**{**values, **changes})  # type: ignore[arg-type]


def codes(content: Content, **limits: object) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in Mastodon.validate(content, {**LIMITS, **limits})]


def test_a_good_post_has_no_problem():
    options = {"visibility": "unlisted", "language": "fr-CA", "content_warning": "Rappel"}
    assert (
        codes(Content("Bonjour", (image(),), link="https://a.org/", thread=("Suite",), options=options)) == []
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (Content(""), ("empty", "text")),
        (Content(" \n "), ("empty", "text")),
        (Content("a", thread=("",)), ("empty", "thread")),
        (Content("x" * 501), ("too_long", "text")),
        (Content("a", thread=("x" * 501,)), ("too_long", "thread")),
        (Content("x" * 490, link="https://a.org/"), ("too_long", "text")),
        (Content("a\x00b"), ("control_character", "text")),
        (Content("a", thread=("b\x1b[0m",)), ("control_character", "thread")),
        (Content("a", link="a.org"), ("link_invalid", "link")),
        (Content("a", link="javascript:alert(1)"), ("link_invalid", "link")),
        (Content("a", link="https://[broken"), ("link_invalid", "link")),
        (Content("a", (image(alt=""),)), ("alt_missing", "alt")),
        (Content("a", (image(alt=" \n"),)), ("alt_missing", "alt")),
        (Content("a", (image(alt="x" * 1501),)), ("alt_too_long", "alt")),
        (Content("a", (image(mime="image/tiff"),)), ("media_type", "media")),
        (Content("a", (image(size=16_777_217),)), ("media_too_large", "media")),
        (Content("a", (image(width=10_000, height=4_000),)), ("media_too_many_pixels", "media")),
        (Content("a", (image(),) * 5), ("media_too_many", "media")),
        (Content("a", options={"visibility": "direct"}), ("visibility_unknown", "visibility")),
        (Content("a", options={"language": "français"}), ("language_unknown", "language")),
        (Content("a", options={"content_warning": "\x07"}), ("control_character", "content_warning")),
    ],
)
def test_each_problem_is_named_at_its_field(content: Content, expected: tuple[str, str]):
    assert codes(content) == [expected]


def test_an_image_alone_is_a_post():
    assert codes(Content("", (image(),))) == []


def test_every_message_can_be_filled_and_has_its_parameters():
    awful = Content(
        "x" * 600 + "\x00",
        (image(alt="", mime="a/b", size=10**9, width=10**5, height=10**5), image(alt="y" * 2000)) * 3,
        link="no",
        thread=("",),
        options={"visibility": "direct", "language": "?"},
        reply_to="no such thing",
    )
    found = Mastodon.validate(awful, LIMITS)
    assert {"too_long", "empty", "alt_missing", "alt_too_long", "media_type"} <= {
        problem.code for problem in found
    }
    for problem in found:
        assert "%(" not in problem.message % problem.params


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_limits_are_inclusive(off: int):
    assert bool(codes(Content("x" * (500 + off)))) == (off > 0)
    assert bool(codes(Content("a", (image(alt="x" * (1500 + off)),)))) == (off > 0)
    assert bool(codes(Content("a", (image(),) * (4 + off)))) == (off > 0)
    assert bool(codes(Content("a", (image(size=16_777_216 + off),)))) == (off > 0)


def test_a_missing_limit_is_the_default_one():
    assert Mastodon.count(Content("a"), {})[0].limit == 500
    assert Demo.validate(Content("x" * 501), {})[0].params["over"] == 1


def test_the_link_follows_the_text_unless_it_is_in_it():
    assert texts(Content("Voir", link="https://a.org/")) == ["Voir\n\nhttps://a.org/"]
    assert texts(Content("Voir https://a.org/ !", link="https://a.org/")) == ["Voir https://a.org/ !"]
    assert texts(Content("", link="https://a.org/")) == ["https://a.org/"]


def test_counts_and_texts_are_those_of_the_payload():
    content = Content(" Bonjour\r\ntous ", link="https://a.org/", thread=(" Suite ",))
    payload = Mastodon.render(content, "channel", LIMITS)
    assert (
        [part["text"] for part in payload.body["parts"]]
        == texts(content)
        == ["Bonjour\ntous\n\nhttps://a.org/", "Suite"]
    )
    assert [count.used for count in Mastodon.count(content, LIMITS)] == [12 + 2 + 23, 5]


def test_what_no_bytes_express_is_shown_and_not_dropped():
    assert tidy("a\ud83d b") == "a\N{REPLACEMENT CHARACTER} b"
    assert tidy("a\u200bb") == "a\u200bb"
