"""Starts the processes of one installation, keeps them alive, and leaves none behind.

Our own code only because `make run` must work where nothing is installed; on a server systemd or a
container does the same (`deploy/`). One thread, no pipes to read: children write to our own stderr.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType

from accounts.ending import Ending
from cm_queue import watching

log = logging.getLogger(__name__)

# Seconds before a child that died is started again, by how often it died in a row.
WAITS_S = (0.5, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)
# A child that lived this long is taken for healthy: its next death counts as the first.
HEALTHY_S = 60.0
# Stopping: everything but the last stage may take PATIENCE_S in all; with the last stage under 10 s.
PATIENCE_S = 6.0
LAST_PATIENCE_S = 2.0
_LOOK_S = 0.1


@dataclass
class Part:
    """One child: its command line, and what became of it. `stage` says when it stops, 0 first."""

    name: str
    command: Sequence[str]
    stage: int = 0
    keep_open: Sequence[int] = ()
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    deaths: int = 0
    start_again_at: float | None = None


class Supervisor:
    """The children of one `manage.py up`. Use it as a context: leaving it stops them all."""

    def __init__(self, lock: int) -> None:
        """`lock`: the open, locked file of the data folder; the watcher holds it until all have ended."""
        self._parts: list[Part] = []
        self._stop = Ending()
        self._lock = lock
        self._watcher: subprocess.Popen[bytes] | None = None
        self._handlers: dict[signal.Signals, Callable[[int, FrameType | None], object] | int | None] = {}

    def __enter__(self) -> Supervisor:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            self._handlers[number] = signal.signal(number, lambda _number, _frame: self._stop.set())
        self._watcher = subprocess.Popen(
            [sys.executable, "-m", "cm_queue.watching"],
            stdin=subprocess.PIPE,
            start_new_session=True,
            pass_fds=[self._lock],
        )
        return self

    def __exit__(self, *_exc: object) -> None:
        self._stop_all()
        assert self._watcher is not None
        assert self._watcher.stdin is not None
        self._watcher.stdin.close()
        self._watcher.wait()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)

    @property
    def asked_to_stop(self) -> bool:
        return self._stop.is_set()

    def start(self, part: Part) -> subprocess.Popen[bytes]:
        """Starts a part and keeps it running from now on."""
        self._parts.append(part)
        return self._launch(part)

    def run(self, part: Part) -> int | None:
        """Runs a part once, to its end: its exit status, or None when we were asked to stop meanwhile."""
        process = self._launch(part)
        while process.poll() is None and not self._stop.wait(_LOOK_S):
            pass
        status = process.poll()
        if status is None:
            self._end([part], LAST_PATIENCE_S)
            return None
        watching.kill(process.pid)
        self._tell_watcher(f"-{process.pid}")
        return status

    def forget(self, part: Part) -> None:
        """Ends a part and no longer keeps it running."""
        self._parts.remove(part)
        self._end([part], LAST_PATIENCE_S)

    def tend(self) -> bool:
        """One look at every child, restarting what died; False when we were asked to stop."""
        for part in self._parts:
            self._look_at(part)
        return not self._stop.wait(_LOOK_S)

    def down(self) -> str | None:
        """The name of a part that does not run now, or None."""
        return next((part.name for part in self._parts if part.start_again_at is not None), None)

    def pause(self, seconds: float) -> None:
        """Waits, but not longer than until we are asked to stop."""
        self._stop.wait(seconds)

    def _launch(self, part: Part) -> subprocess.Popen[bytes]:
        part.process = subprocess.Popen(
            list(part.command),
            env={**os.environ, **part.environment},
            stdin=subprocess.DEVNULL,
            pass_fds=list(part.keep_open),
            # Its own session: the terminal's Ctrl-C reaches us alone, and we choose the order.
            start_new_session=True,
        )
        part.started_at = time.monotonic()
        part.start_again_at = None
        self._tell_watcher(f"+{part.process.pid}")
        return part.process

    def _look_at(self, part: Part) -> None:
        now = time.monotonic()
        if part.start_again_at is not None:
            if now >= part.start_again_at:
                self._launch(part)
            return
        assert part.process is not None
        status = part.process.poll()
        if status is None:
            return
        # What it had started itself must not go on beside its successor.
        watching.kill(part.process.pid)
        self._tell_watcher(f"-{part.process.pid}")
        part.deaths = 1 if now - part.started_at > HEALTHY_S else part.deaths + 1
        wait = WAITS_S[min(part.deaths, len(WAITS_S)) - 1]
        part.start_again_at = now + wait
        log.error("%s stopped (%s); starting it again in %g s", part.name, _how(status), wait)

    def _stop_all(self) -> None:
        """Stage by stage, so that nothing loses what it leans on while it is finishing its work."""
        stages = sorted({part.stage for part in self._parts})
        until = time.monotonic() + PATIENCE_S
        for stage in stages:
            patience = LAST_PATIENCE_S if stage == stages[-1] else max(0.5, until - time.monotonic())
            self._end([part for part in self._parts if part.stage == stage], patience)

    def _end(self, parts: list[Part], patience: float) -> None:
        running = [part for part in parts if part.process is not None and part.start_again_at is None]
        processes = [part.process for part in running if part.process is not None]
        watching.end([process.pid for process in processes], patience)
        for process in processes:
            process.wait()
            self._tell_watcher(f"-{process.pid}")

    def _tell_watcher(self, line: str) -> None:
        assert self._watcher is not None
        assert self._watcher.stdin is not None
        try:
            self._watcher.stdin.write(f"{line}\n".encode())
            self._watcher.stdin.flush()
        except BrokenPipeError:
            log.warning("the watcher is gone; a killed supervisor would leave its children behind")


def _how(status: int) -> str:
    """An exit status in words."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"killed by signal {-status}"
