"""What Prometheus and the log are told by a real ticker and a real worker."""

from __future__ import annotations

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from posts.lifecycle import DeliveryState
from posts.models import Delivery
from publishing.models import Attempt
from tests.conftest import Launch
from tests.contract.stand_ins.faulty_front import Fault
from tests.publishing.conftest import POSTS, Network
from tests.staging import House, delivery_of

pytestmark = [pytest.mark.once, pytest.mark.processes, pytest.mark.django_db(transaction=True)]
PATIENCE_S = 90.0
SECRET = "demo-secret-91-hunter"
Measured = dict[tuple[str, str, str], float]


def scraped(port: int) -> Measured:
    """{(name, network, outcome): value} as a scraper reads it; empty while nobody listens."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            text = answer.read().decode()
    except urllib.error.URLError:
        return {}
    return {
        (one.name, one.labels.get("network", ""), one.labels.get("outcome", "")): one.value
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if "le" not in one.labels
    }


def wait(port: int, until: Callable[[Measured], bool]) -> Measured:
    """The metrics once they are so. Fails with the last ones when they never are."""
    ends, seen = time.monotonic() + PATIENCE_S, Measured()
    while time.monotonic() < ends:
        seen = scraped(port)
        if seen and until(seen):
            return seen
        time.sleep(0.1)
    raise AssertionError(seen)


def test_a_tickers_metrics_move_with_what_is_sent(
    lumiere: House,
    network: Network,
    launch: Launch,
    child_environment: dict[str, str],
    free_port: Callable[[], int],
    tmp_path: Path,
) -> None:
    port, log = free_port(), tmp_path / "log"
    lumiere.connect("second", secret=SECRET, base_url=network.url, account="second")
    told_in = {**child_environment, "LOG_LEVEL": "INFO", "LOG_FORMAT": "json", "METRICS_PORT": str(port)}
    with log.open("wb") as told:
        launch([sys.executable, "manage.py", "tick"], told_in, stderr=told)
        first = wait(port, lambda seen: ("cmq_last_tick_timestamp_seconds", "", "") in seen)
        good = [lumiere.approved(f"Numéro {n}.", channels=["second"]) for n in range(2)]
        waiting = wait(port, lambda seen: seen["cmq_deliveries_due", "", ""] == 2)
        older = wait(
            port,
            lambda seen: seen["cmq_queue_age_seconds", "", ""] > waiting["cmq_queue_age_seconds", "", ""],
        )
        last = ("cmq_last_tick_timestamp_seconds", "", "")
        assert older[last] >= waiting[last] > first[last]
        assert older.get(("cmq_attempts_total", "demo", "delivered"), 0) == 0
        launch([sys.executable, "manage.py", "publish_worker"], told_in, stderr=told)
        sent = wait(port, lambda seen: seen.get(("cmq_attempts_total", "demo", "delivered")) == 2)
        assert sent["cmq_lateness_seconds_count", "demo", ""] == 2
        assert sent["cmq_lateness_seconds_sum", "demo", ""] > 0, "it waited for its worker"
        network.front.arm("POST", POSTS, Fault(422, SECRET.encode()))
        bad = lumiere.approved("Refusé.", channels=["second"])
        done = wait(port, lambda seen: seen.get(("cmq_attempts_total", "demo", "rejected")) == 1)
        assert done["cmq_attempts_total", "demo", "delivered"] == 2
        assert done["cmq_lateness_seconds_count", "demo", ""] == 2, "only what arrived is late or not"
        wait(port, lambda seen: seen["cmq_queue_age_seconds", "", ""] == 0)
        network.front.arm("POST", POSTS, Fault(cut="after reading"))
        lumiere.approved("Qui sait ?", channels=["second"])
        wait(port, lambda seen: seen["cmq_deliveries_unknown", "", ""] == 1)
    _demand_lines(log, [delivery_of(post) for post in [*good, bad]])


def _demand_lines(log: Path, deliveries: list[Delivery]) -> None:
    """Every attempt left one line with its numbers, and no line has the secret."""
    text = log.read_text()
    assert SECRET not in text
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    told: dict[int, Any] = {line["delivery"]: line for line in lines if line["event"] == "delivery"}
    for delivery in deliveries:
        attempt = Attempt.objects.get(delivery=delivery)
        line = told[delivery.pk]
        assert (line["post"], line["attempt"]) == (delivery.post_id, attempt.pk)
        assert (line["network"], line["outcome"]) == ("demo", attempt.outcome)
    assert {one.lifecycle for one in deliveries} == {DeliveryState.DELIVERED, DeliveryState.FAILED}
