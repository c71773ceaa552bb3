"""Hands an approved delivery to a person, where no machine can post: who hears of it, and what they may post.

The release engine spends the permit and leaves the delivery UNKNOWN (`publishing/outcomes.py`). Between then
and the moment at which somebody has their phone in hand anything may have happened, so the gate is asked again
whenever the page with the bytes is opened. What they say of it is written by `publishing/reconciling.settle`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from accounts.clock import database_now
from adapters.base import Payload
from adapters.registry import adapter_for
from approvals.facts import load_one
from approvals.gate import Allow, Verdict, evaluate
from approvals.levels import in_force, members_of, owners_of
from approvals.models import Level
from journal.telling import tell
from posts.lifecycle import DeliveryState
from posts.models import Delivery

# After “I did not post it”, the next time it is handed over. At once would tell everybody again a second later,
# and again; never would let a slot pass because one person was on a train. Within the usual hour of lateness
# there is time for three more tries, and meanwhile anybody can hold it or move its slot.
HANDED_AGAIN_IN = timedelta(minutes=15)


def is_by_hand(delivery: Delivery) -> bool:
    """Decided by the network, not by what became of the hand-over: a worker may have died over it."""
    return adapter_for(delivery.channel.network).capabilities.by_hand


def tell_by_hand(delivery: Delivery) -> None:
    """Tells whoever could post it: the author, the owners, and those entrusted with the network. Each once."""
    brand = delivery.post.brand
    held = in_force(brand, database_now()).filter(domain=delivery.channel.domain, level__gte=Level.ENTRUSTED)
    entrusted = set(held.values_list("user", flat=True))
    people = [delivery.post.author, *owners_of(brand)]
    people += [one for one in members_of(brand) if one.pk in entrusted]
    tell(
        people,
        brand,
        "delivery.by_hand",
        post_id=delivery.post_id,
        channel=delivery.channel.name,
        by_hand=delivery.pk,
    )


def next_hand_over(delivery: Delivery, now: datetime) -> datetime:
    """When what was not posted is due again: after a decent wait, but not past the last instant at which it
    may go out, so that what has become too late is missed then, and its author offered another slot."""
    later = now + HANDED_AGAIN_IN
    return later if delivery.expires_at is None else max(now, min(later, delivery.expires_at))


@dataclass(frozen=True, slots=True)
class Hand:
    """What a person may do with a delivery at this moment. `payload` is what they may post, and None when they
    may not: then `shut` says why (`settled`, `not_handed`, `stopped`, `paused`, `disconnected`, `bytes`,
    `too_late`, `gate`), `verdict` what the gate says, `until` the instant from which it will have to be asked
    again."""

    delivery: Delivery
    verdict: Verdict
    payload: Payload | None = None
    shut: str = ""
    until: datetime | None = None
    why: str = ""


def hand_of(delivery: Delivery, now: datetime | None = None) -> Hand:
    """Asks the gate again, as a release would: at this instant, and with everything that keeps a delivery from
    being claimed. `delivery` comes with its channel and its post (brand, revision, author)."""
    loaded = load_one(delivery.post)
    at = now or loaded.facts.taken_at
    verdict = evaluate(loaded.facts, at)
    shut, why = _shut(delivery, loaded.facts.digest, verdict, at)
    if shut or not isinstance(verdict, Allow):
        return Hand(delivery, verdict, shut=shut or "gate", why=why)
    bounds = [one for one in (verdict.until, delivery.expires_at) if one is not None]
    payload = Payload.from_json(delivery.payload or {})
    return Hand(delivery, verdict, payload, until=min(bounds, default=None))


def _shut(delivery: Delivery, digest: str | None, verdict: Verdict, at: datetime) -> tuple[str, str]:
    """(why it may not be posted, in whose words), of what the gate does not look at; ("gate", "") when that
    is closed, ("", "") when nothing stands in the way."""
    channel, brand = delivery.channel, delivery.post.brand
    if delivery.lifecycle != DeliveryState.UNKNOWN:
        known = {DeliveryState.DELIVERED, DeliveryState.RETRACTING, DeliveryState.RETRACTED}
        return ("settled" if delivery.lifecycle in known else "not_handed"), ""
    if brand.stopped_at is not None:
        return "stopped", ""
    if channel.paused_at is not None:
        return "paused", channel.pause_reason
    if not channel.is_active:
        return "disconnected", ""
    if delivery.expires_at is not None and at > delivery.expires_at:
        return "too_late", ""
    if not digest or not digest == delivery.sealed_digest == delivery.approved_digest:
        return "bytes", ""
    if _sha_of(delivery.payload) != delivery.payload_sha256:
        return "bytes", ""
    return ("", "") if verdict.open else ("gate", "")


def _sha_of(payload: Mapping[str, Any] | None) -> str:
    return Payload.from_json(payload).sha256 if payload else ""


def read_hand(pk: int) -> Delivery | None:
    """A by-hand delivery with all that its page shows, or None; who may see it is asked by the caller."""
    rows = Delivery.objects.select_related("channel", "post__brand", "post__revision", "post__author")
    delivery = rows.filter(pk=pk).first()
    return delivery if delivery is not None and is_by_hand(delivery) else None
