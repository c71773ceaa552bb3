"""What a process spares from looking for garbage, it spares until it ends and no longer."""

from __future__ import annotations

import subprocess
import sys

import pytest

# Handlers run last come first: ours is told last.
PROGRAM = """
import atexit, gc
atexit.register(lambda: print("at the end", gc.get_freeze_count()))
from accounts.collecting import YOUNG, spare_what_is_loaded
spare_what_is_loaded()
print("while it runs", gc.get_freeze_count() > 1000, gc.get_threshold()[0] == YOUNG)
"""


@pytest.mark.pure
def test_nothing_is_spared_any_more_when_the_process_ends():
    told = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert told.stdout.splitlines() == ["while it runs True True", "at the end 0"]
