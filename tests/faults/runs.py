"""One run: a load, a plan of faults, and what became of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from tests.faults.breaking import Breaker
from tests.faults.counting import Findings, count, look
from tests.faults.ground import Ground, Stuck, ground, wait_for_database
from tests.faults.planning import Round, plan

# Everything is settled so many seconds after the last fault.
SETTLED_S = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """`kind` of network: mastodon (keys and read-back) or bare (neither)."""

    database: str
    kind: str
    n: int
    kills: int
    seed: int
    workers: int = 4
    tickers: int = 2

    @property
    def reconcilable(self) -> bool:
        return self.kind == "mastodon"

    def rounds(self) -> list[Round]:
        return plan(self.seed, self.n, self.kills, postgres=self.database == "postgresql")


@dataclass(frozen=True, slots=True)
class Report:
    run: Run
    findings: Findings
    kills: int
    settled_s: float
    ended_s: float

    def faults(self) -> dict[str, list[str]]:
        return self.findings.faults(reconcilable=self.run.reconcilable)

    def told(self) -> str:
        return (
            f"{self.run.database}, {self.run.kind}: {self.findings.told()}; {self.kills} kills; settled "
            f"{self.settled_s:.1f} s after the last fault; SIGTERM answered within {self.ended_s:.1f} s"
        )


def work(run: Run) -> Report:
    """The whole run on a ground of its own. Raises Stuck, with the last words of the logs, when it does not
    settle in time."""
    rounds = run.rounds()
    with ground(run.database, run.seed) as here:
        network = f"http://127.0.0.1:{here.port}"
        here.run(*("-m", "tests.faults.seeding", "--n", str(run.n), "--kind", run.kind, "--network", network))
        here.engine(run.workers, run.tickers)
        breaker = Breaker(here)
        breaker.work(rounds)
        wait_for_database(here.database)
        settled = _settle(here, run)
        ended = here.end_all()
        sent, seen = look(here.database, here.ask_network("log"))
        findings = count(sent, seen, reconcilable=run.reconcilable, lost_workers=here.lost, cuts=breaker.cuts)
        findings.complaints = here.complaints()
        return Report(run, findings, breaker.kills, settled, ended)


_OPEN = "SELECT count(*) AS number FROM posts_delivery WHERE state <> 'DELIVERED'"
# A person was asked, in the same transaction that says so in the delivery.
_UNSETTLED = """
SELECT count(*) AS number FROM posts_delivery d WHERE state <> 'DELIVERED' AND NOT (state = 'UNKNOWN'
AND EXISTS (SELECT 1 FROM journal_notice n WHERE n.kind = 'delivery.unknown' AND n.post_id = d.post_id))
"""


def _settle(here: Ground, run: Run) -> float:
    """Waits until nothing is under way any more; answers the seconds it took."""
    began = time.monotonic()
    while here.database.rows(_OPEN if run.reconcilable else _UNSETTLED)[0]["number"]:
        here.tend()
        if time.monotonic() > began + SETTLED_S:
            states = here.database.rows("SELECT state, count(*) AS number FROM posts_delivery GROUP BY state")
            raise Stuck(f"Not settled {SETTLED_S:.0f} s after the last fault: {states}\n{here.last_words()}")
        time.sleep(0.2)
    return time.monotonic() - began
