"""Instagram's far side: the strict stand-in, a door at which it fetches pictures, and a sign-in with Facebook,
which alone may delete. The suite's pictures are the smallest PNGs; here they are sent as JPEGs of a size that
Instagram takes, and the stand-in is told not to look into them."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from adapters.base import Content, MediaItem
from adapters.graph import Session
from tests.contract.far_facebook import error
from tests.contract.farside import PICTURES, PIXEL, PIXEL_SHA256, Far, image
from tests.contract.stand_ins.faulty_front import FaultyFront, Seen
from tests.contract.stand_ins.public_door import PublicDoor
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_graph import CLIENT, CLIENT_SECRET
from tests.contract.stand_ins.strict_instagram import ACCOUNT, FACEBOOK_TOKEN, StrictInstagram

NETWORK = "instagram"


def session(**changes: object) -> Session:
    """`issued` lies so far back that a refused token is worth renewing."""
    now = datetime.now(UTC)
    values = {"access": FACEBOOK_TOKEN, "client_id": CLIENT, "client_secret": CLIENT_SECRET}
    times = {"expires": now + timedelta(days=40), "issued": now - timedelta(days=20)}
    return Session(**{**values, **times, **changes})  # type: ignore[arg-type]


def as_jpeg(item: MediaItem) -> MediaItem:
    """One of the suite's own pictures as Instagram takes it; any other as it is."""
    if (item.width, item.height) != (1, 1):
        return item
    mime = "image/jpeg" if item.mime == "image/png" else item.mime
    return dataclasses.replace(item, mime=mime, width=1080, height=1080)


class FarInstagram(Far):
    def content(self, text: str, media: tuple[MediaItem, ...] = (), **more: Any) -> Content:
        """With a picture, without which nothing is taken; but nothing stays nothing."""
        items = media or ((image(),) if text.strip() else ())
        return super().content(text, tuple(as_jpeg(item) for item in items), **more)


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    server = StrictInstagram()
    server.strict_files, server.per_day = False, 10_000
    front, door = FaultyFront(server.base_url), PublicDoor({PIXEL_SHA256: PIXEL, **PICTURES}.__getitem__)

    def says(seen: Seen) -> list[str]:
        form = server.containers[json.loads(seen.body)["creation_id"]]["form"]
        return [form.get("caption", "")]

    with serving(server), serving(front), serving(door):
        yield FarInstagram(
            NETWORK,
            front,
            client,
            session().dump(),
            f"/v26.0/{ACCOUNT}/media_publish",
            f"/v26.0/{ACCOUNT}/media",
            server.texts,
            {"account": ACCOUNT},
            server,
            secrets=(FACEBOOK_TOKEN, CLIENT_SECRET),
            error=error,
            says=says,
            expired_secret=session(expires=datetime.now(UTC) - timedelta(minutes=1)).dump(),
            public_url=door.address,
            fetched=lambda: server.fetches,
        )
