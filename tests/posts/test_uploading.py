"""What is taken in is a picture, upright, and nothing but the picture."""

from __future__ import annotations

import hashlib
import io
import random
import struct
import zlib
from typing import Any

import pytest
from django.conf import settings as live
from PIL import Image, PngImagePlugin

from accounts.refusals import Invalid, NotHere
from journal.models import Entry
from posts.models import Media
from posts.uploading import MediaChanged, read_media, upload
from tests.casting import Cast, picture


@pytest.fixture(autouse=True)
def media_folder(settings: Any, tmp_path: object) -> None:
    settings.MEDIA_ROOT = tmp_path


def take(cast: Cast, file: io.BytesIO, name: str = "lampe.png", size: int | None = None) -> Media:
    return upload(cast.ines, cast.brand, file, name, size)


def stored(made: Media) -> bytes:
    return read_media(made.brand_id, made.sha256)


def opened(made: Media) -> Image.Image:
    return Image.open(io.BytesIO(stored(made)))


def refused(cast: Cast, data: bytes, code: str, size: int | None = None) -> None:
    with pytest.raises(Invalid) as refusal:
        take(cast, io.BytesIO(data), size=size)
    assert (refusal.value.code, set(refusal.value.fields)) == (code, {"media"})
    assert not Media.objects.exists()


def with_exif(form: str, orientation: int = 1) -> io.BytesIO:
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x013B] = "Nadia Secrète"
    exif.get_ifd(0x8825)[2] = (48.0, 51.0, 24.0)
    out = io.BytesIO()
    image = Image.new("RGB", (40, 20), "#ff0000")
    image.paste("#0000ff", (0, 0, 10, 20))
    image.save(out, form, exif=exif)
    out.seek(0)
    return out


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_exif_and_location_are_gone(cast: Cast, form: str):
    source = with_exif(form)
    assert b"Secr" in source.getvalue()
    made = take(cast, source)
    assert made.mime == f"image/{form.lower()}"
    assert b"Secr" not in stored(made)
    assert b"Exif" not in stored(made)
    assert not opened(made).getexif()
    assert made.original_sha256 == hashlib.sha256(source.getvalue()).hexdigest()
    assert made.sha256 == hashlib.sha256(stored(made)).hexdigest()
    assert made.size == len(stored(made))


@pytest.mark.parametrize(
    ("orientation", "size"), [(1, (40, 20)), (3, (40, 20)), (6, (20, 40)), (8, (20, 40))]
)
def test_it_is_turned_upright(cast: Cast, orientation: int, size: tuple[int, int]):
    made = take(cast, with_exif("JPEG", orientation))
    image = opened(made).convert("RGB")
    assert (made.width, made.height) == image.size == size
    # The blue edge, on the left as stored, is where a viewer that obeys the orientation would show it.
    blue = {1: (2, 10), 3: (37, 10), 6: (10, 2), 8: (10, 37)}[orientation]
    red, _green, blueness = image.getpixel(blue)  # type: ignore[misc]
    assert blueness > 150 > red


def test_text_chunks_and_comments_are_gone(cast: Cast):
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Comment", "Nadia Secrète")
    assert b"Secr" not in stored(take(cast, picture(pnginfo=notes)))
    frames = [Image.new("P", (8, 8), colour) for colour in range(3)]
    gif = io.BytesIO()
    frames[0].save(
        gif, "GIF", save_all=True, append_images=frames[1:], comment=b"Nadia Secrete", duration=100
    )
    gif.seek(0)
    assert b"Secrete" in gif.getvalue()
    made = take(cast, gif)
    assert b"Secrete" not in stored(made)
    single = take(cast, picture(form="GIF", colour="#aabbcc", comment=b"Nadia Secrete"))
    assert b"Secrete" not in stored(single)


def test_an_animation_stays_one(cast: Cast):
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("#ff0000", "#00ff00", "#0000ff")]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:], duration=100, loop=0)
    gif.seek(0)
    made = take(cast, gif)
    image = opened(made)
    assert (made.mime, image.n_frames, image.size) == ("image/gif", 3, (8, 8))  # type: ignore[attr-defined]


@pytest.mark.parametrize("form", ["PNG", "GIF"])
def test_a_transparent_palette_stays_transparent(cast: Cast, form: str):
    image = Image.new("P", (8, 8), 0)
    image.putpalette([255, 0, 0, 0, 255, 0] + [0] * 762)
    image.paste(1, (4, 0, 8, 8))
    out = io.BytesIO()
    image.save(out, form, transparency=0)
    out.seek(0)
    clean = opened(take(cast, out)).convert("RGBA")
    assert clean.getpixel((0, 0))[3] == 0  # type: ignore[index]
    assert clean.getpixel((7, 0)) == (0, 255, 0, 255)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "media_empty"),
        (b"just text", "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not_an_image"),
        (b"%PDF-1.7 ...", "not_an_image"),
        (b"MZ" + b"\x00" * 500, "not_an_image"),
        (b"\x89PNG\r\n\x1a\n" + b"garbage" * 20, "broken_image"),
        (b"\xff\xd8\xff\xe0" + b"\x00" * 50, "broken_image"),
        (b"GIF89a", "broken_image"),
    ],
)
def test_what_is_no_picture(cast: Cast, data: bytes, code: str):
    refused(cast, data, code)


def test_the_name_and_what_it_claims_to_be_do_not_matter(cast: Cast):
    assert take(cast, picture(form="PNG"), "lampe.jpg").mime == "image/png"
    refused_before = Media.objects.count()
    with pytest.raises(Invalid):
        take(cast, io.BytesIO(b"not a picture"), "lampe.png")
    assert Media.objects.count() == refused_before


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP"])
def test_cut_off_anywhere_it_is_refused_and_never_a_crash(cast: Cast, form: str):
    chance = random.Random(7)
    noise = Image.frombytes("RGB", (60, 40), chance.randbytes(60 * 40 * 3))
    out = io.BytesIO()
    noise.save(out, form)
    whole = out.getvalue()
    for length in sorted({1, 5, 12, 30, len(whole) // 4, len(whole) // 2, len(whole) * 9 // 10}):
        with pytest.raises(Invalid) as refusal:
            take(cast, io.BytesIO(whole[:length]))
        assert refusal.value.code in {"not_an_image", "broken_image"}


@pytest.mark.filterwarnings("ignore:.*:UserWarning:PIL")
def test_a_cut_animation_and_flipped_bytes_are_refused_or_taken_and_never_a_crash(cast: Cast):
    frames = [Image.new("RGB", (30, 30), (n * 9, 99, 200)) for n in range(12)]
    gif, png = io.BytesIO(), picture((30, 30))
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    chance, found = random.Random(11), set()
    for source in (
        gif.getvalue(),
        png.getvalue(),
        with_exif("JPEG", 6).getvalue(),
        with_exif("WEBP").getvalue(),
    ):
        for _ in range(40):
            data = bytearray(source[: chance.randint(len(source) // 2, len(source))])
            for _flip in range(3):
                data[chance.randrange(len(data))] = chance.randrange(256)
            try:
                take(cast, io.BytesIO(bytes(data)))
            except Invalid as refusal:
                found.add(refusal.code)
    assert found <= {"not_an_image", "broken_image", "too_many_pixels"}
    assert "broken_image" in found


def bomb(width: int, height: int) -> bytes:
    """A PNG of a few bytes that says it is enormous."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\x00" * 100))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("size", [(30_000, 30_000), (200_000, 200_000), (7_072, 7_072)])
def test_a_bomb_is_refused_before_it_is_decoded(cast: Cast, size: tuple[int, int]):
    refused(cast, bomb(*size), "too_many_pixels")


def test_an_animation_of_many_frames_is_a_bomb_too(cast: Cast, settings: Any):
    settings.MEDIA_MAX_PIXELS = 24_999
    frames = [Image.new("RGB", (10, 10), (n % 256, n // 2, 99)) for n in range(250)]
    gif = io.BytesIO()
    frames[0].save(gif, "GIF", save_all=True, append_images=frames[1:])
    refused(cast, gif.getvalue(), "too_many_pixels")


def test_fifty_megabytes_are_refused_by_what_is_said_and_by_what_is_read(cast: Cast):
    assert live.MEDIA_MAX_BYTES < 50 * 2**20
    refused(cast, b"x", "media_too_big", size=50 * 2**20)
    refused(cast, b"\x89PNG" + b"\x00" * live.MEDIA_MAX_BYTES, "media_too_big", size=10)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("lampe.png", "lampe.png"),
        ("../../etc/passwd", None),
        ("/", "image"),
        ("..", "image"),
        ("", "image"),
        ("\x00", "image"),
        ("★", "image"),
        ("a\x00b.png", "ab.png"),
        ("x" * 300 + ".png", None),
        ("été de lampe.png", "été_de_lampe.png"),
        ("C:\\lampe.png", None),
        ("\u202egnp.exe", None),
    ],
)
def test_tricks_with_the_name(cast: Cast, name: str, kept: str | None):
    made = take(cast, picture(), name)
    assert made.name == kept or kept is None
    assert made.name
    assert len(made.name) <= 200
    assert not set(made.name) & set("/\\\x00\u202e")
    assert made.file.name == f"media/{cast.brand.pk}/{made.sha256[:2]}/{made.sha256}"


def test_the_same_bytes_twice_are_one_and_a_brands_own(cast: Cast):
    first = take(cast, picture(), "one.png")
    assert take(cast, picture(), "two.png") == first
    assert Entry.objects.filter(verb="media.upload").count() == 1
    other = upload(cast.stranger, cast.elsewhere, picture(), "lampe.png")
    assert other.pk != first.pk
    with pytest.raises(MediaChanged):
        read_media(cast.brand.pk, "0" * 64)


def test_an_outsider_uploads_nothing(cast: Cast):
    with pytest.raises(NotHere):
        upload(cast.stranger, cast.brand, picture(), "lampe.png")
    assert not Media.objects.exists()


def test_other_bytes_on_the_disk_are_noticed(cast: Cast):
    made = take(cast, picture())
    with open(made.file.path, "ab") as file:
        file.write(b"x")
    with pytest.raises(MediaChanged, match="other bytes"):
        read_media(cast.brand.pk, made.sha256)
    made.file.storage.delete(str(made.file.name))
    with pytest.raises(MediaChanged, match="cannot be read"):
        read_media(cast.brand.pk, made.sha256)
