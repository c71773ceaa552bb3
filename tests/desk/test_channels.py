"""Channels: how they are, stopping and letting go, and connecting one without ever showing its secret."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.test import Client, override_settings
from django.urls import reverse

from accounts.clock import database_now
from accounts.refusals import Invalid
from posts.lifecycle import PostState
from posts.models import Channel
from publishing.connecting import reconnect
from publishing.dialling import secret_of
from publishing.keeping import keep_secret
from publishing.models import ChannelHealth, ChannelSecret
from tests.casting import Cast, digest_of, due, fresh, work
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
CHANNELS, ADD = reverse("channels"), reverse("add_channel")


@pytest.fixture
def channel(cast: Cast) -> Channel:
    return cast.channel("journal")


def act(client: Client, verb: str, channel: Channel, **data: Any) -> Any:
    return client.post(reverse(f"{verb}_channel", args=[channel.pk]), data)


def said(answer: Any) -> str:
    return " ".join(str(one) for one in get_messages(answer.wsgi_request))


def html_of(client: Client, url: str = CHANNELS) -> str:
    answer = client.get(url)
    assert answer.status_code == 200
    return unescape(answer.content.decode())


def test_each_channel_shows_its_health_and_limits(cast: Cast, channel: Channel):
    Channel.objects.filter(key="demo").update(limits={"max_characters": 777})
    now = database_now()
    ChannelHealth.objects.create(channel=channel, ok=False, problem="The account is locked.", checked_at=now)
    html = html_of(enter(cast, "ines"))
    assert "777 characters" in html
    assert "The account is locked." in html
    assert "1 channel needs a look." in html
    assert "0 of 6,000 a minute" in html


def test_any_member_pauses_and_somebody_entrusted_resumes(cast: Cast, channel: Channel):
    ines, marc = enter(cast, "ines"), enter(cast, "marc")
    act(ines, "pause", channel, reason="Une erreur de prix.")
    channel.refresh_from_db()
    assert channel.paused_at is not None
    html = html_of(ines)
    assert "Une erreur de prix." in html
    assert reverse("resume_channel", args=[channel.pk]) not in html
    assert act(ines, "resume", channel).status_code == 403
    channel.refresh_from_db()
    assert channel.paused_at is not None
    assert reverse("resume_channel", args=[channel.pk]) in html_of(marc)
    act(marc, "resume", channel)
    channel.refresh_from_db()
    assert channel.paused_at is None


def test_pausing_twice_is_said_and_not_an_error_page(cast: Cast, channel: Channel):
    ines = enter(cast, "ines")
    act(ines, "pause", channel)
    assert "already paused" in said(act(ines, "pause", channel))


def test_checking_asks_the_network_and_stores_what_it_says(cast: Cast, channel: Channel):
    answer = act(enter(cast, "sofia"), "check", channel)
    assert "everything is well" in said(answer)
    assert ChannelHealth.objects.get(channel=channel).checked_at is not None


def test_an_outsider_touches_no_channel(cast: Cast, channel: Channel):
    zoe = enter(cast, "stranger")
    for verb in ("check", "pause", "resume"):
        assert act(zoe, verb, channel).status_code == 404
    channel.refresh_from_db()
    assert channel.paused_at is None
    assert "Journal" not in html_of(zoe).split("<main")[1]


def test_only_an_owner_adds_one(cast: Cast):
    nadia = enter(cast, "nadia")
    assert nadia.get(ADD).status_code == 403
    assert nadia.post(reverse("add_channel", args=["console"]), {"name": "Un journal"}).status_code == 403
    assert not Channel.objects.filter(name="Un journal").exists()


def test_an_owner_adds_one_and_its_secret_is_never_shown(cast: Cast):
    olga = enter(cast, "olga")
    assert reverse("add_channel", args=["mastodon"]) in html_of(olga, ADD)
    assert "Connect Mastodon" in html_of(olga, reverse("add_channel", args=["mastodon"]))
    fields = {"name": "Mastodon", "set-base_url": "http://127.0.0.1:9", "secret": "s3cret-t0ken"}
    answer = olga.post(reverse("add_channel", args=["mastodon"]), fields)
    assert answer.status_code == 302
    made = Channel.objects.get(key="mastodon")
    assert secret_of(made) == "s3cret-t0ken"
    assert "s3cret-t0ken" not in ChannelSecret.objects.get(channel=made).ciphertext
    assert "does not answer as it should" in said(answer)
    assert "s3cret-t0ken" not in html_of(olga)


def test_a_refused_form_keeps_what_was_typed_but_not_the_secret(cast: Cast):
    olga = enter(cast, "olga")
    fields = {"name": "demo", "set-base_url": "", "secret": "s3cret"}
    answer = olga.post(reverse("add_channel", args=["mastodon"]), fields)
    html = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert 'value="demo"' in html
    assert "s3cret" not in html
    assert 'id="id_set-base_url_error"' in html
    taken = olga.post(reverse("add_channel", args=["console"]), {"name": "demo"})
    assert taken.status_code == 422
    assert "already has a channel" in unescape(taken.content.decode())


def test_an_owner_reconnects_one_and_nothing_scheduled_is_lost(cast: Cast):
    channel = cast.channel("console")
    keep_secret(channel, "old-secret")
    post = cast.approved(channels=["console"])
    digest = digest_of(post)
    address = reverse("channel_reconnect", args=[channel.pk])
    assert enter(cast, "nadia").post(address, {}).status_code == 403
    olga = enter(cast, "olga")
    assert address in html_of(olga, reverse("channels"))
    assert "old-secret" not in html_of(olga, address)
    assert "aria-current" in html_of(olga, address).split('href="/channels/"')[1].split(">")[0], (
        "the place is lit"
    )
    assert olga.post(address, {"secret": ""}).status_code == 302
    assert secret_of(channel) == "old-secret"
    assert (fresh(post).lifecycle, digest_of(post)) == (PostState.SCHEDULED, digest)
    assert ChannelHealth.objects.get(channel=channel).ok


def test_a_reconnection_to_another_account_lets_nothing_out_and_is_put_back(cast: Cast):
    channel = cast.channel("console")
    Channel.objects.filter(pk=channel.pk).update(account="console#somebody-else")
    ChannelHealth.objects.create(channel=channel)
    keep_secret(channel, "old-secret")
    post = cast.approved(channels=["console"])
    due(post)
    with pytest.raises(Invalid, match="another account"):
        reconnect(cast.olga, Channel.objects.get(pk=channel.pk), {}, "new-secret")
    # What was approved for one account never meets another, nor is an unknown outcome looked for there.
    assert secret_of(channel) == "old-secret"
    health = ChannelHealth.objects.get(channel=channel)
    assert (health.ok, health.checked_at) == (False, None)
    assert work() == []
    assert fresh(post).lifecycle == PostState.SCHEDULED


def test_an_unknown_network_is_not_found_and_the_demonstrations_is_offered_there_only(cast: Cast):
    olga = enter(cast, "olga")
    assert olga.get(reverse("add_channel", args=["myspace"])).status_code == 404
    with override_settings(DEMO=False):
        assert olga.get(reverse("add_channel", args=["demo"])).status_code == 404
    with override_settings(DEMO=True):
        assert olga.get(reverse("add_channel", args=["demo"])).status_code == 200
