"""The publish worker: an RQ worker that forks for nothing and ends cleanly."""

from __future__ import annotations

from types import FrameType
from typing import Any, Final

import redis
import structlog
from rq import SimpleWorker

from publishing import draining

log = structlog.get_logger("worker")
# What began before the order to end is answered by then: connecting and an answer take 25 s at most
# (PUBLISH_TIMEOUT_S). Whatever is not is left to its lease.
END_WITHIN_S: Final = 28.0


class PublishWorker(SimpleWorker):
    """Runs hints in its own process, so that HTTP clients and database connections are kept. On
    SIGTERM it finishes what is being sent and gives back what is claimed."""

    # After an outage of Redis RQ would wait for up to a minute, although Redis is back.
    max_connection_wait_time = 4.0

    def _install_signal_handlers(self) -> None:
        super()._install_signal_handlers()  # type: ignore[no-untyped-call]
        # The order may have come before there was anybody to hear it.
        self._stop_requested = self._stop_requested or draining.stopping.is_set()

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        draining.stopping.set()
        # RQ raises through whatever is at work just then, which may take it for a fault and go on.
        self._stop_requested = True
        try:
            super().request_stop(signum, frame)  # type: ignore[no-untyped-call]
        except redis.RedisError as error:
            # RQ has understood; it could only not write it down in Redis, which is away.
            log.warning("redis_away", error=type(error).__name__)

    def handle_warm_shutdown_request(self, *args: Any, **kwargs: Any) -> None:
        draining.stopping.set()
        super().handle_warm_shutdown_request(*args, **kwargs)  # type: ignore[no-untyped-call]
