"""The demonstration network: what its API takes, what its pages show, and that it stops."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from cm_queue.demo_network import MEDIA_MAX_BYTES, serve
from cm_queue.demo_pages import language_of

pytestmark = pytest.mark.pure

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20
ROOT = Path(__file__).resolve().parent.parent


class Browser:
    """Asks the network, and keeps the status and headers of the last answer."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.status = 0
        self.headers: dict[str, str] = {}

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> bytes:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body, named)
            answer = connection.getresponse()
            self.status, self.headers = answer.status, {k.lower(): v for k, v in answer.getheaders()}
            return answer.read()
        finally:
            connection.close()

    def page(self, path: str, language: str = "fr") -> str:
        return self.ask("GET", path, Accept_Language=language).decode()

    def post(self, key: str = "key-1", **said: Any) -> Any:
        form = {"account": "maison-lumiere", "text": "Bonjour", **said}
        body = json.dumps(form).encode()
        headers = {"Content_Type": "application/json", "Idempotency_Key": key}
        return json.loads(self.ask("POST", "/api/posts", body, **headers))

    def upload(self, content: bytes = PNG, kind: str = "image/png") -> Any:
        return json.loads(self.ask("POST", "/api/media", content, Content_Type=kind))


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    with running(tmp_path) as started:
        yield started


class running:  # noqa: N801 - reads as what it does
    def __init__(self, folder: Path) -> None:
        self.server = serve(folder, 0)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Browser:
        self.thread.start()
        return Browser(self.server.server_port)

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


# --- The pages ------------------------------------------------------------------------------------
def test_the_timeline_shows_the_newest_first_and_one_page_each(browser: Browser):
    first, second = browser.post("a", text="Premier"), browser.post("b", text="Second")
    page = browser.page("/")
    assert page.index("Second") < page.index("Premier")
    assert "Premier" in browser.page(first["url"].partition(str(browser.port))[2])
    assert "Premier" not in browser.page(second["url"].partition(str(browser.port))[2])


def test_everything_a_post_says_is_escaped(browser: Browser):
    nasty = '<script>alert(1)</script> "\'&<img src=x onerror=alert(2)> https://a.org/"><script>'
    media = [{"id": browser.upload()["id"], "alt": nasty}]
    posted = browser.post(text=nasty, content_warning=nasty, media=media)
    for path in ("/", "/@maison-lumiere", f"/@maison-lumiere/{posted['id']}"):
        page = browser.page(path)
        assert "<script" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;" in page


def test_an_image_shows_with_its_description(browser: Browser):
    media = browser.upload()
    browser.post(text="Avec image", media=[{"id": media["id"], "alt": "Une lampe « Aurore »."}])
    page = browser.page("/")
    assert f'<img src="/media/{media["id"]}" alt="Une lampe « Aurore ».">' in page
    assert page.count("Une lampe « Aurore ».") == 2
    assert browser.ask("GET", f"/media/{media['id']}") == PNG
    assert browser.headers["content-type"].startswith("image/png")


@pytest.mark.parametrize(
    ("accept", "label"),
    [
        ("fr-FR,fr;q=0.9,en;q=0.8", "Réseau de démonstration"),
        ("en-GB,en;q=0.9", "Demonstration network"),
        ("de, en;q=0.5, fr;q=0.4", "Demonstration network"),
        ("", "Réseau de démonstration"),
    ],
)
def test_it_says_in_the_readers_language_that_it_is_no_real_network(
    browser: Browser, accept: str, label: str
):
    page = browser.page("/", accept)
    assert label in page
    assert f'<html lang="{language_of(accept)}">' in page


@pytest.mark.parametrize("accept", ["fr;q=0, en", "en;q=1.0,fr;q=0.9", "en;q=nonsense"])
def test_english_for_who_wants_it(accept: str):
    assert language_of(accept) == "en"


def test_the_policy_of_every_answer_is_strict(browser: Browser):
    for path in ("/", "/nothing", "/style.css", "/api/posts", "/icon.svg"):
        browser.ask("GET", path)
        assert "default-src 'none'" in browser.headers["content-security-policy"]
        assert "unsafe" not in browser.headers["content-security-policy"]
        assert browser.headers["x-content-type-options"] == "nosniff"
    assert " style=" not in browser.page("/")


def test_an_unlisted_post_has_a_page_but_no_place_on_the_timeline(browser: Browser):
    posted = browser.post(text="Discret", visibility="unlisted")
    assert "Discret" not in browser.page("/")
    assert "Discret" in browser.page(f"/@maison-lumiere/{posted['id']}")


def test_a_thread_reads_whole_on_its_first_post(browser: Browser):
    first = browser.post("a", text="Un")
    second = browser.post("b", text="Deux", reply_to=first["id"])
    browser.post("c", text="Trois", reply_to=second["id"])
    page = browser.page(f"/@maison-lumiere/{first['id']}")
    assert page.index("Un<") < page.index("Deux<") < page.index("Trois<")


# --- The API ---------------------------------------------------------------------------------------
def test_a_repeated_key_gives_the_same_post(browser: Browser):
    first = browser.post("same")
    assert browser.status == 201
    assert browser.post("same", text="Autre chose") == first
    assert browser.status == 200
    assert browser.post("same", account="another")["id"] != first["id"]
    found = json.loads(browser.ask("GET", "/api/posts?key=same&account=maison-lumiere"))
    assert found == [first]


def test_many_at_once_with_one_key_make_one_post(browser: Browser):
    answers: list[str] = []

    def send() -> None:
        answers.append(Browser(browser.port).post("same")["id"])

    threads = [threading.Thread(target=send) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 12
    assert len(set(answers)) == 1


def test_a_deleted_post_is_gone_and_its_key_does_not_bring_it_back(browser: Browser):
    posted = browser.post(text="Retiré")
    browser.ask("DELETE", f"/api/posts/{posted['id']}")
    assert browser.status == 200
    browser.ask("DELETE", f"/api/posts/{posted['id']}")
    assert browser.status == 404
    assert "Retiré" not in browser.page("/")
    assert "Il n’y a rien ici" in browser.page(f"/@maison-lumiere/{posted['id']}")
    assert browser.status == 404
    browser.post(text="Retiré")
    assert browser.status == 410
    assert json.loads(browser.ask("GET", "/api/posts")) == []


def test_it_survives_a_restart(tmp_path: Path):
    with running(tmp_path) as before:
        media = before.upload()
        posted = before.post("key", text="Toujours là", media=[{"id": media["id"], "alt": "Une lampe."}])
    with running(tmp_path) as after:
        assert "Toujours là" in after.page("/")
        assert after.post("key")["id"] == posted["id"]
        assert after.ask("GET", f"/media/{media['id']}") == PNG


@pytest.mark.parametrize(
    "said",
    [
        {"text": ""},
        {"text": 3},
        {"text": "x" * 5001},
        {"text": "a\x00b"},
        {"text": "\ud800"},
        {"account": "Not An Account"},
        {"account": "../etc"},
        {"visibility": "direct"},
        {"language": '"><script>'},
        {"media": [{"id": "0" * 32 + ".png", "alt": ""}]},
        {"media": [{"id": "../posts.sqlite3", "alt": ""}]},
        {"media": "none"},
        {"media": [1]},
        {"reply_to": "first"},
    ],
)
def test_what_it_does_not_take(browser: Browser, said: dict[str, Any]):
    browser.post(**said)
    assert browser.status == 422
    assert json.loads(browser.ask("GET", "/api/posts")) == []


def test_what_is_no_request_for_it(browser: Browser):
    typed = {"Content_Type": "application/json", "Idempotency_Key": "k"}
    cases = [
        (400, "POST", "/api/posts", b"{", typed),
        (400, "POST", "/api/posts", b"[]", typed),
        (400, "POST", "/api/posts", b"{}", {"Content_Type": "application/json"}),
        (415, "POST", "/api/posts", b"{}", {"Content_Type": "text/plain", "Idempotency_Key": "k"}),
        (415, "POST", "/api/media", PNG, {"Content_Type": "text/plain"}),
        (422, "POST", "/api/media", b"<svg/>", {"Content_Type": "image/svg+xml"}),
        (405, "PUT", "/api/posts", b"{}", typed),
        (404, "GET", "/api/nothing", None, {}),
        (404, "GET", "/media/..%2fposts.sqlite3", None, {}),
        (404, "GET", "/media/" + "a" * 32 + ".png", None, {}),
        (404, "DELETE", "/api/posts/99", None, {}),
        (410, "POST", "/api/posts", b'{"account":"a","text":"b","reply_to":"99"}', typed),
    ]
    for status, method, path, body, headers in cases:
        browser.ask(method, path, body, **headers)
        assert (browser.status, path) == (status, path)


def test_a_huge_upload_is_refused_before_it_is_read(browser: Browser):
    with socket.create_connection(("127.0.0.1", browser.port), timeout=10) as line:
        head = f"POST /api/media HTTP/1.1\r\nHost: localhost\r\nContent-Length: {MEDIA_MAX_BYTES + 1}\r\n"
        head += "Content-Type: image/png\r\n\r\n"
        line.sendall(head.encode())
        assert b" 413 " in line.recv(200)


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8001", "10.0.0.1", ""])
def test_a_page_elsewhere_cannot_use_it_under_a_name_of_its_own(browser: Browser, host: str):
    browser.ask("GET", "/api/posts", Host=host)
    assert browser.status == 421


@pytest.mark.parametrize("host", ["localhost:8001", "127.0.0.1", "[::1]:80"])
def test_this_machines_names(browser: Browser, host: str):
    browser.ask("GET", "/", Host=host)
    assert browser.status == 200


# --- The command --------------------------------------------------------------------------------
def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_ALONE = """
import sys
from django.conf import settings
from pathlib import Path
settings.configure(DATA_DIR=Path(sys.argv[1]), DEMO_NETWORK_PORT=int(sys.argv[2]))
import django
django.setup()
from django.core.management import call_command
from cm_queue.management.commands.demo_network import Command
call_command(Command())
"""


@pytest.mark.processes
def test_the_command_serves_and_ends_cleanly_on_sigterm(tmp_path: Path):
    port = _free_port()
    command = [sys.executable, "-c", _ALONE, str(tmp_path), str(port)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert str(port).encode() in process.stdout.readline()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=10) as page:
            assert page.status == 200
        second = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=60, check=False)
        assert second.returncode != 0
        assert f"cannot listen on 127.0.0.1:{port}".encode() in second.stderr
        process.send_signal(signal.SIGTERM)
        _, complaints = process.communicate(timeout=20)
    assert process.returncode == 0
    assert complaints == b""
