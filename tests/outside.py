"""The tests talk to this machine only. Anything else is an error in the test, not a slow failure."""

from __future__ import annotations

import ipaddress
import socket
from typing import Any

# Names that never exist (RFC 6761): a test of what happens then may ask for them.
_NOWHERE = (".invalid", ".example", ".test", ".example.org", ".example.com", ".example.net")

_connect = socket.socket.connect
_connect_ex = socket.socket.connect_ex
_getaddrinfo = socket.getaddrinfo


class Outside(Exception):
    """A test tried to leave the machine. Not an OSError: no client may take it for a network fault."""


def _is_inside(host: str) -> bool:
    if host in {"", "localhost"}:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _check(endpoint: socket.socket, address: Any) -> None:
    if endpoint.family == getattr(socket, "AF_UNIX", None):
        return
    host = address[0] if isinstance(address, tuple) else address
    if not _is_inside(str(host)):
        endpoint.close()  # nobody who expects an OSError will
        raise Outside(f"a test tried to connect to {host}; only this machine is open to it")


def close() -> None:
    """Refuses connections to, and names of, anything but this machine, for the rest of the process."""

    def connect(self: socket.socket, address: Any) -> None:
        _check(self, address)
        _connect(self, address)

    def connect_ex(self: socket.socket, address: Any) -> int:
        _check(self, address)
        return _connect_ex(self, address)

    def getaddrinfo(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is None or _is_inside(name):
            return _getaddrinfo(host, *args, **kwargs)
        try:
            ipaddress.ip_address(name)
        except ValueError:
            if f".{name}".endswith(_NOWHERE):
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known") from None
            raise Outside(f"a test asked for the address of {name}") from None
        return _getaddrinfo(host, *args, **kwargs)

    socket.socket.connect = connect  # type: ignore[method-assign,assignment]
    socket.socket.connect_ex = connect_ex  # type: ignore[method-assign,assignment]
    socket.getaddrinfo = getaddrinfo
