"""What must be true before the processes of an installation may run, each a step of its own."""

from __future__ import annotations

import errno
import fcntl
import http.client
import json
import os
import socket
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import OperationalError, connection
from django.db.migrations.executor import MigrationExecutor

from cm_queue.backing_up import back_up

# Any constant of our own: two machines that start together on one database migrate it one at a time.
_MIGRATION_LOCK = 0x434D515550
_DATABASE_PATIENCE_S = 30.0
DEMONSTRATION = "demonstration"


class CannotStart(Exception):
    """The installation cannot run; the message is one sentence for whoever started it."""


def lock_data_folder(folder: Path) -> int:
    """Takes the data folder for this process: the open file, to be kept as long as anything runs on it.

    An earlier `up` that was killed leaves a watcher which holds the folder a few seconds longer, until
    all its children have ended; that one is waited for.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    handle = os.open(folder / "up.lock", os.O_RDWR | os.O_CREAT, 0o600)
    until = time.monotonic() + 10
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(handle, 20, 0).decode(errors="replace").strip()
            if time.monotonic() < until and owner.isdigit() and not _lives(int(owner)):
                time.sleep(0.1)
                continue
            os.close(handle)
            raise CannotStart(
                f"Another `manage.py up` (process {owner or 'unknown'}) already runs on the data folder "
                f"{folder}: stop it first, or choose another folder with CMQ_DATA_DIR."
            ) from None
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        return handle


def listen(host: str, port: int) -> socket.socket:
    """The web server's listening socket. Bound here, so that a port in use is known before anything
    runs, and so that a web server started again finds it still open."""
    try:
        family, kind, protocol, _name, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except OSError as error:
        raise CannotStart(_why_not_listening(host, port, error)) from error
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(1024)
    except OSError as error:
        listener.close()
        raise CannotStart(_why_not_listening(host, port, error)) from error
    return listener


def free_port(first: int, last_tried: int = 50) -> int:
    """The first port from `first` on that nobody listens on, on this machine's loopback address."""
    for port in range(first, min(first + last_tried, 65535) + 1):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                probe.listen(1)
            except OSError:
                continue
            return port
    raise CannotStart(
        f"DEMO_NETWORK_PORT: no port from {first} on is free for the demonstration network; set one that is."
    )


def wait_for_database(stopped: Callable[[], bool], patience: float = _DATABASE_PATIENCE_S) -> None:
    """Returns once the database answers; a server that starts beside us may take a while."""
    if settings.IS_SQLITE and ":memory:" in str(connection.settings_dict["NAME"]):
        raise CannotStart("DATABASE_URL: a database in memory cannot be shared by several processes.")
    until = time.monotonic() + patience
    while True:
        try:
            connection.ensure_connection()
        except OperationalError as error:
            if stopped():
                return
            if time.monotonic() > until:
                raise CannotStart(
                    f"DATABASE_URL: the database did not answer within {patience:.0f} s ({_one_line(error)})."
                ) from error
            time.sleep(0.5)
        else:
            return


def migrate() -> Path | None:
    """Brings the database to today's form; a SQLite file that holds something is copied first.

    Answers the copy, or None when there was nothing to migrate or nothing to lose.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
    try:
        executor = MigrationExecutor(connection)
        if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return None
        copy = None
        if settings.IS_SQLITE and executor.loader.applied_migrations:
            copy = back_up(Path(connection.settings_dict["NAME"]), settings.DATA_DIR / "backups")
        call_command("migrate", interactive=False, verbosity=0)
        return copy
    finally:
        connection.close()  # which also gives the lock back


def what_is_missing() -> str | None:
    """None once the installation is ready for people, else what it still waits for."""
    for path in ("/healthz", "/readyz"):
        try:
            status, body = _get(path)
        except (OSError, http.client.HTTPException) as error:
            return f"the web server does not answer yet ({type(error).__name__})"
        if status != http.HTTPStatus.OK:
            return f"{path} answers {status}: {_what_it_says(body)}"
    return None


def _get(path: str) -> tuple[int, bytes]:
    bare = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.HOST, settings.HOST)  # noqa: S104
    client = http.client.HTTPConnection(bare, settings.PORT, timeout=2)
    # A name that Django accepts, whatever address it listens on.
    name = next((name.lstrip(".") for name in settings.ALLOWED_HOSTS if name != "*"), "localhost")
    try:
        client.request("GET", path, headers={"Host": name, "Accept": "application/json"})
        answer = client.getresponse()
        return answer.status, answer.read(4096)
    finally:
        client.close()


def _what_it_says(body: bytes) -> str:
    text = body.decode(errors="replace")
    try:
        return json.dumps(json.loads(text), ensure_ascii=False)
    except ValueError:
        return " ".join(text.split())[:200]


def _why_not_listening(host: str, port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use: stop what listens there, or choose another with PORT."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} may not be used by this account: choose one above 1023 with PORT."
    return f"HOST: this machine cannot listen on {host}:{port} ({error.strerror or error})."


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def mark_demonstration(folder: Path, demo: bool) -> None:
    """Leaves a sign in the data folder that it holds the demonstration, so that a command given in
    another terminal knows too (`manage.py api_token`). A start without DEMO=1 takes it away."""
    sign = folder / DEMONSTRATION
    if demo:
        sign.touch(mode=0o600)
    else:
        sign.unlink(missing_ok=True)
