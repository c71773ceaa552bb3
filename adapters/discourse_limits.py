"""What a Discourse forum says of its own limits and categories."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from adapters.discourse_line import DiscourseLine, is_id


def read_limits(line: DiscourseLine, defaults: Mapping[str, Any]) -> dict[str, Any]:
    """The forum's own limits; what it does not say, or says badly, stays at the default."""
    answer = line.ask("GET", "/site/settings.json", accept={403, 404})
    said = answer.mapping() if answer.status == 200 else {}
    limits = dict(defaults)
    for name, theirs, factor in (
        ("max_characters", "max_post_length", 1),
        ("min_characters", "min_first_post_length", 1),
        ("min_reply_characters", "min_post_length", 1),
        ("min_title_characters", "min_topic_title_length", 1),
        ("max_title_characters", "max_topic_title_length", 1),
        ("max_tags", "max_tags_per_topic", 1),
        ("image_size_limit", "max_image_size_kb", 1024),
        ("image_matrix_limit", "max_image_megapixels", 1_000_000),
    ):
        if is_id(said.get(theirs)):
            limits[name] = said[theirs] * factor
    if isinstance(said.get("allow_uncategorized_topics"), bool):
        limits["allow_uncategorized"] = said["allow_uncategorized_topics"]
    limits["supported_mime_types"] = (
        _kinds(said.get("authorized_extensions")) or limits["supported_mime_types"]
    )
    site = line.ask("GET", "/site.json", accept={403, 404})
    listed = categories_of(site.mapping()) if site.status == 200 else []
    limits["categories"] = sorted({name for one in listed for name in names_of(one)})
    return limits


def categories_of(site: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    listed = site.get("categories")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


def names_of(category: Mapping[str, Any]) -> list[str]:
    return [str(category[name]) for name in ("name", "slug") if category.get(name)]


def _kinds(extensions: object) -> list[str]:
    """The image types among the extensions that the forum takes, `jpg|png|…`."""
    if not isinstance(extensions, str):
        return []
    each = {one.strip().lstrip(".").lower() for one in extensions.replace(",", "|").split("|")}
    known = {
        "image/jpeg": {"jpg", "jpeg"},
        "image/png": {"png"},
        "image/gif": {"gif"},
        "image/webp": {"webp"},
    }
    return [kind for kind, endings in known.items() if endings & each or "*" in each]
