"""Keeps channels' secrets, encrypted with a list of keys of which the first is used for writing.

Rotating: put a new key first, run `manage.py rotate_secrets`, take the old one out. A secret is
decrypted only to hand it to an adapter; it is never shown, logged, exported or journalled.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.utils import timezone

from posts.models import Channel
from publishing.models import ChannelSecret, NetworkApp


class SecretLost(Exception):
    """The stored secret cannot be decrypted with any of the keys: the channel must be reconnected."""


def _box() -> MultiFernet:
    return MultiFernet([Fernet(key.encode()) for key in settings.ENCRYPTION_KEYS])


def seal_secret(secret: str) -> str:
    return _box().encrypt(secret.encode()).decode()


def unseal(ciphertext: str) -> str:
    """Raises SecretLost."""
    try:
        return _box().decrypt(ciphertext.encode()).decode()
    except InvalidToken:
        raise SecretLost("The secret cannot be decrypted with the keys there are.") from None


def keep_secret(
    channel: Channel, secret: str, expires_at: datetime | None = None, renew_at: datetime | None = None
) -> None:
    """What a person gave. Where the network's credentials run out, it is traded for a session at once
    (`publishing/renewing.py`), unless it is known to be good for longer (a sign-in brought it just now)."""
    ChannelSecret.objects.update_or_create(
        channel=channel,
        defaults={
            "ciphertext": seal_secret(secret),
            "changed_at": timezone.now(),
            "renew_at": renew_at or timezone.now(),
            "renewing_until": None,
            "expires_at": expires_at,
        },
    )


def reveal(stored: ChannelSecret | None) -> str:
    """The secret in clear for an adapter; empty where the channel has none. Raises SecretLost."""
    return unseal(stored.ciphertext) if stored is not None else ""


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
    for app in NetworkApp.objects.all():
        try:
            fresh = box.rotate(app.ciphertext.encode()).decode()
        except InvalidToken:
            # Nothing is lost by it: we make ourselves known again at the next sign-in.
            app.delete()
        else:
            NetworkApp.objects.filter(pk=app.pk, ciphertext=app.ciphertext).update(ciphertext=fresh)
    return turned
