"""Writes down what became of attempts, many in one transaction, guarded by the fencing token."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.db import connection, transaction
from django.db.models import F

from accounts.batching import given, source, stored
from accounts.clock import database_now
from accounts.models import User
from approvals.levels import owners_of
from journal.recording import WORKER, Act, record_all
from journal.telling import tell
from posts.lifecycle import DeliveryState
from posts.locking import lock_posts
from posts.models import Channel, Delivery
from posts.moves import Move, finish_sending, following
from publishing.handing import is_by_hand, tell_by_hand
from publishing.models import Attempt, ChannelHealth, Outcome
from publishing.releasing import Result
from publishing.renewing import RENEWED_IN, ask_for_one

log = structlog.get_logger("publishing")
FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 300.0
RECONCILE_AFTER_S = 2.0
# So many failures in a row to reach a network, and its channel waits for a check that succeeds.
BREAK_AFTER = 5
_AGAIN = {Outcome.RATE_LIMITED, Outcome.NOT_SENT, Outcome.UNAVAILABLE}
_STATES = {
    Outcome.DELIVERED: DeliveryState.DELIVERED,
    Outcome.UNKNOWN: DeliveryState.UNKNOWN,
    # Whether and when a person posts it, nobody here can know: no machine looks, and none sends it again.
    Outcome.BY_HAND: DeliveryState.UNKNOWN,
    Outcome.REJECTED: DeliveryState.FAILED,
    Outcome.AUTH_FAILED: DeliveryState.FAILED,
    **dict.fromkeys(_AGAIN, DeliveryState.PENDING),
}


def waiting(attempts: int, asked: float | None) -> float:
    """Seconds until the next try: as long as the network asks, else growing with jitter."""
    if asked is not None:
        return max(1.0, asked)
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** min(attempts, 10))
    return random.uniform(longest / 2, longest)  # noqa: S311 - jitter, not a secret


def record_results(results: Sequence[Result]) -> None:
    """Stores outcomes. One whose token was outrun (its lease expired, it was swept) changes nothing."""
    if not results:
        return
    with transaction.atomic():
        post_ids = {one.sending.delivery.post_id for one in results}
        lock_posts(post_ids)
        now = database_now()
        acts = write_results(results, now)
        record_all([*acts, *following(post_ids, WORKER)], now)


def write_results(results: Sequence[Result], now: datetime) -> list[Act]:
    """The same, under the posts' locks already held. Answers the acts to be recorded; the caller lets the
    posts follow their deliveries."""
    if not results:
        return []
    moved = finish_sending([_move(one, now) for one in results])
    mine = [one for one in results if one.sending.delivery.pk in moved]
    for one in results:
        if one.sending.delivery.pk not in moved:
            log.warning("outrun", delivery=one.sending.delivery.pk, attempt=one.sending.attempt.pk)
    _finish_attempts(mine, now)
    _channels(mine, now)
    for one in mine:
        _tell(one)
    return [_act(one) for one in mine] + [
        _corrected(one) for one in mine if one.receipt and one.sending.replaces
    ]


def _move(result: Result, now: datetime) -> Move:
    delivery = result.sending.delivery
    next_at = None
    if result.outcome in _AGAIN:
        if result.ran_out:
            seconds = RENEWED_IN.total_seconds()
        else:
            seconds = 0.0 if result.given_back else waiting(delivery.attempts, result.retry_after)
        next_at = now + timedelta(seconds=seconds)
    if result.outcome == Outcome.UNKNOWN:
        next_at = now + timedelta(seconds=RECONCILE_AFTER_S)
    receipt = result.receipt
    return Move(
        delivery.pk,
        delivery.token,
        _STATES[result.outcome],
        next_at=next_at,
        remote_id=receipt.remote_id[:255] if receipt else "",
        url=receipt.url[:1000] if receipt else "",
        parts=receipt.parts if receipt else (),
        problem={} if receipt else result.problem,
        delivered_at=now if receipt else None,
    )


_ENDED = ("id", "outcome", "remote_id", "url", "answer")


def _finish_attempts(results: Sequence[Result], now: datetime) -> None:
    """One statement for the group, as in `posts/moves.py` and for the same reason."""
    if not results:
        return
    rows = [
        {
            "id": one.sending.attempt.pk,
            "outcome": one.outcome.value,
            "remote_id": one.receipt.remote_id[:255] if one.receipt else "",
            "url": one.receipt.url[:1000] if one.receipt else "",
            "answer": one.answer[:500],
        }
        for one in results
    ]
    sets = ", ".join(f"{name} = v.{name}" for name in _ENDED[1:])
    statement = (
        f"UPDATE publishing_attempt SET {sets}, ended_at = %s"
        f" FROM {source(Attempt, _ENDED)} WHERE publishing_attempt.id = v.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(statement, [stored(now), given(rows)])


def _act(result: Result) -> Act:
    delivery = result.sending.delivery
    return Act(
        f"delivery.{result.outcome.value.lower()}",
        WORKER,
        delivery.brand_id,
        f"delivery:{delivery.pk}",
        delivery.post_id,
        {
            "channel": delivery.channel.key,
            "attempt": result.sending.attempt.pk,
            "digest": result.sending.permit.digest,
            "permit": result.sending.permit.id,
            "url": result.receipt.url if result.receipt else "",
            "answer": result.answer[:200],
        },
    )


def _corrected(result: Result) -> Act:
    """Told on the post that was corrected, too: what it says is no longer what is public."""
    delivery, replaced = result.sending.delivery, result.sending.replaces
    assert replaced is not None
    return Act(
        "delivery.corrected",
        WORKER,
        delivery.brand_id,
        f"delivery:{replaced.delivery_id}",
        replaced.post_id,
        {"by": delivery.post_id, "channel": delivery.channel.key},
    )


def _channels(results: Sequence[Result], now: datetime) -> None:
    """What the outcomes say of their channels as a whole: waits, trouble, the circuit breaker."""
    by_channel: dict[int, list[Result]] = {}
    for one in results:
        by_channel.setdefault(one.sending.delivery.channel_id, []).append(one)
    well = [pk for pk, group in by_channel.items() if all(one.outcome == Outcome.DELIVERED for one in group)]
    # Asked only of channels that had failed when the delivery was claimed: most never have.
    mended = [pk for pk in well if _had_failed(by_channel[pk][0].sending.delivery.channel)]
    if mended:
        ChannelHealth.objects.filter(channel__in=mended, failures__gt=0).update(failures=0)
    for pk, group in by_channel.items():
        if pk not in well:
            for one in group:
                _channel(pk, one, now)


def _had_failed(channel: Channel) -> bool:
    health: ChannelHealth | None = getattr(channel, "health", None)
    return health is None or health.failures > 0


def _channel(pk: int, result: Result, now: datetime) -> None:
    if result.ran_out:
        ask_for_one({pk})
        return
    health = ChannelHealth.objects.filter(channel_id=pk)
    match result.outcome:
        case Outcome.RATE_LIMITED:
            health.update(wait_until=now + timedelta(seconds=waiting(0, result.retry_after)))
        case Outcome.AUTH_FAILED:
            health.update(ok=False, problem=result.answer[:500], failures=F("failures") + 1, checked_at=now)
        case Outcome.NOT_SENT | Outcome.UNAVAILABLE if not result.given_back:
            health.update(failures=F("failures") + 1)
            if health.filter(ok=True, failures__gte=BREAK_AFTER).update(
                ok=False, problem=result.answer[:500], checked_at=now
            ):
                delivery = result.sending.delivery
                tell(
                    owners_of(delivery.brand),
                    delivery.brand_id,
                    "channel.broken",
                    channel=delivery.channel.name,
                )
        case _:
            pass


def _tell(result: Result) -> None:
    """A refusal and a lost authorisation go to those who can mend them, what is posted by hand to those who
    can post it."""
    delivery = result.sending.delivery
    if result.outcome == Outcome.BY_HAND:
        tell_by_hand(delivery)
        return
    if result.outcome not in {Outcome.REJECTED, Outcome.AUTH_FAILED}:
        return
    people = [User.objects.get(pk=delivery.post.author_id)]
    if result.outcome == Outcome.AUTH_FAILED:
        people += owners_of(delivery.brand)
    tell(
        people,
        delivery.brand_id,
        f"delivery.{result.outcome.value.lower()}",
        post_id=delivery.post_id,
        channel=delivery.channel.name,
        answer=result.answer[:200],
    )


def ask_a_person(delivery: Delivery) -> None:
    """Nobody but a person can say whether it went out: the author and the owners are asked."""
    people = [User.objects.get(pk=delivery.post.author_id), *owners_of(delivery.brand)]
    tell(
        people,
        delivery.brand_id,
        "delivery.unknown",
        post_id=delivery.post_id,
        channel=delivery.channel.name,
        # A worker died over the hand-over: its page is where one looks, and posts it if it is not out.
        **({"by_hand": delivery.pk} if is_by_hand(delivery) else {}),
    )
    record_all([Act("delivery.ask", WORKER, delivery.brand_id, f"delivery:{delivery.pk}", delivery.post_id)])
