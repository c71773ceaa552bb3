"""What the demonstration network keeps: posts in a SQLite file, media beside it.

A connection for each call: the network serves a person's clicks and a few workers, and a
connection that no thread shares cannot be used by two at once.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS post (
    id INTEGER PRIMARY KEY AUTOINCREMENT, account TEXT NOT NULL, idempotency_key TEXT NOT NULL,
    text TEXT NOT NULL, media TEXT NOT NULL, visibility TEXT NOT NULL, language TEXT NOT NULL,
    content_warning TEXT NOT NULL, reply_to INTEGER REFERENCES post(id),
    created_at TEXT NOT NULL, edited_at TEXT NOT NULL DEFAULT '', deleted_at TEXT NOT NULL DEFAULT '',
    UNIQUE (account, idempotency_key)
);
CREATE INDEX IF NOT EXISTS post_reply_to ON post (reply_to);
"""
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": ("image/png", ".png"),
    b"\xff\xd8\xff": ("image/jpeg", ".jpg"),
    b"GIF87a": ("image/gif", ".gif"),
    b"GIF89a": ("image/gif", ".gif"),
    b"RIFF": ("image/webp", ".webp"),
}
_KINDS = {extension: mime for mime, extension in _MAGIC.values()}


class NoSuchPost(Exception):
    """There is no such post, or no longer."""


class NoImage(Exception):
    """The bytes are none of the image formats this network shows."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One attached image: its file's name and its description."""

    name: str
    alt: str


@dataclass(frozen=True, slots=True)
class Post:
    id: int
    account: str
    key: str
    text: str
    media: tuple[Shown, ...]
    visibility: str
    language: str
    content_warning: str
    reply_to: int | None
    created_at: datetime
    edited_at: datetime | None


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client sends to be shown. `media` are `(id, alt)`."""

    account: str
    text: str
    media: tuple[Shown, ...]
    visibility: str
    language: str
    content_warning: str
    reply_to: int | None


class DemoStore:
    """Everything in one folder; it survives restarts."""

    def __init__(self, folder: Path, clock: Callable[[], datetime] | None = None) -> None:
        self._clock = clock or (lambda: datetime.now(UTC))
        self._media = folder / "media"
        self._media.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._file = folder / "posts.sqlite3"
        with self._connection() as database:
            database.executescript(_SCHEMA)

    @contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        with closing(sqlite3.connect(self._file, timeout=15, isolation_level=None)) as database:
            database.row_factory = sqlite3.Row
            database.execute("PRAGMA journal_mode=WAL")
            yield database

    def _now(self) -> str:
        return self._clock().isoformat()

    # --- Posts ------------------------------------------------------------------------------------
    def add(self, draft: Draft, key: str) -> tuple[Post, bool]:
        """The post of this key, and whether it is new. Raises NoSuchPost when the post of the key
        was deleted, or the one it replies to does not exist."""
        with self._connection() as database:
            database.execute("BEGIN IMMEDIATE")
            row = database.execute(
                "SELECT * FROM post WHERE account = ? AND idempotency_key = ?", (draft.account, key)
            ).fetchone()
            new = row is None
            if row is None:
                self._demand(database, draft.reply_to)
                row = self._insert(database, draft, key)
            database.execute("COMMIT")
        if row["deleted_at"]:
            raise NoSuchPost(str(row["id"]))
        return _post(row), new

    def _demand(self, database: sqlite3.Connection, post_id: int | None) -> None:
        query = "SELECT 1 FROM post WHERE id = ? AND deleted_at = ''"
        if post_id is not None and database.execute(query, (post_id,)).fetchone() is None:
            raise NoSuchPost(str(post_id))

    def _insert(self, database: sqlite3.Connection, draft: Draft, key: str) -> sqlite3.Row:
        values = (*_columns(draft), draft.account, key, draft.reply_to, self._now())
        row: sqlite3.Row = database.execute(
            "INSERT INTO post (text, media, visibility, language, content_warning, account, idempotency_key,"
            " reply_to, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) RETURNING *",
            values,
        ).fetchone()
        return row

    def change(self, post_id: int, draft: Draft) -> Post:
        with self._connection() as database:
            row = database.execute(
                "UPDATE post SET text = ?, media = ?, visibility = ?, language = ?, content_warning = ?,"
                " edited_at = ? WHERE id = ? AND account = ? AND deleted_at = '' RETURNING *",
                (*_columns(draft), self._now(), post_id, draft.account),
            ).fetchone()
        if row is None:
            raise NoSuchPost(str(post_id))
        return _post(row)

    def remove(self, post_id: int) -> None:
        """Hides it for good. The key stays known, so that a late repetition does not bring it back."""
        with self._connection() as database:
            changed = database.execute(
                "UPDATE post SET deleted_at = ?, text = '', content_warning = '', media = '[]'"
                " WHERE id = ? AND deleted_at = ''",
                (self._now(), post_id),
            ).rowcount
        if not changed:
            raise NoSuchPost(str(post_id))

    def get(self, post_id: int) -> Post:
        found = self._select("id = ?", (post_id,))
        if not found:
            raise NoSuchPost(str(post_id))
        return found[0]

    def by_key(self, account: str, key: str) -> list[Post]:
        return self._select("idempotency_key = ? AND (? = '' OR account = ?)", (key, account, account))

    def timeline(self, account: str = "") -> list[Post]:
        """Newest first: everybody's public posts, or all posts of one account."""
        if account:
            return self._select("account = ?", (account,))
        return self._select("visibility = 'public'", ())

    def replies(self, post_id: int) -> list[Post]:
        """What answers a post, and what answers that, in the order it came."""
        with self._connection() as database:
            rows = database.execute(
                "WITH RECURSIVE below(id) AS (SELECT id FROM post WHERE reply_to = ?"
                " UNION SELECT post.id FROM post JOIN below ON post.reply_to = below.id)"
                " SELECT * FROM post WHERE id IN below AND deleted_at = '' ORDER BY id LIMIT 200",
                (post_id,),
            )
            return [_post(row) for row in rows]

    def _select(self, condition: str, values: tuple[Any, ...]) -> list[Post]:
        # The condition is always one of the literals above; values are bound.
        query = f"SELECT * FROM post WHERE deleted_at = '' AND ({condition}) ORDER BY id DESC LIMIT 200"  # noqa: S608
        with self._connection() as database:
            return [_post(row) for row in database.execute(query, values)]

    # --- Media ------------------------------------------------------------------------------------
    def add_media(self, content: bytes) -> str:
        """Keeps an image and returns its name. The same bytes have the same name."""
        extension = next((known[1] for magic, known in _MAGIC.items() if content.startswith(magic)), "")
        if not extension or (extension == ".webp" and content[8:12] != b"WEBP"):
            raise NoImage
        name = hashlib.sha256(content).hexdigest()[:32] + extension
        path = self._media / name
        if not path.exists():
            unfinished = path.with_suffix(f".{id(content)}.part")
            unfinished.write_bytes(content)
            unfinished.replace(path)
        return name

    def media(self, name: str) -> tuple[bytes, str]:
        """The bytes and MIME type. Raises NoImage."""
        if not self.has_media(name):
            raise NoImage
        path = self._media / name
        return path.read_bytes(), _KINDS[path.suffix]

    def has_media(self, name: str) -> bool:
        stem, _, extension = name.partition(".")
        well_formed = len(stem) == 32 and set(stem) <= set("0123456789abcdef") and f".{extension}" in _KINDS
        return well_formed and (self._media / name).is_file()


def _columns(draft: Draft) -> tuple[str, str, str, str, str]:
    media = json.dumps([[item.name, item.alt] for item in draft.media])
    return draft.text, media, draft.visibility, draft.language, draft.content_warning


def _post(row: sqlite3.Row) -> Post:
    return Post(
        id=row["id"],
        account=row["account"],
        key=row["idempotency_key"],
        text=row["text"],
        media=tuple(Shown(name, alt) for name, alt in json.loads(row["media"])),
        visibility=row["visibility"],
        language=row["language"],
        content_warning=row["content_warning"],
        reply_to=row["reply_to"],
        created_at=datetime.fromisoformat(row["created_at"]),
        edited_at=datetime.fromisoformat(row["edited_at"]) if row["edited_at"] else None,
    )
