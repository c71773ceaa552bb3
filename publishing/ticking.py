"""The ticker: looks at the clock, hints that there is work, sweeps, misses, seals, tells.

A tick is idempotent and any number of tickers may run. It needs the database; without Redis it goes
on with everything but the hints. A part that fails does not stop the others.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta

import redis
import structlog
from django.db import DatabaseError, close_old_connections, transaction
from django.db.models import F

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import RepeatedCall
from accounts.refusals import Refused
from approvals.practising import keep_current
from approvals.reminding import pass_on_for_absent, remind_asked
from approvals.reviewing import settle
from journal.recording import TICKER, Act, record_all
from journal.sealing import seal
from journal.telling import tell
from posts.lifecycle import DeliveryState, NoSuchEdge, PostState
from posts.locking import lock_posts
from posts.models import Delivery, Post
from posts.moves import change_post, follow_deliveries, lock_post, move_pending, settle_deliveries
from posts.recurring import make_recurring
from posts.timekeeping import keep_local_times
from publishing.announcing import mail_digests, mail_notices
from publishing.beside import Beside
from publishing.claiming import looks_due
from publishing.connecting import unchecked
from publishing.jobs import (
    check_channels,
    forget_lost_hints,
    hint,
    reconcile_unknown,
    release_due,
    renew_secrets,
    retract_due,
    worker_name,
)
from publishing.measuring import Measures
from publishing.models import Pulse
from publishing.reconciling import sweep
from publishing.renewing import due_for_renewal, warn_of_ends
from publishing.retracting import due_retractions
from publishing.signing_in import forget_sign_ins

log = structlog.get_logger("ticker")
EVERY_S = 1.0
SHORTEST_S = 0.02
# Hints of other work find room behind those of releases, or a long drain would keep it waiting.
ROOM = 8
EACH_IN_ROUNDS = 5
# A mail that is on its way when the ticker ends; systemd waits for longer.
ENDS_WITHIN_S = 5.0


Part = Callable[[], object]


def tick(parts: Sequence[Part] | None = None) -> None:
    """One round: of all the parts, or of those that are given. Raises DatabaseError only if the database is
    away altogether."""
    close_old_connections()
    now = database_now()
    Pulse.objects.update_or_create(kind="ticker", name=worker_name(), defaults={"at": now})
    for part in _PARTS if parts is None else parts:
        _guarded(part)


def rounds() -> Iterator[Sequence[Part]]:
    """The parts of one round after the other, for ever: all of them first; then in each round those whose
    second counts, and of the others a few in turn, each of them about every five seconds."""
    yield _PARTS
    few = -(-len(_UNHURRIED) // EACH_IN_ROUNDS)
    while True:
        for begins in range(0, len(_UNHURRIED), few):
            yield (*_HURRIED, *_UNHURRIED[begins : begins + few])


def _guarded(part: Part) -> None:
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


def hint_if_running_out() -> None:
    if due_for_renewal():
        hint(renew_secrets, most=ROOM)


def seal_some() -> None:
    seal()


def forget() -> None:
    """Answers to repeated calls are kept for a day, sign-ins that nobody came back from for ten minutes."""
    RepeatedCall.objects.filter(created_at__lt=database_now() - timedelta(days=1)).delete()
    forget_sign_ins()


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


def until_next(hinted: datetime) -> float:
    """Seconds to sleep: to the next due instant if that comes first, never past the next tick. What was due at the
    instant `hinted` is hinted at already; what came due since, while a round went on, is not."""
    now = database_now()
    following = (
        Delivery.objects.filter(
            state=DeliveryState.PENDING.value, approved_digest__isnull=False, next_at__gt=hinted
        )
        .order_by("next_at")
        .values_list("next_at", flat=True)
        .first()
    )
    if following is None:
        return EVERY_S
    return min(EVERY_S, max(SHORTEST_S, (following - now).total_seconds()))


# What a second of lateness would be seen of: at the network, or in how long the journal is not yet sealed.
_HURRIED: tuple[Part, ...] = (
    sweep,
    hint_if_due,
    miss_unapproved,
    miss_late,
    hint_if_unknown,
    hint_if_retracting,
    hint_if_running_out,
    seal_some,
)
_UNHURRIED: tuple[Part, ...] = (
    hint_if_unchecked,
    warn_of_ends,
    forget_lost_hints,
    make_recurring,
    remind_asked,
    pass_on_for_absent,
    keep_current,
    mail_notices,
    mail_digests,
    forget,
)
_PARTS = (*_HURRIED, *_UNHURRIED)


def run(stop: Callable[[float], bool], measures: Measures | None = None) -> None:
    """Ticks for ever, every second; and between two rounds hints whenever something comes due. `stop(seconds)`
    sleeps and says whether to end; it outlives every outage."""
    kept, following, next_at = False, rounds(), 0.0
    # A mail server that hangs must not make a release late.
    mails: Sequence[Part] = (mail_notices, mail_digests)
    beside = {part: Beside(part, _guarded) for part in mails}
    while True:
        began, wait = time.monotonic(), EVERY_S
        try:
            hinted = database_now()
            if began < next_at:
                _guarded(hint_if_due)
            else:
                next_at = began + EVERY_S
                tick([beside.get(part, part) for part in next(following)])
                if not kept:
                    # The rules of the time zones are read once a process: perhaps they are others than before.
                    _guarded(keep_local_times)
                    kept = True
                if measures is not None:
                    measures.update()
            wait = max(SHORTEST_S, min(until_next(hinted), next_at - time.monotonic()))
        except DatabaseError as error:
            log.error("database_away", error=type(error).__name__)
            close_old_connections()
        if stop(wait):
            for one in beside.values():
                one.finish(ENDS_WITHIN_S)
            return
        log.debug("ticked", seconds=round(time.monotonic() - began, 3))
