"""The digest: SHA-256 over a canonical form of all that the public will receive.

It covers, for each channel, the rendered payload (text, media by their SHA-256, alt texts, visibility,
thread and reply target), the window and `late_minutes`. It does not cover the slot, which may move
freely inside the window, nor the named slots of a payload, which exist only while sending.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

from adapters.base import canonical

# Raised when the canonical form changes: old approvals must then not count for new bytes.
FORM = 1


def _instant(moment: datetime | None) -> str | None:
    return moment.astimezone(UTC).isoformat(timespec="seconds") if moment else None


def digest_of(
    payload_hashes: Mapping[str, str],
    window_from: datetime | None,
    window_until: datetime | None,
    late_minutes: int,
    replaces: Mapping[str, str] | None = None,
) -> str:
    """64 hex digits over {channel key: SHA-256 of its payload}, the window and the lateness allowed; of a
    correction also over {channel key: the network's id of what it replaces}."""
    form: dict[str, object] = {
        "form": FORM,
        "channels": dict(payload_hashes),
        "window": {"from": _instant(window_from), "until": _instant(window_until)},
        "late_minutes": late_minutes,
    }
    if replaces:
        form["replaces"] = dict(replaces)
    return hashlib.sha256(canonical(form)).hexdigest()
