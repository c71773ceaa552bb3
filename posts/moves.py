"""The only writer of a post's and a delivery's state.

Each move is a guarded UPDATE that names the state it starts from, and a journal entry in the same
transaction. Whoever loses the race changes nothing and learns so.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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


def lock_post(pk: int) -> Post:
    """The post, its row locked until the transaction ends."""
    if not connection.in_atomic_block:
        raise RuntimeError("A row lock lives until the end of a transaction: open one first.")
    # Locked first and read then: who waits for a lock in a join gets the new post beside the old
    # revision, which PostgreSQL then answers as none at all.
    Post.objects.select_for_update().values_list("pk").get(pk=pk)
    return Post.objects.select_related("brand", "revision", "author").get(pk=pk)


def change_post(
    post: Post,
    verb: str,
    actor: Actor,
    *,
    to: PostState | None = None,
    personal: str = "",
    told: Mapping[str, Any] | None = None,
    **fields: Any,
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
        raise LostRace(
            "changed_meanwhile", _("This post changed in the meantime. Nothing was lost: look again.")
        )
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
    """PENDING → CLAIMED for those still pending, with the next fencing token and a lease. Answers the
    claimed rows, fresh, oldest due first."""
    demand_delivery_edge(D.PENDING, D.CLAIMED)
    Delivery.objects.filter(pk__in=ids, state=D.PENDING.value).update(
        state=D.CLAIMED.value, token=F("token") + 1, claimed_by=worker, lease_until=lease_until
    )
    return list(
        Delivery.objects.filter(
            pk__in=ids, state=D.CLAIMED.value, claimed_by=worker, lease_until=lease_until
        ).order_by("next_at", "pk")
    )


@dataclass(frozen=True, slots=True)
class Move:
    """One row of a grouped move: guarded by `token`, with what is written along."""

    pk: int
    token: int
    to: DeliveryState
    next_at: datetime | None = None
    remote_id: str = ""
    url: str = ""
    parts: Sequence[str] = ()
    problem: Mapping[str, Any] = field(default_factory=dict)
    delivered_at: datetime | None = None


# One statement for a whole group whose rows differ, with one parameter: the ORM would write a CASE a
# column a row, which costs more than the network call it records (docs/decisions/throughput.md).
_COLUMNS = (
    ("id", "bigint"),
    ("token", "bigint"),
    ("state", "text"),
    ("next_at", "timestamptz"),
    ("remote_id", "text"),
    ("url", "text"),
    ("parts", "jsonb"),
    ("problem", "jsonb"),
    ("delivered_at", "timestamptz"),
)
_FINISH = """
UPDATE posts_delivery SET state = v.state, next_at = COALESCE(v.next_at, posts_delivery.next_at),
  remote_id = CASE WHEN v.remote_id = '' THEN posts_delivery.remote_id ELSE v.remote_id END,
  url = CASE WHEN v.url = '' THEN posts_delivery.url ELSE v.url END,
  parts = v.parts, problem = v.problem, delivered_at = COALESCE(v.delivered_at, posts_delivery.delivered_at),
  lease_until = NULL, claimed_by = ''
FROM {rows}
WHERE posts_delivery.id = v.id AND posts_delivery.token = v.token AND posts_delivery.state = %s
RETURNING posts_delivery.id
"""


def _rows(vendor: str) -> str:
    if vendor == "postgresql":
        columns = ", ".join(f"{name} {kind}" for name, kind in _COLUMNS)
        return f"jsonb_to_recordset(%s::jsonb) AS v({columns})"
    columns = ", ".join(f"json_extract(value, '$.{name}') AS {name}" for name, _kind in _COLUMNS)
    return f"(SELECT {columns} FROM json_each(%s)) AS v"


def _stored(moment: datetime | None, vendor: str) -> str | None:
    if moment is None:
        return None
    return (
        moment.isoformat()
        if vendor == "postgresql"
        else str(connection.ops.adapt_datetimefield_value(moment))
    )


def finish_sending(moves: Sequence[Move]) -> set[int]:
    """SENDING → what became of each, where the token is still the newest: a late holder of an old token
    changes nothing. Answers the ids that moved."""
    for move in moves:
        demand_delivery_edge(D.SENDING, move.to)
    vendor = connection.vendor
    rows = [
        {
            "id": move.pk,
            "token": move.token,
            "state": move.to.value,
            "next_at": _stored(move.next_at, vendor),
            "remote_id": move.remote_id,
            "url": move.url,
            "parts": list(move.parts),
            "problem": dict(move.problem),
            "delivered_at": _stored(move.delivered_at, vendor),
        }
        for move in moves
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FINISH.format(rows=_rows(vendor)), [json.dumps(rows), D.SENDING.value])
        return {row[0] for row in cursor.fetchall()}


def start_sending(claims: Mapping[int, int], lease_until: datetime) -> set[int]:
    """CLAIMED → SENDING for {delivery id: token}, on channels that are not paused: the point of no
    return, with a lease for the sending itself. Answers the ids that moved."""
    demand_delivery_edge(D.CLAIMED, D.SENDING)
    ids = list(claims)
    running = Channel.objects.filter(paused_at__isnull=True)
    moved: set[int] = set()
    for token, of_token in _by_token(claims).items():
        rows = Delivery.objects.filter(
            pk__in=of_token, token=token, state=D.CLAIMED.value, channel__in=running
        )
        if rows.update(state=D.SENDING.value, attempts=F("attempts") + 1, lease_until=lease_until) == len(
            of_token
        ):
            moved |= set(of_token)
    if len(moved) == len(ids):
        return moved
    return set(
        Delivery.objects.filter(pk__in=ids, state=D.SENDING.value, lease_until=lease_until).values_list(
            "pk", flat=True
        )
    )


def _by_token(claims: Mapping[int, int]) -> dict[int, list[int]]:
    groups: dict[int, list[int]] = {}
    for pk, token in claims.items():
        groups.setdefault(token, []).append(pk)
    return groups


def move_claimed(claims: Mapping[int, int], start: DeliveryState, to: DeliveryState, **fields: Any) -> int:
    """Moves {delivery id: token} from `start` to `to` where the token is still the newest. Answers how
    many moved."""
    demand_delivery_edge(start, to)
    return sum(
        Delivery.objects.filter(pk__in=ids, token=token, state=start.value).update(state=to.value, **fields)
        for token, ids in _by_token(claims).items()
    )


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
    # Of the bytes that are current: a channel that was tried and then taken out of the post has others.
    current = Delivery.objects.filter(post_id__in=set(post_ids), sealed_digest=F("post__revision__digest"))
    found = current.values_list("post_id", "post__state", "post__brand_id", "state")
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
            Act(
                f"post.{to.value}",
                actor,
                brand_id,
                f"post:{post_id}",
                post_id,
                {"from": start.value, "to": to.value},
            )
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
