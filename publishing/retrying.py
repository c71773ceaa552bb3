"""Tries a delivery again that the network refused, once its cause is mended.

Nothing retries a refusal by itself: the same bytes would be refused again. A person who could let the post
go asks for it; the gate is asked now, so that they hear of what stands in the way, and again at the claim,
as for every release. The bytes are those that were approved: mending them is an edit, and passes review.
"""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.refusals import Forbidden, LostRace, NotHere, Refused
from approvals.facts import load_one
from approvals.gate import Verdict, evaluate
from approvals.reviewing import opened
from approvals.steering import may_let_go
from approvals.wording import sentences
from journal.recording import record
from posts.lifecycle import DeliveryState
from posts.models import Delivery, Post
from posts.moves import follow_deliveries, move_claimed


def in_time(delivery: Delivery, now: datetime) -> bool:
    """Whether the time for which it was approved has not run out."""
    return delivery.expires_at is None or now <= delivery.expires_at


def retry(actor: User, pk: int) -> Delivery:
    """FAILED → due now. Raises NotHere, Forbidden to the unqualified, Refused `not_failed`, `too_late` or
    `gate_closed` with what is missing."""
    delivery = Delivery.objects.select_related("channel").filter(pk=pk).first()
    if delivery is None:
        raise NotHere("no_such_delivery", _("There is no such delivery."))
    with transaction.atomic(), opened(actor, delivery.post_id) as post:
        delivery.refresh_from_db()
        if delivery.lifecycle != DeliveryState.FAILED:
            raise Refused("not_failed", _("Only what the network refused is tried again by hand."))
        facts = load_one(post).facts
        if not may_let_go(actor, post, facts):
            raise Forbidden(
                "not_qualified",
                _("Any member may stop a post; to let it go takes expertise in what it touches."),
            )
        if not in_time(delivery, facts.taken_at):
            raise Refused(
                "too_late",
                _("The time for which it was approved has passed: clone the post for another one."),
            )
        _demand_open(post, evaluate(facts, facts.taken_at))
        claims = {delivery.pk: delivery.token}
        if not move_claimed(
            claims, DeliveryState.FAILED, DeliveryState.PENDING, next_at=facts.taken_at, problem={}
        ):
            raise LostRace("changed_meanwhile", _("Somebody else was faster: look again."))
        record(
            "delivery.retry",
            actor,
            post.brand_id,
            f"delivery:{delivery.pk}",
            post_id=post.pk,
            channel=delivery.channel.key,
        )
        follow_deliveries([post.pk], actor)
    delivery.refresh_from_db()
    return delivery


def _demand_open(post: Post, verdict: Verdict) -> None:
    if verdict.open:
        return
    raise Refused("gate_closed", " ".join(sentences(verdict, post)) or _("The gate is closed."))
