"""Lifts somebody else's veto, domain by domain, with a reason.

A veto is not a vote: nobody outnumbers it. It gives way to its caster, or to a person who wrote nothing of
the post and knows at least as much in the domain on which it rests. Whoever knows as much in one of its
domains lifts it there, and somebody else lifts the rest.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.locks import share_brands
from accounts.models import User
from accounts.policies import demand_member
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.facts import load_one
from approvals.gate import Facts
from approvals.levels import level_of
from approvals.models import Decision, Override, Verdict
from approvals.reviewing import settle_family
from journal.recording import record
from journal.telling import tell
from posts.models import Post
from posts.moves import lock_lineage
from posts.policies import get_post

MOST_WORDS = 2000


@dataclass(frozen=True, slots=True)
class Veto:
    """An open veto on a post. `left` is {domain: level} that nobody has lifted yet, `mine` those of them
    that the reader could lift, `could` the people who could lift the most of it."""

    decision: Decision
    left: Mapping[str, int]
    mine: Sequence[str]
    could: Sequence[int]


def vetoes_of(post: Post, reader: User, facts: Facts) -> list[Veto]:
    """The vetoes that hold a post, whichever of its lineage they were cast on. Two queries at most."""
    ids = {
        int(blocker.params["decision"]): blocker.could for blocker in facts.blockers if blocker.code == "veto"
    }
    if not ids:
        return []
    rows = (
        Decision.objects.filter(pk__in=ids).select_related("user", "post").prefetch_related("overrides__user")
    )
    found = []
    for row in rows.order_by("pk"):
        left = _left(row)
        barred = reader.person_id in {row.user.person_id, *facts.contributors}
        mine = [] if barred else _within_reach(reader, post, left)
        found.append(Veto(row, left, mine, ids[row.pk]))
    return found


def _left(veto: Decision) -> dict[str, int]:
    lifted = {one.domain for one in veto.overrides.all()}
    return {str(domain): int(level) for domain, level in veto.rests_on if domain not in lifted}


def _within_reach(actor: User, post: Post, left: Mapping[str, int]) -> list[str]:
    return [domain for domain, level in left.items() if level_of(actor, post.brand, domain) >= level]


def override(actor: User, pk: int, decision_pk: int, reason: str) -> list[Override]:
    """Lifts the veto `decision_pk`, which holds the post, in every domain in which the actor knows at
    least as much as its caster did. Raises Invalid without a reason; Forbidden `contributor`, `own_veto`
    or `not_qualified`; Refused for what is no open veto."""
    why = _read_reason(reason)
    brand_id = get_post(actor, pk).brand_id
    with transaction.atomic():
        share_brands([brand_id])
        family = lock_lineage(pk)
        post = family[pk]
        demand_member(actor, post.brand)
        facts = load_one(post).facts
        veto = _open_veto(post, facts, decision_pk)
        _demand_other_eyes(actor, veto, facts.contributors)
        left = _left(veto)
        domains = _within_reach(actor, post, left)
        if not domains:
            raise Forbidden(
                "not_qualified",
                _("To lift an objection takes at least the expertise on which it rests: %(what)s.")
                % {"what": ", ".join(f"{domain} {level}" for domain, level in sorted(left.items()))},
                details={"left": [[domain, level] for domain, level in sorted(left.items())]},
            )
        made = Override.objects.bulk_create(
            Override(decision=veto, user=actor, domain=domain, reason=why, at=facts.taken_at)
            for domain in domains
        )
        _follow(actor, family, veto, domains, why)
    return made


def _read_reason(reason: str) -> str:
    why = read_words(reason, most=MOST_WORDS)
    if not why:
        sentence = _("Say in a sentence why it may go out all the same: whoever objected will read it.")
        raise Invalid("reason_needed", sentence, fields={"reason": [sentence]})
    return why


def _open_veto(post: Post, facts: Facts, decision_pk: int) -> Decision:
    """The veto, locked. Raises NotHere for a decision that is not of this post's lineage, Refused for one
    that does not, or no longer, hold it."""
    veto = (
        Decision.objects.select_related("user", "post__author")
        .prefetch_related("overrides")
        .filter(pk=decision_pk, post__lineage_id=post.lineage_id)
        .first()
    )
    if veto is None:
        raise NotHere("no_such_decision", _("There is no such decision on this post."))
    if veto.decision == Verdict.REQUEST_CHANGES:
        raise Refused(
            "not_a_veto", _("A request for changes is answered by an edit, or by whoever made it approving.")
        )
    holding = {blocker.params.get("decision") for blocker in facts.blockers if blocker.code == "veto"}
    if veto.pk not in holding:
        raise Refused("not_a_veto", _("This decision does not, or no longer, hold the post."))
    return veto


def _demand_other_eyes(actor: User, veto: Decision, contributors: Collection[int]) -> None:
    if actor.person_id == veto.user.person_id:
        raise Forbidden(
            "own_veto", _("This objection is yours: withdraw it, or approve the post as it is now.")
        )
    if actor.person_id in contributors:
        raise Forbidden(
            "contributor",
            _("You wrote part of this post, so you cannot lift an objection to it. Other eyes must."),
        )


def _follow(
    actor: User, family: Mapping[int, Post], veto: Decision, domains: Sequence[str], why: str
) -> None:
    """Written down, told, and every post of the lineage put where it stands now."""
    record(
        "decision.override",
        actor,
        veto.post.brand_id,
        f"decision:{veto.pk}",
        post_id=veto.post_id,
        personal=why,
        domains=list(domains),
    )
    tell([veto.user], veto.post.brand_id, "decision.override", post_id=veto.post_id, who=actor.name)
    settle_family(actor, family.values(), "decision.override")
