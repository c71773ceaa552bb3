"""Keeps channels' secrets, encrypted with a list of keys of which the first is used for writing.

Rotating: put a new key first, run `manage.py rotate_secrets`, take the old one out. A secret is
decrypted only to hand it to an adapter; it is never shown, logged, exported or journalled.
"""

from __future__ import annotations

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone

from posts.models import Channel
from publishing.models import ChannelSecret


class SecretLost(Exception):
    """The stored secret cannot be decrypted with any of the keys: the channel must be reconnected."""


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key.encode()) for key in settings.ENCRYPTION_KEYS])


def keep_secret(channel: Channel, secret: str) -> None:
    ChannelSecret.objects.update_or_create(
        channel=channel,
        defaults={"ciphertext": _box().encrypt(secret.encode()).decode(), "changed_at": timezone.now()},
    )


def reveal(stored: ChannelSecret | None) -> str:
    """The secret in clear for an adapter; empty where the channel has none. Raises SecretLost."""
    if stored is None:
        return ""
    try:
        return _box().decrypt(stored.ciphertext.encode()).decode()
    except InvalidToken:
        raise SecretLost("The secret cannot be decrypted with the keys there are.") from None


def rotate() -> int:
    """Encrypts every secret anew with the first key. Answers how many; raises SecretLost."""
    box, turned = _box(), 0
    for stored in ChannelSecret.objects.all():
        try:
            fresh = box.rotate(stored.ciphertext.encode()).decode()
        except InvalidToken:
            raise SecretLost(f"The secret of channel {stored.pk} fits none of the keys.") from None
        turned += ChannelSecret.objects.filter(pk=stored.pk, ciphertext=stored.ciphertext).update(
            ciphertext=fresh
        )
    return turned
