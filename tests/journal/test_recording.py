"""One entry for every act, in the act's own transaction."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from journal.models import Entry, Personal
from journal.recording import TICKER, Act, OutsideTransaction, personal_hash, record, record_all


@pytest.fixture
def ines(db: None) -> User:
    return User.objects.create_user("ines@maison.example", None, name="Inès")


@pytest.mark.django_db(transaction=True)
def test_outside_a_transaction_nothing_is_recorded():
    with pytest.raises(OutsideTransaction):
        record("post.test", TICKER, None, "post:1")
    with pytest.raises(OutsideTransaction):
        record_all([])
    assert not Entry.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_was_never_told():
    def act() -> None:
        with transaction.atomic():
            record("post.test", TICKER, None, "post:1", personal="Inès")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        act()
    assert not Entry.objects.exists()
    assert not Personal.objects.exists()


def test_a_person_or_a_named_system_acts(ines: User):
    by_person = Entry.objects.get(pk=record("post.test", ines, None, "post:1", post_id=1, revision=2))
    by_system = Entry.objects.get(pk=record("post.test", TICKER, None, "post:1"))
    assert (by_person.actor, by_person.system, by_person.data, by_person.post_id) == (
        ines,
        "",
        {"revision": 2},
        1,
    )
    assert (by_system.actor, by_system.system) == (None, "ticker")


def test_the_database_wants_an_actor(ines: User):
    with pytest.raises(IntegrityError), transaction.atomic():
        Entry.objects.create(verb="post.test", subject="post:1")


def test_personal_text_stands_apart_and_the_entry_keeps_its_salted_hash(ines: User):
    one, two = (
        Entry.objects.get(pk=record("post.hold", ines, None, "post:1", personal="Nadia s’est trompée."))
        for _ in range(2)
    )
    kept = Personal.objects.get(entry=one)
    assert kept.text == "Nadia s’est trompée."
    assert one.personal_hash == personal_hash(kept.salt, kept.text)
    assert one.personal_hash != two.personal_hash, "the same words twice do not show"
    assert "Nadia" not in str(Entry.objects.filter(pk=one.pk).values().get())
    assert Entry.objects.get(pk=record("post.hold", ines, None, "post:1")).personal_hash == ""


def test_many_entries_cost_no_more_statements_than_one(ines: User):
    def statements(number: int) -> int:
        with CaptureQueriesContext(connection) as captured:
            record_all([Act("post.test", ines, None, f"post:{n}", n, {}, "Inès") for n in range(number)])
        return len(captured)

    assert statements(1) == statements(50) <= 3
    assert Entry.objects.count() == 51
    assert record_all([]) == []
