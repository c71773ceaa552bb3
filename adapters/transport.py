"""The one HTTP client that adapters send through.

Channels are connected by people, so an address may point anywhere: at the cloud's metadata
service, at the database next door, or at a public name that turns private between the check and
the connection. Here a name is resolved once, every address is checked, and the connection goes
to the very address that was checked; TLS still verifies the name. The client follows no
redirect, keeps no cookie, reads no proxy or netrc from the environment, and bounds every answer
in bytes and in time.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from functools import cache, partial
from http.client import HTTPResponse

import httpx

from adapters.wire import Body, Line, Wire

ANSWER_MAX_BYTES = 2 * 1024 * 1024
# The head of an answer, and what stands between its chunks.
_AROUND_BYTES = 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
# Connections that one client keeps, and for how long.
_CONNECTIONS, _KEPT_S = 64, 15.0
_Origin = tuple[str, str, int]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")


class AddressRefused(httpx.ConnectError):
    """The name leads to an address that is not on the public internet."""


class NameUnknown(httpx.ConnectError):
    """The name could not be resolved."""


class PlainHttpRefused(httpx.ConnectError):
    """A secret would travel unencrypted: plain http is for hosts that were allowed by name only."""


_one_at_a_time = threading.Lock()


def shared_context() -> ssl.SSLContext:
    """One TLS context for all clients of the process: loading the authorities costs 60 ms of CPU.

    The bundled authorities and those of the system, so that an organisation's own work too.
    """
    # A cache alone would let all the sending threads, which begin at the same moment, load them each.
    with _one_at_a_time:
        return _context()


@cache
def _context() -> ssl.SSLContext:
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context


def is_public(address: _Address) -> bool:
    """Whether an address lies on the public internet, looking inside mapped and translated ones."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address in _NAT64:
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address in _NAT64_LOCAL or address.is_site_local or address.teredo is not None:
            return False
        if address.sixtofour is not None and not is_public(address.sixtofour):
            return False
    return address.is_global and not (
        address.is_multicast
        or address.is_reserved
        or address.is_unspecified
        or address.is_link_local
        or address.is_loopback
    )


def authority(host: str, port: int) -> str:
    """`host:port` as ALLOW_PRIVATE_HOSTS writes it, IPv6 in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host.lower()}:{port}"


class Dial:
    """Opens connections to addresses that were checked, and to nothing else."""

    def __init__(
        self, allow_private: bool | frozenset[str], timeout_s: float, context: ssl.SSLContext
    ) -> None:
        self._allow_private = allow_private
        self._timeout_s = timeout_s
        self._context = context

    def allows(self, host: str, port: int) -> bool:
        """Whether this host and port, as they were written, may be private."""
        if isinstance(self._allow_private, bool):
            return self._allow_private
        return authority(host, port) in self._allow_private

    def open(self, scheme: str, host: str, port: int) -> Wire:
        """Raises httpx.ConnectError and ConnectTimeout: nothing of a question was sent."""
        give_up = time.monotonic() + min(CONNECT_TIMEOUT_S, self._timeout_s)
        failure: OSError = TimeoutError("no time left")
        for address in self._checked_addresses(host, port):
            left = give_up - time.monotonic()
            if left <= 0:
                break
            try:
                connected = socket.create_connection((address, port), left)
            except OSError as error:
                failure = error
            else:
                connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                if scheme == "https":
                    connected = self._in_tls(connected, host, give_up - time.monotonic())
                return Wire(Line(connected, self._timeout_s, ANSWER_MAX_BYTES + _AROUND_BYTES))
        raise _not_connected(failure) from failure

    def _in_tls(self, connected: socket.socket, host: str, left: float) -> ssl.SSLSocket:
        connected.settimeout(max(left, 0.001))
        try:
            return self._context.wrap_socket(connected, server_hostname=host)
        except (OSError, ValueError) as error:
            connected.close()
            raise _not_connected(error) from error

    def _checked_addresses(self, host: str, port: int) -> list[str]:
        try:
            answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise NameUnknown(f"{host} cannot be resolved") from error
        found = list(dict.fromkeys(str(answer[4][0]) for answer in answers))
        if self.allows(host, port):
            return found
        public = [text for text in found if is_public(ipaddress.ip_address(text))]
        if not public:
            raise AddressRefused(f"{authority(host, port)} is not on the public internet")
        return public


def _not_connected(error: Exception) -> httpx.ConnectError | httpx.ConnectTimeout:
    if isinstance(error, TimeoutError):
        return httpx.ConnectTimeout("no connection in time")
    return httpx.ConnectError("no connection")


class CheckedTransport(httpx.BaseTransport):
    """Questions on checked connections, which are kept for the next one, with answers bounded and never compressed
    (a small compressed answer can unpack to gigabytes)."""

    def __init__(
        self, allow_private: bool | frozenset[str], timeout_s: float, context: ssl.SSLContext
    ) -> None:
        self._dial = Dial(allow_private, timeout_s, context)
        self._lock = threading.Lock()
        # The latest last; each with where it leads to and until when it may be used.
        self._kept: list[tuple[_Origin, float, Wire]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if url.scheme not in {"http", "https"}:
            raise httpx.UnsupportedProtocol("neither http nor https", request=request)
        if url.scheme != "https" and not self._dial.allows(url.host, url.port or 80):
            raise PlainHttpRefused("plain http", request=request)
        origin = (
            url.scheme,
            url.raw_host.decode("ascii"),
            url.port or (443 if url.scheme == "https" else 80),
        )
        wire = self._take(origin) or self._dial.open(*origin)
        try:
            answer = wire.ask(request)
        except BaseException:
            wire.close()
            raise
        response = httpx.Response(
            answer.status,
            # As the bytes that they were: a header may hold anything.
            headers=[
                (name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.getheaders()
            ],
            stream=Body(answer, ANSWER_MAX_BYTES, partial(self._end, origin, wire, answer)),
        )
        if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            response.close()
            raise httpx.RemoteProtocolError(
                "compressed although we asked for a plain answer", request=request
            )
        return response

    def _take(self, origin: _Origin) -> Wire | None:
        """A kept connection on which a question may be asked."""
        now = time.monotonic()
        with self._lock:
            over = [wire for _origin, until, wire in self._kept if until < now]
            self._kept = [one for one in self._kept if one[1] >= now]
            mine = [one for one in self._kept if one[0] == origin]
            if mine:
                self._kept.remove(mine[-1])
        for wire in over:
            wire.close()
        if not mine:
            return None
        found = mine[-1][2]
        if found.reusable():
            return found
        found.close()
        return self._take(origin)

    def _end(self, origin: _Origin, wire: Wire, answer: HTTPResponse) -> None:
        """What was read to its end may be used again."""
        whole = answer.isclosed()
        answer.close()
        with self._lock:
            keep = whole and not wire.last and len(self._kept) < _CONNECTIONS
            if keep:
                self._kept.append((origin, time.monotonic() + _KEPT_S, wire))
        if not keep:
            wire.close()

    def close(self) -> None:
        with self._lock:
            kept, self._kept = self._kept, []
        for _origin, _until, wire in kept:
            wire.close()


class _NoCookies(httpx.Cookies):
    """No channel's session ever travels with another's question. A policy that refuses each cookie does the same, at
    a sixth of what a request costs."""

    def extract_cookies(self, response: httpx.Response) -> None:
        """Keeps nothing."""


class _Client(httpx.Client):
    cookies = _NoCookies()  # type: ignore[override]


def build_client(*, allow_private: bool | frozenset[str], user_agent: str, timeout_s: float) -> httpx.Client:
    """A client for one sending thread, or for all of a process that seldom asks. `allow_private`: True, or the
    `host:port` that may be private or speak plain http. `timeout_s` bounds every whole answer."""
    return _Client(
        transport=CheckedTransport(allow_private, timeout_s, shared_context()),
        # For whoever plans with it (`adapters/http.py`); the transport keeps its own.
        timeout=timeout_s,
        headers={"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "identity"},
        follow_redirects=False,
        trust_env=False,
    )
