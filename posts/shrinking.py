"""Makes a picture one that a network takes: smaller, lighter, of another kind. Pure: bytes in, bytes out.

Never larger, never cropped, never with metadata; the same bytes and rules give the same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass

from PIL import Image

from adapters.base import MediaItem
from adapters.media import MediaRules

FORMATS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WEBP"}
_READ = (*FORMATS.values(), "GIF")
_LOSSY = ("image/jpeg", "image/webp")
# Each is tried before the picture is made smaller still; below the last one it shows.
_QUALITIES = (90, 82, 75)
# The longer side, in pixels, below which nothing is made only in order to be lighter.
_FLOOR = 320
# What is transparent stays so down to here. Then it becomes white, where a network takes JPEG.
_FLOOR_OF_TRANSPARENCY = 1200
_ROUNDS = 8


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A picture within the rules. `flattened`: transparent parts became white."""

    data: bytes
    mime: str
    width: int
    height: int
    flattened: bool = False


@dataclass(frozen=True, slots=True)
class _Aim:
    """A kind to try. `floor`: of the longer side; `once`: at one size only, since something lighter follows."""

    mime: str
    floor: int = _FLOOR
    once: bool = False


def shrink(data: bytes, mime: str, rules: MediaRules) -> Shrunk | None:
    """None where it cannot be brought within the rules: a shape that only cropping would change, an
    animation, too small, too heavy however small. `data` was taken in by posts/uploading.py: it is upright."""
    with Image.open(io.BytesIO(data), formats=_READ) as image:
        factor = rules.reach(image.width, image.height)
        if not factor or getattr(image, "is_animated", False):
            return None
        image.load()
        picture = _plain(image)
    for aim in _aims(mime, picture, rules):
        made = _within(picture, aim, factor, rules)
        if made is not None:
            return made
    return None


def _plain(image: Image.Image) -> Image.Image:
    """In a mode that can be made smaller, without metadata; with transparency only if some of it is seen."""
    if image.has_transparency_data:
        plain = image.convert("RGBA")
        if plain.getchannel("A").getextrema() == (255, 255):
            plain = plain.convert("RGB")
    elif image.mode.startswith("I"):
        # Sixteen bits of grey: converting cuts them off instead of making them fewer.
        plain = image.convert("I").point(lambda value: value * (1 / 256)).convert("L")
    else:
        plain = image.convert("L" if image.mode in {"1", "L"} else "RGB")
    plain.info = {}
    return plain


def _aims(mime: str, picture: Image.Image, rules: MediaRules) -> Iterator[_Aim]:
    """The kinds worth trying, the best first: as it is, then what keeps the most of it."""
    clear = picture.mode == "RGBA"
    best = ("image/png", "image/webp", "image/jpeg") if clear else ("image/jpeg", "image/webp", "image/png")
    kinds = [kind for kind in dict.fromkeys((mime, *best)) if kind in FORMATS and kind in rules.mimes]
    for place, kind in enumerate(kinds):
        lighter = [later for later in kinds[place + 1 :] if later in _LOSSY]
        keeps = [later for later in lighter if not clear or later != "image/jpeg"]
        if kind in _LOSSY or not lighter:
            yield _Aim(kind)
        elif keeps:
            yield _Aim(kind, once=True)
        else:
            yield _Aim(kind, _FLOOR_OF_TRANSPARENCY)


def _within(picture: Image.Image, aim: _Aim, factor: float, rules: MediaRules) -> Shrunk | None:
    for turn in range(_ROUNDS):
        size = max(1, int(picture.width * factor)), max(1, int(picture.height * factor))
        if turn and max(size) < aim.floor:
            return None
        small = picture if size == picture.size else picture.resize(size, Image.Resampling.LANCZOS)
        for quality in _QUALITIES if aim.mime in _LOSSY else _QUALITIES[:1]:
            made = _encoded(small, aim.mime, quality)
            if rules.takes(MediaItem("", made.mime, "", made.width, made.height, len(made.data))):
                return made
        if aim.once or len(made.data) <= rules.max_bytes:
            return None  # a side that rounding made too small, if it is not the weight
        factor *= min(0.85, (rules.max_bytes / len(made.data)) ** 0.5)
    return None


def _encoded(picture: Image.Image, mime: str, quality: int) -> Shrunk:
    flattened = mime == "image/jpeg" and picture.mode == "RGBA"
    if flattened:
        ground = Image.new("RGB", picture.size, "white")
        ground.paste(picture, mask=picture.getchannel("A"))
        picture = ground
    out = io.BytesIO()
    options = {"quality": quality, "optimize": True} if mime == "image/jpeg" else {"optimize": True}
    if mime == "image/webp":
        options = {"quality": quality, "method": 4}
    picture.save(out, FORMATS[mime], **options)
    return Shrunk(out.getvalue(), mime, picture.width, picture.height, flattened)
