from __future__ import annotations

import socket

import httpx
import pytest

from tests.outside import Outside


def test_the_world_is_closed():
    with pytest.raises(Outside, match=r"203\.0\.113\.7"):
        socket.create_connection(("203.0.113.7", 80), timeout=1)


def test_a_client_does_not_take_it_for_a_network_fault():
    with pytest.raises(Outside):
        httpx.get("http://203.0.113.7/", timeout=1, trust_env=False)


def test_names_are_closed_too():
    with pytest.raises(Outside, match=r"mastodon\.social"):
        socket.getaddrinfo("mastodon.social", 443)


def test_names_that_never_exist_do_not_resolve():
    with pytest.raises(socket.gaierror):
        socket.getaddrinfo("nowhere.invalid", 443)


def test_this_machine_is_open(free_port):
    with socket.create_server(("127.0.0.1", free_port())) as server:
        socket.create_connection(server.getsockname(), timeout=1).close()
