"""Discord's far side: the strict stand-in behind a faulty front."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.contract.farside import Far, sent_strings
from tests.contract.stand_ins.faulty_front import FaultyFront, Seen
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_discord import NUMBER, SECRET, TOKEN, StrictDiscord

NETWORK = "discord"
PATH = f"/api/v10/webhooks/{NUMBER}/{TOKEN}"


def error(status: int, words: str) -> bytes:
    return json.dumps({"message": words, "code": 0}).encode()


def says(seen: Seen) -> list[str]:
    """JSON, or a form that holds it."""
    if seen.headers["content-type"].startswith("application/json"):
        return sent_strings(seen)
    return [json.loads(line)["content"] for line in seen.body.splitlines() if line.startswith(b'{"content"')]


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    """A file goes out with its message, in one request, and to the same address."""
    server = StrictDiscord()
    front = FaultyFront(server.base_url)
    with serving(server), serving(front):
        yield Far(
            NETWORK,
            front,
            client,
            SECRET,
            PATH,
            PATH,
            server.texts,
            {},
            server,
            secrets=(SECRET, TOKEN),
            error=error,
            says=says,
            publishing_upload=True,
        )
