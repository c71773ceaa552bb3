"""One measurement of the limit: the reference pipeline of `limit.py` against the same servers."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.bench import limit
from tests.bench.ground import Ground, Stuck


@dataclass(frozen=True)
class Limit:
    """Arrivals a second, first to last; and when the last arrived, from the start of its processes."""

    rate: float
    last_after: float


def measure_limit(ground: Ground, n: int, delay_ms: float, threads: int, processes: int = 2) -> Limit:
    """Raises Stuck if anything was lost or doubled."""
    dsn = ground.address("reference")
    limit.prepare(dsn, n)
    ground.execute("CHECKPOINT")
    ground.reset_network(delay_ms)
    began = time.time()
    ground.run(
        "-m",
        "tests.bench.limit",
        "--dsn",
        dsn,
        "--port",
        str(ground.port),
        "--procs",
        str(processes),
        "--threads",
        str(threads),
        address=dsn,
    )
    events = ground.ask_network("events")
    if len(events) != n or len({key for _at, key, _idempotency in events}) != n:
        raise Stuck(f"The reference pipeline sent {len(events)} of {n}")
    arrivals = sorted(event[0] for event in events)
    return Limit((n - 1) / (arrivals[-1] - arrivals[0]), arrivals[-1] - began)
