"""The whole demonstration, started as a newcomer starts it, in a data folder of its own.

One `manage.py up` and not a test's database with processes around it: the browser meets what people meet,
and the pictures of `screenshots.py` are taken of the same thing.
"""

from __future__ import annotations

import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent.parent
READY = "Ctrl-C stops everything."
# The machine may be busy, and the first start compiles everything.
PATIENCE_S = 300


@dataclass(frozen=True)
class Demonstration:
    """One running installation: the desk's address, the demonstration network's, and where its data are."""

    desk: str
    network: str
    data: Path

    def let_in_to_the_admin(self, email: str) -> None:
        """As `createsuperuser` would, for the pages that only the staff sees; there is no password here."""
        with closing(sqlite3.connect(self.data / "cm_queue.sqlite3", timeout=30)) as database, database:
            found = database.execute(
                "UPDATE accounts_user SET is_staff = 1, is_superuser = 1 WHERE email = ?", [email]
            )
            assert found.rowcount == 1, email


def _environment(data: Path, port: int, network: int) -> dict[str, str]:
    """Nothing of what whoever runs us has configured, and nothing of another test's world."""
    names = re.findall(r"^#([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {
        "CMQ_DATA_DIR": str(data),
        "PORT": str(port),
        "DEMO": "1",
        "DEMO_NETWORK_PORT": str(network),
        "WEB_WORKERS": "1",
        "PUBLISH_WORKERS": "1",
        "LOG_LEVEL": "WARNING",
    }


@contextmanager
def demonstration(folder: Path) -> Iterator[Demonstration]:
    """Starts everything in `folder`, which must be empty or not there; stops it all at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    port, network = free_port(), free_port()
    said = folder / "said"
    with said.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=_environment(folder / "data", port, network),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        _wait_until_ready(process, said)
        yield Demonstration(f"http://localhost:{port}", f"http://127.0.0.1:{network}", folder / "data")
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            # Its watcher then ends whatever it had started.
            process.kill()
            process.wait()


def _wait_until_ready(process: subprocess.Popen[bytes], said: Path) -> None:
    until = time.monotonic() + PATIENCE_S
    while READY not in said.read_text(errors="replace"):
        if process.poll() is not None or time.monotonic() > until:
            raise AssertionError(f"the demonstration did not start: {said.read_text(errors='replace')}")
        time.sleep(0.1)
