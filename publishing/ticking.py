"""The ticker: looks at the clock, hints that there is work, sweeps, misses, seals, tells.

A tick is idempotent and any number of tickers may run. It needs the database; without Redis it goes
on with everything but the hints. A part that fails does not stop the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

import redis
import structlog
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import F

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import RepeatedCall
from accounts.refusals import Refused
from approvals.reviewing import settle
from journal.mailing import mail_notices
from journal.recording import TICKER, Act, record_all
from journal.sealing import seal
from journal.telling import tell
from posts.lifecycle import DeliveryState, NoSuchEdge, PostState
from posts.models import Delivery, Post
from posts.moves import change_post, follow_deliveries, lock_post, move_pending, settle_deliveries
from posts.recurring import make_recurring
from publishing.claiming import looks_due
from publishing.connecting import unchecked
from publishing.jobs import check_channels, hint, reconcile_unknown, release_due, retract_due, worker_name
from publishing.measuring import Measures
from publishing.models import Pulse
from publishing.reconciling import sweep
from publishing.releasing import lock_posts
from publishing.retracting import due_retractions

log = structlog.get_logger("ticker")
EVERY_S = 1.0
SHORTEST_S = 0.02
# Hints of other work find room behind those of releases, or a long drain would keep it waiting.
ROOM = 8


def tick() -> None:
    """One round. Raises DatabaseError only if the database is away altogether."""
    close_old_connections()
    now = database_now()
    Pulse.objects.update_or_create(kind="ticker", name=worker_name(), defaults={"at": now})
    for part in _PARTS:
        _guarded(part)


def _guarded(part: Callable[[], object]) -> None:
    try:
        part()
    except redis.RedisError as error:
        log.warning("redis_away", part=part.__name__, error=type(error).__name__)
    except DatabaseError as error:
        log.warning("database_trouble", part=part.__name__, error=type(error).__name__)
    except Exception:
        # The tick's boundary: one poisoned row must not stop every release of every brand.
        log.exception("tick_fault", part=part.__name__)


def hint_if_due() -> None:
    if looks_due().exists():
        hint(release_due)


def hint_if_unknown() -> None:
    if Delivery.objects.filter(state=DeliveryState.UNKNOWN.value, next_at__lte=database_now()).exists():
        hint(reconcile_unknown, most=ROOM)


def hint_if_retracting() -> None:
    if due_retractions(database_now(), limit=1):
        hint(retract_due, most=ROOM)


def hint_if_unchecked() -> None:
    if unchecked(database_now()):
        hint(check_channels, most=ROOM)


def seal_some() -> None:
    seal()


def forget() -> None:
    """Answers to repeated calls are kept for a day."""
    RepeatedCall.objects.filter(created_at__lt=database_now() - timedelta(days=1)).delete()


def miss_unapproved(limit: int = 200) -> int:
    """A slot that passed before the gate opened makes the post missed, never late by itself."""
    now = database_now()
    waiting = Post.objects.filter(state=PostState.IN_REVIEW.value)
    passed = waiting.filter(slot__lte=now, on_approval=False) | waiting.filter(
        on_approval=True, window_until__lt=now
    )
    missed = 0
    for pk, brand_id in passed.order_by("slot", "pk").values_list("pk", "brand_id")[:limit]:
        try:
            missed += _miss_one(pk, brand_id, now)
        except (Refused, NoSuchEdge):
            log.exception("miss_fault", post=pk)
    return missed


def _miss_one(pk: int, brand_id: int, now: datetime) -> int:
    with transaction.atomic():
        share_brands([brand_id])
        post = lock_post(pk)
        ends = post.window_until if post.on_approval else post.slot
        if post.lifecycle != PostState.IN_REVIEW or ends is None or ends > now:
            return 0
        # A person pressed release or decided in this very second: then it is open, and goes.
        settle(TICKER, post)
        if post.lifecycle == PostState.IN_REVIEW:
            change_post(post, "post.missed", TICKER, to=PostState.MISSED, reasons=[{"code": "slot_passed"}])
            settle_deliveries(post, DeliveryState.MISSED, {"code": "slot_passed"})
            tell([post.author], post.brand_id, "post.missed", post_id=post.pk)
    return 1


def miss_late(limit: int = 500) -> int:
    """Approved, but past their lateness or window: nobody sent them in time (a paused channel, an
    outage). They wait for a person and another slot."""
    with transaction.atomic():
        now = database_now()
        rows = (
            Delivery.objects.filter(
                state=DeliveryState.PENDING.value,
                approved_digest=F("sealed_digest"),
                expires_at__lt=now,
                # In the order of the index of what is due: with a million ahead it reads none of them.
                next_at__lte=now,
            )
            .select_related("channel", "post__author")
            .order_by("post_id", "pk")[:limit]
        )
        lock_posts(one.post_id for one in rows)
        # Read again under the locks: somebody may have given it another slot a moment ago.
        late = list(rows.all())
        moved = [one for one in late if move_pending(one, DeliveryState.MISSED, {"code": "too_late"})]
        follow_deliveries({one.post_id for one in moved}, TICKER)
        record_all(
            Act(
                "delivery.missed",
                TICKER,
                one.brand_id,
                f"delivery:{one.pk}",
                one.post_id,
                {"channel": one.channel.key},
            )
            for one in moved
        )
        for post in {one.post_id: one.post for one in moved}.values():
            tell([post.author], post.brand_id, "post.missed", post_id=post.pk)
    return len(moved)


def until_next() -> float:
    """Seconds to sleep: to the next due instant if that comes first, never past the next tick."""
    now = database_now()
    following = (
        Delivery.objects.filter(
            state=DeliveryState.PENDING.value, approved_digest__isnull=False, next_at__gt=now
        )
        .order_by("next_at")
        .values_list("next_at", flat=True)
        .first()
    )
    if following is None:
        return EVERY_S
    return min(EVERY_S, max(SHORTEST_S, (following - now).total_seconds()))


_PARTS: tuple[Callable[[], object], ...] = (
    sweep,
    hint_if_due,
    miss_unapproved,
    miss_late,
    hint_if_unknown,
    hint_if_retracting,
    hint_if_unchecked,
    make_recurring,
    seal_some,
    mail_notices,
    forget,
)


def run(stop: Callable[[float], bool], measures: Measures | None = None) -> None:
    """Ticks for ever. `stop(seconds)` sleeps and says whether to end; it outlives every outage."""
    while True:
        began = time.monotonic()
        wait = EVERY_S
        try:
            tick()
            if measures is not None:
                measures.update()
            wait = until_next()
        except DatabaseError as error:
            log.error("database_away", error=type(error).__name__)
            close_old_connections()
        if stop(wait):
            return
        log.debug("ticked", seconds=round(time.monotonic() - began, 3))
