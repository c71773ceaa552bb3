"""The ground a run of faults stands on: servers, the product's processes, and whoever restarts them.

What dies is started again by `tend`, as systemd would. Every process is a session of its own, so that it is
killed whole.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import redis

from cm_queue import embedded, watching
from tests import servers
from tests.faults.databases import Database, OnPostgres, OnSqlite

ROOT = Path(__file__).resolve().parent.parent.parent
# Time-outs, leases and second looks in seconds instead of minutes; the product's own settings.
QUICK = {
    "PUBLISH_TIMEOUT_S": "3",
    "PUBLISH_LEASE_S": "17",
    "RECONCILE_WAIT_S": "3",
    # Few, so that a drain lasts long enough to be met.
    "PUBLISH_THREADS": "2",
    "LOG_LEVEL": "WARNING",
}
# Events of the log that say that our own code broke, and not what it stands on.
OUR_FAULTS = ("recorder_broke", "adapter_fault", "tick_fault", "miss_fault")
# The worker ends within 30 s of a SIGTERM, by its own promise.
PATIENCE_S = 30.0
# Long, for a machine that is busy with something else.
UP_S = 90.0


class Stuck(Exception):
    """Something did not come about in time; the message says what, with the last words of the logs."""


@dataclass
class Ground:
    folder: Path
    database: Database
    network: subprocess.Popen[bytes]
    port: int
    keys: Mapping[str, str]
    valkey: subprocess.Popen[bytes]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(QUICK))
    # {name: (arguments, process)} of what is kept running.
    running: dict[str, tuple[list[str], subprocess.Popen[bytes]]] = field(default_factory=dict)
    # Names, as the product writes them (`host:pid`), of the workers that were killed or frozen.
    lost: set[str] = field(default_factory=set)

    # --- Processes ------------------------------------------------------------------------------
    def environ(self, **more: str) -> dict[str, str]:
        """What a process of the product needs, without what the caller's shell may say."""
        known = re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        clean = {name: value for name, value in os.environ.items() if name not in known}
        return {
            **clean,
            **self.keys,
            "DATABASE_URL": self.database.address,
            "CMQ_DATA_DIR": str(self.folder),
            "ALLOW_PRIVATE_HOSTS": f"127.0.0.1:{self.port}",
            "LOG_FORMAT": "json",
            **self.environment,
            **more,
        }

    def run(self, *arguments: str) -> str:
        """Runs Python to its end; answers what it printed. Raises Stuck."""
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=self.environ(),
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            raise Stuck(f"{' '.join(arguments)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts Python, and keeps it running from now on."""
        with self.log(name).open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *arguments],
                cwd=ROOT,
                env=self.environ(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running[name] = (list(arguments), process)
        return process

    def engine(self, workers: int, tickers: int) -> None:
        """Workers and tickers, also for the network that only the tests have."""
        for number in range(workers):
            self.start(f"worker-{number}", "-m", "tests.faults.bare", "publish_worker")
        for number in range(tickers):
            self.start(f"ticker-{number}", "-m", "tests.faults.bare", "tick")

    def tend(self) -> None:
        """Starts again what has ended."""
        for name, (arguments, process) in list(self.running.items()):
            if process.poll() is not None:
                self.start(name, *arguments)
        if self.valkey.poll() is not None:
            self.valkey = _valkey(self.folder)
        if isinstance(self.database, OnPostgres) and self.database.server.process.poll() is not None:
            self.database.server.start()

    def is_up(self) -> bool:
        """Whether half of the workers and a ticker have given a sign of life, and Valkey answers."""
        try:
            rows = self.database.rows("SELECT name FROM publishing_pulse")
            with self.hints() as hints:
                hints.ping()
        except (psycopg.OperationalError, redis.RedisError):
            return False
        alive = {row["name"] for row in rows}
        up = [
            [name_of(self.running[name][1]) in alive for name in self.named(role)]
            for role in ("worker", "ticker")
        ]
        return 2 * sum(up[0]) >= len(up[0]) and any(up[1])

    def wait_until_up(self, step: Callable[[], object]) -> None:
        """Takes a `step` until it is. Raises Stuck."""
        until = time.monotonic() + UP_S
        while not self.is_up():
            if time.monotonic() > until:
                raise Stuck(f"The engine did not come up\n{self.last_words()}")
            step()

    def named(self, role: str) -> list[str]:
        return sorted(name for name in self.running if name.startswith(role))

    def kill(self, name: str) -> bool:
        """SIGKILL to a process and all it started; answers whether it was alive until then."""
        process = self.running[name][1]
        self.lost.add(name_of(process))
        alive = process.poll() is None
        watching.kill(process.pid)
        return process.wait() == -signal.SIGKILL and alive

    def kill_valkey(self) -> bool:
        """The same for Valkey."""
        alive = self.valkey.poll() is None
        self.valkey.kill()
        return self.valkey.wait() == -signal.SIGKILL and alive

    def ask_to_end(self, name: str) -> None:
        watching.ask(self.running[name][1].pid)

    def freeze(self, name: str) -> None:
        self.lost.add(name_of(self.running[name][1]))
        self._signal(name, signal.SIGSTOP)

    def thaw(self, name: str) -> None:
        self._signal(name, signal.SIGCONT)

    def _signal(self, name: str, number: signal.Signals) -> None:
        try:
            os.killpg(self.running[name][1].pid, number)
        except ProcessLookupError:
            pass  # it was killed meanwhile, which is nothing unusual here

    def end_all(self) -> float:
        """SIGTERM to everything that is kept running; answers the seconds until the last has ended. Raises
        Stuck for one that does not end in time."""
        began = time.monotonic()
        for _arguments, process in self.running.values():
            watching.ask(process.pid)
        for name, (_arguments, process) in self.running.items():
            try:
                process.wait(max(0.1, began + PATIENCE_S - time.monotonic()))
            except subprocess.TimeoutExpired:
                raise Stuck(f"{name} did not end within {PATIENCE_S:.0f} s\n{self.last_words()}") from None
        self.running.clear()
        return time.monotonic() - began

    def stop(self) -> None:
        """The end of the run, however it came about."""
        for _arguments, process in self.running.values():
            watching.kill(process.pid)
            process.wait()
        watching.end([self.valkey.pid])
        self.valkey.wait()

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def last_words(self) -> str:
        words = []
        for name in sorted(path.stem for path in self.folder.glob("*.log")):
            words += [f"--- {name}", *self.log(name).read_text(errors="replace").splitlines()[-8:]]
        return "\n".join(words)

    def complaints(self) -> list[str]:
        """Faults of our own that a process logged: what it survived, and should never have met."""
        lines = {
            line
            for path in self.folder.glob("*.log")
            for line in path.read_text(errors="replace").splitlines()
            if any(f'"event": "{event}"' in line for event in OUR_FAULTS)
        }
        return sorted(lines)

    # --- Valkey and the network -------------------------------------------------------------------
    def hints(self) -> redis.Redis:
        return redis.Redis.from_url(embedded.url(self.folder), socket_timeout=3)

    def ask_network(self, what: str, said: Mapping[str, Any] | None = None) -> Any:
        talk = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        try:
            talk.request("POST" if said is not None else "GET", f"/__ctl/{what}", json.dumps(said or {}))
            return json.loads(talk.getresponse().read())
        finally:
            talk.close()


def name_of(process: subprocess.Popen[bytes]) -> str:
    """As `publishing.jobs.worker_name` makes it in that process."""
    return f"{socket.gethostname()[:40]}:{process.pid}"


def _valkey(folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        embedded.command(folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def ground(kind: str, seed: int = 0, delay_ms: float = 50.0) -> Iterator[Ground]:
    """Servers up and a database with its tables: `kind` is postgresql (its fsync on) or sqlite."""
    with ExitStack() as stack:
        # Short, because the socket of Valkey lies in it and a socket's path has 107 bytes at most.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cmq-f-")))
        database: Database
        if kind == "postgresql":
            database = OnPostgres(stack.enter_context(servers.running_postgres(durable=True)))
        else:
            database = OnSqlite(folder / "faults.sqlite3")
        port = servers.free_port()
        network = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.faults.network", "--port", str(port)),
                *("--seed", str(seed), "--delay-ms", str(delay_ms)),
            ],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        stack.callback(network.wait)
        stack.callback(watching.end, [network.pid])
        found = Ground(folder, database, network, port, servers.keys(), _valkey(folder))
        stack.callback(found.stop)
        if not embedded.wait_for(found.valkey, folder):
            raise Stuck("Valkey did not start")
        _wait_for_network(found)
        found.run("-m", "tests.faults.tables")
        yield found


def _wait_for_network(found: Ground) -> None:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        try:
            found.ask_network("count")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Stuck("The stand-in network did not start")


def wait_for_database(database: Database) -> None:
    """Until it answers again after a kill. Raises Stuck."""
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            database.rows("SELECT 1 AS one")
        except psycopg.OperationalError:
            time.sleep(0.1)
        else:
            return
    raise Stuck("The database did not come back")
