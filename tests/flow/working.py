"""A house at work: its people with their tokens, the clock on its wall, its worker and its ticker, and the
network on which what goes out is seen. People act through the HTTP API and nothing else."""

from __future__ import annotations

import json
import re
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo

import httpx
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, Membership, Scope, User
from accounts.tokens import make_token
from adapters.transport import build_client
from approvals.expertise import Grant, found
from approvals.glossing import add as add_rule
from approvals.inviting import deactivate, invite
from approvals.reviewing import Word, decide, draft, submit
from approvals.running import create_brand, edit_brand
from cm_queue.demo_network import serve
from journal.recording import OPERATOR
from posts.drafting import current
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post, Product
from publishing.claiming import claim
from publishing.connecting import add_channel
from publishing.models import Attempt
from publishing.outcomes import record_results
from publishing.releasing import send, start_sending
from publishing.ticking import _PARTS as PARTS_OF_A_TICK
from tests.api.conftest import Caller
from tests.contract.stand_ins.serving import serving
from tests.flow.clockwork import Clock, set_to
from tests.flow.houses import LAMP, House

Json = dict[str, Any]
ZONE: Final = ZoneInfo("Europe/Paris")
SLUG: Final = "maison-lumiere"
PASSWORD: Final = "correct horse battery"
# Of anything that goes round until nothing is left to do.
ROUNDS: Final = 60
A_WEEK_AND_A_LITTLE: Final = 15
# Reading a post and pressing a button takes so long.
AN_ACT: Final = timedelta(seconds=20)


@dataclass
class Work:
    """`meant` is what should stand on the network at the end: {text: the instant at which it went out};
    `first` the id of Monday's post."""

    house: House
    brand: Brand
    people: dict[str, User]
    clock: Clock
    line: httpx.Client
    network: str
    callers: dict[str, Caller] = field(default_factory=dict)
    meant: dict[str, datetime] = field(default_factory=dict)
    first: int = 0
    were_asked: set[str] = field(default_factory=set)

    # --- Through the API ------------------------------------------------------------------------
    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Json:
        """The answer, whatever it is; the clock goes on a little with every act."""
        if method != "GET":
            self.clock.on(AN_ACT)
        path = path.replace("~", f"/brands/{SLUG}")
        answer = self.callers[who].call(method, path, body, **headers)
        told: Json = answer.json() if answer.content else {}
        assert answer.status_code < 500, told
        return {**told, "status": answer.status_code} if answer.status_code >= 400 else told

    def do(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> Json:
        """The answer of something that must not be refused."""
        told = self.ask(who, method, path, body, **headers)
        if told.get("code") == "reauthenticate":
            self.say_again_who_it_is(who)
            told = self.ask(who, method, path, body, **headers)
        assert "code" not in told or "status" not in told, (who, method, path, told)
        return told

    def say_again_who_it_is(self, who: str) -> None:
        """As the refusal says: on the page of tokens, where the password is asked for, a fresh one. Each
        person does it there once; later on by the page's verb, which takes a tenth of the time."""
        if who in self.were_asked:
            fresh = make_token(self.people[who], self.brand, Scope.values, present=True)
            self.callers[who] = Caller(self.people[who], fresh)
            return
        self.were_asked.add(who)
        page = Client()
        page.force_login(self.people[who])
        wanted = {"label": "Mon téléphone", "scopes": Scope.values}
        asked = page.post(reverse("tokens"), wanted)
        assert asked.headers["Location"].startswith(reverse("account_reauthenticate")), asked
        shown = page.post(asked.headers["Location"], {"password": PASSWORD}).content.decode()
        found_token = re.search(r"\bcmq_[\w-]{20,}", shown)
        assert found_token, "the new token is shown, once"
        self.callers[who] = Caller(self.people[who], found_token[0])

    def post(self, pk: int) -> Json:
        return self.do("ines", "GET", f"/posts/{pk}")

    def state(self, pk: int) -> str:
        return str(self.post(pk)["state"])

    def draft(self, who: str, text: str, **fields: Any) -> Json:
        fields = {"channels": ["demo"], "kind": "routine", **fields}
        return self.do(who, "POST", "~/posts", {"text": text, **fields})

    def submitted(self, who: str, text: str, **fields: Any) -> Json:
        made = self.draft(who, text, **fields)
        assert not made["problems"], made["problems"]
        told = self.do(who, "POST", f"/posts/{made['id']}/submit")
        assert told["state"] == PostState.IN_REVIEW, told
        return told

    def word(self, who: str, post: Json, decision: str = "approve", comment: str = "") -> Json:
        """A decision on the bytes of this answer; answered as it is, also when it is refused."""
        body = {"decision": decision, "digest": post["revision"]["digest"], "comment": comment}
        told = self.ask(who, "POST", f"/posts/{post['id']}/decisions", body)
        if told.get("code") == "reauthenticate":
            self.say_again_who_it_is(who)
            told = self.ask(who, "POST", f"/posts/{post['id']}/decisions", body)
        return told

    def approve(self, post: Json, *readers: str) -> None:
        """Each word counts, and the post goes on with the last one and not before."""
        for who in readers:
            assert self.where(post) != PostState.SCHEDULED, f"open before {who} had read it"
            told = self.word(who, post)
            assert told.get("counted") is True, (self.house.name, who, told)
        assert self.where(post) == PostState.SCHEDULED, (self.house.name, self.post(post["id"])["gate"])

    def where(self, post: Json) -> str:
        """Its state, at a glance: asking the API after each word would take longer than the words."""
        return Post.objects.values_list("state", flat=True).get(pk=post["id"])

    def planned(self, text: str, slot: datetime, *readers: str, **fields: Any) -> Json:
        """Written by Inès, read by those it needs, and due at its slot."""
        post = self.submitted("ines", text, slot=slot.isoformat(), **fields)
        self.approve(post, *readers)
        self.meant[text] = slot
        return post

    def planned_in_bulk(self, texts: list[str], slot: datetime, *groups: tuple[str, ...]) -> None:
        """The same by the verbs behind the API, the groups of readers taking turns."""
        for number, text in enumerate(texts):
            self.clock.on(AN_ACT)
            fields: Any = {"text": text, "channels": ["demo"], "slot": slot.isoformat()}
            made = submit(self.people["ines"], draft(self.people["ines"], self.brand, fields).pk)
            digest = current(made).digest
            for who in groups[number % len(groups)]:
                decide(self.people[who], made.pk, Word("approve", digest, present=True))
            self.meant[text] = slot

    # --- Time, and who works by it ----------------------------------------------------------------
    def until(self, moment: datetime) -> None:
        """Worker and ticker go on until then, and do each thing at the instant at which it is due."""
        for _round in range(ROUNDS):
            due = self._next_due()
            if due is None or due > moment:
                break
            self.clock.to(due)
            self.work()
        else:
            raise AssertionError(f"something is due again and again: {self._next_due()}")
        self.clock.to(max(moment, self.clock.now))
        self.work()

    def _next_due(self) -> datetime | None:
        now = self.clock.now
        ahead = Delivery.objects.filter(
            state=DeliveryState.PENDING.value, next_at__gt=now, approved_digest__isnull=False
        )
        slots = Post.objects.filter(state=PostState.IN_REVIEW.value, slot__gt=now)
        dues = [
            *ahead.order_by("next_at").values_list("next_at", flat=True)[:1],
            *slots.order_by("slot").values_list("slot", flat=True)[:1],
        ]
        return min((due for due in dues if due is not None), default=None)

    def work(self) -> None:
        for part in PARTS_OF_A_TICK:
            # Not `tick()`, which goes on after a fault, and gives its connection back.
            part()
        for _round in range(ROUNDS):
            ready = claim("worker-1", 50)
            if not ready:
                return
            record_results([send(sending, self.line) for sending in start_sending(ready, "worker-1")])
        raise AssertionError("the worker finds no end")

    # --- What is seen -----------------------------------------------------------------------------
    def out(self) -> list[str]:
        """The texts on the network, looked at without our adapter."""
        with urllib.request.urlopen(f"{self.network}/api/posts?account={SLUG}", timeout=10) as answer:
            return [one["text"] for one in json.load(answer)]

    def demand_all_out_and_nothing_else(self) -> None:
        """Every post that should go out did, at its slot and once; nothing else did."""
        assert sorted(self.out()) == sorted(self.meant), self.house.name
        attempts = Attempt.objects.select_related("delivery__post__revision")
        found_times = {
            one.delivery.post.revision.content["text"]: one.started_at
            for one in attempts
            if one.delivery.post.revision
        }
        assert found_times == self.meant
        assert len(attempts) == len(self.meant), "each was tried once"


def at(day: int, clock: str) -> datetime:
    """A time of the week on the wall of the house: day 1 is Monday, 0 the Sunday before."""
    hours, minutes = clock.split(":")
    return datetime(2027, 5, 2, int(hours), int(minutes), tzinfo=ZONE) + timedelta(days=day)


def _settle_in(house: House, base: str) -> tuple[Brand, dict[str, User]]:
    """Olga founds the house, names Nadia its owner, and leaves: who is left is the team."""
    operator = User.objects.create_superuser("exploitation@example.org", None, name="Exploitation")
    brand = create_brand(operator, SLUG, name="Maison Lumière", time_zone=str(ZONE), language="fr")
    for name in ("olga", *house.people):
        owner = name in {"olga", "nadia"}
        invite(operator, brand, f"{name}@{SLUG}.example", name.title(), is_owner=owner)
    people = {user.email.partition("@")[0]: user for user in User.objects.filter(memberships__brand=brand)}
    Product.objects.create(brand=brand, key=LAMP, name="Lampe Aurore")
    grants = [
        Grant(people[name], domain, level, "Vu à la fondation.")
        for name, levels in house.people.items()
        for domain, level in levels.items()
    ]
    found(people["olga"], brand, grants)
    add_rule(people["olga"], brand, "Lampe Aurore", f"product:{LAMP}")
    add_channel(OPERATOR, brand, "demo", "demo", {"base_url": base, "account": SLUG}, "")
    deactivate(operator, Membership.objects.get(brand=brand, user=people.pop("olga")))
    return brand, people


@contextmanager
def at_work(house: House, folder: Path) -> Iterator[Work]:
    """The house on the Sunday before, founded three months ago, under its preset."""
    server = serve(folder, 0)
    base = f"http://127.0.0.1:{server.server_port}"
    with (
        serving(server),
        build_client(allow_private=True, user_agent="CM-Queue/tests", timeout_s=5) as line,
        set_to(at(-30, "10:00")) as clock,
    ):
        brand, people = _settle_in(house, base)
        clock.to(at(0, "17:00"))
        work = Work(house, brand, people, clock, line, base)
        for name, user in people.items():
            user.set_password(PASSWORD)
            # What is said is compared with the source's own words.
            user.language = "en"
            user.save(update_fields=["password", "language"])
            token = make_token(user, brand, Scope.values, present=True)
            work.callers[name] = Caller(user, token)
        # Twenty, as it is from the house on, in one of them; elsewhere a week and a little is enough.
        if house.name != "team-6":
            edit_brand(people["nadia"], brand.pk, accepted_to_entrust=A_WEEK_AND_A_LITTLE)
        _adopt(work)
        yield work


def _adopt(work: Work) -> None:
    """The preset comes into force as any change of the rules does: by two people."""
    body = {"preset": work.house.preset, "reason": "Cela nous ressemble."}
    version = work.do("nadia", "POST", "~/policy", body)
    assert version["state"] == "PROPOSED"
    assert work.ask("nadia", "POST", f"/policy/{version['id']}/confirm")["code"] == "own_proposal"
    confirmed = work.do(work.house.second, "POST", f"/policy/{version['id']}/confirm")
    assert (confirmed["state"], confirmed["rules"]["preset"]) == ("ACTIVE", work.house.preset)
