"""Which file goes to which network: the picture as it was taken in, or one made from it within the network's
rules. Made once for a picture and rules, before review, so that what is approved is what is sent.

The picture as it was taken in stays; it is the source of every other (docs/decisions/media.md).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from adapters.base import MediaItem
from adapters.media import MediaRules
from posts.models import Fit, Media
from posts.shrinking import shrink
from posts.uploading import MediaChanged, Picture, keep, read_media

# {channel key: {SHA-256 of a picture: its stand-in there}}
Fits = Mapping[str, Mapping[str, MediaItem]]


def as_item(one: Mapping[str, Any]) -> MediaItem:
    """An entry of a content's `media`."""
    names = ("sha256", "mime", "alt", "width", "height", "size")
    return MediaItem(**{name: one[name] for name in names})


def find_fits(media: Sequence[Mapping[str, Any]], rules: Mapping[str, MediaRules]) -> Fits:
    """`media` as in a content, `rules` by channel key. One query, and none where every picture is taken as it is
    or cannot be helped; what was never made is made now."""
    wanted: dict[tuple[int, str], MediaRules] = {}
    asked: list[tuple[str, Mapping[str, Any], str]] = []
    for key, said in rules.items():
        for one in media:
            item = as_item(one)
            if not said.takes(item) and said.reach(item.width, item.height):
                wanted[one["id"], said.sha256] = said
                asked.append((key, one, said.sha256))
    if not wanted:
        return {}
    found = _known(wanted)
    for (source, name), said in wanted.items():
        if (source, name) not in found:
            found[source, name] = _make(source, said)
    fits: dict[str, dict[str, MediaItem]] = {}
    for key, one, name in asked:
        fitted = found[one["id"], name]
        if fitted is not None:
            fits.setdefault(key, {})[one["sha256"]] = _stand_in(as_item(one), fitted)
    return fits


def stand_ins(media: Sequence[MediaItem], fits: Mapping[str, MediaItem]) -> tuple[MediaItem, ...]:
    """The files for one channel, in their order, each with the description it has in the post."""
    return tuple(
        dataclasses.replace(fits[one.sha256], alt=one.alt) if one.sha256 in fits else one for one in media
    )


def _stand_in(item: MediaItem, fitted: Media) -> MediaItem:
    return MediaItem(fitted.sha256, fitted.mime, item.alt, fitted.width, fitted.height, fitted.size)


def _known(wanted: Mapping[tuple[int, str], MediaRules]) -> dict[tuple[int, str], Media | None]:
    sources, names = {source for source, _name in wanted}, {name for _source, name in wanted}
    rows = Fit.objects.filter(source_id__in=sources, rules__in=names).select_related("fitted")
    return {(row.source_id, row.rules): row.fitted for row in rows}


def _make(source_id: int, rules: MediaRules) -> Media | None:
    """Two who make the same one at a time make the same bytes, and the second takes the first's."""
    source = Media.objects.filter(pk=source_id).first()
    if source is None:
        return None
    try:
        data = read_media(source.brand_id, source.sha256)
    except MediaChanged:
        # Said when it is sent, if not before. It may only be unreadable just now: nothing is written down.
        return None
    made = shrink(data, source.mime, rules)
    with transaction.atomic():
        fitted = None
        if made is not None:
            picture = Picture(made.data, made.mime, made.width, made.height)
            fitted, _new = keep(
                source.brand, source.uploaded_by, picture, source.name, source.original_sha256
            )
        fit, _new = Fit.objects.get_or_create(
            source=source,
            rules=rules.sha256,
            defaults={"fitted": fitted, "flattened": made is not None and made.flattened},
        )
    return fit.fitted
