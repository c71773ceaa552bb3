"""Reading the approved files, making sure that they still are the approved ones, and what a network takes."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from adapters.base import Adapter, Connection, MediaItem, NotSent, Rejected, canonical, gettext_noop

_EXTENSIONS = {
    "image/jpeg": ".jpg",
    "image/png": ".png",
    "image/gif": ".gif",
    "image/webp": ".webp",
    "image/avif": ".avif",
}


def approved_bytes(connection: Connection, item: Mapping[str, Any]) -> bytes:
    """The file of one entry of `parts[…]["media"]`. The digest covers its SHA-256, so a file that
    was replaced in the store since is not sent."""
    try:
        content = connection.read_media(item["sha256"])
    except FileNotFoundError:
        raise Rejected(gettext_noop("An approved file is no longer there. Nothing was sent.")) from None
    except OSError:
        raise NotSent(
            gettext_noop("An approved file could not be read just now. Nothing was sent.")
        ) from None
    if hashlib.sha256(content).hexdigest() != item["sha256"]:
        raise Rejected(gettext_noop("A file is no longer the one that was approved. Nothing was sent."))
    return content


def file_name(item: Mapping[str, Any]) -> str:
    """A name that says nothing about the person or machine it came from."""
    return str(item["sha256"])[:16] + _EXTENSIONS.get(item["mime"], ".bin")


@dataclass(frozen=True, slots=True)
class MediaRules:
    """Which pictures a network takes: what is fitted to them before review (posts/fitting.py). Bytes and pixels;
    0 is no limit. `max_sum` is of width and height, a ratio is width by height. They say no more than
    `validate` does: a picture with which it is content is never touched."""

    mimes: tuple[str, ...]
    max_bytes: int = 0
    max_pixels: int = 0
    max_side: int = 0
    max_sum: int = 0
    max_ratio: float = 0
    min_ratio: float = 0
    min_side: int = 0

    def takes(self, item: MediaItem) -> bool:
        """Whether it may go out as it is."""
        light = not self.max_bytes or item.size <= self.max_bytes
        return item.mime in self.mimes and light and self.reach(item.width, item.height) == 1

    def reach(self, width: int, height: int) -> float:
        """The largest factor up to 1 by which such a picture can be made smaller and be within the limits of
        its sides; 0 when none is."""
        if width < 1 or height < 1:
            return 1  # not known
        if not self._well_shaped(width / height):
            return 0
        factors = [1.0]
        if self.max_side:
            factors.append(self.max_side / max(width, height))
        if self.max_sum:
            factors.append(self.max_sum / (width + height))
        if self.max_pixels:
            factors.append((self.max_pixels / (width * height)) ** 0.5)
        return min(factors) if min(width, height) * min(factors) >= self.min_side else 0

    def _well_shaped(self, ratio: float) -> bool:
        return ratio >= self.min_ratio and (not self.max_ratio or ratio <= self.max_ratio)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(canonical(dataclasses.asdict(self))).hexdigest()


class Fitting(Adapter, Protocol):
    """A network that says which pictures it takes, so that others are made smaller or converted before review."""

    @classmethod
    def media_rules(cls, limits: Mapping[str, Any]) -> MediaRules:
        """The rules under this snapshot of its limits."""


def rules_of(kind: type[Adapter], limits: Mapping[str, Any]) -> MediaRules:
    """As an adapter's `media_rules`: its own limits under those of the snapshot."""
    return rules_in({**kind.default_limits, **limits})


def rules_in(limits: Mapping[str, Any]) -> MediaRules:
    """What a snapshot of limits says about pictures, in the names that the networks' files share:
    `supported_mime_types`, and where there is one `image_size_limit` (bytes), `image_matrix_limit` (pixels),
    `image_side_limit`, `image_min_side`, `image_sides_sum` (pixels), `image_ratio` (of the longer side to the
    shorter one)."""
    widest = float(limits.get("image_ratio", 0))
    return MediaRules(
        mimes=tuple(sorted(limits["supported_mime_types"])),
        max_bytes=int(limits.get("image_size_limit", 0)),
        max_pixels=int(limits.get("image_matrix_limit", 0)),
        max_side=int(limits.get("image_side_limit", 0)),
        max_sum=int(limits.get("image_sides_sum", 0)),
        max_ratio=widest,
        min_ratio=1 / widest if widest else 0,
        min_side=int(limits.get("image_min_side", 0)),
    )
