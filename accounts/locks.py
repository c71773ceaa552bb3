"""The locks that make a release wholly before or wholly after a change of standing.

Claiming a delivery and committing `SENDING` take a brand's lock *shared*; declaring, lifting,
pausing, revoking, policy and membership changes take it *exclusively*. Locking rows would not do:
an INSERT of a new incident passes a claim that has locked the existing ones (docs/decisions/locks.md).
On SQLite every transaction is IMMEDIATE, which is an exclusive lock on all.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import connection
from django.db.models import F

from accounts.models import Brand

# Any constant of our own, so that these locks never meet those of another program in the database.
_SPACE = 0x434D51


class NotInTransaction(RuntimeError):
    """A lock was asked for outside a transaction, where it would be gone at once."""


def _demand_transaction() -> None:
    if not connection.in_atomic_block:
        raise NotInTransaction("Brand locks live until the end of a transaction: open one first.")


def share_brands(brand_ids: Iterable[int]) -> None:
    """Holds the brands' standing still until the transaction ends. In id order, so that two callers
    never wait for each other in a circle."""
    _demand_transaction()
    ordered = sorted(set(brand_ids))
    if connection.vendor == "postgresql" and ordered:
        with connection.cursor() as cursor:
            # unnest keeps the order of the array, and one statement serves them all.
            cursor.execute(
                "SELECT pg_advisory_xact_lock_shared(%s, id) FROM unnest(%s::int[]) AS id", [_SPACE, ordered]
            )


def change_standing(brand_id: int) -> None:
    """Waits for the releases under way, keeps new ones out until the transaction ends, and raises the
    brand's standing so that claims made before are evaluated again."""
    _demand_transaction()
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [_SPACE, brand_id])
    Brand.objects.filter(pk=brand_id).update(standing=F("standing") + 1)
