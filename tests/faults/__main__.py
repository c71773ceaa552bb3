"""`make faults`: over 200 kills on real servers, and somebody who meddles; the seed is printed and replays.

python -m tests.faults                     # everything
python -m tests.faults --seed 7            # the same plan of faults again
python -m tests.faults --only bare,person  # some of it
"""

from __future__ import annotations

import argparse
import secrets
import signal
import sys
import time
from collections.abc import Callable

from tests.faults.ground import Stuck
from tests.faults.meddling import meddle
from tests.faults.planning import told
from tests.faults.runs import Run, work

# What all parts together plan is a few more: some kills find their victim down already.
LEAST_KILLS = 200
# A part answers what to tell, what is wrong, and how many kills there were.
Outcome = tuple[str, list[str], int]


def _run(database: str, kind: str, n: int, kills: int) -> Callable[[int], Outcome]:
    def part(seed: int) -> Outcome:
        alone = database == "sqlite"
        run = Run(database, kind, n, kills, seed, workers=1 if alone else 4, tickers=1 if alone else 2)
        _say(f"  the plan: {told(run.rounds())}")
        report = work(run)
        wrong = [f"{what}: {names}" for what, names in report.faults().items()]
        return report.told(), wrong, report.kills

    return part


def _person(database: str, n: int, seconds: float, workers: int, tickers: int) -> Callable[[int], Outcome]:
    def part(seed: int) -> Outcome:
        meddled = meddle(database, n, seconds, seed, workers, tickers)
        return meddled.told(), meddled.wrong, 0

    return part


PARTS: dict[str, Callable[[int], Outcome]] = {
    "keys": _run("postgresql", "mastodon", 500, 90),
    "bare": _run("postgresql", "bare", 500, 90),
    "sqlite": _run("sqlite", "mastodon", 150, 24),
    "sqlite-bare": _run("sqlite", "bare", 100, 16),
    "person": _person("postgresql", 400, 60.0, 4, 2),
    "sqlite-person": _person("sqlite", 150, 30.0, 1, 1),
}


def main(given: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="of the plans of faults; printed by every run")
    parser.add_argument("--only", default="", help=f"parts, separated by commas, of: {', '.join(PARTS)}")
    chosen = parser.parse_args(given)
    names = chosen.only.split(",") if chosen.only else list(PARTS)
    if unknown := set(names) - set(PARTS):
        sys.exit(f"There is no part {sorted(unknown)[0]!r}. There are: {', '.join(PARTS)}.")
    seed = chosen.seed if chosen.seed is not None else secrets.randbelow(1_000_000)
    # A terminated run must still stop its servers: the context managers see a SystemExit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    _say(f"seed {seed} (again: make faults SEED={seed})")
    kills, wrong = 0, []
    for name in names:
        began = time.monotonic()
        _say(f"{name}:")
        try:
            # Each part has a plan of its own, the same whichever parts are chosen.
            line, found, killed = PARTS[name](seed + list(PARTS).index(name))
        except Stuck as error:
            line, found, killed = f"stuck: {error}", ["it did not come to its end"], 0
        except KeyboardInterrupt:
            _say("interrupted; everything was stopped")
            return 130
        kills += killed
        wrong += [f"{name}: {one}" for one in found]
        sys.stdout.write(f"{name} ({time.monotonic() - began:.0f} s): {line}\n")
        sys.stdout.write("".join(f"WRONG {name}: {one}\n" for one in found))
        sys.stdout.flush()
    if not chosen.only and kills < LEAST_KILLS:
        wrong.append(f"only {kills} kills met something alive")
        sys.stdout.write(f"WRONG: {wrong[-1]}\n")
    sys.stdout.write(
        f"{kills} kills, seed {seed}: {'all is well' if not wrong else f'{len(wrong)} faults'}\n"
    )
    return 1 if wrong else 0


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
