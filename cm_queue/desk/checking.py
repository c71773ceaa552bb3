"""Who must say yes, for people to read: the gate's coverage with names, what an approval would change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import Brand, User
from approvals.gate import APPROVE, Coverage, Decided, Facts, Verdict, evaluate
from approvals.models import Decision
from approvals.models import Verdict as Said
from approvals.naming import domain_name
from approvals.wording import Words, listed, product_names
from cm_queue.desk.phrasing import at_time
from journal import moments
from posts.models import Post


def words_of(brand: Brand) -> Words:
    """The names of the brand's products and people, for every sentence on a page. Two queries."""
    members = User.objects.filter(memberships__brand=brand).select_related("same_person_as")
    names = {user.person_id: (user.same_person_as or user).name for user in members}
    return Words(product_names(brand.pk), names)


def domain_label(domain: str, words: Words) -> str:
    return domain_name(domain, words.products)


def label(one: Coverage, words: Words) -> str:
    """« métier 2 »"""
    return f"{domain_label(one.requirement.domain, words)} {one.requirement.level}"


def named(people: Iterable[int], words: Words) -> list[str]:
    return [words.names[person] for person in people if person in words.names]


def checklist(verdict: Verdict, words: Words, person: int | None = None) -> list[dict[str, Any]]:
    """The lines of the checklist, as the house's tags draw them; `viewer` is set where the reader could."""
    rows = []
    for one in verdict.reading.coverage:
        could = one.could or one.away
        you = bool(one.missing) and person is not None and person in (*one.could, *one.away)
        rows.append(
            {
                "domain": one.requirement.domain,
                "level": one.requirement.level,
                "label": domain_label(one.requirement.domain, words),
                "covered_by": named(one.covered_by, words),
                "missing": one.missing,
                "could": named({*could, person} if you and person is not None else could, words),
                "viewer": words.names.get(person) if you and person is not None else None,
            }
        )
    return rows


# --- What one approval would change ---------------------------------------------------------------
def with_approval(facts: Facts, person: int, at: datetime) -> Verdict:
    """The verdict as it would be if this person approved now."""
    last = max((one.sequence for one in facts.decisions), default=0)
    mine = Decided(last + 1, person, APPROVE, facts.digest or "", facts.epoch, facts.taken_at)
    return evaluate(replace(facts, decisions=(*facts.decisions, mine)), at)


def after_approval(
    post: Post, facts: Facts, at: datetime, person: int, words: Words, asked: Mapping[int, str]
) -> str:
    """What follows “If you approve,”: when it goes out, or what remains and who is asked for it."""
    verdict = with_approval(facts, person, at)
    if verdict.open:
        if post.slot is not None and post.slot > facts.taken_at:
            return _("everything is there: it goes out %(when)s.") % {"when": at_time(post.slot)}
        if post.on_approval:
            return _("everything is there: it goes out at once.")
        return _("everything is there, but its slot has passed: it needs another one.")
    left = [one for one in verdict.reading.coverage if one.missing]
    if left:
        parts = [_left(one, words, asked) for one in left]
        return ngettext("this remains: %(what)s.", "these remain: %(what)s.", len(parts)) % {
            "what": "; ".join(parts)
        }
    return " ".join(words.sentence(reason) for reason in verdict.reasons)


def _left(one: Coverage, words: Words, asked: Mapping[int, str]) -> str:
    name = label(one, words)
    invited = [asked[person] for person in one.could if person in asked]
    if invited:
        return _("%(what)s (%(who)s: asked)") % {"what": name, "who": listed(invited)}
    could = named(one.could, words)
    if could:
        return _("%(what)s (%(who)s could)") % {"what": name, "who": listed(could)}
    return _("%(what)s (nobody present could)") % {"what": name}


# --- Whether a word counts --------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Weight:
    """Whether a decision counts now, and the sentence that says so. `standing` is "counts", "stops",
    or empty for a word that is read and no more."""

    standing: str
    sentence: str


def weigh(
    decision: Decision, facts: Facts, verdict: Verdict, latest: Mapping[int, int], revision: int, words: Words
) -> Weight:
    """What a decision is worth at this moment. `latest` is {person: id of their latest decision},
    `revision` the current revision's number."""
    person = decision.user.person_id
    if decision.decision == Said.WITHDRAW:
        return Weight("", "")
    if latest.get(person) != decision.pk:
        return Weight("", _("Replaced by a later word of the same person."))
    if decision.decision != Said.APPROVE:
        return _objection(decision, facts)
    covered = [one for one in verdict.reading.coverage if person in one.covered_by]
    if covered:
        what = ", ".join(label(one, words) for one in covered)
        return Weight("counts", _("Counts for %(what)s.") % {"what": what})
    if person in verdict.reading.have:
        return Weight("counts", _("Counts as one more pair of eyes."))
    return Weight("", _why_not(decision, facts, revision))


def _objection(decision: Decision, facts: Facts) -> Weight:
    if any(blocker.params.get("decision") == decision.pk for blocker in facts.blockers):
        return Weight("stops", _("Stops the post until it is answered or lifted."))
    if not decision.binding:
        return Weight("", _("Advice: without the expertise asked for it stops nothing."))
    if decision.digest != facts.digest:
        return Weight("", _("Answered: the post has changed since."))
    return Weight("", _("Lifted since."))


def _why_not(decision: Decision, facts: Facts, revision: int) -> str:
    person = decision.user.person_id
    if person in facts.contributors:
        return _("Does not count: they wrote part of this post.")
    if person not in facts.active:
        return _("Does not count: no longer a member.")
    if decision.digest != facts.digest:
        number = decision.revision.number
        if number == revision:
            return _("No longer counts: what was approved has changed since.")
        return _("No longer counts: it was given on revision %(n)s, and the post has changed.") % {
            "n": number
        }
    if decision.epoch != facts.epoch:
        return _("No longer counts: it was given before an incident.")
    if facts.rule is not None and facts.taken_at - decision.at > facts.rule.ttl:
        days = facts.rule.ttl
        return _("No longer counts: an approval of this kind of post lives %(span)s.") % {
            "span": moments.span(days)
        }
    if decision.rests_on:
        return _("No longer counts: the expertise it rested on has ended, or ends before the slot.")
    return _("Advice: without the expertise asked for it does not count.")


def rests_on(decision: Decision, words: Words) -> str:
    """« métier 3, entreprise 3 »: what the person held when deciding, among what was asked for."""
    pairs: Sequence[Sequence[Any]] = decision.rests_on
    return ", ".join(f"{domain_label(str(domain), words)} {held}" for domain, held in pairs)
