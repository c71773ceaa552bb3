"""The one door to the network.

A claimed delivery becomes an attempt, committed as `SENDING` with its idempotency key before the
first byte leaves: that commit is the point of no return. It compares the post and the brand with
what the claim was judged on and spends the permit; any difference gives the delivery back. Then the
adapter is called outside any transaction, and the outcome is written only by the holder of the token.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import httpx
import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Min
from django.utils.translation import gettext_noop

from accounts.batching import among, insert_rows, listed, stored
from accounts.clock import database_now
from accounts.locks import share_brands
from adapters import base
from adapters.base import Connection, Payload, Receipt
from adapters.registry import adapter_for
from journal.recording import WORKER
from journal.scrubbing import scrub
from posts.lending import public_url
from posts.lifecycle import DeliveryState
from posts.locking import Locked, lock_posts
from posts.models import Delivery
from posts.moves import follow_deliveries, give_back
from posts.moves import start_sending as start_sending_rows
from posts.uploading import MediaChanged, read_media
from publishing.claiming import Ready
from publishing.dialling import app_of
from publishing.keeping import SecretLost, reveal
from publishing.models import Attempt, Outcome

log = structlog.get_logger("publishing")


@dataclass(frozen=True, slots=True)
class Begun:
    """An attempt as it was committed. `first`: when the first attempt with this key was."""

    pk: int
    key: str
    first: datetime


@dataclass(frozen=True, slots=True)
class Replaced:
    """What a correction replaces: the delivery that is out, its post, and where it is."""

    delivery_id: int
    post_id: int
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Sending:
    """One committed attempt with all that a sending thread needs; it touches no database."""

    delivery: Delivery
    attempt: Begun
    permit: base.Permit
    payload: Payload
    secret: str
    media: Mapping[str, bytes]
    unsendable: tuple[Outcome, str] | None = None
    replaces: Replaced | None = None
    # By this machine's clock, which goes on while a process or the whole machine stands still.
    begun: float = field(default_factory=time.time)


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
    # The channel's credentials ran out on the way: they are renewed before the next attempt.
    ran_out: bool = False


def key_of(delivery: Delivery) -> str:
    """The idempotency key: the same for every attempt at the same bytes, another for other bytes, since
    a network that knows the key answers with what it first got under it."""
    return hashlib.sha256(f"{delivery.key}:{delivery.sealed_digest}".encode()).hexdigest()[:32]


# --- The point of no return -------------------------------------------------------------------
def start_sending(ready: Sequence[Ready], worker: str) -> list[Sending]:
    """Commits the attempts of what may still go, in one transaction, and gives the rest back."""
    if not ready:
        return []
    with transaction.atomic():
        share_brands(one.delivery.brand_id for one in ready)
        post_ids = {one.delivery.post_id for one in ready}
        sendings = write_starts(ready, lock_posts(post_ids), worker, database_now())
        follow_deliveries(post_ids, WORKER)
    return sendings


def write_starts(
    ready: Sequence[Ready], posts: Mapping[int, Locked], worker: str, now: datetime
) -> list[Sending]:
    """The same, under locks already held: brands shared, then posts. The caller lets the posts follow
    their deliveries, also those that are given back: nothing of them may be under way any more."""
    if not ready:
        return []
    going = [
        one for one in ready if _unchanged(one, posts[one.delivery.post_id]) and now < one.permit.expires_at
    ]
    replaced = replaced_by([one.delivery for one in going])
    going = [one for one in going if one.delivery.corrects_id is None or one.delivery.pk in replaced]
    going = _spend(going, now)
    sent = {one.delivery.pk for one in going}
    give_back({one.delivery.pk: one.delivery.token for one in ready if one.delivery.pk not in sent})
    begun = _begin(going, now, worker)
    return [_prepare(one, begun[one.delivery.pk], replaced.get(one.delivery.pk)) for one in going]


def replaced_by(deliveries: Sequence[Delivery]) -> dict[int, Replaced]:
    """{correction's id: what it replaces}, of those whose target is still out. No query without one."""
    wanted = {one.pk: one.corrects_id for one in deliveries if one.corrects_id is not None}
    if not wanted:
        return {}
    rows = Delivery.objects.filter(pk__in=wanted.values(), state=DeliveryState.DELIVERED.value)
    out = {
        row.pk: Replaced(row.pk, row.post_id, Receipt(row.remote_id, row.url, tuple(row.parts)))
        for row in rows
    }
    return {pk: out[target] for pk, target in wanted.items() if target in out}


def _begin(going: Sequence[Ready], now: datetime, worker: str) -> dict[int, Begun]:
    """Writes the attempts, each with its idempotency key. Answers them by delivery id."""
    rows = [
        {
            "delivery_id": one.delivery.pk,
            "permit_id": one.permit.pk,
            "token": one.delivery.token,
            "key": key_of(one.delivery),
            "started_at": now,
            "outcome": Outcome.SENDING.value,
            "worker": worker,
        }
        for one in going
    ]
    again = first_attempts([one.delivery for one in going if one.delivery.attempts])
    written = insert_rows(Attempt, rows, ["delivery_id", "id", "key"])
    return {
        delivery_id: Begun(pk, key, again.get((delivery_id, key), now)) for delivery_id, pk, key in written
    }


def first_attempts(deliveries: Sequence[Delivery]) -> dict[tuple[int, str], datetime]:
    """{(delivery's id, key): when it was first tried with that key}. No query without any."""
    rows = Attempt.objects.filter(delivery__in=[one.pk for one in deliveries])
    return {
        (pk, key): at for pk, key, at in rows.values_list("delivery_id", "key").annotate(Min("started_at"))
    }


def _unchanged(ready: Ready, post: Locked) -> bool:
    """Nothing that the gate looked at has moved since the claim, and these are the approved bytes."""
    one, permit = ready.delivery, ready.permit
    return (
        post.version == permit.post_version
        and post.standing == permit.standing
        and not post.stopped
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
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE publishing_permit SET spent_at = %s WHERE {among('id')}"  # noqa: S608
            " AND spent_at IS NULL AND expires_at > %s",
            [stored(now), listed(one.permit.pk for one in going), stored(now)],
        )
        spent = cursor.rowcount
    if spent != len(going):
        # Never seen: a permit is spent with its delivery's move, which was guarded. If it ever is, the
        # whole group is rolled back, nothing has been sent, and the lease brings it back.
        raise PermitSpentTwice("A permit was spent, or ran out, without its delivery.")
    return going


class PermitSpentTwice(RuntimeError):
    """A permit did not belong to the move it was to be spent with."""


def _prepare(ready: Ready, attempt: Begun, replaces: Replaced | None) -> Sending:
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
    return Sending(one, attempt, permit, payload, secret, media, unsendable, replaces)


def _media_of(payload: Payload) -> set[str]:
    return {item["sha256"] for part in payload.body["parts"] for item in part["media"]}


# --- The call ---------------------------------------------------------------------------------
def send(sending: Sending, client: httpx.Client) -> Result:
    """Calls the adapter once. Every way it can end is an outcome: nothing is raised, and what is not
    known to have failed is UNKNOWN. One that waited too long for a thread (a process that stood still, a
    slow network before it) is not sent: its lease might run out under it."""
    if time.time() - sending.begun > settings.PUBLISH_BEGIN_WITHIN_S:
        return Result(sending, Outcome.NOT_SENT, answer="given back", given_back=True)
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
        public_url=partial(public_url, sending.delivery.brand_id),
        app=app_of(channel.network),
    )
    try:
        receipt = _call(kind(through), sending)
    except base.AdapterError as error:
        return _failed(sending, error)
    except base.PermitRefused as error:
        return Result(sending, Outcome.REJECTED, answer=str(error), problem={"code": "permit_refused"})
    except Exception as error:
        log.exception("adapter_fault", delivery=sending.delivery.pk, attempt=sending.attempt.pk)
        return Result(sending, Outcome.UNKNOWN, answer=type(error).__name__, problem={"code": "unknown"})
    return Result(sending, Outcome.DELIVERED, receipt, receipt.answer)


def _call(adapter: base.Adapter, sending: Sending) -> Receipt:
    if sending.replaces is not None:
        return adapter.correct(sending.replaces.receipt, sending.payload, sending.permit)
    return adapter.publish(sending.payload, sending.permit, sending.attempt.key, sending.attempt.first)


_OUTCOMES: Mapping[type[base.AdapterError], Outcome] = {
    # Before what it is a kind of: it can be renewed, and nothing was sent.
    base.Expired: Outcome.NOT_SENT,
    base.AuthFailed: Outcome.AUTH_FAILED,
    base.RateLimited: Outcome.RATE_LIMITED,
    base.Rejected: Outcome.REJECTED,
    base.NotSent: Outcome.NOT_SENT,
    base.Unavailable: Outcome.UNAVAILABLE,
    base.Duplicate: Outcome.UNKNOWN,
    base.Ambiguous: Outcome.UNKNOWN,
    base.ByHand: Outcome.BY_HAND,
}


def _failed(sending: Sending, error: base.AdapterError) -> Result:
    outcome = next((one for kind, one in _OUTCOMES.items() if isinstance(error, kind)), Outcome.UNKNOWN)
    return Result(
        sending,
        outcome,
        answer=scrub(error.public)[:500],
        retry_after=getattr(error, "retry_after", None),
        problem={"code": outcome.value.lower(), "text": scrub(error.public)[:300], "status": error.status},
        ran_out=isinstance(error, base.Expired),
    )
