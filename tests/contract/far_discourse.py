"""The far side of Discourse: the strict stand-in behind a faulty front."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import Fault, FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_discourse import KEY, USERNAME, StrictDiscourse

NETWORK = "discourse"


def error(status: int, words: str) -> bytes:
    return json.dumps({"action": "create_post", "errors": [words]}).encode()


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictDiscourse()
    front = FaultyFront(server.base_url)

    def posts() -> list[dict[str, Any]]:
        return [{"text": post["raw"]} for post in server.posts.values() if not post["deleted_at"]]

    with serving(server), serving(front):
        yield Far(
            NETWORK,
            front,
            client,
            KEY,
            "/posts.json",
            "/uploads.json",
            posts,
            {"username": USERNAME},
            server,
            options={"title": "La lampe Aurore est arrivée"},
            error=error,
            # An address that is shorter there than the longest, which is what the adapter has to count.
            refuses_pictured=False,
            duplicate=Fault(422, error(422, "External has already been taken")),
            # A reply goes to a topic, which only the address names.
            reference=lambda receipt: receipt.url,
        )
