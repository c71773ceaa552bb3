"""The real servers and stand-ins that adapters are tried against. No database, no Django."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.transport import build_client
from cm_queue.demo_network import serve
from tests.contract.discovering import HOUSE, every, far_side_of
from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_mastodon import TOKEN, StrictMastodon


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    with build_client(allow_private=True, user_agent="CM-Queue/tests", timeout_s=10) as made:
        yield made


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def mastodon_mock() -> Iterator[str]:
    """PyPI's mastodon-mock in a process of its own. Yields its address."""
    port = _free_port()
    base = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-m", "mastodon_mock", "serve", "--in-memory", "--port", str(port)]
    command += ["--log-level", "critical"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_until_it_answers(process, base)
        yield base
    finally:
        process.terminate()
        process.wait(10)


def _wait_until_it_answers(process: subprocess.Popen[bytes], base: str) -> None:
    for _ in range(300):
        try:
            with urllib.request.urlopen(f"{base}/api/v2/instance", timeout=5):
                return
        except urllib.error.URLError:
            assert process.poll() is None, "mastodon-mock did not start"
            try:
                process.wait(0.1)
            except subprocess.TimeoutExpired:
                continue
    raise AssertionError("mastodon-mock does not answer")


def _read(url: str, token: str = "") -> Any:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"} if token else {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


@pytest.fixture
def mock_far(mastodon_mock: str, client: httpx.Client) -> Iterator[Far]:
    token = "mock_token"
    me = _read(f"{mastodon_mock}/api/v1/accounts/verify_credentials", token)["id"]

    def posts() -> list[dict[str, Any]]:
        return _read(f"{mastodon_mock}/api/v1/accounts/{me}/statuses?limit=40", token)

    front = FaultyFront(mastodon_mock)
    with serving(front):
        create, upload = "/api/v1/statuses", "/api/v2/media"
        yield Far("mastodon", front, client, token, create, upload, posts, counts_code_points=True)


@pytest.fixture
def strict_far(client: httpx.Client) -> Iterator[Far]:
    server = StrictMastodon()
    front = FaultyFront(server.base_url)

    def posts() -> list[dict[str, Any]]:
        return [{"content": server.sources[status_id]} for status_id in server.statuses]

    with serving(server), serving(front):
        yield Far("mastodon", front, client, TOKEN, "/api/v1/statuses", "/api/v2/media", posts, {}, server)


@pytest.fixture
def demo_far(client: httpx.Client, tmp_path) -> Iterator[Far]:
    server = serve(tmp_path / "demo_network", 0)
    base = f"http://127.0.0.1:{server.server_port}"
    front = FaultyFront(base)
    with serving(server), serving(front):
        settings = {"account": "maison-lumiere"}
        # A secret that the network does not need, to see that it never shows.
        secret = "demo-secret-91"
        yield Far(
            "demo",
            front,
            client,
            secret,
            "/api/posts",
            "/api/media",
            lambda: _read(f"{base}/api/posts"),
            settings,
            refuses_too_long=False,
            refuses_pictured=False,
        )


@pytest.fixture(params=["mastodon-mock", "strict-mastodon", "demo"])
def far(request: pytest.FixtureRequest) -> Far:
    names = {"mastodon-mock": "mock_far", "strict-mastodon": "strict_far", "demo": "demo_far"}
    return request.getfixturevalue(names[request.param])


@pytest.fixture(params=["strict-mastodon", "demo"])
def demo_or_strict(request: pytest.FixtureRequest) -> Far:
    return request.getfixturevalue({"strict-mastodon": "strict_far", "demo": "demo_far"}[request.param])


@pytest.fixture(params=every())
def each(request: pytest.FixtureRequest, client: httpx.Client, tmp_path: Path) -> Iterator[Far]:
    """The far side of every network, and both of Mastodon's."""
    if request.param in HOUSE:
        yield request.getfixturevalue(HOUSE[request.param][1])
        return
    with far_side_of(request.param)(client, tmp_path) as made:
        yield made
