"""Tells whoever approves, at once, what will no longer count at the slot: while there is time to mend it.

The gate denies already when an approval or a credential ends before the slot; a lapse it cannot foresee,
because practice until then prevents it. Both are said here.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from approvals.facts import rule_of
from approvals.models import Decision, Verdict
from approvals.naming import domain_name
from approvals.practising import Ending, carried, ends_before
from approvals.reviewing import moment_of
from approvals.standing import DESK_SHELF
from approvals.wording import product_names
from journal import moments
from posts.models import Post


@dataclass(frozen=True, slots=True)
class Forewarning:
    """A stable code, and the sentence for the approver."""

    code: str
    sentence: str


def forewarn(made: Decision) -> list[Forewarning]:
    """What of this approval will have ended at the post's slot. Nothing for other words, for advice, and
    where the slot is now."""
    if made.decision != Verdict.APPROVE or not made.rests_on:
        return []
    post, now = made.post, made.at
    moment = moment_of(post, now)
    if moment <= now:
        return []
    found = []
    brand = DESK_SHELF.of(post.brand)
    rule = rule_of(post, brand)
    if rule is not None and moment - made.at > rule.ttl:
        sentence = _(
            "Your approval will be too old at the slot: approve again closer to it, or choose an earlier slot."
        )
        found.append(Forewarning("approval_ends_before_slot", sentence))
    domains = [str(domain) for domain, _level in made.rests_on]
    ends = {
        one.domain
        for one in brand.held
        if one.account == made.user_id and one.until is not None and one.until <= moment
    }
    # What was practised lately and has no end of its own needs no closer look.
    domains = sorted({*domains} - (carried(made.user, post.brand, moment) - ends))
    endings = ends_before(made.user, post.brand, domains, moment, now) if domains else []
    names = product_names(post.brand_id) if endings else {}
    return [*found, *(_of(one, domain_name(one.domain, names), post) for one in endings)]


def _of(one: Ending, name: str, post: Post) -> Forewarning:
    words = {"domain": name, "day": _day(one.at, post)}
    if one.lapses:
        sentence = _(
            "Your expertise in %(domain)s lapses on %(day)s, before the slot, unless you practise it until then."
        )
        return Forewarning("lapses_before_slot", sentence % words)
    sentence = _(
        "Your expertise in %(domain)s ends on %(day)s, before the slot: your approval will not count then. "
        "Have it renewed, or choose an earlier slot."
    )
    return Forewarning("ends_before_slot", sentence % words)


def _day(moment: datetime, post: Post) -> str:
    return moments.day_and_month(moment.astimezone(post.brand.zone), year=True)
