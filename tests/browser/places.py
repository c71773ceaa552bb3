"""Every page of the desk, and a stage on which each of them has something to show."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from playwright.sync_api import Browser

from cm_queue.recalled import PRO
from cm_queue.seeding import DOMAIN
from tests.browser import writing
from tests.browser.browsing import DESKTOP, Visitor
from tests.browser.running import Demonstration
from tests.browser.writing import Text

PATIENCE_S = 300


INVITED = ""


class Place(NamedTuple):
    """A page: its name in file names, its address, who looks at it (None: somebody outside; INVITED: whoever opened
    the stage's invitation), and the HTTP status with which it answers. `{draft}` and the like stand for the stage's
    posts."""

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
    Place("lexicon", "/lexicon/", "nadia"),
    Place("lexicon-ines", "/lexicon/", "ines"),
    Place("lexicon-rule", "/lexicon/1/", "nadia"),
    Place("review-queue-empty", "/review/", "olga"),
    Place("review", "/review/{picture}/", "nadia"),
    Place("review-changed", "/review/{changed}/", "nadia"),
    Place("review-contributor", "/review/{changed}/", "ines"),
    Place("compose", "/compose/", "ines"),
    Place("compose-template", "/compose/?template=1", "ines"),
    Place("stock", "/snippets/", "olga"),
    Place("stock-read", "/snippets/", "ines"),
    Place("stock-change", "/snippets/1/", "olga"),
    Place("edit", "/posts/{sent_back}/edit/", "ines"),
    Place("edit-picture", "/posts/{picture}/edit/", "ines"),
    Place("calendar", "/calendar/?view=list", "nadia"),
    Place("calendar-month", "/calendar/?view=month", "nadia"),
    Place("calendar-week", "/calendar/?view=week", "ines"),
    Place("calendar-move", "/calendar/posts/{picture}/move/", "ines"),
    Place("post-draft", "/posts/{draft}/", "ines"),
    Place("post-in-review", "/posts/{picture}/", "ines"),
    Place("post-published", "/posts/{published}/", "ines"),
    Place("post-held", "/posts/{held}/", "nadia"),
    Place("by-hand", "/deliveries/{by_hand}/by-hand/", "nadia"),
    Place("recurrences", "/recurrences/", "ines"),
    Place("people", "/people/", "nadia"),
    Place("person", "/people/1/", "nadia"),
    Place("person-owner", "/people/2/", "olga"),
    Place("policy", "/policy/", "olga"),
    Place("policy-propose", "/policy/propose/", "olga"),
    Place("policy-presets", "/policy/presets/", "nadia"),
    Place("channels", "/channels/", "olga"),
    Place("reconnect-channel", "/channels/1/reconnect/", "olga"),
    Place("add-channel", "/channels/add/", "olga"),
    Place("add-mastodon", "/channels/add/mastodon/", "olga"),
    Place("add-linkedin", "/channels/add/linkedin/", "olga"),
    Place("sign-in-over", "/channels/return/linkedin/", "olga", 422),
    Place("notifications", "/notifications/", "ines"),
    Place("notifications-new", "/notifications/?only=unread", "nadia"),
    Place("insights", "/insights/?weeks=12", "nadia"),
    Place("insights-ines", "/insights/", "ines"),
    Place("journal", "/journal/", "nadia"),
    Place("incidents", "/incident/", "victor"),
    Place("incident", "/incident/{incident}/", "victor"),
    Place("settings", "/settings/", "olga"),
    Place("settings-read", "/settings/", "ines"),
    Place("setup", "/setup/", "olga"),
    Place("people-invite", "/people/invite/", "olga"),
    Place("people-rota", "/people/on-call/", "olga"),
    Place("people-rota-read", "/people/on-call/", "nadia"),
    Place("sign-up-closed", "/accounts/signup/", None),
    Place("invitation-none", "/invitation/none/", None, 404),
    Place("invitation", "/invitation/{invitation}/", None),
    Place("sign-up", "/accounts/signup/", INVITED),
    Place("tokens", "/tokens/", "ines"),
    Place("styleguide", "/styleguide/", "olga"),
    Place("not-found", "/posts/999999/", "ines", 404),
    Place("account-email", "/accounts/email/", "ines"),
    Place("account-password", "/accounts/password/set/", "ines"),
    Place("account-2fa", "/accounts/2fa/", "ines"),
    Place("account-keys", "/accounts/2fa/webauthn/", "ines"),
    Place("account-sign-out", "/accounts/logout/", "ines"),
    Place("api-docs", "/api/v1/docs", "olga"),
    Place("panel", "/admin/", "olga"),
    Place("panel-list", "/admin/posts/delivery/", "olga"),
    Place("panel-row", "/admin/posts/post/{picture}/change/", "olga"),
    Place("panel-form", "/admin/posts/post/{picture}/decide/", "olga"),
    Place("panel-confirm", "/admin/posts/delivery/{by_hand}/settle/", "olga"),
)


@dataclass(frozen=True)
class Stage:
    """The posts that pages are looked at with: their numbers by name; `by_hand` is that of a delivery, `incident` that of
    an incident. And the words of an invitation's link."""

    posts: Mapping[str, int]
    invitation: str

    def path(self, place: Place) -> str:
        return place.path.format(**self.posts, invitation=self.invitation)

    def send(self, visitor: Visitor, who: str | None) -> Visitor:
        """Makes the visitor whoever looks at a place."""
        if who:
            return visitor.sign_in(who)
        if who == INVITED:
            visitor.go(f"/invitation/{self.invitation}/")
            visitor.one("main form button.go").click()
            visitor.arrive("**/accounts/signup/")
        return visitor


def set_stage(browser: Browser, house: Demonstration) -> Stage:
    """A post in each state that the seeded desk does not have yet, made by hand as people would."""
    house.let_in_to_the_admin(f"olga@{DOMAIN}")
    cast = ("ines", "nadia", "olga", "victor", "hugo")
    people = [Visitor(browser, house.desk, DESKTOP).sign_in(who) for who in cast]
    ines, nadia, olga, victor, hugo = people
    try:
        posts = {**_write_posts(ines, nadia), "by_hand": _hand_over(ines, nadia, olga)}
        posts["incident"] = _go_through_a_crisis(ines, nadia, victor, hugo)
        return Stage(posts, _invite(olga, house))
    finally:
        for one in people:
            one.close()


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
    ines.arrive(re.compile(r"/posts/\d+/edit/"))
    posts["draft"] = int(re.findall(r"\d+", ines.page.url)[-1])
    _wait_until_out(ines, public)
    return posts


def _hand_over(ines: Visitor, nadia: Visitor, olga: Visitor) -> int:
    """A post on a channel where people post by hand, handed over; the number of its delivery."""
    olga.go("/channels/add/manual/")
    for name, value in (
        ("name", "TikTok"),
        ("set-place", "TikTok"),
        ("set-open_url", "https://www.tiktok.com/"),
    ):
        olga.one(f"[name={name}]").fill(value)
    olga.one("main form button.go").click()
    olga.arrive(lambda url: "/add/" not in url)
    writing.write(ines, Text("Le geste du jour : souffler le verre sans le regarder.", "on_approval", picture=True, channel="tiktok"))  # fmt: skip
    pk = writing.submit(ines)
    writing.approve(nadia, pk)
    _wait_until_out(ines, pk, ".delivery a[href$='/by-hand/']")
    link = ines.one(".delivery a[href$='/by-hand/']").get_attribute("href") or ""
    return int(re.findall(r"\d+", link)[-1])


def _go_through_a_crisis(ines: Visitor, nadia: Visitor, victor: Visitor, hugo: Visitor) -> int:
    """An incident on the professionals' channel, declared, and lifted by two; what it held still has to be gone
    through. Answers its number."""
    for words in (
        "Les architectes qui ont dessiné la médiathèque d’Angers nous rendent visite jeudi.",
        "Fiche technique : le variateur de la lampe Aurore, pour les électriciens.",
    ):
        writing.write(ines, Text(words, channel=PRO))
        writing.approve(nadia, writing.submit(ines))
    victor.go("/incident/")
    box = victor.one("details:has(form[action$='/incident/declare/'])")
    box.locator("summary").click()
    box.locator(f"input[name=scope][value='channel:{PRO}']").check()
    box.locator("[name=reason]").fill(
        "Un lot de douilles E27 chauffe : un installateur l’a signalé ce matin."
    )
    box.get_by_role("button").click()
    victor.arrive(re.compile(r"/incident/\d+/"))
    pk = int(re.findall(r"\d+", victor.page.url)[-1])
    for person, why in ((victor, "Le lot est retiré de la vente."), (hugo, "Les clients sont prévenus.")):
        person.go(f"/incident/{pk}/")
        lift = person.one("#lift details")
        lift.locator("summary").click()
        lift.locator("[name=reason]").fill(why)
        with person.page.expect_navigation():
            lift.get_by_role("button").click()
    return pk


def _invite(olga: Visitor, house: Demonstration) -> str:
    """Somebody new is asked in; the words of the link that they are mailed."""
    olga.go("/people/invite/")
    olga.one("main [name=email]").fill(f"paul@{DOMAIN}")
    olga.one("main [name=name]").fill("Paul")
    olga.one("main form button.go").click()
    olga.page.wait_for_load_state()
    mails = sorted((house.data / "mail").iterdir(), key=lambda path: path.stat().st_mtime)
    links = [found for path in mails for found in re.findall(r"/invitation/([^/\s\"]+)/", path.read_text())]
    return links[-1]


def hold(person: Visitor, pk: int, reason: str) -> None:
    person.go(f"/posts/{pk}/")
    box = person.one(f"details:has(form[action='/posts/{pk}/hold/'])")
    box.locator("summary").click()
    box.locator("[name=reason]").fill(reason)
    box.get_by_role("button").click()
    person.page.wait_for_load_state()


def _wait_until_out(person: Visitor, pk: int, sign: str = ".delivery a") -> None:
    until = time.monotonic() + PATIENCE_S
    person.go(f"/posts/{pk}/")
    while not person.one(sign).count():
        assert time.monotonic() < until, person.one(".verdict").inner_text()
        time.sleep(1)
        person.page.reload()
