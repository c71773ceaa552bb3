"""How fast the desk answers when it is full: `make bench-desk`.

    python -m tests.bench.desk [--quick] [--open 10000] [--published 100000] [--only queue,desk]

PostgreSQL with fsync on; gunicorn as `deploy/` starts it, two workers of four threads; a reviewer's real
session. Statements are counted by pg_stat_statements, by the role that only the web server uses: what opens
and ends a transaction is not one. Prints a table and, as the last line, one JSON object by page.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import psutil
import psycopg

from tests import servers
from tests.bench.databases import _NO_STATEMENT, _SENT, _SLOWEST
from tests.bench.desk_asking import Ask, Client, ask_all
from tests.bench.ground import ROLES, Ground, Stuck, ground

WORKERS, THREADS = 2, 4
_READY_S = 60
_COLUMNS = ("page", "SQL", "kB", "p50", "p95", "8: p50", "8: p95", "CPU ms")


@dataclass
class Served:
    """A web server on a full desk, and what was put there."""

    ground: Ground
    database: str
    port: int
    web: psutil.Process
    seeded: Mapping[str, Any]

    def ask(self, one: Ask) -> tuple[int, bytes]:
        client = Client(self.port, self.seeded["session"])
        try:
            return client.ask(one)
        finally:
            client.close()

    def places(self, ids: Sequence[int]) -> list[str]:
        """Where these posts stand in the queue, as it stands in an address."""
        with psycopg.connect(self.ground.address(self.database), autocommit=True) as reader:
            rows = reader.execute(
                "SELECT on_approval::int, coalesce((extract(epoch FROM slot) * 1000000)::bigint::text, '-'), id"
                " FROM posts_post WHERE id = ANY(%s)",
                (list(ids),),
            ).fetchall()
        return [".".join(map(str, row)) for row in rows]

    def cpu_s(self) -> float:
        """What the web server and PostgreSQL have spent so far."""
        processes = [*self.web.children(), *psutil.Process(self.ground.postmaster).children()]
        return sum(_spent_s(one) for one in processes)

    def count(self, work: Callable[[], object]) -> tuple[int, list[tuple[int, float, str]]]:
        """Statements that the web server sent during it, and the costliest of them."""
        with psycopg.connect(self.ground.admin, autocommit=True) as admin:
            admin.execute("SELECT pg_stat_statements_reset()")
            work()
            time.sleep(0.2)
            sent = dict(admin.execute(_SENT, (self.database, _NO_STATEMENT)).fetchall())
            slowest = admin.execute(
                _SLOWEST, (self.database, _NO_STATEMENT, ROLES[0], "no foreign keys")
            ).fetchall()
        return int(sent.get(ROLES[0], 0)), slowest


def _spent_s(process: psutil.Process) -> float:
    try:
        return float(sum(process.cpu_times()[:2]))
    except psutil.NoSuchProcess:
        return 0.0


def pages(seeded: Mapping[str, Any], served: Served) -> dict[str, list[Ask]]:
    """What is asked of each page. A review and an approval are of another post each time."""
    routine, (first, last) = seeded["routine"], seeded["published"]
    found = {
        "desk": [Ask("/")],
        "queue": [Ask("/review/")],
        # The same, deeper down and each time elsewhere: never one that was drawn a moment ago.
        "queue_anew": [Ask(f"/review/?after={place}") for place in served.places(routine[::2][:1000])],
        "queue_search": [Ask("/review/?q=lampe+aurore&kind=launch")],
        "calendar": [Ask("/calendar/")],
        "post": [Ask(f"/posts/{pk}/") for pk in range(first, last, max(1, (last - first) // 500))],
        "review": [Ask(f"/review/{pk}/") for pk in routine[: _looked_at(routine)]],
        "insights": [Ask("/insights/?weeks=26")],
        "approval": [],
    }
    return {name: asks for name, asks in found.items() if not asks or served.ask(asks[0])[0] == 200}


def _looked_at(routine: Sequence[int]) -> int:
    """How many of these posts are looked at only; the others are there to be approved."""
    return min(500, len(routine) // 2)


class Approvals:
    """Forms of approval, each for a post that was not decided on yet."""

    def __init__(self, served: Served) -> None:
        routine = served.seeded["routine"]
        self._left = iter(routine[_looked_at(routine) :])
        self._dsn = served.ground.address(served.database)

    def take(self, count: int) -> list[Ask]:
        ids = [next(self._left) for _ in range(count)]
        with psycopg.connect(self._dsn, autocommit=True) as reader:
            rows = reader.execute(
                "SELECT p.id, r.digest FROM posts_post p JOIN posts_revision r ON r.id = p.revision_id"
                " WHERE p.id = ANY(%s)",
                (ids,),
            ).fetchall()
        # As the review page's form has it, which names the post that comes next.
        then = f"?then={ids[-1]}"
        return [
            Ask(f"/review/{pk}/decide/{then}", {"decision": "approve", "digest": digest})
            for pk, digest in rows
        ]


def measure(served: Served, name: str, asks: list[Ask], each: int, *, tell: bool) -> dict[str, float]:
    """One page: warm, then one client, then eight. Where there are several addresses each comes after all others."""
    approvals, turns = Approvals(served), cycle(asks)
    session = served.seeded["session"]

    def take(count: int) -> list[Ask]:
        return list(islice(turns, count)) if asks else approvals.take(count)

    def run(clients: int, times: int) -> Any:
        return ask_all(served.port, session, take(clients * times), clients, times)

    run(8, 3)
    few = max(10, each // 4)
    statements, slowest = served.count(lambda: run(1, few))
    if tell:
        for calls, spent, text in slowest[:24]:
            sys.stderr.write(f"    {calls:6d} {spent:8.1f} ms  {text[:150]}\n")
    before = served.cpu_s()
    one = run(1, each)
    spent = served.cpu_s() - before
    eight = run(8, max(5, each // 4))
    return {
        "sql": round(statements / few, 1),
        "kb": round(one.size / 1000, 1),
        "kb_gzip": round(one.zipped / 1000, 1),
        "p50_ms": one.at(0.5),
        "p95_ms": one.at(0.95),
        "p50_ms_8": eight.at(0.5),
        "p95_ms_8": eight.at(0.95),
        "cpu_ms": round(1000 * spent / len(one.took), 1),
    }


def serve(here: Ground, waiting: int, out: int) -> Served:
    """Migrates, seeds, starts gunicorn and waits until it answers. Raises Stuck."""
    here.execute("CREATE DATABASE desk")
    address = here.address("desk")
    here.run("manage.py", "migrate", "-v0", address=address)
    said = here.run(
        *("-m", "tests.bench.desk_seeding", "--open", str(waiting), "--published", str(out)), address=address
    )
    port = servers.free_port()
    web = here.start(
        "web",
        *("-m", "gunicorn", "cm_queue.wsgi", "--bind", f"127.0.0.1:{port}", "--workers", str(WORKERS)),
        *("--threads", str(THREADS), "--timeout", "60", "--log-level", "warning", "--no-control-socket"),
        address=here.address("desk", ROLES[0]),
    )
    served = Served(here, "desk", port, psutil.Process(web.pid), json.loads(said.splitlines()[-1]))
    until = time.monotonic() + _READY_S
    while time.monotonic() < until and web.poll() is None:
        try:
            if served.ask(Ask("/styleguide/"))[0]:
                return served
        except OSError:
            time.sleep(0.2)
    raise Stuck(f"The web server does not answer:\n{here.last_words()}")


def _table(found: Mapping[str, Mapping[str, float]]) -> str:
    keys = ("sql", "kb", "p50_ms", "p95_ms", "p50_ms_8", "p95_ms_8", "cpu_ms")
    rows = [_COLUMNS, *((name, *(f"{row[key]:g}" for key in keys)) for name, row in found.items())]
    return "\n".join(f"{row[0]:14}" + "".join(f"{cell:>10}" for cell in row[1:]) for row in rows)


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.desk", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a tenth of the posts, fewer requests")
    parser.add_argument("--open", type=int, help="posts in review (10,000; 1,000 with --quick)")
    parser.add_argument("--published", type=int, help="posts that went out (100,000; 10,000 with --quick)")
    parser.add_argument("--only", default="", help="pages, separated by commas")
    parser.add_argument(
        "--statements", action="store_true", help="tell the costliest statements of each page"
    )
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    chosen = _arguments(given)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    waiting = chosen.open or (1000 if chosen.quick else 10_000)
    out = chosen.published or (10_000 if chosen.quick else 100_000)
    found: dict[str, dict[str, float]] = {}
    with ground() as here:
        began = time.monotonic()
        served = serve(here, waiting, out)
        sys.stderr.write(f"{waiting} in review, {out} published: {time.monotonic() - began:.0f} s\n")
        for name, asks in pages(served.seeded, served).items():
            if chosen.only and name not in chosen.only.split(","):
                continue
            found[name] = measure(served, name, asks, 20 if chosen.quick else 100, tell=chosen.statements)
            sys.stderr.write(f"  {name}: {found[name]}\n")
    sys.stdout.write(f"{_table(found)}\n{json.dumps(found)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
