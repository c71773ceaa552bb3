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

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cm_queue.settings")
django.setup()

from django.db import connection  # noqa: E402

from publishing import ticking  # noqa: E402

_ROUNDS = 40
# Posts like the seeded ones, sharing their lineages and revisions, which a tick does not look at. Two a
# minute from an hour from now on: none comes due meanwhile.
_POSTS = """
INSERT INTO posts_post (brand_id, lineage_id, author_id, kind, products, topics, state, version, revision_id,
  slot, on_approval, window_from, window_until, late_minutes, created_at, submitted_at, reasons,
  released_digest)
SELECT p.brand_id, p.lineage_id, p.author_id, p.kind, p.products, p.topics, p.state, p.version,
  p.revision_id,
  now() + interval '1 hour' + g * interval '30 seconds', p.on_approval, p.window_from, p.window_until,
  p.late_minutes, now(), now(), p.reasons, p.released_digest
FROM generate_series(1, %s) g JOIN posts_post p ON p.id = 1 + g %% 2000
"""
_DELIVERIES = """
INSERT INTO posts_delivery (post_id, brand_id, channel_id, state, payload, payload_sha256, sealed_digest,
  approved_digest, due_at, next_at, expires_at, key, token, claimed_by, attempts, remote_id, url, problem)
SELECT p.id, p.brand_id, d.channel_id, d.state, d.payload, d.payload_sha256, d.sealed_digest,
  d.approved_digest, p.slot, p.slot, p.slot + interval '1 hour', md5(p.id::text), 0, '', 0, '', '', d.problem
FROM posts_post p JOIN posts_delivery d ON d.post_id = 1 + p.id %% 2000 WHERE p.id > 2000
"""


def schedule(ahead: int) -> None:
    with connection.cursor() as cursor:
        # Foreign keys hold by construction, and checking a million of them is not what is measured.
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(_POSTS, [ahead])
        cursor.execute(_DELIVERIES.replace("%%", "%"))
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
    whole = sorted(_timed(ticking.tick) for _ in range(_ROUNDS))
    parts = {one.__name__: statistics.median(_timed(one) for _ in range(10)) for one in ticking._PARTS}
    parts["until_next"] = statistics.median(_timed(ticking.until_next) for _ in range(10))
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
