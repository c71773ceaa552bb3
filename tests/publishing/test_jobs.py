from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import django_rq
import pytest
from django.db import OperationalError, connection
from rq.registry import FailedJobRegistry, StartedJobRegistry

from approvals.models import Credential
from posts.lifecycle import DeliveryState, PostState
from posts.models import Channel
from publishing.draining import stopping
from publishing.jobs import (
    QUEUE,
    check_channels,
    forget_lost_hints,
    hint,
    reconcile_unknown,
    release_due,
    renew_secrets,
    retract_due,
    worker_name,
)
from publishing.models import ChannelHealth
from tests.conftest import Launch
from tests.contract.stand_ins.faulty_front import Fault
from tests.publishing.conftest import POSTS, Network
from tests.staging import House, fresh, house, states_of

pytestmark = pytest.mark.django_db(transaction=True)


WORK = """
import django
django.setup()
from publishing.jobs import release_due
print(release_due())
"""


@pytest.fixture
def released(child_environment: dict[str, str], launch: Launch) -> Callable[[], int]:
    """`release_due` in a process of its own, whose threads end with it; answers what it answered."""

    def run() -> int:
        environment = {**child_environment, "DJANGO_SETTINGS_MODULE": "cm_queue.settings"}
        process = launch([sys.executable, "-c", WORK], environment, stdout=subprocess.PIPE)
        said, _nothing = process.communicate(timeout=60)
        return int(said)

    return run


def test_a_worker_has_a_name_that_tells_machine_and_process() -> None:
    assert worker_name().endswith(f":{os.getpid()}")
    assert len(worker_name()) <= 80


def test_a_hint_carries_no_ids_and_no_times() -> None:
    assert hint(release_due)
    (job,) = django_rq.get_queue(QUEUE).jobs
    assert (job.args, job.kwargs, job.retries_left) == ((), {}, None)


def test_hints_are_bounded() -> None:
    assert [hint(release_due) for _ in range(6)] == [True] * 4 + [False] * 2


@pytest.mark.processes
def test_a_hint_worked_by_rq_releases_what_is_due_and_a_doubled_one_costs_nothing(
    lumiere: House, network: Network, manage: Launch
) -> None:
    post = lumiere.approved("through RQ")
    hint(release_due)
    hint(release_due)
    worker = manage("publish_worker")
    until(lambda: django_rq.get_queue(QUEUE).count == 0 and network.texts())
    worker.terminate()
    assert worker.wait(30) == 0
    assert network.texts() == ["through RQ"]
    assert fresh(post).lifecycle is PostState.PUBLISHED


@pytest.mark.once
@pytest.mark.processes
def test_one_refusal_does_not_stop_the_others(
    lumiere: House, network: Network, released: Callable[[], int]
) -> None:
    posts = [lumiere.approved(f"post {number}") for number in range(6)]
    network.front.arm("POST", POSTS, Fault(422))
    network.front.arm("POST", POSTS, Fault(503))
    assert released() == 6
    states = sorted(state for post in posts for state in states_of(post).values())
    assert states == [DeliveryState.DELIVERED.value] * 4 + [
        DeliveryState.FAILED.value,
        DeliveryState.PENDING.value,
    ]


@pytest.mark.once
@pytest.mark.processes
def test_settings_that_cannot_be_used_do_not_stop_the_worker(
    lumiere: House, network: Network, released: Callable[[], int]
) -> None:
    lumiere.connect("second", base_url=network.base, account="second")
    broken, fine = lumiere.approved("broken"), lumiere.approved("fine", channels=["second"])
    Channel.objects.filter(key="demo").update(settings={"base_url": "nowhere", "account": "x"})
    released()
    assert states_of(broken) == {"demo": DeliveryState.FAILED.value}
    assert states_of(fine) == {"second": DeliveryState.DELIVERED.value}


@pytest.mark.processes
def test_what_the_gate_denies_does_not_hide_what_it_allows(
    lumiere: House, network: Network, released: Callable[[], int]
) -> None:
    """A batch of which everything is denied is not the end of what is due."""
    for number in range(40):
        lumiere.approved(f"denied {number}")
    Credential.objects.filter(user=lumiere.nadia, domain="company").update(ended_at=lumiere.brand.created_at)
    other = house("autre-maison")
    other.connect("demo", base_url=network.url, account="autre-maison")
    other.approved("allowed")
    released()
    assert network.texts("autre-maison") == ["allowed"]
    assert not network.posts()


def test_channels_are_checked_one_by_one_and_one_refusal_stops_nobody(
    lumiere: House, network: Network
) -> None:
    other = house("autre-maison")
    other.connect("demo", base_url=network.url, account="autre-maison")
    Channel.objects.filter(brand=lumiere.brand).update(
        settings={"base_url": network.url, "account": "somebody"}
    )
    ChannelHealth.objects.update(checked_at=None)
    assert check_channels() == 2
    assert ChannelHealth.objects.filter(checked_at__isnull=True).count() == 0
    assert ChannelHealth.objects.get(channel__brand=other.brand).ok
    assert check_channels() == 0


@pytest.mark.processes
def test_the_hint_of_a_killed_worker_does_not_stay_started_for_ever(
    lumiere: House, network: Network, manage: Launch
) -> None:
    """It is found by the sweep once its time is over, is not worked again, and is forgotten."""
    queue = django_rq.get_queue(QUEUE)
    started, failed = StartedJobRegistry(queue=queue), FailedJobRegistry(queue=queue)
    lumiere.approved("patience")
    network.front.arm("POST", POSTS, Fault(hang=True))
    hint(release_due)
    worker = manage("publish_worker")
    until(lambda: [one for one in network.front.seen if one.method == "POST"])
    os.killpg(worker.pid, signal.SIGKILL)
    worker.wait()
    forget_lost_hints()
    assert (started.connection.zcard(started.key), failed.count, queue.count) == (1, 0, 0)
    entry: Any = started.connection.zrange(started.key, 0, -1)[0]
    started.connection.zadd(started.key, {entry: 1})
    forget_lost_hints()
    assert (started.connection.zcard(started.key), failed.count, queue.count) == (0, 1, 0)
    (job,) = failed.get_job_ids()
    failed.connection.zadd(failed.key, {job: 1})
    forget_lost_hints()
    assert failed.connection.zcard(failed.key) == 0


def test_asked_to_end_it_begins_nothing_more(lumiere: House) -> None:
    ChannelHealth.objects.update(checked_at=None)
    stopping.set()
    try:
        assert check_channels() == 0
    finally:
        stopping.clear()
    assert check_channels() == 1


@pytest.mark.parametrize("job", [reconcile_unknown, retract_due, check_channels, renew_secrets])
def test_a_hint_outlives_an_outage_of_the_database(job: Callable[[], int]) -> None:
    def away(*_asked: Any) -> None:
        raise OperationalError("the server closed the connection")

    with connection.execute_wrapper(away):
        assert job() == 0


def until(true: Callable[[], object]) -> None:
    give_up = time.monotonic() + 60
    while not true():
        assert time.monotonic() < give_up
        time.sleep(0.05)


def test_nothing_to_do_is_done_quickly() -> None:
    assert (reconcile_unknown(), check_channels()) == (0, 0)
