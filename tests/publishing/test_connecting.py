from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest

from accounts.clock import database_now
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.standing import Shelf
from journal.models import Entry, Personal
from journal.recording import OPERATOR
from posts.models import Channel
from publishing.claiming import claim
from publishing.connecting import (
    add_channel,
    check_channel,
    pause_channel,
    read_settings,
    resume_channel,
    unchecked,
)
from publishing.keeping import keep_secret
from publishing.models import ChannelHealth, ChannelSecret
from tests.contract.stand_ins.faulty_front import Fault
from tests.contract.stand_ins.serving import serving
from tests.contract.stand_ins.strict_mastodon import TOKEN, StrictMastodon
from tests.publishing.conftest import Network
from tests.staging import House, house

pytestmark = pytest.mark.django_db


@pytest.fixture
def strict() -> Any:
    server = StrictMastodon()
    with serving(server):
        yield server


def test_a_new_channel_counts_at_once_for_whoever_read_the_brand_a_moment_ago(
    lumiere: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "monotonic", lambda: 100.0)
    shelf = Shelf()
    assert "echo" not in shelf.of(lumiere.brand).networks
    lumiere.connect("echo", "console")
    lumiere.brand.refresh_from_db()
    assert shelf.of(lumiere.brand).networks["echo"] == "console"


# --- What was typed -----------------------------------------------------------------------------------
def test_settings_are_trimmed_and_optional_ones_may_be_left_out() -> None:
    assert read_settings("demo", {"base_url": " http://x ", "account": "a"}) == {
        "base_url": "http://x",
        "account": "a",
    }
    assert read_settings("console", {}) == {}


@pytest.mark.parametrize(
    ("network", "given", "field"),
    [
        ("nosuch", {}, "network"),
        ("demo", {"base_url": "http://x"}, "account"),
        ("demo", {"base_url": "http://x", "account": "  "}, "account"),
        ("demo", {"base_url": "http://x", "account": "a", "colour": "red"}, "colour"),
    ],
)
def test_a_bad_setting_is_named(network: str, given: dict[str, str], field: str) -> None:
    with pytest.raises(Invalid) as refused:
        read_settings(network, given)
    assert list(refused.value.fields) == [field]


@pytest.mark.parametrize("name", ["", "   ", "…", "x" * 200, "with a \x00"])
def test_a_name_that_cannot_be_kept_is_refused(lumiere: House, name: str) -> None:
    with pytest.raises(Invalid) as refused:
        lumiere.connect(name, "console")
    assert list(refused.value.fields) == ["name"]


def test_a_channels_name_once_a_brand(lumiere: House) -> None:
    with pytest.raises(Invalid) as refused:
        lumiere.connect("demo", "console")
    assert refused.value.code == "channel_exists"
    assert Channel.objects.count() == 1


def test_only_an_owner_adds_a_channel(lumiere: House) -> None:
    for person in (lumiere.ines, lumiere.nadia):
        with pytest.raises(Forbidden):
            add_channel(person, lumiere.brand, "log", "console", {})
    with pytest.raises(NotHere):
        add_channel(house("autre-maison").olga, lumiere.brand, "log", "console", {})
    assert add_channel(lumiere.olga, lumiere.brand, "log", "console", {}).key == "log"


# --- The check ----------------------------------------------------------------------------------------
def test_the_check_stores_account_handle_limits_and_health(lumiere: House, strict: StrictMastodon) -> None:
    strict.max_characters = 777
    channel = lumiere.connect("Mastodon de la maison", "mastodon", TOKEN, base_url=strict.base_url)
    channel.refresh_from_db()
    assert channel.key == "mastodon-de-la-maison"
    assert channel.account == "https://strict.example#110"
    assert channel.handle == "@maison@strict.example"
    assert channel.limits["max_characters"] == 777
    health = ChannelHealth.objects.get(channel=channel)
    assert health.ok
    assert health.checked_at is not None
    assert health.problem == ""


@pytest.mark.parametrize("token", ["wrong-token", "", "not ascii é", "a b"])
def test_a_channel_whose_check_fails_is_kept_in_trouble(
    lumiere: House, strict: StrictMastodon, token: str
) -> None:
    channel = lumiere.connect("mastodon", "mastodon", token, base_url=strict.base_url)
    health = ChannelHealth.objects.get(channel=channel)
    assert not health.ok
    assert health.problem
    assert token not in health.problem or not token


@pytest.mark.parametrize(
    "address", ["nowhere", "ftp://x.example", "http://", "http://u:p@x.example", "http://127.0.0.1:1"]
)
def test_an_address_that_does_not_do_is_trouble_and_not_a_crash(lumiere: House, address: str) -> None:
    channel = lumiere.connect("mastodon", "mastodon", "token", base_url=address)
    assert not ChannelHealth.objects.get(channel=channel).ok


def test_the_secret_is_nowhere_but_sealed(lumiere: House, strict: StrictMastodon) -> None:
    lumiere.connect("mastodon", "mastodon", TOKEN, base_url=strict.base_url)
    shown = repr(list(Entry.objects.values())) + repr(list(Personal.objects.values()))
    shown += repr(list(Channel.objects.values())) + repr(list(ChannelHealth.objects.values()))
    shown += repr(list(ChannelSecret.objects.values()))
    assert TOKEN not in shown


def test_an_account_belongs_to_one_brand(lumiere: House, network: Network) -> None:
    other = house("autre-maison")
    taken = other.connect("demo", base_url=network.url, account="maison-lumiere")
    taken.refresh_from_db()
    health = ChannelHealth.objects.get(channel=taken)
    assert not health.ok
    assert "already belongs" in health.problem
    assert taken.account == ""
    other.approved("through the back door")
    assert claim("worker-1", 10) == []


def test_another_account_behind_a_known_channel_is_trouble_and_nothing_goes_out(
    lumiere: House, network: Network, release: Any
) -> None:
    channel = lumiere.channels["demo"]
    lumiere.approved("to the wrong account")
    Channel.objects.update(settings={"base_url": network.url, "account": "somebody-else"})
    channel.refresh_from_db()
    assert not check_channel(OPERATOR, channel).ok
    assert "another account" in ChannelHealth.objects.get().problem
    assert release() == []
    assert not network.posts("somebody-else")


def test_a_channel_that_recovers_is_well_again(lumiere: House, network: Network) -> None:
    channel = lumiere.channels["demo"]
    network.front.arm("GET", "/api/me", Fault(503))
    assert not check_channel(OPERATOR, channel).ok
    assert check_channel(OPERATOR, channel).ok
    health = ChannelHealth.objects.get()
    assert (health.ok, health.problem, health.failures) == (True, "", 0)


def test_a_secret_that_cannot_be_read_is_trouble(lumiere: House) -> None:
    channel = lumiere.channels["demo"]
    keep_secret(channel, "token")
    ChannelSecret.objects.update(ciphertext="not ours")
    assert not check_channel(OPERATOR, channel).ok
    assert "reconnect" in ChannelHealth.objects.get().problem


def test_checking_never_posts(lumiere: House, network: Network) -> None:
    check_channel(OPERATOR, lumiere.channels["demo"])
    assert {one.method for one in network.front.seen} == {"GET"}


def test_who_is_checked_when(lumiere: House) -> None:
    channel, now = lumiere.channels["demo"], database_now()
    assert unchecked(now) == []
    ChannelHealth.objects.update(checked_at=now - timedelta(hours=2))
    assert unchecked(now) == [channel]
    ChannelHealth.objects.update(checked_at=now - timedelta(minutes=2))
    assert unchecked(now) == []
    ChannelHealth.objects.update(ok=False)
    assert unchecked(now) == [channel]
    ChannelHealth.objects.update(checked_at=None)
    assert unchecked(now) == [channel]
    Channel.objects.update(is_active=False)
    assert unchecked(now) == []


# --- Pausing ------------------------------------------------------------------------------------------
def test_any_member_pauses_and_only_the_qualified_or_an_owner_resumes(lumiere: House) -> None:
    channel = lumiere.channels["demo"]
    pause_channel(lumiere.ines, channel, "odd answers")
    channel.refresh_from_db()
    assert channel.paused_at is not None
    assert channel.pause_reason == "odd answers"
    with pytest.raises(Refused, match="already paused"):
        pause_channel(lumiere.marc, channel)
    for person in (lumiere.ines, lumiere.denis, lumiere.victor):
        with pytest.raises(Forbidden):
            resume_channel(person, channel)
    resume_channel(lumiere.marc, channel)
    with pytest.raises(Refused, match="not paused"):
        resume_channel(lumiere.olga, channel)
    pause_channel(lumiere.ines, channel)
    resume_channel(lumiere.olga, channel)
    channel.refresh_from_db()
    assert (channel.paused_at, channel.pause_reason) == (None, "")
    assert list(
        Entry.objects.filter(verb__startswith="channel.").values_list("verb", flat=True).order_by("pk")
    )[2:] == [
        "channel.pause",
        "channel.resume",
        "channel.pause",
        "channel.resume",
    ]


def test_a_pause_falls_wholly_before_or_wholly_after_a_send(lumiere: House) -> None:
    """It waits for the sends under way, and what was judged before it is judged again (locks.py)."""
    channel, brand = lumiere.channels["demo"], lumiere.brand
    standings = []
    for act in (
        lambda: None,
        lambda: pause_channel(lumiere.ines, channel),
        lambda: resume_channel(lumiere.olga, channel),
    ):
        act()
        brand.refresh_from_db()
        standings.append(brand.standing)
    before, paused, resumed = standings
    assert before < paused < resumed


def test_an_outsider_pauses_and_resumes_nothing(lumiere: House) -> None:
    outsider = house("autre-maison").olga
    with pytest.raises(NotHere):
        pause_channel(outsider, lumiere.channels["demo"])
    pause_channel(lumiere.ines, lumiere.channels["demo"])
    with pytest.raises(NotHere):
        resume_channel(outsider, lumiere.channels["demo"])


def test_paused_and_resumed_it_goes_out_after_all(lumiere: House, network: Network, release: Any) -> None:
    lumiere.approved("patience")
    pause_channel(lumiere.ines, lumiere.channels["demo"])
    assert release() == []
    resume_channel(lumiere.olga, lumiere.channels["demo"])
    release()
    assert network.texts() == ["patience"]
