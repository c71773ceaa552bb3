"""Each channel's rate budget, shared by all workers: a bucket that fills at the network's own rate.

Kept in the database, in the row of the channel's health, which a claim locks: two workers never
spend the same token. A network without a tight limit is not counted at all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters.registry import adapter_for
from posts.models import Channel
from publishing.models import ChannelHealth

# Above it nobody's limit is met by one machine, and counting would only cost.
UNCOUNTED_PER_MINUTE = 6000


@dataclass(frozen=True, slots=True)
class Candidate:
    """A due delivery that was looked at, and not locked yet."""

    pk: int
    brand_id: int
    post_id: int
    channel_id: int


def rate_of(channel: Channel) -> int:
    """Posts a minute: the channel's own setting, if lower, or the network's."""
    own = channel.limits.get("posts_per_minute")
    network = adapter_for(channel.network).capabilities.posts_per_minute
    return min(int(own), network) if own else network


def within_budget(
    candidates: Sequence[Candidate], channels: Mapping[int, Channel], now: datetime
) -> list[Candidate]:
    """Those that their channels' budgets allow now, in the same order. A channel whose budget is spent
    waits until the next token, so that it hides nobody else's work. Call under the posts' locks."""
    counted = {pk: rate_of(one) for pk, one in channels.items() if rate_of(one) < UNCOUNTED_PER_MINUTE}
    wanted: dict[int, list[Candidate]] = defaultdict(list)
    for one in candidates:
        if one.channel_id in counted:
            wanted[one.channel_id].append(one)
    refused: set[int] = set()
    for health in (
        ChannelHealth.objects.select_for_update().filter(channel_id__in=wanted).order_by("channel_id")
        if wanted
        else ()
    ):
        refused |= _spend(health, wanted[health.channel_id], counted[health.channel_id], now)
    return [one for one in candidates if one.pk not in refused]


def _spend(health: ChannelHealth, wanted: Sequence[Candidate], per_minute: int, now: datetime) -> set[int]:
    """Takes tokens for as many as there are; answers the ids for which there were none."""
    per_second = per_minute / 60
    there = float(per_minute)
    if health.budget is not None and health.budget_at is not None:
        seconds = max(0.0, (now - health.budget_at).total_seconds())
        there = min(float(per_minute), health.budget + seconds * per_second)
    granted = min(len(wanted), int(there))
    there -= granted
    fields = {"budget": there, "budget_at": now}
    if granted < len(wanted):
        ready = now + timedelta(seconds=max(0.05, (1 - there) / per_second))
        fields["wait_until"] = max(ready, health.wait_until or ready)
    ChannelHealth.objects.filter(pk=health.pk).update(**fields)
    return {one.pk for one in wanted[granted:]}
