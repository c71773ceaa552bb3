"""Whoever holds the database can change it; then the chain names the first entry that is not what was sealed."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from accounts.clock import database_now
from accounts.models import Brand
from journal import triggers
from journal.models import Chain, Entry, Personal, Seal
from journal.recording import TICKER, record
from journal.sealing import LONGEST_TRANSACTION, seal
from journal.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(slug="maison", name="Maison")


@pytest.fixture
def entries(brand: Brand) -> Iterator[list[Entry]]:
    """Six sealed entries, numbered with a gap after the third, some time ago; the triggers are away."""
    old = database_now() - LONGEST_TRANSACTION - timedelta(hours=1)
    first = (Entry.objects.order_by("pk").values_list("pk", flat=True).last() or 0) + 1
    made = [
        Entry.objects.create(
            pk=first + place, verb="post.test", subject=f"post:{place}", system="ticker", brand=brand,
            at=old + timedelta(seconds=place), data={"n": place},
        )
        for place in (0, 1, 2, 4, 5, 6)
    ]  # fmt: skip
    seal()
    assert verify(brand).fault is None
    triggers.remove(connection)
    yield made
    triggers.install(connection)


def command(*arguments: str) -> tuple[int, str]:
    """(exit status, everything said)."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("verify_journal", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(str(ended.code)), out.getvalue() + err.getvalue()
    return 0, out.getvalue() + err.getvalue()


def broken(brand: Brand, named: str) -> None:
    fault = verify(brand).fault
    assert fault is not None
    assert named in fault.sentence
    status, said = command("maison")
    assert status == 1
    assert "maison: BROKEN" in said
    assert named in said


def test_whole(brand: Brand, entries: list[Entry]):
    found = verify(brand)
    assert (found.brand_id, found.sealed, found.fault) == (brand.pk, 6, None)
    status, said = command()
    assert status == 0
    assert "maison: whole, 6 entries" in said
    assert "(installation): whole" in said


@pytest.mark.parametrize(
    "change",
    [
        {"verb": "post.other"},
        {"data": {"n": 99}},
        {"data": {}},
        {"subject": "post:9"},
        {"system": "worker"},
        {"post_id": 3},
        {"personal_hash": "0" * 64},
        {"at": "2026-01-01T00:00:00Z"},
    ],
    ids=lambda change: next(iter(change)),
)
@pytest.mark.parametrize("place", [0, 2, 5])
def test_altered(brand: Brand, entries: list[Entry], change: dict[str, object], place: int):
    Entry.objects.filter(pk=entries[place].pk).update(**change)
    fault = verify(brand).fault
    assert fault is not None
    assert (fault.entry_id, fault.sequence) == (entries[place].pk, place + 1)
    assert verify(brand).sealed == place
    broken(brand, f"Entry {entries[place].pk} was altered")


@pytest.mark.parametrize("place", [0, 3, 5])
def test_removed(brand: Brand, entries: list[Entry], place: int):
    Entry.objects.filter(pk=entries[place].pk)._raw_delete("default")
    broken(brand, f"Entry {entries[place].pk} was removed")


@pytest.mark.parametrize("place", [0, 3])
def test_removed_with_its_seal(brand: Brand, entries: list[Entry], place: int):
    Seal.objects.filter(entry=entries[place]).delete()
    Entry.objects.filter(pk=entries[place].pk)._raw_delete("default")
    broken(brand, f"Link {place + 1} is missing")


def test_reordered(brand: Brand, entries: list[Entry]):
    """Two entries change places: contents and times are swapped."""
    one, two = entries[1], entries[3]
    for here, there in ((one, two), (two, one)):
        Entry.objects.filter(pk=here.pk).update(at=there.at, subject=there.subject, data=there.data)
    broken(brand, f"Entry {one.pk} was altered or moved")


def test_seals_reordered(brand: Brand, entries: list[Entry]):
    Seal.objects.filter(entry=entries[1]).update(sequence=100)
    Seal.objects.filter(entry=entries[2]).update(sequence=2)
    Seal.objects.filter(entry=entries[1]).update(sequence=3)
    broken(brand, f"Entry {entries[2].pk} was altered or moved")


def test_moved_to_another_brand(brand: Brand, entries: list[Entry]):
    other = Brand.objects.create(slug="autre", name="Autre")
    Entry.objects.filter(pk=entries[2].pk).update(brand=other)
    broken(brand, f"Entry {entries[2].pk} was altered or moved")


def test_slipped_in(brand: Brand, entries: list[Entry]):
    """Into the gap, with a time that fits: nothing seals it any more."""
    slipped = entries[2].pk + 1
    at = entries[2].at + timedelta(milliseconds=500)
    Entry.objects.create(
        pk=slipped, verb="decision.approve", subject="post:1", system="x", brand=brand, at=at
    )
    broken(brand, f"Entry {slipped} is not sealed")


def test_tail_cut_with_its_seals(brand: Brand, entries: list[Entry]):
    for entry in entries[4:]:
        Seal.objects.filter(entry=entry).delete()
        Entry.objects.filter(pk=entry.pk)._raw_delete("default")
    broken(brand, "link 5 is missing")


def test_tail_cut_and_written_on(brand: Brand, entries: list[Entry]):
    Seal.objects.filter(entry=entries[5]).delete()
    Entry.objects.filter(pk=entries[5].pk)._raw_delete("default")
    record("post.test", TICKER, brand, "post:1")
    seal()
    broken(brand, "Link 6 is missing")


def test_seals_taken_away(brand: Brand, entries: list[Entry]):
    Seal.objects.filter(entry__in=entries[4:]).delete()
    status, said = command("maison")
    assert status == 1
    assert "maison: BROKEN" in said


def test_the_head_of_the_chain_taken_away(brand: Brand, entries: list[Entry]):
    Chain.objects.filter(brand=brand).delete()
    fault = verify(brand).fault
    assert fault is not None


def test_the_head_turned_back(brand: Brand, entries: list[Entry]):
    """Fewer links than there are: somebody meant the last ones to be written over."""
    third = Seal.objects.get(entry=entries[2])
    Chain.objects.filter(brand=brand).update(sequence=3, head=third.hash)
    assert verify(brand).fault is not None


def test_verifying_while_the_sealer_works_is_no_false_alarm(brand: Brand, entries: list[Entry]):
    """New links come in between any two statements of the walk."""

    def statements(interrupt: int) -> int:
        seen = 0

        def look(execute: Callable[..., Any], *arguments: Any) -> Any:
            nonlocal seen
            seen += 1
            if seen == interrupt:
                record("post.test", TICKER, brand, "post:1")
                seal()
            return execute(*arguments)

        with connection.execute_wrapper(look):
            found = verify(brand)
        assert found.fault is None, f"a false alarm when the sealer works before statement {interrupt}"
        return seen

    for place in range(1, statements(0) + 1):
        statements(place)


def test_erased_personal_text_leaves_the_chain_whole(brand: Brand):
    entry = record("post.hold", TICKER, brand, "post:1", personal="Nadia s’est trompée.")
    seal()
    Personal.objects.filter(entry=entry).update(text="", erased_at=database_now())
    assert verify(brand).fault is None
    Personal.objects.filter(entry=entry).delete()
    assert verify(brand).fault is None


def test_altered_personal_text_is_found_also_when_called_erased(brand: Brand):
    entry = record("post.hold", TICKER, brand, "post:1", personal="Nadia s’est trompée.")
    seal()
    Personal.objects.filter(entry=entry).update(text="Nadia a raison.")
    broken(brand, f"The personal text of entry {entry} was altered")
    Personal.objects.filter(entry=entry).update(erased_at=database_now())
    broken(brand, f"The personal text of entry {entry} was altered")


def test_one_broken_chain_does_not_hide_the_others(brand: Brand, entries: list[Entry]):
    other = Brand.objects.create(slug="autre", name="Autre")
    record("post.test", TICKER, other, "post:1")
    Entry.objects.filter(pk=entries[0].pk).update(verb="x")
    status, said = command()
    assert status == 1
    assert "autre: whole, 1" in said
    assert command("autre")[0] == 0


def test_a_brand_that_is_none():
    with pytest.raises(CommandError, match="no brand"):
        call_command("verify_journal", "nowhere")
