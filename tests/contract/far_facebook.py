"""Facebook's far side: the strict stand-in, and a Page's token that was got with a person's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from adapters.graph import Session
from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import Fault, FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_facebook import PAGE, PAGE_TOKEN, USER_TOKEN, StrictFacebook
from tests.contract.stand_ins.strict_graph import CLIENT, CLIENT_SECRET

NETWORK = "facebook"
_CODES = {401: 190, 403: 200, 429: 32, 500: 1, 502: 2, 503: 2, 504: 2, 418: 1}


def session(**changes: object) -> Session:
    """`issued` lies so far back that a refused token is worth renewing."""
    issued = datetime.now(UTC) - timedelta(days=20)
    values = {"access": PAGE_TOKEN, "user": USER_TOKEN, "client_id": CLIENT, "client_secret": CLIENT_SECRET}
    return Session(**{**values, "issued": issued, **changes})  # type: ignore[arg-type]


def error(status: int, words: str, subcode: int = 0) -> bytes:
    """As Meta words it, with the code that goes with such a status."""
    said = {"message": words, "type": "OAuthException", "code": _CODES.get(status, 100), "fbtrace_id": "A91"}
    said |= {"error_subcode": subcode} if subcode else {}
    return json.dumps({"error": said}, ensure_ascii=False).encode()


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictFacebook()
    front = FaultyFront(server.base_url)
    duplicate = {"error": {"message": "Duplicate status message", "type": "OAuthException", "code": 506}}
    with serving(server), serving(front):
        yield Far(
            NETWORK,
            front,
            client,
            session().dump(),
            f"/v26.0/{PAGE}/feed",
            f"/v26.0/{PAGE}/photos",
            server.texts,
            {"page": PAGE},
            server,
            secrets=(PAGE_TOKEN, USER_TOKEN, CLIENT_SECRET),
            error=error,
            expired_secret=session(access="EAAof-yesterday").dump(),
            duplicate=Fault(400, json.dumps(duplicate).encode()),
        )
