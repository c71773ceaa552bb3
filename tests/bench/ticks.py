"""Times rounds of the ticker, in a database with many deliveries scheduled ahead.

    DATABASE_URL=… python -m tests.bench.ticks --ahead 1000000

Prints one line of JSON: milliseconds of a whole tick, and of each of its parts.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial
from itertools import islice

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cm_queue.settings")
django.setup()

from django.db import connection  # noqa: E402

from accounts.clock import database_now  # noqa: E402
from posts.models import Delivery, Post  # noqa: E402
from publishing import ticking  # noqa: E402
from tests.bench.copying import copy  # noqa: E402

_ROUNDS = 40
# Columns of the copies that are not those of the original `o`: two posts a minute, from an hour from now on,
# so that none comes due meanwhile.
_OF_POSTS = {"slot": "now() + interval '1 hour' + g * interval '30 seconds'"}
_OF_DELIVERIES = {
    "post_id": "p.id",
    "due_at": "p.slot",
    "next_at": "p.slot",
    "expires_at": "p.slot + interval '1 hour'",
    "key": "md5(p.id::text)",
}
_POSTS = "FROM generate_series(1, {ahead}) g JOIN posts_post o ON o.id = 1 + g % 2000"
_DELIVERIES = "FROM posts_post p JOIN posts_delivery o ON o.post_id = 1 + p.id % 2000 WHERE p.id > 2000"


def schedule(ahead: int) -> None:
    """Copies the seeded posts, with their lineages and revisions, at which a tick does not look."""
    with connection.cursor() as cursor:
        # Foreign keys hold by construction, and checking a million of them is not what is measured.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(copy(Post, _OF_POSTS, _POSTS.format(ahead=ahead)))
        cursor.execute(copy(Delivery, _OF_DELIVERIES, _DELIVERIES))
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("VACUUM ANALYZE")


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def main(ahead: int) -> None:
    schedule(ahead)
    for _ in range(5):
        ticking.tick()
    rounds = ticking.rounds()
    # The first is of all parts, and made once in a ticker's life.
    next(rounds)
    whole = sorted(_timed(partial(ticking.tick, parts)) for parts in islice(rounds, _ROUNDS))
    parts = {one.__name__: statistics.median(_timed(one) for _ in range(10)) for one in ticking._PARTS}
    parts["until_next"] = statistics.median(
        _timed(lambda: ticking.until_next(database_now())) for _ in range(10)
    )
    found = {
        "tick_ms": round(statistics.median(whole), 1),
        "tick_ms_p95": round(whole[int(_ROUNDS * 0.95)], 1),
        "parts_ms": {name: round(spent, 1) for name, spent in parts.items()},
    }
    sys.stdout.write(f"{json.dumps(found)}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.ticks", description=__doc__)
    parser.add_argument("--ahead", type=int, required=True)
    main(parser.parse_args().ahead)
