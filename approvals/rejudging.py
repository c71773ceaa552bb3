"""Asks the gate again about what is under way, after the brand's standing has changed.

The release engine would find the same a moment before the send; this only says so at once, while there is
time to mend it, instead of at the slot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from accounts.models import Membership
from approvals.facts import REASONS, load_subjects, read_subjects
from approvals.gate import Verdict, evaluate
from approvals.levels import accounts_of
from approvals.reviewing import moment_of, settle
from approvals.standing import Shelf
from journal.recording import Actor
from journal.telling import tell
from posts.lifecycle import MAY_BE_PUBLIC, DeliveryState, PostState
from posts.models import Post
from posts.moves import change_post, follow_deliveries, lock_post, settle_deliveries

UNDER_WAY = (PostState.SCHEDULED, PostState.RELEASING)
_AT_ONCE = 200


@dataclass(slots=True)
class Rejudged:
    """The posts that were held, and those that are scheduled now."""

    held: list[int]
    scheduled: list[int]


def hold_closed(actor: Actor, post_ids: Iterable[int], notice: str = "post.held") -> list[int]:
    """Holds those of the posts that are under way and whose gate is closed now, and tells (`notice`) their
    authors and who could mend it. The caller holds the brand's exclusive lock. Answers which, by id."""
    rows = Post.objects.filter(pk__in=set(post_ids), state__in=[state.value for state in UNDER_WAY])
    return _hold_closed(actor, list(rows.order_by("pk").values_list("pk", flat=True)), notice)


def rejudge(actor: Actor, brand_id: int, notice: str) -> Rejudged:
    """The same for all of a brand, and what is in review and has become open is settled. Reads a bounded
    number of posts at once; only those that move are locked."""
    held = _hold_closed(actor, _in_state(brand_id, *UNDER_WAY), notice)
    return Rejudged(held, settle_opened(actor, _in_state(brand_id, PostState.IN_REVIEW)))


def settle_opened(actor: Actor, post_ids: Sequence[int]) -> list[int]:
    """Settles those of the posts in review whose gate is open now. Answers which are scheduled, by id."""
    scheduled = []
    for pk, verdict in _verdicts(post_ids):
        if verdict.open:
            post = lock_post(pk)
            settle(actor, post)
            if post.lifecycle == PostState.SCHEDULED:
                scheduled.append(pk)
    return scheduled


def _in_state(brand_id: int, *states: PostState) -> list[int]:
    rows = Post.objects.filter(brand_id=brand_id, state__in=[state.value for state in states])
    return list(rows.order_by("pk").values_list("pk", flat=True))


def _hold_closed(actor: Actor, ids: Sequence[int], notice: str) -> list[int]:
    return [pk for pk, verdict in _verdicts(ids) if not verdict.open and _hold(actor, pk, verdict, notice)]


def _verdicts(ids: Sequence[int]) -> Iterator[tuple[int, Verdict]]:
    shelf = Shelf()
    for first in range(0, len(ids), _AT_ONCE):
        subjects = {one.pk: one for one in read_subjects(ids[first : first + _AT_ONCE])}
        loaded = load_subjects(list(subjects.values()), shelf=shelf)
        for pk, subject in sorted(subjects.items()):
            facts = loaded[pk].facts
            yield pk, evaluate(facts, moment_of(subject, facts.taken_at))


def _hold(actor: Actor, pk: int, verdict: Verdict, notice: str) -> bool:
    """Holds what can still be held. What is out already, or is being sent, is not called back."""
    post = lock_post(pk)
    if post.lifecycle not in UNDER_WAY:
        return False
    hold_denied(actor, post, verdict, notice)
    return True


def hold_denied(
    actor: Actor, post: Post, verdict: Verdict, notice: str, *, to: PostState = PostState.HELD
) -> None:
    """Holds what the gate denies (or misses it: `to`) with its reasons, and tells (`notice`) the author and
    who could mend it. Nothing is lost; of a post that is out in part only the rest is stopped. The caller has
    locked the post."""
    partly = post.deliveries.filter(state__in=[state.value for state in MAY_BE_PUBLIC]).exists()
    reasons = REASONS.dump_python(verdict.reasons, mode="json")
    change_post(
        post,
        f"post.{to.value}",
        actor,
        to=None if partly else to,
        told={"reasons": reasons},
        reasons=reasons,
    )
    settle_deliveries(
        post, DeliveryState.MISSED if to == PostState.MISSED else DeliveryState.HELD, {"code": "gate"}
    )
    if partly:
        follow_deliveries([post.pk], actor)
    could = accounts_of({person for reason in verdict.reasons for person in reason.could})
    members = Membership.objects.filter(brand_id=post.brand_id, user_id__in=could, is_active=True)
    people = [one.user for one in members.select_related("user")]
    tell([post.author, *people], post.brand_id, notice, post_id=post.pk)
