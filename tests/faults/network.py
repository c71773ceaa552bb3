"""A stand-in for two kinds of network, which misbehaves when it is told to and keeps a log of its own.

One speaks as Mastodon does: it keeps idempotency keys, and an account's statuses can be read back. The other
("bare", tests/faults/bare.py) takes posts and remembers nothing that anybody could ask for.

    python -m tests.faults.network --port 9912 --seed 7 --delay-ms 50

A post is public from the moment its request has come in whole; the answer follows after the delay, if
somebody is still there to hear it. In trouble a coin decides whether the request still became public.
Control: POST /__ctl/mode {"mode": "well"}, POST /__ctl/cut, GET /__ctl/log, GET /__ctl/count.
"""

from __future__ import annotations

import argparse
import asyncio
import html
import json
import random
import re
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_KEY = re.compile(rb"\r\nidempotency-key:\s*([^\r]+)", re.IGNORECASE)
_TOKEN = re.compile(rb"\r\nauthorization:\s*bearer ([^\r]+)", re.IGNORECASE)
Answer = tuple[int, Any]


class Mode(StrEnum):
    """How it answers. `HANG`: never; `CLOSE`: it hangs up; `TROUBLE`: with a 500."""

    WELL = "well"
    HANG = "hang"
    CLOSE = "close"
    TROUBLE = "trouble"


@dataclass(slots=True)
class Request:
    """One request to publish, as the log keeps it. `public`: the id under which it is out, empty when it
    is not; `repeat`: its key was known, so nothing new became public; `answered`: its answer was sent."""

    at: str
    account: str
    key: str
    text: str
    public: str = ""
    repeat: bool = False
    mode: Mode = Mode.WELL
    answered: bool = False


class Memory:
    def __init__(self, seed: int, delay_s: float) -> None:
        self.coin, self.delay_s = random.Random(seed), delay_s
        self.mode = Mode.WELL
        self.log: list[Request] = []
        self.statuses: list[dict[str, Any]] = []
        self.by_key: dict[tuple[str, str], dict[str, Any]] = {}
        self.talks: set[Talk] = set()

    def publish(self, account: str, key: str, text: str) -> tuple[Request, dict[str, Any] | None]:
        """Makes it public, or not; answers the log's entry and the status that is out."""
        made = Request(_now(), account, key, text, mode=self.mode)
        self.log.append(made)
        known = self.by_key.get((account, key)) if key else None
        if known is not None:
            made.public, made.repeat = known["id"], True
            return made, known
        if self.mode is not Mode.WELL and self.coin.random() < 0.5:
            return made, None
        status = _status(str(len(self.statuses) + 1), account, text)
        self.statuses.append(status)
        if key:
            self.by_key[account, key] = status
        made.public = status["id"]
        return made, status

    def shown(self, account: str, query: dict[str, list[str]]) -> list[dict[str, Any]]:
        """An account's statuses, newest first, as a page of Mastodon's."""
        before = int(query.get("max_id", ["999999999"])[0])
        found = [one for one in self.statuses if one["account"] == account and int(one["id"]) < before]
        return found[::-1][: int(query.get("limit", ["20"])[0])]


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _status(number: str, account: str, text: str) -> dict[str, Any]:
    return {
        "id": number,
        "account": account,
        "created_at": _now(),
        "visibility": "public",
        "content": f"<p>{html.escape(text)}</p>",
        "source": text,
        "spoiler_text": "",
        "media_attachments": [],
        "in_reply_to_id": None,
        "reblog": None,
        "url": f"http://stand-in.example/{account}/{number}",
    }


class Talk(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, memory: Memory) -> None:
        self._memory, self._read = memory, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._memory.talks.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._memory.talks.discard(self)

    def data_received(self, data: bytes) -> None:
        self._read += data
        while (end := self._read.find(b"\r\n\r\n")) >= 0:
            head = self._read[:end]
            found = _LENGTH.search(head)
            whole = end + 4 + (int(found[1]) if found else 0)
            if len(self._read) < whole:
                return
            body, self._read = self._read[end + 4 : whole], self._read[whole:]
            self._question(head, body)

    def _question(self, head: bytes, body: bytes) -> None:
        method, target, _version = head.split(b"\r\n", 1)[0].decode().split(" ", 2)
        asked = urlsplit(target)
        if asked.path.startswith("/__ctl/"):
            self._write(self._control(asked.path.removeprefix("/__ctl/"), body))
        elif method == "POST":
            self._post(asked.path, head, json.loads(body))
        elif self._memory.mode is Mode.WELL:
            self._write(self._look(asked.path, parse_qs(asked.query), _named(_TOKEN, head)))
        else:
            self._misbehave(self._memory.mode)

    # --- Publishing -----------------------------------------------------------------------------
    def _post(self, path: str, head: bytes, form: dict[str, Any]) -> None:
        if path == "/api/v1/statuses":
            account, text = _named(_TOKEN, head), str(form["status"])
        else:
            account, text = str(form["account"]), str(form["text"])
        made, status = self._memory.publish(account, _named(_KEY, head), text)
        if made.mode is Mode.WELL:
            asyncio.get_running_loop().call_later(self._memory.delay_s, self._late, made, status)
        else:
            self._misbehave(made.mode)

    def _late(self, made: Request, status: dict[str, Any] | None) -> None:
        if not self.transport.is_closing():
            made.answered = True
            self._write((200, status))

    def _misbehave(self, mode: Mode) -> None:
        if mode is Mode.CLOSE:
            self.transport.close()
        elif mode is Mode.TROUBLE:
            self._write((500, {"error": "Something went wrong"}))

    # --- Looking --------------------------------------------------------------------------------
    def _look(self, path: str, query: dict[str, list[str]], token: str) -> Answer:
        if path == "/api/v2/instance":
            return 200, {"domain": "stand-in.example"}
        if path == "/api/bare/me":
            return 200, {"account": query["account"][0]}
        if path == "/api/v1/accounts/verify_credentials":
            return 200, {"id": token, "username": token, "url": f"http://stand-in.example/{token}"}
        if path == "/api/v1/apps/verify_credentials":
            return 200, {"scopes": ["read", "write"]}
        if found := re.fullmatch(r"/api/v1/accounts/([^/]+)/statuses", path):
            return 200, self._memory.shown(found[1], query)
        if found := re.fullmatch(r"/api/v1/statuses/(\d+)/source", path):
            return 200, {"text": self._memory.statuses[int(found[1]) - 1]["source"]}
        return 404, {"error": "Record not found"}

    # --- Control --------------------------------------------------------------------------------
    def _control(self, what: str, body: bytes) -> Answer:
        memory = self._memory
        match what:
            case "mode":
                memory.mode = Mode(json.loads(body)["mode"])
            case "cut":
                for talk in memory.talks - {self}:
                    talk.transport.abort()
            case "log":
                return 200, [asdict(one) for one in memory.log]
            case "count":
                return 200, {"posts": len(memory.statuses)}
            case _:
                return 404, {}
        return 200, {}

    def _write(self, answer: Answer) -> None:
        status, said = answer
        content = json.dumps(said).encode()
        date = format_datetime(datetime.now(UTC), usegmt=True)
        head = (
            f"HTTP/1.1 {status} So\r\nDate: {date}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        self.transport.write(head.encode() + content)


def _named(what: re.Pattern[bytes], head: bytes) -> str:
    found = what.search(head)
    return found[1].decode() if found else ""


async def listen(port: int, memory: Memory) -> None:
    server = await asyncio.get_running_loop().create_server(
        lambda: Talk(memory), "127.0.0.1", port, backlog=1024
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.network", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=50.0)
    chosen = parser.parse_args()
    asyncio.run(listen(chosen.port, Memory(chosen.seed, chosen.delay_ms / 1000)))
