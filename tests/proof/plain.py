"""May it go out? Said a second time, from the text of docs/gate.md alone and as plainly as possible.

Nothing here was taken from approvals/gate.py but the fields of its facts: no early ends, no sets computed once
and used twice, nothing explained to anybody. Where the two disagree, one of them has misread the text, and
tests/proof finds out which. Slow on purpose: every question is asked again each time it comes up.
"""

from __future__ import annotations

from datetime import datetime

from approvals.gate import Decided, Facts, Requirement, Rule


def may_go_out(facts: Facts, at: datetime) -> bool:
    """The sentence of gate.md after "Allow iff", clause by clause, in its order."""
    # "the kind is known, … the policy loads": a rule is there only when both are so.
    if facts.rule is None:
        return False
    rule = facts.rule
    # "requirements are not empty"; and M counts people, so that a policy which asks for none is malformed.
    if len(rule.requirements) == 0 or rule.people < 1:
        return False
    # What was never sealed has no bytes that anybody could have approved.
    if facts.digest is None or facts.digest == "":
        return False
    # "for every requirement r: |people whose counted decision covers r| >= r.n"
    for requirement in rule.requirements:
        if len(people_covering(facts, rule, requirement, at)) < requirement.n:
            return False
    # "|union of all covering people| >= M"
    if len(people_who_agreed(facts, rule, at)) < rule.people:
        return False
    # "no open veto, nothing pauses or holds it"
    if len(facts.blockers) > 0:
        return False
    # "no freeze in scope unless the kind is `crisis`, decided in this epoch and released by a person"
    if facts.frozen_by is not None and not (facts.kind == "crisis" and released_by_a_person(facts)):
        return False
    # "crisis: … and a person presses release"
    if rule.person_releases and not released_by_a_person(facts):
        return False
    # "`at` lies inside the window"
    if facts.window_from is None or facts.window_until is None:
        return False
    return facts.window_from <= at <= facts.window_until


def counted_decisions(facts: Facts, rule: Rule, at: datetime) -> list[Decided]:
    """counted(d) of gate.md, once for each person at the most."""
    counted = []
    for decided in facts.decisions:
        # "d is that person's latest decision"
        is_latest = True
        for other in facts.decisions:
            if other.person == decided.person and other.sequence > decided.sequence:
                is_latest = False
        if not is_latest:
            continue
        # "is APPROVE, same digest, same epoch"
        if decided.decision != "approve":
            continue
        if decided.digest != facts.digest:
            continue
        if decided.epoch != facts.epoch:
            continue
        # "no older than the TTL at `at`"
        if at - decided.at > rule.ttl:
            continue
        # "person active, person not a contributor to the lineage"
        if decided.person not in facts.active:
            continue
        if decided.person in facts.contributors:
            continue
        counted.append(decided)
    return counted


def holds(facts: Facts, person: int, account: int, domain: str, level: int, moment: datetime) -> bool:
    """Whether this person held an ACTIVE credential in the domain at that level or above at that moment,
    through this account (expertise speaks through the account that earned it; 0 is any)."""
    for held in facts.held:
        right_person = held.person == person
        right_domain = held.domain == domain
        right_level = held.level >= level
        begun = held.since <= moment
        not_ended = held.until is None or moment < held.until
        right_account = account == 0 or held.account in (0, account)
        if right_person and right_domain and right_level and begun and not_ended and right_account:
            return True
    return False


def people_covering(facts: Facts, rule: Rule, requirement: Requirement, at: datetime) -> list[int]:
    """covers(d, r) of gate.md: held "when deciding and at `at`"; in *duo*, a contributor's own credential too."""
    domain = requirement.domain
    level = requirement.level
    people = []
    for decided in counted_decisions(facts, rule, at):
        when_deciding = holds(facts, decided.person, decided.account, domain, level, decided.at)
        at_the_time = holds(facts, decided.person, decided.account, domain, level, at)
        if when_deciding and at_the_time:
            people.append(decided.person)
    if rule.contributor_covers:
        for person in facts.contributors:
            accounts = list(facts.wrote) if len(facts.wrote) > 0 else [0]
            for account in accounts:
                # Nothing was decided by them: "expertise is current" asks for now, and for `at`.
                now = holds(facts, person, account, domain, level, facts.taken_at)
                at_the_time = holds(facts, person, account, domain, level, at)
                if person in facts.active and now and at_the_time and person not in people:
                    people.append(person)
    return people


def people_who_agreed(facts: Facts, rule: Rule, at: datetime) -> list[int]:
    """Those whom M counts: everybody who covers something; in *duo*, those who did not contribute, know
    something (level >= 1, in any domain) and approved these bytes."""
    people = []
    if rule.contributor_covers:
        for decided in counted_decisions(facts, rule, at):
            when_deciding = knows_something(facts, decided, decided.at)
            at_the_time = knows_something(facts, decided, at)
            if when_deciding and at_the_time:
                people += [decided.person]
    else:
        for requirement in rule.requirements:
            for person in people_covering(facts, rule, requirement, at):
                if person not in people:
                    people.append(person)
    return people


def knows_something(facts: Facts, decided: Decided, moment: datetime) -> bool:
    """Level 1 or above, "in any domain"."""
    domains = [held.domain for held in facts.held]
    return any(holds(facts, decided.person, decided.account, domain, 1, moment) for domain in domains)


def released_by_a_person(facts: Facts) -> bool:
    """A person pressed release, for these bytes, in this epoch."""
    if facts.release is None:
        return False
    return facts.release.digest == facts.digest and facts.release.epoch == facts.epoch


def people_who_could(facts: Facts, requirement: Requirement, at: datetime) -> list[int]:
    """ "who could satisfy it (eligible, present people)": active, here, no contributors, and holding what is
    asked now (they would decide now) and at `at`, through one and the same account."""
    people = []
    for held in facts.held:
        person = held.person
        if person not in facts.active or person in facts.contributors or person in facts.absent:
            continue
        now = holds(facts, person, held.account, requirement.domain, requirement.level, facts.taken_at)
        at_the_time = holds(facts, person, held.account, requirement.domain, requirement.level, at)
        # Through account 0, "any", two credentials could be mistaken for one: these very rows must do.
        if now and at_the_time and held.domain == requirement.domain and person not in people:
            people.append(person)
    return people
