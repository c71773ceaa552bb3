"""The environment is read strictly, and `.env.example` lists all of it."""

from __future__ import annotations

import ast
import itertools
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from cm_queue.environment import Environment, KeyFiles, host_of, is_loopback, is_public

ROOT = Path(__file__).resolve().parent.parent


def _read_by_settings() -> set[str]:
    """The variables that settings ask their Environment for: the first argument of every `env.…("NAME")`."""
    tree = ast.parse((ROOT / "cm_queue" / "settings.py").read_text())
    return {
        node.args[0].value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "env"
        and node.args
        and isinstance(node.args[0], ast.Constant)
        and isinstance(node.args[0].value, str)
    }


def _listed() -> list[str]:
    text = (ROOT / ".env.example").read_text()
    return re.findall(r"^#([A-Z][A-Z0-9_]+)=", text, re.MULTILINE)


def test_the_example_lists_every_variable_once():
    listed = _listed()
    assert sorted(listed) == sorted(_read_by_settings())


def test_each_listed_variable_has_a_line_of_comment():
    lines = (ROOT / ".env.example").read_text().splitlines()
    bare = [
        line
        for before, line in itertools.pairwise(lines)
        if re.match(r"#[A-Z][A-Z0-9_]+=", line) and not re.match(r"# \S", before)
    ]
    assert bare == []


def test_no_other_module_reads_the_environment():
    """Only settings and environment parse; who starts processes passes the environment on whole."""
    passing_on = {"cm_queue/supervising.py", "cm_queue/management/commands/up.py", "cm_queue/environment.py"}
    readers = [
        str(path.relative_to(ROOT))
        for app in ("accounts", "adapters", "approvals", "cm_queue", "journal", "posts", "publishing")
        for path in (ROOT / app).rglob("*.py")
        if re.search(r"\bos\.(environ\b|getenv)", path.read_text())
    ]
    allowed_too = {"cm_queue/wsgi.py", "cm_queue/asgi.py"}  # they name the settings module
    # A secret handed over by name: `--secret-from-env VAR` is the command's own argument.
    allowed_too |= {name for name in readers if name.endswith("/add_channel.py")}
    assert set(readers) - passing_on - allowed_too == set()


BAD = [
    ("PORT", "80a"),
    ("PORT", "0"),
    ("PORT", "65536"),
    ("PORT", "-1"),
    ("HOST", "two words"),
    ("DEMO", "perhaps"),
    ("DEBUG", "2"),
    ("BEHIND_PROXY", "oui"),
    ("DEMO_NETWORK_PORT", "http"),
    ("BASE_URL", "queue.example.org"),
    ("BASE_URL", "https://queue.example.org/desk"),
    ("BASE_URL", "ftp://queue.example.org"),
    ("PUBLIC_URL", "queue.example.org"),
    ("ALLOWED_HOSTS", "*"),
    ("DATABASE_URL", "mysql://root@localhost/cmq"),
    ("DATABASE_URL", "postgres://cmq@localhost:port/cmq"),
    ("DATABASE_URL", "postgres://cmq@localhost"),
    ("CONN_MAX_AGE", "forever"),
    ("TRANSACTION_IDLE_S", "0"),
    ("DEMO_MASTODON_URL", "mastodon.example"),
    ("REDIS_URL", "localhost:6379"),
    ("REDIS_URL", "http://localhost:6379"),
    ("EMAIL_URL", "mailhost"),
    ("EMAIL_URL", "carrier-pigeon://roof"),
    ("ENCRYPTION_KEYS", "short"),
    ("ENCRYPTION_KEYS", "é" * 44),
    ("ALLOW_PRIVATE_HOSTS", "yes"),
    ("ALLOW_PRIVATE_HOSTS", "mastodon.internal"),
    ("ALLOW_PRIVATE_HOSTS", "mastodon.internal:99999"),
    ("LANGUAGE_CODE", "de"),
    ("MEDIA_MAX_MB", "20 MB"),
    ("LOG_LEVEL", "LOUD"),
    ("LOG_FORMAT", "xml"),
    ("WEB_WORKERS", "0"),
    ("WEB_THREADS", "many"),
    ("PUBLISH_WORKERS", "999"),
    ("PUBLISH_THREADS", "1.5"),
    ("PUBLISH_SLACK", "-1"),
    ("PUBLISH_TIMEOUT_S", "0"),
    ("PUBLISH_LEASE_S", "84"),
    ("RECONCILE_WAIT_S", "1.5"),
    *(
        (f"{whose}_{what}", "half-of-a-pair")
        for whose, kind in (("X", "CLIENT"), ("LINKEDIN", "CLIENT"), ("META", "APP"), ("THREADS", "APP"))
        for what in (f"{kind}_ID", f"{kind}_SECRET")
    ),
    ("METRICS_PORT", "70000"),
    ("CMQ_DATA_DIR", __file__),
    ("STATIC_ROOT", __file__),
]
# Any text will do for these, so none is bad.
ANYTHING_GOES = {"SECRET_KEY", "DEFAULT_FROM_EMAIL", "DEMO_MASTODON_TOKEN"}


def test_every_variable_has_a_bad_value_tried():
    assert {name for name, _ in BAD} | ANYTHING_GOES == set(_listed())


def _start(folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name not in _listed()}
    environment = {**kept, "CMQ_DATA_DIR": str(folder / "data"), **variables}
    return subprocess.run(
        [sys.executable, "-c", "import cm_queue.settings"],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize(("name", "value"), BAD)
def test_a_bad_value_stops_the_start_and_names_the_variable(tmp_path: Path, name: str, value: str):
    tried = _start(tmp_path, **{name: value})
    last = tried.stderr.strip().splitlines()[-1]
    assert tried.returncode == 1
    assert last.startswith(f"django.core.exceptions.ImproperlyConfigured: {name}:")


def test_the_command_line_says_it_in_one_sentence(tmp_path: Path):
    environment = {**os.environ, "CMQ_DATA_DIR": str(tmp_path), "PORT": "none"}
    tried = subprocess.run(
        [sys.executable, "manage.py", "up"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert tried.returncode == 1
    assert tried.stderr == "manage.py: PORT: expected a whole number, got 'none'.\n"


@pytest.mark.slow
@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "::", "queue.example.org"])
def test_the_demonstration_refuses_a_host_others_can_reach(tmp_path: Path, host: str):
    tried = _start(tmp_path, DEMO="1", HOST=host)
    assert "ImproperlyConfigured: DEMO:" in tried.stderr


def test_the_demonstration_opens_its_own_network_only(tmp_path: Path):
    code = "from cm_queue import settings; print(sorted(settings.ALLOW_PRIVATE_HOSTS))"
    environment = {name: value for name, value in os.environ.items() if name not in _listed()}
    environment |= {"CMQ_DATA_DIR": str(tmp_path), "DEMO": "1", "DEMO_NETWORK_PORT": "9123"}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "['127.0.0.1:9123', 'localhost:9123']"


@pytest.mark.parametrize("name", ["SECRET_KEY", "ENCRYPTION_KEYS"])
def test_postgresql_demands_keys(tmp_path: Path, name: str):
    given = {
        "SECRET_KEY": "x" * 50,
        "ENCRYPTION_KEYS": "A" * 43 + "=",
        "DATABASE_URL": "postgres://cmq@127.0.0.1/cmq",
    }
    del given[name]
    tried = _start(tmp_path, **given)
    assert f"ImproperlyConfigured: {name}: set it." in tried.stderr


@pytest.mark.parametrize(
    ("read", "value", "expected"),
    [
        (lambda env: env.flag("X"), " yes ", True),
        (lambda env: env.flag("X"), "", False),
        (lambda env: env.number("X", 7, 1, 9), "", 7),
        (lambda env: env.names("X"), " a, ,b ", ["a", "b"]),
        (lambda env: env.private_hosts("X"), "1", True),
        (
            lambda env: env.private_hosts("X"),
            "Mastodon.internal:443,[::1]:80",
            {"mastodon.internal:443", "[::1]:80"},
        ),
        (lambda env: env.private_hosts("X"), "", frozenset()),
        (lambda env: env.origin("X", ""), "https://queue.example.org/", "https://queue.example.org"),
    ],
)
def test_good_values_are_read(read, value: str, expected: object):
    assert read(Environment({"X": value})) == expected


def test_a_nul_byte_is_refused_everywhere():
    with pytest.raises(ImproperlyConfigured, match=r"^X:"):
        Environment({"X": "a\x00b"}).names("X")


def test_keys_are_made_once_and_for_us_alone(tmp_path: Path):
    first = KeyFiles(tmp_path / "data")
    secret, encryption = first.secret_key(), first.encryption_keys()
    assert (KeyFiles(tmp_path / "data").secret_key(), first.encryption_keys()) == (secret, encryption)
    assert {path.name: oct(path.stat().st_mode & 0o777) for path in (tmp_path / "data").iterdir()} == {
        "secret_key": "0o600",
        "encryption_keys": "0o600",
    }


def test_an_empty_key_file_is_refused_and_not_replaced(tmp_path: Path):
    (tmp_path / "secret_key").touch()
    with pytest.raises(ImproperlyConfigured, match="secret_key"):
        KeyFiles(tmp_path).secret_key()


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("[::1]", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("::", False),
    ],
)
def test_what_is_loopback(host: str, expected: bool):
    assert is_loopback(host) is expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("queue.example.org", True),
        ("1.1.1.1", True),
        ("[2606:4700:4700::1111]", True),
        ("localhost", False),
        ("queue", False),
        ("queue.local", False),
        ("127.0.0.1", False),
        ("0.0.0.0", False),
        ("10.0.0.7", False),
        ("[::1]", False),
        ("[fd00::7]", False),
    ],
)
def test_what_may_be_found_from_outside(host: str, expected: bool):
    assert is_public(host) is expected


@pytest.mark.slow
@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ["", False]),
        ({"BASE_URL": "https://queue.example.org"}, ["https://queue.example.org", False]),
        ({"BASE_URL": "http://10.0.0.7"}, ["", False]),
        ({"PUBLIC_URL": "https://pictures.example.org"}, ["https://pictures.example.org", True]),
        ({"PUBLIC_URL": "http://127.0.0.1:8000"}, ["http://127.0.0.1:8000", False]),
    ],
    ids=["nothing said", "by the base", "private base", "said", "said, for a trial"],
)
def test_where_networks_fetch_pictures(tmp_path: Path, given: dict[str, str], expected: list[object]):
    code = (
        "import json; from cm_queue import settings as s;"
        "print(json.dumps([s.PUBLIC_URL, 'pictures.example.org' in s.ALLOWED_HOSTS]))"
    )
    environment = {name: value for name, value in os.environ.items() if name not in _listed()}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**environment, "CMQ_DATA_DIR": str(tmp_path), **given},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert json.loads(told.stdout) == expected


def test_the_host_of_an_address():
    assert [
        host_of(one) for one in ("https://q.example.org", "http://[::1]:8000", "http://localhost:80")
    ] == [
        "q.example.org",
        "[::1]",
        "localhost",
    ]


def test_a_folder_of_mails_is_an_absolute_path():
    read = Environment({"X": "filemail:///var/lib/cm-queue/mail"}).email("X", "")
    assert read["EMAIL_FILE_PATH"] == "/var/lib/cm-queue/mail"


def test_the_default_database_survives_odd_characters_in_its_folder(tmp_path: Path):
    folder = tmp_path / "50%41 #1?"
    code = "from cm_queue import settings; print(settings.DATABASES['default']['NAME'])"
    environment = {name: value for name, value in os.environ.items() if name not in _listed()}
    told = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**environment, "CMQ_DATA_DIR": str(folder)},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert told.stdout.strip() == str(folder / "cm_queue.sqlite3")
