"""Locks many posts at once, in the one order in which everybody takes them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import connection

from accounts.batching import among, listed


@dataclass(frozen=True, slots=True)
class Locked:
    """What a post and its brand stand at, under the locks."""

    version: int
    standing: int
    stopped: bool


# Locked in id order. The version is the row's own, so it is read after the lock; the brand's columns stand
# still under the brand's own lock.
_LOCK = """
SELECT p.id, p.version, b.standing, b.stopped_at FROM posts_post p JOIN accounts_brand b ON b.id = p.brand_id
WHERE {posts} ORDER BY p.id
"""


def lock_posts(post_ids: Iterable[int], *, wait: bool = True) -> dict[int, Locked]:
    """Locks post rows in id order, so that a verb, a release and two recorders of one post's deliveries
    come one after the other. Answers what each stands at, by post id; without those that somebody else has
    locked, if it is not to `wait`."""
    # SQLite's transactions are exclusive: there is nothing to lock.
    how = " FOR NO KEY UPDATE OF p" if connection.vendor == "postgresql" else ""
    how += " SKIP LOCKED" if how and not wait else ""
    with connection.cursor() as cursor:
        cursor.execute(_LOCK.format(posts=among("p.id")) + how, [listed(set(post_ids))])
        rows = cursor.fetchall()
    return {pk: Locked(version, standing, stopped is not None) for pk, version, standing, stopped in rows}
