"""From what the gate and the adapters give to what the components draw: plain shapes, no database.

A page may hand over objects or their JSON (a sealed payload is stored as JSON), so values are read
from either, as the template language itself would.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _

from adapters.registry import ADAPTERS
from approvals.naming import domain_name, network_name
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
        "title": read(needed, "label") or domain_name(str(read(needed, "domain"))),
        "level": read(needed, "level"),
        "covered": covered,
        "could": could,
        "missing": missing,
    }


def preview(
    payload: Any,
    channel: Any,
    counts: Iterable[Any],
    brand: Any,
    price: Any = None,
    notes: Mapping[str, str] | None = None,
    quotes: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """What the public will see: `payload` as `adapters.base.Payload` or its JSON; `channel` (or None)
    with `name` and perhaps `handle`; `counts` as adapters give them; `brand` who speaks; `notes` at files, by
    their SHA-256; `quotes`, passages that comments are about, by the comment's id."""
    body = read(payload, "body") or {}
    network = str(read(payload, "network", ""))
    described = network not in ADAPTERS or ADAPTERS[network].capabilities.alt_text
    parts = [
        {
            "text": read(one, "text", ""),
            "passages": passages(read(one, "text", ""), quotes or {}),
            "media": [_picture(item, notes or {}, described) for item in read(one, "media") or ()],
        }
        for one in read(body, "parts") or ()
    ]
    visibility = str(read(body, "visibility") or "")
    return {
        "network_id": network,
        "title": read(channel, "name", "") or network_name(network),
        "handle": read(channel, "handle", ""),
        "author": brand or read(channel, "brand", ""),
        "first": parts[0] if parts else None,
        "rest": parts[1:],
        "warning": read(body, "content_warning") or read(body, "spoiler_text"),
        "visibility": signs.VISIBILITIES.get(visibility, visibility),
        "language": read(body, "language"),
        "more": own_options(network, body),
        # Shown as a card of its own, and so not in the text.
        "link": read(body, "link"),
        "counts": list(counts),
        "price": price,
    }


def passages(text: str, quotes: Mapping[str, int]) -> list[tuple[str, int]]:
    """A text cut where comments speak of it: (words, id of the comment or 0). The first place of each passage; of
    two that overlap the one that begins first."""
    places = sorted((text.find(quote), quote) for quote in quotes if quote and quote in text)
    pieces: list[tuple[str, int]] = []
    here = 0
    for at, quote in places:
        if at < here:
            continue
        pieces += [(text[here:at], 0)] if at > here else []
        pieces.append((quote, quotes[quote]))
        here = at + len(quote)
    return [*pieces, (text[here:], 0)] if here < len(text) else pieces


def own_options(network: str, body: Any) -> list[tuple[str, str]]:
    """(label, value) of what this network alone was told and shows: a title, a category."""
    own = ADAPTERS[network].options if network in ADAPTERS else ()
    told = []
    for one in own:
        value = read(body, one.name)
        if value and one.kind == "choice":
            value = _(dict(one.choices).get(str(value), str(value)))
        if value:
            listed = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
            told.append((_(one.label), _("yes") if value is True else listed))
    return told


def _picture(item: Any, notes: Mapping[str, str], described: bool) -> dict[str, Any]:
    """One file of a payload with the address it is served from (URL name `media_file`, its SHA-256).
    `described`: whether the network has a place for its description."""
    try:
        src = read(item, "src") or reverse("media_file", args=[str(read(item, "sha256", ""))])
    except NoReverseMatch:
        src = ""
    return {
        "src": src,
        "alt": read(item, "alt", ""),
        "width": read(item, "width") or None,
        "height": read(item, "height") or None,
        "note": notes.get(str(read(item, "sha256", "")), ""),
        "described": described,
    }
