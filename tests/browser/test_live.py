"""Pages that stay true while they are open: what somebody else does appears, what one types stays, a lost
connection says so and takes its word back."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser import writing
from tests.browser.browsing import DESKTOP, PATIENCE_MS, PHONE, Visitor
from tests.browser.conftest import Visit
from tests.browser.writing import Text

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE_MS)
LOST, CHANGED = "#live [data-says=lost]", "#live [data-says=changed]"


def look(person: Visitor) -> None:
    """As if they came back to the tab: what is due to be asked is asked now."""
    person.page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def submitted(ines: Visitor, text: str) -> int:
    writing.write(ines, Text(text, writing.minutes_ahead(600)))
    return writing.submit(ines)


def test_what_somebody_else_decides_appears_by_itself(visit: Visit):
    ines, nadia = visit("ines", DESKTOP), visit("nadia", DESKTOP)
    pk = submitted(ines, "Le verre se souffle le matin, quand le four est calme.")
    nadia.go("/review/")
    ines.go(f"/posts/{pk}/")
    expect(ines.one(".line")).not_to_contain_text("Nadia a validé")
    writing.approve(visit("nadia", DESKTOP), pk)
    look(ines)
    expect(ines.one("[data-live-region=story] .line")).to_contain_text("Nadia")
    expect(ines.one("[data-live-region=headline] .st")).not_to_contain_text("en relecture")
    look(nadia)
    expect(nadia.one(f".row a[href='/review/{pk}/']")).to_have_count(0)


def test_a_new_post_appears_in_the_queue_and_the_bell_counts(visit: Visit):
    ines, nadia = visit("ines", DESKTOP), visit("nadia", PHONE)
    nadia.go("/review/")
    pk = submitted(ines, "Une lampe éteinte ne consomme rien, débranchée non plus.")
    look(nadia)
    expect(nadia.one(f".row a[href='/review/{pk}/']")).to_have_count(1)
    expect(nadia.one(".bell .n")).to_be_visible()


def test_who_is_typing_is_not_disturbed_and_told(visit: Visit):
    ines, hugo = visit("ines", DESKTOP), visit("hugo", DESKTOP)
    pk = submitted(ines, "On ne touche pas un abat-jour avec les mains grasses.")
    ines.go(f"/posts/{pk}/")
    field = ines.one("#comments textarea[name=text]")
    field.fill("Je me demandais si")
    hugo.go(f"/posts/{pk}/")
    hugo.one("#comments textarea[name=text]").fill("Dis plutôt « propres ».")
    hugo.one("#comments form.remark button[type=submit]").first.click()
    expect(hugo.one("#comments")).to_contain_text("Dis plutôt")
    look(ines)
    expect(ines.one(CHANGED)).to_be_visible()
    expect(field).to_have_value("Je me demandais si")
    expect(field).to_be_focused()
    expect(ines.one("#comments")).not_to_contain_text("Dis plutôt")
    # Elsewhere on the page nobody types: there it is shown at once.
    expect(ines.one("[data-live-region=story]")).to_contain_text("Hugo")
    ines.one("[data-live-show]").click()
    expect(ines.one("#comments")).to_contain_text("Dis plutôt")
    expect(ines.one("#comments textarea[name=text]")).to_have_value("Je me demandais si")
    expect(ines.one(CHANGED)).to_be_hidden()


def test_a_reviewer_is_told_and_never_finds_other_words_under_their_hand(visit: Visit):
    ines, nadia, hugo = visit("ines", DESKTOP), visit("nadia", DESKTOP), visit("hugo", DESKTOP)
    pk = submitted(ines, "Nos abat-jour viennent de Cholet, tissés à la main.")
    nadia.go(f"/review/{pk}/")
    writing.object_to(hugo, pk, "Tissés, ou cousus ?")
    look(nadia)
    expect(nadia.one(CHANGED)).to_be_visible()
    expect(nadia.one("[data-live-region=decision]")).not_to_contain_text("Tissés, ou cousus")


def test_a_lost_connection_says_so_and_comes_back(visit: Visit):
    ines = visit("ines", DESKTOP)
    ines.go("/")
    expect(ines.one(LOST)).to_be_hidden()
    ines.context.set_offline(True)
    expect(ines.one(LOST)).to_be_visible()
    ines.context.set_offline(False)
    expect(ines.one(LOST)).to_be_hidden()


def test_who_was_signed_out_meanwhile_is_told_and_comes_back_here(visit: Visit):
    ines = visit("ines", DESKTOP)
    ines.go("/channels/")
    ines.context.clear_cookies()
    look(ines)
    link = ines.one("#live [data-says=out] a")
    expect(link).to_be_visible()
    link.click()
    ines.arrive(re.compile(r"/accounts/login/\?next=.*channels"))


def test_a_hidden_tab_asks_nothing_and_the_truth_is_there_when_it_is_shown(visit: Visit):
    ines, nadia = visit("ines", DESKTOP), visit("nadia", DESKTOP)
    nadia.go("/review/")
    nadia.page.evaluate(
        "Object.defineProperty(document, 'hidden', {configurable: true, get: () => true});"
        "document.dispatchEvent(new Event('visibilitychange'))"
    )
    asked: list[str] = []
    nadia.page.on("request", lambda request: asked.append(request.url))
    pk = submitted(ines, "Le tri du verre commence à l’atelier, couleur par couleur.")
    assert asked == []
    nadia.page.evaluate("delete document.hidden")
    look(nadia)
    expect(nadia.one(f".row a[href='/review/{pk}/']")).to_have_count(1)


def test_without_a_script_nothing_of_it_is_seen(visit: Visit):
    ines = visit("ines", DESKTOP, script=False)
    ines.go("/")
    for line in ines.one("#live p").all():
        expect(line).to_be_hidden()
