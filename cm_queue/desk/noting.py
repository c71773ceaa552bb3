"""Says at a picture what was done to it so that a network takes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from posts.models import Channel, Fit

_KINDS = {"image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP", "image/gif": "GIF"}


def notes_on(content: Mapping[str, Any], payload: Mapping[str, Any], channel: Channel) -> dict[str, str]:
    """{SHA-256 of a file of the payload: what was done to make it of the picture in the post}. One query, where
    a kind was changed."""
    shown = [item for part in payload["body"]["parts"] for item in part["media"]]
    pairs = [
        (whole, sent)
        for whole, sent in zip(content["media"], shown, strict=False)
        if whole["sha256"] != sent["sha256"]
    ]
    white = _flattened(pairs)
    return {sent["sha256"]: _note(whole, sent, white, channel.name) for whole, sent in pairs}


def _note(whole: Mapping[str, Any], sent: Mapping[str, Any], white: set[str], name: str) -> str:
    told = []
    where = {"channel": name, "width": sent["width"], "height": sent["height"]}
    if (whole["width"], whole["height"]) != (sent["width"], sent["height"]):
        told.append(_("Made smaller for %(channel)s: %(width)s × %(height)s pixels.") % where)
    if whole["mime"] != sent["mime"]:
        kind = _KINDS.get(sent["mime"], sent["mime"])
        told.append(_("Converted to %(kind)s for %(channel)s.") % {**where, "kind": kind})
    if sent["sha256"] in white:
        told.append(_("What was transparent is white."))
    return " ".join(told) or _("Compressed further for %(channel)s.") % where


def _flattened(pairs: list[tuple[Mapping[str, Any], Mapping[str, Any]]]) -> set[str]:
    turned = {sent["sha256"] for whole, sent in pairs if whole["mime"] != sent["mime"]}
    if not turned:
        return set()
    rows = Fit.objects.filter(flattened=True, fitted__sha256__in=turned)
    rows = rows.filter(source_id__in=[whole["id"] for whole, _sent in pairs])
    return set(rows.values_list("fitted__sha256", flat=True))
