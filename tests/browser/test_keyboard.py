"""Writing and reviewing by keyboard alone: nothing traps, nothing is focused unseen, the order is that of reading."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser import writing
from tests.browser.browsing import DESKTOP, PATIENCE_MS, PHONE, Visitor
from tests.browser.conftest import Visit
from tests.browser.writing import Text

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE_MS)
# More steps than any of these pages has: who needs them all is caught in a trap.
MOST_STEPS = 150
# What stands where the focus is: its name, whether the focus shows, and whether something lies over it.
_HERE = """() => {
  const el = document.activeElement;
  if (!el || el === document.body || el === document.documentElement) return null;
  const shows = (one) => {
    const style = getComputedStyle(one);
    return style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0 || style.boxShadow !== "none";
  };
  const label = el.closest("label") || (el.id && document.querySelector(`label[for="${CSS.escape(el.id)}"]`));
  const box = (el.getClientRects().length ? el : label || el).getBoundingClientRect();
  const x = Math.min(Math.max(box.left + Math.min(box.width / 2, 40), 1), innerWidth - 2);
  const top = document.elementFromPoint(x, Math.min(Math.max(box.top + box.height / 2, 1), innerHeight - 2));
  return {
    tag: el.tagName, name: el.name || "", value: el.value || "", key: el.dataset.key || "",
    action: el.getAttribute("formaction") || "", words: (el.innerText || "").trim().slice(0, 40),
    shows: shows(el) || (label ? shows(label) : false),
    seen: !top || el.contains(top) || top.contains(el) || (label ? label.contains(top) || top.contains(label) : false),
  };
}"""


def here(page: Page) -> dict[str, Any] | None:
    found: dict[str, Any] | None = page.evaluate(_HERE)
    return found


def tab_until(page: Page, wanted: Callable[[dict[str, Any]], bool]) -> list[dict[str, Any]]:
    """Presses Tab until it stands on what is wanted; answers the way there. Everything on it is checked."""
    way = []
    for _step in range(MOST_STEPS):
        page.keyboard.press("Tab")
        place = here(page)
        if place is None:
            continue
        assert place["shows"], f"the focus does not show: {place}"
        assert place["seen"], f"something lies over it: {place}"
        way.append(place)
        if wanted(place):
            return way
    raise AssertionError(f"never reached; on the way: {[one['name'] or one['words'] for one in way]}")


def named(name: str) -> Callable[[dict[str, Any]], bool]:
    return lambda place: place["name"] == name


def skip_to_the_content(person: Visitor) -> None:
    person.page.keyboard.press("Tab")
    person.page.keyboard.press("Enter")
    assert person.page.evaluate("document.activeElement.id") == "content"


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_a_post_is_written_and_submitted_by_keyboard_alone(visit: Visit, size: tuple[int, int]):
    ines = visit("ines", size)
    page = ines.page
    ines.go("/compose/")
    skip_to_the_content(ines)
    way = tab_until(page, named("text"))
    if not any(one["name"] == "channels" for one in way):
        # The words come first on this page: the channels are further on.
        page.keyboard.type("Écrit sans souris.")
        tab_until(page, named("channels"))
    else:
        page.keyboard.type("Écrit sans souris.")
        page.keyboard.press("Shift+Tab")
    demo = ines.one("input[name=channels][value=demo]")
    if not demo.is_checked():
        demo.focus()
        page.keyboard.press("Space")
    expect(demo).to_be_checked()
    tab_until(page, lambda place: place["name"] == "slot")
    tab_until(page, lambda place: place["action"].endswith("/submit/"))
    expect(ines.one("#ahead .card .text")).to_have_text("Écrit sans souris.")
    # A preview under way would be broken off by leaving, which htmx tells the console.
    page.wait_for_load_state("networkidle")
    page.keyboard.press("Enter")
    ines.arrive(re.compile(r"/posts/\d+/$"))
    expect(ines.one("main h1")).to_have_text("Écrit sans souris.")


@pytest.mark.parametrize("path", ["/compose/", "/review/{pk}/"], ids=["compose", "review"])
def test_no_page_keeps_the_focus(visit: Visit, path: str):
    """Round and round: every step shows, and the way leads out of the page again."""
    ines, nadia = visit("ines", DESKTOP), visit("nadia", PHONE)
    writing.write(ines, Text("Le tour du clavier.", writing.minutes_ahead(86_400 * 12)))
    pk = writing.submit(ines)
    nadia.go(path.format(pk=pk))
    seen, left = 0, False
    for _step in range(MOST_STEPS):
        nadia.page.keyboard.press("Tab")
        place = here(nadia.page)
        if place is None:
            left = True
            break
        assert place["shows"], f"the focus does not show: {place}"
        assert place["seen"], f"something lies over it: {place}"
        seen += 1
    assert left, "the focus never leaves the page"
    assert seen > 10


def test_a_post_is_commented_sent_back_and_taken_back_by_keyboard_alone(visit: Visit):
    ines, nadia = visit("ines", DESKTOP), visit("nadia", DESKTOP)
    writing.write(ines, Text("Relu sans souris.", writing.minutes_ahead(86_400 * 13)))
    pk = writing.submit(ines)
    page = nadia.page
    nadia.go(f"/review/{pk}/")

    page.keyboard.press("m")
    page.keyboard.type("Une remarque au passage.")
    tab_until(page, lambda place: place["tag"] == "BUTTON")
    page.keyboard.press("Enter")
    expect(nadia.one("#comments .says")).to_contain_text("Une remarque au passage.")

    nadia.go(f"/review/{pk}/")
    page.keyboard.press("c")
    expect(nadia.one(".decide .d-chg input[name=motive]").first).to_be_focused()
    page.keyboard.press("Space")
    tab_until(page, named("comment"))
    page.keyboard.type("La date manque.")
    tab_until(page, lambda place: place["tag"] == "BUTTON")
    page.keyboard.press("Enter")
    nadia.arrive(lambda url: f"/review/{pk}/" not in url)

    # The toast holds the way back, and Tab comes to it before it comes to the next post.
    undo = nadia.one(f".toast form[action*='/review/{pk}/undo/'] button")
    expect(undo).to_be_visible()
    skip_to_the_content(nadia)
    tab_until(page, lambda place: undo.evaluate("button => button === document.activeElement"))
    page.keyboard.press("Enter")
    nadia.arrive(lambda url: urlsplit(url).path == f"/review/{pk}/")
    expect(nadia.one(".decide [data-key=a]")).to_be_visible()


def test_words_that_are_selected_go_into_the_comment(visit: Visit):
    ines, nadia = visit("ines", DESKTOP), visit("nadia", DESKTOP)
    writing.write(ines, Text("Le lin se lave à l’eau tiède.", writing.minutes_ahead(86_400 * 14)))
    pk = writing.submit(ines)
    nadia.go(f"/review/{pk}/")
    nadia.one(".pub .text").evaluate(
        """text => {
          const at = text.firstChild.data.indexOf("tiède");
          const range = document.createRange();
          range.setStart(text.firstChild, at);
          range.setEnd(text.firstChild, at + 5);
          getSelection().removeAllRanges();
          getSelection().addRange(range);
        }"""
    )
    button = nadia.one("[data-quote-selection]")
    expect(button).to_be_visible()
    button.click()
    expect(nadia.one("form.remark [name=quote]")).to_have_value("tiède")
    nadia.one("form.remark [name=text]").fill("Combien de degrés ?")
    nadia.one("form.remark button[type=submit]").click()
    expect(nadia.one("#comments .says")).to_contain_text("tiède")
    nadia.page.reload()
    expect(nadia.one(".pub .text a.passage mark")).to_have_text("tiède")
    expect(nadia.one(".pub .text")).to_have_text("Le lin se lave à l’eau tiède.")
