"""What can be measured of WCAG 2.2 AA on every page, in both themes, on a phone and on a desk; and that no
page scrolls sideways on any screen between the smallest phone and the desk."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page

from tests.browser.browsing import DESKTOP, PHONE, Visitor
from tests.browser.places import PLACES, Place, Stage, set_stage
from tests.browser.running import Demonstration

pytestmark = [pytest.mark.browser, pytest.mark.slow]
RULES = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]},
    "resultTypes": ["violations"],
}
WIDTHS = (320, 360, 390, 480, 600, 768, 900, 1024, 1280)
Watch = Callable[[Place], Visitor]


@pytest.fixture(scope="module")
def stage(house: Demonstration, browser: Browser) -> Stage:
    return set_stage(browser, house)


@pytest.fixture(scope="module")
def sessions(
    house: Demonstration, browser: Browser, stage: Stage
) -> Iterator[Callable[[str | None], Visitor]]:
    """One visitor a person for the whole module: signing in a hundred times would show nothing more. Their
    policy lets axe in, which the page's own would keep out."""
    known: dict[str | None, Visitor] = {}

    def of(who: str | None) -> Visitor:
        if who not in known:
            known[who] = stage.send(Visitor(browser, house.desk, bypass_csp=True), who)
        return known[who]

    yield of
    for visitor in known.values():
        visitor.close()


@pytest.fixture
def look(stage: Stage, sessions: Callable[[str | None], Visitor]) -> Iterator[Watch]:
    """Opens a place as whoever looks at it. At the end it must have met no error and asked nobody but us."""
    used: list[Visitor] = []

    def at(place: Place) -> Visitor:
        visitor = sessions(place.who)
        used.append(visitor)
        visitor.guard.expected = {place.status}
        assert visitor.go(stage.path(place)).status == place.status
        return visitor

    yield at
    for visitor in used:
        found, visitor.guard.found = visitor.guard.found, []
        assert found == []


def every_place() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("place", PLACES, ids=[place.name for place in PLACES])


def told(violation: dict[str, Any]) -> str:
    """A rule and where it is broken, with what axe measured there."""
    lines = [f"{violation['id']}: {violation['help']}"]
    for node in violation["nodes"]:
        checks = [check["message"] for kind in ("any", "all", "none") for check in node[kind]]
        lines.append(f"  {node['target']} {node['html'][:160]}\n    {' / '.join(checks)[:300]}")
    return "\n".join(lines)


def faults(page: Page) -> list[str]:
    violations = Axe().run(page, options=RULES).response["violations"]
    return [told(one) for one in violations]


def sideways(page: Page) -> list[str]:
    wide = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 844})
        over = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if over > 0:
            wide.append(f"{width} px: {over} too wide, by {page.evaluate(SIDEWAYS)}")
    return wide


@every_place()
def test_no_page_shuts_anybody_out(look: Watch, place: Place):
    page = look(place).page
    found = sideways(page)
    # Each theme and each width: colours do not depend on the width, nor sizes on the theme.
    for scheme, (width, height) in (("light", PHONE), ("dark", DESKTOP)):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": height})
        found += [f"{scheme}, {width} px: {fault}" for fault in faults(page)]
    assert found == [], "\n".join(found)


@pytest.mark.parametrize("name", ["login", "review", "compose", "post-held", "journal"])
def test_what_opens_shuts_nobody_out(look: Watch, name: str):
    """Menus and forms that are folded away at first."""
    (place,) = [place for place in PLACES if place.name == name]
    visitor = look(place)
    page = visitor.page
    found = []
    for width, height in (PHONE, DESKTOP):
        page.set_viewport_size({"width": width, "height": height})
        page.evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        more = visitor.one("[popovertarget=more]:visible")
        if more.count():
            more.click()
        found += [f"{width} px: {fault}" for fault in faults(page)]
    assert found == [], "\n".join(found)


# What sticks out, without what lies in something that may scroll by itself.
SIDEWAYS = """[...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > document.documentElement.clientWidth + 1)
    .map(one => `${one.tagName.toLowerCase()}.${one.className}`).slice(0, 8).join(', ')"""
