"""Seals the journal into a hash chain for each brand, in batches, a moment after the acts.

Chaining inside the act's own transaction would make every act of a brand wait for the one before.
The ticker seals instead, about every second, under one lock; the seals stand in a table of their
own, so that entries are never touched again.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from datetime import UTC, timedelta

from django.db import transaction

from accounts.batching import Row, insert_rows
from accounts.clock import database_now
from journal.models import Chain, Entry, Seal

GENESIS = "0" * 64
# A transaction that holds a lower id may still commit; none of ours lives this long.
LONGEST_TRANSACTION = timedelta(minutes=10)


def link(previous: str, sequence: int, entry: Entry) -> str:
    """The hash of one link: over the link before, the place in the chain, and all that the entry says."""
    body = [
        previous,
        sequence,
        entry.pk,
        entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        entry.brand_id,
        entry.verb,
        entry.actor_id,
        entry.system,
        entry.subject,
        entry.post_id,
        entry.data,
        entry.personal_hash,
    ]
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def _head_lock() -> Chain:
    """The installation's own chain row: whoever holds it is the one sealer."""
    Chain.objects.get_or_create(brand=None)
    return Chain.objects.select_for_update().get(brand=None)


def seal(limit: int = 2000) -> int:
    """Seals up to `limit` entries that are not sealed yet; answers how many."""
    with transaction.atomic():
        own = _head_lock()
        entries = list(Entry.objects.filter(pk__gt=own.floor, seal__isnull=True).order_by("pk")[:limit])
        by_brand: dict[int | None, list[Entry]] = defaultdict(list)
        for entry in entries:
            by_brand[entry.brand_id].append(entry)
        chains = _chains(by_brand.keys(), own)
        seals = [
            sealed for brand_id, group in by_brand.items() for sealed in _extend(chains[brand_id], group)
        ]
        insert_rows(Seal, seals)
        _raise_floor(own, unsealed_remain=len(entries) == limit)
        Chain.objects.bulk_update({**chains, None: own}.values(), ["sequence", "head", "floor"])
    return len(seals)


def _chains(brand_ids: object, own: Chain) -> dict[int | None, Chain]:
    wanted = {brand_id for brand_id in brand_ids if brand_id is not None}  # type: ignore[attr-defined]
    found: dict[int | None, Chain] = {None: own}
    if wanted:
        Chain.objects.bulk_create((Chain(brand_id=one) for one in sorted(wanted)), ignore_conflicts=True)
        found |= {chain.brand_id: chain for chain in Chain.objects.filter(brand_id__in=wanted)}
    return found


def _extend(chain: Chain, entries: list[Entry]) -> list[Row]:
    seals: list[Row] = []
    for entry in entries:
        chain.sequence += 1
        chain.head = link(chain.head, chain.sequence, entry)
        seals.append(
            {
                "brand_id": chain.brand_id,
                "sequence": chain.sequence,
                "entry_id": entry.pk,
                "hash": chain.head,
            }
        )
    return seals


def _raise_floor(own: Chain, *, unsealed_remain: bool) -> None:
    if unsealed_remain:
        return
    settled = (
        Entry.objects.filter(pk__gt=own.floor, at__lt=database_now() - LONGEST_TRANSACTION)
        .order_by("-pk")
        .values_list("pk", flat=True)
        .first()
    )
    own.floor = max(own.floor, settled or 0)
