"""The database itself refuses to change or remove what the journal holds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, models, transaction

from accounts.models import User
from journal import triggers
from journal.models import Chain, Entry, Seal
from journal.recording import TICKER, record
from journal.sealing import seal

pytestmark = pytest.mark.django_db


@pytest.fixture
def entry() -> Entry:
    made = [Entry.objects.get(pk=record("post.test", TICKER, None, f"post:{n}")) for n in range(3)]
    seal()
    return made[0]


def refused(statement: str) -> None:
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_they_stand():
    assert triggers.missing(connection) == []


@pytest.mark.parametrize("table", ["journal_entry", "journal_seal"])
def test_neither_updated_nor_deleted(entry: Entry, table: str):
    column = "verb" if table == "journal_entry" else "hash"
    for statement in (
        f"UPDATE {table} SET {column} = 'x'",
        f"UPDATE {table} SET {column} = 'x' WHERE id = (SELECT min(id) FROM {table})",
        f"DELETE FROM {table}",
        f"DELETE FROM {table} WHERE id = (SELECT max(id) FROM {table})",
    ):
        refused(statement)
    assert Entry.objects.count() == Seal.objects.count() == 3


def test_nor_through_the_orm(entry: Entry):
    for change in (
        lambda: Entry.objects.filter(pk=entry.pk).update(verb="x"),
        lambda: Entry.objects.filter(pk=entry.pk)._raw_delete("default"),
        entry.save,
        Seal.objects.all().delete,
    ):
        with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
            change()


ENTRY = "id, at, verb, system, subject, post_id, data, personal_hash, actor_id, brand_id"
SEAL = "REPLACE INTO journal_seal (id, sequence, hash, sealed_at, brand_id, entry_id) SELECT"
REPLACING = {
    "entry": f"REPLACE INTO journal_entry ({ENTRY}) SELECT " + ENTRY.replace("verb", "'forged'"),
    "seal": f"{SEAL} id, sequence, 'forged', sealed_at, brand_id, entry_id",
    # Another row with the same entry, and another in the same place: it would replace by a unique column.
    "seal by entry": f"{SEAL} 999, 999, 'forged', sealed_at, brand_id, entry_id",
    "seal by place": f"{SEAL} 999, sequence, 'forged', sealed_at, brand_id, 999",
}


@pytest.mark.parametrize("recursive", ["ON", "OFF"])
@pytest.mark.parametrize("what", REPLACING)
def test_nor_replaced_on_sqlite_whatever_the_connection_says(entry: Entry, what: str, recursive: str):
    if connection.vendor != "sqlite":
        pytest.skip("a statement of SQLite's")
    with connection.cursor() as cursor:
        cursor.execute(f"PRAGMA recursive_triggers={recursive}")
    try:
        where = "journal_entry WHERE id" if what == "entry" else "journal_seal WHERE entry_id"
        text = f"{REPLACING[what]} FROM {where} = {entry.pk}"
        before = list(Entry.objects.order_by("pk").values()), list(Seal.objects.order_by("pk").values())
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(text)
        assert (
            list(Entry.objects.order_by("pk").values()),
            list(Seal.objects.order_by("pk").values()),
        ) == before
    finally:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA recursive_triggers=ON")


def test_not_truncated_on_postgresql(entry: Entry):
    if connection.vendor != "postgresql":
        pytest.skip("a statement of PostgreSQL's")
    with connection.cursor() as cursor:
        # What a transaction of its own would have done at its end: foreign keys are checked.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
    for table in ("journal_entry", "journal_seal"):
        refused(f"TRUNCATE {table} CASCADE")


def test_what_goes_on_goes_on(entry: Entry):
    """Only changing is refused: writing, sealing and the head of the chain are not."""
    record("post.test", TICKER, None, "post:9")
    assert seal() == 1
    Chain.objects.update(floor=0)
    assert Entry.objects.count() == Seal.objects.count() == 4


@pytest.fixture
def rebuilt(transactional_db: None) -> Iterator[None]:
    """A migration that alters a column: on SQLite that rebuilds the table and drops its triggers."""
    old = Entry._meta.get_field("verb")
    new = models.CharField(max_length=60, editable=False)
    new.set_attributes_from_name("verb")
    new.model = Entry
    with connection.schema_editor() as editor:
        editor.alter_field(Entry, old, new, strict=True)
    yield
    with connection.schema_editor() as editor:
        editor.alter_field(Entry, new, old, strict=True)
    triggers.install(connection)


@pytest.mark.django_db(transaction=True)
def test_they_survive_a_migration_that_rebuilds_the_table(rebuilt: None):
    if connection.vendor == "sqlite":
        assert triggers.missing(connection), "this is the pitfall; if it is gone, so may be the repair"
    call_command("migrate", verbosity=0)
    assert triggers.missing(connection) == []
    with transaction.atomic():
        record("post.test", TICKER, None, "post:1")
    refused("UPDATE journal_entry SET verb = 'x'")


@pytest.mark.django_db(transaction=True)
def test_a_trigger_that_is_gone_is_missed_and_put_back():
    triggers.remove(connection)
    gone = triggers.missing(connection)
    assert len(gone) >= 2 * len(triggers.tables())
    assert {one.rsplit("_no_", 1)[0] for one in gone} == set(triggers.tables())
    triggers.install(connection)
    triggers.install(connection)
    assert triggers.missing(connection) == []


@pytest.mark.django_db(transaction=True)
def test_a_trigger_that_is_switched_off_is_missed_on_postgresql():
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no such switch")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE journal_entry DISABLE TRIGGER journal_entry_no_change")
    try:
        assert triggers.missing(connection) == ["journal_entry_no_change"]
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE journal_entry ENABLE TRIGGER journal_entry_no_change")


def test_nobody_is_deleted_who_acted():
    ines = User.objects.create_user("ines@maison.example", None, name="Inès")
    record("post.test", ines, None, "post:1")
    with pytest.raises(models.ProtectedError):
        ines.delete()
