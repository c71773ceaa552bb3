"""Reviewing: submit, revise, decide, and then put the post where its decisions put it.

Every verb here opens its own transaction, holds the brand's standing still (shared) and locks the
post, in that order, which is the order of the release engine too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import Brand, User
from accounts.policies import demand_member, is_member
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.facts import Loaded, Subject, and_approved, load_one
from approvals.gate import Facts, evaluate
from approvals.gate import Verdict as GateVerdict
from approvals.lowering import Wish, wish
from approvals.models import Decision, Motive, Verdict
from approvals.noticing import demand_as_seen
from approvals.routing import ask, foretell, plan_reminders
from approvals.ruling import demand_present, in_force
from approvals.standing import DESK_SHELF
from approvals.wording import listed, names_of
from journal.recording import Actor
from journal.telling import tell
from posts import drafting
from posts.lifecycle import OPEN_FOR_DECISIONS, DeliveryState, PostState
from posts.models import Post
from posts.moves import (
    Unwritten,
    change_post,
    lock_lineage,
    lock_post,
    ready_deliveries,
    reset_deliveries,
    settle_deliveries,
)
from posts.policies import get_post
from posts.reading import Draft


@contextmanager
def opened(actor: User, pk: int) -> Iterator[Post]:
    """The post for a verb of `actor`: authorised, its brand's standing held still, its row locked."""
    brand_id = get_post(actor, pk).brand_id
    with transaction.atomic():
        share_brands([brand_id])
        post = lock_post(pk)
        demand_member(actor, post.brand)
        yield post


def moment_of(post: Post | Subject, now: datetime) -> datetime:
    """The instant at which the gate is asked: the slot, or now for what is due on approval or past."""
    return post.slot if post.slot is not None and post.slot > now else now


def verdict_of(post: Post) -> tuple[Loaded, GateVerdict]:
    """The verdict now, as it would be at the slot."""
    loaded = load_one(post)
    return loaded, evaluate(loaded.facts, moment_of(post, loaded.facts.taken_at))


# --- Writing ----------------------------------------------------------------------------------
def draft(actor: User, brand: Brand, fields: Draft) -> Post:
    """A new draft; where nobody who is there could let it out, its author and the owners hear it now.
    Raises Invalid, or NotHere for somebody outside the brand."""
    with transaction.atomic():
        demand_member(actor, brand)
        made = drafting.create(actor, brand, fields)
        foretell(made, verdict_of(made)[1])
        return made


def revise(actor: User, pk: int, fields: Draft, *, seen: int | None = None) -> Post:
    """Changes a post; see `posts/drafting.py`. Raises Stale, Invalid, Forbidden or Refused."""
    with opened(actor, pk) as post:
        drafting.demand_fresh(post, seen)
        demand_not_lowered(actor, post, fields)
        read = drafting.current(post).digest
        if drafting.edit(actor, post, fields, seen=seen, retouching=may_retouch(post)):
            follow_edit(actor, post, read)
        return post


def may_retouch(post: Post) -> bool:
    """Whether the brand lets the maker of a light correction still approve."""
    rules = in_force(post.brand_id).rules
    return rules is not None and rules.light_correction


def follow_edit(actor: User, post: Post, read: str) -> None:
    """After an edit: puts the post where its decisions put it now, and asks again when the bytes are
    others than those of the digest `read`."""
    if post.submitted_at is None:
        foretell(post, verdict_of(post)[1])
        return
    take_up_again(actor, post)
    verdict = settle(actor, post)
    if post.lifecycle == PostState.IN_REVIEW and drafting.current(post).digest != read:
        ask(post, verdict)
    plan_reminders(post)


def take_up_again(actor: User, post: Post) -> None:
    """A missed post that has a slot ahead of it again goes back into review, with its approvals."""
    now = database_now()
    if post.lifecycle == PostState.MISSED and (
        post.on_approval or (post.slot is not None and post.slot > now)
    ):
        change_post(post, "post.reslot", actor, to=PostState.IN_REVIEW, reasons=[])
        reset_deliveries(post, approved_digest=None)
        drafting.set_times(post)


def demand_not_lowered(actor: User, post: Post, fields: Draft) -> None:
    """Anyone raises a facet; only a qualified non-contributor lowers one, with a reason, and by itself
    (approvals/classifying.py): never along with an edit. Raises Forbidden, or Invalid to the qualified."""
    wished = wished_of(post, fields)
    if wished is None or not wished.lowers:
        return
    demand_may_lower(actor, post, wished)
    if fields.keys() - {"kind", "products", "topics"}:
        # Along with an edit it would be the doing of somebody who writes in it.
        raise Forbidden(
            "facet_lowered", _("Ask for less expertise by itself, with a reason, and not in an edit.")
        )
    sentence = _("To ask for less expertise, say why: lower it by itself, with a reason.")
    raise Invalid("reason_needed", sentence, fields={"reason": [sentence]})


def wished_of(post: Post, fields: Draft) -> Wish | None:
    """What the fields of a draft make of the facets, before the lexicon has its say; see `lowering.py`."""
    if not {"kind", "products", "topics"} & fields.keys():
        return None
    networks = [channel.network for channel in drafting.channels_of(post)]
    return wish(post, fields, in_force(post.brand_id).rules, networks)


def demand_may_lower(actor: User, post: Post, wished: Wish) -> None:
    """Raises Forbidden, naming who could, unless the person is qualified for what is asked now and for what
    would be asked, and wrote nothing of it."""
    facts = load_one(post).facts
    after = replace(facts, kind=wished.kind, rule=wished.rule)
    if may_lower(actor, facts) and may_lower(actor, after):
        return
    sentence = _(
        "This would ask for less expertise. Only somebody qualified who did not write this post may lower it."
    )
    raise Forbidden("facet_lowered", " ".join([sentence, *_who_could_lower(facts, after)]))


def _who_could_lower(facts: Facts, after: Facts) -> list[str]:
    present = facts.active - facts.contributors - facts.absent
    able = [person for person in present if covered_now(facts, person) and covered_now(after, person)]
    if not able:
        return [_("Nobody present could: write a new post instead, or ask an owner.")]
    return [_("%(who)s could.") % {"who": listed(sorted(names_of(able).values()))}]


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
    """What a person says of the bytes on their screen. `digest` is the one they saw; `present` says that
    they have told again, a moment ago, who they are; `standing` is what they saw of the rest (`noticing.py`),
    empty for a caller who shows nothing."""

    decision: str
    digest: str
    comment: str = ""
    motive: str = ""
    present: bool = False
    standing: str = ""


def decide(actor: User, pk: int, word: Word, *, brand: Brand | None = None) -> Decision:
    """Stores a decision on exact bytes, and lets the post follow.

    Raises Forbidden `contributor` (nothing is stored) when a contributor approves, `not_a_member`, and
    `reauthenticate` where the rules ask for it; Refused `stale_digest` with what is there now, or
    `standing_changed`; Invalid without a needed comment. `brand` is the post's, for a caller who has just read it.
    """
    comment = _read_word(word)
    brand = brand or _brand_of(pk)
    with transaction.atomic():
        share_brands([brand.pk])
        # Who belongs to the brand changes under its exclusive lock only: asked once is enough.
        if not is_member(actor, brand):
            raise Forbidden("not_a_member", _("You are not a member of this brand."))
        family = lock_lineage(pk)
        post = family.pop(pk)
        _demand_decidable(post, word)
        demand_present(DESK_SHELF.of(post.brand).rules, present=word.present)
        facts = load_one(post, shelf=DESK_SHELF).facts
        if word.decision != Verdict.WITHDRAW:
            demand_as_seen(facts, word.standing)
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
        _follow(actor, post, decision, facts)
        settle_family(actor, family.values(), f"decision.{decision.decision}")
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


def _brand_of(pk: int) -> Brand:
    post = Post.objects.select_related("brand").only("brand").filter(pk=pk).first()
    if post is None:
        raise NotHere("no_such_post", _("There is no such post."))
    return post.brand


def _demand_decidable(post: Post, word: Word) -> None:
    if post.lifecycle not in OPEN_FOR_DECISIONS:
        raise Refused("not_in_review", _("This post is not in review."), details={"state": post.state})
    current = drafting.current(post)
    if word.decision != Verdict.WITHDRAW and word.digest != current.digest:
        raise Refused(
            "stale_digest",
            _("This post changed after you opened it. Read it again: nothing of what you wrote is lost."),
            details={
                "digest": current.digest,
                "revision": current.number,
                "changed": _changed_since(post, word.digest),
            },
        )


def _changed_since(post: Post, digest: str) -> list[str]:
    """What differs between the bytes that were seen and those that are there: fields of the draft, or
    "window" when it is only the time in which it may go out. Empty for bytes this post never had."""
    seen = post.revisions.filter(digest=digest).order_by("-number").first() if digest else None
    if seen is None:
        return []
    now = drafting.current(post).content
    fields = sorted(
        name for name in now.keys() | seen.content.keys() if now.get(name) != seen.content.get(name)
    )
    return fields or ["window"]


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


def _follow(actor: User, post: Post, decision: Decision, facts: Facts) -> None:
    """Puts the post where the word puts it. `facts` are those on which the word was given."""
    unwritten = Unwritten()
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
        at=decision.at,
        unwritten=unwritten,
    )
    # Nothing held resumes by itself: it takes the approval of somebody whose expertise counts for it.
    confirms = post.lifecycle == PostState.HELD and decision.decision == Verdict.APPROVE
    foretold = decision.decision == Verdict.APPROVE and not facts.blockers
    verdict = settle(
        actor,
        post,
        now_please=confirms and bool(decision.rests_on),
        facts=and_approved(facts, decision) if foretold else None,
        unwritten=unwritten,
    )
    unwritten.write(post, decision.at)
    tell(
        [post.author],
        post.brand_id,
        f"decision.{decision.decision}",
        post_id=post.pk,
        who=actor.name,
        advisory=not decision.rests_on,
        open=verdict.open,
    )


def settle_family(actor: User, relatives: Iterable[Post], kind: str) -> None:
    """Puts the clones and splits of a post where a word on it puts them: a veto holds them all, and they
    go on together when it is gone. Their authors are told by a notice of that `kind`."""
    for one in relatives:
        before = one.lifecycle
        verdict = settle(actor, one)
        if one.lifecycle == before:
            continue
        tell([one.author], one.brand_id, kind, post_id=one.pk, who=actor.name)
        if one.lifecycle == PostState.IN_REVIEW:
            ask(one, verdict)


# --- Settling ---------------------------------------------------------------------------------
def settle(
    actor: Actor,
    post: Post,
    *,
    now_please: bool = False,
    facts: Facts | None = None,
    unwritten: Unwritten | None = None,
) -> GateVerdict:
    """Evaluates the gate for a locked post and moves it to the state that follows: `scheduled` when it
    is open. A slot that passed before the gate opened makes it `missed`, never late by itself; only a
    person acting on the post now (`now_please`) may still send it inside its lateness. `facts`: as they are
    at this moment of the transaction, for a caller who has them. `unwritten`: what the caller did to the post
    already, and writes at the end along with its scheduling; what else is written stands after it."""
    facts = facts or load_one(post).facts
    now = facts.taken_at
    verdict = evaluate(facts, moment_of(post, now))
    to = _state_after(post, verdict, confirmed=now_please)
    if to == PostState.SCHEDULED:
        if not (_in_time(post, now) or (now_please and post.deadline is not None and now <= post.deadline)):
            _write(unwritten, post, now)
            return _miss(actor, post, verdict)
        _schedule(actor, post, now, unwritten)
    elif to != post.lifecycle:
        _write(unwritten, post, now)
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
    if drafting.problems_in(post):
        return PostState.CHANGES_REQUESTED
    if state == PostState.HELD and not (verdict.open and confirmed):
        return PostState.HELD
    return PostState.SCHEDULED if verdict.open else PostState.IN_REVIEW


def _write(unwritten: Unwritten | None, post: Post, at: datetime) -> None:
    """Now: what comes is written after it."""
    if unwritten is not None:
        unwritten.write(post, at)


def _schedule(actor: Actor, post: Post, now: datetime, unwritten: Unwritten | None) -> None:
    if post.lifecycle == PostState.SCHEDULED and post.slot is not None:
        return
    digest = drafting.current(post).digest
    slot = now if post.on_approval else post.slot or now
    change_post(
        post,
        "post.schedule",
        actor,
        to=PostState.SCHEDULED,
        told={"digest": digest},
        at=now,
        unwritten=unwritten,
        slot=slot,
        reasons=[],
    )
    ready_deliveries(post, digest)


def _miss(actor: Actor, post: Post, verdict: GateVerdict) -> GateVerdict:
    change_post(post, "post.missed", actor, to=PostState.MISSED, reasons=[{"code": "slot_passed"}])
    settle_deliveries(post, DeliveryState.MISSED)
    tell([post.author], post.brand_id, "post.missed", post_id=post.pk)
    return verdict
