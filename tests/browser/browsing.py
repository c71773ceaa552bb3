"""Chromium, and somebody who sits in front of it and is watched over.

Every visitor's page is guarded: an error on the console, an exception of a script, or a request to
anywhere but our own origin fails the test, whatever else it looked at.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Request,
    Response,
    sync_playwright,
)
from playwright.sync_api import TimeoutError as TooLate

from cm_queue.seeding import DOMAIN

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE = (390, 844)
DESKTOP = (1280, 900)
# Milliseconds for one step. The machine may be busy; nothing is measured here.
PATIENCE_MS = 45_000


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Guard:
    """What must not happen on a page, collected as it happens. `expected`: HTTP statuses that the test is
    about; the browser writes each answer from 400 on to the console."""

    origins: set[str]
    expected: set[int] = field(default_factory=set)
    found: list[str] = field(default_factory=list)

    def watch(self, context: BrowserContext) -> None:
        context.on("console", self._hears)
        context.on("weberror", lambda error: self.found.append(f"exception: {error.error}"))
        context.on("request", self._sees)

    def _hears(self, message: ConsoleMessage) -> None:
        if message.type != "error":
            return
        refused = re.search(r"responded with a status of (\d{3})", message.text)
        if refused is None or int(refused[1]) not in self.expected:
            self.found.append(f"console: {message.text} ({message.location.get('url')})")

    def _sees(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in {"data", "blob"} and f"{parts.scheme}://{parts.netloc}" not in self.origins:
            self.found.append(f"request to {request.url}")

    def nothing_wrong(self) -> None:
        assert self.found == [], "\n".join(self.found)


class Visitor:
    """One person at one device: a fresh browser profile, in French unless told otherwise."""

    def __init__(
        self,
        browser: Browser,
        origin: str,
        size: tuple[int, int] = PHONE,
        *,
        script: bool = True,
        locale: str = "fr-FR",
        **more: Any,
    ) -> None:
        self.origin = origin
        self.script = script
        self.context = browser.new_context(
            base_url=origin,
            viewport={"width": size[0], "height": size[1]},
            locale=locale,
            java_script_enabled=script,
            **more,
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.guard = Guard({origin})
        self.guard.watch(self.context)
        self.page = self.context.new_page()

    def go(self, path: str) -> Response:
        answer = self.page.goto(path)
        assert answer is not None, path
        return answer

    def one(self, selector: str) -> Locator:
        return self.page.locator(selector)

    def arrive(self, at: str | re.Pattern[str] | Callable[[str], bool]) -> None:
        """Waits until the page is there; who does not get there is told what stands on the page instead."""
        try:
            self.page.wait_for_url(at)
        except TooLate as late:
            said = self.one("main").inner_text(timeout=1000) if self.one("main").count() else "no page"
            raise AssertionError(
                f"still at {self.page.url}: {' / '.join(said.split(chr(10)))[:600]}"
            ) from late

    def sign_in(self, who: str) -> Visitor:
        """One click on somebody of the cast."""
        self.go("/accounts/login/")
        form = self.one("form").filter(has=self.page.locator(f"input[value='{who}@{DOMAIN}']"))
        form.get_by_role("button").click()
        self.arrive(f"{self.origin}/")
        return self

    def close(self) -> None:
        self.context.close()
