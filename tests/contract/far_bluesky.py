"""Bluesky's far side: a strict stand-in of a PDS behind a front that can misbehave."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from adapters.bluesky_session import Session
from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import Fault, FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_bluesky import DID, HANDLE, PASSWORD, StrictBluesky

NETWORK = "bluesky"
CREATE, UPLOAD = "/xrpc/com.atproto.repo.putRecord", "/xrpc/com.atproto.repo.uploadBlob"


def signed_in(server: StrictBluesky) -> str:
    """The secret of a channel that has signed in already."""
    tokens = server.tokens()
    return Session(PASSWORD, tokens["accessJwt"], tokens["refreshJwt"], DID, HANDLE).write()


def error(status: int, words: str) -> bytes:
    """As XRPC words a refusal; `InvalidRequest` where it has no better name."""
    names = {401: "AuthMissing", 429: "RateLimitExceeded", 500: "InternalServerError"}
    return json.dumps({"error": names.get(status, "InvalidRequest"), "message": words}).encode()


def run_out(server: StrictBluesky) -> str:
    """The secret of a channel whose access token is no longer good."""
    life, server.token_life_s = server.token_life_s, -60
    secret = signed_in(server)
    server.token_life_s = life
    return secret


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictBluesky()
    front = FaultyFront(server.base_url)
    with serving(server), serving(front):
        secret, ran_out = signed_in(server), run_out(server)
        both = Session.read(secret), Session.read(ran_out)
        yield Far(
            network=NETWORK,
            front=front,
            client=client,
            secret=secret,
            create=CREATE,
            upload=UPLOAD,
            list_posts=lambda: [{"text": text} for text in server.texts()],
            settings={"handle": HANDLE},
            server=server,
            secrets=tuple(one for session in both for one in session.secrets),
            error=error,
            expired_secret=ran_out,
            duplicate=Fault(400, b'{"error": "InvalidSwap", "message": "Record was at bafyrei"}'),
        )
