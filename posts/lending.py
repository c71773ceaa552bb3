"""Lends an approved picture to a network that fetches files by itself: an address of this product, signed,
good for an hour, and for exactly those bytes (docs/decisions/media.md)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, TimestampSigner
from django.urls import reverse

from adapters.base import nowhere
from adapters.media import file_name
from posts.models import Media
from posts.uploading import MediaChanged, read_media

# Instagram and Threads fetch while they are asked to; some look again minutes later.
GOOD_FOR_S = 3600


class NotLent(Exception):
    """No address of ours, or no longer, or no longer these bytes: the three look alike from outside."""


def _signer() -> TimestampSigner:
    # A point is in neither part of what is signed, nor in the alphabet of a signature.
    return TimestampSigner(salt="posts.lending", sep=".")


def public_url(brand_id: int, item: Mapping[str, Any]) -> str:
    """The address of one entry of `parts[…]["media"]`. It needs no database. Raises NotSent where the
    installation has no public address."""
    if not settings.PUBLIC_URL:
        return nowhere(item)
    token = _signer().sign(f"{brand_id}-{item['sha256']}")
    # Some fetchers believe the end of an address rather than the content type.
    return settings.PUBLIC_URL + reverse("lent_file", args=[token, file_name(item)])


def lent(token: str, name: str) -> tuple[bytes, str]:
    """(bytes, MIME type) of what an address of `public_url` names. Raises NotLent."""
    try:
        brand_id, _, sha256 = _signer().unsign(token, max_age=GOOD_FOR_S).partition("-")
    except BadSignature as error:
        raise NotLent from error
    media = Media.objects.filter(brand_id=int(brand_id), sha256=sha256).first()
    if media is None or name != file_name({"sha256": sha256, "mime": media.mime}):
        raise NotLent
    try:
        return read_media(media.brand_id, sha256), media.mime
    except MediaChanged as error:
        raise NotLent from error
