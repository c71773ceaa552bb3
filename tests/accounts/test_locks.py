"""Brand locks: shared by releases, exclusive for changes of standing."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import connection, transaction

from accounts.locks import NotInTransaction, change_standing, share_brands
from accounts.models import Brand


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("lock", [lambda: share_brands([1]), lambda: change_standing(1)])
def test_outside_a_transaction_they_would_be_gone_at_once(lock: Callable[[], None]):
    with pytest.raises(NotInTransaction):
        lock()


@pytest.mark.django_db
def test_a_change_raises_the_standing_of_its_brand_only():
    one, other = (Brand.objects.create(slug=f"b{n}", name="B") for n in range(2))
    change_standing(one.pk)
    change_standing(one.pk)
    share_brands([other.pk, one.pk, other.pk])
    share_brands([])
    assert list(Brand.objects.order_by("pk").values_list("standing", flat=True)) == [2, 0]


def held() -> set[tuple[str, bool]]:
    """(mode, granted) of the advisory locks."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT mode, granted FROM pg_locks WHERE locktype = 'advisory'")
        return set(cursor.fetchall())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("first", "second", "waits"),
    [
        ("share", "share", False),
        ("share", "change", True),
        ("change", "share", True),
        ("change", "change", True),
    ],
)
def test_releases_share_and_changes_exclude(first: str, second: str, waits: bool):
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite every transaction is IMMEDIATE: an exclusive lock on all")
    brand = Brand.objects.create(slug="b", name="B")
    take = {"share": lambda: share_brands([brand.pk]), "change": lambda: change_standing(brand.pk)}
    got = threading.Event()

    def other() -> None:
        try:
            with transaction.atomic():
                take[second]()
                got.set()
        finally:
            connection.close()

    thread = threading.Thread(target=other)
    with transaction.atomic():
        take[first]()
        thread.start()
        if waits:
            while not any(not granted for _mode, granted in held()):
                assert not got.is_set(), "it did not wait"
        else:
            assert got.wait(10)
    assert got.wait(10), "it is let in when the first has ended"
    thread.join(10)


@pytest.mark.django_db(transaction=True)
def test_another_brand_does_not_wait():
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite every transaction is IMMEDIATE: an exclusive lock on all")
    one, other = (Brand.objects.create(slug=f"b{n}", name="B") for n in range(2))
    got = threading.Event()

    def change_other() -> None:
        try:
            with transaction.atomic():
                change_standing(other.pk)
                got.set()
        finally:
            connection.close()

    thread = threading.Thread(target=change_other)
    with transaction.atomic():
        change_standing(one.pk)
        thread.start()
        assert got.wait(10)
    thread.join(10)
