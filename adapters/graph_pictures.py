"""Which pictures Instagram and Threads take: how wide, and of what shape.

In a snapshot of limits: `image_width_min`, `image_side_limit` in pixels, `image_ratio_min` and `image_ratio_max` of
width by height; 0 is no limit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.base import MediaItem, Problem, gettext_noop
from adapters.media import MediaRules


def rules(limits: Mapping[str, Any]) -> MediaRules:
    return MediaRules(
        mimes=tuple(sorted(limits["supported_mime_types"])),
        max_bytes=int(limits["image_size_limit"]),
        max_pixels=int(limits["image_matrix_limit"]),
        max_side=int(limits["image_side_limit"]),
        max_ratio=float(limits["image_ratio_max"]),
        min_ratio=float(limits["image_ratio_min"]),
    )


def problems(media: Iterable[MediaItem], limits: Mapping[str, Any]) -> Iterable[Problem]:
    """What is wrong with the pictures, beside what networks have in common. Sizes that are not known pass."""
    narrowest, longest = int(limits["image_width_min"]), int(limits["image_side_limit"])
    tallest, widest = float(limits["image_ratio_min"]), float(limits["image_ratio_max"])
    for place, item in enumerate(media, start=1):
        if item.width < 1 or item.height < 1:
            continue
        which = {"position": place, "sha256": item.sha256, "width": item.width, "height": item.height}
        if item.width < narrowest:
            message = gettext_noop(
                "File %(position)s is too narrow for this network: %(width)s pixels of at least %(limit)s."
            )
            yield Problem("media_too_small", "media", message, {**which, "limit": narrowest})
        fewer = item.width * item.height <= int(limits["image_matrix_limit"])
        if longest and fewer and max(item.width, item.height) > longest:
            message = gettext_noop(
                "File %(position)s is too large for this network: %(width)s by %(height)s pixels, at most"
                " %(limit)s a side."
            )
            yield Problem("media_too_many_pixels", "media", message, {**which, "limit": longest})
        ratio = item.width / item.height
        if ratio < tallest:
            message = gettext_noop(
                "File %(position)s is too tall for this network: %(width)s by %(height)s. Crop it."
            )
            yield Problem("media_too_narrow", "media", message, which)
        if widest and ratio > widest:
            message = gettext_noop(
                "File %(position)s is too wide for this network: %(width)s by %(height)s. Crop it."
            )
            yield Problem("media_too_narrow", "media", message, which)
