"""Lists in pages: an opaque cursor says where the last page ended."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Annotated, Any, Final, TypeVar

from django.db.models import Model, QuerySet
from django.utils.translation import gettext as _
from ninja import Query

from accounts.refusals import Invalid

LARGEST: Final = 200
BIGGEST_ID: Final = 2**63 - 1
Cursor = Annotated[str, Query("", description="`next` of the page before; empty for the first page.")]
Limit = Annotated[int, Query(50, ge=1, le=LARGEST, description="How many at most.")]
M = TypeVar("M", bound=Model)


def encode(*place: int | str) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def decode(cursor: str, *kinds: type) -> list[Any]:
    """The values a cursor holds, of exactly these types. Raises Invalid."""
    try:
        place = json.loads(base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (ValueError, RecursionError):
        place = None
    fits = isinstance(place, list) and len(place) == len(kinds)
    if not fits or not all(type(value) is kind for value, kind in zip(place, kinds, strict=True)):
        raise _bad_cursor()
    if any(isinstance(value, int) and not 0 <= value <= BIGGEST_ID for value in place):
        raise _bad_cursor()
    return list(place)


def _bad_cursor() -> Invalid:
    sentence = _("This cursor cannot be read: begin again without one.")
    return Invalid("bad_cursor", sentence, fields={"cursor": [sentence]})


def by_id(
    rows: QuerySet[M], cursor: str, limit: int, *, newest_first: bool = False
) -> tuple[Sequence[M], str | None]:
    """(this page's rows, the next page's cursor), in the order of their ids."""
    if cursor:
        (last,) = decode(cursor, int)
        rows = rows.filter(pk__lt=last) if newest_first else rows.filter(pk__gt=last)
    found = list(rows.order_by("-pk" if newest_first else "pk")[: limit + 1])
    page = found[:limit]
    return page, encode(page[-1].pk) if len(found) > limit else None
