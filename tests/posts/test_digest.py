"""The digest covers all that the public will receive, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from posts.digest import FORM, digest_of
from tests.casting import Cast, fresh, in_hours, media
from tests.casting import digest_of as stored

FROM, UNTIL = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
HASHES = {"demo": "a" * 64, "mastodon": "b" * 64}


def digest(**more: Any) -> str:
    fields: dict[str, Any] = {"hashes": HASHES, "start": FROM, "end": UNTIL, "late": 60, **more}
    return digest_of(fields["hashes"], fields["start"], fields["end"], fields["late"])


@pytest.mark.pure
def test_a_golden_value():
    """If this changes, every approval given before the change is stale: raise FORM, and mean it."""
    assert FORM == 1
    assert digest() == "3b58d918048cde713dc5bf0dcb04bd10b4666cd71feac7b069f1e03332da17c0"


@pytest.mark.pure
def test_the_order_of_channels_and_the_zone_of_an_instant_say_nothing():
    assert digest(hashes=dict(reversed(HASHES.items()))) == digest()
    paris = timezone(timedelta(hours=1))
    assert digest(start=FROM.astimezone(paris), end=UNTIL.astimezone(paris)) == digest()


@pytest.mark.pure
@pytest.mark.parametrize(
    "change",
    [
        {"hashes": {"demo": "a" * 64}},
        {"hashes": {**HASHES, "demo": "c" * 64}},
        {"hashes": {"demo": "b" * 64, "mastodon": "a" * 64}},
        {"hashes": {}},
        {"start": FROM + timedelta(seconds=1)},
        {"end": UNTIL + timedelta(seconds=1)},
        {"start": None},
        {"end": None},
        {"late": 61},
    ],
)
def test_what_changes_it(change: dict[str, Any]):
    assert digest(**change) != digest()


def test_what_does_not_change_a_posts_digest(cast: Cast):
    window = {"from": in_hours(1).isoformat(), "until": in_hours(5).isoformat()}
    post = cast.submitted(text="Bonjour.", window=window)
    before = stored(post)
    for fields in (
        {"slot": in_hours(3).isoformat()},
        {"kind": "launch", "products": [cast.lamp], "topics": ["legal"]},
        {"text": "Bonjour.\n"},
        {"text": "Bonjour."},
        {"variants": {"demo": ""}},
    ):
        cast.edit("ines", post, **fields)
        assert stored(post) == before, fields


def test_one_image_under_two_names_is_the_same_and_two_under_one_are_not(cast: Cast):
    one, other = media(cast, "#010203"), media(cast, "#010204")
    window = {"from": in_hours(1).isoformat(), "until": in_hours(5).isoformat()}
    slot = in_hours(2).isoformat()

    def sealed(pk: int, alt: str) -> str:
        return stored(cast.submitted(window=window, slot=slot, media=[{"id": pk, "alt": alt}]))

    assert sealed(one.pk, "Une lampe.") == sealed(one.pk, "Une lampe.")
    assert len({sealed(one.pk, "Une lampe."), sealed(other.pk, "Une lampe."), sealed(one.pk, "Autre.")}) == 3


def test_a_new_revision_gets_its_own_and_the_old_one_keeps_its_own(cast: Cast):
    post = cast.submitted(text="Un.")
    first = stored(post)
    cast.edit("ines", post, text="Deux.")
    assert list(fresh(post).revisions.order_by("number").values_list("digest", flat=True)) == [
        first,
        stored(post),
    ]
    assert first != stored(post)
