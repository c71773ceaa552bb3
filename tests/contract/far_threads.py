"""Threads' far side: the strict stand-in, and a door at which it fetches pictures."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import parse_qs, unquote_to_bytes

import httpx

from adapters.graph import Session
from tests.contract.far_facebook import error
from tests.contract.farside import PICTURES, PIXEL, PIXEL_SHA256, Far
from tests.contract.stand_ins.faulty_front import FaultyFront, Seen
from tests.contract.stand_ins.public_door import PublicDoor
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_graph import CLIENT, CLIENT_SECRET
from tests.contract.stand_ins.strict_threads import TOKEN, StrictThreads

NETWORK = "threads"


def session(**changes: object) -> Session:
    """`issued` lies so far back that a refused token is worth renewing."""
    now = datetime.now(UTC)
    values = {"access": TOKEN, "client_id": CLIENT, "client_secret": CLIENT_SECRET}
    times = {"expires": now + timedelta(days=40), "issued": now - timedelta(days=20)}
    return Session(**{**values, **times, **changes})  # type: ignore[arg-type]


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictThreads()
    server.per_day = 10_000
    front, door = FaultyFront(server.base_url), PublicDoor({PIXEL_SHA256: PIXEL, **PICTURES}.__getitem__)

    def says(seen: Seen) -> list[str]:
        number = parse_qs(seen.body.decode())["creation_id"][0]
        return [server.containers[number]["form"].get("text", "")]

    with serving(server), serving(front), serving(door):
        yield Far(
            NETWORK,
            front,
            client,
            session().dump(),
            "/v1.0/me/threads_publish",
            "/v1.0/me/threads",
            server.texts,
            {},
            server,
            secrets=(TOKEN, CLIENT_SECRET),
            error=error,
            says=says,
            # Ours says that its time is over; what Threads takes no longer it does not refresh either.
            expired_secret=session(expires=datetime.now(UTC) - timedelta(minutes=1)).dump(),
            public_url=door.address,
            fetched=lambda: server.fetches,
            opened=lambda seen: unquote_to_bytes(seen.body.replace(b"+", b" ")),
        )
