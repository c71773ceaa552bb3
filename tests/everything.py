"""`make test`: every test on SQLite, and what touches the database again on PostgreSQL.

Two lanes side by side. In one, what starts processes or drives a browser runs by itself, one test after the
other, so that two of them do not mistake each other's load for a fault. It leaves the cores idle half of the
time: that is what the other lane takes, with the lowest priority, two tests at a time. All phases run even
when one fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALONE = "processes or browser or faults"
# What only `make prove` runs, and what it alone runs on PostgreSQL too.
MORE, BOTH = "proof", "proof or long or once"
PYTEST = [sys.executable, "-m", "pytest", "-q"]
POSTGRES = [sys.executable, "-m", "tests.servers", "postgres"]

TWO_AT_A_TIME = ["-n", "2", "--dist", "loadfile", "-m"]
# Tables made from the models: the migrations cost each process ten seconds. What starts the product runs them on
# SQLite, and one phase on PostgreSQL; `make lint` says when models and migrations part.
FROM_MODELS = "--no-migrations"

# What yields to the other lane, and what each lane runs, in this order.
YIELDING = "two at a time"
LANES: dict[str, dict[str, list[str]]] = {
    "one by one": {
        "SQLite, one by one": [*PYTEST, FROM_MODELS, "-m", f"({ALONE}) and not {MORE}"],
        "PostgreSQL, one by one": [
            *(*POSTGRES[:-1], "--durable", "postgres", "--", *PYTEST, "--touching-database"),
            *("-m", f"(processes or faults) and not (browser or {BOTH})"),
        ],
    },
    YIELDING: {
        "SQLite, two at a time": [*PYTEST, FROM_MODELS, *TWO_AT_A_TIME, f"not ({ALONE} or {MORE})"],
        "PostgreSQL, two at a time": [
            *(*POSTGRES, "--", *PYTEST, FROM_MODELS, "--touching-database"),
            *(*TWO_AT_A_TIME, f"not ({ALONE} or {BOTH})"),
        ],
    },
}


@dataclass
class Phase:
    name: str
    status: int = 0
    closing: str = "no closing line"
    failed: list[str] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    seconds: float = 0.0


def run(name: str, command: list[str]) -> Phase:
    """Runs one phase, showing what it says as it says it, and keeps what the end of the run repeats."""
    phase = Phase(name)
    begun = time.monotonic()
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True, errors="replace"
    )
    assert process.stdout is not None
    for line in process.stdout:
        print(f"{name:>25} │ {line}", end="", flush=True)  # noqa: T201
        plain = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
        if plain.startswith("NOT RUN: "):
            phase.not_run.append(plain)
        elif plain.startswith(("FAILED ", "ERROR ")):
            phase.failed.append(plain[:200])
        elif re.search(r"\b(passed|failed|errors?|no tests ran)\b.* in [0-9.]+s", plain):
            phase.closing = plain.strip("= ")
    phase.status = process.wait()
    phase.seconds = time.monotonic() - begun
    return phase


def main() -> int:
    begun, phases = time.monotonic(), list[Phase]()

    def go(lane: str) -> None:
        for name, command in LANES[lane].items():
            polite = ["nice", "-n", "19"] if lane == YIELDING else []
            phases.append(run(name, [*polite, *command]))

    lanes = [threading.Thread(target=go, args=[lane]) for lane in LANES]
    for one in lanes:
        one.start()
    for one in lanes:
        one.join()
    left_out = sorted({line for phase in phases for line in phase.not_run})
    report = ["", f"──── all of it, in {time.monotonic() - begun:.0f} s ────"]
    report += [
        f"{'ok  ' if not one.status else 'FAIL'} {one.name}: {one.closing} ({one.seconds:.0f} s with its servers)"
        for one in phases
    ]
    # Last but one, because the end of a log is what is kept of it.
    report += ["", *(f"{one.name}: {line}" for one in phases for line in one.failed)]
    if left_out:
        report += ["", "!!!! THIS WAS NOT RUN, because a tool is missing !!!!", *left_out]
    print("\n".join(report), flush=True)  # noqa: T201
    return 1 if any(phase.status for phase in phases) else 0


if __name__ == "__main__":
    sys.exit(main())
