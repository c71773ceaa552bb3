"""The demonstration brand: twice is as once, and its network may move to another port."""

from __future__ import annotations

import pytest

from accounts.models import Membership
from approvals.models import Credential
from cm_queue.seeding import CAST, SLUG, move_demo_network, seed_demo
from posts.models import Channel, Post

pytestmark = pytest.mark.django_db


def test_seeding_twice_is_seeding_once() -> None:
    seed_demo()
    before = (Post.objects.count(), Credential.objects.count(), Membership.objects.count())
    seed_demo()
    assert (Post.objects.count(), Credential.objects.count(), Membership.objects.count()) == before
    assert before[2] == len(CAST)


def test_nobody_of_the_cast_has_a_password() -> None:
    brand = seed_demo(posts=False)
    assert not any(one.user.has_usable_password() for one in brand.memberships.select_related("user"))


def test_mentors_hold_their_level_on_every_network_there_is() -> None:
    seed_demo(posts=False)
    held = Credential.objects.filter(user__email=f"nadia@{SLUG}.example", level=3)
    assert held.filter(domain__in=["channel:mastodon", "channel:bluesky", "channel:demo"]).count() == 3


def test_the_demonstration_network_may_come_up_on_another_port() -> None:
    """Seen: the second start found the port taken, and posts went to where nobody listened."""
    seed_demo(posts=False)
    Channel.objects.filter(network="demo").update(account="http://127.0.0.1:8001#maison-lumiere")
    move_demo_network("http://127.0.0.1:8123")
    channel = Channel.objects.get(network="demo")
    assert channel.settings["base_url"] == "http://127.0.0.1:8123"
    assert channel.account == ""
    Channel.objects.update(account="http://127.0.0.1:8123#maison-lumiere")
    move_demo_network("http://127.0.0.1:8123")
    assert Channel.objects.get(network="demo").account == "http://127.0.0.1:8123#maison-lumiere"
