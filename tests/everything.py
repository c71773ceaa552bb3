"""`make test`: every test on SQLite, and what touches the database again on PostgreSQL.

What starts processes or drives a browser runs by itself, so that two tests on a machine of two cores do
not mistake each other's load for a fault. All phases run even when one fails.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ALONE = "processes or browser or faults"
PYTEST = [sys.executable, "-m", "pytest", "-q"]
POSTGRES = [sys.executable, "-m", "tests.servers", "postgres"]

PARALLEL = ["-n", "2", "--dist", "loadfile", "-m", f"not ({ALONE})"]

PHASES: dict[str, list[str]] = {
    "SQLite, two at a time": [*PYTEST, *PARALLEL],
    "SQLite, one by one": [*PYTEST, "-m", ALONE],
    "PostgreSQL, two at a time": [*POSTGRES, "--", *PYTEST, "--touching-database", *PARALLEL],
    "PostgreSQL, one by one": [
        *(*POSTGRES[:-1], "--durable", "postgres", "--", *PYTEST, "--touching-database"),
        *("-m", "(processes or faults) and not browser"),
    ],
}


@dataclass
class Phase:
    name: str
    status: int = 0
    closing: str = "no closing line"
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
        sys.stdout.write(line)
        sys.stdout.flush()
        plain = re.sub(r"\x1b\[[0-9;]*m", "", line).strip()
        if plain.startswith("NOT RUN: "):
            phase.not_run.append(plain)
        elif re.search(r"\b(passed|failed|errors?|no tests ran)\b.* in [0-9.]+s", plain):
            phase.closing = plain.strip("= ")
    phase.status = process.wait()
    phase.seconds = time.monotonic() - begun
    return phase


def main() -> int:
    phases = []
    for name, command in PHASES.items():
        print(f"\n──── {name} ────", flush=True)  # noqa: T201
        phases.append(run(name, command))
    left_out = sorted({line for phase in phases for line in phase.not_run})
    report = ["", "──── all of it ────"]
    report += [f"{'ok  ' if not one.status else 'FAIL'} {one.name}: {one.closing}" for one in phases]
    if left_out:
        report += ["", "!!!! THIS WAS NOT RUN, because a tool is missing !!!!", *left_out]
    print("\n".join(report), flush=True)  # noqa: T201
    return 1 if any(phase.status for phase in phases) else 0


if __name__ == "__main__":
    sys.exit(main())
