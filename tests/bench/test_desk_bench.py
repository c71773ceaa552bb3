"""The bench of the desk: what it takes for an answer, and rows that are copied whole."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from posts.models import Contribution
from tests.bench.copying import copy
from tests.bench.desk_asking import Answers, Ask, ask_all
from tests.bench.ground import Stuck


class _Door(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._say(200 if self.path == "/well" else 500)

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._say(302)

    def _say(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"dear")

    def log_message(self, *_args: object) -> None: ...


@pytest.fixture
def port() -> object:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Door)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def test_every_client_asks_as_often_as_it_should(port: int):
    found = ask_all(port, "s", [Ask("/well"), Ask("/well", {"decision": "approve"})], 4, 3)
    assert len(found.took) == 12
    assert found.size == 4


def test_an_answer_that_is_none_ends_the_run(port: int):
    with pytest.raises(Stuck, match="/ill answered 500"):
        ask_all(port, "s", [Ask("/ill")], 2, 3)


@pytest.mark.pure
def test_percentiles():
    found = Answers([float(n) for n in range(100)])
    assert (found.at(0.5), found.at(0.95)) == (50.0, 95.0)


@pytest.mark.pure
def test_a_copy_takes_every_column_along():
    said = copy(Contribution, {"post_id": "m.post"}, "FROM m JOIN posts_contribution o ON true")
    assert said == (
        "INSERT INTO posts_contribution (lineage_id, post_id, user_id, light, first_at)"
        " SELECT o.lineage_id, m.post, o.user_id, o.light, o.first_at FROM m JOIN posts_contribution o ON true"
    )
