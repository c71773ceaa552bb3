"""LinkedIn's far side: the strict stand-in, and the sign-in of an app that has refresh tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from adapters.linkedin_session import Session
from adapters.linkedin_text import plain
from tests.contract.farside import Far, sent_strings
from tests.contract.stand_ins.faulty_front import Fault, FaultyFront, Seen
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_linkedin import (
    CLIENT,
    CLIENT_SECRET,
    ORGANIZATION,
    REFRESH,
    TOKEN,
    StrictLinkedIn,
)

NETWORK = "linkedin"


def session(**changes: object) -> Session:
    """`issued` lies so far back that a refused token is worth renewing."""
    now = datetime.now(UTC)
    values = {"access": TOKEN, "refresh": REFRESH, "client_id": CLIENT, "client_secret": CLIENT_SECRET}
    times = {"expires": now + timedelta(days=40), "issued": now - timedelta(days=20)}
    return Session(**{**values, **times, **changes})  # type: ignore[arg-type]


def error(status: int, words: str) -> bytes:
    return json.dumps({"status": status, "message": words}, ensure_ascii=False).encode()


def duplicate() -> bytes:
    inputs = [{"description": "Duplicate post is detected", "input": {}, "code": "DUPLICATE_POST"}]
    message = "Content is a duplicate of urn:li:share:7141138937766391808"
    said = {"status": 422, "message": message, "errorDetails": {"inputErrors": inputs}}
    return json.dumps(said).encode()


def says(seen: Seen) -> list[str]:
    """The words of a request, as a reader sees them."""
    return [plain(one) for one in sent_strings(seen)]


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictLinkedIn()
    front = FaultyFront(server.base_url)
    server.public_url = front.base_url
    with serving(server), serving(front):
        yield Far(
            NETWORK,
            front,
            client,
            session().dump(),
            "/rest/posts",
            "/rest/images",
            server.texts,
            {"organization": ORGANIZATION},
            server,
            secrets=(TOKEN, REFRESH, CLIENT_SECRET),
            error=error,
            says=says,
            expired_secret=session(access="access-of-yesterday").dump(),
            duplicate=Fault(422, duplicate()),
            knows_when=True,
        )
