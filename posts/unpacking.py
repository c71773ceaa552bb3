"""Reads a HEIC in a process of its own, with bounded memory and time.

The decoder (libheif, libde265, their binding) is a great deal of C for one kind of file, and bytes that somebody
flipped do make it crash: it then takes a child along, and never a web server. The child is this very file, run
as a script that knows neither Django nor the house, nor any of its secrets.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

from PIL import Image

_ADDRESSES = 3 * 2**30
_SECONDS = 20
_HEADER = 64 * 1024


class TooManyPixels(Exception):
    """More than may be decoded: `size` is (width, height)."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__(f"{width} × {height}")
        self.size = (width, height)


class Unreadable(Exception):
    """No HEIC, a broken one, or one that the decoder did not survive."""


def unpack(data: bytes, most_pixels: int) -> Image.Image:
    """The main picture of a HEIC: RGB, upright, with its colour profile and without anything else of what came
    along. Raises TooManyPixels before it is decoded, and Unreadable."""
    # Isolated, without our environment: nothing there is the child's business.
    command = [sys.executable, "-I", str(Path(__file__).resolve()), str(most_pixels)]
    try:
        child = subprocess.run(
            command, input=data, capture_output=True, timeout=2 * _SECONDS, env={}, cwd="/", check=False
        )
    except subprocess.TimeoutExpired as error:
        raise Unreadable("no answer in time") from error
    if child.returncode != 0:
        raise Unreadable(f"the decoder ended with {child.returncode}")
    return _received(child.stdout, most_pixels)


def _received(answer: bytes, most_pixels: int) -> Image.Image:
    """Believes nothing: who answers may have been taken over by what it read."""
    head, found, pixels = answer.partition(b"\n")
    if not found or len(head) > 8 * _HEADER:
        raise Unreadable("no header")
    try:
        told = json.loads(head)
        width, height, profile = int(told["width"]), int(told["height"]), bytes.fromhex(told["profile"])
    except (ValueError, TypeError, KeyError) as error:
        raise Unreadable("no header") from error
    if width * height > most_pixels:
        raise TooManyPixels(width, height)
    if min(width, height) < 1 or len(pixels) != width * height * 3:
        raise Unreadable("another number of pixels")
    image = Image.frombytes("RGB", (width, height), pixels)
    if profile:
        image.info["icc_profile"] = profile
    return image


# --- In the child -----------------------------------------------------------------------------
def _bound() -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CPU, (_SECONDS, _SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESSES, _ADDRESSES))


def _child(most_pixels: int) -> None:
    # Here alone: no other process loads the decoder.
    from pi_heif import register_heif_opener

    _bound()
    # Only the picture itself, not what a telephone puts beside it.
    register_heif_opener(thumbnails=False, depth_images=False, aux_images=False, decode_threads=1)
    with Image.open(sys.stdin.buffer, formats=["HEIF"]) as image:
        if image.width * image.height > most_pixels:
            _answer(image, b"")
            return
        # By the standard the container's own rotation counts, and was applied; that of EXIF does not.
        image.load()
        picture: Image.Image = image
        if picture.mode == "RGBA":
            ground = Image.new("RGB", picture.size, "white")
            ground.paste(picture, mask=picture.getchannel("A"))
            ground.info = picture.info
            picture = ground
        elif picture.mode != "RGB":
            picture = picture.convert("RGB")
        _answer(picture, picture.tobytes())


def _answer(image: Image.Image, pixels: bytes) -> None:
    profile = image.info.get("icc_profile") or b""
    told: dict[str, Any] = {"width": image.width, "height": image.height}
    told["profile"] = profile.hex() if len(profile) <= _HEADER else ""
    sys.stdout.buffer.write(json.dumps(told).encode() + b"\n" + pixels)
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    _child(int(sys.argv[1]))
