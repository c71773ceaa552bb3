"""The demonstration brand: twice is as once, and its network may move to another port."""

from __future__ import annotations

import re

import pytest

from accounts.models import Membership
from approvals.models import Credential, Decision
from cm_queue.seeding import ALT, CAST, EVIDENCE, HOLIDAYS, SLUG, move_demo_network, seed_demo
from journal.models import Personal
from posts.filling import gaps_of
from posts.models import Channel, Comment, Post, Revision, Snippet

pytestmark = [pytest.mark.long, pytest.mark.django_db]


def test_seeding_twice_is_seeding_once() -> None:
    seed_demo()
    before = (Post.objects.count(), Credential.objects.count(), Membership.objects.count())
    seed_demo()
    assert (Post.objects.count(), Credential.objects.count(), Membership.objects.count()) == before
    assert before[2] == len(CAST)


def test_the_demonstration_is_written_with_the_spaces_of_french():
    """U+00A0 before a colon and inside guillemets, U+202F before ; ! ?: a plain one may end a line."""
    brand = seed_demo()
    contents = Revision.objects.filter(post__brand=brand).values_list("content", flat=True)
    told = [one["text"] for one in contents]
    told += Comment.objects.filter(post__brand=brand).values_list("text", flat=True)
    told += Decision.objects.filter(post__brand=brand).values_list("comment", flat=True)
    told += Personal.objects.filter(entry__brand=brand).values_list("text", flat=True)
    told += Channel.objects.filter(brand=brand).values_list("name", flat=True)
    told += Membership.objects.filter(brand=brand).values_list("title", flat=True)
    told += [line for player in CAST for line in (player.title, player.line)]
    told += [ALT, EVIDENCE, *(name for _month, _day, name in HOLIDAYS)]
    assert len(told) > 80
    assert [one for one in told if re.search(r" [:;!?»]|« |\w[;!?:»](?:\s|$)|«\w", one)] == []
    assert any("\u202f!" in one for one in told)
    assert any("\u00a0: «\u00a0" in one for one in told)


def test_its_channels_have_names_and_the_first_keeps_its_short_one():
    brand = seed_demo()
    names = dict(Channel.objects.filter(brand=brand).values_list("key", "name"))
    assert names["demo"] == "Le fil Lumière"
    assert not {key for key, name in names.items() if key == name}


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


def test_words_are_kept_ready_once_and_without_costing_an_approval():
    brand = seed_demo()
    seed_demo()
    rows = Snippet.objects.filter(brand=brand)
    assert sorted(rows.values_list("whole", flat=True)) == [False, False, True]
    assert set(rows.values_list("writers__name", flat=True)) == {"Olga"}
    assert gaps_of(rows.get(whole=True)) == ["[Produit]", "[jour]"]
