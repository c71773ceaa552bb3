"""Claims due deliveries: the gate is evaluated where the sending happens, a moment before it.

One transaction for a batch: the brands' standing held still (shared), the post rows locked in id
order, the gate asked for all of them in a bounded number of queries, then a lease, a fencing token
and a permit for what it allows; what it denies is held with its reasons.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from pydantic import TypeAdapter

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import Membership
from approvals.facts import Loaded, Shelf, for_release, load
from approvals.gate import Allow, Code, Deny, Facts, Reason, Verdict, evaluate
from approvals.models import GateDecision
from journal.recording import WORKER, Act, record_all
from journal.telling import tell
from posts.lifecycle import MAY_BE_PUBLIC, DeliveryState, PostState
from posts.models import Channel, Delivery, Post
from posts.moves import change_post, claim_deliveries, follow_deliveries, move_claimed, settle_deliveries
from publishing.budgeting import Candidate, within_budget
from publishing.models import ChannelSecret, Permit

PERMIT_LASTS = timedelta(seconds=60)
# Looked at for each one picked, so that one brand's thousand does not hide another's one.
_LOOK_AHEAD = 4
_LOOK_BEYOND_S = 1.0
# A lock of our own, beside those of the brands (accounts/locks.py).
_TURNS = 0x434D52
_FACTS = TypeAdapter(Facts)
_REASONS = TypeAdapter(tuple[Reason, ...])


# A post that goes "after" another waits, channel by channel, until that one is out there.
_PREDECESSOR_NOT_OUT = Delivery.objects.filter(
    post__followers=OuterRef("post_id"), channel_id=OuterRef("channel_id")
).exclude(state=DeliveryState.DELIVERED.value)


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed delivery with its permit and its channel's sealed secret."""

    delivery: Delivery
    permit: Permit
    secret: ChannelSecret | None


def due(now: datetime) -> Q:
    """Deliveries that may be claimed: approved, due, and nothing about their channel in the way."""
    found: Q = (
        Q(state=DeliveryState.PENDING.value, approved_digest__isnull=False, next_at__lte=now)
        # Approved bytes and no others: the database would refuse the claim, and the whole batch with it.
        & Q(approved_digest=F("sealed_digest"))
        & Q(channel__paused_at__isnull=True, channel__is_active=True, brand__stopped_at__isnull=True)
        & (Q(channel__health__isnull=True) | Q(channel__health__ok=True))
        & (Q(channel__health__wait_until__isnull=True) | Q(channel__health__wait_until__lte=now))
        & Q(~Exists(_PREDECESSOR_NOT_OUT))
    )
    return found


def looks_due() -> QuerySet[Delivery]:
    """What may be due, oldest first: a look in the order of one index, which stops at its limit however
    long the backlog is. Whatever needs a join is looked at again, for those picked, by `due`."""
    now = Now()
    closed = Channel.objects.filter(
        Q(paused_at__isnull=False)
        | Q(is_active=False)
        | Q(brand__stopped_at__isnull=False)
        | Q(health__ok=False)
        | Q(health__wait_until__gt=now)
    ).values_list("pk", flat=True)
    rows = Delivery.objects.filter(
        state=DeliveryState.PENDING.value, approved_digest__isnull=False, next_at__lte=now
    )
    shut = list(closed)
    return (rows.exclude(channel_id__in=shut) if shut else rows).order_by("next_at", "pk")


class Claimer:
    """Claims for one worker process, batch after batch."""

    def __init__(self, worker: str) -> None:
        self.worker = worker
        self._shelf = Shelf()
        self._looked_beyond = 0.0

    def claim(self, limit: int) -> list[Ready]:
        """Claims up to `limit` due deliveries. Answers those that the gate lets out."""
        with transaction.atomic():
            _take_turns()
            picked = _fairly(self._look(limit), limit)
            return self._claim(picked) if picked else []

    def _look(self, limit: int) -> list[Candidate]:
        rows = looks_due().values_list("pk", "brand_id", "post_id", "channel_id")
        looked = [Candidate(*row) for row in rows[: limit * _LOOK_AHEAD]]
        now = time.monotonic()
        if len(looked) == limit * _LOOK_AHEAD and now - self._looked_beyond > _LOOK_BEYOND_S:
            # There is more than was looked at: other brands' work must not hide behind it. That look
            # walks the backlog, so it is not made every time.
            self._looked_beyond = now
            others = rows.exclude(brand_id__in={one.brand_id for one in looked})
            looked += [Candidate(*row) for row in others[:limit]]
        return looked

    def _claim(self, picked: Sequence[Candidate]) -> list[Ready]:
        share_brands(one.brand_id for one in picked)
        # Locked first and read afterwards: a joined row comes from before the lock, and a post edited in
        # that very moment would come back with its new version and without its revision.
        locked = list(
            Post.objects.select_for_update(skip_locked=True, no_key=True)
            .filter(pk__in={one.post_id for one in picked})
            .order_by("pk")
            .values_list("pk", flat=True)
        )
        posts = Post.objects.select_related("brand", "revision").defer("revision__payloads").in_bulk(locked)
        now = database_now()
        channels = Channel.objects.in_bulk({one.channel_id for one in picked})
        # Looked at again under the locks: since the first look it may have been edited, held or moved.
        still = set(
            Delivery.objects.filter(due(now), pk__in=[one.pk for one in picked]).values_list("pk", flat=True)
        )
        found = [one for one in picked if one.post_id in posts and one.pk in still]
        within = within_budget(found, channels, now)
        lease_until = now + timedelta(seconds=settings.PUBLISH_LEASE_S)
        claimed = claim_deliveries([one.pk for one in within], self.worker, lease_until)
        for one in claimed:
            one.post, one.channel = posts[one.post_id], channels[one.channel_id]
        return _judge(claimed, posts, self._shelf, now) if claimed else []


def claim(worker: str, limit: int) -> list[Ready]:
    """One batch for `worker`, with nothing kept from the one before."""
    return Claimer(worker).claim(limit)


def _take_turns() -> None:
    """Claims come one after the other, on all machines together: two workers that look at the same
    moment would pick the same deliveries, and one of them would find them all taken."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s, 0)", [_TURNS])


def _fairly(candidates: Sequence[Candidate], limit: int) -> list[Candidate]:
    """Oldest due first, but in turn among the brands: one brand's thousand delays no other's one."""
    by_brand: dict[int, deque[Candidate]] = defaultdict(deque)
    for one in candidates:
        by_brand[one.brand_id].append(one)
    picked: list[Candidate] = []
    while by_brand and len(picked) < limit:
        for brand_id in list(by_brand):
            picked.append(by_brand[brand_id].popleft())
            if not by_brand[brand_id]:
                del by_brand[brand_id]
            if len(picked) == limit:
                break
    return picked


@dataclass(frozen=True, slots=True)
class _Judged:
    """What the gate said of one post, and on which facts."""

    verdict: Verdict
    facts: Facts
    loaded: Loaded


def _judge(
    claimed: Sequence[Delivery], posts: Mapping[int, Post], shelf: Shelf, now: datetime
) -> list[Ready]:
    loaded = load([posts[post_id] for post_id in {one.post_id for one in claimed}], shelf=shelf, taken_at=now)
    late = [one for one in claimed if one.expires_at is not None and now > one.expires_at]
    gone = {one.pk for one in late}
    judged: dict[int, _Judged] = {}
    for post_id in {one.post_id for one in claimed if one.pk not in gone}:
        facts = for_release(loaded[post_id].facts)
        judged[post_id] = _Judged(evaluate(facts, now), facts, loaded[post_id])
    kept = _store(judged, now)
    _miss(late)
    for post_id, one in judged.items():
        if isinstance(one.verdict, Deny):
            # Told with everybody in view: who could give what is missing.
            whole = evaluate(one.loaded.facts, now)
            _hold(posts[post_id], whole if isinstance(whole, Deny) else one.verdict)
    return _mint([one for one in claimed if one.pk not in gone], judged, kept, now)


def _store(judged: Mapping[int, _Judged], now: datetime) -> dict[int, GateDecision]:
    rows = GateDecision.objects.bulk_create(
        GateDecision(
            post_id=post_id,
            at=now,
            allowed=one.verdict.open,
            policy_id=one.loaded.policy_id,
            facts=_FACTS.dump_python(one.facts, mode="json"),
            reasons=_REASONS.dump_python(one.verdict.reasons, mode="json"),
        )
        for post_id, one in judged.items()
    )
    return {row.post_id: row for row in rows}


def _mint(
    claimed: Sequence[Delivery],
    judged: Mapping[int, _Judged],
    kept: Mapping[int, GateDecision],
    now: datetime,
) -> list[Ready]:
    allowed, permits = [], []
    for one in claimed:
        found = judged[one.post_id]
        if not isinstance(found.verdict, Allow):
            continue
        bounds = [now + PERMIT_LASTS, *(moment for moment in (found.verdict.until, one.expires_at) if moment)]
        allowed.append(one)
        permits.append(
            Permit(
                delivery=one,
                channel_id=one.channel_id,
                digest=one.sealed_digest or "",
                payload_sha256=one.payload_sha256,
                token=one.token,
                post_version=found.loaded.version,
                standing=found.loaded.standing,
                gate_decision=kept[one.post_id],
                minted_at=now,
                expires_at=min(bounds),
            )
        )
    minted = Permit.objects.bulk_create(permits)
    secrets = {
        row.channel_id: row
        for row in ChannelSecret.objects.filter(channel__in={o.channel_id for o in allowed})
    }
    return [
        Ready(one, permit, secrets.get(one.channel_id)) for one, permit in zip(allowed, minted, strict=True)
    ]


def _miss(late: Sequence[Delivery]) -> None:
    """Past their lateness or window: a person gives them another slot, they do not go out by themselves."""
    if not late:
        return
    move_claimed(
        {one.pk: one.token for one in late},
        DeliveryState.CLAIMED,
        DeliveryState.MISSED,
        lease_until=None,
        claimed_by="",
        problem={"code": "too_late"},
    )
    follow_deliveries({one.post_id for one in late}, WORKER)
    record_all(
        Act(
            "delivery.missed",
            WORKER,
            one.brand_id,
            f"delivery:{one.pk}",
            one.post_id,
            {"channel": one.channel.key},
        )
        for one in late
    )
    for post in {one.post_id: one.post for one in late}.values():
        tell([post.author], post.brand_id, "post.missed", post_id=post.pk)


def _hold(post: Post, verdict: Deny) -> None:
    """Denied at release: held with its reasons, and those who can mend it are told. Nothing is lost."""
    past = any(reason.code == Code.OUTSIDE_WINDOW and reason.params.get("late") for reason in verdict.reasons)
    partly = post.deliveries.filter(state__in=[state.value for state in MAY_BE_PUBLIC]).exists()
    to = PostState.MISSED if past else PostState.HELD
    reasons = _REASONS.dump_python(verdict.reasons, mode="json")
    change_post(
        post,
        f"post.{to.value}",
        WORKER,
        to=None if partly else to,
        told={"reasons": reasons},
        reasons=reasons,
    )
    settle_deliveries(post, DeliveryState.MISSED if past else DeliveryState.HELD, {"code": "gate"})
    if partly:
        follow_deliveries([post.pk], WORKER)
    could = {person for reason in verdict.reasons for person in reason.could}
    members = Membership.objects.filter(brand_id=post.brand_id, user_id__in=could, is_active=True)
    people = [one.user for one in members.select_related("user")]
    tell([post.author, *people], post.brand_id, f"post.{to.value}", post_id=post.pk)
