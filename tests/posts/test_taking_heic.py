"""What telephones take: HEIC, with its place on earth, its rotation and its wide colours."""

from __future__ import annotations

import io
import random
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageCms

from accounts.refusals import Invalid
from posts.models import Media
from posts.unpacking import Unreadable, _received
from posts.uploading import read_media, upload
from tests.casting import Cast

PICTURES = Path(__file__).parent / "pictures"
Take = Callable[[bytes], Media]


@pytest.fixture
def take(cast: Cast, settings: Any, tmp_path: Path) -> Take:
    settings.MEDIA_ROOT = tmp_path
    return lambda data: upload(cast.ines, cast.brand, io.BytesIO(data), "IMG_0042.HEIC")


def heic(name: str) -> bytes:
    return (PICTURES / f"{name}.heic").read_bytes()


def shown(made: Media) -> Image.Image:
    return Image.open(io.BytesIO(read_media(made.brand_id, made.sha256))).convert("RGB")


def near(colour: Any, wanted: tuple[int, int, int]) -> bool:
    return all(abs(one - other) < 45 for one, other in zip(colour, wanted, strict=True))


RED, BLUE, GREEN = (208, 32, 32), (32, 48, 208), (32, 160, 32)


@pytest.mark.parametrize(
    ("name", "size", "places"),
    [
        ("turned1", (128, 64), {(100, 40): RED, (8, 40): BLUE, (64, 4): GREEN}),
        ("turned3", (128, 64), {(28, 24): RED, (120, 24): BLUE, (64, 60): GREEN}),
        ("turned6", (64, 128), {(24, 100): RED, (24, 8): BLUE, (60, 64): GREEN}),
    ],
)
def test_it_becomes_a_jpeg_turned_upright_once(
    take: Take, name: str, size: tuple[int, int], places: dict[Any, Any]
):
    made = take(heic(name))
    image = shown(made)
    assert (made.mime, made.width, made.height) == ("image/jpeg", *size)
    assert image.size == size
    wrong = [(place, image.getpixel(place)) for place, colour in places.items()
             if not near(image.getpixel(place), colour)]  # fmt: skip
    assert wrong == []


def test_where_and_by_whom_it_was_taken_is_gone(take: Take):
    source = heic("turned6")
    assert b"Secr" in source
    assert b"SECRET-XMP" in source
    made = take(source)
    data = read_media(made.brand_id, made.sha256)
    assert not Image.open(io.BytesIO(data)).getexif()
    assert not [word for word in (b"Secr", b"SECRET", b"Exif", b"xmp", b"Telephone") if word in data]


def test_a_vast_one_is_refused_before_it_is_decoded(take: Take):
    with pytest.raises(Invalid) as refusal:
        take(heic("vast"))
    assert refusal.value.code == "too_many_pixels"
    assert "9000" in refusal.value.sentence


def test_one_that_lies_about_its_size_is_refused(take: Take):
    source = heic("vast")
    at = source.index(b"ispe") + 8
    lying = source[:at] + struct.pack(">II", 100, 100) + source[at + 8 :]
    with pytest.raises(Invalid) as refusal:
        take(lying)
    assert refusal.value.code == "broken_image"


def test_cut_off_or_flipped_it_is_refused_or_taken_and_never_a_crash(take: Take):
    """Some of these do crash the decoder: in its own process."""
    chance, found = random.Random(5), set()
    source = heic("turned6")
    cuts = [source[: len(source) * part // 5] for part in range(5)]
    flipped = []
    for _ in range(15):
        data = bytearray(source)
        for _flip in range(3):
            data[chance.randrange(len(data))] = chance.randrange(256)
        flipped.append(bytes(data))
    for odd in (*cuts, *flipped):
        try:
            take(odd)
        except Invalid as refusal:
            found.add(refusal.code)
    assert found <= {"media_empty", "not_an_image", "broken_image", "too_many_pixels"}
    assert "broken_image" in found


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"no header",
        b"[]\n",
        b'{"width": 2}\n' + b"x" * 12,
        b'{"width": 2, "height": 2, "profile": "zz"}\n' + b"x" * 12,
        b'{"width": 2, "height": 2, "profile": ""}\n' + b"x" * 11,
        b'{"width": -2, "height": -2, "profile": ""}\n' + b"x" * 12,
    ],
)
def test_the_decoder_is_not_believed(answer: bytes):
    with pytest.raises(Unreadable):
        _received(answer, 100)


def test_no_process_of_ours_loads_the_decoder(take: Take):
    take(heic("turned1"))
    assert not [name for name in sys.modules if name.startswith(("pi_heif", "_pi_heif"))]


def wide_profile() -> bytes:
    """sRGB's profile with the primaries of Display P3, in which telephones take their pictures."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    primaries = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    (count,) = struct.unpack_from(">I", data, 128)
    for place in range(count):
        name, offset, _size = struct.unpack_from(">4sII", data, 132 + 12 * place)
        if name in primaries:
            struct.pack_into(">iii", data, offset + 8, *(round(x * 65536) for x in primaries[name]))
    return bytes(data)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_wide_colours_are_told_in_those_of_the_web(take: Take, form: str):
    """Without its profile the same number would be a paler green."""
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (100, 200, 80)).save(out, form, icc_profile=wide_profile(), quality=95)
    made = take(out.getvalue())
    data = read_media(made.brand_id, made.sha256)
    assert "icc_profile" not in Image.open(io.BytesIO(data)).info
    red, green, blue = shown(made).getpixel((8, 8))  # type: ignore[misc]
    assert red < 75
    assert green > 195
    assert blue < 70


def test_a_broken_profile_takes_nothing_along(take: Take):
    out = io.BytesIO()
    Image.new("RGB", (16, 16), (100, 200, 80)).save(out, "PNG", icc_profile=b"no profile at all")
    assert shown(take(out.getvalue())).getpixel((8, 8)) == (100, 200, 80)
