"""Writes the journal: one entry for every act, in the act's own transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from django.db import connection, transaction

from accounts.batching import insert_rows
from accounts.clock import database_now
from accounts.models import Brand, User
from journal.models import Entry, Personal


@dataclass(frozen=True, slots=True)
class System:
    """Background work by name: an act always has an actor."""

    name: str


TICKER: Final = System("ticker")
WORKER: Final = System("worker")
INSTALLER: Final = System("installer")
OPERATOR: Final = System("operator")

Actor = User | System


class OutsideTransaction(RuntimeError):
    """An entry was about to be written outside the transaction of what it tells."""


@dataclass(frozen=True, slots=True)
class Act:
    """One act to be written. `personal` is text that names or quotes somebody, kept erasable."""

    verb: str
    actor: Actor
    brand_id: int | None
    subject: str
    post_id: int | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    personal: str = ""


def personal_hash(salt: str, text: str) -> str:
    return hashlib.sha256(f"{salt}\x1f{text}".encode()).hexdigest()


def record_all(acts: Iterable[Act], at: datetime | None = None) -> list[int]:
    """Writes several entries with at most two statements, dated `at` (the database's now, if the caller
    has not just asked for it); answers their ids, in no order. Raises OutsideTransaction."""
    if not connection.in_atomic_block or transaction.get_autocommit():
        raise OutsideTransaction("A journal entry belongs to the transaction of the act it tells.")
    acts = list(acts)
    if not acts:
        return []
    at = at or database_now()
    salts = [secrets.token_hex(16) if act.personal else "" for act in acts]
    rows = [
        {
            "at": at,
            "brand_id": act.brand_id,
            "verb": act.verb,
            "actor_id": act.actor.pk if isinstance(act.actor, User) else None,
            "system": act.actor.name if isinstance(act.actor, System) else "",
            "subject": act.subject,
            "post_id": act.post_id,
            "data": dict(act.data),
            "personal_hash": personal_hash(salt, act.personal) if act.personal else "",
        }
        for act, salt in zip(acts, salts, strict=True)
    ]
    written = insert_rows(Entry, rows, ["id", "personal_hash"])
    # Told apart by their salted hashes: no database promises to answer in the order of what it was given.
    by_hash = {found: pk for pk, found in written}
    quoted = [
        Personal(entry_id=by_hash[row["personal_hash"]], salt=salt, text=act.personal)
        for row, act, salt in zip(rows, acts, salts, strict=True)
        if act.personal
    ]
    if quoted:
        Personal.objects.bulk_create(quoted)
    return [pk for pk, _hash in written]


def record(
    verb: str,
    actor: Actor,
    brand: Brand | int | None,
    subject: str,
    *,
    post_id: int | None = None,
    personal: str = "",
    **data: Any,
) -> int:
    """Writes one entry and answers its id. `data` is plain JSON without personal text. Raises OutsideTransaction."""
    brand_id = brand.pk if isinstance(brand, Brand) else brand
    return record_all([Act(verb, actor, brand_id, subject, post_id, data, personal)])[0]
