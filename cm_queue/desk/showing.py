"""From what the gate and the adapters give to what the components draw: plain shapes, no database.

A page may hand over objects or their JSON (a sealed payload is stored as JSON), so values are read
from either, as the template language itself would.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import NoReverseMatch, reverse

from cm_queue.desk import signs


def read(thing: Any, name: str, default: Any = None) -> Any:
    """A value of a mapping or an attribute of an object, as the template language would."""
    return thing.get(name, default) if isinstance(thing, Mapping) else getattr(thing, name, default)


def names(people: Iterable[Any]) -> list[str]:
    """People by name: objects with a `name`, or names."""
    return [str(getattr(one, "name", "") or one) for one in people]


def requirement(needed: Any, viewer: Any = None) -> dict[str, Any]:
    """One line of who must say yes. `needed` is a requirement as the API shows it: `domain`, `level`,
    `covered_by`, `missing`, `could` (names, or objects with a `name`), and optionally `label`, the
    domain's proper name. `viewer` is the reader: an entry of `could`, or of the same name."""
    covered, could = list(read(needed, "covered_by") or ()), list(read(needed, "could") or ())
    missing = int(read(needed, "missing") or 0)
    you = bool(viewer) and names([viewer])[0] in names(could)
    kind = "met" if not missing else "you" if you else "miss" if could else "none"
    return {
        "kind": kind,
        "drawing": {"met": "met", "you": "yours"}.get(kind, "missing"),
        "title": read(needed, "label") or signs.domain_name(str(read(needed, "domain"))),
        "level": read(needed, "level"),
        "covered": covered,
        "could": could,
        "missing": missing,
    }


def preview(payload: Any, channel: Any, counts: Iterable[Any], brand: Any) -> dict[str, Any]:
    """What the public will see: `payload` as `adapters.base.Payload` or its JSON; `channel` (or None)
    with `name` and perhaps `handle`; `counts` as adapters give them; `brand` who speaks."""
    body = read(payload, "body") or {}
    parts = [
        {"text": read(one, "text", ""), "media": [_picture(item) for item in read(one, "media") or ()]}
        for one in read(body, "parts") or ()
    ]
    network = str(read(payload, "network", ""))
    visibility = str(read(body, "visibility") or "")
    return {
        "network_id": network,
        "title": read(channel, "name", "") or signs.network_name(network),
        "handle": read(channel, "handle", ""),
        "author": brand or read(channel, "brand", ""),
        "first": parts[0] if parts else None,
        "rest": parts[1:],
        "warning": read(body, "content_warning") or read(body, "spoiler_text"),
        "visibility": signs.VISIBILITIES.get(visibility, visibility),
        "language": read(body, "language"),
        "counts": list(counts),
    }


def _picture(item: Any) -> dict[str, Any]:
    """One file of a payload with the address it is served from (URL name `media_file`, its SHA-256)."""
    try:
        src = read(item, "src") or reverse("media_file", args=[str(read(item, "sha256", ""))])
    except NoReverseMatch:
        src = ""
    return {
        "src": src,
        "alt": read(item, "alt", ""),
        "width": read(item, "width") or None,
        "height": read(item, "height") or None,
    }
