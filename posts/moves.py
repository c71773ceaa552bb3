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
from django.db.models import F, Q, QuerySet
from django.utils.translation import gettext as _

from accounts.batching import among, given, listed, source, stored
from accounts.preparing import Prepared
from accounts.refusals import LostRace
from journal.recording import Act, Actor, record_all
from posts.fetching import fetch_posts
from posts.lifecycle import (
    MAY_BE_PUBLIC,
    OPEN_FOR_DECISIONS,
    DeliveryState,
    PostState,
    demand_delivery_edge,
    demand_post_edge,
    state_of_post,
)
from posts.models import Delivery, Post

D = DeliveryState


def lock_post(pk: int) -> Post:
    """The post, its row locked until the transaction ends."""
    if not connection.in_atomic_block:
        raise RuntimeError("A row lock lives until the end of a transaction: open one first.")
    # Locked first and read then: who waits for a lock in a join gets the new post beside the old
    # revision, which PostgreSQL then answers as none at all.
    Post.objects.select_for_update().values_list("pk").get(pk=pk)
    return fetch_posts([pk])[pk]


def lock_lineage(pk: int) -> dict[int, Post]:
    """The post, and those of its clones and splits that decisions still move, by id, all locked. In id
    order, which is that of the release engine, so that two callers never wait for each other in a circle."""
    if not connection.in_atomic_block:
        raise RuntimeError("A row lock lives until the end of a transaction: open one first.")
    # Locked first and read then, for the reason given above.
    ids = [one for (one,) in _FAMILY.rows(pk)]
    posts = fetch_posts(ids)
    return {one: posts[one] for one in ids}


def _family(pk: int) -> QuerySet[Post, Any]:
    undecided = Q(pk=pk) | Q(state__in=[state.value for state in OPEN_FOR_DECISIONS])
    family = Post.objects.filter(undecided, lineage__posts=pk).order_by("pk")
    return family.select_for_update(of=("self",)).values_list("pk")


_FAMILY = Prepared(_family)


@dataclass(slots=True)
class Unwritten:
    """What a verb does to one locked post in one transaction, to be written at once: the versions that the post was
    raised by while nothing else of its row changed, and the entries."""

    versions: int = 0
    acts: list[Act] = field(default_factory=list)

    def write(self, post: Post, at: datetime) -> None:
        """Writes what is left, the entries dated `at`. Raises LostRace."""
        if self.versions:
            _update(post, post.lifecycle, post.version - self.versions, self.versions, {})
        record_all(self.acts, at)
        self.versions = 0
        self.acts.clear()


def _update(post: Post, start: PostState, version: int, raised: int, fields: Mapping[str, Any]) -> None:
    """From the state and version that it must have, by so many versions."""
    changed = Post.objects.filter(pk=post.pk, version=version, state=start.value).update(
        version=F("version") + raised, **fields
    )
    if changed != 1:
        raise LostRace(
            "changed_meanwhile", _("This post changed in the meantime. Nothing was lost: look again.")
        )


def change_post(
    post: Post,
    verb: str,
    actor: Actor,
    *,
    to: PostState | None = None,
    personal: str = "",
    told: Mapping[str, Any] | None = None,
    at: datetime | None = None,
    unwritten: Unwritten | None = None,
    **fields: Any,
) -> None:
    """Writes `fields`, and the state `to` if it is another, raises the post's version, and writes the
    journal (dated `at`, for a caller who has just asked the database for its now). Raises LostRace when the
    post changed since it was read, NoSuchEdge for a move that is none. `unwritten`: for a caller who writes the
    entry, and the new version where nothing else changes, later in this transaction."""
    start = post.lifecycle
    if to is not None and to != start:
        demand_post_edge(start, to)
        fields["state"] = to.value
    before = unwritten.versions if unwritten else 0
    if unwritten is not None and not fields:
        unwritten.versions += 1
    else:
        _update(post, start, post.version - before, before + 1, fields)
        if unwritten is not None:
            unwritten.versions = 0
    post.version += 1
    for name, value in fields.items():
        setattr(post, name, value)
    data = {"from": start.value, "to": post.state, "version": post.version, **(told or {})}
    act = Act(verb, actor, post.brand_id, f"post:{post.pk}", post.pk, data, personal)
    if unwritten is None:
        record_all([act], at)
    else:
        unwritten.acts.append(act)


def _deliveries(post: Post, *states: DeliveryState) -> QuerySet[Delivery]:
    return Delivery.objects.filter(post=post, state__in=[state.value for state in states])


def reset_deliveries(post: Post, **fields: Any) -> int:
    """Brings every delivery of which nothing can be public back to PENDING with new `fields` (payload,
    digests, times). The claim they may be under is void: its token is outrun. Answers how many."""
    return _deliveries(post, *_movable()).update(
        state=D.PENDING.value, token=F("token") + 1, lease_until=None, claimed_by="", problem={}, **fields
    )


def _movable() -> list[DeliveryState]:
    """The states of which nothing can be public: from each of them a delivery may become PENDING again."""
    movable = [D.PENDING, D.CLAIMED, D.HELD, D.MISSED, D.FAILED]
    for state in movable:
        if state != D.PENDING:
            demand_delivery_edge(state, D.PENDING)
    return movable


def ready_deliveries(post: Post, digest: str) -> None:
    """Makes an approved post's deliveries ready to go, in one statement: `reset_deliveries`; those that were
    sealed with this digest are approved with it; and what is not out yet has the instants of the post."""
    values = {
        "post": post.pk,
        "digest": digest,
        "slot": stored(post.slot),
        "deadline": stored(post.deadline),
    }
    with connection.cursor() as cursor:
        cursor.execute(_READY, values)


def _ready() -> str:
    """Written once: the ORM would write these conditions anew, all twenty, for each approval."""
    states = ", ".join(f"'{state.value}'" for state in _movable())
    movable = f"state IN ({states})"
    reset = {
        "state": f"'{D.PENDING.value}'",
        "token": "token + 1",
        "lease_until": "NULL",
        "claimed_by": "''",
        "problem": "'{}'",
    }
    times = {"due_at": "%(slot)s", "next_at": "%(slot)s", "expires_at": "%(deadline)s"}
    sealed, waits = "sealed_digest = %(digest)s", "delivered_at IS NULL"
    sets = [("approved_digest", sealed, "%(digest)s")]
    sets += [(name, movable, value) for name, value in reset.items()]
    sets += [(name, waits, value) for name, value in times.items()]
    columns = ", ".join(
        f"{name} = CASE WHEN {when} THEN {value} ELSE {name} END" for name, when, value in sets
    )
    return (
        f"UPDATE posts_delivery SET {columns} WHERE post_id = %(post)s AND ({movable} OR {waits} OR {sealed})"
    )


_READY = _ready()


def settle_deliveries(post: Post, to: DeliveryState, problem: Mapping[str, Any] | None = None) -> int:
    """Moves what is pending or claimed to HELD or MISSED: it no longer waits to be sent."""
    starts = [D.PENDING, D.CLAIMED] + ([D.HELD] if to == D.MISSED else [])
    for start in starts:
        demand_delivery_edge(start, to)
    return _deliveries(post, *starts).update(
        state=to.value, token=F("token") + 1, lease_until=None, claimed_by="", problem=dict(problem or {})
    )


# --- Stopping many at once --------------------------------------------------------------------------
STOPPABLE = (PostState.SCHEDULED, PostState.RELEASING, PostState.UNKNOWN, PostState.HELD)
_AT_ONCE = 500


def hold_all(post_ids: Iterable[int], actor: Actor, reason: Mapping[str, Any]) -> list[int]:
    """Holds these posts for one reason: those on their way entirely, of those that are out in part the
    rest, and those that are held already for this reason too. In a few statements, however many there are:
    a stop must not take longer because a lot is scheduled. Answers the ids of those it holds."""
    ordered = sorted(set(post_ids))
    held: list[int] = []
    for start in range(0, len(ordered), _AT_ONCE):
        held += _hold_some(ordered[start : start + _AT_ONCE], actor, dict(reason))
    return held


def _hold_some(ids: Sequence[int], actor: Actor, reason: dict[str, Any]) -> list[int]:
    states = [state.value for state in STOPPABLE]
    locked = Post.objects.select_for_update().filter(pk__in=ids, state__in=states).order_by("pk")
    rows = list(locked.values_list("pk", "brand_id", "state", "version", "reasons"))
    deliveries = Delivery.objects.filter(post_id__in=[row[0] for row in rows])
    may_be_out = [state.value for state in MAY_BE_PUBLIC]
    partly = set(deliveries.filter(state__in=may_be_out).values_list("post_id", flat=True))
    waiting = deliveries.filter(state__in=[D.PENDING.value, D.CLAIMED.value])
    moving = set(waiting.values_list("post_id", flat=True))
    groups: dict[tuple[PostState, PostState, str], list[int]] = {}
    acts = []
    for pk, brand_id, state, version, reasons in rows:
        before = PostState(state)
        if before == PostState.UNKNOWN and pk not in moving:
            continue
        to = before if pk in partly else PostState.HELD
        kept = [one for one in reasons if one != reason] if before == PostState.HELD else []
        groups.setdefault((before, to, json.dumps([*kept, reason], sort_keys=True)), []).append(pk)
        data = {"from": before.value, "to": to.value, "version": version + 1, **reason}
        acts.append(Act("post.held", actor, brand_id, f"post:{pk}", pk, data))
    for (before, to, reasons), of_group in groups.items():
        if before != to:
            demand_post_edge(before, to)
        Post.objects.filter(pk__in=of_group, state=before.value).update(
            state=to.value, version=F("version") + 1, reasons=json.loads(reasons)
        )
    held = [pk for of_group in groups.values() for pk in of_group]
    for start in (D.PENDING, D.CLAIMED):
        demand_delivery_edge(start, D.HELD)
    waiting.filter(post_id__in=held).update(
        state=D.HELD.value, token=F("token") + 1, lease_until=None, claimed_by="", problem=reason
    )
    record_all(acts)
    follow_deliveries([pk for pk in held if pk in partly], actor)
    return held


# --- The release engine's moves: many at once, each guarded by state and fencing token -------------
_CLAIM = """
UPDATE posts_delivery SET state = %s, token = token + 1, claimed_by = %s, lease_until = %s
WHERE {ids} AND state = %s
RETURNING id, token
"""


def claim_deliveries(ids: Iterable[int], worker: str, lease_until: datetime) -> dict[int, int]:
    """PENDING → CLAIMED for those still pending, with the next fencing token and a lease. Answers
    {delivery id: token} of those that moved."""
    demand_delivery_edge(D.PENDING, D.CLAIMED)
    values = [D.CLAIMED.value, worker, stored(lease_until), listed(ids), D.PENDING.value]
    with connection.cursor() as cursor:
        cursor.execute(_CLAIM.format(ids=among("id")), values)
        return dict(cursor.fetchall())


def still_claimed(claims: Mapping[int, int]) -> list[Delivery]:
    """Those of {delivery id: token} that are claimed under that very token, oldest due first."""
    rows = (
        Delivery.objects.filter(pk__in=list(claims), state=D.CLAIMED.value)
        # What a sender has no use for: reading it costs as much as all the rest of the row.
        .defer("due_at", "lease_until", "delivered_at", "problem", "parts")
        .order_by("next_at", "pk")
    )
    return [one for one in rows if one.token == claims[one.pk]]


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


_FINISHED = ("id", "token", "state", "next_at", "remote_id", "url", "parts", "problem", "delivered_at")
_FINISH = """
UPDATE posts_delivery SET state = v.state, next_at = v.next_at,
  remote_id = CASE WHEN v.remote_id = '' THEN posts_delivery.remote_id ELSE v.remote_id END,
  url = CASE WHEN v.url = '' THEN posts_delivery.url ELSE v.url END,
  parts = v.parts, problem = v.problem, delivered_at = COALESCE(v.delivered_at, posts_delivery.delivered_at),
  lease_until = NULL, claimed_by = ''
FROM {rows}
WHERE posts_delivery.id = v.id AND posts_delivery.token = v.token AND posts_delivery.state = %s
RETURNING posts_delivery.id
"""


def finish_sending(moves: Sequence[Move]) -> set[int]:
    """SENDING → what became of each, where the token is still the newest: a late holder of an old token
    changes nothing. Answers the ids that moved."""
    for move in moves:
        demand_delivery_edge(D.SENDING, move.to)
    rows = [
        {
            "id": move.pk,
            "token": move.token,
            "state": move.to.value,
            "next_at": move.next_at,
            "remote_id": move.remote_id,
            "url": move.url,
            "parts": list(move.parts),
            "problem": dict(move.problem),
            "delivered_at": move.delivered_at,
        }
        for move in moves
    ]
    with connection.cursor() as cursor:
        cursor.execute(_FINISH.format(rows=source(Delivery, _FINISHED)), [given(rows), D.SENDING.value])
        return {row[0] for row in cursor.fetchall()}


_START = """
UPDATE posts_delivery SET state = %s, attempts = posts_delivery.attempts + 1, lease_until = %s
FROM {rows}
WHERE posts_delivery.id = v.id AND posts_delivery.token = v.token AND posts_delivery.state = %s
  AND EXISTS (SELECT 1 FROM posts_channel c WHERE c.id = posts_delivery.channel_id AND c.paused_at IS NULL)
RETURNING posts_delivery.id
"""


def start_sending(claims: Mapping[int, int], lease_until: datetime) -> set[int]:
    """CLAIMED → SENDING for {delivery id: token}, on channels that are not paused: the point of no
    return, with a lease for the sending itself. Answers the ids that moved."""
    demand_delivery_edge(D.CLAIMED, D.SENDING)
    rows = [{"id": pk, "token": token} for pk, token in claims.items()]
    values = [D.SENDING.value, stored(lease_until), given(rows), D.CLAIMED.value]
    with connection.cursor() as cursor:
        cursor.execute(_START.format(rows=source(Delivery, ("id", "token"))), values)
        return {row[0] for row in cursor.fetchall()}


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
    record_all(following(post_ids, actor))


# Of the bytes that are current: a channel that was tried and then taken out of the post has others.
_CURRENT = """
SELECT d.post_id, p.state, p.brand_id, d.state FROM posts_delivery d
  JOIN posts_post p ON p.id = d.post_id JOIN posts_revision r ON r.id = p.revision_id
WHERE {posts} AND d.sealed_digest = r.digest
"""


def following(post_ids: Iterable[int], actor: Actor) -> list[Act]:
    """The same; answers the acts instead of writing them, for a caller who has others to write too."""
    with connection.cursor() as cursor:
        cursor.execute(_CURRENT.format(posts=among("d.post_id")), [listed(set(post_ids))])
        found = cursor.fetchall()
    states: dict[tuple[int, str, int], list[DeliveryState]] = {}
    for post_id, post_state, brand_id, state in found:
        states.setdefault((post_id, post_state, brand_id), []).append(DeliveryState(state))
    moves: list[tuple[int, int, PostState, PostState]] = []
    for (post_id, post_state, brand_id), of_post in states.items():
        start, to = PostState(post_state), state_of_post(of_post)
        if start != to and start in _FOLLOWING:
            demand_post_edge(start, to)
            moves.append((post_id, brand_id, start, to))
    for group in {(start, to) for _post, _brand, start, to in moves}:
        ids = [post_id for post_id, _brand, start, to in moves if (start, to) == group]
        with connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE posts_post SET state = %s WHERE {among('id')} AND state = %s",
                [group[1].value, listed(ids), group[0].value],
            )
    return [
        Act(
            f"post.{to.value}",
            actor,
            brand_id,
            f"post:{post_id}",
            post_id,
            {"from": start.value, "to": to.value},
        )
        for post_id, brand_id, start, to in moves
        if to not in (PostState.RELEASING, PostState.SCHEDULED)
    ]


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
