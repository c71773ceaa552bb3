"""How often a process that lives long looks for garbage."""

from __future__ import annotations

import atexit
import gc

# Objects made and not freed before the young ones are looked through; Python's own 700 are made by one page.
YOUNG = 50_000


def spare_what_is_loaded() -> None:
    """Once everything is loaded: what is there now stays until the process ends, and is looked through no more. More
    than a hundred thousand objects were, which stood everything still for a tenth of a second each time."""
    gc.collect()
    gc.freeze()
    # What is still spared when the interpreter takes itself apart is left behind half freed: one process in ten crashed
    # at its very end.
    atexit.register(gc.unfreeze)
    gc.set_threshold(YOUNG, 20, 100)
