"""A channel's rate budget, shared by all workers, hides nobody else's work."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from posts.models import Channel
from publishing.claiming import claim
from publishing.models import ChannelHealth
from tests.staging import House, fresh, say, states_of

pytestmark = pytest.mark.django_db


def _limit(channel: Channel, per_minute: int) -> None:
    Channel.objects.filter(pk=channel.pk).update(limits={**channel.limits, "posts_per_minute": per_minute})


def test_no_more_is_claimed_than_the_budget_allows_whoever_claims(lumiere: House) -> None:
    _limit(lumiere.channels["demo"], 2)
    for number in range(5):
        lumiere.approved(f"Post {number}.")
    assert len(claim("worker-1", 10)) == 2
    assert claim("worker-2", 10) == []
    health = ChannelHealth.objects.get(channel=lumiere.channels["demo"])
    assert health.wait_until is not None


def test_the_budget_fills_again_with_time(lumiere: House) -> None:
    _limit(lumiere.channels["demo"], 2)
    for number in range(3):
        lumiere.approved(f"Post {number}.")
    assert len(claim("worker-1", 10)) == 2
    health = ChannelHealth.objects.get()
    assert health.budget_at is not None
    ChannelHealth.objects.update(budget_at=health.budget_at - timedelta(seconds=31), wait_until=None)
    assert len(claim("worker-1", 10)) == 1


def test_a_spent_budget_delays_no_other_channel(lumiere: House, network: Any) -> None:
    lumiere.connect("log", "console")
    _limit(lumiere.channels["demo"], 1)
    for number in range(4):
        lumiere.approved(f"Post {number}.", channels=["demo"])
    other = lumiere.approved("Ailleurs.", channels=["log"])
    claim("worker-1", 2)
    claim("worker-1", 2)
    assert states_of(fresh(other)) == {"log": "CLAIMED"}


def test_what_goes_after_another_waits_for_it(lumiere: House, network: Any, release: Any) -> None:
    first = lumiere.submitted("D’abord.")
    second = lumiere.approved("Ensuite.", after=first.pk)
    assert release() == []
    lumiere.approved("Sans lien.")
    release()
    assert network.texts() == ["Sans lien."]
    say(lumiere.nadia, first)
    release()
    assert states_of(second) == {"demo": "PENDING"}
    release()
    assert states_of(second) == {"demo": "DELIVERED"}
