from __future__ import annotations

import subprocess
import sys

import pytest

from accounts.ending import Ending
from tests.conftest import ROOT

HAMMERED = """
import os, signal, sys
from accounts.ending import Ending
ending = Ending()
def again(*_):
    ending.set()
    if os.urandom(1)[0] > 20:
        os.kill(os.getpid(), signal.SIGTERM)
signal.signal(signal.SIGTERM, again)
os.kill(os.getpid(), signal.SIGTERM)
while not ending.wait(5):
    pass
print("ended")
"""


def test_it_is_not_set_until_it_is() -> None:
    ending = Ending()
    assert not ending.wait(0.01)
    ending.set()
    assert ending.wait(60)
    assert ending.is_set()
    ending.clear()
    assert not ending.wait(0)


def test_setting_it_very_often_never_blocks() -> None:
    ending = Ending()
    for _time in range(100_000):
        ending.set()
    assert ending.wait()


@pytest.mark.processes
def test_signals_that_interrupt_their_own_handler_end_the_process() -> None:
    """Seen: with an Event the second SIGTERM waited for the lock that the first one held."""
    told = subprocess.run(
        [sys.executable, "-c", HAMMERED], cwd=ROOT, capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stdout == "ended\n"
