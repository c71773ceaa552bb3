"""A page that changes by itself keeps still while a button is pressed: a press is never lost, and never another's."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser import writing
from tests.browser.browsing import DESKTOP, PHONE
from tests.browser.conftest import Visit
from tests.browser.writing import Text

pytestmark = [pytest.mark.browser, pytest.mark.slow]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_a_preview_that_comes_while_the_button_is_pressed_waits(visit: Visit, size: tuple[int, int]):
    ines = visit("ines", size)
    page = ines.page
    writing.write(ines, Text("Pressé lentement, mais une seule fois."))
    demo = ines.one("input[name=channels][value=demo]")
    demo.uncheck()
    expect(ines.one("#todo li")).to_have_count(1)
    button = ines.one("#compose button[formaction$='/submit/']:visible")
    button.scroll_into_view_if_needed()
    before = button.bounding_box()
    assert before is not None
    page.wait_for_load_state("networkidle")

    page.mouse.move(before["x"] + 20, before["y"] + 5)
    page.mouse.down()
    # The preview of this change takes the list above the button away, and the button would go up with it.
    with page.expect_response(re.compile("/preview/")):
        demo.evaluate(
            """box => { box.checked = true; box.dispatchEvent(new Event("change", { bubbles: true })) }"""
        )
    page.wait_for_timeout(500)
    assert button.bounding_box() == before
    page.mouse.up()
    ines.arrive(re.compile(r"/posts/\d+/$"))


def test_what_waited_is_shown_once_the_button_is_let_go(visit: Visit):
    ines = visit("ines", DESKTOP)
    page = ines.page
    writing.write(ines, Text("Le verre."))
    words = ines.one("textarea[name=text]")
    expect(ines.one("#ahead .card .text").first).to_have_text("Le verre.")
    ines.one("#compose .closing button.go").hover()
    page.mouse.down()
    with page.expect_response(re.compile("/preview/")):
        words.evaluate("""area => { area.value = "Le verre soufflé."; area.dispatchEvent(new Event("input", { bubbles: true })) }""")  # fmt: skip
    page.wait_for_timeout(500)
    expect(ines.one("#ahead .card .text").first).to_have_text("Le verre.")
    # Let go somewhere else, it is no click.
    page.mouse.move(3, 300)
    page.mouse.up()
    expect(ines.one("#ahead .card .text").first).to_have_text("Le verre soufflé.")


def test_news_that_come_while_something_is_pressed_wait_too(visit: Visit):
    nadia, ines = visit("nadia", DESKTOP), visit("ines", DESKTOP)
    page, words = nadia.page, "Arrivé pendant qu’on appuyait."
    nadia.go("/review/")
    arrived = nadia.one("[data-live-region=queue]").get_by_text(words)
    writing.write(ines, Text(words, "on_approval"))
    # So that the page does not ask by itself before the button is down.
    nadia.context.set_offline(True)
    writing.submit(ines)
    nadia.one("details.sift summary").hover()
    page.mouse.down()
    with page.expect_response(re.compile("/live/")):
        nadia.context.set_offline(False)
    page.wait_for_timeout(1500)
    expect(arrived).to_have_count(0)
    page.mouse.move(900, 5)
    page.mouse.up()
    expect(arrived).to_have_count(1)
