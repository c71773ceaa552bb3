"""The publish worker: an RQ worker that forks for nothing and ends cleanly."""

from __future__ import annotations

from types import FrameType
from typing import Any

from rq import SimpleWorker

from publishing import draining


class PublishWorker(SimpleWorker):
    """Runs hints in its own process, so that HTTP clients and database connections are kept. On
    SIGTERM it finishes what is being sent and gives back what is claimed."""

    def request_stop(self, signum: int, frame: FrameType | None) -> None:
        draining.stopping.set()
        super().request_stop(signum, frame)  # type: ignore[no-untyped-call]

    def handle_warm_shutdown_request(self, *args: Any, **kwargs: Any) -> None:
        draining.stopping.set()
        super().handle_warm_shutdown_request(*args, **kwargs)  # type: ignore[no-untyped-call]
