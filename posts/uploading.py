"""Takes an uploaded picture in: looked at by its content, turned upright, stripped, encoded anew.

What is stored is what the public will receive; the approved bytes are the sent bytes.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from typing import IO

import filetype
from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from PIL import Image, ImageOps, UnidentifiedImageError

from accounts.models import Brand, User
from accounts.policies import demand_member
from accounts.refusals import Invalid
from journal.recording import record
from posts.models import Media

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_KINDS = set(FORMATS.values())
# What Pillow raises for bytes that only begin like a picture; seen, or read in its decoders.
_BROKEN = (
    UnidentifiedImageError, OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError,
    AttributeError, struct.error, zlib.error,
)  # fmt: skip


def _refuse(code: str, sentence: str) -> Invalid:
    return Invalid(code, sentence, fields={"media": [sentence]})


def _bytes_of(file: IO[bytes], size: int | None) -> bytes:
    most = settings.MEDIA_MAX_BYTES
    too_big = _refuse(
        "media_too_big",
        _("This file is too big: at most %(most)s. Nothing was uploaded.") % {"most": filesizeformat(most)},
    )
    if size is not None and size > most:
        raise too_big
    data = file.read(most + 1)
    if len(data) > most:
        raise too_big
    if not data:
        raise _refuse("media_empty", _("This file is empty."))
    return data


def _decoded(data: bytes) -> Image.Image:
    """The picture, wholly decoded. Raises Invalid for what is no picture, and before decoding one whose
    dimensions would fill the memory."""
    kind = filetype.guess(data)
    if kind is None or kind.mime not in _KINDS:
        raise _refuse("not_an_image", _("This file is not an image. Use JPEG, PNG, WebP or GIF."))
    try:
        with warnings.catch_warnings():
            # Of broken EXIF it would warn too, which goes away with the EXIF.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=tuple(FORMATS))
            frames = getattr(image, "n_frames", 1)
            if image.width * image.height * frames > settings.MEDIA_MAX_PIXELS:
                raise _refuse(
                    "too_many_pixels",
                    _("This image is too large: %(width)s × %(height)s pixels.")
                    % {"width": image.width, "height": image.height},
                )
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refuse("too_many_pixels", _("This image has too many pixels.")) from None
    except _BROKEN:
        raise _refuse("broken_image", _("This image is broken: it cannot be read.")) from None
    return image


def _encoded(image: Image.Image) -> tuple[bytes, str, int, int]:
    """(bytes, MIME type, width, height), without EXIF, location or any other metadata."""
    form = image.format or "PNG"
    out = io.BytesIO()
    if form == "GIF" and getattr(image, "is_animated", False):
        # Pillow writes the first frame's comment again unless it is given another.
        image.save(out, "GIF", save_all=True, comment=b"")
        return out.getvalue(), FORMATS["GIF"], image.width, image.height
    upright = ImageOps.exif_transpose(image)
    clean = upright.convert("RGB") if form == "JPEG" else upright.copy()
    # Of what came along only the transparent colour of a palette is part of the picture.
    clean.info = {name: value for name, value in clean.info.items() if name == "transparency"}
    options = {"quality": 90, "optimize": True} if form in {"JPEG", "WEBP"} else {"optimize": True}
    clean.save(out, form, **options)
    return out.getvalue(), FORMATS[form], clean.width, clean.height


def _name(name: str) -> str:
    """A file's name as we keep it: letters, digits, hyphens, points; never a path, never empty."""
    try:
        return get_valid_filename(name)[-120:]
    except SuspiciousFileOperation:
        return "image"


def upload(actor: User, brand: Brand, file: IO[bytes], name: str, size: int | None = None) -> Media:
    """Stores a picture for the brand; the same bytes twice are one. Raises Invalid, and NotHere for
    somebody outside the brand."""
    demand_member(actor, brand)
    data = _bytes_of(file, size)
    image = _decoded(data)
    try:
        clean, mime, width, height = _encoded(image)
    except _BROKEN:
        raise _refuse("broken_image", _("This image is broken: it cannot be read.")) from None
    sha256 = hashlib.sha256(clean).hexdigest()
    kept_name = _name(name)
    with transaction.atomic():
        known = Media.objects.filter(brand=brand, sha256=sha256).first()
        if known is not None:
            return known
        media = Media(
            brand=brand,
            uploaded_by=actor,
            name=kept_name,
            mime=mime,
            sha256=sha256,
            original_sha256=hashlib.sha256(data).hexdigest(),
            size=len(clean),
            width=width,
            height=height,
        )
        media.file.save(f"{brand.pk}/{sha256[:2]}/{sha256}", ContentFile(clean), save=False)
        media.save(force_insert=True)
        record("media.upload", actor, brand, f"media:{media.pk}", sha256=sha256, size=len(clean))
    return media


class MediaChanged(Exception):
    """The stored file is not, or no longer, the approved bytes."""


def read_media(brand_id: int, sha256: str) -> bytes:
    """The bytes behind a SHA-256, checked again on every reading. Raises MediaChanged."""
    media = Media.objects.filter(brand_id=brand_id, sha256=sha256).first()
    if media is None:
        raise MediaChanged(f"no media {sha256}")
    try:
        with media.file.open("rb") as file:
            data: bytes = file.read()
    except OSError as error:
        raise MediaChanged(f"media {sha256} cannot be read") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise MediaChanged(f"media {sha256} has other bytes")
    return data
