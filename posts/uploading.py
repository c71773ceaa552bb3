"""Takes an uploaded picture in: looked at by its content, turned upright, stripped, encoded anew.

What is stored is what the public will receive; the approved bytes are the sent bytes.
"""

from __future__ import annotations

import hashlib
import io
import struct
import warnings
import zlib
from dataclasses import dataclass
from typing import IO

import filetype
from django.conf import settings
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile
from django.core.files.storage import Storage
from django.db import IntegrityError, transaction
from django.template.defaultfilters import filesizeformat
from django.utils.text import get_valid_filename
from django.utils.translation import gettext as _
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from accounts.models import Brand, User
from accounts.policies import demand_member
from accounts.refusals import Invalid
from journal.recording import record
from posts.models import Media
from posts.unpacking import TooManyPixels, Unreadable, unpack

FORMATS = {"JPEG": "image/jpeg", "PNG": "image/png", "WEBP": "image/webp", "GIF": "image/gif"}
_HEIC = "image/heic"
_KINDS = {*FORMATS.values(), _HEIC}
_SRGB = ImageCms.createProfile("sRGB")
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
        raise _refuse("not_an_image", _("This file is not an image. Use JPEG, PNG, WebP, GIF or HEIC."))
    if kind.mime == _HEIC:
        return _unpacked(data)
    try:
        with warnings.catch_warnings():
            # Of broken EXIF it would warn too, which goes away with the EXIF.
            warnings.simplefilter("ignore")
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(io.BytesIO(data), formats=tuple(FORMATS))
            frames = getattr(image, "n_frames", 1)
            if image.width * image.height * frames > settings.MEDIA_MAX_PIXELS:
                raise _too_large(image.width, image.height)
            image.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _refuse("too_many_pixels", _("This image has too many pixels.")) from None
    except _BROKEN:
        raise _refuse("broken_image", _("This image is broken: it cannot be read.")) from None
    return image


def _too_large(width: int, height: int) -> Invalid:
    sentence = _("This image is too large: %(width)s × %(height)s pixels.")
    return _refuse("too_many_pixels", sentence % {"width": width, "height": height})


def _unpacked(data: bytes) -> Image.Image:
    """What a telephone takes, and few networks and browsers read: it becomes a JPEG."""
    try:
        image = unpack(data, settings.MEDIA_MAX_PIXELS)
    except TooManyPixels as error:
        raise _too_large(*error.size) from None
    except Unreadable:
        raise _refuse("broken_image", _("This image is broken: it cannot be read.")) from None
    image.format = "JPEG"
    return image


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture as it is stored. `width` and `height` in pixels."""

    data: bytes
    mime: str
    width: int
    height: int


def _encoded(image: Image.Image) -> Picture:
    """Upright, in the colours of the web, without EXIF, location or any other metadata."""
    form = image.format or "PNG"
    out = io.BytesIO()
    if form == "GIF" and getattr(image, "is_animated", False):
        # Pillow writes the first frame's comment again unless it is given another.
        image.save(out, "GIF", save_all=True, comment=b"")
        return Picture(out.getvalue(), FORMATS["GIF"], image.width, image.height)
    upright = _in_srgb(ImageOps.exif_transpose(image))
    clean = upright.convert("RGB") if form == "JPEG" else upright.copy()
    # Of what came along only the transparent colour of a palette is part of the picture.
    clean.info = {name: value for name, value in clean.info.items() if name == "transparency"}
    options = {"quality": 90, "optimize": True} if form in {"JPEG", "WEBP"} else {"optimize": True}
    clean.save(out, form, **options)
    return Picture(out.getvalue(), FORMATS[form], clean.width, clean.height)


def _in_srgb(image: Image.Image) -> Image.Image:
    """A telephone's wide colours, told in those that are assumed of a picture without a profile. The profile
    goes with the metadata, and without this the colours would turn pale."""
    profile = image.info.get("icc_profile")
    if not profile or image.mode not in {"RGB", "RGBA"}:
        return image
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        turned = ImageCms.profileToProfile(image, source, _SRGB, outputMode=image.mode)
    except (ImageCms.PyCMSError, OSError):
        return image
    return turned or image


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
        picture = _encoded(image)
    except _BROKEN:
        raise _refuse("broken_image", _("This image is broken: it cannot be read.")) from None
    with transaction.atomic():
        media, new = keep(brand, actor, picture, _name(name), hashlib.sha256(data).hexdigest())
        if new:
            record("media.upload", actor, brand, f"media:{media.pk}", sha256=media.sha256, size=media.size)
    return media


def keep(
    brand: Brand, uploaded_by: User, picture: Picture, name: str, original_sha256: str
) -> tuple[Media, bool]:
    """(the brand's one row for these bytes, whether it is new). Call inside a transaction."""
    sha256 = hashlib.sha256(picture.data).hexdigest()
    known = Media.objects.filter(brand=brand, sha256=sha256).first()
    if known is not None:
        return known, False
    media = Media(
        brand=brand,
        uploaded_by=uploaded_by,
        name=name,
        mime=picture.mime,
        sha256=sha256,
        original_sha256=original_sha256,
        size=len(picture.data),
        width=picture.width,
        height=picture.height,
    )
    _write(media, picture.data)
    try:
        with transaction.atomic():
            media.save(force_insert=True)
    except IntegrityError:
        # Somebody took in the same bytes just now: the file is theirs too.
        return Media.objects.get(brand=brand, sha256=sha256), False
    return media, True


def _write(media: Media, data: bytes) -> None:
    """Under a name that is its content. A file left there by a transaction that came to nothing is taken over."""
    name = f"{media.brand_id}/{media.sha256[:2]}/{media.sha256}"
    there = media.file.field.generate_filename(media, name)
    if _is_there(media.file.storage, there, media.sha256):
        media.file.name = there
    else:
        media.file.save(name, ContentFile(data), save=False)


def _is_there(storage: Storage, name: str, sha256: str) -> bool:
    try:
        with storage.open(name, "rb") as file:
            return hashlib.sha256(file.read()).hexdigest() == sha256
    except OSError:
        return False


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
