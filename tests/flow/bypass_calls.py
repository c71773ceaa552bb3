"""Makes the calls of the bypass matrix, each in a savepoint that is rolled back, and looks what came of it."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.cookies import SimpleCookie
from random import Random
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.test import Client

from tests.flow.bypass_bodies import Harvest, body_for, harvest, revision_number, trimmed
from tests.flow.bypass_stage import Stage
from tests.flow.bypass_watch import (
    changed,
    fingerprint,
    judge,
    make_all_due,
    marks_in,
    watching_writes,
)
from tests.flow.bypassing import (
    EMPTY,
    PLAUSIBLE,
    Address,
    What,
    fill,
    is_refused_by_method,
    objects_of,
    panel_row,
)

NOBODY = "nobody"
# Of these the pages' forms are taken: the author, two mentors, and the owner.
READERS = ("ines", "nadia", "hugo", "olga")


@dataclass(frozen=True)
class Cell:
    what: What
    who: str
    which: str
    turn: int

    def __str__(self) -> str:
        return f"{self.who}: {self.what} on {self.which or '–'}"


@dataclass
class Tally:
    calls: int = 0
    wrote: int = 0
    sent: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)


def cells(whats: list[What], people: list[str], *, whole: bool, seed: int = 20261122) -> Iterator[Cell]:
    """All of them, or so many that each pair is among them: of a person, a door, a method and a state."""
    if whole:
        for turn, what in enumerate(whats):
            for who in people:
                yield from (Cell(what, who, which, turn) for which in objects_of(what))
        return
    draw = Random(seed)
    doors: dict[tuple[Address, str], list[What]] = {}
    for what in whats:
        doors.setdefault((what.address, what.action), []).append(what)
    by_objects: Counter[int] = Counter()
    for turn, ways in enumerate(doors.values()):
        objects, hows = objects_of(ways[0]), _in_turn(ways)
        # Against each other people and states move on by one from door to door, so that all of them meet.
        by_objects[len(objects)] += 1
        shift, first = by_objects[len(objects)], draw.randrange(len(hows))
        for row in range(max(len(people), len(objects), len(hows))):
            who, which = people[row % len(people)], objects[(row + shift) % len(objects)]
            yield Cell(hows[(row + first) % len(hows)], who, which, turn + row)
        if ways[0].address.area == "panel":
            # There one person alone gets through the door: each way is tried by them.
            yield from (Cell(what, "superuser", objects[turn % len(objects)], turn) for what in ways)


def _in_turn(ways: list[What]) -> list[What]:
    """Each way once, and between any two the one that gets furthest: a POST with all that is asked for."""
    best = [one for one in ways if one.how == PLAUSIBLE] or [
        one for one in ways if not is_refused_by_method(one)
    ]
    if not best:
        return ways
    return [one for way in ways if way is not best[0] for one in (best[0], way)] or best


@dataclass
class Caller:
    stage: Stage
    area: str
    whole: bool = False
    tally: Tally = field(default_factory=Tally)
    clients: dict[str, Client] = field(default_factory=dict)
    cookies: dict[str, SimpleCookie] = field(default_factory=dict)
    forms: Harvest = field(default_factory=Harvest)
    prints: dict[int, dict[str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for who in (*self.stage.people, NOBODY):
            self.clients[who] = self._client(who)
            self.cookies[who] = SimpleCookie(self.clients[who].cookies.output(header="", sep=";"))
        if self.area != "api":
            readers = ("superuser",) if self.area == "panel" else READERS
            self.forms = harvest(self.stage, self.clients, self.area, readers, whole=self.whole)
        for brand in (self.stage.here.brand, self.stage.there.brand):
            self.prints[brand.pk] = fingerprint(brand)

    def _client(self, who: str) -> Client:
        """Signed in a moment ago, so that nothing asks for a password again."""
        client = Client(raise_request_exception=False)
        client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
        if who == NOBODY or self.area == "api":
            return client
        client.force_login(self.stage.people[who])
        session = client.session
        session["account_authentication_methods"] = [{"method": "password", "at": time.time()}]
        session.save()
        return client

    def call(self, cell: Cell) -> None:
        network = self.stage.network.front.seen
        before = len(network)
        cache.clear()
        with transaction.atomic():
            with watching_writes() as watched:
                status, body = self._answer(cell)
            self._look_at_answer(cell, status, body)
            at_once = [one for one in network[before:] if one.method != "GET"]
            self._find(cell, [f"{one.method} {one.path} without a worker" for one in at_once])
            self._find(cell, judge(at_once))
            if watched.wrote:
                self.tally.wrote += 1
                self._look_at_rows(cell, watched.wrote)
                make_all_due()
                self.tally.sent += self.stage.round()
                self._find(cell, judge(network[before + len(at_once) :]))
            transaction.set_rollback(True)
        self.tally.calls += 1
        self.tally.statuses[status] = self.tally.statuses.get(status, 0) + 1

    def _find(self, cell: Cell, words: list[str]) -> None:
        self.tally.findings += [f"{cell}: {word}" for word in words]

    def _look_at_answer(self, cell: Cell, status: int, body: bytes) -> None:
        if status >= 500:
            self._find(cell, [f"answered {status}"])
        if not self._runs_the_panel(cell):
            beside = self.stage.brand_beside(cell.who)
            beside = beside or [self.stage.here.brand, self.stage.there.brand]
            self._find(cell, [f"reads {mark}" for mark in marks_in(body, beside, self.stage)])
        if b"secret-of-" in body:
            self._find(cell, ["reads a channel's secret"])

    def _look_at_rows(self, cell: Cell, wrote: set[str]) -> None:
        if self._runs_the_panel(cell):
            return
        for brand in self.stage.brand_beside(cell.who):
            tables = changed(self.prints[brand.pk], fingerprint(brand))
            self._find(cell, [f"changes {table} of {brand}" for table in tables])

    def _runs_the_panel(self, cell: Cell) -> bool:
        """Whoever runs the installation sees its brands in the panel and may stop each of them; what they may
        let out is judged all the same."""
        return cell.who == "superuser" and self.area == "panel"

    # --- The call itself ----------------------------------------------------------------------------
    def _answer(self, cell: Cell) -> tuple[int, bytes]:
        path = fill(cell.what, cell.which, self.stage)
        client = self.clients[cell.who]
        client.cookies = SimpleCookie(self.cookies[cell.who].output(header="", sep=";"))
        send = self._by_api if self.area == "api" else self._by_page
        answer = send(client, cell, path)
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        return answer.status_code, body

    def _by_api(self, client: Client, cell: Cell, path: str) -> Any:
        headers = {"Accept-Language": "en"}
        if cell.who != NOBODY:
            headers["Authorization"] = f"Bearer {self.stage.tokens[cell.who]}"
        method = cell.what.how.partition(",")[0]
        body = trimmed(body_for(cell.what, cell.which, self.stage, cell.turn), path)
        if method == "PATCH":
            headers["If-Match"] = revision_number(cell.which, self.stage)
            body = {"text": f"Autre chose, {cell.turn}."}
        if cell.what.how == EMPTY or body is None:
            return client.generic(method, path, headers=headers)
        return client.generic(
            method, path, json.dumps(body), content_type="application/json", headers=headers
        )

    def _by_page(self, client: Client, cell: Cell, path: str) -> Any:
        if cell.what.how == "GET":
            return client.get(path)
        if cell.what.how != PLAUSIBLE:
            return client.generic(cell.what.how.partition(",")[0], path)
        fields = self.forms.fields(path, cell.what.address.route, cell.which, self.stage, cell.turn)
        if cell.what.action:
            fields |= self._action(cell)
        return client.post(path, fields)

    def _action(self, cell: Cell) -> dict[str, Any]:
        model = cell.what.address.model
        where = cell.which if cell.which == "there" else "here"
        row = (
            self.stage.posts[cell.which].pk if model == "posts.post" else panel_row(model, where, self.stage)
        )
        return {
            "action": cell.what.action,
            "index": "0",
            "_selected_action": [str(row)],
            "post": "yes",
            "apply": "yes",
            "reason": "Parce que.",
        }
