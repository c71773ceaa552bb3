"""Reviewing: submit, revise, decide, and then put the post where its decisions put it.

Every verb here opens its own transaction, holds the brand's standing still (shared) and locks the
post, in that order, which is the order of the release engine too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import Brand, User
from accounts.policies import demand_member, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.facts import Loaded, load_one
from approvals.gate import Facts, evaluate
from approvals.gate import Verdict as GateVerdict
from approvals.models import Decision, Motive, Verdict
from approvals.policy import asks_for_less, read_rules, rule_for
from approvals.routing import ask
from journal.recording import Actor
from journal.telling import tell
from posts import drafting
from posts.lifecycle import OPEN_FOR_DECISIONS, DeliveryState, PostState
from posts.models import Post
from posts.moves import change_post, lock_post, reset_deliveries, settle_deliveries
from posts.policies import get_post
from posts.reading import Draft
from posts.rendering import problems_of


@contextmanager
def opened(actor: User, pk: int) -> Iterator[Post]:
    """The post for a verb of `actor`: authorised, its brand's standing held still, its row locked."""
    brand_id = get_post(actor, pk).brand_id
    with transaction.atomic():
        share_brands([brand_id])
        post = lock_post(pk)
        demand_member(actor, post.brand)
        yield post


def moment_of(post: Post, now: datetime) -> datetime:
    """The instant at which the gate is asked: the slot, or now for what is due on approval or past."""
    return post.slot if post.slot is not None and post.slot > now else now


def verdict_of(post: Post) -> tuple[Loaded, GateVerdict]:
    """The verdict now, as it would be at the slot."""
    loaded = load_one(post)
    return loaded, evaluate(loaded.facts, moment_of(post, loaded.facts.taken_at))


# --- Writing ----------------------------------------------------------------------------------
def draft(actor: User, brand: Brand, fields: Draft) -> Post:
    """A new draft. Raises Invalid, or NotHere for somebody outside the brand."""
    with transaction.atomic():
        demand_member(actor, brand)
        return drafting.create(actor, brand, fields)


def revise(actor: User, pk: int, fields: Draft, *, seen: int | None = None) -> Post:
    """Changes a post; see `posts/drafting.py`. Raises Stale, Invalid, Forbidden or Refused."""
    with opened(actor, pk) as post:
        drafting.demand_fresh(post, seen)
        before = _asked(post) if post.submitted_at is not None else None
        read = drafting.current(post).digest
        if drafting.edit(actor, post, fields, seen=seen) and before is not None:
            _demand_not_lowered(actor, post, before)
            take_up_again(actor, post)
            verdict = settle(actor, post)
            if post.lifecycle == PostState.IN_REVIEW and drafting.current(post).digest != read:
                ask(post, verdict)
        return post


def take_up_again(actor: User, post: Post) -> None:
    """A missed post that has a slot ahead of it again goes back into review, with its approvals."""
    now = database_now()
    if post.lifecycle == PostState.MISSED and (
        post.on_approval or (post.slot is not None and post.slot > now)
    ):
        change_post(post, "post.reslot", actor, to=PostState.IN_REVIEW, reasons=[])
        reset_deliveries(post, approved_digest=None)
        drafting.set_times(post)


@dataclass(frozen=True, slots=True)
class _Asked:
    """What a post was about, and what was asked of it, before an edit."""

    loaded: Loaded
    networks: list[str]
    products: set[str]
    topics: set[str]


def _asked(post: Post) -> _Asked:
    networks = [channel.network for channel in drafting.channels_of(post)]
    return _Asked(load_one(post), networks, set(post.products), set(post.topics))


def _demand_not_lowered(actor: User, post: Post, before: _Asked) -> None:
    """Once submitted, anyone raises a facet; only a qualified non-contributor lowers one. Taking a product
    or a topic away lowers too, whatever it asked for: it may take the post out of an incident's scope.
    Raises Forbidden; the edit is undone with the transaction."""
    lowered = bool(before.products - set(post.products) or before.topics - set(post.topics))
    policy = post.brand.policies.filter(pk=before.loaded.policy_id or 0).first()
    if not lowered and policy is not None and before.loaded.facts.rule is not None:
        new = rule_for(read_rules(policy.rules), post.kind, before.networks, post.products, post.topics)
        lowered = asks_for_less(new, before.loaded.facts.rule)
    if lowered and not (may_lower(actor, before.loaded.facts) and may_lower(actor, load_one(post).facts)):
        raise Forbidden(
            "facet_lowered",
            _(
                "This would ask for less expertise. "
                "Only somebody qualified who did not write this post may lower it."
            ),
        )


def may_lower(actor: User, facts: Facts) -> bool:
    """Whether a person is qualified for what is asked now, and wrote nothing of it."""
    return actor.person_id not in facts.contributors and bool(covered_now(facts, actor.person_id, actor.pk))


def submit(actor: User, pk: int) -> Post:
    """Seals the payload and asks for review. Raises Invalid with every problem, Refused when it is not
    a draft any more."""
    with opened(actor, pk) as post:
        if post.lifecycle not in {
            PostState.DRAFT,
            PostState.CHANGES_REQUESTED,
            PostState.REJECTED,
            PostState.MISSED,
        }:
            raise Refused("not_a_draft", _("This post is already in review."))
        drafting.submit(actor, post)
        ask(post, settle(actor, post))
        return post


# --- Deciding ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Word:
    """What a person says of the bytes on their screen. `digest` is the one they saw."""

    decision: str
    digest: str
    comment: str = ""
    motive: str = ""


def decide(actor: User, pk: int, word: Word) -> Decision:
    """Stores a decision on exact bytes, and lets the post follow.

    Raises Forbidden `contributor` (nothing is stored) when a contributor approves, and `not_a_member`;
    Refused `stale_digest` with what is there now; Invalid without a needed comment.
    """
    comment = _read_word(word)
    brand_id = _demand_reviewer(actor, pk)
    with transaction.atomic():
        share_brands([brand_id])
        post = lock_post(pk)
        _demand_reviewer(actor, pk)
        _demand_decidable(post, word)
        loaded = load_one(post)
        facts = loaded.facts
        if word.decision == Verdict.APPROVE and actor.person_id in facts.contributors:
            raise Forbidden(
                "contributor",
                _(
                    "You wrote part of this post, so your approval cannot count for it. Other eyes must read it."
                ),
            )
        rests_on = covered_now(facts, actor.person_id, actor.pk)
        decision = Decision.objects.create(
            post=post,
            revision=drafting.current(post),
            user=actor,
            decision=word.decision,
            digest=facts.digest or "",
            epoch=facts.epoch,
            facets={"kind": post.kind, "products": post.products, "topics": post.topics},
            rests_on=rests_on,
            binding=bool(rests_on) and word.decision in {Verdict.REJECT, Verdict.REQUEST_CHANGES},
            comment=comment,
            motive=word.motive,
            at=facts.taken_at,
        )
        _follow(actor, post, decision)
        return decision


def _read_word(word: Word) -> str:
    comment = read_words(word.comment, "comment", most=5000)
    if word.decision not in Verdict.values:
        raise Invalid(
            "unknown_decision", _("There is no such decision."), fields={"decision": [_("Choose one.")]}
        )
    if word.motive and word.motive not in Motive.values:
        raise Invalid("unknown_reason", _("There is no such reason."), fields={"reason": [_("Choose one.")]})
    if not comment and word.decision in {Verdict.REJECT, Verdict.REQUEST_CHANGES}:
        sentence = _("Say in a sentence what is wrong, so that the author can learn from it.")
        raise Invalid("comment_needed", sentence, fields={"comment": [sentence]})
    return comment


def _demand_reviewer(actor: User, pk: int) -> int:
    post = Post.objects.select_related("brand").filter(pk=pk).first()
    if post is None:
        raise NotHere("no_such_post", _("There is no such post."))
    if membership_in(actor, post.brand) is None:
        raise Forbidden("not_a_member", _("You are not a member of this brand."))
    return post.brand_id


def _demand_decidable(post: Post, word: Word) -> None:
    if post.lifecycle not in OPEN_FOR_DECISIONS:
        raise Refused("not_in_review", _("This post is not in review."), details={"state": post.state})
    current = drafting.current(post)
    if word.decision != Verdict.WITHDRAW and word.digest != current.digest:
        raise Refused(
            "stale_digest",
            _("This post changed after you opened it. Read it again: nothing of what you wrote is lost."),
            details={"digest": current.digest, "revision": current.number},
        )


def covered_now(facts: Facts, person: int, account: int = 0) -> list[list[str | int]]:
    """[domain, level held] for each requirement of the post that the person covers at this moment, through
    that account (0: through any of theirs)."""
    if facts.rule is None or person not in facts.active:
        return []
    found: dict[str, int] = {}
    for requirement in facts.rule.requirements:
        levels = [
            held.level
            for held in facts.held
            if held.person == person
            and account in {0, held.account}
            and held.domain == requirement.domain
            and held.level >= requirement.level
            and held.at(facts.taken_at)
        ]
        if levels:
            found[requirement.domain] = max(levels)
    return [[domain, level] for domain, level in sorted(found.items())]


def _follow(actor: User, post: Post, decision: Decision) -> None:
    change_post(
        post,
        f"decision.{decision.decision}",
        actor,
        personal=decision.comment,
        told={
            "decision": decision.pk,
            "digest": decision.digest,
            "epoch": decision.epoch,
            "rests_on": decision.rests_on,
            "motive": decision.motive,
        },
    )
    # Nothing held resumes by itself: it takes the approval of somebody whose expertise counts for it.
    confirms = post.lifecycle == PostState.HELD and decision.decision == Verdict.APPROVE
    verdict = settle(actor, post, now_please=confirms and bool(decision.rests_on))
    tell(
        [post.author],
        post.brand_id,
        f"decision.{decision.decision}",
        post_id=post.pk,
        who=actor.name,
        advisory=not decision.rests_on,
        open=verdict.open,
    )


# --- Settling ---------------------------------------------------------------------------------
def settle(actor: Actor, post: Post, *, now_please: bool = False) -> GateVerdict:
    """Evaluates the gate for a locked post and moves it to the state that follows: `scheduled` when it
    is open. A slot that passed before the gate opened makes it `missed`, never late by itself; only a
    person acting on the post now (`now_please`) may still send it inside its lateness."""
    loaded, verdict = verdict_of(post)
    now = loaded.facts.taken_at
    to = _state_after(post, verdict, confirmed=now_please)
    if to == PostState.SCHEDULED:
        if not (_in_time(post, now) or (now_please and post.deadline is not None and now <= post.deadline)):
            return _miss(actor, post, verdict)
        _schedule(actor, post, now)
    elif to != post.lifecycle:
        # What is due on approval has no instant of its own any more, until it is approved again.
        slot = None if post.on_approval else post.slot
        change_post(post, f"post.{to.value}", actor, to=to, reasons=[], slot=slot)
        # A claim made a moment ago is void too, so that nothing is left that looks approved.
        reset_deliveries(post, approved_digest=None)
    return verdict


def _in_time(post: Post, now: datetime) -> bool:
    """Whether its slot lies ahead. What is scheduled already may be late by what it allows: the release
    engine judges that. What is due on approval has no instant but that of the approval."""
    return post.lifecycle == PostState.SCHEDULED or post.on_approval or post.slot is None or post.slot > now


def _state_after(post: Post, verdict: GateVerdict, *, confirmed: bool) -> PostState:
    state = post.lifecycle
    if state not in OPEN_FOR_DECISIONS or state == PostState.MISSED or post.held_by_id is not None:
        return state
    blockers = {str(reason.params.get("blocker", "")) for reason in verdict.reasons}
    if "veto" in blockers:
        return PostState.REJECTED
    if "changes_requested" in blockers:
        return PostState.CHANGES_REQUESTED
    if problems_of(drafting.current(post).content, drafting.channels_of(post)):
        return PostState.CHANGES_REQUESTED
    if state == PostState.HELD and not (verdict.open and confirmed):
        return PostState.HELD
    return PostState.SCHEDULED if verdict.open else PostState.IN_REVIEW


def _schedule(actor: Actor, post: Post, now: datetime) -> None:
    if post.lifecycle == PostState.SCHEDULED and post.slot is not None:
        return
    digest = drafting.current(post).digest
    slot = now if post.on_approval else post.slot or now
    change_post(
        post, "post.schedule", actor, to=PostState.SCHEDULED, told={"digest": digest}, slot=slot, reasons=[]
    )
    reset_deliveries(post)
    post.deliveries.filter(sealed_digest=digest).update(approved_digest=digest)
    drafting.set_times(post)


def _miss(actor: Actor, post: Post, verdict: GateVerdict) -> GateVerdict:
    change_post(post, "post.missed", actor, to=PostState.MISSED, reasons=[{"code": "slot_passed"}])
    settle_deliveries(post, DeliveryState.MISSED)
    tell([post.author], post.brand_id, "post.missed", post_id=post.pk)
    return verdict
