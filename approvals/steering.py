"""Steering a post that is under way: hold, resume, move, release, withdraw.

Stopping is cheap, releasing is not: any member may hold, only somebody qualified lets go again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import User
from accounts.policies import demand_may_stop
from accounts.reading import read_words
from accounts.refusals import Forbidden, Refused
from approvals.gate import ENTRUSTED, LACKS, Code, Facts
from approvals.reviewing import covered_now, opened, settle, take_up_again, verdict_of
from approvals.routing import ask, plan_reminders
from approvals.wording import sentences
from journal.models import Notice
from journal.telling import tell
from posts import drafting
from posts.lifecycle import MAY_BE_PUBLIC, DeliveryState, PostState
from posts.models import Kind, Post
from posts.moves import change_post, follow_deliveries, lock_post, reset_deliveries, settle_deliveries
from posts.policies import get_post_to_stop, may_hold, may_withdraw


@contextmanager
def _opened_to_stop(actor: User, pk: int) -> Iterator[Post]:
    """As `opened`, for whoever may stop: any member, and whoever runs the installation."""
    brand_id = get_post_to_stop(actor, pk).brand_id
    with transaction.atomic():
        share_brands([brand_id])
        post = lock_post(pk)
        demand_may_stop(actor, post.brand)
        yield post


def hold(actor: User, pk: int, reason: str = "") -> Post:
    """Stops a post before its next send, also one that a worker has already claimed."""
    why = read_words(reason)
    with _opened_to_stop(actor, pk) as post:
        if not may_hold(post):
            raise Refused("cannot_hold", _("There is nothing to hold: this post is not on its way."))
        in_part = post.deliveries.filter(state__in=[state.value for state in MAY_BE_PUBLIC]).exists()
        change_post(
            post,
            "post.hold",
            actor,
            to=None if in_part else PostState.HELD,
            personal=why,
            held_by=actor,
            # Beside why it was held already: an incident's list of what is to be gone through is read from here.
            reasons=[*(post.reasons if post.lifecycle == PostState.HELD else []), {"code": "held"}],
        )
        settle_deliveries(post, DeliveryState.HELD, {"code": "held"})
        if in_part:
            follow_deliveries([post.pk], actor)
        heard = [one for one in (post.author, *_asked_to_post(post)) if one.pk != actor.pk]
        tell(heard, post.brand_id, "post.hold", post_id=post.pk, who=actor.name)
        return post


def _asked_to_post(post: Post) -> list[User]:
    """Whoever may have the post in hand, to put it out themselves: they must hear that it stops."""
    if post.lifecycle != PostState.UNKNOWN:
        return []
    asked = Notice.objects.filter(post_id=post.pk, kind="delivery.by_hand")
    return list(User.objects.filter(pk__in=asked.values("user")))


def resume(actor: User, pk: int) -> Post:
    """Lifts a hold; the gate then decides where the post stands. Raises Forbidden to the unqualified."""
    with opened(actor, pk) as post:
        if post.lifecycle != PostState.HELD and post.held_by_id is None:
            raise Refused("not_held", _("This post is not held."))
        loaded, _verdict = verdict_of(post)
        _demand_qualified(actor, post, loaded.facts)
        whole = post.lifecycle == PostState.HELD
        change_post(
            post,
            "post.resume",
            actor,
            to=PostState.IN_REVIEW if whole else None,
            held_by=None,
            reasons=[],
        )
        # Of a post that is out in part only the rest was held, and goes on as it was approved; all of a
        # post is due again only if the gate, asked below, is open.
        reset_deliveries(post, **({"approved_digest": None} if whole else {}))
        settle(actor, post, now_please=True)
        return post


def may_let_go(actor: User, post: Post, facts: Facts) -> bool:
    """Whether the person's expertise counts for this post (level 2 or above; crisis 2 for a statement)."""
    covered = {str(domain): int(level) for domain, level in covered_now(facts, actor.person_id, actor.pk)}
    if post.kind == Kind.CRISIS:
        return covered.get("crisis", 0) >= ENTRUSTED
    return any(level >= ENTRUSTED for level in covered.values())


def _demand_qualified(actor: User, post: Post, facts: Facts) -> None:
    if not may_let_go(actor, post, facts):
        raise Forbidden(
            "not_qualified",
            _("Any member may stop a post; to let it go takes expertise in what it touches."),
        )


def reschedule(
    actor: User, pk: int, slot: str, window: dict[str, str] | None = None, *, seen: int | None = None
) -> Post:
    """Moves the slot. Inside the window approvals stand; outside, the window moves along, the digest is
    another, and the post is read again. Moving a post is not writing it: its mover may still approve."""
    with opened(actor, pk) as post:
        if post.lifecycle in {PostState.WITHDRAWN, PostState.RELEASING}:
            raise Refused("already_out", _("This post can no longer be moved."))
        changed = drafting.edit(
            actor, post, {"slot": slot, **({"window": window} if window else {})}, seen=seen
        )
        if changed and post.submitted_at is not None:
            take_up_again(actor, post)
            if _must_be_read_again(post):
                change_post(post, "post.in_review", actor, to=PostState.IN_REVIEW, reasons=[])
                reset_deliveries(post, approved_digest=None)
                drafting.set_times(post)
            verdict = settle(actor, post)
            if post.lifecycle == PostState.IN_REVIEW:
                ask(post, verdict)
            plan_reminders(post)
        return post


def _must_be_read_again(post: Post) -> bool:
    """Whether a post that the gate, a pause or an incident holds lacks approvals now: with another slot it
    goes back to its readers. One that has them all stays held: only somebody qualified lets it go."""
    if post.lifecycle != PostState.HELD or post.held_by_id is not None:
        return False
    return any(reason.code in LACKS for reason in verdict_of(post)[1].reasons)


def release(actor: User, pk: int) -> Post:
    """A qualified person lets an approved post out now: needed for a crisis statement, possible for any
    other inside its window. Refused with what is missing when more than this press is."""
    with opened(actor, pk) as post:
        loaded, _at_slot = verdict_of(post)
        _demand_qualified(actor, post, loaded.facts)
        if (
            post.lifecycle not in {PostState.IN_REVIEW, PostState.SCHEDULED, PostState.HELD}
            or post.held_by_id
        ):
            raise Refused(
                "cannot_release", _("This post is not ready to go out."), details={"state": post.state}
            )
        if post.on_approval is False:
            _demand_inside_window(post)
        now = database_now()
        change_post(
            post,
            "post.release",
            actor,
            told={"digest": loaded.facts.digest, "epoch": loaded.facts.epoch},
            released_by_id=actor.person_id,
            released_at=now,
            released_digest=loaded.facts.digest or "",
            released_epoch=loaded.facts.epoch,
            slot=now,
            local_slot="",
        )
        reset_deliveries(post)
        drafting.set_times(post)
        verdict = settle(actor, post, now_please=True)
        if not verdict.open:
            # The whole press is undone with the transaction.
            raise Refused(
                "gate_closed",
                " ".join(sentences(verdict, post)) or _("The gate is closed."),
                details={
                    "reasons": [
                        reason.code.value for reason in verdict.reasons if reason.code != Code.NOT_RELEASED
                    ]
                },
            )
        return post


def _demand_inside_window(post: Post) -> None:
    now = database_now()
    if not (post.window_from and post.window_until and post.window_from <= now <= post.window_until):
        raise Refused(
            "outside_window",
            _("This post was approved for another time. Move it first, and have it read again."),
        )


def withdraw(actor: User, pk: int) -> Post:
    """The author (or an owner) takes the post back for good. A clone can take it up again."""
    with opened(actor, pk) as post:
        if not may_withdraw(actor, post):
            raise Forbidden("not_yours", _("Only its author or an owner withdraws a post that is not out."))
        if post.deliveries.filter(state__in=[state.value for state in MAY_BE_PUBLIC]).exists():
            raise Refused("already_out", _("Some of this post is out, or may be: retract it instead."))
        change_post(post, "post.withdraw", actor, to=PostState.WITHDRAWN, reasons=[])
        settle_deliveries(post, DeliveryState.HELD, {"code": "withdrawn"})
        return post
