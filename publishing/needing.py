"""What waits for a person, as conditions: the panel's first page counts by them, and its lists filter by them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db.models import Exists, F, OuterRef, Q

from approvals.models import Stopped
from posts.lifecycle import DeliveryState
from publishing.renewing import WEEK

# A worker takes what is due within a second or two; what is still there then is waiting for a reason.
OVERDUE: Final = timedelta(minutes=2)

# --- Deliveries -------------------------------------------------------------------------------------
# Nobody but a person can say whether it went out: no machine looks any more.
TO_SETTLE: Final = Q(state=DeliveryState.UNKNOWN.value, next_at__isnull=True)
# A retraction that could not be done, and is not tried again: deleted by hand, or not at all.
TO_DELETE: Final = Q(done_at__isnull=True, next_at__isnull=True)


def to_try_again(now: datetime) -> Q:
    """Refused by the network, and still inside the time for which it was approved."""
    return Q(state=DeliveryState.FAILED.value, expires_at__gt=now)


def overdue(now: datetime) -> Q:
    """Approved and due for a while, although nothing is paused or stopped: is anybody working?"""
    due = Q(state=DeliveryState.PENDING.value, approved_digest__isnull=False, next_at__lt=now - OVERDUE)
    going = Q(channel__paused_at__isnull=True, channel__is_active=True, brand__stopped_at__isnull=True)
    return due & going & Q(approved_digest=F("sealed_digest"))


# --- Channels ---------------------------------------------------------------------------------------
def ends_soon(now: datetime) -> Q:
    return Q(is_active=True, health__expires_at__lt=now + WEEK)


BROKEN: Final = Q(is_active=True, health__ok=False)
PAUSED: Final = Q(is_active=True, paused_at__isnull=False)


def in_trouble(now: datetime) -> Q:
    """Connected channels on which something stands in the way of the next post, or will within a week."""
    return BROKEN | PAUSED | ends_soon(now)


# --- Posts ------------------------------------------------------------------------------------------
_STOPS = Stopped.objects.filter(post=OuterRef("pk"))
_OVER = Q(incident__lifted_at__isnull=False) | Q(pause__ended_at__isnull=False)
_HOLDS = Q(incident__isnull=False, incident__lifted_at__isnull=True) | Q(
    pause__isnull=False, pause__ended_at__isnull=True
)
# What stopped it is over, and nothing else of the kind holds it: a pause may have become an incident.
STOP_IS_OVER: Final = Q(Exists(_STOPS.filter(_OVER))) & ~Q(Exists(_STOPS.filter(_HOLDS)))
