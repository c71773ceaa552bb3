"""The parts of `make bench`, each a question put to the engine; each answers plain numbers."""

from __future__ import annotations

import json
import shutil
import statistics
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.bench.databases import OnPostgres, OnSqlite
from tests.bench.engine import Load, Measured, measure
from tests.bench.ground import Ground
from tests.bench.reference import measure_limit

Numbers = dict[str, Any]
# Threads of each of the two processes, by the network's delay in milliseconds: ours and the limit's.
THREADS = {0: 4, 50: 32}
# Nothing here is lost if the power fails: only what is measured waits for the disk.
_IN_A_HURRY = {"PGOPTIONS": "-c synchronous_commit=off"}


@dataclass
class Bench:
    """What one run of `make bench` was asked for, on its ground."""

    ground: Ground
    quick: bool
    pairs: int
    n: int
    environment: dict[str, str] = field(default_factory=dict)
    statements: bool = False
    _made: set[str] = field(default_factory=set)

    def say(self, text: str) -> None:
        sys.stderr.write(f"{text}\n")

    def seeded(self, n: int) -> str:
        """The name of a database with `n` approved deliveries, made at the first call."""
        return self._template(
            f"seeded_{n}",
            self._empty(),
            "-m",
            "tests.bench.seeding",
            "--n",
            str(n),
            "--network",
            self.network,
        )

    @property
    def network(self) -> str:
        return f"http://127.0.0.1:{self.ground.port}"

    def _empty(self) -> str:
        return self._template("empty", "template0", "manage.py", "migrate", "-v0")

    def _template(self, name: str, source: str, *command: str) -> str:
        if name not in self._made:
            self.say(f"making the database {name}")
            self.ground.execute(f"CREATE DATABASE {name} TEMPLATE {source}")
            self.ground.run(*command, address=self.ground.address(name), **_IN_A_HURRY)
            self._made.add(name)
        return name

    def on_postgres(self, load: Load) -> Measured:
        database = OnPostgres(self.ground, self.seeded(load.n))
        try:
            found = measure(self.ground, database, load)
        finally:
            database.close()
        self.say(
            f"  engine {load.n} due over {load.spread_s:g} s, {load.delay_ms:g} ms: {found.rate:.0f}/s, "
            f"late p95 {found.lateness['p95']:.3f} s, others busy {found.others_busy:.0%}, CPU ms {found.cpu_ms}"
        )
        if self.statements:
            self._say_statements(found)
        return found

    def load(self, n: int, delay_ms: int = 0, spread_s: float = 0.0) -> Load:
        return Load(n, delay_ms, THREADS[delay_ms], spread_s=spread_s, environment=self.environment)

    def _say_statements(self, found: Measured) -> None:
        self.say("    calls      ms  statement")
        for calls, spent, text in found.counted.slowest:
            self.say(f"  {calls:7d} {spent:7.0f}  {text[:160]}")


def costs(found: Measured) -> Numbers:
    """What a delivery cost, and which process held how much memory."""
    counted = found.counted
    workers = sum(spent for name, spent in found.cpu_ms.items() if name.startswith("worker"))
    return {
        "cpu_ms_per_delivery": round(found.per_delivery(workers), 2),
        "sql_per_delivery": round(found.per_delivery(counted.by_worker + counted.foreign_keys), 2),
        "sql_sent_per_delivery": round(found.per_delivery(counted.by_worker), 2),
        "foreign_keys_per_delivery": round(found.per_delivery(counted.foreign_keys), 2),
        "ticker_sql_per_delivery": round(found.per_delivery(counted.by_ticker), 2),
        "commits_per_delivery": round(found.per_delivery(counted.commits), 2),
        "others_busy": found.others_busy,
        "cpu_ms": found.cpu_ms,
        "rss_mb": found.rss_mb,
    }


# --- Beside the limit -------------------------------------------------------------------------------
def pairs(bench: Bench) -> Numbers:
    """The engine and the reference pipeline in turn, so that a busy moment of the machine meets both."""
    return {f"{delay}ms": _pairs(bench, delay) for delay in THREADS}


def _pairs(bench: Bench, delay_ms: int) -> Numbers:
    limits, engines = [], []
    bench.seeded(bench.n)
    for number in range(bench.pairs):
        limits.append(measure_limit(bench.ground, bench.n, delay_ms, THREADS[delay_ms]))
        engines.append(bench.on_postgres(bench.load(bench.n, delay_ms)))
        ours, theirs = engines[-1].rate, limits[-1].rate
        bench.say(
            f"{delay_ms} ms, pair {number + 1}: {ours:.0f}/s of {theirs:.0f}/s, ratio {ours / theirs:.2f}"
        )
    ratios = [ours.rate / theirs.rate for ours, theirs in zip(engines, limits, strict=True)]
    return {
        "n": bench.n,
        "deliveries_per_s": _median(one.rate for one in engines),
        "limit_per_s": _median(one.rate for one in limits),
        "ratio": round(statistics.median(ratios), 3),
        "ratios": [round(one, 3) for one in ratios],
        "deliveries_per_s_from_due": _median(one.rate_from_due for one in engines),
        **_median_costs([costs(one) for one in engines]),
        "lateness": engines[-1].lateness,
    }


def _median(values: Iterable[float], digits: int = 1) -> float:
    return round(statistics.median(values), digits)


def _median_costs(found: list[Numbers]) -> Numbers:
    """Figure by figure; of the dictionaries the last."""
    return {
        name: value if isinstance(value, dict) else _median((one[name] for one in found), 2)
        for name, value in found[-1].items()
    }


# --- Lateness ---------------------------------------------------------------------------------------
def light(bench: Bench) -> Numbers:
    """One delivery every two seconds: what a small house sees."""
    n = 10 if bench.quick else 60
    return {"light": bench.on_postgres(bench.load(n, 50, spread_s=2.0 * n)).lateness}


def minute(bench: Bench) -> Numbers:
    """So many due within one minute."""
    return {
        f"{n}_in_a_minute": bench.on_postgres(bench.load(n, 50, spread_s=60.0)).lateness
        for n in (200, 2000, 10_000)
    }


# --- Growth -----------------------------------------------------------------------------------------
def growth(bench: Bench) -> Numbers:
    """10,000 at once beside 2,000 at once, and beside the limit's own time for 10,000."""
    small, large = bench.on_postgres(bench.load(2000)), bench.on_postgres(bench.load(10_000))
    limit = measure_limit(bench.ground, 10_000, 0, THREADS[0])
    return {
        "per_s_at_2000": round(small.rate, 1),
        "per_s_at_10000": round(large.rate, 1),
        "growth_ratio": round(large.rate / small.rate, 3),
        "last_of_10000_s": round(large.last_after, 2),
        "limit_last_of_10000_s": round(limit.last_after, 2),
        "last_ratio": round(large.last_after / limit.last_after, 2),
        "at_once": {"2000": small.lateness, "10000": large.lateness},
    }


# --- The tick ---------------------------------------------------------------------------------------
def tick(bench: Bench) -> Numbers:
    """How long one round of the ticker takes with a million deliveries scheduled ahead."""
    ahead = 100_000 if bench.quick else 1_000_000
    database = bench.ground.fresh(bench.seeded(2000))
    try:
        address = bench.ground.address(database)
        bench.say(f"scheduling {ahead} deliveries ahead")
        said = bench.ground.run(
            "-m", "tests.bench.ticks", "--ahead", str(ahead), address=address, **_IN_A_HURRY
        )
    finally:
        bench.ground.drop(database)
    found = json.loads(said.splitlines()[-1])
    bench.say(f"  tick: {found}")
    return {"ahead": ahead, **found}


# --- SQLite -----------------------------------------------------------------------------------------
def sqlite(bench: Bench) -> Numbers:
    """One machine, one worker, one file, every commit on the disk."""
    n = 1000 if bench.quick else 3000
    ground = bench.ground
    file: Path = ground.folder / "seeded.sqlite3"
    address = f"sqlite:///{quote(str(file))}"
    bench.say("making the SQLite database")
    ground.run("manage.py", "migrate", "-v0", address=address)
    ground.run("-m", "tests.bench.seeding", "--n", str(n), "--network", bench.network, address=address)
    rates, last = [], None
    for number in range(1 if bench.quick else 3):
        copy = ground.folder / f"run{number}.sqlite3"
        shutil.copy(file, copy)
        database = OnSqlite(copy)
        last = measure(ground, database, Load(n, 0, THREADS[0], workers=1, environment=bench.environment))
        database.close()
        rates.append(last.rate)
        bench.say(f"  SQLite: {last.rate:.0f}/s, CPU ms {last.cpu_ms}")
    assert last
    workers = sum(spent for name, spent in last.cpu_ms.items() if name.startswith("worker"))
    return {"per_s": _median(rates), "cpu_ms_per_delivery": round(workers / n, 2), "rss_mb": last.rss_mb}


PARTS: dict[str, Callable[[Bench], Numbers]] = {
    "pairs": pairs,
    "light": light,
    "minute": minute,
    "growth": growth,
    "tick": tick,
    "sqlite": sqlite,
}
