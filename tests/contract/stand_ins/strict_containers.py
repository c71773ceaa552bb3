"""What the strict Instagram and the strict Threads share: fetching pictures, and containers that become ready."""

from __future__ import annotations

import struct
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.contract.stand_ins.strict_graph import Refusal, StrictGraph


def fetched(address: str, kinds: set[str], codes: tuple[int, int]) -> bytes:
    """The picture at a public address, as Meta fetches one: without credentials, and of these kinds alone."""
    if not address.isascii() or not address.startswith(("http://", "https://")):
        raise Refusal(100, "(#100) image_url is not a valid URI")
    try:
        with urllib.request.urlopen(address, timeout=5) as answer:
            content, kind = answer.read(), answer.headers.get_content_type()
    except (urllib.error.URLError, OSError):
        said = "The media could not be fetched from this uri"
        raise Refusal(
            9004, "Only photo or video can be accepted as media type.", 2207052, user_msg=said
        ) from None
    if kind not in kinds:
        raise Refusal(36001, f"The image format {kind} is not supported.", codes[0])
    if len(content) > 8 * 1024 * 1024:
        raise Refusal(36000, "The image size is too large.", codes[1])
    return bytes(content)


def size_of_jpeg(content: bytes) -> tuple[int, int] | None:
    """Width and height as its frame says; None for what is none."""
    place = 2
    while content[:2] == b"\xff\xd8" and place + 9 < len(content):
        if content[place] != 0xFF:
            return None
        kind, size = content[place + 1], struct.unpack(">H", content[place + 2 : place + 4])[0]
        if 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack(">HH", content[place + 5 : place + 9])
            return width, height
        place += 2 + size
    return None


class StrictContainers(StrictGraph):
    """`looks_needed`: how often a container must be looked at before it is ready. `trouble`: what its status
    says instead. `fetches`: the files that were fetched, in their order."""

    def __init__(self, handler: Any) -> None:
        super().__init__(handler)
        self.containers: dict[str, dict[str, Any]] = {}
        self.posts: dict[str, dict[str, Any]] = {}
        self.fetches: list[bytes] = []
        self.looks_needed = 0
        self.trouble: tuple[str, str] | None = None
        self.used_today = 0
        self.per_day = 100

    def keep(self, **said: Any) -> dict[str, Any]:
        number = self.new_id()
        made = datetime.now(UTC)
        self.containers[number] = {"looks": self.looks_needed, "made": made, "state": "", **said}
        return {"id": number}

    def state_of(self, number: str) -> tuple[str, str]:
        container = self.containers[number]
        if container["state"]:
            return container["state"], ""
        if self.trouble:
            return self.trouble
        if datetime.now(UTC) - container["made"] > timedelta(hours=24):
            return "EXPIRED", ""
        if container["looks"] > 0:
            return "IN_PROGRESS", ""
        return "FINISHED", ""
