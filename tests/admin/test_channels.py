"""Channels in the admin panel: checked, paused, resumed by whom the verbs let; secrets never shown."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from accounts.models import User
from journal.models import Entry
from posts.models import Channel
from publishing.keeping import keep_secret
from publishing.models import ChannelHealth, ChannelSecret
from tests.admin.conftest import Act, signed_in
from tests.staging import House


def test_a_check_is_done_and_its_health_shown(act: Act, client: Client, channel: Channel):
    ChannelHealth.objects.filter(channel=channel).update(ok=False, problem="was away", checked_at=None)
    assert "answers" in act("posts_channel", "check_now", channel)[0]
    assert ChannelHealth.objects.get(channel=channel).ok
    assert Entry.objects.filter(verb="channel.check").last().actor.name == "Root"  # type: ignore[union-attr]


def test_a_channel_in_trouble_says_why(act: Act, desk: House, free_port: object):
    address = f"http://127.0.0.1:{free_port()}"  # type: ignore[operator]
    broken = desk.connect("vitrine", "demo", base_url=address, account="maison")
    assert "in trouble" in act("posts_channel", "check_now", broken)[0]
    assert ChannelHealth.objects.get(channel=broken).ok is False


def test_whoever_runs_the_place_pauses_with_a_reason(act: Act, channel: Channel):
    assert "is paused" in act("posts_channel", "pause", channel, reason="bad buzz")[0]
    channel.refresh_from_db()
    assert channel.paused_at is not None
    assert channel.pause_reason == "bad buzz"
    entry = Entry.objects.get(verb="channel.pause")
    assert (entry.actor.name, entry.personal.text) == ("Root", "bad buzz")  # type: ignore[union-attr]
    assert "already paused" in act("posts_channel", "pause", channel)[0]


def test_resuming_takes_a_qualified_member(act: Act, desk: House, channel: Channel):
    act("posts_channel", "pause", channel)
    assert "not a member" in act("posts_channel", "resume", channel)[0]
    channel.refresh_from_db()
    assert channel.paused_at is not None
    User.objects.filter(pk__in=[desk.ines.pk, desk.olga.pk]).update(is_superuser=True, is_staff=True)
    assert "Only an owner" in act("posts_channel", "resume", channel, by=signed_in(desk.ines))[0]
    assert "goes on" in act("posts_channel", "resume", channel, by=signed_in(desk.olga))[0]
    channel.refresh_from_db()
    assert channel.paused_at is None


def test_a_secret_is_nowhere(client: Client, channel: Channel):
    keep_secret(channel, "s3cr3t-token")
    kept = ChannelSecret.objects.get(channel=channel).ciphertext
    for place in (
        reverse("admin:posts_channel_changelist"),
        reverse("admin:posts_channel_change", args=[channel.pk]),
        reverse("admin:index"),
    ):
        shown = client.get(place).content.decode()
        assert "s3cr3t-token" not in shown
        assert kept not in shown


def test_settings_are_read_only(client: Client, channel: Channel):
    page = reverse("admin:posts_channel_change", args=[channel.pk])
    assert client.get(page).status_code == 200
    assert client.post(page, {"name": "x", "settings": '{"base_url": "http://evil"}'}).status_code == 403
    channel.refresh_from_db()
    assert channel.name == "journal"
