"""Settles what nobody knows: sweeps expired leases, reads back, and asks a person when reading cannot
tell. Never a blind resend, and never "failed" for what may be public."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import User
from accounts.policies import demand_member
from accounts.refusals import Invalid, NotHere, Refused
from adapters.base import AdapterError, CannotTell, NotFound, Payload, Receipt
from adapters.registry import adapter_for
from journal.recording import TICKER, WORKER, Act, Actor, record, record_all
from posts.lifecycle import DeliveryState
from posts.models import Delivery
from posts.moves import follow_deliveries, give_back, move_claimed
from publishing.connecting import client, connect, secret_of
from publishing.keeping import SecretLost
from publishing.models import Attempt, Outcome
from publishing.outcomes import ask_a_person
from publishing.releasing import key_of, lock_posts

log = structlog.get_logger("publishing")
# "Not found" is believed after two reads this far apart: a network may show a post late.
BETWEEN_READS = timedelta(seconds=60)
ASKED = "asked"


def sweep(limit: int = 500) -> int:
    """Expired leases: what was claimed is pending again, what was being sent is unknown."""
    with transaction.atomic():
        now = database_now()
        rows = Delivery.objects.filter(
            state__in=[DeliveryState.CLAIMED.value, DeliveryState.SENDING.value], lease_until__lt=now
        ).order_by("post_id", "pk")[:limit]
        lock_posts(rows.values_list("post_id", flat=True))
        # Read under the locks: an outcome written a moment ago is not overtaken.
        expired = list(rows)
        claimed = {one.pk: one.token for one in expired if one.lifecycle == DeliveryState.CLAIMED}
        sending = {one.pk: one.token for one in expired if one.lifecycle == DeliveryState.SENDING}
        give_back(claimed)
        move_claimed(
            sending,
            DeliveryState.SENDING,
            DeliveryState.UNKNOWN,
            lease_until=None,
            next_at=now,
            problem={"code": "unknown", "text": "worker_lost"},
        )
        Attempt.objects.filter(delivery_id__in=sending, outcome=Outcome.SENDING).update(
            outcome=Outcome.UNKNOWN, ended_at=now
        )
        follow_deliveries({one.post_id for one in expired}, TICKER)
        record_all(
            Act(
                "delivery.lease_expired",
                TICKER,
                one.brand_id,
                f"delivery:{one.pk}",
                one.post_id,
                {"from": one.state},
            )
            for one in expired
        )
    return len(expired)


class _Unreadable:
    """The network could not be read just now: neither found nor missing."""


_Found = Receipt | NotFound | CannotTell | _Unreadable


def unsettled(now: datetime) -> list[Delivery]:
    """Unknown deliveries whose next look is due, and that no person was asked about."""
    return list(
        Delivery.objects.filter(state=DeliveryState.UNKNOWN.value, next_at__lte=now)
        .select_related("channel", "post")
        .order_by("next_at")[:50]
    )


def reconcile(delivery: Delivery) -> DeliveryState:
    """Looks on the network whether it went out, and settles it if the answer is clear."""
    began = Attempt.objects.filter(delivery=delivery).order_by("started_at").first()
    found: _Found | None = _look(delivery, began.started_at if began else database_now())
    with transaction.atomic():
        lock_posts({delivery.post_id})
        now = database_now()
        # Another worker, or a person, may have settled it while the network was read.
        unknown = Delivery.objects.filter(
            pk=delivery.pk, token=delivery.token, state=DeliveryState.UNKNOWN.value
        )
        problem = unknown.values_list("problem", flat=True).first()
        if problem is None:
            found = None
        delivery.problem = problem or {}
        claims = {delivery.pk: delivery.token}
        match found:
            case None:
                pass
            case Receipt():
                _settle_delivered(delivery, found, now, WORKER)
            case NotFound() if _seen_missing(delivery, now):
                move_claimed(claims, DeliveryState.UNKNOWN, DeliveryState.PENDING, next_at=now, problem={})
                _journal(delivery, WORKER, went_out=False)
            case _Unreadable():
                _look_later(delivery, now + BETWEEN_READS / 4, delivery.problem)
            case NotFound():
                again = delivery.problem | {
                    "not_found_at": delivery.problem.get("not_found_at", now.isoformat())
                }
                _look_later(delivery, now + BETWEEN_READS, again)
            case CannotTell(again=True):
                _look_later(delivery, now + BETWEEN_READS / 4, delivery.problem)
            case CannotTell() if not delivery.problem.get(ASKED):
                _look_later(delivery, None, delivery.problem | {"code": "unknown", ASKED: True})
                ask_a_person(delivery)
        follow_deliveries([delivery.post_id], WORKER)
    delivery.refresh_from_db()
    return delivery.lifecycle


def _look(delivery: Delivery, since: datetime) -> _Found:
    if not adapter_for(delivery.channel.network).capabilities.reconcilable:
        return CannotTell()
    try:
        adapter = connect(delivery.channel, client(), secret_of(delivery.channel))
        return adapter.reconcile(Payload.from_json(delivery.payload or {}), key_of(delivery), since)
    except SecretLost:
        return CannotTell("secret")
    except AdapterError as error:
        # The network cannot be read now: look again, do not ask a person for what a minute may tell.
        log.info("reconcile_later", delivery=delivery.pk, why=error.public)
        return _Unreadable()


def _seen_missing(delivery: Delivery, now: datetime) -> bool:
    first = delivery.problem.get("not_found_at")
    return bool(first) and now - datetime.fromisoformat(first) >= BETWEEN_READS


def _look_later(delivery: Delivery, next_at: datetime | None, problem: dict[str, Any]) -> None:
    Delivery.objects.filter(pk=delivery.pk, token=delivery.token, state=DeliveryState.UNKNOWN.value).update(
        next_at=next_at, problem=problem
    )


def _settle_delivered(delivery: Delivery, receipt: Receipt, now: datetime, actor: Actor) -> None:
    moved = move_claimed(
        {delivery.pk: delivery.token},
        DeliveryState.UNKNOWN,
        DeliveryState.DELIVERED,
        remote_id=receipt.remote_id[:255],
        url=receipt.url[:1000],
        parts=list(receipt.parts),
        delivered_at=now,
        problem={},
    )
    if moved:
        Attempt.objects.filter(delivery=delivery, token=delivery.token).update(
            remote_id=receipt.remote_id[:255], url=receipt.url[:1000]
        )
        _journal(delivery, actor, went_out=True, url=receipt.url)


def _journal(delivery: Delivery, actor: Actor, *, went_out: bool, url: str = "") -> None:
    record(
        "delivery.settle",
        actor,
        delivery.brand_id,
        f"delivery:{delivery.pk}",
        post_id=delivery.post_id,
        went_out=went_out,
        url=url,
    )


def settle(actor: User, pk: int, *, went_out: bool, url: str = "") -> Delivery:
    """A person says whether an unknown delivery went out. Nothing is resent before their answer."""
    delivery = Delivery.objects.select_related("channel", "post__brand").filter(pk=pk).first()
    if delivery is None:
        raise NotHere("no_such_delivery", _("There is no such delivery."))
    if url and (len(url) > 1000 or not url.startswith(("https://", "http://"))):
        sentence = _("Paste the address of the post: it begins with https://.")
        raise Invalid("bad_url", sentence, fields={"url": [sentence]})
    with transaction.atomic():
        demand_member(actor, delivery.post.brand)
        lock_posts({delivery.post_id})
        delivery.refresh_from_db(fields=["state", "token"])
        now = database_now()
        if delivery.lifecycle != DeliveryState.UNKNOWN:
            raise Refused("already_settled", _("It is already known what became of this one."))
        if went_out:
            _settle_delivered(delivery, Receipt("", url), now, actor)
        else:
            move_claimed(
                {delivery.pk: delivery.token},
                DeliveryState.UNKNOWN,
                DeliveryState.PENDING,
                next_at=now,
                problem={},
            )
            _journal(delivery, actor, went_out=False)
        follow_deliveries([delivery.post_id], actor)
    delivery.refresh_from_db()
    return delivery
