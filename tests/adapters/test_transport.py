from __future__ import annotations

import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from adapters.base import NotSent, Rejected
from adapters.http import NO_TLS, PRIVATE, UNRESOLVED, Line
from adapters.transport import (
    ANSWER_MAX_BYTES,
    CheckedTransport,
    build_client,
    is_public,
    shared_context,
)
from adapters.wire import AnswerTooLarge

pytestmark = pytest.mark.pure


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *args) -> None:
        """Quiet."""

    def do_POST(self) -> None:
        """Answers with what it was told."""
        told = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def do_GET(self) -> None:
        body = b"x" * int(self.path.strip("/") or 2) if self.path != "/drip" else b""
        self.send_response(200)
        self.send_header("Set-Cookie", "session=of-another-channel")
        if self.path == "/drip":
            self.send_header("Content-Length", "1000000")
            self.end_headers()
            while not self.server.over.wait(0.02):  # type: ignore[attr-defined]
                self.wfile.write(b".")
            return
        self.send_header("X-Cookie", self.headers.get("Cookie", "none"))
        self.send_header("X-Host", self.headers["Host"])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request, client_address) -> None:
        """Clients hang up here on purpose."""


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[int]:
    server = _Server(("127.0.0.1", 0), _Handler)
    server.over = threading.Event()  # type: ignore[attr-defined]
    if context:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.over.set()  # type: ignore[attr-defined]
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def port() -> Iterator[int]:
    with serving() as listening:
        yield listening


def client_for(*allowed: str, timeout_s: float = 5) -> httpx.Client:
    return build_client(allow_private=frozenset(allowed), user_agent="CM-Queue/tests", timeout_s=timeout_s)


class Names:
    """The system's resolver, with names of ours and a memory of what was asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.answers: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self)

    def __call__(self, host, port, *args, **kwargs):
        if host not in self.answers:
            return self._real(host, port, *args, **kwargs)
        self.asked.append(host)
        answers = self.answers[host]
        found = answers.pop(0) if len(answers) > 1 else answers[0]
        return [entry for address in found for entry in self._real(address, port, *args, **kwargs)]


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Names:
    return Names(monkeypatch)


# --- Which addresses are public ----------------------------------------------------------------
@pytest.mark.parametrize(
    "address",
    [
        "0.0.0.0", "10.0.0.1", "100.64.0.1", "100.127.255.254", "127.0.0.1", "127.9.9.9",
        "169.254.169.254", "172.16.0.1", "172.31.255.255", "192.168.1.1", "192.0.2.1", "198.18.0.1",
        "198.51.100.7", "203.0.113.9", "224.0.0.1", "239.255.255.255", "240.0.0.1", "255.255.255.255",
        "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12:3456::1", "fec0::1", "ff02::1",
        "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::ffff:100.64.0.1",
        "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b::a00:1", "64:ff9b:1::1",
        "2002:7f00:1::", "2002:a00:1::1", "2001::1", "::127.0.0.1",
    ],
)  # fmt: skip
def test_what_is_not_on_the_public_internet(address: str):
    assert not is_public(ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "93.184.216.34",
        "172.32.0.1",
        "100.128.0.1",
        "2606:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
    ],
)
def test_what_is(address: str):
    assert is_public(ip_address(address))


# --- Refusing -------------------------------------------------------------------------------------
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"])
def test_private_addresses_are_refused_however_they_are_written(host: str, port: int):
    with client_for() as client, pytest.raises(httpx.ConnectError):
        client.get(f"https://{host}:{port}/")


@pytest.mark.parametrize("host", ["2130706433", "0x7f.1", "127.1"])
def test_numbers_that_only_the_resolver_takes_for_addresses_are_refused(host: str, names: Names):
    """The system's resolver reads these as 127.0.0.1; whoever checks the text alone lets them pass."""
    names.answers[host] = [["127.0.0.1"]]
    with client_for() as client, pytest.raises(NotSent) as caught:
        Line(client, f"https://{host}").ask("GET", "/")
    assert caught.value.public == PRIVATE


def test_a_name_that_leads_home_is_refused(names: Names):
    names.answers["sneaky.test"] = [["127.0.0.1"]]
    with client_for() as client, pytest.raises(NotSent) as caught:
        Line(client, "https://sneaky.test").ask("GET", "/")
    assert caught.value.public == PRIVATE


def test_only_the_public_ones_among_several_addresses_are_tried(
    names: Names, monkeypatch: pytest.MonkeyPatch
):
    names.answers["mixed.test"] = [["10.0.0.1", "93.184.216.34", "::1"]]
    tried: list[str] = []

    def connect(address, *args, **kwargs):
        tried.append(address[0])
        raise OSError("no way out of a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    with client_for() as client, pytest.raises(httpx.ConnectError):
        client.get("https://mixed.test/")
    assert tried == ["93.184.216.34"]


def test_a_name_that_turns_private_between_check_and_connection_gains_nothing(
    names: Names, monkeypatch: pytest.MonkeyPatch
):
    names.answers["rebinding.test"] = [["93.184.216.34"], ["127.0.0.1"]]
    tried: list[str] = []

    def connect(address, *args, **kwargs):
        tried.append(address[0])
        raise OSError("no way out of a test")

    monkeypatch.setattr(socket, "create_connection", connect)
    with client_for() as client, pytest.raises(httpx.ConnectError):
        client.get("https://rebinding.test/")
    assert names.asked == ["rebinding.test"]
    assert tried == ["93.184.216.34"]


def test_a_name_nobody_knows():
    with client_for() as client, pytest.raises(NotSent) as caught:
        Line(client, "https://no-such-host.invalid").ask("GET", "/")
    assert caught.value.public == UNRESOLVED


def test_plain_http_is_for_hosts_allowed_by_name(port: int):
    with client_for() as client, pytest.raises(Rejected, match="https://"):
        Line(client, "http://mastodon.example").ask("GET", "/")
    with client_for(f"127.0.0.1:{port}") as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200


# --- Allowing -------------------------------------------------------------------------------------
def test_an_allowed_host_and_port_and_no_other(port: int):
    with client_for(f"127.0.0.1:{port}") as client:
        assert client.get(f"http://127.0.0.1:{port}/").status_code == 200
        with pytest.raises(httpx.ConnectError):
            client.get(f"http://localhost:{port}/")
        with pytest.raises(httpx.ConnectError):
            client.get(f"http://127.0.0.1:{port + 1}/")


def test_an_allowed_name_is_resolved_once_and_keeps_its_name(names: Names, port: int):
    names.answers["queue.test"] = [["127.0.0.1"]]
    with client_for(f"queue.test:{port}") as client:
        answer = client.get(f"http://QUEUE.test:{port}/")
    assert answer.headers["x-host"] == f"queue.test:{port}"
    assert names.asked == ["queue.test"]


def test_the_second_address_is_tried_when_the_first_is_deaf(names: Names, port: int):
    names.answers["two.test"] = [["127.0.0.2", "127.0.0.1"]]
    with client_for(f"two.test:{port}") as client:
        assert client.get(f"http://two.test:{port}/").status_code == 200


# --- What comes back ----------------------------------------------------------------------------
def test_no_cookie_travels_from_one_request_to_the_next(port: int):
    with client_for(f"127.0.0.1:{port}") as client:
        assert [client.get(f"http://127.0.0.1:{port}/").headers["x-cookie"] for _ in range(2)] == [
            "none",
            "none",
        ]


def test_an_answer_has_a_largest_size(port: int):
    with client_for(f"127.0.0.1:{port}") as client:
        assert len(client.get(f"http://127.0.0.1:{port}/{ANSWER_MAX_BYTES}").content) == ANSWER_MAX_BYTES
        with pytest.raises(AnswerTooLarge):
            client.get(f"http://127.0.0.1:{port}/{ANSWER_MAX_BYTES + 1}")


def test_an_answer_that_drips_ends_all_the_same(port: int):
    with client_for(f"127.0.0.1:{port}", timeout_s=0.3) as client, pytest.raises(httpx.ReadTimeout):
        client.get(f"http://127.0.0.1:{port}/drip")


def test_the_environment_changes_nothing(port: int, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with client_for(f"127.0.0.1:{port}") as client:
        answer = client.get(f"http://127.0.0.1:{port}/")
    assert answer.status_code == 200
    assert "authorization" not in answer.request.headers


# --- TLS ------------------------------------------------------------------------------------------
@pytest.fixture
def tls(tmp_path: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """A server's context for `brand.test`, and a client's that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "brand.test")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("brand.test")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = tmp_path / "server.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem.write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    return server, ssl.create_default_context(cafile=str(pem))


def test_tls_checks_the_name_and_not_the_address(tls: tuple[ssl.SSLContext, ssl.SSLContext], names: Names):
    server, trusting = tls
    names.answers |= {"brand.test": [["127.0.0.1"]], "other.test": [["127.0.0.1"]]}
    with serving(server) as port:
        allowed = frozenset({f"brand.test:{port}", f"other.test:{port}"})
        with httpx.Client(transport=CheckedTransport(allowed, 5, trusting), trust_env=False) as client:
            assert client.get(f"https://brand.test:{port}/").status_code == 200
            with pytest.raises(NotSent) as caught:
                Line(client, f"https://other.test:{port}").ask("POST", "/", creates=True)
    assert caught.value.public == NO_TLS


def test_much_travels_both_ways_over_tls_on_one_connection(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], names: Names
):
    server, trusting = tls
    names.answers["brand.test"] = [["127.0.0.1"]]
    much = bytes(range(256)) * (ANSWER_MAX_BYTES // 256)
    with serving(server) as port:
        allowed = frozenset({f"brand.test:{port}"})
        with httpx.Client(transport=CheckedTransport(allowed, 5, trusting), trust_env=False) as client:
            for _ in range(3):
                assert client.post(f"https://brand.test:{port}/", content=much).content == much
    assert names.asked == ["brand.test"]


def test_a_certificate_nobody_vouches_for_means_not_sent(
    tls: tuple[ssl.SSLContext, ssl.SSLContext], names: Names
):
    names.answers["brand.test"] = [["127.0.0.1"]]
    with (
        serving(tls[0]) as port,
        client_for(f"brand.test:{port}") as client,
        pytest.raises(NotSent) as caught,
    ):
        Line(client, f"https://brand.test:{port}").ask("POST", "/", creates=True)
    assert caught.value.public == NO_TLS


def test_one_tls_context_for_all():
    assert shared_context() is shared_context()
    assert shared_context().verify_mode == ssl.CERT_REQUIRED
    assert shared_context().check_hostname


def test_one_tls_context_for_threads_that_begin_at_once():
    beginning = """
import threading
from adapters.transport import shared_context
seen, gate = [], threading.Barrier(16)
def begin():
    gate.wait()
    seen.append(shared_context())
threads = [threading.Thread(target=begin) for _ in range(16)]
for one in threads: one.start()
for one in threads: one.join()
print(len({id(one) for one in seen}))
"""
    # In a process of its own: in this one it is made already.
    said = subprocess.run([sys.executable, "-c", beginning], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "1"
