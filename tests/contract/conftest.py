"""The real servers and stand-ins that adapters are tried against. No database, no Django."""

from __future__ import annotations

import hashlib
import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from adapters.base import Adapter, Connection, Content, MediaItem, Payload, Permit
from adapters.registry import adapter_for
from adapters.transport import build_client
from cm_queue.demo_network import serve
from tests.contract.stand_ins.faulty_front import FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_mastodon import TOKEN, StrictMastodon

# The smallest PNG: one transparent pixel.
PIXEL = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f645400000000049454e44ae426082"
)
PIXEL_SHA256 = hashlib.sha256(PIXEL).hexdigest()
CHANNEL = "maison-lumiere/test"


def image(alt: str = "Une lampe sur une table de chêne.") -> MediaItem:
    return MediaItem(PIXEL_SHA256, "image/png", alt, 1, 1, len(PIXEL))


def unique(text: str = "Aurore") -> str:
    """A text that no other test has published on a server that lives for the whole session."""
    return f"{text} {uuid.uuid4().hex}"


def a_moment_ago() -> datetime:
    return datetime.now(UTC) - timedelta(seconds=1)


def permit_for(payload: Payload) -> Permit:
    return Permit(1, 1, payload.channel, "digest", payload.sha256)


@dataclass
class Far:
    """One far side behind its faulty front, and how to look at it without the adapter."""

    network: str
    front: FaultyFront
    client: httpx.Client
    secret: str
    create: str
    upload: str
    list_posts: Callable[[], list[dict[str, Any]]]
    settings: dict[str, str] = field(default_factory=dict)
    server: Any = None

    @property
    def kind(self) -> type[Adapter]:
        return adapter_for(self.network)

    @property
    def limits(self) -> dict[str, Any]:
        return dict(self.kind.default_limits)

    def adapter(self, **changes: Any) -> Adapter:
        values: dict[str, Any] = {
            "channel": CHANNEL,
            "settings": {"base_url": self.front.base_url, **self.settings},
            "limits": self.limits,
            "secret": self.secret,
            "client": self.client,
            "read_media": {PIXEL_SHA256: PIXEL}.__getitem__,
        }
        return self.kind(Connection(**{**values, **changes}))

    def render(self, content: Content) -> Payload:
        return self.kind.render(content, CHANNEL, self.limits)

    def publish(self, content: Content, key: str) -> Any:
        payload = self.render(content)
        return self.adapter().publish(payload, permit_for(payload), key)

    def count(self, text: str) -> int:
        """How many public posts say this."""
        return sum(text in (post.get("content") or post.get("text", "")) for post in self.list_posts())


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
        yield Far("mastodon", front, client, token, "/api/v1/statuses", "/api/v2/media", posts)


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
        )


@pytest.fixture(params=["mastodon-mock", "strict-mastodon", "demo"])
def far(request: pytest.FixtureRequest) -> Far:
    names = {"mastodon-mock": "mock_far", "strict-mastodon": "strict_far", "demo": "demo_far"}
    return request.getfixturevalue(names[request.param])


@pytest.fixture(params=["strict-mastodon", "demo"])
def demo_or_strict(request: pytest.FixtureRequest) -> Far:
    return request.getfixturevalue({"strict-mastodon": "strict_far", "demo": "demo_far"}[request.param])
