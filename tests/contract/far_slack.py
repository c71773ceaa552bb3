"""Slack's far side: the strict stand-in behind a faulty front, for a bot. Webhooks are in `test_slack.py`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import FaultyFront, Seen
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_slack import CHANNEL, TOKEN, StrictSlack
from tests.contract.stand_ins.strict_slack import seen as seen_in

NETWORK = "slack"
CREATE = "/api/chat.postMessage"


def error(status: int, words: str) -> bytes:
    return json.dumps({"ok": False, "error": words}).encode()


def says(seen: Seen) -> list[str]:
    return [seen_in(json.loads(seen.body)["blocks"])]


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    """There are no pictures, so what would be an upload is the message itself."""
    server = StrictSlack()
    front = FaultyFront(server.base_url)
    with serving(server), serving(front):
        yield Far(
            NETWORK,
            front,
            client,
            TOKEN,
            CREATE,
            CREATE,
            server.texts,
            {"channel": CHANNEL},
            server,
            error=error,
            says=says,
            publishing_upload=True,
            # Slack takes more and cuts it above 40,000; the limit is that of an edit.
            refuses_too_long=False,
            refuses_pictured=False,
        )
