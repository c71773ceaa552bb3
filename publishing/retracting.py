"""Takes back what is out: one post, or everything of an incident's scope, as a paced queue.

Deletes are rate-limited by the networks, so retraction keeps to `deletes_per_minute` of each channel;
what cannot be deleted is listed with its link, for a person. Retracting one post takes craft 2; a bulk
takes two people, one with crisis 2, because mass deletion feeds a bad buzz.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import User
from accounts.policies import demand_member
from accounts.refusals import Forbidden, NotHere, Refused
from adapters.base import AdapterError, Expired, Receipt
from adapters.registry import adapter_for
from approvals.facts import touches
from approvals.gate import ENTRUSTED
from approvals.levels import in_force, level_of
from approvals.models import Incident
from approvals.reviewing import opened
from journal.recording import WORKER, record
from journal.scrubbing import scrub
from journal.telling import tell
from posts.lifecycle import DeliveryState
from posts.locking import lock_posts
from posts.models import Delivery, Post
from posts.moves import follow_deliveries, move_claimed
from publishing.dialling import client, connect, secret_of
from publishing.keeping import SecretLost
from publishing.models import BulkRetraction, Retraction
from publishing.outcomes import waiting
from publishing.renewing import RENEWED_IN, ask_for_one

log = structlog.get_logger("publishing")
MOST_TRIES = 8
_CANNOT = gettext_noop("This network cannot delete by itself: delete it there by hand.")


def retract(actor: User, pk: int) -> list[Retraction]:
    """Asks for everything of one post that is out to be taken back. Raises Forbidden, Refused."""
    with opened(actor, pk) as post:
        if level_of(actor, post.brand, "craft") < 2:
            raise Forbidden("not_qualified", _("Retracting a post takes craft 2."))
        asked = _ask(actor, _with_corrections(_out([post.pk])), None)
        if not asked:
            raise Refused("nothing_out", _("Nothing of this post is out."))
        return asked


def propose_bulk(actor: User, incident_pk: int) -> BulkRetraction:
    """One person's word to take back everything in an incident's scope; the second one starts it."""
    incident = _incident(incident_pk)
    with transaction.atomic():
        change_standing(incident.brand_id)
        demand_member(actor, incident.brand)
        if level_of(actor, incident.brand, "craft") < 2 and level_of(actor, incident.brand, "crisis") < 2:
            raise Forbidden("not_qualified", _("Retracting takes craft 2 or crisis 2."))
        bulk, made = BulkRetraction.objects.get_or_create(
            incident=incident, defaults={"proposed_by": actor, "proposed_at": database_now()}
        )
        if made:
            record("retraction.propose", actor, incident.brand, f"incident:{incident.pk}")
            tell(
                _could_confirm(actor, incident),
                incident.brand,
                "retraction.propose",
                who=actor.name,
                incident=incident.pk,
            )
            return bulk
        return _confirm(actor, bulk)


def _could_confirm(proposer: User, incident: Incident) -> list[User]:
    """Who else may: those of crisis 2, and of craft 2 where the proposer has crisis 2."""
    domains = ["crisis"]
    if level_of(proposer, incident.brand, "crisis") >= ENTRUSTED:
        domains.append("craft")
    held = in_force(incident.brand, database_now()).filter(domain__in=domains, level__gte=ENTRUSTED)
    users = {row.user_id: row.user for row in held.select_related("user")}
    return [one for one in users.values() if one.person_id != proposer.person_id]


def _confirm(actor: User, bulk: BulkRetraction) -> BulkRetraction:
    incident = bulk.incident
    if bulk.confirmed_at is not None:
        raise Refused("already_confirmed", _("This retraction is already under way."))
    if bulk.proposed_by.person_id == actor.person_id:
        raise Forbidden("second_person", _("A second person must confirm taking all of it back."))
    if max(level_of(one, incident.brand, "crisis") for one in (actor, bulk.proposed_by)) < 2:
        raise Forbidden("not_qualified", _("One of the two must hold crisis 2."))
    BulkRetraction.objects.filter(pk=bulk.pk).update(confirmed_by=actor, confirmed_at=database_now())
    out = [one for one in in_scope(incident) if one.lifecycle == DeliveryState.DELIVERED]
    _ask(actor, _with_corrections(out), incident)
    record("retraction.confirm", actor, incident.brand, f"incident:{incident.pk}")
    bulk.refresh_from_db()
    return bulk


def _incident(pk: int) -> Incident:
    incident = Incident.objects.select_related("brand").filter(pk=pk).first()
    if incident is None:
        raise NotHere("no_such_incident", _("There is no such incident."))
    return incident


def in_scope(incident: Incident, days: int = 365) -> list[Delivery]:
    """What is out, and may be, of an incident's scope, newest first."""
    states = [
        DeliveryState.DELIVERED,
        DeliveryState.UNKNOWN,
        DeliveryState.RETRACTING,
        DeliveryState.RETRACTED,
    ]
    found = (
        Delivery.objects.filter(
            brand_id=incident.brand_id,
            state__in=[state.value for state in states],
            due_at__gte=incident.declared_at - timedelta(days=days),
        )
        .select_related("post__revision", "channel", "retraction")
        .defer("payload", "post__revision__payloads")
        .order_by("-due_at", "-pk")
    )
    return [one for one in found if touches(incident.scope, [one.channel.key], one.post.products)]


def _out(post_ids: Iterable[int]) -> list[Delivery]:
    return list(
        Delivery.objects.filter(post_id__in=post_ids, state=DeliveryState.DELIVERED.value).select_related(
            "channel"
        )
    )


def _with_corrections(deliveries: Sequence[Delivery]) -> list[Delivery]:
    """These and the rows that are about the very same thing out there: what corrected it, or was corrected."""
    ids = {(one.channel_id, one.remote_id) for one in deliveries if one.remote_id}
    rows = Delivery.objects.filter(
        channel_id__in={channel for channel, _remote in ids},
        remote_id__in={remote for _channel, remote in ids},
        state=DeliveryState.DELIVERED.value,
    ).select_related("channel")
    same = {row.pk: row for row in rows if (row.channel_id, row.remote_id) in ids}
    return sorted({**same, **{one.pk: one for one in deliveries}}.values(), key=lambda one: one.pk)


def _ask(actor: User, deliveries: Sequence[Delivery], incident: Incident | None) -> list[Retraction]:
    now, asked = database_now(), []
    lock_posts(one.post_id for one in deliveries)
    for one in deliveries:
        possible = adapter_for(one.channel.network).capabilities.delete and one.remote_id
        row, made = Retraction.objects.get_or_create(
            delivery=one, defaults={"asked_by": actor, "asked_at": now, "incident": incident}
        )
        if not made and row.done_at is None and row.next_at is not None:
            continue
        Retraction.objects.filter(pk=row.pk).update(
            next_at=now if possible else None, done_at=None, tries=0, problem="" if possible else _CANNOT
        )
        if possible:
            move_claimed({one.pk: one.token}, DeliveryState.DELIVERED, DeliveryState.RETRACTING)
        record(
            "retraction.ask",
            actor,
            one.brand_id,
            f"delivery:{one.pk}",
            post_id=one.post_id,
            possible=bool(possible),
        )
        row.refresh_from_db()
        asked.append(row)
    return asked


# --- The queue ----------------------------------------------------------------------------------
def due_retractions(now: datetime, limit: int = 50) -> list[Retraction]:
    """What is to be deleted now."""
    waiting_ones = Retraction.objects.filter(done_at__isnull=True, next_at__lte=now)
    return list(
        waiting_ones.select_related("delivery__channel", "delivery__post").order_by("next_at", "pk")[:limit]
    )


def work_retractions() -> int:
    """Deletes what is due, one after the other, as fast as each network allows."""
    done = 0
    for row in due_retractions(database_now()):
        if _pace(row):
            _retract_one(row)
            done += 1
    return done


def _pace(row: Retraction) -> bool:
    """Whether the channel's last minute has room for one delete more; if not, it waits."""
    channel = row.delivery.channel
    most = adapter_for(channel.network).capabilities.deletes_per_minute
    now = database_now()
    minute_ago = now - timedelta(seconds=60)
    recent = Retraction.objects.filter(delivery__channel=channel, done_at__gt=minute_ago).order_by("done_at")
    if recent.count() < most:
        # Guarded: of two workers one takes it, for the time one delete may need.
        taken = Retraction.objects.filter(pk=row.pk, next_at=row.next_at, done_at__isnull=True)
        return taken.update(next_at=now + timedelta(seconds=90)) == 1
    oldest = recent.values_list("done_at", flat=True).first() or now
    Retraction.objects.filter(pk=row.pk, next_at=row.next_at).update(next_at=oldest + timedelta(seconds=61))
    return False


def _retract_one(row: Retraction) -> None:
    delivery = row.delivery
    try:
        adapter = connect(delivery.channel, client(), secret_of(delivery.channel))
        adapter.retract(Receipt(delivery.remote_id, delivery.url, tuple(delivery.parts)))
    except AdapterError as error:
        _again_or_list(row, error)
        return
    except SecretLost:
        _list(row, gettext_noop("The channel's secret cannot be read any more: reconnect it."))
        return
    with transaction.atomic():
        gone = _same_thing(delivery)
        lock_posts(one.post_id for one in gone)
        move_claimed({one.pk: one.token for one in gone}, DeliveryState.RETRACTING, DeliveryState.RETRACTED)
        Retraction.objects.filter(delivery__in=gone).update(done_at=database_now(), next_at=None, problem="")
        _record("retraction.done", gone)


def _again_or_list(row: Retraction, error: AdapterError) -> None:
    """Deleting twice harms nobody: whatever the error, it is tried again, a bounded number of times."""
    if isinstance(error, Expired):
        # Renewed by the next tick: that this was asked a moment too late counts as no try.
        ask_for_one({row.delivery.channel_id})
        Retraction.objects.filter(pk=row.pk).update(next_at=database_now() + RENEWED_IN)
        return
    if row.tries + 1 >= MOST_TRIES:
        _list(row, scrub(error.public) or type(error).__name__)
        return
    wait = waiting(row.tries, getattr(error, "retry_after", None))
    Retraction.objects.filter(pk=row.pk).update(
        tries=row.tries + 1,
        next_at=database_now() + timedelta(seconds=wait),
        problem=scrub(error.public)[:500],
    )
    log.info("retract_again", delivery=row.delivery_id, error=type(error).__name__, seconds=round(wait))


def _list(row: Retraction, why: str) -> None:
    """It is still out: back to DELIVERED, with its link, for a person to delete by hand."""
    with transaction.atomic():
        there = _same_thing(row.delivery)
        lock_posts(one.post_id for one in there)
        move_claimed({one.pk: one.token for one in there}, DeliveryState.RETRACTING, DeliveryState.DELIVERED)
        Retraction.objects.filter(delivery__in=there).update(next_at=None, problem=why[:500])
        _record("retraction.failed", there)


def _same_thing(delivery: Delivery) -> list[Delivery]:
    """The delivery, and the others that are being taken back with it: one post out there, corrected
    since, is several rows here and one delete."""
    same = Delivery.objects.filter(
        channel_id=delivery.channel_id,
        remote_id=delivery.remote_id,
        state=DeliveryState.RETRACTING.value,
    )
    return [delivery, *same.exclude(pk=delivery.pk).order_by("pk")]


def _record(verb: str, deliveries: Sequence[Delivery]) -> None:
    for one in deliveries:
        record(verb, WORKER, one.brand_id, f"delivery:{one.pk}", post_id=one.post_id)
    follow_deliveries([one.post_id for one in deliveries], WORKER)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a retraction is: deliveries asked for, gone, still to do, and those for a person."""

    asked: int
    gone: int
    to_do: int
    by_hand: list[Retraction]


def progress(rows: Iterable[Retraction]) -> Progress:
    rows = list(rows)
    gone = sum(1 for one in rows if one.done_at is not None)
    by_hand = [one for one in rows if one.done_at is None and one.next_at is None]
    return Progress(len(rows), gone, len(rows) - gone - len(by_hand), by_hand)


def retractions_of(post: Post) -> list[Retraction]:
    return list(Retraction.objects.filter(delivery__post=post).select_related("delivery__channel"))
