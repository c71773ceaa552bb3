"""The ground a run stands on: servers, databases, processes; everything that was started is stopped.

PostgreSQL with fsync on, a Valkey of our own, the stand-in network: once for a whole `make bench`. Each
measurement gets a fresh copy of a database that was seeded once.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import psycopg
import redis

from cm_queue import embedded, watching
from tests import servers

ROOT = Path(__file__).resolve().parent.parent.parent
# Statements of the engine's workers, of its ticker and of us are told apart by who made them.
ROLES = ("bench_worker", "bench_ticker")
# How late a delivery of ours may be before it is missed.
LATE_MINUTES = 600
# The worker ends within 30 s of a SIGTERM, by its own promise.
_PATIENCE_S = 35.0


class Stuck(Exception):
    """Something did not come about in time; the message says what, with the last words of a log."""


@dataclass
class Ground:
    """Where everything is. `admin`: PostgreSQL's address as its owner, for the database `postgres`."""

    folder: Path
    admin: str
    port: int
    keys: Mapping[str, str]
    postmaster: int
    network: subprocess.Popen[bytes]
    valkey: subprocess.Popen[bytes]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    databases: int = 0

    # --- PostgreSQL -------------------------------------------------------------------------------
    def address(self, database: str, role: str = "") -> str:
        """The address of a database, for its owner or for one of ROLES."""
        parts = urlsplit(self.admin)
        where = parts.netloc if not role else f"{role}:{parts.password}@{parts.hostname}:{parts.port}"
        return parts._replace(netloc=where, path=f"/{database}").geturl()

    def execute(self, *statements: str) -> None:
        with psycopg.connect(self.admin, autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())

    def fresh(self, template: str) -> str:
        """A new database, the copy of another; give it back with `drop`."""
        self.databases += 1
        name = f"run_{self.databases}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}", "CHECKPOINT")
        return name

    def drop(self, database: str) -> None:
        self.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")

    # --- Processes ----------------------------------------------------------------------------------
    def environment(self, address: str, **more: str) -> dict[str, str]:
        """What a process of the product needs, without what the caller's shell may say."""
        known = re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
        clean = {name: value for name, value in os.environ.items() if name not in known}
        return (
            clean
            | dict(self.keys)
            | {
                "DATABASE_URL": address,
                "CMQ_DATA_DIR": str(self.folder),
                "ALLOW_PRIVATE_HOSTS": f"127.0.0.1:{self.port}",
                "LOG_FORMAT": "json",
                **more,
            }
        )

    def run(self, *command: str, address: str, **more: str) -> str:
        """Runs a Python module or script to its end; answers what it printed. Raises Stuck."""
        done = subprocess.run(
            [sys.executable, *command],
            cwd=ROOT,
            env=self.environment(address, **more),
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        if done.returncode:
            raise Stuck(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")
        return done.stdout

    def start(self, name: str, *command: str, address: str, **more: str) -> subprocess.Popen[bytes]:
        """Starts a process in a session of its own, so that the terminal's Ctrl-C is ours to pass on."""
        with self.log(name).open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, *command],
                cwd=ROOT,
                env=self.environment(address, **more),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.running[name] = process
        return process

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def last_words(self) -> str:
        words = []
        for name in self.running:
            lines = [
                line
                for line in self.log(name).read_text(errors="replace").splitlines()
                if '"info"' not in line
            ]
            words += [f"--- {name}", *lines[-12:]]
        return "\n".join(words)

    def stop_running(self) -> None:
        watching.end([one.pid for one in self.running.values() if one.poll() is None], _PATIENCE_S)
        for process in self.running.values():
            process.wait()
        self.running.clear()

    # --- Valkey and the network ---------------------------------------------------------------------
    def hints(self) -> redis.Redis:
        return redis.Redis.from_url(embedded.url(self.folder))

    def ask_network(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        talk = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        try:
            talk.request(
                "GET" if body is None else "POST",
                f"/__ctl/{path}",
                None if body is None else json.dumps(body),
            )
            return json.loads(talk.getresponse().read())
        finally:
            talk.close()

    def reset_network(self, delay_ms: float) -> None:
        self.ask_network("reset", {})
        self.ask_network("config", {"delay_ms": delay_ms})


@contextmanager
def ground() -> Iterator[Ground]:
    """Servers up; afterwards servers and whatever still runs on them down, also after a Ctrl-C."""
    with ExitStack() as stack:
        admin = stack.enter_context(
            servers.postgres(durable=True, more={"shared_preload_libraries": "pg_stat_statements"})
        )
        # Short, because the socket of Valkey lies in it and a socket's path has 107 bytes at most.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="cmq-b-")))
        port = servers.free_port()
        network = _child(stack, [sys.executable, "-m", "tests.bench.network", "--port", str(port)])
        valkey = _child(stack, embedded.command(folder))
        found = Ground(folder, admin, port, servers.keys(), _postmaster(admin), network, valkey)
        stack.callback(found.stop_running)
        stack.callback(_ignore_signals)
        if not embedded.wait_for(valkey, folder):
            raise Stuck("Valkey did not start")
        _wait_for_network(found)
        password = urlsplit(admin).password
        found.execute(
            "CREATE EXTENSION pg_stat_statements",
            *(f"CREATE ROLE {role} SUPERUSER LOGIN PASSWORD '{password}'" for role in ROLES),
            "CREATE DATABASE reference",
        )
        yield found


def _child(stack: ExitStack, command: list[str]) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, start_new_session=True
    )
    stack.callback(process.wait)
    stack.callback(watching.end, [process.pid])
    return process


def _ignore_signals() -> None:
    """From here on everything is being stopped: a second Ctrl-C must not leave half of it running."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)


def _wait_for_network(found: Ground) -> None:
    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            found.ask_network("count")
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Stuck("The stand-in network did not start")


def _postmaster(admin: str) -> int:
    """The process id of PostgreSQL's first process, whose children are all the others."""
    with psycopg.connect(admin) as connection:
        row = connection.execute("SELECT pg_backend_pid()").fetchone()
        assert row
        return int(psutil.Process(row[0]).ppid())
