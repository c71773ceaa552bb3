"""What RQ carries: hints that there is work. No ids, no times, no retries: losing one costs a second,
doubling one costs nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import cache

from django.conf import settings
from django.db import close_old_connections
from redis import Redis
from rq import Queue

from accounts.clock import database_now
from journal.recording import WORKER
from publishing.connecting import check_channel, unchecked
from publishing.draining import drain
from publishing.reconciling import reconcile, unsettled
from publishing.retracting import work_retractions

QUEUE = "publish"


def worker_name() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def release_due() -> int:
    """There may be deliveries due."""
    close_old_connections()
    return drain(worker_name())


def reconcile_unknown() -> int:
    """There may be outcomes to settle."""
    close_old_connections()
    found = unsettled(database_now())
    for delivery in found:
        reconcile(delivery)
    return len(found)


def retract_due() -> int:
    """There may be something to take back."""
    close_old_connections()
    return work_retractions()


def check_channels() -> int:
    """There may be channels nobody has heard of lately, or that are in trouble. Checking never posts."""
    close_old_connections()
    found = unchecked(database_now())
    for channel in found:
        check_channel(WORKER, channel)
    return len(found)


@cache
def _hinting() -> Redis:
    """A connection of the ticker's own, which gives up on a Redis that hangs. (Workers wait on theirs
    for minutes, by design, so it cannot carry such a time-out.)"""
    return Redis.from_url(settings.REDIS_URL, socket_timeout=5, socket_connect_timeout=3)


def hint(job: Callable[[], int], most: int = 4) -> bool:
    """Enqueues a hint unless the workers have enough of them. Raises redis.RedisError when it is away."""
    queue = Queue(QUEUE, connection=_hinting())
    if queue.count >= most:
        return False
    queue.enqueue(job, job_timeout=300, result_ttl=0, failure_ttl=3600, ttl=60)
    return True
