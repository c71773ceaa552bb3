"""Keeps slots at the time on the wall that was meant, when the rules of a time zone change.

A slot is stored as an instant, which is what the release engine needs. Who chose “9:00” meant nine by the
brand's clocks, and governments change those: after an update of the time zone data the instant is another.
Run when a ticker starts, since a process reads the rules once. Approvals stand as long as the slot stays
inside the window they were given for; otherwise it stays where it is, and its author is told.

An owner who moves the brand to another zone moves nothing of it: what has a slot keeps its instant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import Brand
from journal.recording import TICKER
from journal.telling import tell
from posts.drafting import set_times
from posts.lifecycle import EDITABLE, PostState
from posts.models import Post, Recurrence
from posts.moves import change_post, lock_post
from posts.scheduling import Window, local_day

_CHUNK: Final = 2000


def meant(local: str, zone: ZoneInfo, near: datetime) -> datetime | None:
    """The instant of a local time by today's rules; of one that exists twice the one closer to `near`, None
    for one that the clocks skip."""
    naive = datetime.fromisoformat(local)
    both = [naive.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1)]
    found = [one for one in both if one.astimezone(zone).replace(tzinfo=None) == naive]
    return min(found, key=lambda one: abs(one - near), default=None)


def keep_local_times() -> int:
    """Moves the slots ahead that are no longer at the time that was meant. Answers how many were moved or
    told of. Idempotent, whoever else does it at the same moment."""
    rows = (
        Post.objects.filter(slot__gt=database_now(), state__in=[state.value for state in EDITABLE])
        .exclude(local_slot="")
        .values_list("pk", "brand_id", "slot", "local_slot", "brand__time_zone")
    )
    zones: dict[str, ZoneInfo] = {}
    moved = 0
    for pk, brand_id, slot, local, name in rows.iterator(chunk_size=_CHUNK):
        zone = zones.setdefault(name, ZoneInfo(name))
        if slot is not None and meant(local, zone, slot) != slot:
            moved += _put_right(pk, brand_id)
    return moved


@dataclass(frozen=True, slots=True)
class Ahead:
    """What a change of the brand's zone leaves where it is: how many slots ahead, and the first of them; and how
    many recurrences follow the new clocks from now on."""

    count: int
    first: Sequence[datetime]
    recurring: int


def slots_ahead(brand: Brand) -> Ahead:
    """What somebody who changes the brand's time zone should know before. Three queries."""
    rows = _ahead(brand.pk).exclude(slot=None).order_by("slot", "pk")
    recurring = Recurrence.objects.filter(brand=brand, ended_at__isnull=True).count()
    first = [slot for slot in rows.values_list("slot", flat=True)[:1] if slot is not None]
    return Ahead(rows.count(), first, recurring)


def keep_instants(brand: Brand) -> int:
    """After the brand moved to another zone: what has a slot keeps its instant, and its time on the wall is
    from now on that of the new zone; `keep_local_times` would else move it at the next start. Under the
    brand's exclusive lock, once the zone is written. Answers how many have a slot ahead."""
    rows = _ahead(brand.pk)
    for pk, slot in list(rows.exclude(local_slot="").values_list("pk", "slot")):
        if slot is None:
            continue
        local = slot.astimezone(brand.zone).replace(tzinfo=None).isoformat()
        Post.objects.filter(pk=pk, slot=slot).update(local_slot=local)
    return rows.count()


def _ahead(brand_pk: int) -> QuerySet[Post]:
    states = [state.value for state in EDITABLE]
    return Post.objects.filter(brand_id=brand_pk, slot__gt=database_now(), state__in=states)


def _put_right(pk: int, brand_id: int) -> int:
    with transaction.atomic():
        share_brands([brand_id])
        post = lock_post(pk)
        before = post.slot
        if before is None or not post.local_slot or post.lifecycle not in EDITABLE:
            return 0
        slot = meant(post.local_slot, post.brand.zone, before)
        if slot == before:
            return 0
        if slot is None or not _may_move(post, slot):
            change_post(post, "post.rezoned", TICKER, told={"slot": before.isoformat()}, local_slot="")
            tell([post.author], post.brand, "post.rezoned", post_id=post.pk)
            return 1
        _move(post, before, slot)
    return 1


def _may_move(post: Post, slot: datetime) -> bool:
    """A draft moves with its day; what was read stays inside the window it was read for."""
    if post.lifecycle == PostState.DRAFT or post.window_from is None or post.window_until is None:
        return True
    return slot in Window(post.window_from, post.window_until)


def _move(post: Post, before: datetime, slot: datetime) -> None:
    fields: dict[str, Any] = {"slot": slot}
    if post.lifecycle == PostState.DRAFT:
        day = local_day(slot, post.brand.zone)
        fields |= {"window_from": day.start, "window_until": day.end}
    change_post(post, "post.rezoned", TICKER, told={"slot": slot.isoformat()}, **fields)
    set_times(post)
    if post.recurrence_id is not None and post.recurrence_slot == before:
        # Else the same occurrence would come again at its new instant.
        Post.objects.filter(pk=post.pk).update(recurrence_slot=slot)
        Recurrence.objects.filter(pk=post.recurrence_id, last_slot=before).update(last_slot=slot)
