"""The way of a post as two people walk it, on a phone and, without a script, on a desk; and what the review
page must never do: offer an approval to who wrote, or lose what somebody typed."""

from __future__ import annotations

import re
import time
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Locator, expect

from cm_queue.seeding import ALT
from tests.browser import writing
from tests.browser.browsing import DESKTOP, PATIENCE_MS, Visitor
from tests.browser.conftest import Visit
from tests.browser.running import Demonstration
from tests.browser.writing import Text

pytestmark = [pytest.mark.browser, pytest.mark.slow]
expect.set_options(timeout=PATIENCE_MS)
# For what workers do: a slot is at most two minutes away.
OUT_WITHIN_S = 300

FIRST = "Nos ampoules durent toute la vie. Promis, foi de verrier !"
SECOND = "Nos ampoules durent cinq ans. Promis, foi de verrier !"


def link_to_what_went_out(person: Visitor, house: Demonstration, pk: int) -> Locator:
    """On the post's page, looked at again until the worker has been there."""
    link = person.one(f".delivery a[href^='{house.network}/']")
    until = time.monotonic() + OUT_WITHIN_S
    person.go(f"/posts/{pk}/")
    while not link.count():
        assert time.monotonic() < until, person.one(".verdict").inner_text()
        time.sleep(1)
        person.page.reload()
    return link


def walk_out(person: Visitor, house: Demonstration, pk: int) -> Locator:
    """Follows the post page's link to the network; the post as the public sees it."""
    link = link_to_what_went_out(person, house, pk)
    person.guard.origins.add(house.network)
    link.click()
    person.arrive(f"{house.network}/**")
    return person.one("article.post")


def queued(person: Visitor, pk: int) -> Locator:
    return person.one(f".row a[href='/review/{pk}/']")


def network_count(text: str) -> re.Pattern[str]:
    """The length as the demonstration network counts it, at the beginning of the counter."""
    return re.compile(rf"^\s*{len(text)}\b")


# --- The story --------------------------------------------------------------------------------------
def test_two_people_bring_a_post_to_the_public_on_their_phones(visit: Visit, house: Demonstration):
    ines, nadia = visit("ines"), visit("nadia")
    assert ines.one("html").get_attribute("lang") == "fr"

    # Inès writes; beside the form stands what the public would see, and who will have to say yes.
    writing.write(ines, Text(FIRST, writing.minutes_ahead(600), picture=True))
    ahead = ines.one("#ahead")
    expect(ahead.locator(".card .text")).to_have_text(FIRST)
    expect(ahead.locator(".card img")).to_have_attribute("alt", ALT)
    expect(ahead.locator(".card .count")).to_have_text(network_count(FIRST))
    expect(ahead.locator(".reqs li")).to_have_count(3)  # the craft, the channel, the house
    for requirement in ahead.locator(".reqs li").all():
        expect(requirement).to_contain_text("Nadia")
        expect(requirement).not_to_contain_text("Inès")
    pk = writing.submit(ines)
    assert ines.one(".delivery a").count() == 0

    # Nadia finds it in her queue, sees what the public will see, and sends it back.
    nadia.go("/review/")
    queued(nadia, pk).click()
    expect(nadia.one(".shown .card .text")).to_have_text(FIRST)
    expect(nadia.one(".shown .card img")).to_have_attribute("alt", ALT)
    assert nadia.one(".shown .card img").evaluate("image => image.decode().then(() => image.naturalWidth)")
    why = "On ne promet pas ce qu’on ne garantit pas : dis « cinq ans », c’est dans la notice."
    writing.object_to(nadia, pk, why)

    # Inès reads why on her desk, and corrects it.
    ines.go("/")
    expect(ines.one(".row").filter(has=ines.one(f"a[href='/posts/{pk}/edit/']"))).to_contain_text(why)
    ines.one(f".row h3 a[href='/posts/{pk}/edit/']").click()
    expect(ines.one("blockquote").filter(has_text=why)).to_be_visible()
    writing.correct(ines, pk, SECOND, writing.minutes_ahead(45))

    # Nadia sees, word by word, what changed since she read it, and approves exactly that.
    nadia.go(f"/review/{pk}/")
    changes = nadia.one("section[aria-labelledby=h-since] .proof")
    expect(changes.locator("del").first).to_contain_text("toute la vie")
    expect(changes.locator("ins").first).to_contain_text("cinq ans")
    nadia.page.get_by_role("button", name="Valider").click()
    nadia.arrive(lambda url: f"/review/{pk}/" not in url)

    # At its slot it is out, and the story of the post leads there.
    link_to_what_went_out(ines, house, pk)
    expect(ines.page.get_by_role("region", name="Il est publié :")).to_be_visible()
    public = walk_out(ines, house, pk)
    expect(public.locator(".said")).to_have_text(SECOND)
    expect(public.locator("img")).to_have_attribute("alt", ALT)


def test_the_same_way_without_a_script_on_a_desk(visit: Visit, house: Demonstration):
    ines, nadia = (visit(who, DESKTOP, script=False) for who in ("ines", "nadia"))
    first, second = "Un abat-jour se lave à l’eau.", "Un abat-jour se lave à l’eau tiède."
    writing.write(ines, Text(first, "on_approval", picture=True))
    ines.one("#compose button[formaction$='/preview/'].bare").click()
    expect(ines.one("#ahead .card .text")).to_have_text(first)
    expect(ines.one("#ahead .card .count")).to_have_text(network_count(first))
    expect(ines.one("#ahead .reqs li").first).to_contain_text("Nadia")
    assert ines.one("textarea[name='media-0-alt']").input_value() == ALT
    pk = writing.submit(ines)

    nadia.go("/review/")
    queued(nadia, pk).click()
    expect(nadia.one(".shown .card .text")).to_have_text(first)
    writing.object_to(nadia, pk, "Tiède, pas brûlante : précise-le.")
    writing.correct(ines, pk, second)
    nadia.go(f"/review/{pk}/")
    expect(nadia.one("section[aria-labelledby=h-since] .proof ins")).to_contain_text("tiède")
    nadia.one(".decide .d-yes button").click()
    nadia.arrive(lambda url: f"/review/{pk}/" not in url)

    public = walk_out(ines, house, pk)
    expect(public.locator(".said")).to_have_text(second)
    expect(public.locator("img")).to_have_attribute("alt", ALT)


# --- The review page ---------------------------------------------------------------------------------
def test_a_contributor_is_offered_no_approval(visit: Visit):
    """Nadia may approve what Inès wrote, and not what she wrote herself, whatever her level."""
    nadia, hugo = visit("nadia"), visit("hugo")
    writing.write(nadia, Text("Écrit par Nadia, qui sait tout faire sauf se relire."))
    pk = writing.submit(nadia)
    nadia.go(f"/review/{pk}/")
    expect(nadia.one("main h1")).to_be_visible()
    assert nadia.one("[data-key=a], [name=decision][value=approve]").count() == 0
    nadia.go("/review/")
    assert queued(nadia, pk).count() == 0
    hugo.go(f"/review/{pk}/")
    expect(hugo.one(".decide [data-key=a]")).to_be_visible()


@pytest.mark.parametrize("script", [True, False], ids=["with a script", "without one"])
def test_a_stale_screen_says_what_changed_and_keeps_what_was_typed(visit: Visit, script: bool):
    ines = visit("ines", DESKTOP)
    nadia = visit("nadia", DESKTOP, script=script)
    nadia.guard.expected = {409}
    writing.write(ines, Text(f"Le laiton se nettoie au citron, {'avec' if script else 'sans'} script."))
    pk = writing.submit(ines)
    nadia.go(f"/review/{pk}/")
    writing.correct(ines, pk, "Le laiton se nettoie au vinaigre blanc.")

    box = nadia.one(".decide .d-chg")
    box.locator("summary").click()
    box.locator("input[name=motive][value=tone]").check()
    box.locator("textarea[name=comment]").fill("Le citron attaque le vernis.")
    box.get_by_role("button").click()

    conflict = nadia.one("main [role=alert].clash-box")
    expect(conflict).to_contain_text("Inès")
    expect(conflict.locator("del").first).to_contain_text("citron")
    expect(conflict.locator("ins").first).to_contain_text("vinaigre")
    expect(box.locator("textarea[name=comment]")).to_be_visible()
    expect(box.locator("textarea[name=comment]")).to_have_value("Le citron attaque le vernis.")
    expect(box.locator("input[name=motive][value=tone]")).to_be_checked()
    # What is on the screen now can be decided on.
    box.get_by_role("button").click()
    nadia.arrive(lambda url: urlsplit(url).path != f"/review/{pk}/decide/" and f"/{pk}/" not in url)


def test_posts_are_read_and_decided_by_keys(visit: Visit):
    ines, nadia = visit("ines", DESKTOP), visit("nadia", DESKTOP)
    for number in range(3):
        writing.write(
            ines, Text(f"Au clavier, numéro {number}.", writing.minutes_ahead(86_400 * (number + 8)))
        )
        writing.submit(ines)
    page = nadia.page
    nadia.go("/review/")
    nadia.one(".row h3 a").first.click()
    nadia.arrive(lambda url: urlsplit(url).path != "/review/")
    first = urlsplit(page.url).path

    def pressed(key: str, *, leaves: str) -> str:
        page.keyboard.press(key)
        nadia.arrive(lambda url: urlsplit(url).path != leaves)
        # Pressed again too soon, the key would meet a page that is not there yet.
        expect(nadia.one("main h1")).to_be_visible()
        page.wait_for_load_state("load")
        return urlsplit(page.url).path

    second = pressed("j", leaves=first)
    assert pressed("k", leaves=second) == first
    help_line = nadia.one("[data-keys-help]")
    expect(help_line).to_be_hidden()
    page.keyboard.press("?")
    expect(help_line).to_be_visible()

    # A key in a field is a letter.
    page.keyboard.press("c")
    comment = nadia.one(".decide .d-chg textarea[name=comment]")
    expect(comment).to_be_visible()
    comment.focus()
    page.keyboard.type("car")
    expect(comment).to_have_value("car")
    page.keyboard.press("Escape")
    expect(comment).to_be_hidden()
    page.keyboard.press("r")
    expect(nadia.one(".decide .d-no textarea[name=comment]")).to_be_visible()
    expect(comment).to_be_hidden()
    page.keyboard.press("Escape")

    assert pressed("a", leaves=first) == second
    expect(nadia.one(".toast").first).to_be_visible()
    nadia.go(first)
    assert nadia.one(".decide [data-key=a]").count() == 0, "it is approved"
