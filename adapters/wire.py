"""One HTTP/1.1 connection, spoken by the standard library, answered as httpx answers.

httpx's own transport (httpcore over h11) costs half of all the CPU that sending one post does; `http.client` costs a
fifth of that. What it must tell apart is what the release engine lives by: whether anything of the question can have
gone out. A connection is handed in open, so every error of this module comes after that.
"""

from __future__ import annotations

import http.client
import io
import select
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

# As much at a time as a slow line takes within one time-out.
_PIECE = 65_536


class Line:
    """A socket as `http.client` uses one. A whole answer must be there `answer_s` seconds after the last byte of the
    question: a time-out for each read alone lets a far side that sends a byte now and then hold a worker for ever.

    It is asked without blocking and waited for here. Each call that lets another thread run costs a turn of all the
    sending threads, and a socket with a time-out of its own makes two or three of every one.
    """

    def __init__(self, connected: socket.socket, answer_s: float, most: int) -> None:
        """`most`: bytes of one answer, with all that stands before and between them."""
        connected.setblocking(False)
        self._socket = connected
        self._answer_s, self._most = answer_s, most
        self._answer_by, self._heard = 0.0, 0
        self._readers, self._closing = 0, False
        self._incoming, self._outgoing = select.poll(), select.poll()
        self._incoming.register(connected, select.POLLIN)
        self._outgoing.register(connected, select.POLLOUT)

    def sendall(self, data: bytes) -> None:
        left = memoryview(data)
        try:
            while left:
                try:
                    left = left[self._socket.send(left[:_PIECE]) :]
                except (BlockingIOError, ssl.SSLWantWriteError):
                    _wait(self._outgoing, self._answer_s)
                except ssl.SSLWantReadError:
                    _wait(self._incoming, self._answer_s)
        finally:
            self._answer_by, self._heard = time.monotonic() + self._answer_s, 0

    def receive(self, into: memoryview) -> int:
        # What TLS has taken in already shows on no socket.
        ready = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        waiting = self._incoming
        while True:
            if not ready:
                _wait(waiting, self._answer_by - time.monotonic())
            try:
                count = self._socket.recv_into(into)
            except (BlockingIOError, ssl.SSLWantReadError):
                ready, waiting = False, self._incoming
            except ssl.SSLWantWriteError:
                ready, waiting = False, self._outgoing
            else:
                self._heard += count
                # A chunk of a size below nothing would make http.client read for as long as somebody talks.
                if self._heard > self._most:
                    raise OSError("the far side never comes to an end")
                return count

    def makefile(self, mode: str) -> io.BufferedReader:
        self._readers += 1
        return io.BufferedReader(_Incoming(self))

    def quiet(self) -> bool:
        """Whether nothing came in that nobody asked for; the far side's goodbye is such a thing."""
        return not self._incoming.poll(0)

    def close(self) -> None:
        """Closes it once nobody reads any more, as a socket of Python does."""
        self._closing = True
        if not self._readers:
            self._socket.close()

    def leave(self) -> None:
        """A reader has ended."""
        self._readers -= 1
        if self._closing:
            self.close()


def _wait(poll: select.poll, left_s: float) -> None:
    if left_s <= 0 or not poll.poll(left_s * 1000):
        raise TimeoutError("the far side took too long")


class _Incoming(io.RawIOBase):
    def __init__(self, line: Line) -> None:
        self._line = line

    def readable(self) -> bool:
        return True

    def readinto(self, into: memoryview) -> int:  # type: ignore[override]
        return self._line.receive(into)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._line.leave()


class _Answer(http.client.HTTPResponse):
    """Skips each 1xx that announces the answer; the standard library knows only the 100."""

    def _read_status(self) -> tuple[str, int, str]:
        version, status, reason = super()._read_status()  # type: ignore[misc]
        early = http.client.SWITCHING_PROTOCOLS < status < http.client.OK
        return version, http.client.CONTINUE if early else status, reason


class Wire:
    """A connection that is open, for one question after the other."""

    def __init__(self, line: Line) -> None:
        self._line = line
        # Whether the answer to the last question was to be the last one.
        self.last = False

    def reusable(self) -> bool:
        """Whether another question may be asked: the far side has not said goodbye."""
        return not self.last and self._line.quiet()

    def ask(self, request: httpx.Request) -> http.client.HTTPResponse:
        """Sends a question and reads the head of its answer. Raises the errors of httpx."""
        head = _head(request)
        with _of_httpx():
            try:
                self._send(head, request)
            except TimeoutError as error:
                raise httpx.WriteTimeout("the question took too long") from error
            except OSError:
                # Some say no before they have heard all of it, and hang up; the answer may be there all the same.
                pass
            answer = _Answer(self._line, method=request.method)  # type: ignore[arg-type]
            try:
                answer.begin()
            except BaseException:
                answer.close()
                raise
        self.last = answer.will_close
        return answer

    def _send(self, head: bytes, request: httpx.Request) -> None:
        if isinstance(request.stream, httpx.ByteStream):
            self._line.sendall(head + b"".join(request.stream))
            return
        self._line.sendall(head)
        assert isinstance(request.stream, httpx.SyncByteStream)
        chunked = "transfer-encoding" in request.headers
        for piece in filter(None, request.stream):
            self._line.sendall(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self._line.sendall(b"0\r\n\r\n")

    def close(self) -> None:
        self._line.close()


def _head(request: httpx.Request) -> bytes:
    """Raises httpx.LocalProtocolError for what would be read as more than it is."""
    lines = [b"%b %b HTTP/1.1" % (request.method.encode("ascii"), request.url.raw_path)]
    lines += [b"%b: %b" % header for header in request.headers.raw]
    if any(b"\r" in line or b"\n" in line or b"\0" in line for line in lines):
        raise httpx.LocalProtocolError("a header is one line", request=request)
    return b"\r\n".join([*lines, b"", b""])


class AnswerTooLarge(httpx.ReadError):
    """The answer is larger than any network of ours has reason to send."""


class Body(httpx.SyncByteStream):
    """What follows the head of an answer, as it comes in, up to `most` bytes. `done` is called when nobody reads it
    any more."""

    def __init__(self, answer: http.client.HTTPResponse, most: int, done: Callable[[], None]) -> None:
        self._answer, self._most, self._done = answer, most, done

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        with _of_httpx():
            while piece := self._answer.read(_PIECE):
                seen += len(piece)
                if seen > self._most:
                    raise AnswerTooLarge(f"the answer is larger than {self._most} bytes")
                yield piece
            # A read with a size does not say that the far side hung up in the middle.
            if self._answer.length:
                raise httpx.RemoteProtocolError("the answer ended early")

    def close(self) -> None:
        self._done()


@contextmanager
def _of_httpx() -> Iterator[None]:
    """Says what went wrong in httpx's words. `http.client` quotes what it was told, so nothing of it is repeated."""
    try:
        yield
    except TimeoutError as error:
        raise httpx.ReadTimeout("the answer took too long") from error
    except (http.client.HTTPException, ValueError) as error:
        raise httpx.RemoteProtocolError("the answer is none of HTTP") from error
    except OSError as error:
        raise httpx.ReadError("the connection broke") from error
