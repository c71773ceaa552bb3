"""`manage.py up` for real: the whole demonstration in a data folder of its own."""

from __future__ import annotations

import os
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
import pytest

from cm_queue import embedded
from tests.servers import free_port

ROOT = Path(__file__).resolve().parent.parent
pytestmark = [pytest.mark.processes, pytest.mark.slow]
CAST = ("ines", "marc", "nadia", "sofia", "victor", "hugo", "olga")
PARTS = ("gunicorn", "tick", "publish_worker", "demo_network", "valkey-server")


def _eventually(true: Callable[[], bool], what: str, seconds: float = 90) -> None:
    until = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < until, what
        time.sleep(0.1)


@dataclass
class House:
    """One started installation: where it lives, what it says, and everything it has ever started."""

    process: subprocess.Popen[bytes]
    data: Path
    output: Path
    port: int

    @property
    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def wait_until_ready(self) -> House:
        _eventually(
            lambda: "Ctrl-C stops everything." in self.said or self.process.poll() is not None,
            f"not ready: {self.said}",
            180,
        )
        assert self.process.poll() is None, self.said
        return self

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, word: str) -> psutil.Process:
        """The oldest process of a part: of the web server, its master."""
        found = [one for one in self.family() if word in " ".join(one.cmdline())]
        return min(found, key=lambda one: one.create_time())

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, trust_env=False)


def _environment(data: Path, port: int, **more: str) -> dict[str, str]:
    names = re.findall(r"^#([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {"CMQ_DATA_DIR": str(data), "PORT": str(port), "DEMO": "1", **more}


@pytest.fixture
def up(tmp_path: Path, launch) -> Iterator[Callable[..., House]]:
    """Starts `manage.py up`; after the test nothing of it may be alive."""
    seen: list[psutil.Process] = []
    houses: list[House] = []

    def start(data: Path | None = None, port: int | None = None, **more: str) -> House:
        data, port = data or tmp_path / "data", port or free_port()
        output = tmp_path / f"output-{len(houses)}"
        with output.open("wb") as file:
            process = launch(
                [sys.executable, "manage.py", "up"],
                _environment(data, port, **more),
                stdout=file,
                stderr=subprocess.STDOUT,
            )
        houses.append(House(process, data, output, port))
        return houses[-1]

    yield start
    for house in houses:
        if house.process.poll() is None:
            seen += house.family()
            house.process.terminate()
    for house in houses:
        house.process.wait(20)
    _eventually(lambda: not any(one.is_running() for one in seen), f"left behind: {seen}", 20)


def test_a_first_start_shows_the_demonstration(up):
    house = up().wait_until_ready()
    assert f"http://localhost:{house.port}" in house.said
    assert [name for name in CAST if f"{name}@maison-lumiere.example" not in house.said] == []
    assert house.get("/healthz").status_code == 200
    assert house.get("/readyz").status_code == 200
    assert house.get("/accounts/login/").status_code == 200
    modes = {name: (house.data / name).stat().st_mode & 0o777 for name in ("secret_key", "encryption_keys")}
    assert modes == {"secret_key": 0o600, "encryption_keys": 0o600}
    assert house.data.stat().st_mode & 0o777 == 0o700
    with closing(sqlite3.connect(house.data / "cm_queue.sqlite3")) as database:
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert not (house.data / "backups").exists()  # there was nothing to lose


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_everything_within_ten_seconds(up, number: signal.Signals):
    house = up().wait_until_ready()
    family = house.family()
    lines = " ".join(" ".join(one.cmdline()) for one in family)
    assert [part for part in PARTS if part not in lines] == []
    house.process.send_signal(number)
    assert house.process.wait(10) == 0
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert house.said.rstrip().endswith("Stopped.")
    assert not embedded.answers(embedded.url(house.data))


def test_a_killed_supervisor_leaves_nobody_and_the_next_start_works(up):
    house = up().wait_until_ready()
    family = house.family()
    house.process.kill()
    house.process.wait()
    again = up(port=house.port).wait_until_ready()
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert again.get("/readyz").status_code == 200


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_child_is_started_again(up, part: str):
    house = up().wait_until_ready()
    first = house.child(part)
    first.kill()
    _eventually(lambda: "starting it again" in house.said, house.said)
    assert "killed by SIGKILL" in house.said

    def replaced() -> bool:
        lines = [one for one in house.family() if one.is_running() and part in " ".join(one.cmdline())]
        return any(one.pid != first.pid for one in lines) and house.get("/readyz").status_code == 200

    _eventually(replaced, f"{part} did not come back: {house.said}")


def test_a_second_start_reuses_the_data(up):
    house = up().wait_until_ready()
    keys = {name: (house.data / name).read_bytes() for name in ("secret_key", "encryption_keys")}
    house.process.terminate()
    house.process.wait(10)
    query = "SELECT (SELECT count(*) FROM accounts_user), (SELECT count(*) FROM posts_post)"
    with closing(sqlite3.connect(house.data / "cm_queue.sqlite3")) as database:
        people, posts = database.execute(query).fetchone()
    again = up().wait_until_ready()
    assert {name: (again.data / name).read_bytes() for name in keys} == keys
    with closing(sqlite3.connect(house.data / "cm_queue.sqlite3")) as database:
        assert database.execute(query).fetchone() == (people, posts)
    assert people >= len(CAST)
    assert not (house.data / "backups").exists()  # nothing was migrated


def test_an_older_database_is_copied_before_it_is_migrated(up, tmp_path: Path):
    data = tmp_path / "data"
    # An installation that stopped before the last migrations: only the first application's are there.
    environment = _environment(data, 8000, DEMO="0")
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "contenttypes", "--verbosity", "0"],
        cwd=ROOT, env=environment, check=True,
    )  # fmt: skip
    house = up().wait_until_ready()
    (copy,) = (data / "backups").iterdir()
    assert f"The database was copied to {copy} before it was migrated." in house.said
    with closing(sqlite3.connect(copy)) as database:
        apps = {row[0] for row in database.execute("SELECT DISTINCT app FROM django_migrations")}
    assert apps == {"contenttypes"}


def test_a_port_in_use_is_one_sentence_and_nothing_is_left(up):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house = up(port=port)
        assert house.process.wait(30) == 1
    assert house.said.strip() == (
        f"CommandError: Port {port} on 127.0.0.1 is in use: "
        "stop what listens there, or choose another with PORT."
    )
    assert not embedded.answers(embedded.url(house.data))


def test_the_demonstration_network_takes_the_next_free_port(up):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house = up(DEMO_NETWORK_PORT=str(port)).wait_until_ready()
    shown = re.search(r"What went out: +http://localhost:(\d+)", house.said)
    assert shown is not None
    assert int(shown[1]) > port
    assert httpx.get(f"http://127.0.0.1:{shown[1]}/", timeout=10, trust_env=False).status_code == 200


def test_two_on_one_data_folder_the_second_is_refused(up):
    house = up().wait_until_ready()
    second = up()
    assert second.process.wait(30) == 1
    assert f"Another `manage.py up` (process {house.process.pid}) already runs" in second.said
    assert house.get("/readyz").status_code == 200


def test_a_real_installation_has_no_demonstration(up):
    house = up(DEMO="0").wait_until_ready()
    assert "maison-lumiere" not in house.said
    assert "demo_network" not in " ".join(" ".join(one.cmdline()) for one in house.family())
    with closing(sqlite3.connect(house.data / "cm_queue.sqlite3")) as database:
        assert database.execute("SELECT count(*) FROM accounts_user").fetchone() == (0,)


def test_a_database_that_does_not_answer_is_named(up):
    address = f"postgres://cmq@127.0.0.1:{free_port()}/cmq"
    house = up(DATABASE_URL=address, SECRET_KEY="x" * 50, ENCRYPTION_KEYS="A" * 43 + "=")
    assert house.process.wait(60) == 1
    assert "CommandError: DATABASE_URL: the database did not answer within 30 s" in house.said
