"""A house in memory: people, credentials, one lineage of posts, a policy, incidents. Its rules were written
from docs/gate.md, and it knows nothing of the database. `facts()` is what the gate would be given.

Accounts are numbered from 1, people from 101, so that one taken for the other is found out. What the verbs of
the product refuse (a contributor's approval) can be slipped in all the same: the gate must not rely on them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from approvals.gate import Blocker, Decided, Facts, Held, Release, Requirement, Rule

START = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TICK, MINUTE, HOUR, DAY = (
    timedelta(microseconds=1),
    timedelta(minutes=1),
    timedelta(hours=1),
    timedelta(days=1),
)
ACCOUNTS = (1, 2, 3, 4, 5, 6)
AUTHOR = 1
FAR_PAST = START - 100 * DAY
CHANNEL, PRODUCT = "channel:demo", "product:lampe"
DOMAINS = ("craft", "company", "crisis", CHANNEL, PRODUCT)
KINDS = ("routine", "launch", "reply", "sensitive_reply", "crisis", "unheard_of")
PRESETS = ("team", "duo", "regulated", "none", "empty")

# The table of gate.md. (requirements, M, how long approvals live)
BASE = (Requirement("craft", 2), Requirement(CHANNEL, 2))
COMPANY, PRODUCT_2, CRISIS_2 = Requirement("company", 2), Requirement(PRODUCT, 2), Requirement("crisis", 2)
TABLE: dict[str, tuple[tuple[Requirement, ...], int, timedelta]] = {
    "routine": ((*BASE, COMPANY), 1, 45 * DAY),
    "launch": ((*BASE, COMPANY, PRODUCT_2), 2, 14 * DAY),
    "reply": ((*BASE, PRODUCT_2), 1, 12 * HOUR),
    "sensitive_reply": ((*BASE, COMPANY, PRODUCT_2, CRISIS_2), 2, 4 * HOUR),
    "crisis": (
        (
            *BASE,
            Requirement("company", 3),
            PRODUCT_2,
            Requirement("crisis", 2, 2),
            Requirement("crisis", 3),
        ),
        2,
        60 * MINUTE,
    ),
}


def rule_of(preset: str, kind: str) -> Rule | None:
    if preset == "none" or kind not in TABLE:
        return None
    requirements, people, ttl = TABLE[kind]
    if preset == "empty":
        requirements = ()
    if preset == "regulated":
        people = max(2, people)
    covers = preset == "duo" and kind in ("routine", "reply")
    return Rule(requirements, people, ttl, person_releases=kind == "crisis", contributor_covers=covers)


@dataclass
class Credential:
    account: int
    domain: str
    level: int
    since: datetime
    until: datetime | None = None


@dataclass
class Said:
    sequence: int
    account: int
    decision: str
    post: int
    digest: str
    epoch: int
    at: datetime
    binding: bool
    overridden: bool = False


@dataclass
class House:
    now: datetime = START
    preset: str = "team"
    person_of: dict[int, int] = field(
        default_factory=lambda: {account: 100 + account for account in ACCOUNTS}
    )
    active: set[int] = field(default_factory=lambda: set(ACCOUNTS))
    absent: set[int] = field(default_factory=set)
    credentials: list[Credential] = field(default_factory=list)
    said: list[Said] = field(default_factory=list)
    contributors: set[int] = field(default_factory=lambda: {AUTHOR})
    light: set[int] = field(default_factory=set)
    post: int = 1
    kind: str = "routine"
    bytes: int = 0
    last_bytes: int = 0
    sealed: bool = True
    slot: datetime = START + 2 * HOUR
    window: tuple[datetime, datetime] = (START, START + 12 * HOUR)
    held_by: int | None = None
    pauses: int = 0
    stopped: bool = False
    epoch: int = 0
    incident: int | None = None
    release: Release | None = None

    # --- What can be seen of it ---------------------------------------------------------------------
    @property
    def digest(self) -> str | None:
        """Covers the bytes and the window, not the slot."""
        return f"{self.bytes}@{self.window[0]:%d%H%M}-{self.window[1]:%d%H%M}" if self.sealed else None

    @property
    def rule(self) -> Rule | None:
        return rule_of(self.preset, self.kind)

    def writers(self) -> set[int]:
        """Light corrections aside, where the preset has them."""
        light = self.light if self.preset in ("team", "duo") else set()
        return {account for account in self.contributors if account not in light}

    def holds(self, account: int, domain: str, level: int) -> bool:
        return any(
            one.account == account and one.domain == domain and one.level >= level and one.since <= self.now
            for one in self.credentials
            if one.until is None or self.now < one.until
        )

    def is_writer(self, account: int) -> bool:
        return self.person_of[account] in {self.person_of[one] for one in self.writers()}

    def blockers(self) -> list[Blocker]:
        found = []
        for one in self.said:
            answers = [
                later
                for later in self.said
                if later.sequence > one.sequence
                and later.account == one.account
                and later.decision in ("approve", "withdraw")
            ]
            if not one.binding or one.overridden or answers:
                continue
            if one.decision == "reject":
                found.append(Blocker("veto", self.person_of[one.account]))
            if one.decision == "request_changes" and (one.post, one.digest) == (self.post, self.digest):
                found.append(Blocker("changes_requested", self.person_of[one.account]))
        if self.held_by is not None:
            found.append(Blocker("held", self.held_by))
        found += [Blocker("paused", params={"pause": number}) for number in range(self.pauses)]
        return found + ([Blocker("stopped")] if self.stopped else [])

    def facts(self) -> Facts:
        person = self.person_of
        return Facts(
            post=self.post,
            kind=self.kind,
            digest=self.digest,
            epoch=self.epoch,
            rule=self.rule,
            contributors=frozenset(person[one] for one in self.writers()),
            decisions=tuple(
                Decided(
                    one.sequence,
                    person[one.account],
                    one.decision,
                    one.digest,
                    one.epoch,
                    one.at,
                    one.account,
                )
                for one in self.said
                if one.post == self.post
            ),
            held=tuple(
                Held(person[one.account], one.domain, one.level, one.since, one.until, one.account)
                for one in self.credentials
                if one.account in self.active
            ),
            active=frozenset(person[one] for one in self.active),
            absent=frozenset(person[one] for one in self.absent),
            blockers=tuple(self.blockers()),
            frozen_by=self.incident,
            release=self.release,
            window_from=self.window[0],
            window_until=self.window[1],
            taken_at=self.now,
            wrote=frozenset(self.writers()),
        )

    def instants(self) -> list[datetime]:
        """Where the answer may change: every edge, and the instant on each side of it."""
        rule, edges = self.rule, {self.slot, *self.window}
        for one in self.said:
            edges |= {one.at + rule.ttl} if rule is not None else set()
        for held in self.credentials:
            edges |= {edge for edge in (held.since, held.until) if edge is not None}
        around = {edge + step for edge in edges for step in (-TICK, timedelta(), TICK)}
        return sorted(moment for moment in around if self.now <= moment <= self.window[1] + TICK)

    # --- What happens in it -------------------------------------------------------------------------
    def say(self, account: int, decision: str) -> None:
        rule = self.rule
        qualified = rule is not None and any(
            self.holds(account, one.domain, one.level) for one in rule.requirements
        )
        binding = decision in ("reject", "request_changes") and qualified
        number = len(self.said) + 1
        self.said.append(
            Said(number, account, decision, self.post, self.digest or "", self.epoch, self.now, binding)
        )

    def grant(self, account: int, domain: str, level: int, lasts: timedelta | None = None) -> None:
        until = None if lasts is None else self.now + lasts
        self.credentials.append(Credential(account, domain, level, self.now, until))

    def edit(self, account: int, light: bool = False) -> None:
        """Bytes that never were before."""
        self.last_bytes += 1
        self.bytes = self.last_bytes
        self._wrote(account, light)

    def edit_back(self, account: int, to: int) -> None:
        self.bytes = to % (self.last_bytes + 1)
        self._wrote(account, light=False)

    def _wrote(self, account: int, light: bool) -> None:
        if light and account not in self.contributors:
            self.light.add(account)
        if not light:
            self.light.discard(account)
        self.contributors.add(account)

    def new_epoch(self, incident: int | None) -> None:
        self.epoch += 1
        self.incident = incident

    def press_release(self, account: int) -> None:
        if self.digest is not None:
            self.release = Release(self.person_of[account], self.digest, self.epoch)

    def colleagues(self) -> list[int]:
        """Who could approve: active accounts of people who wrote nothing, one for each person."""
        by_person = {self.person_of[one]: one for one in sorted(self.active) if not self.is_writer(one)}
        return sorted(by_person.values())

    def team_up(self, spared: int) -> None:
        """Everybody who could approve learns what is asked, and does, but for the first few, who are spared."""
        rule, able = self.rule, self.colleagues()
        if rule is None or not able:
            return
        for account in able[spared:]:
            for one in rule.requirements:
                if not self.holds(account, one.domain, one.level):
                    self.grant(account, one.domain, one.level)
            self.say(account, "approve")
        if rule.person_releases or self.incident is not None:
            self.press_release(able[0])

    def begin_anew(self) -> None:
        """Another post, which the author alone has written, while everybody is at work: somebody can carry it."""
        self.clear()
        self.post += 1
        self.contributors, self.light, self.active = set(), set(), set(ACCOUNTS)
        self.edit(AUTHOR)

    def carrying(self) -> list[Credential]:
        """What the approvals of these bytes rest on: the expertise asked for, of those who gave them."""
        asked = self.rule.requirements if self.rule is not None else ()
        givers = {
            one.account
            for one in self.said
            if one.decision == "approve" and (one.digest, one.epoch) == (self.digest, self.epoch)
        }
        return [
            held
            for held in self.credentials
            if held.account in givers and (held.until is None or self.now < held.until)
            if any(held.domain == one.domain and held.level >= one.level for one in asked)
        ]

    def clear(self) -> None:
        """Whatever stands in the way is taken away, as people do who want to go home."""
        self.held_by, self.pauses, self.stopped, self.sealed = None, 0, False, True
        for one in self.said:
            one.overridden = True
        if self.incident is not None and self.kind != "crisis":
            self.new_epoch(None)
        if self.preset in ("none", "empty"):
            self.preset = "team"
        if self.kind == "unheard_of":
            self.kind = "routine"
        if not self.window[0] <= self.now <= self.window[1]:
            self.move(self.now, self.now + 12 * HOUR)

    def move(self, begin: datetime, end: datetime) -> None:
        """A slot outside the window brings a new window, and so another digest."""
        self.window = (begin.replace(microsecond=0), end.replace(microsecond=0))
        self.slot = min(max(self.slot, self.window[0]), self.window[1])
