"""The far side of WordPress: the strict stand-in behind a faulty front."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from adapters.reading import text_of
from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import FaultyFront, Seen
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_wordpress import PASSWORD, USERNAME, StrictWordPress

NETWORK = "wordpress"


def error(status: int, words: str) -> bytes:
    return json.dumps({"code": "rest_error", "message": words, "data": {"status": status}}).encode()


def says(seen: Seen) -> list[str]:
    """The text is HTML on the way."""
    return [text_of(json.loads(seen.body)["content"])]


def secrets() -> tuple[str, ...]:
    """The password as a person sees it, as it is sent, and what is sent."""
    sent = PASSWORD.replace(" ", "")
    return PASSWORD, sent, base64.b64encode(f"{USERNAME}:{sent}".encode()).decode()


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictWordPress()
    front = FaultyFront(server.base_url)

    def posts() -> list[dict[str, Any]]:
        """What readers find: nothing that lies in the trash."""
        return [
            {"content": text_of(post["content"]["raw"]).strip(), "status": post["status"]}
            for post in server.posts.values()
            if post["status"] != "trash"
        ]

    with serving(server), serving(front):
        yield Far(
            NETWORK,
            front,
            client,
            PASSWORD,
            "/wp-json/wp/v2/posts",
            "/wp-json/wp/v2/media",
            posts,
            {"username": USERNAME},
            server,
            options={"title": "La lampe Aurore"},
            secrets=secrets(),
            error=error,
            says=says,
            # The adapter's limit is its own: the site has none.
            refuses_too_long=False,
            refuses_pictured=False,
        )
