from __future__ import annotations

import threading

from publishing.beside import Beside

PATIENCE_S = 30


def test_a_part_that_hangs_is_waited_for_by_nobody_and_begun_once():
    begun, go = threading.Semaphore(0), threading.Event()

    def hangs() -> None:
        begun.release()
        go.wait(PATIENCE_S)

    part = Beside(hangs, lambda work: work())
    part()
    assert begun.acquire(timeout=PATIENCE_S)
    part()
    part()
    go.set()
    part.finish(PATIENCE_S)
    assert not begun.acquire(blocking=False), "it was still at it"
    part()
    assert begun.acquire(timeout=PATIENCE_S), "the next turn comes"
    part.finish(PATIENCE_S)


def test_what_goes_wrong_is_told_and_the_next_turn_comes():
    said: list[str] = []

    def breaks() -> None:
        raise LookupError("no such server")

    def guarded(work) -> None:
        try:
            work()
        except LookupError as error:
            said.append(str(error))

    part = Beside(breaks, guarded)
    for _ in range(2):
        part()
        part.finish(PATIENCE_S)
    assert said == ["no such server"] * 2
    assert part.__name__ == "breaks"
