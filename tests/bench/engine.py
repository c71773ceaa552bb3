"""One measurement of the release engine: real workers, a real ticker, a known number of deliveries."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psutil

from tests.bench.databases import Counted, Database
from tests.bench.ground import ROLES, Ground, Stuck

_STALL_S, _POLL_S = 40.0, 0.1
Cpu = dict[str, float]


@dataclass(frozen=True)
class Load:
    """What is due: `n` deliveries over `spread_s` seconds, towards a network that answers after `delay_ms`;
    and who sends them."""

    n: int
    delay_ms: float
    threads: int
    workers: int = 2
    spread_s: float = 0.0
    environment: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Measured:
    """What became of a load. Seconds, unless a name says otherwise."""

    load: Load
    rate: float
    rate_from_due: float
    last_after: float
    lateness: dict[str, float]
    cpu_ms: Cpu
    rss_mb: dict[str, float]
    counted: Counted
    # The share of the machine that went to programs which are none of ours: how noisy the moment was.
    others_busy: float

    def per_delivery(self, what: float) -> float:
        return what / self.load.n


def percentiles(values: Sequence[float]) -> dict[str, float]:
    """p50, p95, p99 and the largest, in seconds."""
    ordered = sorted(values)

    def at(share: float) -> float:
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 4)

    return {"p50": at(0.5), "p95": at(0.95), "p99": at(0.99), "max": round(ordered[-1], 4)}


def lateness(events: Sequence[Sequence[Any]], start: float, load: Load) -> list[float]:
    """Seconds from due to arrival, of the network's events (instant, key, …). Raises Stuck unless each
    key arrived exactly once, and none too early."""
    seen = Counter(str(event[1]) for event in events)
    missing = {f"d-{number}" for number in range(load.n)} - set(seen)
    twice = [key for key, times in seen.items() if times > 1]
    if missing or twice or len(seen) != load.n:
        raise Stuck(f"Not exactly once: {len(missing)} missing, {len(twice)} more than once ({twice[:5]})")
    late = [event[0] - start - int(event[1][2:]) * load.spread_s / load.n for event in events]
    # A millisecond for the rounding of instants in the database.
    if min(late) < -0.001:
        raise Stuck(f"Too early by {-min(late):.3f} s")
    return late


def measure(ground: Ground, database: Database, load: Load) -> Measured:
    """Runs the load to its end. Raises Stuck if it stalls, loses or doubles anything."""
    ground.reset_network(load.delay_ms)
    with ground.hints() as hints:
        hints.flushall()
    try:
        names = _start(ground, database, load)
        begin = _arrange(database, load)
        _sleep_until(begin - timedelta(seconds=0.15))
        database.begin_counting()
        watch = _Watch(ground, names)
        _sleep_until(begin)
        _wait(ground, database, load, watch)
        cpu, others = watch.spent(), watch.others()
    except (Stuck, OSError) as error:
        raise Stuck(f"{error}\n{database.states()}\n{ground.last_words()}") from error
    finally:
        ground.stop_running()
    return _result(load, begin, ground.ask_network("events"), cpu, watch.rss, database.counted(), others)


def _start(ground: Ground, database: Database, load: Load) -> list[str]:
    more = {"PUBLISH_THREADS": str(load.threads), **load.environment}
    names = [f"worker {number + 1}" for number in range(load.workers)]
    for name in names:
        ground.start(name, "manage.py", "publish_worker", address=database.address(ROLES[0]), **more)
    ground.start("ticker", "manage.py", "tick", address=database.address(ROLES[1]), **more)
    until = time.monotonic() + 30
    with ground.hints() as hints:
        while hints.scard("rq:workers") < load.workers or not database.pulses():
            _demand_alive(ground)
            if time.monotonic() > until:
                raise Stuck("The engine did not come up")
            time.sleep(0.1)
    return [*names, "ticker"]


def _demand_alive(ground: Ground) -> None:
    for name, process in ground.running.items():
        if process.poll() is not None:
            raise Stuck(f"{name} ended with {process.returncode}")


def _arrange(database: Database, load: Load) -> datetime:
    """Says when everything is due: soon, but not before every ticker has had time to see it."""
    began = time.monotonic()
    begin = datetime.now(UTC) + timedelta(seconds=2.0 + load.n / 2500)
    database.due(begin, load.spread_s, load.n)
    if datetime.now(UTC) > begin - timedelta(seconds=1.2):
        # The machine is busier than thought: then again, with the time that it really takes.
        begin = datetime.now(UTC) + timedelta(seconds=2.0 + 2 * (time.monotonic() - began))
        database.due(begin, load.spread_s, load.n)
    return begin


def _sleep_until(instant: datetime) -> None:
    time.sleep(max(0.0, (instant - datetime.now(UTC)).total_seconds()))


def _wait(ground: Ground, database: Database, load: Load, watch: _Watch) -> None:
    """Until the network has seen all of it and the database says so too."""
    seen, moved = 0, time.monotonic()
    stall = _STALL_S + load.spread_s / load.n
    while True:
        time.sleep(_POLL_S)
        watch.look()
        _demand_alive(ground)
        now_seen = ground.ask_network("count")["posts"]
        if now_seen != seen:
            seen, moved = now_seen, time.monotonic()
        if seen >= load.n and database.left() == 0:
            return
        if time.monotonic() > moved + stall:
            raise Stuck(f"Nothing moved for {stall:.0f} s; the network has {seen} of {load.n}")


class _Watch:
    """CPU since it was made, and the largest memory, of the engine's processes and of the servers."""

    def __init__(self, ground: Ground, names: Sequence[str]) -> None:
        self._processes = {name: psutil.Process(ground.running[name].pid) for name in names}
        self._servers = {
            "network": psutil.Process(ground.network.pid),
            "valkey": psutil.Process(ground.valkey.pid),
        }
        self._postmaster = psutil.Process(ground.postmaster)
        self._before = self._cpu()
        self._machine, self._began = psutil.cpu_times(), time.monotonic()
        self._looked = 0.0
        self.rss: dict[str, float] = {}

    def _cpu(self) -> Cpu:
        used = {name: _seconds(one) for name, one in {**self._processes, **self._servers}.items()}
        used["postgres"] = sum(_seconds(one) for one in [self._postmaster, *self._postmaster.children()])
        return used

    def look(self) -> None:
        if time.monotonic() < self._looked + 0.3:
            return
        self._looked = time.monotonic()
        for name, process in self._processes.items():
            self.rss[name] = max(self.rss.get(name, 0.0), round(process.memory_info().rss / 1e6, 1))

    def spent(self) -> Cpu:
        """CPU milliseconds of each."""
        return {name: round(1000 * (used - self._before[name]), 1) for name, used in self._cpu().items()}

    def others(self) -> float:
        """The share of all cores, since the beginning, that none of the measured processes used."""
        now = psutil.cpu_times()
        idle = now.idle + now.iowait - self._machine.idle - self._machine.iowait
        there = (time.monotonic() - self._began) * (os.cpu_count() or 1)
        return round(max(0.0, (there - idle - sum(self.spent().values()) / 1000) / there), 2)


def _seconds(process: psutil.Process) -> float:
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)


def _result(
    load: Load,
    begin: datetime,
    events: list[Any],
    cpu: Cpu,
    rss_mb: dict[str, float],
    counted: Counted,
    others_busy: float,
) -> Measured:
    start, arrivals = begin.timestamp(), sorted(event[0] for event in events)
    late = lateness(events, start, load)
    span = max(arrivals[-1] - arrivals[0], 1e-9)
    return Measured(
        load,
        (load.n - 1) / span,
        load.n / (arrivals[-1] - start),
        arrivals[-1] - start,
        percentiles(late),
        cpu,
        rss_mb,
        counted,
        others_busy,
    )
