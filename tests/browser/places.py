"""Every page of the desk, and a stage on which each of them has something to show."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from playwright.sync_api import Browser

from cm_queue.seeding import DOMAIN
from tests.browser import writing
from tests.browser.browsing import DESKTOP, Visitor
from tests.browser.running import Demonstration
from tests.browser.writing import Text

PATIENCE_S = 300


class Place(NamedTuple):
    """A page: its name in file names, its address, who looks at it (None: somebody outside), and the HTTP
    status with which it answers. `{draft}` and the like stand for the stage's posts."""

    name: str
    path: str
    who: str | None
    status: int = 200


PLACES = (
    Place("login", "/accounts/login/", None),
    Place("login-next", "/accounts/login/?next=/review/", None),
    Place("password-reset", "/accounts/password/reset/", None),
    Place("desk-nadia", "/", "nadia"),
    Place("desk-ines", "/", "ines"),
    Place("review-queue", "/review/", "nadia"),
    Place("review-queue-empty", "/review/", "olga"),
    Place("review", "/review/{picture}/", "nadia"),
    Place("review-changed", "/review/{changed}/", "nadia"),
    Place("review-contributor", "/review/{changed}/", "ines"),
    Place("compose", "/compose/", "ines"),
    Place("edit", "/posts/{sent_back}/edit/", "ines"),
    Place("edit-picture", "/posts/{picture}/edit/", "ines"),
    Place("post-draft", "/posts/{draft}/", "ines"),
    Place("post-in-review", "/posts/{picture}/", "ines"),
    Place("post-published", "/posts/{published}/", "ines"),
    Place("post-held", "/posts/{held}/", "nadia"),
    Place("people", "/people/", "nadia"),
    Place("channels", "/channels/", "olga"),
    Place("add-channel", "/channels/add/", "olga"),
    Place("add-mastodon", "/channels/add/mastodon/", "olga"),
    Place("journal", "/journal/", "nadia"),
    Place("tokens", "/tokens/", "ines"),
    Place("styleguide", "/styleguide/", "olga"),
    Place("not-found", "/posts/999999/", "ines", 404),
    Place("account-email", "/accounts/email/", "ines"),
    Place("account-password", "/accounts/password/set/", "ines"),
    Place("account-2fa", "/accounts/2fa/", "ines"),
    Place("account-keys", "/accounts/2fa/webauthn/", "ines"),
    Place("account-sign-out", "/accounts/logout/", "ines"),
    Place("api-docs", "/api/v1/docs", "olga"),
)


@dataclass(frozen=True)
class Stage:
    """The posts that pages are looked at with: their numbers by name."""

    posts: Mapping[str, int]

    def path(self, place: Place) -> str:
        return place.path.format(**self.posts)


def set_stage(browser: Browser, house: Demonstration) -> Stage:
    """A post in each state that the seeded desk does not have yet, made by hand as people would."""
    house.let_in_to_the_admin(f"olga@{DOMAIN}")
    ines, nadia = (Visitor(browser, house.desk, DESKTOP).sign_in(who) for who in ("ines", "nadia"))
    try:
        return Stage(_write_posts(ines, nadia))
    finally:
        ines.close()
        nadia.close()


def _write_posts(ines: Visitor, nadia: Visitor) -> Mapping[str, int]:
    posts = {}

    def written(name: str, text: Text) -> int:
        writing.write(ines, text)
        posts[name] = writing.submit(ines)
        return posts[name]

    public = written("published", Text("L’atelier d’Angers ouvre ses portes samedi, de 10 h à 17 h.\n\nOn y souffle le verre devant vous.", "on_approval", picture=True))  # fmt: skip
    writing.approve(nadia, public)
    changed = written("changed", Text("Un abat-jour en lin se lave à l’eau bouillante, sans frotter, deux fois par an."))  # fmt: skip
    writing.object_to(nadia, changed, "Bouillante, il rétrécit : écris « tiède », et une fois par an suffit.")
    writing.correct(
        ines, changed, "Un abat-jour en lin se lave à l’eau tiède, sans frotter, une fois par an."
    )
    written("picture", Text("La lampe Aurore se lève avec vous : une lumière douce qui monte en trente minutes.", picture=True))  # fmt: skip
    back = written("sent_back", Text("Nos lampes consomment deux fois moins que les autres."))
    writing.object_to(nadia, back, "Quelles autres ? Sans source, on ne compare pas.")
    held = written("held", Text("Les soldes commencent mercredi dans nos boutiques d’Angers et de Nantes."))
    hold(nadia, held, "On attend la date exacte de la préfecture.")
    writing.write(ines, Text("Pourquoi le verre soufflé garde toujours une bulle."))
    ines.one("#compose .closing button:not([formaction])").click()
    ines.page.wait_for_url(re.compile(r"/posts/\d+/edit/"))
    posts["draft"] = int(re.findall(r"\d+", ines.page.url)[-1])
    _wait_until_out(ines, public)
    return posts


def hold(person: Visitor, pk: int, reason: str) -> None:
    person.go(f"/posts/{pk}/")
    box = person.one(f"details:has(form[action='/posts/{pk}/hold/'])")
    box.locator("summary").click()
    box.locator("[name=reason]").fill(reason)
    box.get_by_role("button").click()
    person.page.wait_for_load_state()


def _wait_until_out(person: Visitor, pk: int) -> None:
    until = time.monotonic() + PATIENCE_S
    person.go(f"/posts/{pk}/")
    while not person.one(".delivery a").count():
        assert time.monotonic() < until, person.one(".verdict").inner_text()
        time.sleep(1)
        person.page.reload()
