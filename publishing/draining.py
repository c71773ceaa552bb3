"""A worker's pipeline: one thread claims, several send, one records.

Group commit is what matters most (docs/decisions/throughput.md): the recorder writes, in one
transaction, the outcomes that have come in and the starts for which a sending thread will be free.
Two database connections a process, the claimer's and the recorder's; the sending threads have none,
and keep one HTTP client each. No fork, and no RQ job, for a single delivery.

Starts committed ahead of the threads are each a possible unknown outcome after a kill: they are
allowed only towards networks that can be reconciled without asking a person.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from dataclasses import dataclass, field

import structlog
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from accounts.clock import database_now
from accounts.ending import Ending
from accounts.locks import share_brands
from adapters.registry import adapter_for
from adapters.transport import build_client
from journal.recording import WORKER, record_all
from posts.locking import lock_posts
from posts.moves import following, give_back
from publishing.claiming import Claimer, Ready
from publishing.models import Outcome
from publishing.outcomes import write_results
from publishing.releasing import Result, Sending, send, write_starts

log = structlog.get_logger("publishing")
# Set when the process is asked to end: what is being sent is finished, what is not is given back.
stopping = Ending()
# A network that does not answer for so long gets no second thread until it does.
SLOW_S = 3.0
LARGEST_CLAIM, IDLE_S, LOOK_AGAIN_S = 256, 0.02, 0.25
# While there is something to send, outcomes wait so long for others to be written with.
LINGER_S = 0.025


@dataclass(slots=True)
class _Desk:
    """What lies between the threads, all of it under one condition."""

    lock: threading.RLock = field(default_factory=threading.RLock)
    changed: threading.Condition = field(init=False)
    # The same lock, so that each is woken for what it waits for and for nothing else: the senders, one for
    # each thing to send; and the recorder.
    work: threading.Condition = field(init=False)
    inbox: threading.Condition = field(init=False)
    ready: deque[Ready] = field(default_factory=deque)
    to_send: deque[Sending] = field(default_factory=deque)
    results: list[Result] = field(default_factory=list)
    writing: int = 0
    active: dict[int, tuple[int, float]] = field(default_factory=dict)
    recorded: int = 0
    # Why the recorder ended, if it did: then nothing more can be sent by this pipeline.
    broken: Exception | None = None

    def __post_init__(self) -> None:
        self.changed, self.work = threading.Condition(self.lock), threading.Condition(self.lock)
        self.inbox = threading.Condition(self.lock)

    def idle(self) -> bool:
        return not (self.ready or self.to_send or self.results or self.writing or self.active)

    def ahead(self) -> int:
        """Committed as SENDING and not yet answered."""
        return len(self.to_send) + len(self.active)


class PipelineBroken(RuntimeError):
    """The thread that writes outcomes ended by a fault of ours."""


class Pipeline:
    """The threads of one worker process, kept from one hint to the next."""

    def __init__(self, worker: str, threads: int, slack: int) -> None:
        self.worker, self.threads, self.slack = worker, threads, slack
        self.desk, self.claimer = _Desk(), Claimer(worker)
        # Fewer than these to send, and the recorder makes haste; otherwise it lets a group grow.
        self.low = max(1, slack // 3)
        self._rate = 0.0
        senders = [
            threading.Thread(target=self._send_for_ever, name=f"send-{n}", daemon=True)
            for n in range(threads)
        ]
        for thread in [*senders, threading.Thread(target=self._record_for_ever, name="record", daemon=True)]:
            thread.start()

    # --- The claimer: the caller's thread -----------------------------------------------------------
    def drain(self, seconds: float) -> int:
        """Works until nothing is due, the time is up or the process must end, and everything begun is
        recorded. Answers how many outcomes were recorded."""
        desk, before, began = self.desk, self.desk.recorded, time.monotonic()
        while not stopping.is_set() and desk.broken is None and time.monotonic() < began + seconds:
            if len(desk.ready) > self.threads + self.slack:
                self._wait(IDLE_S)
                continue
            claimed = self.claimer.claim(self._batch())
            if claimed:
                with desk.inbox:
                    desk.ready.extend(claimed)
                    desk.inbox.notify()
            elif desk.idle():
                break
            else:
                self._pause()
            self._measure(desk.recorded - before, time.monotonic() - began)
        self._finish()
        return desk.recorded - before

    def _batch(self) -> int:
        """A claim costs about the same for ten as for a hundred, so it is large; but no larger than what
        is sent in a few seconds, because a lease runs and other workers may be free."""
        return max(self.threads * 8, min(LARGEST_CLAIM, int(self._rate * 3)))

    def _measure(self, recorded: int, seconds: float) -> None:
        if seconds > 0.2:
            self._rate = recorded / seconds

    def _pause(self) -> None:
        """Nothing was due: looks again in a moment, or as soon as everything begun is recorded."""
        ends = time.monotonic() + LOOK_AGAIN_S
        with self.desk.changed:
            while not self.desk.idle() and (left := ends - time.monotonic()) > 0:
                self.desk.changed.wait(left)

    def _wait(self, seconds: float) -> None:
        with self.desk.changed:
            self.desk.changed.wait(seconds)

    def _finish(self) -> None:
        """Waits for what is on its way; when the process must end, also in the middle of this wait, what is
        only claimed goes back."""
        desk = self.desk
        while True:
            if stopping.is_set():
                self._give_back()
            with desk.changed:
                if desk.idle() or desk.broken is not None:
                    break
                desk.changed.wait(0.1)
        if desk.broken is not None:
            raise PipelineBroken("The recorder ended: see the log.") from desk.broken

    def _give_back(self) -> None:
        with self.desk.changed:
            unsent = {one.delivery.pk: one.delivery.token for one in self.desk.ready}
            self.desk.ready.clear()
        if unsent:
            give_back(unsent)

    def finish(self) -> None:
        """Before the process ends: what is on its way is finished, if it can still be written down."""
        try:
            self._finish()
        except (DatabaseError, PipelineBroken) as error:
            log.warning("left_to_leases", error=type(error).__name__)

    # --- The senders ------------------------------------------------------------------------------
    def _send_for_ever(self) -> None:
        client = build_client(
            allow_private=settings.ALLOW_PRIVATE_HOSTS,
            user_agent=settings.USER_AGENT,
            timeout_s=settings.PUBLISH_TIMEOUT_S,
        )
        desk, me = self.desk, threading.get_ident()
        while True:
            with desk.work:
                while not desk.to_send:
                    desk.work.wait()
                sending = desk.to_send.popleft()
                desk.active[me] = (sending.delivery.channel_id, time.monotonic())
            if stopping.is_set():
                result = Result(sending, Outcome.NOT_SENT, answer="given back", given_back=True)
            else:
                result = send(sending, client)
            with desk.inbox:
                del desk.active[me]
                desk.results.append(result)
                # The first starts the moment for which it may wait; the last to send ends it.
                if len(desk.results) == 1 or len(desk.to_send) <= self.low:
                    desk.inbox.notify()

    # --- The recorder ------------------------------------------------------------------------------
    def _record_for_ever(self) -> None:
        """Ends only by a fault of ours; then the pipeline says so instead of waiting for ever, and what it
        had under way is brought back by its leases."""
        try:
            self._record()
        except Exception as error:
            log.exception("recorder_broke")
            with self.desk.changed:
                self.desk.broken = error
                self.desk.changed.notify_all()
            raise

    def _record(self) -> None:
        desk = self.desk
        while True:
            with desk.inbox:
                starts = self._gather()
                results, desk.results = desk.results, []
                desk.writing = len(results) + len(starts)
            sendings = self._write_until_written(results, starts)
            with desk.changed:
                desk.to_send.extend(sendings)
                desk.writing = 0
                desk.recorded += len(results)
                desk.work.notify(len(sendings))
                desk.changed.notify_all()
            self._log(results)

    def _gather(self) -> list[Ready]:
        """Waits until there is something worth writing; answers what may be started with it. A group grows
        for as long as the senders have enough to do, and no outcome waits longer than a moment."""
        desk, linger_until = self.desk, 0.0
        while True:
            now = time.monotonic()
            if not linger_until and desk.results:
                linger_until = now + LINGER_S
            if len(desk.to_send) <= self.low or (linger_until and now >= linger_until):
                starts = self._startable()
                if starts or desk.results:
                    return starts
            desk.inbox.wait(linger_until - now if linger_until > now else 0.5)

    def _startable(self) -> list[Ready]:
        """Takes from `ready` what may be committed as SENDING now: as many as threads are free, a
        little more towards networks that can be read back, one at a time towards slow ones."""
        desk = self.desk
        if stopping.is_set() or not desk.ready:
            return []
        now = time.monotonic()
        slow = {channel for channel, since in desk.active.values() if now - since > SLOW_S}
        running = Counter(channel for channel, _since in desk.active.values())
        running.update(one.delivery.channel_id for one in desk.to_send)
        ahead, taken, left = desk.ahead(), [], deque[Ready]()
        while desk.ready and ahead < self.threads + self.slack:
            one = desk.ready.popleft()
            kind = adapter_for(one.delivery.channel.network)
            room = self.threads + (self.slack if kind.capabilities.reconcilable else 0)
            if ahead < room and not (one.delivery.channel_id in slow and running[one.delivery.channel_id]):
                taken.append(one)
                running[one.delivery.channel_id] += 1
                ahead += 1
            else:
                left.append(one)
        left.extend(desk.ready)
        desk.ready = left
        return taken

    def _write_until_written(self, results: list[Result], starts: list[Ready]) -> list[Sending]:
        """One transaction for both. An outage of the database is waited out: an outcome that was seen is
        kept in memory until it is written, or until its lease makes it unknown."""
        wait = 0.05
        while True:
            try:
                with transaction.atomic():
                    share_brands(one.delivery.brand_id for one in starts)
                    post_ids = {one.sending.delivery.post_id for one in results}
                    post_ids |= {one.delivery.post_id for one in starts}
                    posts, now = lock_posts(post_ids), database_now()
                    acts = write_results(results, now)
                    sendings = write_starts(starts, posts, self.worker, now)
                    record_all([*acts, *following(post_ids, WORKER)], now)
                return sendings
            except DatabaseError as error:
                log.warning(
                    "recorder_waits", error=type(error).__name__, results=len(results), starts=len(starts)
                )
                connection.close()
                # What was to start is claimed still, or its lease brings it back.
                starts = []
                if not results:
                    return []
                time.sleep(wait)
                wait = min(2.0, wait * 2)

    def _log(self, results: list[Result]) -> None:
        for one in results:
            delivery = one.sending.delivery
            log.info(
                "delivery",
                outcome=one.outcome.value,
                post=delivery.post_id,
                delivery=delivery.pk,
                attempt=one.sending.attempt.pk,
                network=delivery.channel.network,
                answer=one.answer,
            )


_pipelines: dict[str, Pipeline] = {}


def finish() -> None:
    """Waits for what this process's pipelines have on its way; see `Pipeline.finish`."""
    for pipeline in _pipelines.values():
        pipeline.finish()


def prepare(worker: str) -> Pipeline:
    """This process's pipeline, made when the worker begins and not by the first hint, which is about
    something that is due already."""
    if worker not in _pipelines or _pipelines[worker].desk.broken is not None:
        _pipelines[worker] = Pipeline(worker, settings.PUBLISH_THREADS, settings.PUBLISH_SLACK)
    return _pipelines[worker]


def drain(worker: str, seconds: float = 20.0) -> int:
    """Works with this process's pipeline."""
    return prepare(worker).drain(seconds)
