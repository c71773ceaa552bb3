"""Writes down what became of attempts, many in one transaction, guarded by the fencing token."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F

from accounts.clock import database_now
from accounts.models import Membership, User
from journal.recording import WORKER, Act, record_all
from journal.telling import tell
from posts.lifecycle import DeliveryState
from posts.models import Delivery
from posts.moves import follow_deliveries, move_claimed
from publishing.models import Attempt, ChannelHealth, Outcome
from publishing.releasing import Result, journal_outcome, lock_posts

FIRST_WAIT_S, LONGEST_WAIT_S = 5.0, 300.0
RECONCILE_AFTER_S = 2.0
_AGAIN = {Outcome.RATE_LIMITED, Outcome.NOT_SENT, Outcome.UNAVAILABLE}
_STATES = {
    Outcome.DELIVERED: DeliveryState.DELIVERED,
    Outcome.UNKNOWN: DeliveryState.UNKNOWN,
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
        lock_posts({one.sending.delivery.post_id for one in results})
        now = database_now()
        mine = [one for one in results if _move(one, now)]
        Attempt.objects.bulk_update([_attempt(one, now) for one in mine], _ATTEMPT_FIELDS)
        follow_deliveries({one.sending.delivery.post_id for one in mine}, WORKER)
        journal_outcome(mine)
        for one in mine:
            _channel(one, now)
            _tell(one)


_ATTEMPT_FIELDS = ["ended_at", "outcome", "remote_id", "url", "answer"]


def _attempt(result: Result, now: datetime) -> Attempt:
    attempt = result.sending.attempt
    attempt.ended_at, attempt.outcome, attempt.answer = now, result.outcome, result.answer[:500]
    if result.receipt:
        attempt.remote_id, attempt.url = result.receipt.remote_id[:255], result.receipt.url[:1000]
    return attempt


def _move(result: Result, now: datetime) -> bool:
    delivery = result.sending.delivery
    fields: dict[str, Any] = {"problem": dict(result.problem), "lease_until": None, "claimed_by": ""}
    if result.receipt is not None:
        fields |= {
            "remote_id": result.receipt.remote_id[:255],
            "url": result.receipt.url[:1000],
            "delivered_at": now,
            "problem": {},
        }
    if result.outcome in _AGAIN:
        fields["next_at"] = now + timedelta(seconds=waiting(delivery.attempts, result.retry_after))
    if result.outcome == Outcome.UNKNOWN:
        fields["next_at"] = now + timedelta(seconds=RECONCILE_AFTER_S)
    to = _STATES[result.outcome]
    return move_claimed({delivery.pk: delivery.token}, DeliveryState.SENDING, to, **fields) == 1


def _channel(result: Result, now: datetime) -> None:
    """What the outcome says of the channel as a whole."""
    health = ChannelHealth.objects.filter(channel_id=result.sending.delivery.channel_id)
    match result.outcome:
        case Outcome.RATE_LIMITED:
            health.update(wait_until=now + timedelta(seconds=waiting(0, result.retry_after)))
        case Outcome.AUTH_FAILED:
            health.update(ok=False, problem=result.answer[:500], failures=F("failures") + 1)
        case Outcome.NOT_SENT | Outcome.UNAVAILABLE:
            health.update(failures=F("failures") + 1)
        case Outcome.DELIVERED:
            health.filter(failures__gt=0).update(failures=0)
        case _:
            pass


def _tell(result: Result) -> None:
    """A refusal and a lost authorisation go to those who can mend them; an unknown outcome to both."""
    delivery = result.sending.delivery
    if result.outcome not in {Outcome.REJECTED, Outcome.AUTH_FAILED}:
        return
    people: list[User] = [User.objects.get(pk=delivery.post.author_id)]
    if result.outcome == Outcome.AUTH_FAILED:
        people += _owners(delivery)
    tell(
        people,
        delivery.brand_id,
        f"delivery.{result.outcome.value.lower()}",
        post_id=delivery.post_id,
        channel=delivery.channel.name,
        answer=result.answer[:200],
    )


def _owners(delivery: Delivery) -> list[User]:
    owners = Membership.objects.filter(brand_id=delivery.brand_id, is_owner=True, is_active=True)
    return [one.user for one in owners.select_related("user")]


def ask_a_person(delivery: Delivery) -> None:
    """Nobody but a person can say whether it went out: the author and the owners are asked."""
    people = [User.objects.get(pk=delivery.post.author_id), *_owners(delivery)]
    tell(people, delivery.brand_id, "delivery.unknown", post_id=delivery.post_id, channel=delivery.channel.name)
    record_all(
        [Act("delivery.ask", WORKER, delivery.brand_id, f"delivery:{delivery.pk}", delivery.post_id, {"why": "unknown"})]
    )
