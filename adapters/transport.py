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
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from functools import cache
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

ANSWER_MAX_BYTES = 2 * 1024 * 1024
CONNECT_TIMEOUT_S = 5.0
_CONNECTIONS = 64

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_NAT64_LOCAL = ipaddress.IPv6Network("64:ff9b:1::/48")


class AddressRefused(httpcore.ConnectError):
    """The name leads to an address that is not on the public internet."""


class NameUnknown(httpcore.ConnectError):
    """The name could not be resolved."""


class PlainHttpRefused(httpx.ConnectError):
    """A secret would travel unencrypted: plain http is for hosts that were allowed by name only."""


class AnswerTooLarge(httpx.ReadError):
    """The answer is larger than any network of ours has reason to send."""


@cache
def shared_context() -> ssl.SSLContext:
    """One TLS context for all clients of the process: loading the authorities costs 30 ms of CPU.

    The bundled authorities and those of the system, so that an organisation's own work too.
    """
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


class _PunctualStream(httpcore.NetworkStream):
    """A connection whose answer must be complete `answer_s` after the last byte of the question.

    A read timeout alone lets a far side that sends a byte now and then hold a worker for ever.
    """

    def __init__(self, stream: httpcore.NetworkStream, answer_s: float) -> None:
        self._stream = stream
        self._answer_s = timedelta(seconds=answer_s)
        self._answer_by = datetime.now(UTC) + self._answer_s

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        left = (self._answer_by - datetime.now(UTC)).total_seconds()
        if left <= 0:
            raise httpcore.ReadTimeout("the answer took too long")
        return self._stream.read(max_bytes, left if timeout is None else min(timeout, left))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, timeout)
        self._answer_by = datetime.now(UTC) + self._answer_s

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _PunctualStream(
            self._stream.start_tls(ssl_context, server_hostname, timeout), self._answer_s.total_seconds()
        )

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class CheckedBackend(httpcore.NetworkBackend):
    """Opens connections to addresses that were checked, and to nothing else."""

    def __init__(self, allow_private: bool | frozenset[str], answer_s: float) -> None:
        self._allow_private = allow_private
        self._answer_s = answer_s
        self._sockets = httpcore.SyncBackend()

    def allows(self, host: str, port: int) -> bool:
        """Whether this host and port, as they were written, may be private."""
        if isinstance(self._allow_private, bool):
            return self._allow_private
        return authority(host, port) in self._allow_private

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        addresses = self._checked_addresses(host, port)
        give_up = datetime.now(UTC) + timedelta(seconds=timeout or CONNECT_TIMEOUT_S)
        failure: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectTimeout("no time left")
        for address in addresses:
            left = (give_up - datetime.now(UTC)).total_seconds()
            if left <= 0:
                break
            try:
                stream = self._sockets.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return _PunctualStream(stream, self._answer_s)
        raise failure

    def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        raise AddressRefused("a socket file is no network")

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


class _BoundedStream(httpx.SyncByteStream):
    def __init__(self, stream: httpx.SyncByteStream) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        seen = 0
        for chunk in self._stream:
            seen += len(chunk)
            if seen > ANSWER_MAX_BYTES:
                raise AnswerTooLarge(f"the answer is larger than {ANSWER_MAX_BYTES} bytes")
            yield chunk

    def close(self) -> None:
        self._stream.close()


class CheckedTransport(httpx.HTTPTransport):
    """httpx over `CheckedBackend`, with answers bounded and never compressed (a small compressed
    answer can unpack to gigabytes)."""

    def __init__(
        self, allow_private: bool | frozenset[str], timeout_s: float, context: ssl.SSLContext
    ) -> None:
        super().__init__(verify=context, trust_env=False)
        self._backend = CheckedBackend(allow_private, timeout_s)
        # httpx offers no public way to hand in a network backend; the pool is all that it wraps.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=_CONNECTIONS,
            max_keepalive_connections=_CONNECTIONS,
            keepalive_expiry=15.0,
            network_backend=self._backend,
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        if url.scheme != "https" and not self._backend.allows(url.host, url.port or 80):
            raise PlainHttpRefused("plain http", request=request)
        response = super().handle_request(request)
        if response.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity"}:
            response.close()
            raise httpx.RemoteProtocolError(
                "compressed although we asked for a plain answer", request=request
            )
        assert isinstance(response.stream, httpx.SyncByteStream)
        response.stream = _BoundedStream(response.stream)
        return response


def build_client(*, allow_private: bool | frozenset[str], user_agent: str, timeout_s: float) -> httpx.Client:
    """A client for one sending thread (a client a thread beats a shared one by half, since a
    shared pool is scanned under a lock). `allow_private`: True, or the `host:port` that may be
    private or speak plain http. `timeout_s` bounds every whole answer."""
    return httpx.Client(
        transport=CheckedTransport(allow_private, timeout_s, shared_context()),
        timeout=httpx.Timeout(timeout_s, connect=CONNECT_TIMEOUT_S),
        headers={"User-Agent": user_agent, "Accept": "application/json", "Accept-Encoding": "identity"},
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=[])),
        follow_redirects=False,
        trust_env=False,
    )
