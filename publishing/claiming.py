"""Claims due deliveries: the gate is evaluated where the sending happens, a moment before it.

Two transactions for a batch. The first, a short one which claimers take in turns, looks what is due and takes
it: a lease and a fencing token. The second holds the brands' standing still (shared), locks the post rows in
id order, asks the gate for all of them in a bounded number of queries, and mints a permit for what it allows;
what it denies is held with its reasons. What a person did in between is seen by the second.
"""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.db.models.functions import Now

from accounts.batching import insert_rows
from accounts.clock import database_now
from accounts.locks import share_brands
from approvals.facts import FACTS, REASONS, Loaded, Subject, for_release, load_subjects, read_subjects
from approvals.gate import Allow, Code, Deny, Facts, Verdict, evaluate
from approvals.models import GateDecision
from approvals.rejudging import hold_denied
from approvals.standing import Shelf
from journal.recording import WORKER, Act, record_all
from journal.telling import tell
from posts.lifecycle import DeliveryState, PostState
from posts.locking import lock_posts
from posts.models import Channel, Delivery, Post
from posts.moves import (
    claim_deliveries,
    follow_deliveries,
    give_back,
    lock_post,
    move_claimed,
    still_claimed,
)
from publishing.budgeting import Candidate, within_budget
from publishing.models import ChannelSecret, Permit

PERMIT_LASTS = timedelta(seconds=60)
# Looked at for each one picked, so that one brand's thousand does not hide another's one.
_LOOK_AHEAD = 4
_LOOK_BEYOND_S = 1.0
# A lock of our own, beside those of the brands (accounts/locks.py).
_TURNS = 0x434D52


# A post that goes "after" another waits, channel by channel, until that one is out there.
_PREDECESSOR_NOT_OUT = Delivery.objects.filter(
    post__followers=OuterRef("post_id"), channel_id=OuterRef("channel_id")
).exclude(state=DeliveryState.DELIVERED.value)


@dataclass(frozen=True, slots=True)
class Minted:
    """A permit as it was written: what the commit of `SENDING` compares with."""

    pk: int
    digest: str
    payload_sha256: str
    post_version: int
    standing: int
    expires_at: datetime


# A correction replaces what is out there: once that is being taken back there is nothing to replace.
_CORRECTED_NOT_OUT = Delivery.objects.filter(pk=OuterRef("corrects_id")).exclude(
    state=DeliveryState.DELIVERED.value
)


@dataclass(frozen=True, slots=True)
class Ready:
    """A claimed delivery with its permit and its channel's sealed secret."""

    delivery: Delivery
    permit: Minted
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
        # A correction is never published beside what it was to correct.
        & Q(~Exists(_CORRECTED_NOT_OUT))
        & (Q(corrects__isnull=False) | Q(post__corrects__isnull=True))
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
            claims, channels = self._take(_fairly(self._look(limit), limit))
        if not claims:
            return []
        with transaction.atomic():
            return self._ask_gate(claims, channels)

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

    def _take(self, picked: Sequence[Candidate]) -> tuple[dict[int, int], dict[int, Channel]]:
        """Takes what may be claimed of what was picked: {delivery id: token}, and the channels. Rows in the
        hands of a verb are left alone, so that this never waits for a person's transaction."""
        if not picked:
            return {}, {}
        now = database_now()
        channels = Channel.objects.select_related("health").in_bulk({one.channel_id for one in picked})
        rows = Delivery.objects.filter(due(now), pk__in=[one.pk for one in picked])
        locked = rows.select_for_update(skip_locked=True, of=("self",), no_key=True)
        free = set(locked.values_list("pk", flat=True))
        within = within_budget([one for one in picked if one.pk in free], channels, now)
        lease_until = now + timedelta(seconds=settings.PUBLISH_LEASE_S)
        return claim_deliveries([one.pk for one in within], self.worker, lease_until), channels

    def _ask_gate(self, claims: Mapping[int, int], channels: Mapping[int, Channel]) -> list[Ready]:
        rows = Delivery.objects.filter(pk__in=list(claims)).values_list("brand_id", "post_id")
        places = list(rows)
        share_brands(brand_id for brand_id, _post in places)
        # Locked first and read afterwards: a joined row comes from before the lock, and a post edited in
        # that very moment would come back with its new version and without its revision.
        post_ids = {post_id for _brand, post_id in places}
        posts = {one.pk: one for one in read_subjects(lock_posts(post_ids, wait=False))}
        now = database_now()
        # Edited, held or moved since it was taken: then it is no longer ours.
        claimed = still_claimed(claims)
        # In somebody's hands just now, or of a stopped brand: to be claimed, and judged, another time.
        later = {
            one.pk: one.token
            for one in claimed
            if one.post_id not in posts or posts[one.post_id].stopped_at is not None
        }
        give_back(later)
        claimed = [one for one in claimed if one.pk not in later]
        for one in claimed:
            one.channel = channels[one.channel_id]
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
    claimed: Sequence[Delivery], posts: Mapping[int, Subject], shelf: Shelf, now: datetime
) -> list[Ready]:
    loaded = load_subjects(
        [posts[post_id] for post_id in {one.post_id for one in claimed}], shelf=shelf, taken_at=now
    )
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
            said = whole if isinstance(whole, Deny) else one.verdict
            to = PostState.MISSED if _is_past(said) else PostState.HELD
            hold_denied(WORKER, lock_post(post_id), said, f"post.{to.value}", to=to)
    return _mint([one for one in claimed if one.pk not in gone], judged, kept, now)


def _store(judged: Mapping[int, _Judged], now: datetime) -> dict[int, int]:
    """Keeps each verdict with its inputs. Answers {post id: id of the gate decision}."""
    rows = [
        {
            "post_id": post_id,
            "at": now,
            "allowed": one.verdict.open,
            "policy_id": one.loaded.policy_id,
            "facts": FACTS.dump_python(one.facts, mode="json"),
            "reasons": REASONS.dump_python(one.verdict.reasons, mode="json"),
        }
        for post_id, one in judged.items()
    ]
    return dict(insert_rows(GateDecision, rows, ["post_id", "id"]))


def _mint(
    claimed: Sequence[Delivery], judged: Mapping[int, _Judged], kept: Mapping[int, int], now: datetime
) -> list[Ready]:
    allowed: list[Delivery] = []
    rows: list[dict[str, Any]] = []
    for one in claimed:
        found = judged[one.post_id]
        if not isinstance(found.verdict, Allow):
            continue
        allowed.append(one)
        bounds = (now + PERMIT_LASTS, found.verdict.until, one.expires_at)
        rows.append(
            {
                "delivery_id": one.pk,
                "channel_id": one.channel_id,
                "digest": one.sealed_digest or "",
                "payload_sha256": one.payload_sha256,
                "token": one.token,
                "post_version": found.loaded.version,
                "standing": found.loaded.standing,
                "gate_decision_id": kept[one.post_id],
                "minted_at": now,
                "expires_at": min(moment for moment in bounds if moment is not None),
            }
        )
    minted = dict(insert_rows(Permit, rows, ["delivery_id", "id"]))
    secrets = ChannelSecret.objects.in_bulk({one.channel_id for one in allowed})
    return [
        Ready(
            one,
            Minted(
                minted[one.pk],
                row["digest"],
                row["payload_sha256"],
                row["post_version"],
                row["standing"],
                row["expires_at"],
            ),
            secrets.get(one.channel_id),
        )
        for one, row in zip(allowed, rows, strict=True)
    ]


def _is_past(verdict: Deny) -> bool:
    """Whether its window is over: nothing but another slot can mend that."""
    return any(reason.code == Code.OUTSIDE_WINDOW and reason.params.get("late") for reason in verdict.reasons)


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
    late_posts = Post.objects.filter(pk__in={one.post_id for one in late}).select_related("author")
    for post in late_posts:
        tell([post.author], post.brand_id, "post.missed", post_id=post.pk)
