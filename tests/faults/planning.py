"""What will go wrong, and when: made from a seed, and from nothing else, so that a run can be had again.

Only the plan is the same again; what it meets (which delivery is being sent, which transaction is open) is
left to the machine. That is why there are many faults, and why each run prints its seed.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    KILL_WORKER = "SIGKILL to a worker"
    KILL_TICKER = "SIGKILL to a ticker"
    KILL_VALKEY = "SIGKILL to Valkey"
    KILL_POSTGRES = "SIGKILL to PostgreSQL"
    KILL_BACKEND = "SIGKILL to one process of PostgreSQL"
    END_WORKER = "SIGTERM to a worker"
    FREEZE_WORKER = "a worker stands still for longer than its lease"
    EMPTY_VALKEY = "FLUSHALL"
    CUT_DATABASE = "the database's connections are cut"
    CUT_VALKEY = "Valkey's connections are cut"
    CUT_NETWORK = "the network's connections are cut"
    HANG = "the network accepts and hangs"
    CLOSE = "the network accepts and closes"
    TROUBLE = "the network accepts and answers 500"


KILLS = frozenset(
    {Kind.KILL_WORKER, Kind.KILL_TICKER, Kind.KILL_VALKEY, Kind.KILL_POSTGRES, Kind.KILL_BACKEND}
)
_OF_POSTGRES = frozenset({Kind.KILL_POSTGRES, Kind.KILL_BACKEND, Kind.CUT_DATABASE})
# How often each among a hundred.
_WEIGHTS = {
    Kind.KILL_WORKER: 42,
    Kind.KILL_TICKER: 13,
    Kind.KILL_VALKEY: 10,
    Kind.KILL_POSTGRES: 4,
    Kind.KILL_BACKEND: 4,
    Kind.END_WORKER: 8,
    Kind.FREEZE_WORKER: 2,
    Kind.EMPTY_VALKEY: 3,
    Kind.CUT_DATABASE: 3,
    Kind.CUT_VALKEY: 2,
    Kind.CUT_NETWORK: 3,
    Kind.HANG: 2,
    Kind.CLOSE: 2,
    Kind.TROUBLE: 2,
}
# Seconds that it lasts, at least and at most; what is not here is over at once.
_LASTS = {
    Kind.HANG: (1.0, 3.0),
    Kind.CLOSE: (0.5, 2.0),
    Kind.TROUBLE: (0.5, 2.0),
    Kind.FREEZE_WORKER: (19.0, 23.0),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """`at`: seconds from the instant at which the round's deliveries begin to be due; `which`: a number that
    picks among the processes there are then; `lasts`: seconds."""

    at: float
    kind: Kind
    which: int
    lasts: float


@dataclass(frozen=True, slots=True)
class Round:
    """Deliveries that become due, `due` seconds after the round's beginning each, and what meets them."""

    due: tuple[float, ...]
    faults: tuple[Fault, ...]


# For so long a round's deliveries become due, and for so long its faults strike, in seconds.
DUE_S, STRIKING_S = 0.4, 0.7


def plan(seed: int, n: int, kills: int, *, postgres: bool) -> list[Round]:
    """Rounds of one to three faults each, `kills` of them kills in all; the `n` deliveries are spread over
    the rounds."""
    chance = random.Random(seed)
    kinds = [kind for kind in _WEIGHTS if postgres or kind not in _OF_POSTGRES]
    weights = [_WEIGHTS[kind] for kind in kinds]
    struck: list[list[Fault]] = []
    while (left := kills - sum(one.kind in KILLS for faults in struck for one in faults)) > 0:
        faults: list[Fault] = []
        for kind in chance.choices(kinds, weights, k=min(left, chance.randint(1, 3))):
            lasts = chance.uniform(*_LASTS[kind]) if kind in _LASTS else 0.0
            at = round(chance.uniform(0, STRIKING_S), 3)
            faults.append(Fault(at, kind, chance.randrange(1000), round(lasts, 3)))
        struck.append(sorted(faults, key=lambda one: one.at))
    due: list[list[float]] = [[] for _ in struck]
    for _ in range(n):
        chance.choice(due).append(round(chance.uniform(0, DUE_S), 3))
    return [Round(tuple(when), tuple(faults)) for when, faults in zip(due, struck, strict=True)]


def told(rounds: Sequence[Round]) -> str:
    """How many of each, in a line."""
    faults = [one for each in rounds for one in each.faults]
    counted = {kind: sum(one.kind is kind for one in faults) for kind in Kind}
    return ", ".join(f"{number} × {kind}" for kind, number in counted.items() if number)
