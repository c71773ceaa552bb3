"""The bench must notice what it is there to notice."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.bench import telling
from tests.bench.engine import Load, lateness, percentiles
from tests.bench.ground import Stuck

Launch = Callable[..., "subprocess.Popen[bytes]"]
TWO = Load(2, 0, 1, spread_s=4.0)


@pytest.mark.pure
def test_lateness_counts_from_each_deliverys_own_instant():
    assert lateness([(100.5, "d-0", ""), (102.25, "d-1", "")], 100.0, TWO) == [0.5, 0.25]


@pytest.mark.pure
@pytest.mark.parametrize(
    "events",
    [
        pytest.param([(100.5, "d-0", "")], id="lost"),
        pytest.param([(100.5, "d-0", ""), (102.5, "d-1", ""), (102.6, "d-1", "")], id="doubled"),
        pytest.param([(100.5, "d-0", ""), (102.5, "d-1", ""), (103, "?", "")], id="foreign"),
        pytest.param([(100.5, "d-0", ""), (101.5, "d-1", "")], id="early"),
    ],
)
def test_what_was_lost_doubled_foreign_or_early_ends_the_run(events: list[Any]):
    with pytest.raises(Stuck):
        lateness(events, 100.0, TWO)


@pytest.mark.pure
def test_percentiles():
    assert percentiles([n / 100 for n in range(100)]) == {"p50": 0.5, "p95": 0.95, "p99": 0.99, "max": 0.99}


@pytest.mark.pure
def test_the_last_line_is_one_line_with_the_worse_of_the_two_beside_them():
    costs = {
        "cpu_ms_per_delivery": 1.0,
        "sql_per_delivery": 1.5,
        "commits_per_delivery": 0.2,
        "rss_mb": {"w": 9},
    }
    told = telling.gather({"pairs": {"0ms": costs, "50ms": {**costs, "cpu_ms_per_delivery": 1.8}}})
    line = telling.line(told)
    assert "\n" not in line
    assert json.loads(line)["cpu_ms_per_delivery"] == 1.8


@pytest.mark.processes
def test_the_stand_in_network_records_before_it_answers(launch: Launch, free_port: Callable[[], int]):
    port = free_port()
    launch([sys.executable, "-m", "tests.bench.network", "--port", str(port)])

    def ask(method: str, path: str, body: str | None = None) -> Any:
        talk = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            talk.request(method, path, body)
            return json.loads(talk.getresponse().read())
        finally:
            talk.close()

    for _ in range(200):
        try:
            ask("GET", "/__ctl/count")
        except ConnectionRefusedError:
            time.sleep(0.05)
        else:
            break
    ask("POST", "/__ctl/config", '{"delay_ms": 60000}')
    slow = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    slow.request("POST", "/api/posts", '{"text": "bench-key:d-7 Bonjour"}', {"Idempotency-Key": "k1"})
    while ask("GET", "/__ctl/count")["posts"] == 0:
        time.sleep(0.01)
    assert [event[1:] for event in ask("GET", "/__ctl/events")] == [["d-7", "k1"]]
    assert ask("GET", "/api/posts?key=k1&account=a")[0]["id"] == "1"
    assert ask("GET", "/api/posts?key=k2&account=a") == []
    slow.close()
