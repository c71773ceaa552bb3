"""States and edges, without a database."""

from __future__ import annotations

from itertools import product

import pytest

from posts.lifecycle import (
    DELIVERY_EDGES,
    EDITABLE,
    MAY_BE_PUBLIC,
    OPEN_FOR_DECISIONS,
    POST_EDGES,
    REVIEWED,
    DeliveryState,
    NoSuchEdge,
    PostState,
    demand_delivery_edge,
    demand_post_edge,
    state_of_post,
)

pytestmark = pytest.mark.pure
D, P = DeliveryState, PostState


def reachable(edges: dict, start: object) -> set[object]:
    seen, front = {start}, [start]
    while front:
        for state in edges[front.pop()] - seen:
            seen.add(state)
            front.append(state)
    return seen


def test_every_state_has_its_edges_and_every_state_is_reached():
    assert set(POST_EDGES) == set(PostState)
    assert set(DELIVERY_EDGES) == set(DeliveryState)
    assert reachable(POST_EDGES, P.DRAFT) == set(PostState)
    assert reachable(DELIVERY_EDGES, D.PENDING) == set(DeliveryState)


def test_no_state_leads_to_itself():
    assert not [state for state, ends in (*POST_EDGES.items(), *DELIVERY_EDGES.items()) if state in ends]


def test_an_edge_is_demanded():
    demand_post_edge(P.DRAFT, P.IN_REVIEW)
    demand_delivery_edge(D.PENDING, D.CLAIMED)
    with pytest.raises(NoSuchEdge, match="draft → published"):
        demand_post_edge(P.DRAFT, P.PUBLISHED)
    with pytest.raises(NoSuchEdge, match="PENDING → SENDING"):
        demand_delivery_edge(D.PENDING, D.SENDING)


def test_nothing_is_sent_but_what_was_claimed_and_nothing_delivered_but_what_was_sent():
    assert [state for state in D if D.SENDING in DELIVERY_EDGES[state]] == [D.CLAIMED]
    assert {state for state in D if D.DELIVERED in DELIVERY_EDGES[state]} == {
        D.SENDING,
        D.UNKNOWN,
        D.RETRACTING,
    }


def test_what_may_be_public_never_becomes_held_missed_or_withdrawn():
    for state in MAY_BE_PUBLIC:
        assert not DELIVERY_EDGES[state] & {D.HELD, D.MISSED, D.CLAIMED}
    assert not POST_EDGES[P.PUBLISHED] & {P.DRAFT, P.IN_REVIEW, P.SCHEDULED, P.WITHDRAWN}


def test_withdrawn_is_the_end():
    assert POST_EDGES[P.WITHDRAWN] == frozenset()
    assert DELIVERY_EDGES[D.RETRACTED] == frozenset()


def test_what_may_be_edited_and_decided():
    assert EDITABLE - {P.DRAFT} == REVIEWED
    assert OPEN_FOR_DECISIONS < EDITABLE
    assert not EDITABLE & {P.RELEASING, P.PUBLISHED, P.PARTLY_PUBLISHED, P.UNKNOWN, P.WITHDRAWN, P.RETRACTED}


@pytest.mark.parametrize(
    ("deliveries", "state"),
    [
        ([D.PENDING], P.SCHEDULED),
        ([D.PENDING, D.FAILED], P.SCHEDULED),
        ([D.CLAIMED, D.PENDING], P.RELEASING),
        ([D.SENDING], P.RELEASING),
        ([D.SENDING, D.DELIVERED], P.RELEASING),
        ([D.DELIVERED], P.PUBLISHED),
        ([D.DELIVERED, D.DELIVERED], P.PUBLISHED),
        ([D.DELIVERED, D.RETRACTED], P.PUBLISHED),
        ([D.RETRACTING], P.PUBLISHED),
        ([D.RETRACTED, D.RETRACTED], P.RETRACTED),
        ([D.DELIVERED, D.FAILED], P.PARTLY_PUBLISHED),
        ([D.DELIVERED, D.HELD], P.PARTLY_PUBLISHED),
        ([D.DELIVERED, D.MISSED], P.PARTLY_PUBLISHED),
        ([D.RETRACTED, D.FAILED], P.PARTLY_PUBLISHED),
        ([D.DELIVERED, D.PENDING], P.RELEASING),
        ([D.UNKNOWN, D.DELIVERED], P.UNKNOWN),
        ([D.UNKNOWN, D.SENDING, D.FAILED], P.UNKNOWN),
        ([D.HELD], P.HELD),
        ([D.HELD, D.FAILED], P.HELD),
        ([D.FAILED], P.FAILED),
        ([D.FAILED, D.MISSED], P.FAILED),
        ([D.MISSED], P.MISSED),
    ],
)
def test_what_a_post_is_from_its_deliveries(deliveries: list[DeliveryState], state: PostState):
    assert state_of_post(deliveries) == state
    assert state_of_post(deliveries[::-1]) == state


@pytest.mark.parametrize("pair", [*product(D, D)], ids="-".join)
def test_an_uncertain_outcome_is_never_called_failed_or_published(pair: tuple[DeliveryState, DeliveryState]):
    state = state_of_post(pair)
    assert (state == P.UNKNOWN) is (D.UNKNOWN in pair)
    if state == P.FAILED:
        assert not set(pair) & MAY_BE_PUBLIC
    if state == P.PUBLISHED:
        assert set(pair) <= {D.DELIVERED, D.RETRACTING, D.RETRACTED}
