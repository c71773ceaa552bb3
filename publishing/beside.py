"""Does a part of the tick in a thread of its own: one that waits for something which is none of ours."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connections


class Beside:
    """Calling it begins the part, unless it is still at it, and waits for nothing."""

    def __init__(self, part: Callable[[], object], guarded: Callable[[Callable[[], object]], Any]) -> None:
        """`guarded` calls the part and says what goes wrong."""
        self._part, self._guarded = part, guarded
        self._thread: threading.Thread | None = None
        self.__name__ = getattr(part, "__name__", "part")

    def __call__(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._work, name=self.__name__, daemon=True)
            self._thread.start()

    def _work(self) -> None:
        try:
            self._guarded(self._part)
        finally:
            # Threads share no connection, and this one's would be left open.
            connections.close_all()

    def finish(self, seconds: float) -> None:
        """Before the process ends: so long for what is on its way."""
        if self._thread is not None:
            self._thread.join(seconds)
