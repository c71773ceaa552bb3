"""Hypothesis plays in the house of world.py, and after every move the gate and the plain predicate are asked
the same questions: now, at the slot, and on both sides of every edge in time.

Each move also knows its direction: what may only close must not open (invariants 4 and 8 of gate.md), and one
more counted approval must not close. `Count` says how much was seen, so that nobody takes agreement on closed
doors for a proof.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from approvals.gate import Allow, Code, Decided, Facts, Verdict, evaluate
from tests.proof.counting import Count
from tests.proof.plain import may_go_out, people_who_could
from tests.proof.replaying import replays
from tests.proof.world import (
    ACCOUNTS,
    DAY,
    DOMAINS,
    HOUR,
    KINDS,
    MINUTE,
    PRESETS,
    START,
    TICK,
    Credential,
    House,
)

QUESTIONS = 12
STEPS = 40


def ask(facts: Facts, at: datetime) -> Verdict:
    """Both, which must agree; and a denial says why."""
    verdict = evaluate(facts, at)
    allowed = may_go_out(facts, at)
    assert verdict.open is allowed, f"the gate says {verdict}, the text says {allowed}, at {at} of {facts}"
    assert verdict.open is not bool(verdict.reasons), "open and with reasons, or closed without any"
    assert all(reason.code is not Code.ERROR for reason in verdict.reasons), f"an error on {facts}"
    return verdict


def ask_more(facts: Facts, at: datetime, verdict: Verdict) -> None:
    """What costs more, and is asked of every fiftieth state: it replays, no order matters, it stays open as
    long as it says, and those whom a denial names could indeed."""
    assert replays(facts, at), f"stored and read again it says something else: {facts}"
    turned = replace(
        facts,
        held=facts.held[::-1],
        decisions=facts.decisions[::-1],
        blockers=facts.blockers[::-1],
        rule=facts.rule and replace(facts.rule, requirements=facts.rule.requirements[::-1]),
    )
    assert evaluate(turned, at).open is verdict.open, f"the order of the rows matters in {facts}"
    if isinstance(verdict, Allow):
        assert verdict.until is not None
        for moment in (at + (verdict.until - at) / 2, verdict.until - TICK):
            assert moment < at or may_go_out(facts, moment), f"closed before {verdict.until}: {facts}"
    for one in verdict.reading.coverage:
        could = set(people_who_could(facts, one.requirement, at)) - set(one.covered_by)
        assert set(one.could) == could, f"{one.could} could, and the text says {could}: {facts}"
        in_time = facts.rule is not None and at <= facts.taken_at + facts.rule.ttl
        if in_time and facts.digest and one.missing <= len(could):
            asked = replace(facts, decisions=(*facts.decisions, *_approvals(facts, sorted(could))))
            (after,) = [
                new for new in evaluate(asked, at).reading.coverage if new.requirement == one.requirement
            ]
            assert after.missing == 0, f"they all approved, and {one.requirement} is still missing: {facts}"


def _approvals(facts: Facts, people: list[int]) -> list[Decided]:
    last = max((one.sequence for one in facts.decisions), default=0)
    return [
        Decided(last + number, person, "approve", facts.digest or "", facts.epoch, facts.taken_at)
        for number, person in enumerate(people, start=1)
    ]


account = st.sampled_from(ACCOUNTS)
domain = st.sampled_from(DOMAINS)
level = st.sampled_from((0, 1, 2, 2, 3, 3))


class Play(RuleBasedStateMachine):
    """One story. `count` is set by `play`, which runs many."""

    count = Count()
    also: Callable[[Facts, datetime], None] | None = None

    @initialize(preset=st.sampled_from(("team", "team", "duo", "regulated")), kind=st.sampled_from(KINDS[:5]))
    def open_the_house(self, preset: str, kind: str) -> None:
        self.house = House(preset=preset, kind=kind)
        self.asked = 0
        self.count.machines += 1
        for number in ACCOUNTS[1:]:
            for held in DOMAINS[: number - 1]:
                self.house.grant(number, held, 2 + number % 2)
        self.look("open_the_house")

    # --- Looking --------------------------------------------------------------------------------------
    def look(self, move: str) -> None:
        house, count = self.house, self.count
        facts, moments = house.facts(), house.instants()
        stride = max(1, len(moments) // (QUESTIONS - 2))
        asked = {house.now, max(house.now, house.slot), *moments[self.asked % stride :: stride]}
        for at in asked:
            verdict = ask(facts, at)
            # Counted in this story: the same story must ask the same questions when Hypothesis tells it again.
            self.asked += 1
            count.states += 1
            count.open += verdict.open
            if self.asked % 50 == 0:
                count.looked_into += 1
                ask_more(facts, at, verdict)
                if self.also is not None:
                    self.also(facts, at)
            for reason in verdict.reasons:
                count.codes[reason.code] = count.codes.get(reason.code, 0) + 1
        count.moves[move] = count.moves.get(move, 0) + 1

    def only_closes(self, act: Callable[[], Any], name: str) -> None:
        before = evaluate(self.house.facts(), self.house.now)
        act()
        after = evaluate(self.house.facts(), self.house.now)
        assert before.open or not after.open, f"{name} opened it: {self.house}"
        self.count.closed_by[name] = self.count.closed_by.get(name, 0) + (before.open and not after.open)
        self.look(name)

    # --- What may only close --------------------------------------------------------------------------
    @rule(who=account, light=st.booleans())
    def edit(self, who: int, light: bool) -> None:
        self.only_closes(lambda: self.house.edit(who, light), "edit")

    @rule(which=st.integers(0, 40), back=st.sampled_from((0, 0, 1, 30)))
    def revoke(self, which: int, back: int) -> None:
        self._revoke(self.house.credentials, which, back)

    def _revoke(self, rows: list[Credential], which: int, back: int) -> None:
        """From a date for a cause, which may lie in the past."""

        def act() -> None:
            one = rows[which % len(rows)]
            one.until = min(one.until or self.house.now, self.house.now - back * HOUR)

        if rows:
            self.only_closes(act, "revoke")

    @rule(who=account)
    def close_account(self, who: int) -> None:
        self.only_closes(lambda: self.house.active.discard(who), "close_account")

    @rule()
    def declare(self) -> None:
        self.only_closes(lambda: self.house.new_epoch(self.house.epoch + 1), "declare")

    @precondition(lambda self: self.house.incident is not None)
    @rule()
    def lift(self) -> None:
        self.only_closes(lambda: self.house.new_epoch(None), "lift")

    @rule()
    def pause(self) -> None:
        self.only_closes(lambda: setattr(self.house, "pauses", self.house.pauses + 1), "pause")

    @rule(who=account)
    def hold(self, who: int) -> None:
        self.only_closes(lambda: setattr(self.house, "held_by", self.house.person_of[who]), "hold")

    @rule(who=account, other=account)
    def link(self, who: int, other: int) -> None:
        """Two accounts are one person: may only close, except that a light correction is nobody's."""
        people = self.house.person_of

        def act() -> None:
            mine, theirs = people[who], people[other]
            for one, person in people.items():
                if person == theirs:
                    people[one] = mine

        self.only_closes(act, "link")

    @rule(who=account, word=st.sampled_from(("reject", "request_changes")))
    def object(self, who: int, word: str) -> None:
        self.only_closes(lambda: self.house.say(who, word), "object")

    @rule()
    def stop(self) -> None:
        self.only_closes(lambda: setattr(self.house, "stopped", True), "stop")

    @rule(who=account)
    def slip_in_a_contributors_approval(self, who: int) -> None:
        """What the verb refuses, written into the table by hand. (One's own objection one may clear.)"""
        objected = any(one.account == who and one.binding for one in self.house.said)
        if self.house.is_writer(who) and not objected:
            self.only_closes(lambda: self.house.say(who, "approve"), "slip_in")

    # --- What may open --------------------------------------------------------------------------------
    @rule(who=account)
    def approve(self, who: int) -> None:
        house = self.house
        if house.is_writer(who):
            return
        mine = [one for one in house.said if house.person_of[one.account] == house.person_of[who]]
        first = not any(one.decision == "approve" for one in mine)
        before = evaluate(house.facts(), house.now)
        house.say(who, "approve")
        after = evaluate(house.facts(), house.now)
        assert after.open or not before.open or not first, f"one more counted approval closed it: {house}"
        self.look("approve")

    @rule(who=account)
    def withdraw(self, who: int) -> None:
        """Clears one's own objection, and takes one's approval back: not revived by anything."""
        self.house.say(who, "withdraw")
        self.look("withdraw")

    @rule(who=account, to=st.integers(0, 20))
    def edit_back(self, who: int, to: int) -> None:
        self.house.edit_back(who, to)
        self.look("edit_back")

    @rule(who=account, what=domain, at=level, lasts=st.sampled_from((None, None, MINUTE, HOUR, DAY)))
    def grant(self, who: int, what: str, at: int, lasts: timedelta | None) -> None:
        self.house.grant(who, what, at, lasts)
        self.look("grant")

    @rule(which=st.integers(0, 40))
    def override(self, which: int) -> None:
        if self.house.said:
            self.house.said[which % len(self.house.said)].overridden = True
        self.look("override")

    @rule(kind=st.sampled_from(KINDS))
    def relabel(self, kind: str) -> None:
        self.house.kind = kind
        self.look("relabel")

    @rule(preset=st.sampled_from(PRESETS))
    def change_policy(self, preset: str) -> None:
        self.house.preset = preset
        self.look("change_policy")

    @rule(who=account)
    def press_release(self, who: int) -> None:
        self.house.press_release(who)
        self.look("press_release")

    @rule(hours=st.sampled_from((-20, -1, 0, 1, 3, 24)), opened=st.sampled_from((-6, 0, 6)))
    def move_the_slot(self, hours: int, opened: int) -> None:
        """Inside the window nothing else changes; outside there is a new window."""
        house = self.house
        house.slot += hours * HOUR
        if not house.window[0] <= house.slot <= house.window[1]:
            house.move(house.slot + opened * HOUR, house.slot + 12 * HOUR)
        self.look("move_the_slot")

    @rule(by=st.sampled_from((MINUTE, HOUR, 3 * HOUR, DAY, 14 * DAY)))
    def time_passes(self, by: timedelta) -> None:
        if self.house.now < START + 60 * DAY:
            self.house.now += by
        self.look("time_passes")

    @rule()
    def clone(self) -> None:
        self.house.post += 1
        self.look("clone")

    @rule(who=account)
    def come_back(self, who: int) -> None:
        self.house.active.add(who)
        self.house.absent ^= {who}
        self.look("come_back")

    @rule()
    def draft(self) -> None:
        self.house.sealed = False
        self.look("draft")

    # --- Directed: states that are open, or one step from it --------------------------------------------
    @rule(spared=st.integers(0, 4))
    def team_up(self, spared: int) -> None:
        self.house.team_up(spared)
        self.look("team_up")

    @rule(spared=st.sampled_from((0, 0, 2, 3)))
    def clear_and_team_up(self, spared: int) -> None:
        self.house.clear()
        self.house.team_up(spared)
        self.look("clear_and_team_up")

    @rule(by=st.sampled_from((MINUTE, HOUR)))
    def carry(self, by: timedelta) -> None:
        """Everybody agrees, a while goes by, and it still should."""
        self.clear_and_team_up(0)
        self.time_passes(by)

    @rule(who=account)
    def edit_and_carry(self, who: int) -> None:
        self.edit(who, light=False)
        self.clear_and_team_up(0)

    @rule(who=account, how=st.sampled_from(("edit", "declare", "pause", "hold", "object")))
    def carry_and_close(self, who: int, how: str) -> None:
        """Everybody agrees, and then somebody does what must close it: all of it is seen, whatever the seed."""
        self.house.begin_anew()
        self.house.team_up(0)
        self.look("team_up")
        match how:
            case "edit":
                self.edit(who, light=False)
            case "declare":
                self.declare()
            case "pause":
                self.pause()
            case "hold":
                self.hold(who)
            case _:
                self.object(who, "reject")

    @rule(more=st.sampled_from((0, 0, 1)), which=st.integers(0, 40), back=st.sampled_from((0, 1)))
    def team_up_and_revoke(self, more: int, which: int, back: int) -> None:
        """No more people carry it than must, or one more; and one of them loses what it rests on."""
        house = self.house
        house.begin_anew()
        assert house.rule is not None
        must = max(house.rule.people, *(one.n for one in house.rule.requirements))
        house.team_up(max(0, len(house.colleagues()) - must - more))
        house.now += MINUTE
        self.look("team_up")
        self._revoke(house.carrying(), which, back)


def play(states: int, number: int, also: Callable[[Facts, datetime], None] | None = None) -> Count:
    """Stories until that many states were compared, from this seed: the same ones each time. `also` is asked
    of the states that are looked into."""
    count = Count()

    class Story(Play):
        pass

    Story.count = count
    Story.also = None if also is None else staticmethod(also)
    quick = settings(
        max_examples=max(3, min(100, states // 400)),
        stateful_step_count=STEPS,
        derandomize=False,
        database=None,
        deadline=None,
        print_blob=False,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    while count.states < states:
        run_state_machine_as_test(seed(number)(Story), settings=quick)
        number += 1
    return count
