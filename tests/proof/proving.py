"""`make prove`: a million generated states, put to the gate and to the plain predicate.

    python -m tests.proof [--states 1000000] [--processes 2] [--seed N]

Prints what was seen and the seed that shows it again. Ends with 1 on the first difference, or when less than a
tenth of the states were open. Every process works on a small share at a time and keeps only numbers; none of
them needs Django.
"""

from __future__ import annotations

import argparse
import os
import random
import time
import traceback
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from multiprocessing import get_context

from tests.proof.counting import Count
from tests.proof.machine import play

SHARE = 5_000
LEAST_OPEN = 0.1
# Seeds of neighbouring shares lie this far apart: `play` counts up from its own.
APART = 1_000


def work(states: int, seed: int) -> tuple[int, Count | None, str]:
    """One share: its seed, what was counted, and the story that shows a difference ("" if there is none)."""
    try:
        return seed, play(states, seed), ""
    except Exception:  # noqa: BLE001 - whatever it is: it is shown, and the proof has failed
        return seed, None, traceback.format_exc()


def prove(states: int, processes: int, seed: int) -> int:
    total, begun, shown = Count(), time.monotonic(), 0
    seeds = iter(range(seed, seed + 2**40, APART))
    with ProcessPoolExecutor(processes, get_context("spawn")) as pool:
        running: set[Future[tuple[int, Count | None, str]]] = set()
        while total.states < states:
            while len(running) < processes + 1:
                running.add(pool.submit(work, min(SHARE, states), next(seeds)))
            done, running = wait(running, return_when=FIRST_COMPLETED)
            for share in done:
                number, count, story = share.result()
                if count is None:
                    print(f"{story}\nDIFFERENT, with --seed {number}", flush=True)  # noqa: T201
                    pool.shutdown(wait=True, cancel_futures=True)
                    return 1
                total.add(count)
            if total.states // 50_000 > shown:
                shown = total.states // 50_000
                print(f"{total.states:>9,} states, {total.share:.1%} open", flush=True)  # noqa: T201
        pool.shutdown(wait=True, cancel_futures=True)
    report(total, time.monotonic() - begun, seed)
    return 0 if total.share >= LEAST_OPEN else 1


def report(total: Count, seconds: float, seed: int) -> None:
    lines = [
        f"no difference in {total.states:,} states of {total.machines:,} stories: {total.share:.1%} open",
        f"looked into, for replay, order, who could, until when: {total.looked_into:,}",
        f"seed {seed}, {seconds:.0f} s, {total.states / seconds:,.0f} states a second",
    ]
    for name, numbers in (("moves", total.moves), ("closing", total.closed_by), ("denials", total.codes)):
        lines.append(f"{name}: " + ", ".join(f"{what} {many:,}" for what, many in sorted(numbers.items())))
    print("\n".join(lines), flush=True)  # noqa: T201


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--states", type=int, default=1_000_000)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9))
    given = parser.parse_args()
    print(f"seed {given.seed}", flush=True)  # noqa: T201
    return prove(given.states, given.processes, given.seed)
