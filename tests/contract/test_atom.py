"""The adapter of the brand's own feed: nobody is at the other end. What the feed shows is in tests/test_feeding.py."""

from __future__ import annotations

import hashlib
import re
import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import httpx
import pytest

from adapters.atom import Atom, authority, writable
from adapters.base import Connection, Content, MediaItem, NotFound, NotSent, PermitRefused, Rejected
from tests.contract.farside import CHANNEL, PIXEL, PIXEL_SHA256, image, permit_for

pytestmark = [pytest.mark.contract, pytest.mark.pure]

BEGUN = datetime(2026, 11, 22, 23, 59, 59, tzinfo=UTC)
KEY = hashlib.sha256(b"key").hexdigest()[:32]


def adapter(site: str = "https://maison-lumiere.example/", **more: object) -> Atom:
    values = {
        "channel": "fil",
        "settings": {"site_url": site},
        "limits": Atom.default_limits,
        "secret": "",
        "client": httpx.Client(transport=httpx.MockTransport(lambda request: pytest.fail("nothing is sent"))),
        "read_media": {PIXEL_SHA256: PIXEL}.__getitem__,
    }
    return Atom(Connection(**{**values, **more}))


def codes(content: Content, **limits: object) -> list[tuple[str, str]]:
    return [(problem.code, problem.field) for problem in Atom.validate(content, limits)]


# --- Publishing -----------------------------------------------------------------------------------
def test_an_entry_is_named_after_the_site_the_moment_and_the_key():
    payload = Atom.render(Content("Bonjour", (image(),)), CHANNEL, {})
    receipts = {adapter().publish(payload, permit_for(payload), KEY, BEGUN) for _ in range(2)}
    (receipt,) = receipts
    assert receipt.remote_id == f"tag:maison-lumiere.example,2026-11-22:fil/{KEY}"
    assert receipt.parts == (receipt.remote_id,)
    assert len(receipt.remote_id) <= 255


def test_a_correction_keeps_the_name_and_nothing_is_ever_found_out_there():
    payload = Atom.render(Content("Bonjour"), CHANNEL, {})
    receipt = adapter().publish(payload, permit_for(payload), KEY, BEGUN)
    other = Atom.render(Content("Bonsoir"), CHANNEL, {})
    assert adapter().correct(receipt, other, permit_for(other)) == receipt
    assert adapter().reconcile(payload, KEY, BEGUN) == NotFound()
    assert adapter().reread(receipt, payload) == NotFound()
    adapter().retract(receipt)
    adapter().retract(receipt)


def test_a_wrong_permit_is_refused():
    payload, other = (Atom.render(Content(text), CHANNEL, {}) for text in ("a", "b"))
    receipt = adapter().publish(payload, permit_for(payload), KEY, BEGUN)
    with pytest.raises(PermitRefused):
        adapter().publish(payload, permit_for(other), KEY, BEGUN)
    with pytest.raises(PermitRefused):
        adapter().correct(receipt, payload, permit_for(other))


@pytest.mark.parametrize(("failure", "meaning"), [(FileNotFoundError, Rejected), (OSError, NotSent)])
def test_a_file_that_is_not_there_is_not_published(failure: type[OSError], meaning: type[Exception]):
    def read(_sha256: str) -> bytes:
        raise failure

    payload = Atom.render(Content("a", (image(),)), CHANNEL, {})
    with pytest.raises(meaning):
        adapter(read_media=read).publish(payload, permit_for(payload), KEY, BEGUN)
    with pytest.raises(Rejected, match="no longer the one"):
        adapter(read_media=lambda sha256: b"x").publish(payload, permit_for(payload), KEY, BEGUN)


def test_a_thread_is_objected_to_and_never_published():
    content = Content("a", thread=("b",), reply_to="1", options={"content_warning": "c"})
    fields = ["thread", "reply_to", "content_warning"]
    assert [field for _code, field in codes(content)] == fields
    payload = Atom.render(content, CHANNEL, {})
    with pytest.raises(Rejected):
        adapter().publish(payload, permit_for(payload), KEY, BEGUN)


# --- The site -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("site", "host"),
    [
        ("https://maison-lumiere.example", "maison-lumiere.example"),
        ("https://Maison.Example:8443/fr/", "maison.example"),
        ("https://lumière.example", "xn--lumire-6ua.example"),
        ("http://localhost:8000", "localhost"),
    ],
)
def test_the_site_names_the_feed(site: str, host: str):
    health = adapter(site).check()
    assert health.ok
    assert (health.account, health.handle) == (f"https://{host}#fil", host)
    assert authority(site) == host


@pytest.mark.parametrize(
    "site",
    ["", "maison.example", "ftp://a.example", "https://u:p@a.example", "https://a.example/?x", "https://[::1]",
     "https://a_b.example", "https://" + "a" * 60 + "." + "b" * 60],
)  # fmt: skip
def test_a_site_that_cannot_be_one_is_refused(site: str):
    with pytest.raises(Rejected):
        adapter(site)


# --- What a draft may be --------------------------------------------------------------------------
@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("char", ["x", "é", "👨‍👩‍👧‍👦", "e\u0301", "ש"])
def test_lengths_are_what_readers_see(char: str, off: int):
    text, title = char * (100 + off), char * (20 + off)
    content = Content(text, options={"title": title})
    assert Atom.count(content, {"max_characters": 100})[0].used == 100 + off
    found = codes(content, max_characters=100, max_title_characters=20)
    assert found == ([("too_long", "text"), ("title_too_long", "title")] if off > 0 else [])


def test_a_link_counts_in_full():
    content = Content("Aurore", link="https://maison.example/" + "a" * 50)
    assert Atom.count(content, {})[0].used == 6 + 2 + 73


@pytest.mark.parametrize("char", ["\x00", "\x08", "\x0b", "\x1b", "\x7f", "\x85", "\ufffe", "\uffff"])
def test_what_xml_cannot_write_does_not_get_in(char: str):
    media = MediaItem(PIXEL_SHA256, "image/png", f"a{char}b", 1, 1, 9)
    assert codes(Content(f"a{char}b")) == [("control_character", "text")]
    assert codes(Content("a", options={"title": f"a{char}b"})) == [("control_character", "title")]
    assert codes(Content("a", (media,))) == [("control_character", "alt")]
    assert codes(Content("a", link=f"https://a.example/x{char}y")) != []


def test_whatever_is_written_can_be_read_again():
    """Every code point there is, one half of a pair left out: a feed is never broken by what it shows."""
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x11000)]))
    node = ET.Element("a", {"b": writable(everything)})
    node.text = writable(everything)
    read = ET.fromstring(ET.tostring(node, encoding="utf-8"))
    assert read.text is not None
    assert len(read.text) == len(everything)
    assert writable("é\t\n🏳️‍🌈") == "é\t\n🏳️‍🌈"


# --- What is rendered -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "title"),
    [
        (Content("Première ligne\nDeuxième"), "Première ligne"),
        (Content("a", options={"title": "  Un\n titre "}), "Un titre"),
        (Content("", (image("Une lampe."),)), "Une lampe."),
        (Content("mot " * 40), "mot " * 18 + "mot mot…"),
        (Content(""), ""),
    ],
)
def test_the_title(content: Content, title: str):
    rendered = Atom.render(content, CHANNEL, {}).body["title"]
    assert rendered == title or (title.endswith("…") and re.fullmatch(r"(mot ){10,20}mot…", rendered))
    assert len(rendered) <= 81


def test_nothing_that_was_typed_is_markup():
    text = '<script>alert(1)</script> & "x" [a](b)\n\n\n<img src=x onerror=y> https://a.example/"><b>'
    written = Atom.render(Content(text), CHANNEL, {}).body["content"]
    assert re.findall(r"<(\w+)", written) == ["p", "p", "a"]
    root = ET.fromstring(f"<div>{written}</div>")
    assert "".join(root.itertext()).replace("\n", "") == text.replace("\n", "")
    assert [one.get("href") for one in root.iter("a")] == ["https://a.example/"]


def test_everything_that_readers_get_is_covered_by_the_digest():
    base = Content("a", (image(),), link="https://a.example", options={"title": "t", "language": "fr"})
    others = [
        Content("b", base.media, base.link, options=base.options),
        Content("a", (image("autre"),), base.link, options=base.options),
        Content("a", base.media, "https://b.example", options=base.options),
        Content("a", base.media, base.link, options={"title": "u", "language": "fr"}),
        Content("a", base.media, base.link, options={"title": "t", "language": "en"}),
    ]
    digests = {Atom.render(one, CHANNEL, {}).sha256 for one in [base, *others]}
    assert len(digests) == 6
