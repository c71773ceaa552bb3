"""A front before a real server that can be told to misbehave, for any network alike.

It passes requests on byte for byte and remembers what it saw. A fault is armed for requests of one
method and path; everything else goes through. It is how "accepted, but the answer was lost" is
made: the real server did take the post.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from typing import Literal
from urllib.parse import urlsplit

from tests.contract.stand_ins.serving import StandIn

Where = Literal["before reading", "after reading", "after accepting", "in the answer"]


@dataclass(frozen=True)
class Fault:
    """What happens instead. `cut`: the connection ends at that point (in the answer: in the true one, without a
    `status`); `hang`: no answer comes; `over_s`: the true answer comes, over so many seconds."""

    status: int = 0
    body: bytes = b'{"error": "told to"}'
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: Where | None = None
    hang: bool = False
    over_s: float = 0
    echo_authorization: bool = False


@dataclass(frozen=True)
class Seen:
    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes


@dataclass
class _Armed:
    method: str
    path: str
    fault: Fault
    skip: int
    times: int


class FaultyFront(StandIn):
    """`arm` a fault, look at `seen` afterwards. `*` is any method, any path."""

    def __init__(self, upstream: str) -> None:
        super().__init__(_Handler)
        self.upstream = urlsplit(upstream)
        self.seen: list[Seen] = []
        self.over = threading.Event()
        self._armed: list[_Armed] = []
        self._lock = threading.Lock()

    def arm(self, method: str, path: str, fault: Fault, *, skip: int = 0, times: int = 1) -> None:
        self._armed.append(_Armed(method, path, fault, skip, times))

    def disarm(self) -> None:
        self._armed.clear()

    def note(self, seen: Seen) -> None:
        with self._lock:
            self.seen.append(seen)

    def take(self, method: str, path: str) -> Fault | None:
        with self._lock:
            for armed in self._armed:
                if armed.method not in ("*", method) or armed.path not in ("*", path) or not armed.times:
                    continue
                if armed.skip:
                    armed.skip -= 1
                    return None
                armed.times -= 1
                return armed.fault
        return None

    def requests(self, method: str, path: str) -> list[Seen]:
        return [seen for seen in self.seen if (seen.method, seen.path) == (method, path)]

    def server_close(self) -> None:
        self.over.set()
        super().server_close()


class _Handler(BaseHTTPRequestHandler):
    server: FaultyFront

    def log_message(self, *args) -> None:
        """Quiet."""

    def _any(self) -> None:
        path = urlsplit(self.path).path
        fault = self.server.take(self.command, path)
        if fault and fault.cut == "before reading":
            self._cut()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.note(Seen(self.command, path, {k.lower(): v for k, v in self.headers.items()}, body))
        if fault is None:
            self._relay(body)
        elif fault.hang:
            self.server.over.wait()
        elif fault.cut == "after reading":
            self._cut()
        elif fault.cut == "after accepting" or fault.over_s or (fault.cut and not fault.status):
            self._relay(body, fault)
        else:
            self._misbehave(fault)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _any  # noqa: N815 - the standard library's names

    def _relay(self, body: bytes, fault: Fault | None = None) -> None:
        upstream = HTTPConnection(self.server.upstream.hostname or "", self.server.upstream.port, timeout=20)
        try:
            headers = {k: v for k, v in self.headers.items() if k.lower() != "connection"}
            upstream.request(self.command, self.path, body or None, headers)
            answer = upstream.getresponse()
            content = answer.read()
        finally:
            upstream.close()
        if fault and fault.cut == "after accepting":
            self._cut()
            return
        kept = {
            k: v
            for k, v in answer.getheaders()
            if k.lower()
            in {"content-type", "date", "location", "retry-after", "x-restli-id", "x-oauth-scopes"}
        }
        if fault is None:
            self._send(answer.status, content, kept)
        else:
            self._send_in_pieces(answer.status, content, kept, fault)

    def _send_in_pieces(self, status: int, body: bytes, headers: Mapping[str, str], fault: Fault) -> None:
        """All of the answer, little by little; or the first half of it. One without a body comes late, or never."""
        if not body:
            self.server.over.wait(fault.over_s)
            self._cut() if fault.cut else self._send(status, body, headers)
            return
        # What is cut off is never nothing: an answer without a body lacks its end too.
        self._begin(status, len(body) + bool(fault.cut), headers)
        if fault.cut:
            self.wfile.write(body[: len(body) // 2])
            self._cut()
            return
        step = len(body) // 10 + 1
        for start in range(0, len(body), step):
            self.server.over.wait(fault.over_s / 10)
            self.wfile.write(body[start : start + step])

    def _misbehave(self, fault: Fault) -> None:
        body = fault.body
        if fault.echo_authorization:
            body = b'{"error": "bad header: %s"}' % self.headers.get("Authorization", "").encode()
        if fault.cut == "in the answer":
            self.send_response_only(fault.status)
            self.send_header("Content-Length", str(len(body) + 100))
            self.end_headers()
            self.wfile.write(body)
            self.wfile.flush()
            self._cut()
            return
        self._send(fault.status, body, {"Content-Type": "application/json", **fault.headers})

    def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self._begin(status, len(body), headers)
        self.wfile.write(body)

    def _begin(self, status: int, length: int, headers: Mapping[str, str]) -> None:
        self.send_response_only(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.send_header("Connection", "close")
        self.end_headers()

    def _cut(self) -> None:
        """Ends the connection with a reset: no goodbye, as when a machine dies."""
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()
