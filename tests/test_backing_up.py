from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from cm_queue.backing_up import back_up


def _make(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("CREATE TABLE post (text)")
    database.execute("INSERT INTO post VALUES ('Bonjour')")
    database.commit()
    return database


def test_the_copy_holds_what_only_the_write_ahead_log_has(tmp_path: Path):
    with closing(_make(tmp_path / "cm.sqlite3")):
        assert (tmp_path / "cm.sqlite3-wal").stat().st_size > 0
        copy = back_up(tmp_path / "cm.sqlite3", tmp_path / "backups")
    with closing(sqlite3.connect(copy)) as read:
        assert read.execute("SELECT text FROM post").fetchall() == [("Bonjour",)]
    assert copy.stat().st_mode & 0o777 == 0o600


def test_only_the_newest_are_kept(tmp_path: Path):
    _make(tmp_path / "cm.sqlite3").close()
    made = [back_up(tmp_path / "cm.sqlite3", tmp_path / "backups", kept=2) for _ in range(4)]
    assert sorted((tmp_path / "backups").iterdir()) == made[2:]


def test_a_file_that_is_no_database_leaves_no_copy_behind(tmp_path: Path):
    (tmp_path / "cm.sqlite3").write_bytes(b"not a database, but long enough to be read as one" * 50)
    with pytest.raises(sqlite3.Error):
        back_up(tmp_path / "cm.sqlite3", tmp_path / "backups")
    assert list((tmp_path / "backups").glob("*.sqlite3")) == []
