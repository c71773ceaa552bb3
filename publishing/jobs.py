"""What RQ carries: hints that there is work. No ids, no times, no retries: losing one costs a second,
doubling one costs nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from functools import cache, wraps

import structlog
from django.conf import settings
from django.db import DatabaseError, close_old_connections
from redis import Redis
from rq import Queue
from rq.registry import FailedJobRegistry, StartedJobRegistry

from accounts.clock import database_now
from adapters.base import AdapterError
from journal.recording import WORKER
from publishing.connecting import check_channel, unchecked
from publishing.draining import drain, stopping
from publishing.reconciling import reconcile, unsettled
from publishing.renewing import NeedsAPerson, due_for_renewal, renew
from publishing.retracting import work_retractions

log = structlog.get_logger("worker")
QUEUE = "publish"


def worker_name() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}"


def _outliving_an_outage(job: Callable[[], int]) -> Callable[[], int]:
    """A hint that meets no database has done nothing, and there will be another one: a line in the log, not
    a failed job with a traceback for each second of an outage."""

    @wraps(job)
    def outliving() -> int:
        close_old_connections()
        try:
            return job()
        except DatabaseError as error:
            log.warning("database_away", job=job.__name__, error=type(error).__name__)
            close_old_connections()
            return 0

    return outliving


@_outliving_an_outage
def release_due() -> int:
    """There may be deliveries due."""
    return drain(worker_name())


@_outliving_an_outage
def reconcile_unknown() -> int:
    """There may be outcomes to settle."""
    done = 0
    for delivery in unsettled(database_now()):
        if stopping.is_set():
            break
        reconcile(delivery)
        done += 1
    return done


@_outliving_an_outage
def retract_due() -> int:
    """There may be something to take back."""
    return work_retractions()


@_outliving_an_outage
def check_channels() -> int:
    """There may be channels nobody has heard of lately, or that are in trouble. Checking never posts."""
    done = 0
    for channel in unchecked(database_now()):
        if stopping.is_set():
            break
        check_channel(WORKER, channel)
        done += 1
    return done


@_outliving_an_outage
def renew_secrets() -> int:
    """There may be credentials about to run out."""
    done = 0
    for channel in due_for_renewal():
        if stopping.is_set():
            break
        try:
            done += renew(WORKER, channel)
        except (AdapterError, NeedsAPerson) as error:
            log.warning("not_renewed", channel=channel.pk, why=error.public)
    return done


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


def forget_lost_hints() -> None:
    """The hint of a worker that was killed stays "started" until somebody looks. RQ's workers do so every
    ten minutes; here it is part of the sweep. It is not worked again: there is a newer one long since."""
    queue = Queue(QUEUE, connection=_hinting())
    StartedJobRegistry(queue=queue).cleanup()
    FailedJobRegistry(queue=queue).cleanup()
