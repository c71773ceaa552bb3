"""What a reader saw of a post's standing, so that a decision is not taken on one that is no more.

The digest says which bytes were on the screen. Between reading and deciding somebody else may have objected,
raised what it needs, or declared an incident: then the later person is told first, and decides again. Another
approval is no such surprise.
"""

from __future__ import annotations

import hashlib
import json

from django.utils.translation import gettext as _

from accounts.refusals import Refused
from approvals.gate import Facts


def standing_of(facts: Facts) -> str:
    """A mark of all that stops a post and of what it needs; approvals and passing time leave it alone."""
    rule = facts.rule
    needs = [[str(one.domain), int(one.level), one.n] for one in rule.requirements] if rule else []
    stops = [
        [one.code, one.person, {key: str(value) for key, value in one.params.items()}]
        for one in facts.blockers
    ]
    seen = [facts.kind, facts.epoch, facts.frozen_by, rule and rule.people, sorted(needs), stops]
    return hashlib.sha256(json.dumps(seen, sort_keys=True, default=str).encode()).hexdigest()[:16]


def demand_as_seen(facts: Facts, seen: str) -> None:
    """Raises Refused `standing_changed` unless nothing was `seen`, or it is what stands there now."""
    if seen and seen != standing_of(facts):
        raise Refused(
            "standing_changed",
            _("Something was decided about this post after you opened it. Look at it again first."),
        )
