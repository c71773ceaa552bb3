"""Sealing extends each brand's chain, once, in order, in batches."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, transaction

from accounts.clock import database_now
from accounts.models import Brand
from journal.models import Chain, Entry, Seal
from journal.recording import TICKER, record
from journal.sealing import GENESIS, LONGEST_TRANSACTION, link, seal
from journal.verifying import verify

pytestmark = pytest.mark.django_db


@pytest.fixture
def brands() -> list[Brand]:
    return [Brand.objects.create(slug=f"b{n}", name=f"B{n}") for n in range(2)]


def write(brand: Brand | None, number: int = 1, **more: Any) -> list[Entry]:
    made = [record("post.test", TICKER, brand, f"post:{n}", number=n, **more) for n in range(number)]
    return [Entry.objects.get(pk=pk) for pk in made]


def test_each_brand_has_its_own_chain_and_the_installation_too(brands: list[Brand]):
    for brand in (*brands, None, brands[0]):
        write(brand)
    assert seal() == 4
    places = {
        brand: list(Seal.objects.filter(brand=brand).order_by("pk").values_list("sequence", flat=True))
        for brand in (*brands, None)
    }
    assert places == {brands[0]: [1, 2], brands[1]: [1], None: [1]}
    assert [verify(brand).fault for brand in (*brands, None)] == [None] * 3


def test_each_link_is_over_the_one_before(brands: list[Brand]):
    write(brands[0], 3)
    seal()
    head = GENESIS
    for sequence, place in enumerate(Seal.objects.filter(brand=brands[0]).order_by("sequence"), 1):
        head = link(head, sequence, place.entry)
        assert place.hash == head
    chain = Chain.objects.get(brand=brands[0])
    assert (chain.sequence, chain.head) == (3, head)


def test_the_hash_covers_all_that_an_entry_says(brands: list[Brand]):
    (entry,) = write(brands[0], personal="Inès")
    whole = link(GENESIS, 1, entry)
    for name, value in {
        "at": entry.at + timedelta(microseconds=1),
        "brand_id": brands[1].pk,
        "verb": "post.other",
        "actor_id": 1,
        "system": "worker",
        "subject": "post:2",
        "post_id": 7,
        "data": {"number": 8},
        "personal_hash": "0" * 64,
        "pk": entry.pk + 1,
    }.items():
        before = getattr(entry, name)
        setattr(entry, name, value)
        assert link(GENESIS, 1, entry) != whole, name
        setattr(entry, name, before)
    assert link("1" * 64, 1, entry) != whole
    assert link(GENESIS, 2, entry) != whole
    assert link(GENESIS, 1, Entry.objects.get(pk=entry.pk)) == whole, "as the database gives it back"


def test_sealing_again_seals_nothing_twice(brands: list[Brand]):
    write(brands[0], 2)
    assert [seal(), seal()] == [2, 0]
    write(brands[0])
    assert seal() == 1
    assert Seal.objects.count() == 3


def test_in_batches(brands: list[Brand]):
    write(brands[0], 5)
    assert [seal(2), seal(2), seal(2), seal(2)] == [2, 2, 1, 0]
    assert verify(brands[0]).sealed == 5


def test_an_entry_that_commits_late_is_sealed_late(brands: list[Brand]):
    """Its number is lower than those already sealed; the floor waits for it."""
    write(brands[0], 2)
    seal()
    highest = Entry.objects.latest("pk").pk
    Entry.objects.create(pk=highest + 5, verb="post.test", subject="post:1", system="ticker", brand=brands[0])
    seal()
    Entry.objects.create(pk=highest + 2, verb="post.test", subject="post:1", system="ticker", brand=brands[0])
    assert seal() == 1
    found = verify(brands[0])
    assert (found.sealed, found.fault) == (4, None)


def test_the_floor_rises_over_what_is_old_only(brands: list[Brand]):
    old = database_now() - LONGEST_TRANSACTION - timedelta(minutes=1)
    first = Entry.objects.create(verb="post.test", subject="post:1", system="ticker", brand=brands[0], at=old)
    write(brands[0])
    seal()
    assert Chain.objects.get(brand=None).floor == first.pk


@pytest.mark.django_db(transaction=True)
def test_two_sealers_at_once_make_one_chain():
    brand = Brand.objects.create(slug="b", name="B")
    with transaction.atomic():
        write(brand, 40)
    failed: list[BaseException] = []

    def work() -> None:
        try:
            for _ in range(6):
                seal(5)
        except Exception as error:  # noqa: BLE001 - told by the test
            failed.append(error)
        finally:
            connection.close()

    sealers = [threading.Thread(target=work) for _ in range(2)]
    for one in sealers:
        one.start()
    for one in sealers:
        one.join()
    assert not failed
    found = verify(brand)
    assert (found.sealed, found.fault) == (40, None)
