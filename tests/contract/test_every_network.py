"""What every network's adapter owes the house, with the same cases for all: what goes out, and what does not.

What each answer of a far side means is in `test_every_answer.py`; lost answers, and what follows a
publication, in `test_every_outcome.py`. Cases depend on what a network can do, never on its name.
"""

from __future__ import annotations

import dataclasses
import re
import uuid

import pytest

from adapters.base import (
    AdapterError,
    CannotTell,
    Content,
    NotSent,
    Permit,
    PermitRefused,
    Receipt,
    Rejected,
)
from adapters.registry import ADAPTERS
from tests.contract.discovering import HOUSE, WITHOUT_A_FAR_SIDE, discovered, where
from tests.contract.farside import (
    CHANNEL,
    PICTURES,
    Far,
    a_moment_ago,
    five_images,
    image,
    permit_for,
    unique,
)
from tests.contract.stand_ins.faulty_front import Seen

pytestmark = [pytest.mark.contract, pytest.mark.pure]

FAMILY = "👨‍👩‍👧‍👦 👩🏽‍🚀 🏳️‍🌈 👍🏽 🇫🇷 1️⃣"


def new_key() -> str:
    return uuid.uuid4().hex


def sent(far: Far) -> list[Seen]:
    return far.front.requests(far.method, far.create)


def writing(far: Far) -> list[Seen]:
    return [seen for seen in far.front.seen if seen.method != "GET"]


# --- None is forgotten ----------------------------------------------------------------------------
def test_every_network_has_a_far_side_or_says_that_it_has_none():
    tried = {network for network, _ in HOUSE.values()} | set(discovered())
    assert tried | WITHOUT_A_FAR_SIDE == set(ADAPTERS)
    assert not tried & WITHOUT_A_FAR_SIDE


# --- It goes out ----------------------------------------------------------------------------------
def test_what_was_approved_arrives_once(each: Far):
    text = unique()
    content = each.content(text, (image("Une lampe « Aurore » allumée."),))
    assert each.kind.validate(content, each.limits) == []
    receipt = each.publish(content, new_key())
    assert receipt.remote_id
    assert receipt.url.startswith(("https://", "http://"))
    assert receipt.parts == (receipt.remote_id,)
    assert each.count(text) == 1
    assert each.shown(repr(receipt)) == []
    everything = each.everything()
    assert ("Une lampe « Aurore » allumée.".encode() in everything) is each.kind.capabilities.alt_text


@pytest.mark.parametrize(
    "words",
    [
        FAMILY,
        "العربية مع أرقام ١٢٣، עברית עם ניקוד שָׁלוֹם, et du français",
        "e\u0301 décomposé, é composé, n\u0303, กำลัง, नमस्ते, Z\u0351\u0343a\u0327\u0332lgo",
        "zéro\u200bchasse, sans\u200cliant, mar\u00adque, sens\u200e\u200f",
        "espace\u00a0insécable\u202f! trait\u2011d’union, demi\u2009cadratin",
        "日本語　全角スペース 한국어 𝔘𝔫𝔦𝔠𝔬𝔡𝔢 𠮷野家",
        "<b>balises</b> & \"guillemets\" 'simples' \\ / %s {x} [crochets] *étoile* _trait_ `code`",
        "deux lignes\net un\n\nparagraphe",
    ],
    ids=["emoji", "right to left", "combining", "zero width", "spaces", "wide", "signs", "lines"],
)
def test_every_script_travels_whole_and_is_found_again(each: Far, words: str):
    text, key, begun = unique(words), new_key(), a_moment_ago()
    content = each.content(text)
    assert each.kind.validate(content, each.limits) == []
    assert each.render(content).body["parts"][0]["text"] == text
    receipt = each.publish(content, key, begun)
    # Between paragraphs a network may write its own kind of gap, and none anywhere else.
    said = [re.sub(r"\n+", "\n", one).strip("\n") for one in each.says(sent(each)[-1])]
    assert re.sub(r"\n+", "\n", text) in said
    assert each.count(text[-32:]) == 1
    if each.kind.capabilities.reconcilable:
        assert each.look(content, key, begun) == receipt


@where(lambda can: can.media)
def test_five_images_arrive_all_in_their_order_or_are_objected_to(each: Far):
    files, text = five_images(), unique()
    most = int(each.limits["max_media_attachments"])
    assert most == each.kind.capabilities.max_media
    objections = each.kind.validate(each.content(text, files), each.limits)
    assert [(one.code, one.field) for one in objections] == [("media_too_many", "media")] * (most < 5)
    assert all(one.params == {"count": 5, "limit": most} for one in objections)
    receipt = each.publish(each.content(text, files[:most]), new_key())
    assert each.count(text) == 1
    everything = each.everything()
    places = [everything.find(content) for content in list(PICTURES.values())[:most]]
    assert -1 not in places
    assert places == sorted(places)
    if each.kind.capabilities.alt_text:
        assert all(item.alt.encode() in everything for item in files[:most])
    if each.kind.capabilities.delete:
        each.adapter().retract(receipt)
        assert each.count(text) == 0


@where(lambda can: can.threads)
def test_a_thread_goes_out_in_order(each: Far):
    text, key, begun = unique(), new_key(), a_moment_ago()
    follow = [f"{unique('Suite')} {place}" for place in (2, 3)]
    content = each.content(text, thread=tuple(follow))
    receipt = each.publish(content, key, begun)
    assert len(set(receipt.parts)) == 3
    assert receipt.parts[0] == receipt.remote_id
    for part, seen in zip([text, *follow], sent(each), strict=True):
        assert part in each.says(seen)
    assert [each.count(part) for part in [text, *follow]] == [1, 1, 1]
    assert each.look(content, key, begun) == receipt


@where(lambda can: not can.threads)
def test_a_thread_that_is_not_offered_is_objected_to_and_never_sent(each: Far):
    content = each.content(unique(), thread=("Suite",))
    codes = [(one.code, one.field) for one in each.kind.validate(content, each.limits)]
    assert ("thread_not_offered", "thread") in codes
    with pytest.raises(Rejected):
        each.publish(content, new_key())
    assert each.front.seen == []


@where(lambda can: can.reply)
def test_a_reply_goes_where_it_was_meant_to(each: Far):
    first, text, key, begun = unique(), unique("Réponse"), new_key(), a_moment_ago()
    reference = each.reference(each.publish(each.content(first), new_key()))
    content = Content(text, reply_to=reference)
    assert each.kind.validate(content, each.limits) == []
    receipt = each.publish(content, key, begun)
    assert [each.count(first), each.count(text)] == [1, 1]
    if each.kind.capabilities.reconcilable:
        assert each.look(content, key, begun) == receipt


# --- How much of it ---------------------------------------------------------------------------
def at_limit(far: Far, off: int, head: str, *, pictured: bool = False) -> Content:
    """A text that the adapter counts as its limit, and so many more."""
    media = (image(),) if pictured else ()
    head = f"{head} {uuid.uuid4().hex} "
    count = far.kind.count(far.content(head + "x", media), far.limits)[0]
    content = far.content(head + "x" * (1 + count.limit - count.used + off), media)
    assert far.kind.count(content, far.limits)[0].used == count.limit + off
    return content


@pytest.mark.parametrize("pictured", [False, True], ids=["text", "with a picture"])
@pytest.mark.parametrize("off", [-1, 0, 1], ids=["one less", "the limit", "one more"])
def test_the_limit_is_the_networks(each: Far, off: int, pictured: bool):
    content = at_limit(each, off, "é" * 20, pictured=pictured)
    limit = each.kind.count(content, each.limits)[0].limit
    found = each.kind.validate(content, each.limits)
    if off <= 0:
        assert found == []
        each.publish(content, new_key())
        assert content.text.encode() in each.everything()
        assert each.count(content.text) == 1
        return
    assert [(one.code, one.field) for one in found] == [("too_long", "text")]
    assert {name: found[0].params[name] for name in ("used", "limit", "over")} == {
        "used": limit + 1,
        "limit": limit,
        "over": 1,
    }
    assert found[0].message % found[0].params
    if each.refuses_pictured if pictured else each.refuses_too_long:
        with pytest.raises(Rejected):
            each.publish(content, new_key())
        assert each.count(content.text[:50]) == 0


@pytest.mark.parametrize("head", [FAMILY, "שָׁלוֹם مرحبا e\u0301 𝔘 日本語"], ids=["emoji", "scripts"])
def test_the_limit_counts_every_script_as_the_network_does(each: Far, head: str):
    assert [one.code for one in each.kind.validate(at_limit(each, 1, head), each.limits)] == ["too_long"]
    content = at_limit(each, 0, head)
    assert each.kind.validate(content, each.limits) == []
    if not each.counts_code_points:
        assert each.publish(content, new_key()).remote_id


@where(lambda can: can.threads)
def test_each_part_of_a_thread_has_the_limit(each: Far):
    limit = each.kind.count(each.content("x"), each.limits)[0].limit
    for off, codes in ((-1, []), (0, []), (1, [("too_long", "thread", 3)])):
        content = each.content("a", thread=("b", "x" * (limit + off)))
        found = each.kind.validate(content, each.limits)
        assert [(one.code, one.field, one.params["part"]) for one in found] == codes


@where(lambda can: can.media)
def test_a_file_is_measured(each: Far):
    item, most = image(), int(each.limits["image_size_limit"])
    for size, codes in ((most - 1, []), (most, []), (most + 1, [("media_too_large", "media")])):
        content = each.content(unique(), (dataclasses.replace(item, size=size),))
        found = each.kind.validate(content, each.limits)
        assert [(one.code, one.field) for one in found] == codes
        assert all(one.message % one.params for one in found)
    huge = each.content(unique(), (dataclasses.replace(item, width=100_000, height=100_000),))
    assert "media_too_many_pixels" in [one.code for one in each.kind.validate(huge, each.limits)]
    film = each.content(unique(), (dataclasses.replace(item, mime="video/mp4"),))
    assert [one.code for one in each.kind.validate(film, each.limits)] == ["media_type"]


@where(lambda can: not can.media)
def test_a_picture_that_is_not_offered_is_objected_to_and_never_sent(each: Far):
    content = Content(unique(), (image(),), options=each.options)
    codes = {(one.code, one.field) for one in each.kind.validate(content, each.limits)}
    assert ("media_not_offered", "media") in codes
    with pytest.raises(Rejected):
        each.publish(content, new_key())
    assert each.front.seen == []


def test_nothing_and_what_nobody_sees_are_no_post(each: Far):
    for text, code in (("", "empty"), (" \n ", "empty"), ("Aurore\x00" + "x" * 40, "control_character")):
        assert code in [one.code for one in each.kind.validate(each.content(text), each.limits)]


# --- The permit, and the approved files -----------------------------------------------------------
@pytest.mark.parametrize("act", ["publish", "correct"])
@pytest.mark.parametrize("wrong", ["payload", "channel"])
def test_a_wrong_permit_is_refused_before_any_byte(each: Far, act: str, wrong: str):
    payload = each.render(each.content(unique(), (image(),)))
    other = each.render(each.content(unique()))
    permit = permit_for(other) if wrong == "payload" else Permit(1, 1, "other/channel", "d", payload.sha256)
    given = (payload, permit, "key", a_moment_ago()) if act == "publish" else (Receipt("1"), payload, permit)
    with pytest.raises(PermitRefused):
        getattr(each.adapter(), act)(*given)
    assert each.front.seen == []


def test_a_permit_for_other_words_of_the_same_length_is_refused(each: Far):
    approved, other = (each.render(each.content(unique("Texte approuvé"))) for _ in range(2))
    with pytest.raises(PermitRefused):
        each.adapter().publish(other, permit_for(approved), "key", a_moment_ago())
    assert each.front.seen == []
    assert permit_for(approved).channel == CHANNEL


@where(lambda can: can.media)
def test_a_file_that_changed_since_is_not_sent(each: Far):
    changed, files, text = b"\x89PNG\r\n\x1a\nanother image", five_images()[:2], unique()

    def read(sha256: str) -> bytes:
        return changed if sha256 == files[-1].sha256 else PICTURES[sha256]

    for media in (files[1:], files):
        payload = each.render(each.content(text, media))
        with pytest.raises(Rejected):
            each.adapter(read_media=read).publish(payload, permit_for(payload), "key", a_moment_ago())
        assert len(media) > 1 or writing(each) == []
    assert sent(each) == []
    assert not any(changed in seen.body for seen in each.front.seen)
    assert each.count(text) == 0


@where(lambda can: can.media)
@pytest.mark.parametrize(("failure", "meaning"), [(FileNotFoundError, Rejected), (OSError, NotSent)])
def test_a_file_that_cannot_be_read_sends_nothing(
    each: Far, failure: type[OSError], meaning: type[AdapterError]
):
    def read(_sha256: str) -> bytes:
        raise failure

    payload = each.render(each.content(unique(), (image(),)))
    with pytest.raises(meaning):
        each.adapter(read_media=read).publish(payload, permit_for(payload), "key", a_moment_ago())
    assert writing(each) == []


# --- What a network does not have -----------------------------------------------------------------
@where(lambda can: not can.edit)
def test_a_network_that_cannot_edit_says_so_and_is_not_asked(each: Far):
    payload = each.render(each.content(unique()))
    with pytest.raises(Rejected):
        each.adapter().correct(Receipt("1"), payload, permit_for(payload))
    assert each.front.seen == []
    assert each.kind.capabilities.edit_keeps == ()


@where(lambda can: not can.reconcilable)
def test_a_network_that_cannot_be_read_asks_a_person(each: Far):
    text = unique()
    each.publish(each.content(text), "key")
    before = len(each.front.seen)
    found = each.look(each.content(text), "key", a_moment_ago())
    assert isinstance(found, CannotTell)
    assert found.why
    assert not found.again
    assert len(each.front.seen) == before


def test_the_words_for_an_edit_are_in_the_payload(each: Far):
    assert set(each.kind.capabilities.edit_keeps) <= set(each.render(each.content("Texte")).body) | {"parts"}
