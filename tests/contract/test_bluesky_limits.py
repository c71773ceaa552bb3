"""Bluesky: what is objected to before anything is sent, and that the server objects to the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.base import (
    Content,
    MediaItem,
    Rejected,
)
from adapters.bluesky import Bluesky
from adapters.bluesky_records import POST
from tests.contract import far_bluesky
from tests.contract.farside import CHANNEL, Far, a_moment_ago, image, permit_for
from tests.contract.stand_ins.strict_bluesky import (
    DID,
)

pytestmark = [pytest.mark.contract, pytest.mark.pure]


@pytest.fixture
def far(client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    with far_bluesky.far(client, tmp_path) as made:
        yield made


# --- Before anything is sent ----------------------------------------------------------------------
FAMILY = "👨‍👩‍👧‍👦"


@pytest.mark.parametrize("off", [-1, 0, 1])
@pytest.mark.parametrize("sign", ["x", "é", "e\u0301", "🇫🇷", "👍🏽", "क्ष", "각", "ش"])
def test_the_limit_is_three_hundred_graphemes(far: Far, sign: str, off: int):
    content = Content(sign * (300 + off))
    problems = Bluesky.validate(content, far.limits)
    assert [(one.code, dict(one.params)) for one in problems] == (
        [("too_long", {"used": 301, "limit": 300, "over": 1, "part": 1})] if off > 0 else []
    )
    if off > 0:
        with pytest.raises(Rejected) as caught:
            far.publish(content, "key")
        assert "300 graphemes" in caught.value.detail
    else:
        assert far.publish(content, "key").remote_id


@pytest.mark.parametrize("off", [-1, 0, 1])
def test_the_limit_is_also_three_thousand_bytes(far: Far, off: int):
    content = Content(FAMILY * 119 + "x" * (25 + off))
    assert len(content.text.encode()) == 3000 + off
    problems = Bluesky.validate(content, far.limits)
    assert [(one.code, dict(one.params)) for one in problems] == (
        [("too_many_bytes", {"used": 3001, "limit": 3000, "over": 1, "part": 1})] if off > 0 else []
    )
    count = Bluesky.count(content, {})[0]
    assert (count.used, count.limit, count.unit) == (3000 + off, 3000, "bytes")
    if off > 0:
        with pytest.raises(Rejected):
            far.publish(content, "key")
    else:
        assert far.publish(content, "key").remote_id


def test_a_thread_is_counted_part_by_part():
    content = Content("x" * 300, thread=("y" * 301, ""))
    assert [(one.used, one.unit, one.part) for one in Bluesky.count(content, {})] == [
        (300, "graphemes", 0),
        (301, "graphemes", 1),
        (0, "graphemes", 2),
    ]
    found = [(one.code, one.field, one.params["part"]) for one in Bluesky.validate(content, {})]
    assert sorted(found) == [("empty", "thread", 3), ("too_long", "thread", 2)]


def test_a_card_costs_no_characters_and_a_link_beside_pictures_does():
    link = "https://maison-lumiere.com/" + "a" * 100
    assert Bluesky.count(Content("x" * 300, link=link), {})[0].used == 300
    assert Bluesky.validate(Content("x" * 300, link=link), {}) == []
    beside = Content("x" * 300, (image(),), link=link)
    assert [one.code for one in Bluesky.validate(beside, {})] == ["too_long"]


@pytest.mark.parametrize(
    ("item", "codes"),
    [
        (MediaItem("0" * 64, "image/jpeg", "alt", 10, 10, 2_000_000), []),
        (MediaItem("0" * 64, "image/webp", "alt", 10, 10, 2_000_001), ["media_too_large"]),
        (MediaItem("0" * 64, "image/gif", "alt", 10, 10, 10), ["media_type"]),
        (MediaItem("0" * 64, "video/mp4", "alt", 10, 10, 10), ["media_type"]),
        (MediaItem("0" * 64, "image/png", "", 10, 10, 10), ["alt_missing"]),
        (MediaItem("0" * 64, "image/png", "a" * 2000, 10, 10, 10), []),
        (MediaItem("0" * 64, "image/png", "a" * 2001, 10, 10, 10), ["alt_too_long"]),
    ],
)
def test_what_a_picture_must_be(item: MediaItem, codes: list[str]):
    assert [one.code for one in Bluesky.validate(Content("x", (item,)), {})] == codes


@pytest.mark.parametrize(("many", "codes"), [(4, []), (5, ["media_too_many"])])
def test_four_pictures_at_most(far: Far, many: int, codes: list[str]):
    content = Content("x", (image(),) * many)
    assert [one.code for one in Bluesky.validate(content, {})] == codes
    if codes:
        with pytest.raises(Rejected):
            far.publish(content, "key")


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"content_warning": "Rappel"}, [("warning_not_offered", "content_warning")]),
        ({"label": "spicy"}, [("label_unknown", "label")]),
        ({"label": "nudity", "language": "pt-BR"}, []),
        ({"language": "français"}, [("language_unknown", "language")]),
        ({"visibility": "unlisted"}, [("visibility_unknown", "visibility")]),
    ],
)
def test_what_it_does_not_have_is_said_and_never_dropped(
    options: dict[str, str], found: list[tuple[str, str]]
):
    problems = Bluesky.validate(Content("x", options=options), {})
    assert [(one.code, one.field) for one in problems] == found


def test_whatever_the_public_receives_changes_the_digest():
    def digest(**changes: Any) -> str:
        return Bluesky.render(Content(**{"text": "Texte", **changes}), CHANNEL, {}).sha256

    link = "https://a.example/"
    seen = [digest(), digest(text="Texte\u200b"), digest(link=link), digest(thread=("suite",))]
    seen += [digest(link=link, options={"link_title": "a"})]
    seen += [digest(link=link, options={"link_description": "a"})]
    seen += [digest(options={"label": "nudity"}), digest(options={"language": "fr"})]
    seen += [
        digest(media=(image(),)),
        digest(media=(image("autre"),)),
        digest(reply_to=f"at://{DID}/{POST}/3k"),
    ]
    assert len(set(seen)) == len(seen)


def test_the_uploaded_bytes_are_the_approved_ones(far: Far):
    payload = far.render(Content("x", (image(),)))
    with pytest.raises(Rejected):
        far.adapter(read_media=lambda _sha256: b"another image").publish(
            payload, permit_for(payload), "key", a_moment_ago()
        )
    assert far.front.seen == []
    far.publish(Content("x", (image(),)), "key")
    assert hashlib.sha256(far.front.requests("POST", far.upload)[0].body).hexdigest() == image().sha256
