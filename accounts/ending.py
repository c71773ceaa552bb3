"""Asked to end: what a signal handler may set, and a loop may wait for.

`threading.Event` will not do. A handler runs in the main thread, between any two of its steps: one that
arrives while the same thread holds the event's lock, in `wait` or in the handler of the signal before,
waits for itself for ever. (Seen: two SIGTERM at once left `manage.py up` running.) A flag and a byte in
a pipe need no lock.
"""

from __future__ import annotations

import os
import select


class Ending:
    """Set once, by anybody, at any moment; the methods are those of an Event."""

    def __init__(self) -> None:
        self._asked = False
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)

    def set(self) -> None:
        self._asked = True
        try:
            os.write(self._write, b".")
        except BlockingIOError:
            return  # full of earlier ones: whoever waits is awake

    def clear(self) -> None:
        self._asked = False
        try:
            while os.read(self._read, 4096):
                continue
        except BlockingIOError:
            return

    def is_set(self) -> bool:
        return self._asked

    def wait(self, timeout: float | None = None) -> bool:
        """Sleeps until it is set or the seconds have passed; says whether it is set."""
        if not self._asked:
            select.select([self._read], [], [], None if timeout is None else max(0.0, timeout))
        return self._asked
