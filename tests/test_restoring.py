"""Backup and restore, as docs/operations.md tells it: done for real, and then the journal is verified."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.db import connection

from cm_queue.backing_up import back_up
from cm_queue.seeding import SLUG, seed_demo
from journal.models import Entry
from journal.sealing import seal
from posts.models import Post
from tests.conftest import ROOT, database_url

pytestmark = [pytest.mark.processes, pytest.mark.django_db(transaction=True)]


def _program(name: str) -> str:
    beside = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), reverse=True)
    found = str(beside[0]) if beside else shutil.which(name)
    if found is None:
        pytest.skip(f"NOT RUN: {name} is not installed")
    return found


def _verify(address: str, environment: dict[str, str]) -> str:
    told = subprocess.run(
        [sys.executable, "manage.py", "verify_journal", SLUG],
        cwd=ROOT,
        env={**environment, "DATABASE_URL": address},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    return told.stdout


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the other way is for PostgreSQL")
def test_a_copy_of_the_sqlite_file_is_whole(child_environment: dict[str, str], tmp_path: Path) -> None:
    seed_demo()
    while seal():
        pass
    copy = back_up(Path(str(connection.settings_dict["NAME"])), tmp_path / "backups")
    with closing(sqlite3.connect(copy)) as there:
        assert there.execute("SELECT count(*) FROM posts_post").fetchone()[0] == Post.objects.count()
    assert f"{Entry.objects.filter(brand__slug=SLUG).count()} entries sealed" in _verify(
        f"sqlite:///{copy}", child_environment
    )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the other way is for SQLite")
def test_a_dump_of_postgresql_comes_back_whole(child_environment: dict[str, str], tmp_path: Path) -> None:
    seed_demo()
    while seal():
        pass
    address, dump = database_url(), tmp_path / "cmq.dump"
    restored = urlsplit(address)._replace(path=f"{urlsplit(address).path}_restored").geturl()
    name = urlsplit(restored).path.lstrip("/")
    with connection.cursor() as cursor:
        cursor.execute(f'CREATE DATABASE "{name}"')
    try:
        subprocess.run([_program("pg_dump"), "--format=custom", f"--file={dump}", address], check=True)
        subprocess.run([_program("pg_restore"), "--no-owner", f"--dbname={restored}", str(dump)], check=True)
        assert f"{Entry.objects.filter(brand__slug=SLUG).count()} entries sealed" in _verify(
            restored, child_environment
        )
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f'DROP DATABASE "{name}" WITH (FORCE)')
