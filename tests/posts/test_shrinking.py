"""Whatever the picture and the rules: within the rules, never larger, never cropped, without metadata, always the
same; or None."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from adapters.base import MediaItem
from adapters.media import MediaRules
from posts.shrinking import Shrunk, shrink

ALL = ("image/jpeg", "image/png", "image/webp")
FORMS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP", "image/gif": "GIF"}


def noise(size: tuple[int, int], mode: str = "RGB", seed: int = 1) -> Image.Image:
    bands = {"L": 1, "RGB": 3, "RGBA": 4}[mode]
    return Image.frombytes(mode, size, random.Random(seed).randbytes(size[0] * size[1] * bands))


def saved(image: Image.Image, mime: str, **more: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, FORMS[mime], **more)
    return out.getvalue()


def opened(made: Shrunk) -> Image.Image:
    return Image.open(io.BytesIO(made.data))


def takes(rules: MediaRules, made: Shrunk) -> bool:
    return rules.takes(MediaItem("", made.mime, "", made.width, made.height, len(made.data)))


@st.composite
def pictures(draw: st.DrawFn) -> tuple[bytes, str, tuple[int, int]]:
    mime = draw(st.sampled_from([*ALL, "image/gif"]))
    size = (draw(st.integers(1, 120)), draw(st.integers(1, 120)))
    mode = draw(st.sampled_from(["RGB", "L"] if mime == "image/jpeg" else ["RGB", "L", "RGBA"]))
    image = noise(size, mode, draw(st.integers(0, 9)))
    return saved(image.convert("P") if mime == "image/gif" else image, mime), mime, size


@st.composite
def rules_of_some_network(draw: st.DrawFn) -> MediaRules:
    widest = draw(st.sampled_from([0, 0, 2, 20]))
    return MediaRules(
        mimes=tuple(draw(st.lists(st.sampled_from(ALL), min_size=1, unique=True))),
        max_bytes=draw(st.sampled_from([0, 300, 2_000, 20_000])),
        max_pixels=draw(st.sampled_from([0, 100, 5_000])),
        max_side=draw(st.sampled_from([0, 16, 90])),
        max_sum=draw(st.sampled_from([0, 60])),
        max_ratio=widest,
        min_ratio=1 / widest if widest else 0,
        min_side=draw(st.sampled_from([0, 8])),
    )


@settings(max_examples=150, deadline=None)
@given(pictures(), rules_of_some_network())
def test_it_is_within_the_rules_or_none(source: tuple[bytes, str, tuple[int, int]], rules: MediaRules):
    data, mime, (width, height) = source
    made = shrink(data, mime, rules)
    if made is None:
        return
    image = opened(made)
    assert takes(rules, made)
    assert (image.size, FORMS[made.mime]) == ((made.width, made.height), image.format)
    assert made.width <= width
    assert made.height <= height
    # Both sides by the same factor, to within the pixel that rounding takes.
    assert abs(made.width * height - made.height * width) <= max(width, height)
    assert not image.getexif()
    assert not {"icc_profile", "comment", "xmp", "dpi"} & set(image.info)
    assert shrink(data, mime, rules) == made


def test_it_keeps_all_the_pixels_that_it_may():
    made = shrink(
        saved(noise((400, 200)), "image/png"), "image/png", MediaRules(("image/png",), max_side=200)
    )
    assert made is not None
    assert (made.width, made.height, made.mime) == (200, 100, "image/png")
    sums = shrink(saved(noise((400, 200)), "image/png"), "image/png", MediaRules(ALL, max_sum=300))
    assert sums is not None
    assert (sums.width, sums.height) == (200, 100)


def test_a_photograph_that_is_too_heavy_loses_quality_before_it_loses_pixels():
    photo = saved(Image.effect_noise((2000, 1500), 40), "image/jpeg", quality=97)
    little = shrink(photo, "image/jpeg", MediaRules(("image/jpeg",), max_bytes=len(photo) * 9 // 10))
    much = shrink(photo, "image/jpeg", MediaRules(("image/jpeg",), max_bytes=len(photo) // 5))
    assert little is not None
    assert much is not None
    assert (little.width, little.height) == (2000, 1500)
    assert much.width < 2000
    # It does not give away more than it must.
    assert len(much.data) > len(photo) // 5 // 3


@pytest.mark.parametrize(
    "rules",
    [
        MediaRules(ALL, max_ratio=2, min_ratio=0.5),
        MediaRules(ALL, max_side=100, min_side=40),
        MediaRules(ALL, max_bytes=50),
        MediaRules(("video/mp4",)),
    ],
    ids=["shape", "too small then", "weight", "kind"],
)
def test_what_cannot_be_helped_is_left_alone(rules: MediaRules):
    assert shrink(saved(noise((600, 200)), "image/png"), "image/png", rules) is None


def test_an_animation_is_left_alone_and_a_still_gif_is_not():
    frames = [noise((40, 40), seed=seed) for seed in range(3)]
    moving = saved(frames[0], "image/gif", save_all=True, append_images=frames[1:])
    assert shrink(moving, "image/gif", MediaRules(ALL, max_side=20)) is None
    still = shrink(saved(frames[0], "image/gif"), "image/gif", MediaRules(("image/png",)))
    assert still is not None
    assert still.mime == "image/png"


def see_through(size: tuple[int, int] = (60, 60)) -> Image.Image:
    image = Image.new("RGBA", size, (255, 0, 0, 255))
    image.paste((0, 0, 0, 0), (0, 0, size[0] // 2, size[1]))
    return image


def test_transparency_is_kept_where_the_network_has_it_and_else_becomes_white():
    source = saved(see_through(), "image/webp", lossless=True)
    kept = shrink(source, "image/webp", MediaRules(("image/jpeg", "image/png")))
    white = shrink(source, "image/webp", MediaRules(("image/jpeg",)))
    assert kept is not None
    assert white is not None
    assert (kept.mime, kept.flattened) == ("image/png", False)
    assert opened(kept).convert("RGBA").getpixel((5, 30))[3] == 0  # type: ignore[index]
    assert (white.mime, white.flattened) == ("image/jpeg", True)
    assert min(opened(white).getpixel((5, 30))) > 240  # type: ignore[arg-type]


def test_a_palette_and_sixteen_bits_become_what_they_look_like():
    palette = Image.new("P", (60, 60), 0)
    palette.putpalette([255, 0, 0, 0, 255, 0] + [0] * 762)
    palette.paste(1, (30, 0, 60, 60))
    made = shrink(
        saved(palette, "image/png", transparency=0), "image/png", MediaRules(("image/png",), max_side=20)
    )
    assert made is not None
    assert opened(made).convert("RGBA").getpixel((2, 10))[3] == 0  # type: ignore[index]
    deep = Image.new("I;16", (60, 60), 0x8000)
    grey = shrink(saved(deep, "image/png"), "image/png", MediaRules(("image/jpeg",)))
    assert grey is not None
    assert 120 < opened(grey).convert("L").getpixel((5, 5)) < 136  # type: ignore[operator]


def test_rules_say_no_more_than_the_networks_own_check():
    """What a network is content with is not touched, and what it is not content with is tried."""
    from adapters.base import Content
    from adapters.registry import ADAPTERS

    helped = {"media_type", "media_too_large", "media_too_many_pixels", "media_side_too_long"}
    shapes = {"media_too_narrow", "media_too_tall", "media_too_wide"}
    chance = random.Random(3)
    for adapter in ADAPTERS.values():
        if not adapter.capabilities.media or not hasattr(adapter, "media_rules"):
            continue
        rules = adapter.media_rules(adapter.default_limits)
        for _ in range(300):
            item = MediaItem(
                "a" * 64,
                chance.choice([*FORMS]),
                "Une lampe.",
                chance.choice([1, 40, 300, 1080, 4000, 9000, 20_000]),
                chance.choice([1, 40, 300, 1080, 4000, 9000, 20_000]),
                chance.choice([1, 10**5, 10**6, 4 * 10**6, 9 * 10**6, 10**8]),
            )
            content = Content(text="Bonjour.", media=(item,))
            found = {one.code for one in adapter.validate(content, adapter.default_limits)}
            assert rules.takes(item) or found & (helped | shapes), (adapter.network, item)
            assert not rules.takes(item) or not found & helped, (adapter.network, item, found)


def test_every_network_with_pictures_says_which_it_takes():
    from adapters.registry import ADAPTERS

    silent = [
        name
        for name, adapter in ADAPTERS.items()
        if adapter.capabilities.max_media and not hasattr(adapter, "media_rules")
    ]
    assert silent == []
