"""What became of a run, read in the database and in the network's own log; our code is not asked.

Pure but for `look`: rows in, findings out, so that the tests can show it what it must notice.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tests.faults.databases import Database, Row, instant, loaded

_NUMBER = re.compile(r"bench-key:(d-\d+)")
# How long after a cut an answer that was on its way may still be missed, in seconds.
_CUT_S = 3.5
_NOT_OUT = {"RATE_LIMITED", "NOT_SENT", "UNAVAILABLE", "REJECTED", "AUTH_FAILED"}


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt as the database has it."""

    outcome: str
    worker: str
    started: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery as the database has it. `name`: the number that its text carries."""

    name: str
    state: str
    remote_id: str
    tries: tuple[Try, ...]
    asked: bool


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the network's log has it."""

    public: str
    repeat: bool
    answered: bool
    at: float


@dataclass
class Findings:
    """Names of deliveries, each under what is wrong with it; `unknown` is no fault in itself."""

    n: int
    unknown: list[str] = field(default_factory=list)
    stuck: list[str] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)
    unasked: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    requests: int = 0
    attempts: int = 0

    def faults(self, *, reconcilable: bool) -> dict[str, list[str]]:
        """What must be empty. A network that can be reconciled leaves nothing unknown."""
        found = {
            "stuck": self.stuck,
            "lost": self.lost,
            "doubled": self.doubled,
            "wrong": self.wrong,
            "unexplained": self.unexplained,
            "complaints": self.complaints,
        }
        more = {"unknown": self.unknown} if reconcilable else {"unasked": self.unasked}
        return {what: names for what, names in {**found, **more}.items() if names}

    def told(self) -> str:
        return (
            f"{self.n} deliveries, {self.attempts} attempts, {self.requests} requests seen by the network: "
            f"lost {len(self.lost)}, duplicated {len(self.doubled)}, stuck {len(self.stuck)}, "
            f"unknown {len(self.unknown)}"
        )


_DELIVERIES = """
SELECT d.id, d.state, d.remote_id, d.payload, p.author_id, p.id AS post_id
FROM posts_delivery d JOIN posts_post p ON p.id = d.post_id
"""
_ATTEMPTS = "SELECT delivery_id, outcome, worker, started_at, ended_at FROM publishing_attempt ORDER BY id"
_ASKED = "SELECT DISTINCT post_id, user_id FROM journal_notice WHERE kind = 'delivery.unknown'"


def look(database: Database, log: Sequence[Mapping[str, Any]]) -> tuple[list[Sent], dict[str, list[Seen]]]:
    """The deliveries by the database, and the requests by the network, by the deliveries' names."""
    tries: dict[int, list[Try]] = defaultdict(list)
    for row in database.rows(_ATTEMPTS):
        started, ended = instant(row["started_at"]).timestamp(), row["ended_at"] is not None
        tries[row["delivery_id"]].append(Try(row["outcome"], row["worker"], started, ended))
    asked = {(row["post_id"], row["user_id"]) for row in database.rows(_ASKED)}
    sent = [_sent(row, tuple(tries[row["id"]]), asked) for row in database.rows(_DELIVERIES)]
    seen: dict[str, list[Seen]] = defaultdict(list)
    for one in log:
        at = instant(one["at"]).timestamp()
        seen[_name(one["text"])].append(Seen(one["public"], one["repeat"], one["answered"], at))
    return sent, dict(seen)


def _sent(row: Row, tries: tuple[Try, ...], asked: Collection[tuple[int, int]]) -> Sent:
    text = loaded(row["payload"])["body"]["parts"][0]["text"]
    was_asked = (row["post_id"], row["author_id"]) in asked
    return Sent(_name(text), row["state"], row["remote_id"], tries, was_asked)


def _name(text: str) -> str:
    found = _NUMBER.search(text)
    return found[1] if found else "?"


def count(
    sent: Sequence[Sent],
    seen: Mapping[str, Sequence[Seen]],
    *,
    reconcilable: bool,
    lost_workers: Collection[str] = (),
    cuts: Sequence[float] = (),
) -> Findings:
    """Compares the two. `lost_workers` are those that were killed or frozen, `cuts` when connections
    to the network or the database were cut: causes for an outcome that nobody knows."""
    found = Findings(len(sent), requests=sum(map(len, seen.values())))
    for name in seen.keys() - {one.name for one in sent}:
        found.wrong.append(f"{name}: the network has it, the database does not")
    for one in sent:
        requests = seen.get(one.name, ())
        public = {request.public for request in requests if request.public}
        found.attempts += len(one.tries)
        if len(public) > 1:
            found.doubled.append(one.name)
        if len(requests) > len(one.tries):
            found.wrong.append(f"{one.name}: {len(requests)} requests, {len(one.tries)} attempts committed")
        if one.state == "DELIVERED":
            _count_delivered(found, one, public)
            if not reconcilable and any(attempt.outcome not in _NOT_OUT for attempt in one.tries[:-1]):
                found.wrong.append(f"{one.name}: sent again, and nobody had said that it was not out")
        elif one.state == "UNKNOWN":
            _count_unknown(found, one, requests, lost_workers, cuts, reconcilable=reconcilable)
        else:
            found.stuck.append(f"{one.name} {one.state}")
            if not public:
                found.lost.append(one.name)
    return found


def _count_delivered(found: Findings, one: Sent, public: set[str]) -> None:
    if not public:
        found.lost.append(one.name)
    elif one.remote_id not in public:
        found.wrong.append(f"{one.name}: stored as {one.remote_id}, public as {sorted(public)}")
    if any(not attempt.ended for attempt in one.tries):
        found.wrong.append(f"{one.name}: delivered, and an attempt without an outcome")


def _count_unknown(
    found: Findings,
    one: Sent,
    requests: Sequence[Seen],
    lost_workers: Collection[str],
    cuts: Sequence[float],
    *,
    reconcilable: bool,
) -> None:
    found.unknown.append(one.name)
    if reconcilable:
        return
    if not one.asked:
        found.unasked.append(one.name)
    *before, last = one.tries
    # Exactly the attempts without a known outcome: what went before was known not to be out, and nothing
    # was sent after it.
    if last.outcome != "UNKNOWN" or any(attempt.outcome not in _NOT_OUT for attempt in before):
        found.wrong.append(f"{one.name}: {[attempt.outcome for attempt in one.tries]}")
    answered = requests and requests[-1].answered
    cut = any(last.started - _CUT_S <= moment <= last.started + _CUT_S for moment in cuts)
    if answered and last.worker not in lost_workers and not cut:
        found.unexplained.append(f"{one.name}: the network answered, and {last.worker} lived")
    if not requests and last.worker not in lost_workers and not cut:
        found.unexplained.append(f"{one.name}: never sent, and {last.worker} lived")
