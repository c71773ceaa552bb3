"""The supervisor with small children of its own: what it promises does not depend on what it runs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from cm_queue import watching

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.processes, pytest.mark.slow]

# A child that writes its pid, and one that ignores SIGTERM and has a child in a group of its own.
PLAIN = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"
DEAF = (
    "import os, signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); child = os.fork();\n"
    "os.setpgrp() if not child else None\n"
    "open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(600)"
)
RUN = """
import os, sys
from cm_queue.supervising import Part, Supervisor
lock = os.open(sys.argv[1] + "/lock", os.O_RDWR | os.O_CREAT)
with Supervisor(lock) as supervisor:
    supervisor.start(Part("first", [sys.executable, "-c", sys.argv[2], sys.argv[1] + "/first"]))
    supervisor.start(Part("last", [sys.executable, "-c", sys.argv[3], sys.argv[1] + "/last"], stage=1))
    while supervisor.tend():
        pass
"""


def _pids(file: Path) -> list[int]:
    return [int(line) for line in file.read_text().split()] if file.exists() else []


def _eventually(true: Callable[[], bool], seconds: float = 20) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, "it did not come about"
        time.sleep(0.05)


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def supervise(tmp_path: Path, launch):
    def start(first: str, last: str) -> subprocess.Popen[bytes]:
        process = launch([sys.executable, "-c", RUN, str(tmp_path), first, last], stderr=subprocess.PIPE)
        wanted = {"first": 2 if first == DEAF else 1, "last": 2 if last == DEAF else 1}
        _eventually(lambda: all(len(_pids(tmp_path / name)) == count for name, count in wanted.items()))
        return process

    return start


def _everything(folder: Path) -> list[int]:
    return _pids(folder / "first") + _pids(folder / "last")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_children(tmp_path: Path, supervise, number: signal.Signals):
    process = supervise(PLAIN, PLAIN)
    process.send_signal(number)
    assert process.wait(10) == 0
    assert [pid for pid in _everything(tmp_path) if _alive(pid)] == []


def test_a_deaf_child_and_what_left_its_group_end_within_ten_seconds(tmp_path: Path, supervise):
    process = supervise(DEAF, DEAF)
    process.terminate()
    process.wait(10)
    assert len(_everything(tmp_path)) == 4
    assert [pid for pid in _everything(tmp_path) if _alive(pid)] == []


def test_a_killed_supervisor_leaves_nobody(tmp_path: Path, supervise):
    process = supervise(PLAIN, DEAF)
    process.kill()
    process.wait()
    _eventually(lambda: not any(_alive(pid) for pid in _everything(tmp_path)))


def test_a_killed_child_is_started_again_and_the_log_says_so(tmp_path: Path, supervise):
    process = supervise(PLAIN, PLAIN)
    os.kill(_pids(tmp_path / "first")[0], signal.SIGKILL)
    _eventually(lambda: len(_pids(tmp_path / "first")) == 2)
    process.terminate()
    said = process.communicate(timeout=10)[1].decode()
    assert "first stopped (killed by SIGKILL); starting it again in 0.5 s" in said
    assert len(_pids(tmp_path / "last")) == 1


def test_what_a_dead_child_leaves_does_not_go_on_beside_its_successor(tmp_path: Path, supervise):
    process = supervise(DEAF, PLAIN)
    first, second = _pids(tmp_path / "first")
    leader = first if os.getsid(second) == first else second
    os.kill(leader, signal.SIGKILL)
    _eventually(lambda: len(_pids(tmp_path / "first")) == 4)
    assert not _alive(first)
    assert not _alive(second)
    process.terminate()
    process.wait(10)


def test_a_child_that_dies_again_and_again_is_waited_for_longer(tmp_path: Path, launch):
    failing = "import sys; open(sys.argv[1], 'a').write('0\\n'); sys.exit(3)"
    process = launch([sys.executable, "-c", RUN, str(tmp_path), failing, PLAIN], stderr=subprocess.PIPE)
    _eventually(lambda: len(_pids(tmp_path / "first")) == 4)
    process.terminate()
    said = process.communicate(timeout=10)[1].decode()
    waits = [line.rpartition("again in ")[2] for line in said.splitlines() if "exit status 3" in line]
    assert waits[:3] == ["0.5 s", "1 s", "2 s"]


def test_members_of_a_session_without_its_zombies(launch):
    process = launch([sys.executable, "-c", "import time; time.sleep(600)"])
    assert watching.members(process.pid) == {process.pid}
    process.kill()
    _eventually(lambda: watching.members(process.pid) == set())  # not reaped yet: a zombie
