"""Walks the chain again and names the first entry that is not what was sealed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand
from journal.models import Chain, Entry, Personal, Seal
from journal.recording import personal_hash
from journal.sealing import GENESIS, LONGEST_TRANSACTION, link


@dataclass(frozen=True, slots=True)
class Fault:
    """The first broken place of a chain, in a sentence."""

    brand_id: int | None
    sequence: int
    entry_id: int | None
    sentence: str


@dataclass(frozen=True, slots=True)
class Verification:
    """What was walked: number of seals, and the first fault if there is one."""

    brand_id: int | None
    sealed: int
    fault: Fault | None


def verify(brand: Brand | None) -> Verification:
    """Checks every link of a brand's chain (None: the installation's own), in order. Links that the sealer
    adds meanwhile are no fault: the head is read before the walk, and must be met on the way."""
    brand_id = brand.pk if brand else None
    chain = Chain.objects.filter(_of(brand_id)).first()
    known = (chain.sequence, chain.head) if chain else (0, GENESIS)
    previous, expected, met = GENESIS, 0, known == (0, GENESIS)
    for place, entry in _links(brand_id):
        expected += 1
        fault = _fault(brand_id, place, entry, expected, previous)
        if fault:
            return Verification(brand_id, expected - 1, fault)
        previous = place.hash
        met = met or (expected, previous) == known
    fault = _unsealed(brand_id) or (_beyond(brand_id, expected) if met else _cut(brand_id, expected))
    return Verification(brand_id, expected, fault)


def _of(brand_id: int | None) -> Q:
    return Q(brand__isnull=True) if brand_id is None else Q(brand_id=brand_id)


def _links(brand_id: int | None, page: int = 2000) -> Iterator[tuple[Seal, Entry | None]]:
    after = 0
    while True:
        seals = list(Seal.objects.filter(_of(brand_id), sequence__gt=after).order_by("sequence")[:page])
        if not seals:
            return
        entries = Entry.objects.select_related("personal").in_bulk([place.entry_id for place in seals])
        for place in seals:
            yield place, entries.get(place.entry_id)
        after = seals[-1].sequence


def _fault(
    brand_id: int | None, place: Seal, entry: Entry | None, expected: int, previous: str
) -> Fault | None:
    def broken(sentence: str) -> Fault:
        return Fault(brand_id, expected, place.entry_id, sentence)

    if place.sequence != expected:
        return broken(_("Link %(number)s is missing.") % {"number": expected})
    if entry is None:
        return broken(_("Entry %(entry)s was removed.") % {"entry": place.entry_id})
    if entry.brand_id != brand_id or link(previous, expected, entry) != place.hash:
        return broken(_("Entry %(entry)s was altered or moved.") % {"entry": entry.pk})
    if not _personal_is_whole(entry):
        return broken(_("The personal text of entry %(entry)s was altered.") % {"entry": entry.pk})
    return None


def _personal_is_whole(entry: Entry) -> bool:
    if not entry.personal_hash:
        return True
    try:
        kept = entry.personal
    except Personal.DoesNotExist:
        return True
    if kept.erased_at is not None:
        return not kept.text
    return personal_hash(kept.salt, kept.text) == entry.personal_hash


def _unsealed(brand_id: int | None) -> Fault | None:
    """An old entry without a seal was slipped in, or its seal was taken away."""
    slipped = (
        Entry.objects.filter(_of(brand_id), seal__isnull=True)
        .filter(Q(at__lt=database_now() - LONGEST_TRANSACTION))
        .order_by("pk")
        .first()
    )
    if slipped is None:
        return None
    return Fault(brand_id, 0, slipped.pk, _("Entry %(entry)s is not sealed.") % {"entry": slipped.pk})


def _cut(brand_id: int | None, walked: int) -> Fault:
    sentence = _("The chain ends early: link %(number)s is missing.") % {"number": walked + 1}
    return Fault(brand_id, walked + 1, None, sentence)


def _beyond(brand_id: int | None, walked: int) -> Fault | None:
    """More links than the sealer ever made: its head was turned back, or taken away."""
    made = Chain.objects.filter(_of(brand_id)).values_list("sequence", flat=True).first() or 0
    if walked <= made:
        return None
    sentence = _("The chain goes on after its head: link %(number)s was not made by the sealer.")
    return Fault(brand_id, made + 1, None, sentence % {"number": made + 1})
