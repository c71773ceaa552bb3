"""The names that every list of a brand needs, kept for a moment by a web process that is asked again and again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from accounts.models import Brand
from approvals.standing import DESK_SHELF
from approvals.wording import Words
from cm_queue.desk.checking import words_of
from cm_queue.desk.listing import channels_in, networks_of


@dataclass(frozen=True, slots=True)
class Names:
    """Products and people, and {channel key: (network, name)}."""

    words: Words
    networks: Mapping[str, tuple[str, str]]


# A name changes without raising the brand's standing, and then may read as before for so long.
LASTS_S: Final = 2.0
_kept: dict[int, tuple[int, float, Names]] = {}


def names_of(brand: Brand) -> Names:
    """The names of a brand. Three queries, or none within a moment; who belongs to it and which channels it has
    is never older than its standing."""
    now = time.monotonic()
    kept = _kept.get(brand.pk)
    if kept is not None and kept[0] == brand.standing and now - kept[1] < min(LASTS_S, DESK_SHELF.LASTS_S):
        return kept[2]
    found = Names(words_of(brand), networks_of(channels_in(brand)))
    _kept[brand.pk] = (brand.standing, now, found)
    return found
