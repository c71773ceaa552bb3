"""What a far side may do to a connection, byte by byte, and what its answer then means."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import httpx
import pytest

from adapters import transport
from adapters.transport import build_client

pytestmark = pytest.mark.pure
Script = Callable[["Far", socket.socket], None]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Far:
    """A server that does on each connection what it is told to, whatever it is asked."""

    def __init__(self, scripts: Sequence[Script]) -> None:
        self.connections, self.heard = 0, list[bytes]()
        # Rises with every connection that it has closed.
        self.gone = threading.Semaphore(0)
        self._scripts = scripts
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/p"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        for script in self._scripts:
            try:
                connected, _address = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            with connected:
                connected.settimeout(10)
                script(self, connected)
            self.gone.release()

    def hear(self, connected: socket.socket) -> bytes:
        """One question, head and body."""
        heard = b""
        while b"\r\n\r\n" not in heard:
            more = connected.recv(65_536)
            assert more, "hung up instead of asking"
            heard += more
        head, body = heard.split(b"\r\n\r\n", 1)
        length = next(
            (int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0
        )
        while len(body) < length:
            body += connected.recv(65_536)
        self.heard.append(head + b"\r\n\r\n" + body)
        return self.heard[-1]

    def close(self) -> None:
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


@contextmanager
def far(*scripts: Script) -> Iterator[Far]:
    made = Far(scripts)
    try:
        yield made
    finally:
        made.close()


def saying(*answers: bytes) -> Script:
    """A connection on which these are the answers, one a question, and which then ends."""

    def script(made: Far, connected: socket.socket) -> None:
        for answer in answers:
            made.hear(connected)
            connected.sendall(answer)

    return script


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with build_client(allow_private=True, user_agent="t", timeout_s=1) as made:
        yield made


def test_a_question_goes_out_whole_and_once(client: httpx.Client):
    with far(saying(OK)) as there:
        answer = client.post(f"{there.url}?a=1", json={"text": "né"}, headers={"X-One": "é".encode()})
    assert (answer.status_code, answer.content) == (200, b"ok")
    (heard,) = there.heard
    assert heard.startswith(b"POST /p?a=1 HTTP/1.1\r\nHost: 127.0.0.1:")
    names = [line.split(b":")[0].lower() for line in heard.split(b"\r\n")[1:]]
    for once in (b"host", b"accept-encoding", b"content-length", b"x-one"):
        assert names.count(once) == 1
    assert heard.endswith('\r\n\r\n{"text":"né"}'.encode())


def test_a_connection_is_kept_for_the_next_question(client: httpx.Client):
    with far(saying(OK, OK, OK)) as there:
        assert [client.get(there.url).content for _ in range(3)] == [b"ok"] * 3
        assert there.connections == 1


def test_two_questions_at_once_have_a_connection_each(client: httpx.Client):
    with far(saying(OK), saying(OK)) as there:
        with client.stream("GET", there.url) as first:
            assert client.get(there.url).content == b"ok"
            assert first.read() == b"ok"
        assert there.connections == 2


def test_a_connection_on_which_the_far_side_said_goodbye_is_not_used_again(client: httpx.Client):
    with far(saying(OK), saying(OK)) as there:
        assert client.get(there.url).content == b"ok"
        assert there.gone.acquire(timeout=10)
        assert client.get(there.url).content == b"ok"
        assert there.connections == 2


def test_nor_one_on_which_it_said_more_than_it_was_asked(client: httpx.Client):
    more = OK + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil" * 4_000
    with far(saying(more), saying(OK)) as there:
        assert client.get(there.url).content == b"ok"
        assert client.get(there.url).content == b"ok"
        assert there.connections == 2


def test_nor_one_that_is_too_old(client: httpx.Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(transport, "_KEPT_S", 0.0)
    with far(saying(OK), saying(OK)) as there:
        assert [client.get(there.url).content for _ in range(2)] == [b"ok"] * 2
        assert there.connections == 2


def test_nor_one_whose_answer_was_not_read_to_its_end(client: httpx.Client):
    with far(saying(OK), saying(OK)) as there:
        with client.stream("GET", there.url):
            pass
        assert client.get(there.url).content == b"ok"
        assert there.connections == 2


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nConnection: close\r\n", b"HTTP/1.0 200 OK\r\n"])
def test_an_answer_may_last_until_the_far_side_hangs_up(client: httpx.Client, head: bytes):
    with far(saying(head + b"\r\nto the end"), saying(OK)) as there:
        assert client.get(there.url).content == b"to the end"
        assert client.get(there.url).content == b"ok"


def test_chunks_are_put_together(client: httpx.Client):
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nto\r\n7\r\ngether.\r\n0\r\n\r\n"
    with far(saying(chunked, OK)) as there:
        assert [client.get(there.url).content for _ in range(2)] == [b"together.", b"ok"]
        assert there.connections == 1


@pytest.mark.parametrize(
    "early",
    [b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"],
    ids=["100", "103"],
)
def test_what_comes_before_the_answer_is_none(client: httpx.Client, early: bytes):
    with far(saying(early + early + OK)) as there:
        assert client.post(there.url, content=b"x").status_code == 200


@pytest.mark.parametrize(("method", "status"), [("HEAD", 200), ("GET", 204), ("GET", 304)])
def test_some_answers_have_no_body(client: httpx.Client, method: str, status: int):
    empty = f"HTTP/1.1 {status} x\r\nContent-Length: 10\r\n\r\n".encode()
    with far(saying(empty, OK)) as there:
        answer = client.request(method, there.url)
        assert (answer.status_code, answer.content) == (status, b"")
        assert client.get(there.url).content == b"ok"
        assert there.connections == 1


CUT = {
    "a body that ends early": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
    "chunks that end early": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhalf",
    "chunks of no size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "no end of the head": b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 200 + b"\r\n",
    "a line without end": b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 70_000 + b"\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.2\r\n",
    "no status": b"HTTP/1.1 what\r\n\r\n",
    "nothing": b"",
}


@pytest.mark.parametrize("answer", CUT.values(), ids=CUT)
def test_an_answer_that_is_none_is_an_error_of_the_protocol(client: httpx.Client, answer: bytes):
    with far(saying(answer)) as there, pytest.raises(httpx.RemoteProtocolError):
        client.post(there.url, content=b"x")


def test_a_header_may_hold_any_bytes(client: httpx.Client):
    odd = "HTTP/1.1 200 OK\r\nX-Title: Été\r\nContent-Length: 2\r\n\r\nok".encode()
    with far(saying(odd)) as there:
        answer = client.post(there.url, content=b"x")
    assert answer.headers["x-title"] == "Été"


def test_a_far_side_that_never_ends_is_not_listened_to(client: httpx.Client):
    def endless(made: Far, connected: socket.socket) -> None:
        made.hear(connected)
        connected.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        with suppress(OSError):
            for _ in range(2_000):
                connected.sendall(b"x" * 65_536)
            made.heard.append(b"listened to all of it")

    with far(endless) as there, pytest.raises(httpx.ReadError):
        client.post(there.url, content=b"x")
    assert len(there.heard) == 1


def test_a_no_before_the_question_is_over_is_heard(client: httpx.Client):
    def refuse(made: Far, connected: socket.socket) -> None:
        connected.recv(1000)
        connected.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        connected.shutdown(socket.SHUT_RD)
        while connected.recv(1_000_000):
            pass

    with far(refuse) as there:
        assert client.post(there.url, content=b"x" * 3_000_000).status_code == 413


def test_a_large_question_is_sent_in_pieces_and_a_stream_of_no_known_size_in_chunks(client: httpx.Client):
    large = b"picture" * 300_000
    with far(saying(OK)) as there:
        client.post(there.url, files={"file": ("a.jpg", large, "image/jpeg")})
        assert large in there.heard[0]

    def chunks(made: Far, connected: socket.socket) -> None:
        heard = b""
        while not heard.endswith(b"0\r\n\r\n"):
            heard += connected.recv(65_536)
        made.heard.append(heard)
        connected.sendall(OK)

    with far(chunks) as there:
        client.post(there.url, content=iter([b"one", b"two"]))
        assert there.heard[0].endswith(b"\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")


def test_who_listens_to_nothing_is_not_waited_for(client: httpx.Client):
    def deaf(made: Far, connected: socket.socket) -> None:
        over.wait(10)

    over = threading.Event()
    with far(deaf) as there:
        with pytest.raises(httpx.WriteTimeout):
            client.post(there.url, content=b"x" * 50_000_000)
        over.set()


@pytest.mark.parametrize("bad", ["b\r\nX-C: d", "b\nX-C: d", "b\r\n X-C: d", "b\0X-C"])
def test_a_header_that_would_be_two_never_goes_out(client: httpx.Client, bad: str):
    with far() as there, pytest.raises(httpx.LocalProtocolError) as caught:
        client.get(there.url, headers={"X-A": bad})
    assert there.heard == []
    assert "X-C" not in str(caught.value)
