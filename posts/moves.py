"""The only writer of a post's and a delivery's state.

Each move is a guarded UPDATE that names the state it starts from, and a journal entry in the same
transaction. Whoever loses the race changes nothing and learns so.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import connection
from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from accounts.refusals import LostRace
from journal.recording import Act, Actor, record, record_all
from posts.lifecycle import (
    DeliveryState,
    PostState,
    demand_delivery_edge,
    demand_post_edge,
    state_of_post,
)
from posts.models import Channel, Delivery, Post

D = DeliveryState
SENT_OR_MAY_BE = (D.SENDING, D.DELIVERED, D.UNKNOWN, D.RETRACTING, D.RETRACTED)


def lock_post(pk: int) -> Post:
    """The post, its row locked until the transaction ends."""
    if not connection.in_atomic_block:
        raise RuntimeError("A row lock lives until the end of a transaction: open one first.")
    return (
        Post.objects.select_for_update(of=("self",)).select_related("brand", "revision", "author").get(pk=pk)
    )


def change_post(
    post: Post, verb: str, actor: Actor, *, to: PostState | None = None, personal: str = "",
    told: Mapping[str, Any] | None = None, **fields: Any,
) -> None:
    """Writes `fields`, and the state `to` if it is another, raises the post's version, and writes the
    journal. Raises LostRace when the post changed since it was read, NoSuchEdge for a move that is none."""
    start = post.lifecycle
    if to is not None and to != start:
        demand_post_edge(start, to)
        fields["state"] = to.value
    changed = Post.objects.filter(pk=post.pk, version=post.version, state=start.value).update(
        version=F("version") + 1, **fields
    )
    if changed != 1:
        raise LostRace("changed_meanwhile", _("This post changed in the meantime. Nothing was lost: look again."))
    post.version += 1
    for name, value in fields.items():
        setattr(post, name, value)
    data = {"from": start.value, "to": post.state, "version": post.version, **(told or {})}
    record(verb, actor, post.brand_id, f"post:{post.pk}", post_id=post.pk, personal=personal, **data)


def _deliveries(post: Post, *states: DeliveryState) -> QuerySet[Delivery]:
    return Delivery.objects.filter(post=post, state__in=[state.value for state in states])


def reset_deliveries(post: Post, **fields: Any) -> int:
    """Brings every delivery of which nothing can be public back to PENDING with new `fields` (payload,
    digests, times). The claim they may be under is void: its token is outrun. Answers how many."""
    movable = [D.PENDING, D.CLAIMED, D.HELD, D.MISSED, D.FAILED]
    for state in movable:
        if state != D.PENDING:
            demand_delivery_edge(state, D.PENDING)
    return _deliveries(post, *movable).update(
        state=D.PENDING.value, token=F("token") + 1, lease_until=None, claimed_by="", problem={}, **fields
    )


def settle_deliveries(post: Post, to: DeliveryState, problem: Mapping[str, Any] | None = None) -> int:
    """Moves what is pending or claimed to HELD or MISSED: it no longer waits to be sent."""
    starts = [D.PENDING, D.CLAIMED] + ([D.HELD] if to == D.MISSED else [])
    for start in starts:
        demand_delivery_edge(start, to)
    return _deliveries(post, *starts).update(
        state=to.value, token=F("token") + 1, lease_until=None, claimed_by="", problem=dict(problem or {})
    )


# --- The release engine's moves: many at once, each guarded by state and fencing token -------------
def claim_deliveries(ids: Sequence[int], worker: str, lease_until: datetime) -> list[Delivery]:
    """PENDING → CLAIMED for those still pending, with the next fencing token, the lease, and the
    versions that the gate is about to be evaluated on. Answers the claimed rows, fresh."""
    demand_delivery_edge(D.PENDING, D.CLAIMED)
    Delivery.objects.filter(pk__in=ids, state=D.PENDING.value).update(
        state=D.CLAIMED.value, token=F("token") + 1, claimed_by=worker, lease_until=lease_until
    )
    return list(
        Delivery.objects.filter(pk__in=ids, state=D.CLAIMED.value, claimed_by=worker, lease_until=lease_until)
        .select_related("post__brand", "post__revision", "channel")
        .order_by("next_at", "pk")
    )


def remember_versions(claimed: Iterable[Delivery]) -> None:
    """Writes down which version of post and brand a claim was evaluated on."""
    Delivery.objects.bulk_update(claimed, ["claimed_version", "claimed_standing"])


def move_claimed(
    claims: Mapping[int, int],
    start: DeliveryState,
    to: DeliveryState,
    *,
    only_running: bool = False,
    count_attempt: bool = False,
    **fields: Any,
) -> int:
    """Moves {delivery id: token} from `start` to `to` where the token is still the newest: a late holder
    of an old token changes nothing. `only_running` leaves out paused channels. Answers how many moved."""
    demand_delivery_edge(start, to)
    if count_attempt:
        fields["attempts"] = F("attempts") + 1
    moved = 0
    for token in set(claims.values()):
        ids = [pk for pk, held in claims.items() if held == token]
        rows = Delivery.objects.filter(pk__in=ids, token=token, state=start.value)
        if only_running:
            rows = rows.filter(channel__in=Channel.objects.filter(paused_at__isnull=True))
        moved += rows.update(state=to.value, **fields)
    return moved


def move_pending(delivery: Delivery, to: DeliveryState, problem: Mapping[str, Any]) -> bool:
    """PENDING → `to`, if it still is. Answers whether it moved."""
    demand_delivery_edge(D.PENDING, to)
    rows = Delivery.objects.filter(pk=delivery.pk, token=delivery.token, state=D.PENDING.value)
    return rows.update(state=to.value, problem=dict(problem)) == 1


def give_back(claims: Mapping[int, int]) -> int:
    """CLAIMED → PENDING for {delivery id: token} still held: to be claimed, and judged, again."""
    return move_claimed(claims, D.CLAIMED, D.PENDING, lease_until=None, claimed_by="")


def follow_deliveries(post_ids: Iterable[int], actor: Actor) -> None:
    """Brings released posts to the state that their deliveries make. Leaves `version` alone: nothing
    that the gate looks at has changed."""
    found = Delivery.objects.filter(post_id__in=set(post_ids)).values_list(
        "post_id", "post__state", "post__brand_id", "state"
    )
    states: dict[tuple[int, str, int], list[DeliveryState]] = {}
    for post_id, post_state, brand_id, state in found:
        states.setdefault((post_id, post_state, brand_id), []).append(DeliveryState(state))
    groups: dict[tuple[PostState, PostState], list[tuple[int, int]]] = {}
    for (post_id, post_state, brand_id), of_post in states.items():
        start, to = PostState(post_state), state_of_post(of_post)
        if start != to and start in _FOLLOWING:
            demand_post_edge(start, to)
            groups.setdefault((start, to), []).append((post_id, brand_id))
    for (start, to), posts in groups.items():
        ids = [post_id for post_id, _brand in posts]
        Post.objects.filter(pk__in=ids, state=start.value).update(state=to.value)
        record_all(
            Act(f"post.{to.value}", actor, brand_id, f"post:{post_id}", post_id, {"from": start.value, "to": to.value})
            for post_id, brand_id in posts
            if to not in (PostState.RELEASING, PostState.SCHEDULED)
        )


# States that the deliveries lead; in all others a person leads.
_FOLLOWING = frozenset(
    {
        PostState.SCHEDULED,
        PostState.RELEASING,
        PostState.PUBLISHED,
        PostState.PARTLY_PUBLISHED,
        PostState.FAILED,
        PostState.UNKNOWN,
        PostState.RETRACTED,
    }
)
