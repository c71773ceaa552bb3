"""SIGTERM: what is being sent is finished, what is not is given back, and the process ends.

Towards the network without keys: whatever the end of a worker left in doubt would stay unknown there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.faults.counting import count, look
from tests.faults.databases import set_due
from tests.faults.ground import PATIENCE_S, Ground, ground
from tests.faults.network import Mode

pytestmark = [pytest.mark.processes, pytest.mark.faults, pytest.mark.slow]
PATIENT_S = 60.0


@pytest.fixture
def here() -> Iterator[Ground]:
    with ground("sqlite") as made:
        yield made


def seeded(here: Ground, n: int) -> None:
    network = f"http://127.0.0.1:{here.port}"
    here.run("-m", "tests.faults.seeding", "--n", str(n), "--kind", "bare", "--network", network)


def make_due(here: Ground, n: int, over_s: float = 0.0) -> None:
    """All of it, over so many seconds from now on."""
    now = datetime.now(UTC)
    set_due(here.database, {post: now + timedelta(seconds=over_s * post / n) for post in range(1, n + 1)})


def until(here: Ground, true: Callable[[], object]) -> None:
    give_up = time.monotonic() + PATIENT_S
    while not true():
        assert time.monotonic() < give_up, here.last_words()
        time.sleep(0.05)


def states(here: Ground) -> dict[str, int]:
    rows = here.database.rows("SELECT state, count(*) AS number FROM posts_delivery GROUP BY state")
    return {row["state"]: row["number"] for row in rows}


def requests(here: Ground) -> int:
    return len(here.ask_network("log"))


def test_an_ordinary_deployment_loses_and_doubles_nothing(here: Ground) -> None:
    """Workers are restarted one after the other, in the middle of a drain."""
    n = 120
    seeded(here, n)
    here.engine(workers=2, tickers=1)
    until(here, here.is_up)
    make_due(here, n, over_s=12.0)
    for number in range(2):
        met = requests(here)
        until(here, lambda met=met: requests(here) >= min(n, met + 10))
        name = f"worker-{number}"
        here.ask_to_end(name)
        assert here.running[name][1].wait(PATIENCE_S) == 0
        here.tend()
    until(here, lambda: states(here) == {"DELIVERED": n})
    here.end_all()
    sent, seen = look(here.database, here.ask_network("log"))
    assert count(sent, seen, reconcilable=True).faults(reconcilable=True) == {}
    assert {len(one.tries) for one in sent if not any(two.outcome == "NOT_SENT" for two in one.tries)} == {1}


def test_it_ends_in_time_while_the_network_hangs(here: Ground) -> None:
    """The time-outs are shorter than the time there is: what was being sent is written down as unknown,
    everything else is due again at once and was never sent."""
    n = 40
    seeded(here, n)
    here.ask_network("mode", {"mode": Mode.HANG.value})
    here.engine(workers=1, tickers=1)
    until(here, here.is_up)
    make_due(here, n)
    until(here, lambda: requests(here) > 0)
    here.ask_to_end("worker-0")
    assert here.running["worker-0"][1].wait(PATIENCE_S) == 0
    begun = requests(here)
    assert states(here) == {"UNKNOWN": begun, "PENDING": n - begun}
    assert begun <= int(here.environment["PUBLISH_THREADS"])
    here.ask_network("mode", {"mode": Mode.WELL.value})
    here.tend()
    until(here, lambda: states(here) == {"UNKNOWN": begun, "DELIVERED": n - begun})
    assert requests(here) == n


def test_a_worker_outlives_valkey_and_ends_without_it(here: Ground) -> None:
    n = 60
    seeded(here, n)
    here.engine(workers=1, tickers=1)
    until(here, here.is_up)
    make_due(here, n, over_s=4.0)
    until(here, lambda: requests(here) > 5)
    here.valkey.kill()
    here.valkey.wait()
    time.sleep(1.0)
    pid = here.running["worker-0"][1].pid
    here.tend()
    until(here, lambda: states(here) == {"DELIVERED": n})
    assert here.running["worker-0"][1].pid == pid
    here.valkey.kill()
    here.valkey.wait()
    here.ask_to_end("worker-0")
    assert here.running["worker-0"][1].wait(PATIENCE_S) == 0
