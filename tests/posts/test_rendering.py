"""From what was written to what each network would get."""

from __future__ import annotations

from typing import Any

import pytest

from posts.models import Channel, no_content
from posts.rendering import adapter_of, content_for, counts_of, limits_of, payload_of, problems_of
from tests.casting import ALT, Cast

PICTURE = {"id": 1, "sha256": "a" * 64, "mime": "image/png", "alt": ALT, "width": 4, "height": 3, "size": 99}


def content(**more: Any) -> dict[str, Any]:
    return {**no_content(), "text": "Bonjour.", "channels": ["demo"], **more}


@pytest.fixture
def demo(cast: Cast) -> Channel:
    return Channel.objects.get(brand=cast.brand, key="demo")


def codes(made: dict[str, Any], *channels: Channel) -> set[tuple[str, str, str]]:
    return {(one.code, one.field, one.channel) for one in problems_of(made, channels)}


def test_nothing_wrong(demo: Channel):
    assert problems_of(content(), [demo]) == []


def test_no_channel_and_nothing_written(demo: Channel):
    assert codes(content(text="  ")) == {("no_channel", "channels", ""), ("empty", "text", "")}
    assert not codes(content(text=" ", variants={"demo": "Là."}), demo) & {("empty", "text", "")}
    assert ("empty", "text", "") not in codes(content(text="", media=[PICTURE]), demo)


def test_each_channel_says_its_own_problems_by_name(cast: Cast, demo: Channel):
    tight = cast.channel("tight", limits={"max_characters": 5})
    found = problems_of(content(), [demo, tight])
    assert {one.channel for one in found} == {"tight"}
    assert all(one.message.startswith("Tight : ") for one in found)
    assert found[0].as_json() == {
        "code": found[0].code, "field": found[0].field, "channel": "tight", "message": found[0].message,
    }  # fmt: skip


def test_missing_alt_text_is_a_problem(demo: Channel):
    assert any(
        field in {"alt", "media"}
        for _code, field, _channel in codes(content(media=[{**PICTURE, "alt": ""}]), demo)
    )
    assert codes(content(media=[PICTURE]), demo) == set()


def test_limits_are_the_stored_snapshot_over_the_adapters_own(demo: Channel):
    demo.limits = {"max_characters": 7}
    assert limits_of(demo)["max_characters"] == 7
    missing = set(adapter_of(demo).default_limits) - set(limits_of(demo))
    assert missing == set()


def test_a_variant_goes_to_its_channel_only(cast: Cast, demo: Channel):
    console = cast.channel("console")
    made = content(variants={"demo": "Là."}, options={"demo": {"language": "fr"}})
    assert (content_for(made, "demo").text, content_for(made, "console").text) == ("Là.", "Bonjour.")
    assert content_for(made, "console").options == {}
    assert payload_of(made, demo).sha256 != payload_of(made, console).sha256


def test_rendering_twice_gives_the_same_bytes(demo: Channel):
    made = content(media=[PICTURE], link="https://maison.example/", thread=["Deux."])
    assert payload_of(made, demo).sha256 == payload_of(made, demo).sha256
    assert payload_of({**made, "thread": []}, demo).sha256 != payload_of(made, demo).sha256


def test_counting_is_the_networks(demo: Channel):
    (count,) = counts_of(content(text="é" * 10), demo)
    assert count.used == 10
