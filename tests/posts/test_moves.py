"""The one writer of states: guarded, journalled, told when it lost."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from accounts.clock import database_now
from accounts.refusals import LostRace
from approvals.reviewing import revise
from journal.models import Entry
from journal.recording import TICKER, WORKER
from posts.lifecycle import DeliveryState, NoSuchEdge, PostState
from posts.models import Delivery, Post
from posts.moves import (
    Unwritten,
    change_post,
    claim_deliveries,
    follow_deliveries,
    give_back,
    lock_post,
    move_claimed,
    move_pending,
    ready_deliveries,
    reset_deliveries,
    settle_deliveries,
    still_claimed,
)
from tests.casting import Cast, digest_of, fresh

D, P = DeliveryState, PostState
Asserted = Callable[[int], AbstractContextManager[Any]]


def put(post: Post, state: DeliveryState, **fields: object) -> Delivery:
    Delivery.objects.filter(post=post).update(state=state.value, **fields)
    return Delivery.objects.get(post=post)


def in_a_minute() -> datetime:
    return database_now() + timedelta(minutes=1)


# --- Posts -------------------------------------------------------------------------------------------
def test_a_change_raises_the_version_and_is_journalled(cast: Cast):
    post = fresh(cast.draft())
    version = post.version
    change_post(
        post, "post.test", cast.ines, to=P.WITHDRAWN, told={"why": "x"}, personal="Inès", topics=["a"]
    )
    assert (post.state, post.version, post.topics) == ("withdrawn", version + 1, ["a"])
    assert (fresh(post).state, fresh(post).version, fresh(post).topics) == ("withdrawn", version + 1, ["a"])
    entry = Entry.objects.get(verb="post.test")
    assert entry.data == {"from": "draft", "to": "withdrawn", "version": version + 1, "why": "x"}
    assert (entry.actor, entry.post_id, entry.subject) == (cast.ines, post.pk, f"post:{post.pk}")


def test_whoever_read_an_older_version_loses_and_nothing_is_written(cast: Cast):
    first = fresh(cast.draft())
    second = fresh(first)
    change_post(first, "post.first", cast.ines)
    with pytest.raises(LostRace) as refusal:
        change_post(second, "post.second", cast.marc, to=P.WITHDRAWN)
    assert (refusal.value.code, refusal.value.status) == ("changed_meanwhile", 409)
    assert fresh(first).lifecycle == P.DRAFT
    assert not Entry.objects.filter(verb="post.second").exists()


def test_whoever_read_another_state_loses(cast: Cast):
    """The release engine moves states without raising the version."""
    post = fresh(cast.approved())
    Post.objects.filter(pk=post.pk).update(state=P.RELEASING.value)
    with pytest.raises(LostRace):
        change_post(post, "post.hold", cast.ines, to=P.HELD)


def test_what_is_written_together_is_what_is_written_one_by_one(
    cast: Cast, django_assert_num_queries: Asserted
):
    post = fresh(cast.draft())
    version, unwritten = post.version, Unwritten()
    with transaction.atomic():
        with django_assert_num_queries(0):
            change_post(post, "post.first", cast.ines, unwritten=unwritten)
            change_post(post, "post.second", cast.ines, told={"why": "x"}, unwritten=unwritten)
        change_post(post, "post.third", cast.ines, to=P.WITHDRAWN, topics=["a"], unwritten=unwritten)
        assert (fresh(post).version, fresh(post).state) == (version + 3, "withdrawn")
        change_post(post, "post.fourth", cast.ines, unwritten=unwritten)
        unwritten.write(post, database_now())
        unwritten.write(post, database_now())
    assert (fresh(post).version, fresh(post).topics) == (version + 4, ["a"])
    assert post.version == version + 4
    told = Entry.objects.filter(
        post_id=post.pk, verb__in=[f"post.{n}" for n in ("first", "second", "third", "fourth")]
    )
    assert sorted((row.data["version"], row.verb, row.data["from"], row.data["to"]) for row in told) == [
        (version + 1, "post.first", "draft", "draft"),
        (version + 2, "post.second", "draft", "draft"),
        (version + 3, "post.third", "draft", "withdrawn"),
        (version + 4, "post.fourth", "withdrawn", "withdrawn"),
    ]


@pytest.mark.parametrize(
    "last",
    [
        lambda post, unwritten: change_post(
            post, "post.second", post.author, to=P.WITHDRAWN, unwritten=unwritten
        ),
        lambda post, unwritten: unwritten.write(post, database_now()),
    ],
    ids=["change", "write"],
)
def test_who_writes_together_loses_to_who_wrote_meanwhile(
    cast: Cast, last: Callable[[Post, Unwritten], None]
):
    post, unwritten = fresh(cast.draft()), Unwritten()
    with transaction.atomic():
        change_post(post, "post.first", cast.ines, unwritten=unwritten)
        change_post(fresh(post), "post.other", cast.marc)
        with pytest.raises(LostRace):
            last(post, unwritten)
    assert fresh(post).lifecycle == P.DRAFT
    assert not Entry.objects.filter(verb__in=["post.first", "post.second"]).exists()


def test_a_move_that_is_none_is_a_fault_of_ours(cast: Cast):
    with pytest.raises(NoSuchEdge):
        change_post(fresh(cast.draft()), "post.test", cast.ines, to=P.PUBLISHED)


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction(cast: Cast):
    post = cast.draft()
    with pytest.raises(RuntimeError, match="transaction"):
        lock_post(post.pk)


@pytest.mark.django_db(transaction=True)
def test_who_waited_for_the_lock_sees_what_was_written_meanwhile(cast: Cast):
    """Not the new row with the old revision, nor with none: the second writer must find revision 2."""
    if connection.vendor != "postgresql":
        pytest.skip("on SQLite the second writer's transaction begins after the first's")
    post = cast.submitted(text="Un.")
    locked, seen = threading.Event(), []

    def second() -> None:
        try:
            locked.wait(10)
            with transaction.atomic():
                found = lock_post(post.pk)
                seen.append((found.revision.number if found.revision else None, found.version))
        finally:
            connection.close()

    waiter = threading.Thread(target=second)
    with transaction.atomic():
        lock_post(post.pk)
        waiter.start()
        locked.set()
        with connection.cursor() as cursor:
            for _ in range(1000):
                cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
                if cursor.fetchone()[0]:
                    break
        revise(cast.marc, post.pk, {"text": "Deux."})
    waiter.join(10)
    assert seen == [(2, fresh(post).version)]


# --- Deliveries: the person's moves ------------------------------------------------------------------
@pytest.mark.parametrize("state", [D.PENDING, D.CLAIMED, D.HELD, D.MISSED, D.FAILED])
def test_resetting_voids_the_claim(cast: Cast, state: DeliveryState):
    post = cast.approved()
    before = put(post, state, lease_until=in_a_minute(), claimed_by="worker", token=7, problem={"code": "x"})
    assert reset_deliveries(post) == 1
    after = Delivery.objects.get(pk=before.pk)
    assert (after.lifecycle, after.token, after.lease_until, after.claimed_by) == (D.PENDING, 8, None, "")
    assert after.problem == {}


@pytest.mark.parametrize("state", [D.SENDING, D.DELIVERED, D.UNKNOWN, D.RETRACTING, D.RETRACTED])
def test_what_may_be_public_is_neither_reset_nor_settled(cast: Cast, state: DeliveryState):
    post = cast.approved()
    put(post, state, lease_until=in_a_minute(), token=7)
    assert reset_deliveries(post, approved_digest=None) == 0
    assert settle_deliveries(post, D.HELD) == settle_deliveries(post, D.MISSED) == 0
    after = Delivery.objects.get(post=post)
    assert (after.lifecycle, after.token, after.approved_digest) == (state, 7, digest_of(post))


@pytest.mark.parametrize(
    ("state", "to", "moves"),
    [
        (D.PENDING, D.HELD, True),
        (D.CLAIMED, D.HELD, True),
        (D.MISSED, D.HELD, False),
        (D.FAILED, D.HELD, False),
        (D.PENDING, D.MISSED, True),
        (D.CLAIMED, D.MISSED, True),
        (D.HELD, D.MISSED, True),
    ],
)
def test_settling(cast: Cast, state: DeliveryState, to: DeliveryState, moves: bool):
    post = cast.approved()
    put(post, state, lease_until=in_a_minute(), token=7)
    assert settle_deliveries(post, to, {"code": "why"}) == int(moves)
    after = Delivery.objects.get(post=post)
    assert (after.lifecycle, after.token) == ((to, 8) if moves else (state, 7))
    assert after.problem == ({"code": "why"} if moves else {})


# --- Deliveries: the engine's moves ------------------------------------------------------------------
def test_a_claim_takes_what_is_pending_only(cast: Cast):
    posts = [cast.approved() for _ in range(3)]
    put(posts[2], D.HELD)
    ids = list(Delivery.objects.order_by("pk").values_list("pk", flat=True))
    until = database_now() + timedelta(minutes=1)
    claims = claim_deliveries(ids, "one", until)
    rows = Delivery.objects.in_bulk(list(claims))
    assert {row.post_id for row in rows.values()} == {posts[0].pk, posts[1].pk}
    assert claims == {pk: row.token for pk, row in rows.items()}
    assert {(row.lifecycle, row.claimed_by, row.lease_until) for row in rows.values()} == {
        (D.CLAIMED, "one", until)
    }
    assert claim_deliveries(ids, "two", until) == {}


def test_what_was_moved_since_is_no_longer_claimed(cast: Cast):
    posts = [cast.approved() for _ in range(2)]
    claims = claim_deliveries([row.pk for row in Delivery.objects.all()], "one", in_a_minute())
    settle_deliveries(posts[0], D.HELD)
    assert [row.post_id for row in still_claimed(claims)] == [posts[1].pk]
    assert still_claimed({pk: token - 1 for pk, token in claims.items()}) == []


def test_an_old_token_moves_nothing(cast: Cast):
    post = cast.approved()
    claims = claim_deliveries([Delivery.objects.get(post=post).pk], "one", in_a_minute())
    ((pk, token),) = claims.items()
    assert move_claimed({pk: token - 1}, D.CLAIMED, D.MISSED, lease_until=None) == 0
    assert give_back(claims) == 1
    assert give_back(claims) == 0
    after = Delivery.objects.get(pk=pk)
    assert (after.lifecycle, after.claimed_by, after.lease_until) == (D.PENDING, "", None)


def test_moving_what_is_pending_is_guarded_too(cast: Cast):
    row = Delivery.objects.get(post=cast.approved())
    assert move_pending(row, D.MISSED, {"code": "late"})
    assert not move_pending(row, D.MISSED, {"code": "late"})


@pytest.mark.parametrize("state", [D.CLAIMED, D.SENDING, D.DELIVERED, D.FAILED, D.UNKNOWN])
@pytest.mark.parametrize("approved", [None, "0" * 64])
def test_the_database_refuses_to_send_what_was_not_approved(
    cast: Cast, state: DeliveryState, approved: str | None
):
    post = cast.approved()
    with pytest.raises(IntegrityError), transaction.atomic():
        put(post, state, approved_digest=approved, lease_until=in_a_minute())


def test_the_database_refuses_a_state_nobody_knows_and_a_flight_without_a_lease(cast: Cast):
    post = cast.approved()
    for fields in ({"state": "LIMBO"}, {"state": D.CLAIMED.value, "lease_until": None}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Delivery.objects.filter(post=post).update(**fields)
    with pytest.raises(IntegrityError), transaction.atomic():
        Post.objects.filter(pk=post.pk).update(state="limbo")


# --- Following ---------------------------------------------------------------------------------------
def test_a_post_follows_its_deliveries_and_says_so(cast: Cast):
    post = cast.approved()
    version = fresh(post).version
    put(post, D.SENDING, lease_until=in_a_minute())
    follow_deliveries([post.pk], WORKER)
    assert fresh(post).lifecycle == P.RELEASING
    put(post, D.DELIVERED, delivered_at=database_now())
    follow_deliveries([post.pk], WORKER)
    assert fresh(post).lifecycle == P.PUBLISHED
    entry = Entry.objects.get(verb="post.published")
    assert (entry.system, entry.data) == ("worker", {"from": "releasing", "to": "published"})
    assert fresh(post).version == version, "nothing that the gate looks at has changed"


def test_following_twice_says_it_once(cast: Cast):
    post = cast.approved()
    put(post, D.FAILED)
    for _ in range(2):
        follow_deliveries([post.pk], TICKER)
    assert Entry.objects.filter(verb="post.failed").count() == 1


@pytest.mark.parametrize("state", [P.HELD, P.IN_REVIEW, P.WITHDRAWN, P.MISSED])
def test_where_a_person_leads_the_deliveries_do_not(cast: Cast, state: PostState):
    post = cast.approved()
    Post.objects.filter(pk=post.pk).update(state=state.value)
    put(post, D.DELIVERED, delivered_at=database_now())
    follow_deliveries([post.pk], WORKER)
    assert fresh(post).lifecycle == state


def test_a_channel_taken_out_after_an_attempt_does_not_keep_the_post_waiting(cast: Cast):
    cast.channel("console")
    post = cast.approved(channels=["demo", "console"])
    Delivery.objects.filter(post=post, channel__key="console").update(attempts=1)
    cast.edit("ines", post, channels=["demo"])
    cast.say("nadia", post)
    rows = {row.channel.key: row for row in post.deliveries.select_related("channel")}
    assert rows["demo"].approved_digest == digest_of(post)
    assert rows["console"].approved_digest is None, "it was tried once, so it stays; it is never sent again"
    Delivery.objects.filter(pk=rows["demo"].pk).update(state=D.DELIVERED.value, delivered_at=database_now())
    follow_deliveries([post.pk], WORKER)
    assert fresh(post).lifecycle == P.PUBLISHED


def test_ready_deliveries_are_reset_approved_and_timed_in_one(cast: Cast):
    """As `reset_deliveries`, the approval of what was sealed, and the post's times do one after the other."""
    post = cast.submitted()
    digest = digest_of(post)
    rows = Delivery.objects.filter(post=post)
    rows.update(state=DeliveryState.HELD.value, problem={"code": "held"}, due_at=None, token=4)
    ready_deliveries(fresh(post), digest)
    one = rows.get()
    assert (one.lifecycle, one.token, one.problem) == (DeliveryState.PENDING, 5, {})
    assert (one.approved_digest, one.due_at, one.next_at) == (digest, fresh(post).slot, fresh(post).slot)
    assert one.expires_at == fresh(post).deadline


def test_what_may_be_public_is_not_made_ready(cast: Cast):
    post = cast.approved()
    rows = Delivery.objects.filter(post=post)
    rows.update(state=DeliveryState.UNKNOWN.value, token=4, problem={"code": "unknown"})
    ready_deliveries(fresh(post), "0" * 64)
    one = rows.get()
    assert (one.lifecycle, one.token, one.problem) == (DeliveryState.UNKNOWN, 4, {"code": "unknown"})
    assert one.approved_digest == digest_of(post), (
        "what was sealed with another digest is not approved with this"
    )
