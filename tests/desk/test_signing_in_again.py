"""Reconnecting by signing in: the same account, its refresh token, and what waits."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.urls import reverse

from accounts.clock import database_now
from adapters.transport import build_client
from posts.models import Channel, Delivery
from publishing.claiming import claim
from publishing.dialling import secret_of
from publishing.models import ChannelHealth, ChannelSecret
from tests.casting import work
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_linkedin import ORGANIZATION, StrictLinkedIn
from tests.contract.stand_ins.strict_mastodon import TOKEN, StrictMastodon
from tests.contract.stand_ins.strict_x import StrictX
from tests.desk.travelling import SECRET, again, back, begin, connected, enter, go, said
from tests.desk.travelling import here as here  # noqa: PLC0414
from tests.desk.travelling import linkedin as linkedin  # noqa: PLC0414
from tests.desk.travelling import lumiere as lumiere  # noqa: PLC0414
from tests.desk.travelling import mastodon as mastodon  # noqa: PLC0414
from tests.desk.travelling import x as x  # noqa: PLC0414
from tests.staging import House, house

pytestmark = pytest.mark.django_db


# --- Reconnecting -----------------------------------------------------------------------------------
def test_after_a_sign_in_what_waits_goes_on(lumiere: House, mastodon: StrictMastodon):
    channel = lumiere.connect("mastodon", "mastodon", TOKEN, base_url=mastodon.base_url)
    post = lumiere.approved("Trois gestes pour un abat-jour.")
    mastodon.tokens.clear()
    olga = enter(lumiere.olga)
    olga.post(reverse("check_channel", args=[channel.pk]))
    assert claim("worker-1", 10) == []
    before = Delivery.objects.get(post=post)
    answer = back(olga, go(again(olga, channel)))
    assert "is connected" in said(answer)
    with build_client(allow_private=True, user_agent="CM-Queue/tests", timeout_s=5) as through:
        results = work(through, None, "worker-1")
    assert [one.outcome.value for one in results] == ["DELIVERED"]
    after = Delivery.objects.get(post=post)
    assert (after.pk, after.payload_sha256) == (before.pk, before.payload_sha256)
    assert len(mastodon.statuses) == 1


def test_another_account_is_refused_and_everything_stays(lumiere: House, mastodon: StrictMastodon):
    olga = enter(lumiere.olga)
    channel = connected(olga, "mastodon", mastodon)
    before = list(ChannelSecret.objects.values()), list(ChannelHealth.objects.values())
    mastodon.signs_in = "666"
    answer = back(olga, go(again(olga, channel)))
    assert "another account" in said(answer)
    assert answer.headers["Location"] == reverse("channel_reconnect", args=[channel.pk])
    assert (list(ChannelSecret.objects.values()), list(ChannelHealth.objects.values())) == before
    assert Channel.objects.get().settings == {"base_url": mastodon.base_url}


def test_an_account_of_another_brand_or_channel_is_not_connected_twice(
    lumiere: House, mastodon: StrictMastodon
):
    olga = enter(lumiere.olga)
    connected(olga, "mastodon", mastodon)
    second = back(olga, go(begin(olga, "mastodon", mastodon, "Deux")))
    assert "as Nouveau: reconnect that channel" in said(second)
    other = enter(house("autre-maison").olga)
    third = back(other, go(begin(other, "mastodon", mastodon, "Trois")))
    assert "already belongs to a brand here" in said(third)
    assert Channel.objects.count() == 1


def test_a_refresh_token_that_only_the_stored_secret_has_is_kept_and_tried(lumiere: House, x: StrictX):
    olga = enter(lumiere.olga)
    channel = connected(olga, "x", x)
    stored = x.refresh
    x.gives_refresh = False
    assert "is connected" in said(back(olga, go(again(olga, channel))))
    kept = json.loads(secret_of(channel))
    assert SECRET not in secret_of(channel)
    assert stored in x.spent, "the stored one was traded"
    assert kept["refresh_token"] == x.refresh == f"{stored}n"
    assert "earlier" not in kept
    assert ChannelHealth.objects.get(channel=channel).ok


def test_a_stored_refresh_token_that_is_good_no_more_stops_nothing(lumiere: House, x: StrictX):
    olga = enter(lumiere.olga)
    channel = connected(olga, "x", x)
    x.spent.add(x.refresh)
    x.gives_refresh = False
    assert "is connected" in said(back(olga, go(again(olga, channel))))
    kept = json.loads(secret_of(channel))
    assert "refresh_token" not in kept
    assert kept["access_token"] == x.access
    health = ChannelHealth.objects.get(channel=channel)
    assert health.ok
    assert health.expires_at is not None, "and the owners are told of its end"


def test_a_linkedin_page_is_reconnected_without_a_choice(lumiere: House, linkedin: StrictLinkedIn):
    olga = enter(lumiere.olga)
    page = back(olga, go(begin(olga, "linkedin"))).headers["Location"]
    olga.post(page, {"account": f"https://www.linkedin.com#{ORGANIZATION}"})
    channel = Channel.objects.get()
    linkedin.gives_refresh = False
    answer = back(olga, go(again(olga, channel)))
    assert answer.headers["Location"] == reverse("channels"), said(answer)
    assert json.loads(secret_of(channel))["refresh"] == linkedin.refresh


def test_the_operators_secret_goes_to_no_address_that_an_owner_types(lumiere: House, x: StrictX):
    """Whoever points a channel elsewhere gets what is the brand's, and never what is the installation's."""
    olga = enter(lumiere.olga)
    channel = connected(olga, "x", x)
    elsewhere = StrictX()
    elsewhere.client_secret = SECRET
    elsewhere.refresh = x.refresh
    with serving(elsewhere):
        ChannelSecret.objects.update(renew_at=database_now() - timedelta(seconds=1))
        olga.post(
            reverse("channel_reconnect", args=[channel.pk]),
            {"set-base_url": elsewhere.base_url, "secret": ""},
        )
    assert elsewhere.spent == set(), "it was not traded there, for the app's secret was not shown"
    assert not ChannelHealth.objects.get(channel=channel).ok
