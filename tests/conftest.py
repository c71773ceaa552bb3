"""One private world for each process of a run: its own data folder, database, keys and Valkey.

The environment is made here, before Django's settings load (see pyproject.toml on why pytest-django does
not load them): whoever runs the tests may have a real DATABASE_URL or REDIS_URL in their shell.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from tests import outside

ROOT = Path(__file__).resolve().parent.parent
# Short, because the socket of Valkey lies in it and a socket's path has 107 bytes at most.
HOME = Path(tempfile.mkdtemp(prefix="cmq-t-"))


def _make_environment() -> None:
    """Forgets every variable of the product and sets those of the run. What `python -m tests.servers`
    gave (an address and keys, together) stays."""
    given = {}
    if "CMQ_TEST_RUN" in os.environ:
        given = {name: os.environ[name] for name in ("DATABASE_URL", "SECRET_KEY", "ENCRYPTION_KEYS")}
    for name in re.findall(r"^#?\s?([A-Z][A-Z0-9_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE):
        os.environ.pop(name, None)
    os.environ |= given | {
        "CMQ_DATA_DIR": str(HOME),
        "ALLOW_PRIVATE_HOSTS": "1",
        "LOG_LEVEL": "WARNING",
        "LOG_FORMAT": "text",
    }


_make_environment()

import django  # noqa: E402
from django.conf import settings  # noqa: E402

if settings.configured:
    raise pytest.UsageError(
        "Unset DJANGO_SETTINGS_MODULE: the settings were loaded before the run had its own world."
    )
# Named only while they load: a worker of xdist inherits our environment, and would load them too early.
os.environ["DJANGO_SETTINGS_MODULE"] = "cm_queue.settings"
_loaded = settings.DATABASES
del os.environ["DJANGO_SETTINGS_MODULE"]
assert settings.DATA_DIR == HOME

if settings.IS_SQLITE:
    # A file, as in the product, and not memory: real worker processes open it too. Nothing here
    # pulls the plug, so waiting for the disk would prove nothing.
    _loaded["default"]["TEST"] = {"NAME": str(HOME / "test.sqlite3")}
    _options = _loaded["default"]["OPTIONS"]
    _options["init_command"] = _options["init_command"].replace("synchronous=FULL", "synchronous=OFF")
settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# WhiteNoise looks for a file when it is asked for one, and not through all of them with every test's client.
settings.WHITENOISE_AUTOREFRESH = True
settings.STATIC_ROOT.mkdir()  # WhiteNoise warns where it is missing; `manage.py up` makes it
django.setup()

from django.db import connection  # noqa: E402
from django.test import TransactionTestCase  # noqa: E402
from redis import Redis  # noqa: E402

from approvals.standing import DESK_SHELF  # noqa: E402
from cm_queue import embedded, watching  # noqa: E402
from cm_queue.desk import queue_page  # noqa: E402
from journal import triggers  # noqa: E402
from tests.raising import listen_to_every_request  # noqa: E402
from tests.servers import free_port as _free_port  # noqa: E402

# --- What pytest asks ------------------------------------------------------------------------------

TOOLS = {"browser": ("/usr/bin/chromium",), "gettext": ("/usr/bin/msgfmt", "/usr/bin/xgettext")}
_NOT_RUN = "NOT RUN: "
# Seconds for a picture, a feed, every kind of notice or two weeks of history: not in the inner loop.
OUTER = {
    "test_feeding",
    "test_fitting",
    "test_preferring",
    "test_recalling",
    "test_seeding",
    "test_shrinking",
    "test_taking_heic",
    "test_uploading",
}
# What of the gate and of the engine is in the inner loop (`make test-fast`), which has a minute: the gate, what
# it reads, and the cases of its table. The other verbs are in `make test`.
INNER = {
    "test_gate",
    "test_gate_edges",
    "test_gate_on_generated_states",
    "test_facts",
    "test_cases",
    "test_policy",
    "test_wording",
    "test_budgeting",
    "test_keeping",
}
_DATABASE_FIXTURES = {"db", "transactional_db", "django_db_reset_sequences", "live_server"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--touching-database",
        action="store_true",
        help="only the tests that use the database (for the second one)",
    )


def pytest_configure() -> None:
    outside.close()
    # Tests change rows behind the verbs' back, which raises no standing: nothing is kept that was read before.
    DESK_SHELF.LASTS_S = 0.0
    queue_page.KEPT_S = 0
    listen_to_every_request()
    _flush_past_the_triggers()


def pytest_unconfigure() -> None:
    shutil.rmtree(HOME, ignore_errors=True)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        for tool, places in TOOLS.items():
            if item.get_closest_marker(tool) and not all(Path(place).exists() for place in places):
                item.add_marker(pytest.mark.skip(reason=f"{_NOT_RUN}{tool} is not installed"))
        parts = set(item.path.relative_to(ROOT).parts)
        # Pages and answers say what the verbs do, and those run on both databases.
        if {"desk", "api", "admin"} & parts:
            item.add_marker(pytest.mark.once)
        # The whole way of a post, through both doors.
        if "flow" in parts:
            item.add_marker(pytest.mark.slow)
        if ({"approvals", "publishing"} & parts and item.path.stem not in INNER) or item.path.stem in OUTER:
            item.add_marker(pytest.mark.outer)
    if config.getoption("--touching-database"):
        kept = [item for item in items if _touches_database(item)]
        config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
        items[:] = kept


def _touches_database(item: pytest.Item) -> bool:
    if item.get_closest_marker("django_db"):
        return True
    return bool(_DATABASE_FIXTURES & set(getattr(item, "fixturenames", ())))


def _not_run(terminalreporter: Any) -> list[str]:
    skipped = terminalreporter.stats.get("skipped", [])
    return [
        f"{report.nodeid}: {report.longrepr[2].partition(_NOT_RUN)[2]}"
        for report in skipped
        if isinstance(report.longrepr, tuple) and _NOT_RUN in report.longrepr[2]
    ]


def pytest_terminal_summary(terminalreporter: Any) -> None:
    left_out = _not_run(terminalreporter)
    if left_out:
        terminalreporter.section("NOT RUN", sep="!", red=True, bold=True)
        for line in left_out:
            terminalreporter.write_line(f"{_NOT_RUN}{line}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything must run, a tool that is missing is a failure and not a footnote."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") == "true" and reporter is not None and _not_run(reporter):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def _flush_past_the_triggers() -> None:
    """TransactionTestCase empties every table at its end, which the journal's triggers forbid to anybody."""
    flush = TransactionTestCase._fixture_teardown  # type: ignore[attr-defined]

    def flush_and_guard_again(self: TransactionTestCase) -> None:
        triggers.remove(connection)
        try:
            flush(self)
        finally:
            triggers.install(connection)

    TransactionTestCase._fixture_teardown = flush_and_guard_again  # type: ignore[attr-defined]


# --- Fixtures --------------------------------------------------------------------------------------


@pytest.fixture(scope="session", autouse=True)
def valkey() -> Iterator[Redis]:
    """A real Valkey for the whole run, where REDIS_URL of the settings points."""
    server = subprocess.Popen(
        embedded.command(HOME),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert embedded.wait_for(server, HOME), "Valkey did not start"
    client = Redis.from_url(settings.REDIS_URL)
    yield client
    client.close()
    watching.end([server.pid])
    server.wait()


@pytest.fixture(autouse=True)
def empty_valkey(valkey: Redis) -> Iterator[Redis]:
    """No test finds the jobs of the one before."""
    yield valkey
    valkey.flushall()


@pytest.fixture
def free_port() -> Callable[[], int]:
    """Gives a port nobody listens on, a new one with each call."""
    return _free_port


def database_url() -> str:
    """The address of the test database, for a process of its own."""
    config = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{quote(str(config['NAME']))}"
    given = urlsplit(os.environ["DATABASE_URL"])
    return given._replace(path=f"/{quote(str(config['NAME']))}").geturl()


@pytest.fixture
def child_environment(transactional_db: None) -> dict[str, str]:
    """What a process of the product needs to work on this test's database, keys and Valkey."""
    return {
        **os.environ,
        "DATABASE_URL": database_url(),
        "REDIS_URL": settings.REDIS_URL,
        "PYTHONUNBUFFERED": "1",
    }


Launch = Callable[..., "subprocess.Popen[bytes]"]


@pytest.fixture
def launch() -> Iterator[Launch]:
    """Starts a process in a session of its own: `launch(["…"], env)`. All of it is ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(command: list[str], environment: dict[str, str] | None = None, **more: Any) -> Any:
        process = subprocess.Popen(command, env=environment, cwd=ROOT, start_new_session=True, **more)
        started.append(process)
        return process

    yield start
    watching.end([process.pid for process in started if process.poll() is None])
    for process in started:
        watching.kill(process.pid)
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


@pytest.fixture
def manage(child_environment: dict[str, str], launch: Launch) -> Launch:
    """Starts `manage.py …` on this test's world: `manage("publish_worker")`."""

    def start(*arguments: str, **environment: str) -> Any:
        return launch([sys.executable, "manage.py", *arguments], {**child_environment, **environment})

    return start
