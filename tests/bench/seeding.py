"""Fills a migrated database with approved deliveries, in bulk: the far end of the way that posts come.

    DATABASE_URL=… python -m tests.bench.seeding --n 2000 --network http://127.0.0.1:9911

Brands, people, credentials and policies are made by the product's verbs; posts are written in bulk, sealed
with the product's own payloads and digests, and approved by Nadia, who wrote none of them. They are due in
a distant year until the run says when. One delivery a post, which is what costs most.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cm_queue.settings")
django.setup()

from django.db import transaction  # noqa: E402

from accounts.clock import database_now  # noqa: E402
from approvals.models import Decision, Verdict  # noqa: E402
from posts.digest import digest_of  # noqa: E402
from posts.lifecycle import PostState  # noqa: E402
from posts.models import Channel, Contribution, Delivery, Lineage, Post, Revision, no_content  # noqa: E402
from posts.rendering import payload_of  # noqa: E402
from publishing.keeping import keep_secret  # noqa: E402
from publishing.models import ChannelHealth  # noqa: E402
from tests.bench.ground import LATE_MINUTES  # noqa: E402
from tests.staging import House, house  # noqa: E402

DISTANT = datetime(2090, 1, 1, tzinfo=UTC)
# Enough channels for no network's own limit (100 a second here) to be what is measured.
BRANDS, CHANNELS = 5, 8
TEXT = (
    "bench-key:d-{n} Trois gestes pour nettoyer un abat-jour en lin sans le tacher : poussière à sec, "
    "eau tiède, séchage à l’ombre. Et une lampe qui dure."
)


@dataclass(frozen=True)
class Place:
    """Where a post goes: a house and one of its channels."""

    house: House
    channel: Channel


def places(network: str) -> list[Place]:
    """The houses with their channels, each as if it had just been checked."""
    now, found = database_now(), []
    for number in range(BRANDS):
        home = house(f"maison-{number}")
        for place in range(CHANNELS):
            account = f"{home.brand.slug}-{place}"
            channel = Channel.objects.create(
                brand=home.brand,
                key=f"demo-{place}",
                name=f"Demo {place}",
                network="demo",
                settings={"base_url": network, "account": account},
                account=f"{network}#{account}",
            )
            # Real networks have one: reading it is part of what a release costs.
            keep_secret(channel, "a-token-like-any-other")
            ChannelHealth.objects.create(channel=channel, checked_at=now)
            found.append(Place(home, channel))
    return found


def seed(n: int, network: str) -> None:
    everywhere = places(network)
    numbers = iter(range(n))
    while batch := list(islice(numbers, 1000)):
        with transaction.atomic():
            write_posts([(number, everywhere[number % len(everywhere)]) for number in batch])


def write_posts(batch: Sequence[tuple[int, Place]]) -> None:
    """Approved posts, each with its number and its place. Call inside a transaction."""
    now = database_now()
    opens, ends = now - timedelta(days=1), DISTANT + timedelta(days=365)
    lineages = Lineage.objects.bulk_create(Lineage(brand=place.house.brand) for _n, place in batch)
    posts = Post.objects.bulk_create(
        Post(
            brand=place.house.brand,
            lineage=lineage,
            author=place.house.ines,
            state=PostState.SCHEDULED.value,
            slot=DISTANT,
            window_from=opens,
            window_until=ends,
            late_minutes=LATE_MINUTES,
            submitted_at=now,
        )
        for (_n, place), lineage in zip(batch, lineages, strict=True)
    )
    sealed = [_sealed(post, number, place) for post, (number, place) in zip(posts, batch, strict=True)]
    revisions = Revision.objects.bulk_create(revision for revision, _delivery in sealed)
    for post, revision in zip(posts, revisions, strict=True):
        post.revision = revision
    Post.objects.bulk_update(posts, ["revision"], batch_size=500)
    Delivery.objects.bulk_create(delivery for _revision, delivery in sealed)
    Contribution.objects.bulk_create(
        Contribution(lineage=post.lineage, post=post, user=place.house.ines)
        for post, (_n, place) in zip(posts, batch, strict=True)
    )
    Decision.objects.bulk_create(_approvals(posts, revisions, batch, now))


def _sealed(post: Post, number: int, place: Place) -> tuple[Revision, Delivery]:
    key = place.channel.key
    content: dict[str, Any] = {**no_content(), "text": TEXT.format(n=number), "channels": [key]}
    payload = payload_of(content, place.channel)
    sha256 = payload.sha256
    digest = digest_of({key: sha256}, post.window_from, post.window_until, post.late_minutes)
    revision = Revision(
        post=post,
        number=1,
        created_by=place.house.ines,
        content=content,
        payloads={key: payload.as_json()},
        digest=digest,
        sealed_at=post.submitted_at,
    )
    delivery = Delivery(
        post=post,
        brand=place.house.brand,
        channel=place.channel,
        payload=payload.as_json(),
        payload_sha256=sha256,
        sealed_digest=digest,
        approved_digest=digest,
        due_at=DISTANT,
        next_at=DISTANT,
        expires_at=DISTANT + timedelta(minutes=LATE_MINUTES),
    )
    return revision, delivery


def _approvals(
    posts: Sequence[Post], revisions: Sequence[Revision], batch: Sequence[tuple[int, Place]], now: datetime
) -> Iterator[Decision]:
    for post, revision, (_n, place) in zip(posts, revisions, batch, strict=True):
        yield Decision(
            post=post,
            revision=revision,
            user=place.house.nadia,
            decision=Verdict.APPROVE,
            digest=revision.digest,
            epoch=0,
            rests_on=[[place.channel.domain, 3], ["company", 3], ["craft", 3]],
            at=now,
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.bench.seeding", description=__doc__)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--network", required=True)
    chosen = parser.parse_args()
    seed(chosen.n, chosen.network)
