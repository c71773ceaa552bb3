"""The one door to the network.

A claimed delivery becomes an attempt, committed as `SENDING` with its idempotency key before the
first byte leaves: that commit is the point of no return. It compares the post and the brand with
what the claim was judged on and spends the permit; any difference gives the delivery back. Then the
adapter is called outside any transaction, and the outcome is written only by the holder of the token.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import structlog
from django.conf import settings
from django.db import transaction
from django.utils.translation import gettext_noop

from accounts.clock import database_now
from accounts.locks import share_brands
from adapters import base
from adapters.base import Connection, Payload, Receipt
from adapters.registry import adapter_for
from journal.recording import WORKER
from journal.scrubbing import scrub
from posts.models import Delivery, Post
from posts.moves import follow_deliveries, give_back
from posts.moves import start_sending as start_sending_rows
from posts.uploading import MediaChanged, read_media
from publishing.claiming import Ready
from publishing.keeping import SecretLost, reveal
from publishing.models import Attempt, Outcome, Permit

log = structlog.get_logger("publishing")


@dataclass(frozen=True, slots=True)
class Sending:
    """One committed attempt with all that a sending thread needs; it touches no database."""

    delivery: Delivery
    attempt: Attempt
    permit: base.Permit
    payload: Payload
    secret: str
    media: Mapping[str, bytes]
    unsendable: tuple[Outcome, str] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one attempt. `retry_after` in seconds, as the network asked."""

    sending: Sending
    outcome: Outcome
    receipt: Receipt | None = None
    answer: str = ""
    retry_after: float | None = None
    problem: Mapping[str, Any] = field(default_factory=dict)
    # Committed as SENDING and then not sent, because this process must end: due again at once.
    given_back: bool = False


def key_of(delivery: Delivery) -> str:
    """The idempotency key: the same for every attempt at the same bytes, another for other bytes, since
    a network that knows the key answers with what it first got under it."""
    return hashlib.sha256(f"{delivery.key}:{delivery.sealed_digest}".encode()).hexdigest()[:32]


# --- The point of no return -------------------------------------------------------------------
def lock_posts(post_ids: Iterable[int]) -> dict[int, tuple[int, int, bool]]:
    """Locks post rows in id order, so that a verb, a release and two recorders of one post's deliveries
    come one after the other. Answers {post id: (version, brand's standing, brand is stopped)}."""
    rows = (
        Post.objects.select_for_update(of=("self",), no_key=True)
        .filter(pk__in=set(post_ids))
        .order_by("pk")
        .values_list("pk", "version", "brand__standing", "brand__stopped_at")
    )
    return {pk: (version, standing, stopped is not None) for pk, version, standing, stopped in rows}


def start_sending(ready: Sequence[Ready], worker: str) -> list[Sending]:
    """Commits the attempts of what may still go, in one transaction, and gives the rest back."""
    if not ready:
        return []
    with transaction.atomic():
        share_brands(one.delivery.brand_id for one in ready)
        posts = lock_posts(one.delivery.post_id for one in ready)
        return write_starts(ready, posts, worker)


def write_starts(
    ready: Sequence[Ready], posts: Mapping[int, tuple[int, int, bool]], worker: str
) -> list[Sending]:
    """The same, under locks already held: brands shared, then posts."""
    if not ready:
        return []
    now = database_now()
    going = [
        one for one in ready if _unchanged(one, posts[one.delivery.post_id]) and now < one.permit.expires_at
    ]
    going = _spend(going, now)
    sent = {one.delivery.pk for one in going}
    give_back({one.delivery.pk: one.delivery.token for one in ready if one.delivery.pk not in sent})
    attempts = Attempt.objects.bulk_create(
        Attempt(
            delivery=one.delivery,
            permit=one.permit,
            token=one.delivery.token,
            key=key_of(one.delivery),
            started_at=now,
            worker=worker,
        )
        for one in going
    )
    # Also of what was given back: nothing of it may be under way any more.
    follow_deliveries({one.delivery.post_id for one in ready}, WORKER)
    return [_prepare(one, attempt) for one, attempt in zip(going, attempts, strict=True)]


def _unchanged(ready: Ready, post: tuple[int, int, bool]) -> bool:
    """Nothing that the gate looked at has moved since the claim, and these are the approved bytes."""
    one, permit = ready.delivery, ready.permit
    version, standing, stopped = post
    return (
        version == permit.post_version
        and standing == permit.standing
        and not stopped
        and one.sealed_digest == one.approved_digest == permit.digest
    )


def _spend(ready: Sequence[Ready], now: datetime) -> list[Ready]:
    """Spends the permits and moves CLAIMED → SENDING, both guarded; answers those for which both held.
    A channel paused after the claim keeps its deliveries back."""
    if not ready:
        return []
    lease_until = now + timedelta(seconds=settings.PUBLISH_LEASE_S)
    moved = start_sending_rows({one.delivery.pk: one.delivery.token for one in ready}, lease_until)
    going = [one for one in ready if one.delivery.pk in moved]
    permits = Permit.objects.filter(
        pk__in=[one.permit.pk for one in going], spent_at__isnull=True, expires_at__gt=now
    )
    if permits.update(spent_at=now) != len(going):
        # Never seen: a permit is spent with its delivery's move, which was guarded. If it ever is, the
        # whole group is rolled back, nothing has been sent, and the lease brings it back.
        raise PermitSpentTwice("A permit was spent, or ran out, without its delivery.")
    return going


class PermitSpentTwice(RuntimeError):
    """A permit did not belong to the move it was to be spent with."""


def _prepare(ready: Ready, attempt: Attempt) -> Sending:
    """Gathers secret and media, so that the sending thread needs no database."""
    one = ready.delivery
    payload = Payload.from_json(one.payload or {})
    permit = base.Permit(
        ready.permit.pk, one.pk, one.channel.key, ready.permit.digest, ready.permit.payload_sha256
    )
    secret, media, unsendable = "", {}, None
    try:
        secret = reveal(ready.secret)
        media = {sha: read_media(one.brand_id, sha) for sha in _media_of(payload)}
    except SecretLost:
        unsendable = (
            Outcome.AUTH_FAILED,
            gettext_noop("The channel's secret cannot be read any more: reconnect it."),
        )
    except MediaChanged:
        unsendable = (
            Outcome.REJECTED,
            gettext_noop("An image is not, or no longer, the one that was approved."),
        )
    return Sending(one, attempt, permit, payload, secret, media, unsendable)


def _media_of(payload: Payload) -> set[str]:
    return {item["sha256"] for part in payload.body["parts"] for item in part["media"]}


# --- The call ---------------------------------------------------------------------------------
def send(sending: Sending, client: httpx.Client) -> Result:
    """Calls the adapter once. Every way it can end is an outcome: nothing is raised, and what is not
    known to have failed is UNKNOWN."""
    if sending.unsendable:
        outcome, why = sending.unsendable
        return Result(sending, outcome, answer=why, problem={"code": outcome.value.lower(), "text": why})
    channel = sending.delivery.channel
    kind = adapter_for(channel.network)
    through = Connection(
        channel=channel.key,
        settings=channel.settings,
        limits={**kind.default_limits, **channel.limits},
        secret=sending.secret,
        client=client,
        read_media=sending.media.__getitem__,
    )
    try:
        receipt = kind(through).publish(sending.payload, sending.permit, sending.attempt.key)
    except base.AdapterError as error:
        return _failed(sending, error)
    except base.PermitRefused as error:
        return Result(sending, Outcome.REJECTED, answer=str(error), problem={"code": "permit_refused"})
    except Exception as error:
        log.exception("adapter_fault", delivery=sending.delivery.pk, attempt=sending.attempt.pk)
        return Result(sending, Outcome.UNKNOWN, answer=type(error).__name__, problem={"code": "unknown"})
    return Result(sending, Outcome.DELIVERED, receipt, receipt.answer)


_OUTCOMES: Mapping[type[base.AdapterError], Outcome] = {
    base.AuthFailed: Outcome.AUTH_FAILED,
    base.RateLimited: Outcome.RATE_LIMITED,
    base.Rejected: Outcome.REJECTED,
    base.NotSent: Outcome.NOT_SENT,
    base.Unavailable: Outcome.UNAVAILABLE,
    base.Duplicate: Outcome.UNKNOWN,
    base.Ambiguous: Outcome.UNKNOWN,
}


def _failed(sending: Sending, error: base.AdapterError) -> Result:
    outcome = next((one for kind, one in _OUTCOMES.items() if isinstance(error, kind)), Outcome.UNKNOWN)
    return Result(
        sending,
        outcome,
        answer=scrub(error.public)[:500],
        retry_after=getattr(error, "retry_after", None),
        problem={"code": outcome.value.lower(), "text": scrub(error.public)[:300], "status": error.status},
    )
