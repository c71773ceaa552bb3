"""Two tickers, four workers and a person who meddles: what went out, and whether it was allowed to."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cm_queue import watching
from tests.faults.databases import set_due
from tests.faults.ground import ROOT, Ground, Stuck, ground
from tests.faults.reading import read, wrongs

_LEASES_S = 30.0


@dataclass(frozen=True, slots=True)
class Meddled:
    """`acts`: how often each was done, and refused; `sent` attempts, of which `wrong` were not allowed."""

    database: str
    seed: int
    acts: dict[str, int]
    sent: int
    stopped: int
    wrong: list[str] = field(default_factory=list)

    def told(self) -> str:
        done = sum(number for name, number in self.acts.items() if ":" not in name)
        return (
            f"{self.database}, a person who meddles: {done} acts, {self.sent} sends, {self.stopped} not sent; "
            f"sent without being allowed: {len(self.wrong)}"
        )


def _person(here: Ground, seed: int, seconds: float) -> subprocess.Popen[bytes]:
    """Somebody who is ready, and begins with the first line they read."""
    with here.log("person").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.person", "--seed", str(seed), "--seconds", str(seconds + 3)],
            cwd=ROOT,
            env=here.environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
        )
    assert process.stdout is not None
    if process.stdout.readline() != b"ready\n":
        raise Stuck(f"The person did not come\n{here.last_words()}")
    return process


_UNDER_WAY = "SELECT count(*) AS number FROM posts_delivery WHERE state IN ('CLAIMED', 'SENDING')"
_NOT_SENT = """
SELECT count(*) AS number FROM posts_delivery d
WHERE NOT EXISTS (SELECT 1 FROM publishing_attempt a WHERE a.delivery_id = d.id)
"""


def meddle(database: str, n: int, seconds: float, seed: int, workers: int = 4, tickers: int = 2) -> Meddled:
    """`n` deliveries over `seconds`, with somebody at work all the while; then everything is read again."""
    with ground(database, seed, delay_ms=20.0) as here:
        network = f"http://127.0.0.1:{here.port}"
        here.run("-m", "tests.faults.seeding", "--n", str(n), "--kind", "mastodon", "--network", network)
        here.engine(workers, tickers)
        acts = _drain_under_their_hands(here, n, seconds, seed)
        until = time.monotonic() + _LEASES_S
        while here.database.rows(_UNDER_WAY)[0]["number"]:
            if time.monotonic() > until:
                raise Stuck(f"Something is still under way\n{here.last_words()}")
            time.sleep(0.2)
        here.end_all()
        story = read(here.database, here.ask_network("log"))
        stopped = here.database.rows(_NOT_SENT)[0]["number"]
        wrong = wrongs(story) + here.complaints()
        return Meddled(database, seed, acts, len(story["attempts"]), stopped, wrong)


def _drain_under_their_hands(here: Ground, n: int, seconds: float, seed: int) -> dict[str, int]:
    """Answers what the person did: {act: how often}."""
    person = _person(here, seed, seconds)
    try:
        here.wait_until_up(lambda: time.sleep(0.1))
        chance, begin = random.Random(f"due {seed}"), datetime.now(UTC) + timedelta(seconds=1)
        due = {post: begin + timedelta(seconds=chance.uniform(0, seconds)) for post in range(1, n + 1)}
        set_due(here.database, due)
        said, _nothing = person.communicate(b"go\n", timeout=seconds + _LEASES_S)
    finally:
        if person.poll() is None:
            watching.kill(person.pid)
            person.wait()
    acts: dict[str, int] = json.loads(said)
    return acts
