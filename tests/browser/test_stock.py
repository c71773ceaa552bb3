"""Ready words are put in where one writes; a template is filled in, with a script and without."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.browsing import DESKTOP, PATIENCE_MS, PHONE
from tests.browser.conftest import Visit

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE_MS)
HOURS = "L’atelier d’Angers vous ouvre du mardi au samedi, de 10\u00a0h à 18\u00a0h."


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desk"])
def test_words_are_put_in_at_the_cursor(visit: Visit, size: tuple[int, int]):
    page = visit("ines", size).page
    page.goto("/compose/")
    text = page.locator("#c-text")
    text.fill("Venez !\nÀ bientôt.")
    text.evaluate("field => field.setSelectionRange(7, 7)")
    page.locator("details.stock > summary").click()
    page.locator(".pieces li").filter(has_text="Horaires").get_by_role("button").click()
    expect(text).to_have_value(f"Venez ! {HOURS}\nÀ bientôt.")
    expect(text).to_be_focused()
    # What was put in counts as typed: the preview follows.
    expect(page.locator("#ahead")).to_contain_text("Qui devra dire oui")
    assert text.evaluate("field => field.selectionStart") == len(f"Venez ! {HOURS}")


@pytest.mark.parametrize("script", [True, False], ids=["script", "no-script"])
def test_a_template_is_filled_in_before_it_is_submitted(visit: Visit, script: bool):
    page = visit("ines", PHONE, script=script).page
    page.goto("/compose/")
    page.get_by_role("link", name="De retour à l’atelier").click()
    text = page.locator("#c-text")
    expect(text).to_have_value(
        "[Produit] est de retour à l’atelier d’Angers, dès [jour]. Venez l’allumer vous-même\u202f!"
    )
    text.fill("[Produit] est de retour dès jeudi.")
    page.get_by_role("button", name="Enregistrer et soumettre").click()
    expect(page.locator("#p-text")).to_contain_text("[Produit]")
    expect(page.locator("#p-text")).not_to_contain_text("[jour]")
    page.locator("#c-text").fill("La lampe est de retour dès jeudi.")
    page.get_by_role("button", name="Enregistrer et soumettre").click()
    expect(page.locator("#c-text")).to_have_count(0)
    expect(page.locator("h1")).to_be_visible()


def test_a_shop_has_saturdays_hours_of_its_own(visit: Visit):
    page = visit("olga", PHONE, script=False).page
    page.goto("/settings/")
    page.locator("[name=slot-3-at]").fill("10:00")
    for day in (0, 1, 2, 3, 4, 6):
        page.locator(f"[name=slot-3-days][value='{day}']").uncheck()
    page.get_by_role("button", name="Enregistrer les réglages").click()
    expect(page.locator("[name=slot-1-at]")).to_have_value("10:00")
    boxes = page.locator("[name=slot-1-days][type=checkbox]:checked")
    expect(boxes).to_have_count(1)
    expect(boxes).to_have_value("5")
    # As the other tests know the house.
    page.locator("[name=slot-1-at]").fill("")
    page.get_by_role("button", name="Enregistrer les réglages").click()
    expect(page.locator("[name=slot-1-at]")).to_have_value("12:30")
