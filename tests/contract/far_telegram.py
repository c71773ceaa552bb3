"""Telegram's far side: the strict stand-in, and `telegram-test-api` where somebody installed it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from adapters.base import AuthFailed
from tests.contract.farside import Far
from tests.contract.stand_ins.faulty_front import FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_telegram import NAME, TOKEN, StrictTelegram

NETWORK = "telegram"


def error(status: int, words: str) -> bytes:
    return json.dumps({"ok": False, "error_code": status, "description": words}).encode()


@contextmanager
def far(client: httpx.Client, folder: Path) -> Iterator[Far]:
    """A file goes out with its message, in one request: `upload` makes something public too."""
    server = StrictTelegram()
    front = FaultyFront(server.base_url)
    with serving(server), serving(front):
        create, upload = f"/bot{TOKEN}/sendMessage", f"/bot{TOKEN}/sendPhoto"
        settings = {"chat": f"@{NAME}"}
        yield Far(
            NETWORK,
            front,
            client,
            TOKEN,
            create,
            upload,
            server.texts,
            settings,
            server,
            error=error,
            # Telegram's answer to a token that no bot has.
            meanings={404: AuthFailed},
            publishing_upload=True,
        )
