"""Settles what nobody knows: sweeps expired leases, reads back, and asks a person when reading cannot
tell. Never a blind resend, and never "failed" for what may be public."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import structlog
from django.conf import settings
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
from posts.locking import lock_posts
from posts.models import Delivery, Post
from posts.moves import follow_deliveries, give_back, move_claimed, settle_deliveries
from publishing.dialling import client, connect, secret_of
from publishing.handing import is_by_hand, next_hand_over
from publishing.keeping import SecretLost
from publishing.models import Attempt, Outcome
from publishing.outcomes import ask_a_person
from publishing.releasing import first_attempts, key_of, replaced_by
from publishing.renewing import ask_for_one

log = structlog.get_logger("publishing")
# "Not found" is believed after two reads this far apart: a network may show a post late.
BETWEEN_READS = timedelta(seconds=settings.RECONCILE_WAIT_S)
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
    found: _Found | None = _look(delivery)
    if isinstance(found, CannotTell) and found.ran_out:
        ask_for_one({delivery.channel_id})
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


def _look(delivery: Delivery) -> _Found:
    if not adapter_for(delivery.channel.network).capabilities.reconcilable:
        return CannotTell()
    try:
        adapter = connect(delivery.channel, client(), secret_of(delivery.channel))
        payload, replaced = Payload.from_json(delivery.payload or {}), replaced_by([delivery])
        if delivery.corrects_id is None:
            key = key_of(delivery)
            begun = first_attempts([delivery]).get((delivery.pk, key))
            return adapter.reconcile(payload, key, begun) if begun else CannotTell()
        return adapter.reread(replaced[delivery.pk].receipt, payload) if replaced else NotFound()
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
        for one in replaced_by([delivery]).values():
            record(
                "delivery.corrected",
                actor,
                delivery.brand_id,
                f"delivery:{one.delivery_id}",
                post_id=one.post_id,
                by=delivery.post_id,
                channel=delivery.channel.key,
            )


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


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"https", "http"} and bool(parts.hostname) and len(url) <= 1000
    except ValueError:
        return False


def settle(actor: User, pk: int, *, went_out: bool, url: str = "") -> Delivery:
    """A person says whether an unknown delivery went out. Nothing is resent before their answer. What is posted
    by hand and was not is handed over again after a while, not at once: `publishing/handing.py` says why."""
    delivery = Delivery.objects.select_related("channel", "post__brand").filter(pk=pk).first()
    if delivery is None:
        raise NotHere("no_such_delivery", _("There is no such delivery."))
    if url and not _is_address(url):
        sentence = _("Paste the address of the post: it begins with https://.")
        raise Invalid("bad_url", sentence, fields={"url": [sentence]})
    with transaction.atomic():
        demand_member(actor, delivery.post.brand)
        lock_posts({delivery.post_id})
        delivery.refresh_from_db(fields=["state", "token", "expires_at"])
        now = database_now()
        if delivery.lifecycle != DeliveryState.UNKNOWN:
            raise Refused("already_settled", _("It is already known what became of this one."))
        if went_out:
            replaced = replaced_by([delivery]).get(delivery.pk)
            # A correction is where what it corrects was.
            there = replaced.receipt if replaced else Receipt("", url)
            _settle_delivered(delivery, there, now, actor)
        else:
            move_claimed(
                {delivery.pk: delivery.token},
                DeliveryState.UNKNOWN,
                DeliveryState.PENDING,
                next_at=next_hand_over(delivery, now) if is_by_hand(delivery) else now,
                problem={},
            )
            _journal(delivery, actor, went_out=False)
            _keep_held(delivery.post_id)
        follow_deliveries([delivery.post_id], actor)
    delivery.refresh_from_db()
    return delivery


def _keep_held(post_id: int) -> None:
    """What was put on hold while nobody knew its outcome is held now that it is known not to be out."""
    post = Post.objects.get(pk=post_id)
    if post.held_by_id is not None:
        settle_deliveries(post, DeliveryState.HELD, {"code": "held"})
