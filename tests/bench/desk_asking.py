"""Asks the desk for pages as a signed-in browser does: one connection a client, kept open."""

from __future__ import annotations

import gzip
import http.client
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from urllib.parse import urlencode

from tests.bench.ground import Stuck

CSRF = "c" * 32
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Ask:
    """One request: a path, and a form to send with it (None: a GET)."""

    path: str
    form: dict[str, str] | None = None


@dataclass
class Answers:
    """How long each took (ms), and the last body."""

    took: list[float] = field(default_factory=list)
    body: bytes = b""

    @property
    def size(self) -> int:
        return len(self.body)

    @property
    def zipped(self) -> int:
        """Its size as it travels."""
        return len(gzip.compress(self.body, 6))

    def at(self, share: float) -> float:
        ordered = sorted(self.took)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1)


class Client:
    """A browser with a session. Redirects are not followed: the answer to a form is one."""

    def __init__(self, port: int, session: str) -> None:
        self._talk = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {"Cookie": f"sessionid={session}; csrftoken={CSRF}", "Host": f"127.0.0.1:{port}"}

    def ask(self, one: Ask) -> tuple[int, bytes]:
        """(status, body)"""
        if one.form is None:
            self._talk.request("GET", one.path, headers=self._headers)
        else:
            body = urlencode({**one.form, "csrfmiddlewaretoken": CSRF})
            self._talk.request("POST", one.path, body, {**self._headers, **_FORM})
        answer = self._talk.getresponse()
        return answer.status, answer.read()

    def close(self) -> None:
        self._talk.close()


def ask_all(port: int, session: str, asks: Sequence[Ask], clients: int, each: int) -> Answers:
    """So many clients at once, each asking so often; what one asks no other asks, as far as there is enough.
    Raises Stuck on an answer that is none."""
    given: Iterator[Ask] = cycle(asks)
    lock, answers, errors = threading.Lock(), Answers(), list[str]()

    def following() -> Ask:
        with lock:
            return next(given)

    def work() -> None:
        client = Client(port, session)
        try:
            _repeat(client, following, each, answers, errors)
        finally:
            client.close()

    threads = [threading.Thread(target=work) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors or not answers.took:
        raise Stuck(errors[0] if errors else "Nothing was answered")
    return answers


def _repeat(
    client: Client, following: Callable[[], Ask], each: int, answers: Answers, errors: list[str]
) -> None:
    for _ in range(each):
        one = following()
        began = time.perf_counter()
        try:
            status, body = client.ask(one)
        except OSError as error:
            errors.append(f"{one.path}: {error}")
            return
        answers.took.append(1000 * (time.perf_counter() - began))
        expected = 200 if one.form is None else 302
        if status != expected:
            errors.append(f"{one.path} answered {status}: {body[:300]!r}")
            return
        answers.body = body
