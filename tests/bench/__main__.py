"""Runs the chosen parts, prints one table and, as the last line, one JSON object on one line."""

from __future__ import annotations

import argparse
import signal
import sys

from tests.bench import telling
from tests.bench.ground import Stuck, ground
from tests.bench.parts import PARTS, Bench


def _arguments(given: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Measures the release engine.")
    parser.add_argument("--quick", action="store_true", help="about a minute: the ratios, two pairs of 2,000")
    parser.add_argument("--only", default="", help=f"parts, separated by commas, of: {', '.join(PARTS)}")
    parser.add_argument("--pairs", type=int, help="pairs of engine and limit (5; 2 with --quick)")
    parser.add_argument("--n", type=int, help="deliveries in each of a pair (4,000; 2,000 with --quick)")
    parser.add_argument("--slack", help="PUBLISH_SLACK for the workers, instead of the product's own")
    parser.add_argument("--statements", action="store_true", help="tell the costliest statements of each run")
    return parser.parse_args(given)


def main(given: list[str]) -> int:
    chosen = _arguments(given)
    names = chosen.only.split(",") if chosen.only else ["pairs"] if chosen.quick else list(PARTS)
    if unknown := set(names) - set(PARTS):
        sys.exit(f"There is no part {sorted(unknown)[0]!r}. There are: {', '.join(PARTS)}.")
    # A terminated run must still stop its servers: the context managers see a SystemExit.
    # Started in the background by a shell, we would be deaf to a Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found, status = {}, 0
    try:
        with ground() as here:
            bench = Bench(
                here,
                quick=chosen.quick,
                pairs=chosen.pairs or (2 if chosen.quick else 5),
                n=chosen.n or (2000 if chosen.quick else 4000),
                environment={"PUBLISH_SLACK": chosen.slack} if chosen.slack else {},
                statements=chosen.statements,
            )
            for name in names:
                try:
                    found[name] = PARTS[name](bench)
                except Stuck as error:
                    sys.stderr.write(f"{name}: {error}\n")
                    status = 1
    except KeyboardInterrupt:
        sys.stderr.write("interrupted; everything was stopped\n")
        return 130
    told = telling.gather(found)
    sys.stdout.write(f"{telling.table(told)}\n{telling.line(told)}\n")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
