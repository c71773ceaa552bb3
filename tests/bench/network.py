"""A stand-in social network, fast enough not to be what is measured.

It speaks what `adapters/demo.py` expects (and a bare `POST /p` for the reference pipeline). Every POST is
recorded, with its instant and the `bench-key:…` found in its body, *before* the answer is delayed, as a
real network would have it public by then.

    python -m tests.bench.network --port 9911

Control: GET /__ctl/stats, /__ctl/count, /__ctl/events ([[instant, key, Idempotency-Key], …]);
POST /__ctl/reset, /__ctl/config {"delay_ms": 50}.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
import time
from collections.abc import Callable
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

try:  # twice as fast; comes with the development requirements, on most machines
    import uvloop

    _new_loop: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
except ImportError:
    _new_loop = asyncio.new_event_loop

_KEY = re.compile(rb"bench-key:([\w-]+)")
_LENGTH = re.compile(rb"\r\ncontent-length:\s*(\d+)", re.IGNORECASE)
_IDEMPOTENCY = re.compile(rb"\r\nidempotency-key:\s*([^\r]+)", re.IGNORECASE)
_HEAD = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%b"
Event = tuple[float, str, str]


class Memory:
    """All that the network remembers."""

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.forget()

    def forget(self) -> None:
        self.events: list[Event] = []
        self.by_key: dict[str, int] = {}

    def stats(self) -> dict[str, Any]:
        keys = len({key for _at, key, _idempotency in self.events})
        return {"posts": len(self.events), "keys": keys, "dups": len(self.events) - keys}


def _answer(body: Any, status: int = 200) -> bytes:
    text = json.dumps(body).encode()
    return _HEAD % (status, len(text), text)


class Talk(asyncio.Protocol):
    """One kept connection."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._read = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

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
        method, target, _version = head.split(b"\r\n", 1)[0].split(b" ", 2)
        if target.startswith(b"/__ctl/"):
            self._transport.write(_answer(self._control(target, body)))
        elif method == b"POST":
            self._post(head, target, body)
        else:
            self._transport.write(_answer(self._look(target.decode())))

    def _post(self, head: bytes, target: bytes, body: bytes) -> None:
        memory, at = self._memory, time.time()
        key, idempotency = _KEY.search(body), _IDEMPOTENCY.search(head)
        named = idempotency[1].decode() if idempotency else ""
        memory.events.append((at, key[1].decode() if key else "?", named))
        number = len(memory.events)
        memory.by_key[named] = number
        post = _post(number) if target.startswith(b"/api/") else {"id": number}
        if memory.delay_s:
            asyncio.get_running_loop().call_later(memory.delay_s, self._late, _answer(post))
        else:
            self._transport.write(_answer(post))

    def _late(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)

    def _look(self, target: str) -> Any:
        asked = urlsplit(target)
        query = parse_qs(asked.query)
        account = query.get("account", ["?"])[0]
        if asked.path == "/api/me":
            return {"account": account, "url": f"http://stand-in.example/{account}"}
        number = self._memory.by_key.get(query.get("key", ["?"])[0])
        return [_post(number)] if number else []

    def _control(self, target: bytes, body: bytes) -> Any:
        memory = self._memory
        match target.removeprefix(b"/__ctl/"):
            case b"stats":
                return memory.stats()
            case b"count":
                return {"posts": len(memory.events)}
            case b"events":
                return memory.events
            case b"reset":
                memory.forget()
            case b"config":
                memory.delay_s = json.loads(body)["delay_ms"] / 1000
        return {"ok": True}


def _post(number: int) -> dict[str, Any]:
    return {"id": str(number), "url": f"http://stand-in.example/p/{number}"}


async def listen(port: int) -> None:
    memory = Memory()
    server = await asyncio.get_running_loop().create_server(
        lambda: Talk(memory), "127.0.0.1", port, backlog=1024
    )
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.network", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    with asyncio.Runner(loop_factory=_new_loop) as runner:
        runner.run(listen(parser.parse_args().port))
