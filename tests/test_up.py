"""`manage.py up` for real: the whole demonstration in a data folder of its own."""

from __future__ import annotations

import os
import re
import shutil
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
            300,
        )
        assert self.process.poll() is None, self.said
        return self

    def family(self) -> list[psutil.Process]:
        return psutil.Process(self.process.pid).children(recursive=True)

    def child(self, word: str) -> psutil.Process:
        """The oldest process of a part: of the web server, its master."""
        found = [one for one in self.family() if word in " ".join(one.cmdline())]
        return min(found, key=lambda one: one.create_time())

    @staticmethod
    def left(family: list[psutil.Process]) -> list[psutil.Process]:
        return [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]

    def query(self, sql: str) -> tuple[object, ...]:
        with closing(sqlite3.connect(self.data / "cm_queue.sqlite3")) as database:
            row: tuple[object, ...] = database.execute(sql).fetchone()
            return row

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", timeout=10, trust_env=False)


def _environment(data: Path, port: int, **more: str) -> dict[str, str]:
    names = re.findall(r"^#([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return kept | {"CMQ_DATA_DIR": str(data), "PORT": str(port), "DEMO": "1", **more}


def _start(folder: Path, data: Path, port: int, **more: str) -> House:
    output = folder / f"output-{free_port()}"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up"],
            cwd=ROOT,
            env=_environment(data, port, **more),
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return House(process, data, output, port)


def _end(house: House) -> None:
    """Stops a house whatever became of it; nothing of it may be alive after that."""
    if house.process.poll() is not None:
        return
    family = house.family()
    house.process.terminate()
    house.process.wait(20)
    assert house.left(family) == []


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Callable[..., House]]:
    """Starts `manage.py up`, on the same data folder each time."""
    houses: list[House] = []

    def start(port: int | None = None, **more: str) -> House:
        houses.append(_start(tmp_path, tmp_path / "data", port or free_port(), **more))
        return houses[-1]

    yield start
    for house in houses:
        _end(house)


@dataclass
class Lived:
    """A demonstration that started on an older database, beside a taken port."""

    house: House
    taken: int


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    folder = tmp_path_factory.mktemp("up")
    # An installation that stopped before the last migrations: only the first application's are there.
    subprocess.run(
        [sys.executable, "manage.py", "migrate", "contenttypes", "--verbosity", "0"],
        cwd=ROOT, env=_environment(folder / "data", 8000, DEMO="0"), check=True,
    )  # fmt: skip
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        house = _start(folder, folder / "data", free_port(), DEMO_NETWORK_PORT=str(port))
        try:
            yield Lived(house.wait_until_ready(), port)
        finally:
            _end(house)


@pytest.fixture
def grown(lived: Lived, tmp_path: Path) -> None:
    """The data folder of `up` holds a copy of what has lived for a while: its next start makes nothing anew."""
    old, new = lived.house.data, tmp_path / "data"
    new.mkdir(mode=0o700)
    for name in ("secret_key", "encryption_keys"):
        shutil.copy2(old / name, new / name)
    with (
        closing(sqlite3.connect(old / "cm_queue.sqlite3")) as there,
        closing(sqlite3.connect(new / "cm_queue.sqlite3")) as here,
    ):
        there.backup(here)


def test_a_start_shows_the_address_and_the_cast(lived: Lived):
    house = lived.house
    assert f"http://localhost:{house.port}" in house.said
    assert [name for name in CAST if f"{name}@maison-lumiere.example" not in house.said] == []
    assert house.get("/healthz").status_code == 200
    assert house.get("/readyz").status_code == 200
    assert house.get("/accounts/login/").status_code == 200


def test_what_it_keeps_is_kept_for_us_alone(lived: Lived):
    data = lived.house.data
    modes = {name: (data / name).stat().st_mode & 0o777 for name in ("secret_key", "encryption_keys")}
    assert modes == {"secret_key": 0o600, "encryption_keys": 0o600}
    assert data.stat().st_mode & 0o777 == 0o700
    assert lived.house.query("PRAGMA journal_mode") == ("wal",)


def test_the_older_database_was_copied_before_it_was_migrated(lived: Lived):
    (copy,) = (lived.house.data / "backups").iterdir()
    assert f"The database was copied to {copy} before it was migrated." in lived.house.said
    with closing(sqlite3.connect(copy)) as database:
        apps = {row[0] for row in database.execute("SELECT DISTINCT app FROM django_migrations")}
    assert apps == {"contenttypes"}


def test_the_demonstration_network_takes_the_next_free_port(lived: Lived):
    shown = re.search(r"What went out: +http://localhost:(\d+)", lived.house.said)
    assert shown is not None
    assert int(shown[1]) > lived.taken
    assert httpx.get(f"http://127.0.0.1:{shown[1]}/", timeout=10, trust_env=False).status_code == 200


def test_two_on_one_data_folder_the_second_is_refused(lived: Lived):
    second = _start(lived.house.output.parent, lived.house.data, free_port())
    assert second.process.wait(30) == 1
    assert f"Another `manage.py up` (process {lived.house.process.pid}) already runs" in second.said
    assert lived.house.get("/readyz").status_code == 200


@pytest.mark.parametrize("part", PARTS)
def test_a_killed_child_is_started_again(lived: Lived, part: str):
    house, before = lived.house, lived.house.said.count("killed by SIGKILL")
    first = house.child(part)
    first.kill()
    _eventually(lambda: house.said.count("killed by SIGKILL") > before, house.said)

    def replaced() -> bool:
        lines = [one for one in house.left(house.family()) if part in " ".join(one.cmdline())]
        return any(one.pid != first.pid for one in lines) and house.get("/readyz").status_code == 200

    _eventually(replaced, f"{part} did not come back: {house.said}")


def test_signals_stop_everything_and_a_second_start_reuses_the_data(grown, up):
    count = "SELECT (SELECT count(*) FROM accounts_user), (SELECT count(*) FROM posts_post)"
    seen = []
    for number in (signal.SIGTERM, signal.SIGINT):
        house = up().wait_until_ready()
        family = house.family()
        lines = " ".join(" ".join(one.cmdline()) for one in family)
        assert [part for part in PARTS if part not in lines] == []
        house.process.send_signal(number)
        assert house.process.wait(10) == 0
        assert house.left(family) == []
        assert house.said.rstrip().endswith("Stopped.")
        assert not embedded.answers(embedded.url(house.data))
        keys = [(house.data / name).read_bytes() for name in ("secret_key", "encryption_keys")]
        seen.append((house.query(count), keys))
    assert seen[0] == seen[1]
    assert not (house.data / "backups").exists(), "there was nothing to migrate"


def test_a_killed_supervisor_leaves_nobody_and_the_next_start_works(grown, up):
    house = up().wait_until_ready()
    family = house.family()
    house.process.kill()
    house.process.wait()
    again = up(port=house.port).wait_until_ready()
    assert house.left(family) == []
    assert again.get("/readyz").status_code == 200


def test_a_real_installation_has_no_demonstration(up):
    house = up(DEMO="0").wait_until_ready()
    assert "maison-lumiere" not in house.said
    assert "demo_network" not in " ".join(" ".join(one.cmdline()) for one in house.family())
    assert house.query("SELECT count(*) FROM accounts_user") == (0,)
    assert not (house.data / "backups").exists(), "a new database has nothing to lose"


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
