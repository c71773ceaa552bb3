"""A worker's round: claim a batch, send it with bounded concurrency, record what became of it.

Only the calling thread touches the database; the sending threads get everything handed to them and
keep one HTTP client each. No fork, and no RQ job, for a single delivery.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import structlog
from django.conf import settings

from adapters.transport import build_client
from posts.moves import give_back
from publishing.claiming import Ready, claim
from publishing.outcomes import record_results
from publishing.releasing import Result, Sending, send, start_sending

log = structlog.get_logger("publishing")
# Set when the process is asked to end: what is being sent is finished, what is not is given back.
stopping = threading.Event()
_kept = threading.local()


def _client() -> httpx.Client:
    client: httpx.Client | None = getattr(_kept, "client", None)
    if client is None:
        client = _kept.client = build_client(
            allow_private=settings.ALLOW_PRIVATE_HOSTS,
            user_agent=settings.USER_AGENT,
            timeout_s=settings.PUBLISH_TIMEOUT_S,
        )
    return client


def _send(sending: Sending) -> Result:
    return send(sending, _client())


def drain(worker: str, seconds: float = 20.0) -> int:
    """Works until nothing is due, the time is up or the process must end. Answers how many were sent."""
    ends, sent = time.monotonic() + seconds, 0
    threads = settings.PUBLISH_THREADS
    with ThreadPoolExecutor(max_workers=threads, thread_name_prefix="send") as pool:
        while not stopping.is_set() and time.monotonic() < ends:
            ready = claim(worker, limit=threads * 4)
            if not ready:
                break
            sent += _work(ready, worker, pool, threads)
    return sent


def _work(ready: Sequence[Ready], worker: str, pool: ThreadPoolExecutor, threads: int) -> int:
    sent = 0
    for group in _groups(ready, threads):
        if stopping.is_set():
            give_back({one.delivery.pk: one.delivery.token for one in group})
            continue
        sending = start_sending(group, worker)
        results = list(pool.map(_send, sending))
        record_results(results)
        sent += len(results)
        for one in results:
            log.info(
                "delivery",
                outcome=one.outcome.value,
                post=one.sending.delivery.post_id,
                delivery=one.sending.delivery.pk,
                attempt=one.sending.attempt.pk,
                network=one.sending.delivery.channel.network,
            )
    return sent


def _groups(ready: Sequence[Ready], size: int) -> Iterator[Sequence[Ready]]:
    for start in range(0, len(ready), size):
        yield ready[start : start + size]
