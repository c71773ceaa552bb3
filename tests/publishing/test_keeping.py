from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet

from posts.models import Channel
from publishing.keeping import SecretLost, keep_secret, reveal, rotate, seal_secret, unseal
from publishing.models import ChannelSecret, NetworkApp
from tests.staging import House

pytestmark = pytest.mark.django_db
SECRET = "tok_9f2c-ünïcode"


@pytest.fixture
def channel(lumiere: House) -> Channel:
    return lumiere.channels["demo"]


def key() -> str:
    return Fernet.generate_key().decode()


def test_what_is_kept_is_revealed_and_not_stored_in_clear(channel: Channel) -> None:
    keep_secret(channel, SECRET)
    stored = ChannelSecret.objects.get()
    assert reveal(stored) == SECRET
    assert SECRET not in stored.ciphertext
    assert SECRET not in str(stored)
    assert stored.ciphertext not in str(stored)


def test_a_channel_without_a_secret_has_an_empty_one() -> None:
    assert reveal(None) == ""


def test_kept_again_it_is_replaced(channel: Channel) -> None:
    keep_secret(channel, "old")
    keep_secret(channel, "new")
    assert reveal(ChannelSecret.objects.get()) == "new"


def test_an_old_key_still_reads_and_the_first_writes(channel: Channel, settings: Any) -> None:
    old, new = key(), key()
    settings.ENCRYPTION_KEYS = [old]
    keep_secret(channel, SECRET)
    settings.ENCRYPTION_KEYS = [new, old]
    assert reveal(ChannelSecret.objects.get()) == SECRET
    keep_secret(channel, SECRET)
    settings.ENCRYPTION_KEYS = [new]
    assert reveal(ChannelSecret.objects.get()) == SECRET


def test_after_rotating_the_old_key_can_go(channel: Channel, settings: Any) -> None:
    old, new = key(), key()
    settings.ENCRYPTION_KEYS = [old]
    keep_secret(channel, SECRET)
    settings.ENCRYPTION_KEYS = [new, old]
    assert rotate() == 1
    settings.ENCRYPTION_KEYS = [new]
    assert reveal(ChannelSecret.objects.get()) == SECRET
    settings.ENCRYPTION_KEYS = [old]
    with pytest.raises(SecretLost):
        reveal(ChannelSecret.objects.get())


def test_a_lost_key_says_so_without_the_ciphertext(channel: Channel, settings: Any) -> None:
    keep_secret(channel, SECRET)
    settings.ENCRYPTION_KEYS = [key()]
    stored = ChannelSecret.objects.get()
    with pytest.raises(SecretLost) as lost:
        reveal(stored)
    assert stored.ciphertext not in str(lost.value)
    with pytest.raises(SecretLost, match=str(channel.pk)):
        rotate()
    assert ChannelSecret.objects.get().ciphertext == stored.ciphertext


def test_what_networks_know_us_by_is_turned_too_and_forgotten_where_it_is_lost(settings: Any) -> None:
    old, new = key(), key()
    settings.ENCRYPTION_KEYS = [old]
    kept = {"network": "mastodon", "redirect_uri": "https://queue.example/back/", "scopes": "read"}
    NetworkApp.objects.create(server="https://a.example", ciphertext=seal_secret(SECRET), **kept)
    NetworkApp.objects.create(server="https://b.example", ciphertext="of no key", **kept)
    settings.ENCRYPTION_KEYS = [new, old]
    rotate()
    settings.ENCRYPTION_KEYS = [new]
    assert unseal(NetworkApp.objects.get().ciphertext) == SECRET
