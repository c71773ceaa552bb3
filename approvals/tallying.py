"""Says of each decision whether it counts now, and if not, why. Pure over the gate's facts.

The gate counts people; this tells each of them what became of their word.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _

from approvals.gate import APPROVE, Decided, Facts, Reading
from approvals.models import Verdict


class WhyNot(StrEnum):
    """Why a decision does not count."""

    ADVISORY = "advisory"
    CONTRIBUTOR = "contributor"
    OTHER_DIGEST = "other_digest"
    SUPERSEDED = "superseded"
    OTHER_EPOCH = "other_epoch"
    TOO_OLD = "too_old"
    INACTIVE = "inactive"
    OVERRIDDEN = "overridden"
    WITHDRAWAL = "withdrawal"


@dataclass(frozen=True, slots=True)
class Tally:
    """Whether one decision counts; `why_not` when it does not."""

    why_not: WhyNot | None = None

    @property
    def counted(self) -> bool:
        return self.why_not is None


def tally(facts: Facts, reading: Reading, at: datetime, binding: Collection[int] = ()) -> dict[int, Tally]:
    """By `sequence`, for each decision in the facts. `reading` is what the gate read at `at`; `binding`
    are the objections that rested on expertise when they were cast."""
    latest = {one.person: one.sequence for one in sorted(facts.decisions, key=lambda one: one.sequence)}
    open_now = {int(blocker.params["decision"]) for blocker in facts.blockers if "decision" in blocker.params}
    weighty = {person for one in reading.coverage for person in one.covered_by} | set(reading.have)
    found = {}
    for one in facts.decisions:
        if one.decision == APPROVE:
            why = _of_approval(facts, one, at, last=latest[one.person], weighty=weighty)
        elif one.decision == Verdict.WITHDRAW:
            why = WhyNot.WITHDRAWAL
        elif one.sequence in open_now:
            why = None
        else:
            why = _of_objection(facts, one, last=latest[one.person], binding=one.sequence in binding)
        found[one.sequence] = Tally(why)
    return found


def _of_approval(facts: Facts, one: Decided, at: datetime, *, last: int, weighty: set[int]) -> WhyNot | None:
    if one.sequence != last:
        return WhyNot.SUPERSEDED
    if one.person in facts.contributors:
        return WhyNot.CONTRIBUTOR
    if one.digest != facts.digest:
        return WhyNot.OTHER_DIGEST
    if one.epoch != facts.epoch:
        return WhyNot.OTHER_EPOCH
    if one.person not in facts.active:
        return WhyNot.INACTIVE
    if facts.rule is not None and at - one.at > facts.rule.ttl:
        return WhyNot.TOO_OLD
    return None if one.person in weighty else WhyNot.ADVISORY


def _of_objection(facts: Facts, one: Decided, *, last: int, binding: bool) -> WhyNot:
    """Of an objection that holds nothing up."""
    if one.sequence != last:
        return WhyNot.SUPERSEDED
    if not binding:
        return WhyNot.ADVISORY
    if one.decision == Verdict.REQUEST_CHANGES and one.digest != facts.digest:
        return WhyNot.OTHER_DIGEST
    return WhyNot.OVERRIDDEN


def sentence(why: WhyNot) -> str:
    """The same for people, in the active language."""
    return {
        WhyNot.ADVISORY: _(
            "This vote is advisory: its author has not the expertise this post needs, or no longer has it."
        ),
        WhyNot.CONTRIBUTOR: _("Its author wrote part of this post. Other eyes must read it."),
        WhyNot.OTHER_DIGEST: _("It was said of another version of this post."),
        WhyNot.SUPERSEDED: _("The same person has decided again since."),
        WhyNot.OTHER_EPOCH: _("An incident was declared or lifted since: the post must be read again."),
        WhyNot.TOO_OLD: _("It is, or will be at the slot, too old for this kind of post."),
        WhyNot.INACTIVE: _("Its author is no longer a member."),
        WhyNot.OVERRIDDEN: _("This objection was lifted by somebody with the same expertise."),
        WhyNot.WITHDRAWAL: _("This takes back an earlier decision."),
    }[why]
