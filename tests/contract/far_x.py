"""X's far side: the strict stand-in, and a session whose access token is good for an hour yet."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from adapters.x_session import Session
from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import Fault, FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_x import CLIENT, REFRESH, SCOPE, TOKEN, StrictX

NETWORK = "x"
YESTERDAYS = "access-of-yesterday"


def session(**changes: object) -> Session:
    """`issued` lies so far back that a refused token is worth renewing."""
    now = datetime.now(UTC)
    values = {"access": TOKEN, "refresh": REFRESH, "client_id": CLIENT, "scope": SCOPE}
    times = {"expires": now + timedelta(hours=1), "issued": now - timedelta(hours=1)}
    return Session(**{**values, **times, **changes})  # type: ignore[arg-type]


def error(status: int, words: str) -> bytes:
    said = {"title": "Error", "type": "about:blank", "status": status, "detail": words}
    return json.dumps(said).encode()


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictX()
    front = FaultyFront(server.base_url)
    with serving(server), serving(front):
        secret = session().dump()
        yield Far(
            NETWORK,
            front,
            client,
            secret,
            "/2/tweets",
            "/2/media/upload",
            server.texts,
            {},
            server,
            secrets=(TOKEN, REFRESH, YESTERDAYS),
            error=error,
            expired_secret=session(access=YESTERDAYS).dump(),
            duplicate=Fault(403, error(403, "You are not allowed to create a Tweet with duplicate content.")),
        )
