from __future__ import annotations

import http.server
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from cm_queue import starting

ROOT = Path(__file__).resolve().parent.parent


def test_a_port_in_use_is_one_sentence():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(starting.CannotStart) as refused:
            starting.listen("127.0.0.1", port)
    assert str(refused.value) == (
        f"Port {port} on 127.0.0.1 is in use: stop what listens there, or choose another with PORT."
    )


def test_a_host_of_another_machine_is_refused():
    with pytest.raises(starting.CannotStart, match=r"^HOST: this machine cannot listen on 192\.0\.2\.1"):
        starting.listen("192.0.2.1", 8000)


def test_the_next_free_port_is_taken():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert starting.free_port(port) > port


def test_a_data_folder_serves_one_at_a_time(tmp_path: Path):
    lock = starting.lock_data_folder(tmp_path)
    with pytest.raises(starting.CannotStart, match=r"Another `manage.py up` \(process \d+\) already runs"):
        starting.lock_data_folder(tmp_path)
    socket.close(lock)
    socket.close(starting.lock_data_folder(tmp_path))


@pytest.mark.django_db(transaction=True)
def test_a_migrated_database_is_left_alone(settings, tmp_path: Path):
    settings.DATA_DIR = tmp_path
    assert starting.migrate() is None
    assert list(tmp_path.iterdir()) == []


def test_what_is_missing_before_anything_listens(settings, free_port):
    settings.PORT = free_port()
    assert "does not answer yet" in (starting.what_is_missing() or "")


def test_a_server_that_is_not_ready_is_quoted(settings):
    """A stand-in that answers as `/readyz` does while something is missing."""

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(200 if self.path == "/healthz" else 503)
            self.end_headers()
            self.wfile.write(b'{"tick": "never"}')

        def log_message(self, *_args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        settings.PORT = server.server_port
        missing = starting.what_is_missing()
        server.shutdown()
        thread.join()
    assert missing == '/readyz answers 503: {"tick": "never"}'


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_named(tmp_path: Path, free_port):
    code = (
        "import django; django.setup(); from cm_queue import starting\n"
        "starting.wait_for_database(lambda: False, patience=0.2)"
    )
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "cm_queue.settings",
        "DATABASE_URL": f"postgres://cmq@127.0.0.1:{free_port()}/cmq",
        "SECRET_KEY": "x" * 50,
        "ENCRYPTION_KEYS": "A" * 43 + "=",
    }
    tried = subprocess.run(
        [sys.executable, "-c", code], env=environment, cwd=ROOT, capture_output=True, text=True, check=False
    )
    last = tried.stderr.strip().splitlines()[-1]
    assert last.startswith(
        "cm_queue.starting.CannotStart: DATABASE_URL: "
        "the database did not answer within 0 s (connection failed"
    )
