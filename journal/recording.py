"""Writes the journal: one entry for every act, in the act's own transaction."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from django.db import connection, transaction

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


def record_all(acts: Iterable[Act]) -> list[Entry]:
    """Writes several entries with at most two statements. Raises OutsideTransaction."""
    if not connection.in_atomic_block or transaction.get_autocommit():
        raise OutsideTransaction("A journal entry belongs to the transaction of the act it tells.")
    acts = list(acts)
    if not acts:
        return []
    at = database_now()
    salts = [secrets.token_hex(16) if act.personal else "" for act in acts]
    entries = Entry.objects.bulk_create(
        Entry(
            at=at,
            brand_id=act.brand_id,
            verb=act.verb,
            actor=act.actor if isinstance(act.actor, User) else None,
            system=act.actor.name if isinstance(act.actor, System) else "",
            subject=act.subject,
            post_id=act.post_id,
            data=dict(act.data),
            personal_hash=personal_hash(salt, act.personal) if act.personal else "",
        )
        for act, salt in zip(acts, salts, strict=True)
    )
    rows = [
        Personal(entry=entry, salt=salt, text=act.personal)
        for entry, act, salt in zip(entries, acts, salts, strict=True)
        if act.personal
    ]
    if rows:
        Personal.objects.bulk_create(rows)
    return entries


def record(
    verb: str,
    actor: Actor,
    brand: Brand | int | None,
    subject: str,
    *,
    post_id: int | None = None,
    personal: str = "",
    **data: Any,
) -> Entry:
    """Writes one entry. `data` is plain JSON without personal text. Raises OutsideTransaction."""
    brand_id = brand.pk if isinstance(brand, Brand) else brand
    return record_all([Act(verb, actor, brand_id, subject, post_id, data, personal)])[0]
