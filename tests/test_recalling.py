"""What the demonstration remembers went through the gate and the engine, at the moment it says."""

from __future__ import annotations

import ast
from collections import Counter
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from django.conf import settings
from django.utils import timezone

from accounts.clock import back_then, database_now
from approvals.models import Decision, GateDecision
from cm_queue.demo_store import DemoStore
from cm_queue.recalled import STORIES
from cm_queue.seeding import SLUG, seed_demo
from journal.models import Entry, Notice
from journal.sealing import seal
from journal.verifying import verify
from posts.lifecycle import PostState
from posts.models import Post
from posts.scheduling import holidays_of
from publishing.models import Attempt, Permit
from tests.test_architecture import SOURCES


@pytest.mark.django_db
def test_the_demonstration_is_full_of_life() -> None:
    now = timezone.now()
    brand = seed_demo()
    states = Counter(Post.objects.filter(brand=brand).values_list("state", flat=True))
    # Releasing is a matter of seconds, and what is taken back is so once the ticker has run.
    left_out = {PostState.RELEASING.value, PostState.RETRACTED.value}
    assert {state.value for state in PostState} - set(states) == left_out
    assert states[PostState.PUBLISHED.value] >= 16
    out = Post.objects.filter(brand=brand, state=PostState.PUBLISHED.value)
    days = {one.slot.date() for one in out if one.slot}
    assert len(days) >= 11
    assert max(days) <= now.date()
    assert holidays_of(brand)
    _every_moment_is_honest(now)
    _the_far_side_has_it(len(STORIES))
    seal()
    assert verify(brand).fault is None


def _every_moment_is_honest(now: datetime) -> None:
    moments = list(Entry.objects.order_by("pk").values_list("at", flat=True))
    # In the order in which it happened; those of one verb, dated once, may be written in any.
    assert all(after > before - timedelta(seconds=2) for before, after in pairwise(moments))
    assert moments[0] < now - timedelta(days=29)
    for attempt in Attempt.objects.select_related("delivery__post"):
        slot = attempt.delivery.post.slot
        assert slot is not None
        assert slot <= attempt.started_at < slot + timedelta(minutes=1)
    for decision in Decision.objects.select_related("post"):
        assert decision.post.created_at < decision.at
        assert decision.post.slot is None or decision.at < decision.post.slot
    # No attempt without a permit of its own that the gate gave and that was spent.
    assert Attempt.objects.count() == Permit.objects.filter(spent_at__isnull=False).count()
    assert GateDecision.objects.count() >= Attempt.objects.values("delivery__post").distinct().count()
    assert not Notice.objects.filter(created_at__lt=now, read_at__isnull=True).exists()


def _the_far_side_has_it(stories: int) -> None:
    shown = DemoStore(settings.DATA_DIR / "demo_network").timeline(SLUG)
    urls = set(Post.objects.filter(deliveries__url__gt="").values_list("deliveries__url", flat=True))
    assert 10 < len(urls) < stories + 5
    assert {url.rsplit("/", 1)[-1] for url in urls if f"@{SLUG}/" in url} <= {str(one.id) for one in shown}


@pytest.mark.django_db
def test_only_the_past_can_be_remembered() -> None:
    with pytest.raises(ValueError, match="past"), back_then(database_now() + timedelta(minutes=1)):
        pass
    before = database_now()
    with back_then(before - timedelta(days=3)):
        assert abs(database_now() - (before - timedelta(days=3))) < timedelta(minutes=1)
    assert database_now() >= before


def test_nothing_but_the_demonstration_moves_the_clock() -> None:
    """A clock that can be set is a way through the gate."""

    def users(word: str) -> set[str]:
        nodes = ((name, node) for name, tree in SOURCES.items() for node in ast.walk(tree))
        return {name for name, node in nodes if isinstance(node, ast.Name) and node.id == word}

    assert users("back_then") == {"cm_queue/recalling.py", "cm_queue/seeding.py"}
    assert users("_AGO") == {"accounts/clock.py"}
