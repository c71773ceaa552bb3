"""A post moved on the calendar: dragged, carried by keys, and by the form that needs no script."""

from __future__ import annotations

import re
from datetime import date, timedelta

import pytest
from playwright.sync_api import Locator, expect

from tests.browser import writing
from tests.browser.browsing import DESKTOP, PATIENCE_MS, PHONE, Visitor
from tests.browser.conftest import Visit
from tests.browser.writing import Text

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE_MS)


def wednesday(weeks: int) -> date:
    """One within the forty-five days for which an approval lives."""
    today = date.today()  # noqa: DTZ011
    return today + timedelta(days=7 * weeks + (2 - today.weekday()))


def approved(visit: Visit, day: date, words: str, clock: str = "10:00") -> tuple[Visitor, int]:
    """Inès, and the number of a post of hers that Nadia approved for that day."""
    ines, nadia = visit("ines", DESKTOP), visit("nadia", DESKTOP)
    writing.write(ines, Text(words, f"{day}T{clock}"))
    pk = writing.submit(ines)
    writing.approve(nadia, pk)
    return ines, pk


def at_week(person: Visitor, day: date, view: str = "week") -> None:
    person.go(f"/calendar/?view={view}&from={day}")


def post_on(person: Visitor, day: date, pk: int) -> Locator:
    return person.one(f"[data-day='{day}'] .post:has(a.title[href='/posts/{pk}/'])")


def slot_on(person: Visitor, day: date, clock: str) -> Locator:
    return person.one(f"[data-day='{day}'] li.free[data-time='{clock}']")


def test_a_post_is_dragged_inside_its_window_and_asks_outside(visit: Visit):
    day = wednesday(2)
    ines, pk = approved(visit, day, "Un abat-jour se dépoussière à sec, du haut vers le bas.")
    ines.guard.expected = {409}
    at_week(ines, day)
    with ines.page.expect_navigation():
        post_on(ines, day, pk).drag_to(slot_on(ines, day, "12:30"))
    moved = post_on(ines, day, pk)
    expect(moved).to_have_attribute("data-time", "12:30")
    expect(moved).to_contain_text("programmé")

    after = day + timedelta(days=1)
    there = ines.one(f"[data-day='{after}'] h2")
    moved.drag_to(there)
    question = ines.one("#asks")
    expect(question).to_contain_text("Nadia")
    question.locator("button[value=no]").click()
    expect(post_on(ines, day, pk)).to_have_attribute("data-time", "12:30")
    expect(ines.one("#carried")).to_be_visible()

    post_on(ines, day, pk).drag_to(there)
    with ines.page.expect_navigation():
        question.locator("button[value=yes]").click()
    asked = post_on(ines, after, pk)
    expect(asked).to_have_attribute("data-time", "12:30")
    expect(asked).to_contain_text("en relecture")


def test_what_is_refused_goes_back_to_its_place_and_says_why(visit: Visit):
    day = wednesday(3)
    ines, pk = approved(visit, day, "Une ampoule se change froide, courant coupé.")
    ines.guard.expected = {422}
    at_week(ines, day)
    # Behind the page's back the day becomes one that has gone by.
    ines.one(f"[data-day='{day + timedelta(days=1)}']").evaluate("one => { one.dataset.day = '2020-01-01' }")
    post_on(ines, day, pk).drag_to(ines.one("[data-day='2020-01-01'] h2"))
    expect(ines.one("#carried")).to_contain_text(re.compile("passé", re.IGNORECASE))
    expect(post_on(ines, day, pk)).to_have_attribute("data-time", "10:00")


@pytest.mark.parametrize(
    ("view", "key", "clock", "days"), [("week", "ArrowDown", "10:30", 0), ("list", "ArrowUp", "09:30", 0)]
)
def test_a_post_is_carried_by_keys(visit: Visit, view: str, key: str, clock: str, days: int):
    day = wednesday(5 if view == "week" else 4)
    ines, pk = approved(visit, day, "Le laiton se frotte avec un chiffon doux, jamais avec une éponge.")
    at_week(ines, day, view)
    title = post_on(ines, day, pk).locator(".title")
    title.focus()
    ines.page.keyboard.press("m")
    expect(ines.one("#carried")).to_be_visible()
    ines.page.keyboard.press("Escape")
    expect(post_on(ines, day, pk)).to_have_attribute("data-time", "10:00")
    title.focus()
    for pressed in ("m", key):
        ines.page.keyboard.press(pressed)
    with ines.page.expect_navigation():
        ines.page.keyboard.press("Enter")
    expect(post_on(ines, day + timedelta(days=days), pk)).to_have_attribute("data-time", clock)


def test_without_a_script_the_form_moves_it_and_asks_too(visit: Visit):
    day = wednesday(3)
    _ines, pk = approved(visit, day, "Le verre soufflé se lave à l’eau tiède, sans détergent.")
    marc = visit("marc", PHONE, script=False)
    at_week(marc, day, "list")
    post_on(marc, day, pk).locator(".shift").click()
    marc.one("input[name=day]").fill(str(day + timedelta(days=2)))
    marc.guard.expected = {409}
    marc.one("main form button.go").click()
    expect(marc.one(".note.wait")).to_contain_text("Nadia")
    marc.one("main form button.go").click()
    marc.arrive(re.compile(r"/calendar/\?from="))
    expect(post_on(marc, day + timedelta(days=2), pk)).to_contain_text("en relecture")


def test_a_wide_screen_begins_with_the_week_and_a_phone_with_the_list(visit: Visit):
    desk, phone = visit("nadia", DESKTOP), visit("nadia", PHONE)
    desk.go("/calendar/")
    expect(desk.one(".cal.by-week")).to_be_visible()
    phone.go("/calendar/")
    expect(phone.one(".cal.by-list")).to_be_visible()
