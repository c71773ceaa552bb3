"""Renews the credentials that run out, before they do.

Only here: a refresh token is often good for one use, so one process at a time trades it, under a lease in the
database, and a sender whose token ran out on the way gives its delivery back and asks for it (`ask_for_one`).
What a person connects anew meanwhile is never overwritten.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext_noop

from accounts.clock import database_now
from adapters.base import AdapterError, AuthFailed, Renewal
from adapters.registry import ADAPTERS, adapter_for
from approvals.levels import owners_of
from journal.recording import Actor, record
from journal.telling import tell
from posts.models import Channel
from publishing.dialling import client, connect
from publishing.keeping import SecretLost, reveal, seal_secret
from publishing.models import ChannelHealth, ChannelSecret

log = structlog.get_logger("publishing")
# Who died while renewing is replaced; who could not reach the network tries again a little later.
LEASE, AGAIN = timedelta(minutes=2), timedelta(minutes=1)
# A long-lived token is renewed a week before its end, a short-lived one in the last fifth of its life.
WEEK = timedelta(days=7)
# A tick sees that credentials ran out and has them renewed: what met it waits so long.
RENEWED_IN = timedelta(seconds=3)
# Where the network does not say until when.
UNSAID = timedelta(days=1)

SIGN_IN_AGAIN = gettext_noop("The network no longer takes this channel's sign-in: reconnect it.")


class NeedsAPerson(Exception):
    """The network takes the secret no more, or it cannot be read: a person must reconnect the channel.
    `public` is a sentence for people, marked for translation."""

    def __init__(self, public: str) -> None:
        super().__init__(public)
        self.public = public


def _renewing_networks() -> list[str]:
    return [name for name, kind in ADAPTERS.items() if kind.capabilities.renews]


def waits_for_renewal(channel: Channel) -> bool:
    """Whether it must sign in, or sign in again, before it can be asked anything."""
    if not adapter_for(channel.network).capabilities.renews:
        return False
    renew_at = ChannelSecret.objects.filter(channel=channel).values_list("renew_at", flat=True).first()
    return renew_at is not None and renew_at <= database_now()


def due_for_renewal() -> list[Channel]:
    """Channels whose credentials are to be renewed now, and by nobody else just now."""
    free = Q(secret__renewing_until__isnull=True) | Q(secret__renewing_until__lt=Now())
    return list(
        Channel.objects.filter(
            free, network__in=_renewing_networks(), is_active=True, secret__renew_at__lte=Now()
        ).order_by("secret__renew_at")[:20]
    )


def renew(actor: Actor, channel: Channel) -> bool:
    """Trades the channel's secret for a fresh one. False when somebody else is at it, or has been. Raises
    AdapterError when the network cannot do it now, NeedsAPerson when it never will with what we have."""
    stored = _lease(channel)
    if stored is None:
        return False
    try:
        adapter = connect(channel, client(), reveal(stored))
        # `Renewing`, which a Protocol's isinstance would look for by name only.
        renewal: Renewal = adapter.renew()  # type: ignore[attr-defined]
    except (AuthFailed, SecretLost) as error:
        why = getattr(error, "public", "") or SIGN_IN_AGAIN
        _give_up(channel, stored, why)
        raise NeedsAPerson(why) from None
    except AdapterError:
        ChannelSecret.objects.filter(pk=stored.pk).update(renewing_until=database_now() + AGAIN)
        raise
    return _keep(actor, channel, stored, renewal)


def warn_of_ends() -> int:
    """Access that ends within a week and that nobody but a person can renew: the owners are told, once for
    each end. Answers how many channels that were."""
    now = database_now()
    soon = ChannelHealth.objects.filter(
        expires_at__gt=now, expires_at__lte=now + WEEK, channel__is_active=True
    ).exclude(warned_of=F("expires_at"))
    warned = 0
    for health in soon.select_related("channel__brand")[:50]:
        with transaction.atomic():
            if (
                ChannelHealth.objects.filter(pk=health.pk, expires_at=health.expires_at)
                .exclude(warned_of=F("expires_at"))
                .update(warned_of=F("expires_at"))
            ):
                channel, ends = health.channel, health.expires_at
                assert ends is not None
                local = ends.astimezone(channel.brand.zone)
                tell(
                    owners_of(channel.brand), channel.brand_id, "channel.ends",
                    channel=channel.name, day=local.date().isoformat(),
                )  # fmt: skip
                warned += 1
    return warned


def ask_for_one(channel_ids: set[int]) -> None:
    """A sender met a secret that ran out before its time: the next tick renews it."""
    ChannelSecret.objects.filter(channel__in=channel_ids).update(renew_at=Now())


def _lease(channel: Channel) -> ChannelSecret | None:
    now = database_now()
    with transaction.atomic():
        free = Q(renewing_until__isnull=True) | Q(renewing_until__lt=now)
        due = ChannelSecret.objects.filter(free, channel=channel, renew_at__lte=now)
        if not due.update(renewing_until=now + LEASE):
            return None
    return ChannelSecret.objects.get(channel=channel)


def _keep(actor: Actor, channel: Channel, before: ChannelSecret, renewal: Renewal) -> bool:
    now = database_now()
    # Nothing to trade: then nothing changes but what is known of its end, at which it is asked again.
    fresh = renewal.secret != reveal(before)
    with transaction.atomic():
        # Guarded by what was traded: a person who reconnected meanwhile knows better.
        kept = ChannelSecret.objects.filter(pk=before.pk, ciphertext=before.ciphertext).update(
            ciphertext=seal_secret(renewal.secret) if fresh else before.ciphertext,
            changed_at=now if fresh else before.changed_at,
            expires_at=renewal.expires_at,
            renew_at=next_renewal(now, renewal.expires_at) if fresh else renewal.expires_at or now + UNSAID,
            renewing_until=None,
        )
        if kept and fresh:
            record("channel.renew", actor, channel.brand_id, f"channel:{channel.pk}")
    return bool(kept) and fresh


def next_renewal(now: datetime, expires_at: datetime | None) -> datetime:
    """When a secret that was given now, and ends then, is renewed."""
    if expires_at is None:
        return now + UNSAID
    return max(expires_at - WEEK, now + (expires_at - now) * 4 / 5)


def _give_up(channel: Channel, stored: ChannelSecret, why: str) -> None:
    """Nothing is sent before a person has reconnected; the owners are told once."""
    with transaction.atomic():
        told = ChannelSecret.objects.filter(pk=stored.pk, ciphertext=stored.ciphertext).update(
            renew_at=None, renewing_until=None
        )
        if not told:
            return
        ChannelHealth.objects.filter(channel=channel).update(
            ok=False, problem=why, checked_at=Now(), failures=F("failures") + 1
        )
        tell(owners_of(channel.brand), channel.brand_id, "channel.signed_out", channel=channel.name)
