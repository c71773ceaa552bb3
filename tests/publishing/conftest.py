"""A house with one channel on the demonstration network, which listens on loopback behind a front that can
be told to misbehave."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from django.utils import translation

from adapters.transport import build_client
from cm_queue.demo_network import serve
from publishing.claiming import Ready
from publishing.releasing import Result
from tests.casting import work
from tests.contract.stand_ins.faulty_front import FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.staging import House, house

POSTS = "/api/posts"


@dataclass
class Network:
    """The far side: `front.arm(…)` makes it misbehave, `posts()` looks without the adapter."""

    front: FaultyFront
    base: str

    @property
    def url(self) -> str:
        return self.front.base_url

    def posts(self, account: str = "maison-lumiere") -> list[dict[str, Any]]:
        """Everything of the house's account, newest first."""
        address = f"{self.base}{POSTS}?account={account}"
        with urllib.request.urlopen(address, timeout=10) as answer:
            return json.load(answer)

    def texts(self, account: str = "maison-lumiere") -> list[str]:
        return sorted(post["text"] for post in self.posts(account))


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """Sentences are compared in the language they are written in."""
    with translation.override("en"):
        yield


@pytest.fixture
def network(tmp_path: Any) -> Iterator[Network]:
    server = serve(tmp_path / "network", 0)
    base = f"http://127.0.0.1:{server.server_port}"
    front = FaultyFront(base)
    with serving(server), serving(front):
        yield Network(front, base)


@pytest.fixture
def lumiere(db: None, network: Network) -> House:
    """Maison Lumière with its channel `demo`."""
    made = house()
    made.connect("demo", base_url=network.url, account="maison-lumiere")
    return made


@pytest.fixture
def through() -> Iterator[httpx.Client]:
    with build_client(allow_private=True, user_agent="CM-Queue/tests", timeout_s=5) as made:
        yield made


Round = Callable[..., list[Result]]


@pytest.fixture
def release(through: httpx.Client) -> Round:
    """One round of a worker, step by step in this thread: claim, commit, send, record."""

    def release(ready: Sequence[Ready] | None = None, worker: str = "worker-1") -> list[Result]:
        return work(through, ready, worker)

    return release
