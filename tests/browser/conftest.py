"""One demonstration and one Chromium for all browser tests; visitors that are watched over."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.browser.browsing import Visitor, chromium
from tests.browser.running import Demonstration, demonstration
from tests.conftest import HOME

Visit = Callable[..., Visitor]


@pytest.fixture(scope="package")
def house() -> Iterator[Demonstration]:
    """`manage.py up` with DEMO=1: web server, worker, ticker, Valkey, and the demonstration network."""
    with demonstration(HOME / "b") as running:
        yield running


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def visit(house: Demonstration, browser: Browser) -> Iterator[Visit]:
    """Opens a browser profile for somebody: `visit("ines", DESKTOP, script=False)`; None stays outside.
    At the end of the test every one of them must have met no error and asked nobody but us."""
    visitors: list[Visitor] = []

    def come(who: str | None = None, *size: tuple[int, int], **more: object) -> Visitor:
        visitors.append(Visitor(browser, house.desk, *size, **more))
        return visitors[-1].sign_in(who) if who else visitors[-1]

    yield come
    for visitor in visitors:
        visitor.close()
    for visitor in visitors:
        visitor.guard.nothing_wrong()
