"""What else goes out around a moment on the same channel: two posts too close together tread on each other."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import Exists, OuterRef

from accounts.models import Brand
from posts.lifecycle import PostState
from posts.models import Delivery, Post

NEAR = timedelta(minutes=30)
# What may still go out, or just did. What was refused, missed or taken back treads on nobody.
COMING = frozenset(
    {
        PostState.DRAFT,
        PostState.IN_REVIEW,
        PostState.CHANGES_REQUESTED,
        PostState.SCHEDULED,
        PostState.RELEASING,
        PostState.HELD,
    }
)
_HEARD = COMING | {PostState.PUBLISHED, PostState.PARTLY_PUBLISHED}
# One post's place on one channel: (channel, slot, post).
Place = tuple[int, datetime, int]


@dataclass(frozen=True, slots=True)
class Clash:
    """Posts that follow one another within `NEAR` on a channel, from the first one's slot on."""

    channel: int
    at: datetime
    posts: frozenset[int]
    first: int


def clashes_among(places: Iterable[Place]) -> list[Clash]:
    """In order of time; the same posts on several channels are told once."""
    found: dict[frozenset[int], Clash] = {}
    for _channel, those in groupby(sorted(places), key=lambda one: one[0]):
        for run in _runs(those):
            posts = frozenset(one[2] for one in run)
            found.setdefault(posts, Clash(run[0][0], run[0][1], posts, run[0][2]))
    return sorted(found.values(), key=lambda one: (one.at, min(one.posts)))


def _runs(places: Iterable[Place]) -> Iterator[list[Place]]:
    """One channel's places, in order of time, in groups that follow one another too soon."""
    run: list[Place] = []
    for place in places:
        if run and place[1] - run[-1][1] >= NEAR:
            if len(run) > 1:
                yield run
            run = []
        run.append(place)
    if len(run) > 1:
        yield run


def places_in(
    brand: Brand, start: datetime, end: datetime, states: Collection[PostState] = COMING, most: int = 0
) -> list[Place]:
    """Where the brand's posts of these states go between two instants, soonest first. One query; `most` rows
    at most, or all of them."""
    rows = (
        Delivery.objects.filter(
            post__brand=brand,
            post__state__in=[one.value for one in states],
            post__slot__gte=start,
            post__slot__lt=end,
        )
        .order_by("post__slot", "post_id")
        .values_list("channel_id", "post__slot", "post_id")
    )
    return [(channel, slot, post) for channel, slot, post in (rows[:most] if most else rows) if slot]


def around(
    brand: Brand, slot: datetime, channels: Collection[int], but: int | None = None, most: int = 3
) -> Sequence[Post]:
    """The brand's posts that go out, or just went out, on one of these channels within `NEAR` of the slot,
    `but` one; `most` at most, soonest first. One query."""
    if not channels:
        return []
    there = Delivery.objects.filter(post=OuterRef("pk"), channel__in=channels)
    found = Post.objects.filter(
        Exists(there),
        brand=brand,
        state__in=[one.value for one in _HEARD],
        slot__gt=slot - NEAR,
        slot__lt=slot + NEAR,
    )
    posts = found.select_related("revision").defer("revision__payloads").order_by("slot", "pk")
    return list((posts.exclude(pk=but) if but is not None else posts)[:most])
