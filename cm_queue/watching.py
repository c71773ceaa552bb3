"""The last one to leave: ends what a supervisor started when the supervisor itself was killed.

`manage.py up` can stop its children on every signal but SIGKILL. So it starts this small process, tells
it on a pipe which sessions live (`+123`, `-123`), and when the pipe closes, however that came about,
the sessions still on the list are ended here. PR_SET_PDEATHSIG would reach the direct children only,
and not the web server's own workers or RQ's horses.

A session and not a process group is what is ended: RQ's horses leave the group, never the session.

    python -m cm_queue.watching        # reads standard input, needs no Django
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterable
from pathlib import Path

PATIENCE_S = 4.0


def members(session: int) -> set[int]:
    """The living processes of a session (a zombie has ended already). Without /proc: its leader."""
    if not Path("/proc/self/stat").exists():
        try:
            os.killpg(session, 0)
        except (ProcessLookupError, PermissionError):
            return set()
        return {session}
    found = set()
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit():
            continue
        try:
            text = Path(entry.path, "stat").read_text(errors="replace")
        except OSError:
            continue  # it ended while we looked
        # The name in brackets may hold anything; state, parent, group and session follow it.
        state, _parent, _group, its_session = text.rpartition(")")[2].split()[:4]
        if int(its_session) == session and state not in "ZX":
            found.add(int(entry.name))
    return found


def ask(leader: int) -> None:
    """SIGTERM to a session's leader only, once: RQ takes a second SIGTERM for an order to drop its job."""
    try:
        os.kill(leader, signal.SIGTERM)
    except ProcessLookupError:
        pass


def kill(session: int) -> None:
    """SIGKILL to whatever is left of a session, its group first so that no member can fork away."""
    try:
        os.killpg(session, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        pass
    for pid in members(session):
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def end(sessions: Iterable[int], patience: float = PATIENCE_S) -> None:
    """Asks every session to stop, waits at most `patience` seconds, then ends what is left."""
    left = set(sessions)
    for session in left:
        ask(session)
    until = time.monotonic() + patience
    while left and time.monotonic() < until:
        left = {session for session in left if members(session)}
        time.sleep(0.05)
    for session in left:
        kill(session)


def watch() -> None:
    """Follows the list on standard input until it closes, then ends what is still on it."""
    # The terminal's Ctrl-C is the supervisor's to answer; ours is only the end of the pipe.
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    sessions: set[int] = set()
    for line in sys.stdin:
        session = int(line[1:])
        if line.startswith("+"):
            sessions.add(session)
        else:
            sessions.discard(session)
    end(sessions)


if __name__ == "__main__":
    watch()
