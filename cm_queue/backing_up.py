"""A copy of the SQLite file before a migration touches it."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

KEPT = 5


def back_up(database: Path, folder: Path, kept: int = KEPT) -> Path:
    """Copies a SQLite database with its backup API (which sees the write-ahead log too, unlike a copy of
    the file) and deletes all but the newest `kept` copies. The copy is readable by us alone.

    Raises sqlite3.Error when it cannot be made: then nothing must be migrated.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = f"{database.stem}-{datetime.now(UTC):%Y%m%dT%H%M%S%f}.sqlite3"
    copy, unfinished = folder / name, folder / f"{name}.part"
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with closing(sqlite3.connect(database)) as source, closing(sqlite3.connect(unfinished)) as target:
        source.backup(target)
    # Under its own name only once it is whole: a half copy must not pass for a backup.
    unfinished.rename(copy)
    for old in sorted(folder.glob(f"{database.stem}-*.sqlite3"))[:-kept]:
        old.unlink()
    return copy
