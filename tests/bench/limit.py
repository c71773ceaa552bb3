"""What this machine allows: claim durably, POST, record durably, straight on psycopg and http.client.

Two commits a delivery, each fsynced, and nothing else: no gate, no journal, no permit. What the release
engine is compared with, in the same run and against the same servers.

    python -m tests.bench.limit --dsn postgresql://… --port 9911 --procs 2 --threads 4
"""

from __future__ import annotations

import argparse
import http.client
import json
import multiprocessing
import threading

import psycopg

_CLAIM = """
UPDATE q SET st = 1, claimed = now() WHERE id IN
  (SELECT id FROM q WHERE st = 0 AND at <= now() ORDER BY at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, body
"""
_RECORD = "UPDATE q SET st = 2, rid = %s, done = now() WHERE id = %s AND st = 1"


def prepare(dsn: str, n: int) -> None:
    """A table with `n` rows that are due."""
    with psycopg.connect(dsn, autocommit=True) as database:
        database.execute("DROP TABLE IF EXISTS q")
        database.execute(
            "CREATE TABLE q (id bigserial PRIMARY KEY, st int DEFAULT 0, at timestamptz DEFAULT now(),"
            " body text, claimed timestamptz, done timestamptz, rid bigint)"
        )
        database.execute(
            "INSERT INTO q (body) SELECT 'bench-key:pl-' || g || ' lorem ipsum dolor sit amet'"
            " FROM generate_series(1, %s) g",
            (n,),
        )
        database.execute("CREATE INDEX ON q (at, id) WHERE st = 0")
        database.execute("VACUUM ANALYZE q")


def _work(dsn: str, port: int) -> None:
    network = http.client.HTTPConnection("127.0.0.1", port)
    with psycopg.connect(dsn, autocommit=True) as database:
        while row := database.execute(_CLAIM, prepare=True).fetchone():
            network.request("POST", "/p", row[1], {"Idempotency-Key": str(row[0])})
            remote = json.loads(network.getresponse().read())["id"]
            database.execute(_RECORD, (remote, row[0]), prepare=True)


def _process(dsn: str, port: int, threads: int) -> None:
    working = [threading.Thread(target=_work, args=(dsn, port)) for _ in range(threads)]
    for thread in working:
        thread.start()
    for thread in working:
        thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.limit", description=__doc__)
    parser.add_argument("--dsn", required=True)
    for name in ("--port", "--procs", "--threads"):
        parser.add_argument(name, type=int, required=True)
    chosen = parser.parse_args()
    running = [
        multiprocessing.Process(target=_process, args=(chosen.dsn, chosen.port, chosen.threads))
        for _ in range(chosen.procs)
    ]
    for process in running:
        process.start()
    for process in running:
        process.join()
