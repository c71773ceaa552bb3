"""The states of a post and of a delivery, and the only edges between them. Pure: no Django, no clock.

draft ─▶ in_review ─▶ scheduled ─▶ releasing ─▶ published · partly_published · failed · unknown
             ▲  │          │
             │  └▶ changes_requested · rejected · missed · held · withdrawn
             └──────────────┘ (an edit, a hold lifted, another slot)
"""

from __future__ import annotations

from collections.abc import Collection
from enum import StrEnum


class PostState(StrEnum):
    DRAFT = "draft"
    IN_REVIEW = "in_review"
    CHANGES_REQUESTED = "changes_requested"
    REJECTED = "rejected"
    SCHEDULED = "scheduled"
    RELEASING = "releasing"
    PUBLISHED = "published"
    PARTLY_PUBLISHED = "partly_published"
    HELD = "held"
    MISSED = "missed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    WITHDRAWN = "withdrawn"
    RETRACTED = "retracted"


class DeliveryState(StrEnum):
    PENDING = "PENDING"
    CLAIMED = "CLAIMED"
    SENDING = "SENDING"
    DELIVERED = "DELIVERED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    HELD = "HELD"
    MISSED = "MISSED"
    RETRACTING = "RETRACTING"
    RETRACTED = "RETRACTED"


P, D = PostState, DeliveryState

# After review has begun an edit, a decision, a hold or a slot may lead to any of these.
_UNDER_REVIEW = {P.IN_REVIEW, P.CHANGES_REQUESTED, P.REJECTED, P.SCHEDULED, P.HELD, P.MISSED, P.WITHDRAWN}
_OUTCOMES = {P.PUBLISHED, P.PARTLY_PUBLISHED, P.FAILED, P.UNKNOWN, P.MISSED, P.HELD, P.SCHEDULED, P.RELEASING}

POST_EDGES: dict[PostState, frozenset[PostState]] = {
    P.DRAFT: frozenset({P.IN_REVIEW, P.SCHEDULED, P.WITHDRAWN, P.HELD}),
    P.IN_REVIEW: frozenset(_UNDER_REVIEW - {P.IN_REVIEW}),
    P.CHANGES_REQUESTED: frozenset(_UNDER_REVIEW - {P.CHANGES_REQUESTED}),
    P.REJECTED: frozenset(_UNDER_REVIEW - {P.REJECTED}),
    P.SCHEDULED: frozenset((_UNDER_REVIEW | _OUTCOMES) - {P.SCHEDULED}),
    P.HELD: frozenset((_UNDER_REVIEW | {P.DRAFT}) - {P.HELD}),
    P.MISSED: frozenset((_UNDER_REVIEW | {P.PARTLY_PUBLISHED}) - {P.MISSED}),
    P.RELEASING: frozenset(_OUTCOMES - {P.RELEASING}),
    # What is out can still change: a person settles, a failed channel is tried again, a retraction.
    P.PUBLISHED: frozenset({P.RETRACTED, P.PARTLY_PUBLISHED, P.RELEASING}),
    P.PARTLY_PUBLISHED: frozenset({*_OUTCOMES, P.RETRACTED, P.WITHDRAWN} - {P.PARTLY_PUBLISHED}),
    P.FAILED: frozenset({*_OUTCOMES, *_UNDER_REVIEW} - {P.FAILED}),
    P.UNKNOWN: frozenset({*_OUTCOMES, P.RETRACTED} - {P.UNKNOWN}),
    P.WITHDRAWN: frozenset(),
    P.RETRACTED: frozenset({P.PARTLY_PUBLISHED, P.PUBLISHED}),
}

DELIVERY_EDGES: dict[DeliveryState, frozenset[DeliveryState]] = {
    D.PENDING: frozenset({D.CLAIMED, D.HELD, D.MISSED}),
    D.CLAIMED: frozenset({D.SENDING, D.PENDING, D.HELD, D.MISSED}),
    D.SENDING: frozenset({D.DELIVERED, D.FAILED, D.UNKNOWN, D.PENDING}),
    D.UNKNOWN: frozenset({D.DELIVERED, D.PENDING, D.FAILED}),
    D.DELIVERED: frozenset({D.RETRACTING}),
    D.RETRACTING: frozenset({D.RETRACTED, D.DELIVERED}),
    D.RETRACTED: frozenset(),
    D.FAILED: frozenset({D.PENDING}),
    D.HELD: frozenset({D.PENDING, D.MISSED}),
    D.MISSED: frozenset({D.PENDING, D.HELD}),
}

# A post that can still be worked on, and one of which something may already be public.
EDITABLE = frozenset(
    {P.DRAFT, P.IN_REVIEW, P.CHANGES_REQUESTED, P.REJECTED, P.SCHEDULED, P.HELD, P.MISSED, P.FAILED}
)
REVIEWED = EDITABLE - {P.DRAFT}
OPEN_FOR_DECISIONS = frozenset({P.IN_REVIEW, P.CHANGES_REQUESTED, P.REJECTED, P.SCHEDULED, P.HELD, P.MISSED})
MAY_BE_PUBLIC = frozenset({D.SENDING, D.DELIVERED, D.UNKNOWN, D.RETRACTING})
IN_FLIGHT = frozenset({D.CLAIMED, D.SENDING})


class NoSuchEdge(Exception):
    """Code asked for a move that the lifecycle does not have: a fault of ours, not of the user's."""


def demand_post_edge(start: PostState, end: PostState) -> None:
    """Raises NoSuchEdge unless a post may go from `start` to `end`."""
    if end not in POST_EDGES[start]:
        raise NoSuchEdge(f"post: {start} → {end}")


def demand_delivery_edge(start: DeliveryState, end: DeliveryState) -> None:
    """Raises NoSuchEdge unless a delivery may go from `start` to `end`."""
    if end not in DELIVERY_EDGES[start]:
        raise NoSuchEdge(f"delivery: {start} → {end}")


def state_of_post(deliveries: Collection[DeliveryState]) -> PostState:
    """What a released post is, from what became of its deliveries. An unknown outcome comes first: it
    may be public and a person may have to look."""
    states = set(deliveries)
    if D.UNKNOWN in states:
        return P.UNKNOWN
    if states & IN_FLIGHT:
        return P.RELEASING
    out = states & {D.DELIVERED, D.RETRACTING}
    rest = states - {D.DELIVERED, D.RETRACTING, D.RETRACTED}
    if not rest:
        return P.PUBLISHED if out else P.RETRACTED
    if out or D.RETRACTED in states:
        return P.RELEASING if D.PENDING in rest else P.PARTLY_PUBLISHED
    for state, told in ((D.PENDING, P.SCHEDULED), (D.HELD, P.HELD), (D.FAILED, P.FAILED)):
        if state in rest:
            return told
    return P.MISSED
