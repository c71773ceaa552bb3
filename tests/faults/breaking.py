"""Breaks things according to plan, and lets what was broken be started again."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import psutil
import psycopg
import redis

from tests.faults.databases import OnPostgres, set_due
from tests.faults.ground import Ground
from tests.faults.network import Mode
from tests.faults.planning import Fault, Kind, Round

_MODES = {Kind.HANG: Mode.HANG, Kind.CLOSE: Mode.CLOSE, Kind.TROUBLE: Mode.TROUBLE}
# After which nobody may know what became of a request, or of a commit, although every worker lives.
_CUTTING = {Kind.CUT_NETWORK, Kind.CUT_DATABASE, Kind.KILL_POSTGRES, Kind.KILL_BACKEND}
_STEP_S = 0.05
# A ticker looks once a second: what is due later than that, it meets to the hundredth.
LEAD_S = 1.1


@dataclass
class Breaker:
    """Works a plan off on a ground. `kills` counts what was alive and was really killed; `cuts` the instants (epoch
    seconds) at which connections to the network or to the database were cut."""

    ground: Ground
    kills: int = 0
    cuts: list[float] = field(default_factory=list)
    _healing: list[tuple[float, Fault, str]] = field(default_factory=list)

    def work(self, rounds: Sequence[Round]) -> None:
        """The whole plan; in the end all is well and runs again. A round begins when enough of the engine is
        up for its faults to meet something."""
        number = 1
        for each in rounds:
            self.ground.wait_until_up(lambda: self._pass_time(time.monotonic() + 0.1))
            begin = datetime.now(UTC) + timedelta(seconds=LEAD_S)
            began = time.monotonic() + LEAD_S
            posts = range(number, number + len(each.due))
            number = posts.stop
            instants = {
                post: begin + timedelta(seconds=after) for post, after in zip(posts, each.due, strict=True)
            }
            set_due(self.ground.database, instants)
            for fault in each.faults:
                self._pass_time(began + fault.at)
                self._break(fault)
        for until, _fault, _name in sorted(self._healing, key=lambda one: one[0]):
            self._pass_time(until)
        self.ground.tend()

    def _pass_time(self, until: float) -> None:
        while True:
            now = time.monotonic()
            for one in [one for one in self._healing if one[0] <= now]:
                self._healing.remove(one)
                self._heal(one[1], one[2])
            self.ground.tend()
            if now >= until:
                return
            time.sleep(min(_STEP_S, until - now))

    def _break(self, fault: Fault) -> None:
        ground, name, hit = self.ground, "", False
        match fault.kind:
            case Kind.KILL_WORKER:
                hit = ground.kill(self._one("worker", fault))
            case Kind.KILL_TICKER:
                hit = ground.kill(self._one("ticker", fault))
            case Kind.END_WORKER:
                ground.ask_to_end(self._one("worker", fault))
            case Kind.FREEZE_WORKER:
                name = self._one("worker", fault)
                ground.freeze(name)
            case Kind.KILL_VALKEY:
                hit = ground.kill_valkey()
            case Kind.EMPTY_VALKEY | Kind.CUT_VALKEY:
                self._hurt_valkey(fault.kind)
            case Kind.KILL_POSTGRES | Kind.KILL_BACKEND | Kind.CUT_DATABASE:
                hit = self._hurt_postgres(fault)
            case Kind.CUT_NETWORK:
                ground.ask_network("cut", {})
            case Kind.HANG | Kind.CLOSE | Kind.TROUBLE:
                ground.ask_network("mode", {"mode": _MODES[fault.kind].value})
        self.kills += hit
        if fault.kind in _CUTTING:
            self.cuts.append(time.time())
        if fault.lasts:
            self._healing.append((time.monotonic() + fault.lasts, fault, name))

    def _one(self, role: str, fault: Fault) -> str:
        names = self.ground.named(role)
        return names[fault.which % len(names)]

    def _hurt_valkey(self, kind: Kind) -> None:
        try:
            with self.ground.hints() as hints:
                if kind is Kind.EMPTY_VALKEY:
                    hints.flushall()
                else:
                    hints.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
        except redis.RedisError as error:
            _say(f"{kind}: it was away ({type(error).__name__})")

    def _hurt_postgres(self, fault: Fault) -> bool:
        """Whether a process was killed that was alive until then."""
        database = self.ground.database
        assert isinstance(database, OnPostgres)
        try:
            if fault.kind is Kind.KILL_POSTGRES:
                alive = database.server.process.poll() is None
                database.server.kill()
                return alive
            if fault.kind is Kind.CUT_DATABASE:
                database.cut()
            elif children := database.server.children():
                child = children[fault.which % len(children)]
                alive = child.status() != psutil.STATUS_ZOMBIE
                child.kill()
                return alive
        except (psycopg.OperationalError, psutil.NoSuchProcess) as error:
            _say(f"{fault.kind}: it was away ({type(error).__name__})")
        return False

    def _heal(self, fault: Fault, name: str) -> None:
        if fault.kind is Kind.FREEZE_WORKER:
            self.ground.thaw(name)
        elif not any(other.kind in _MODES for _until, other, _name in self._healing):
            # Of two that overlap, the one that ends last makes it well again.
            self.ground.ask_network("mode", {"mode": Mode.WELL.value})


def _say(text: str) -> None:
    sys.stderr.write(f"  {text}\n")
