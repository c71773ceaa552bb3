"""A network that says `ok` and names no message: what is out is listed for a person, and taken for nothing else."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from posts.lifecycle import DeliveryState
from posts.models import Channel, Post
from publishing.keeping import keep_secret
from publishing.models import Outcome
from publishing.retracting import progress, retract, retractions_of, work_retractions
from tests.casting import Cast, cast, fresh, work
from tests.contract.stand_ins.faulty_front import Fault, FaultyFront
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_slack import HOOK, WEBHOOK, StrictSlack

pytestmark = pytest.mark.django_db
__all__ = ["cast"]


@pytest.fixture
def front() -> Iterator[FaultyFront]:
    server = StrictSlack()
    made = FaultyFront(server.base_url)
    with serving(server), serving(made):
        yield made


@pytest.fixture
def hook(cast: Cast, front: FaultyFront) -> Channel:
    cast.grant("nadia", "channel:slack", 2)
    made = cast.channel("equipe", "slack", settings={"base_url": front.base_url})
    keep_secret(made, WEBHOOK)
    return made


def approved(cast: Cast, text: str) -> Post:
    return cast.approved(text, channels=["equipe"], slot="on_approval")


def test_what_a_webhook_published_is_listed_for_a_person_and_takes_nothing_with_it(
    cast: Cast, hook: Channel, front: FaultyFront, through: httpx.Client
) -> None:
    one, other = approved(cast, "Un."), approved(cast, "Deux.")
    assert [result.outcome for result in work(through)] == [Outcome.DELIVERED] * 2
    assert one.deliveries.get().remote_id == ""
    (asked,) = retract(cast.nadia, fresh(one).pk)
    assert asked.problem
    assert work_retractions() == 0
    assert progress(retractions_of(one)).by_hand == [asked]
    states = [post.deliveries.get().lifecycle for post in (one, other)]
    assert states == [DeliveryState.DELIVERED] * 2
    assert len(front.requests("POST", HOOK)) == 2


def test_a_lost_answer_of_a_webhook_is_never_sent_again(
    cast: Cast, hook: Channel, front: FaultyFront, through: httpx.Client
) -> None:
    post = approved(cast, "Un.")
    front.arm("POST", HOOK, Fault(cut="after accepting"))
    assert [result.outcome for result in work(through)] == [Outcome.UNKNOWN]
    assert work(through) == []
    assert post.deliveries.get().lifecycle is DeliveryState.UNKNOWN
    assert len(front.requests("POST", HOOK)) == 1
