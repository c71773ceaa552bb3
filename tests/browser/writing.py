"""What the people of the story do with their mouse and keyboard, the same with and without a script."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cm_queue.seeding import ALT, lamp_picture
from tests.browser.browsing import Visitor

PARIS = ZoneInfo("Europe/Paris")


def minutes_ahead(least_s: int) -> str:
    """The first full minute at least `least_s` seconds from now, as the page's field wants it."""
    soonest = datetime.now(UTC) + timedelta(seconds=least_s)
    whole = soonest.replace(second=0, microsecond=0)
    return (whole + timedelta(minutes=1)).astimezone(PARIS).strftime("%Y-%m-%dT%H:%M")


@dataclass(frozen=True)
class Text:
    """What a post says, and when: `slot` is a moment such as `minutes_ahead` gives, `on_approval`, or empty
    for the one that the page proposes. `channel` is where it goes, by its short name."""

    words: str
    slot: str = ""
    picture: bool = False
    channel: str = "demo"


def write(person: Visitor, text: Text) -> None:
    """Opens the compose page and fills it in."""
    person.go("/compose/")
    for box in person.page.locator("input[name=channels]:checked").all():
        box.uncheck()
    person.one(f"input[name=channels][value={text.channel}]").check()
    person.one("textarea[name=text]").fill(text.words)
    if text.picture:
        add_picture(person)
    if text.slot:
        choose(person, text.slot)


def add_picture(person: Visitor) -> None:
    """Uploads the lamp and describes it. With a script the upload begins at once, else by its button."""
    file = {"name": "aurore.jpg", "mimeType": "image/jpeg", "buffer": lamp_picture(640, 480)}
    person.one("input[name=pictures]").set_input_files([file])  # type: ignore[list-item]
    if not person.script:
        person.one("#media .add button").click()
    person.one("textarea[name='media-0-alt']").fill(ALT)


def choose(person: Visitor, slot: str) -> None:
    if slot == "on_approval":
        person.one("input[name=slot][value=on_approval]").check()
    else:
        person.one("input[name=slot][value=other]").check()
        person.one("input[name=at]").fill(slot)


def submit(person: Visitor) -> int:
    """Presses “save and submit”; answers the post's number."""
    person.one("#compose button[formaction$='/submit/']:visible").click()
    person.arrive(re.compile(r"/posts/\d+/$"))
    found = re.search(r"/posts/(\d+)/", person.page.url)
    assert found is not None
    return int(found[1])


def object_to(person: Visitor, pk: int, why: str, motive: str = "facts") -> None:
    """Asks for changes, with a reason of the trade's list and a sentence."""
    person.go(f"/review/{pk}/")
    box = person.one(".decide .d-chg")
    box.locator("summary").click()
    box.locator(f"input[name=motive][value={motive}]").check()
    box.locator("textarea[name=comment]").fill(why)
    box.get_by_role("button").click()
    person.arrive(lambda url: f"/review/{pk}/" not in url)


def correct(person: Visitor, pk: int, words: str, slot: str = "") -> None:
    """The author's new revision."""
    person.go(f"/posts/{pk}/edit/")
    person.one("textarea[name=text]").fill(words)
    if slot:
        choose(person, slot)
    with person.page.expect_navigation():
        person.one("#compose .closing button.go").click()


def approve(person: Visitor, pk: int) -> None:
    person.go(f"/review/{pk}/")
    person.one(".decide .d-yes button").click()
    person.arrive(lambda url: f"/review/{pk}/" not in url)
