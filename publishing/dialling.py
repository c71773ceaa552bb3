"""Opens the line to a channel's network, for everything but a publication."""

from __future__ import annotations

from functools import cache, partial

import httpx
from django.conf import settings

from adapters.base import Adapter, App, Connection
from adapters.registry import adapter_for
from adapters.transport import build_client
from posts.lending import public_url
from posts.models import Channel
from posts.uploading import read_media
from publishing.keeping import reveal
from publishing.models import ChannelSecret

# A check or a look is waited for, on a page or in a publish worker that may be asked to end: with up to four
# time-outs for all its requests (adapters/http.py) it is over within 30 s.
CHECK_TIMEOUT_S = min(7, settings.PUBLISH_TIMEOUT_S)


@cache
def client() -> httpx.Client:
    """One kept client for this process's checks. Sending threads have one each (`releasing.py`)."""
    return build_client(
        allow_private=settings.ALLOW_PRIVATE_HOSTS,
        user_agent=settings.USER_AGENT,
        timeout_s=CHECK_TIMEOUT_S,
    )


def app_of(network: str) -> App | None:
    """What whoever runs the installation entered for a network; None where that is nothing."""
    entered = settings.NETWORK_APPS.get(network)
    return App(*entered) if entered else None


@cache
def strangers_client(timeout_s: float) -> httpx.Client:
    """For an address that anybody may have written: nothing private, not even what this installation allows its
    channels."""
    return build_client(allow_private=frozenset(), user_agent=settings.USER_AGENT, timeout_s=timeout_s)


def connect(channel: Channel, through: httpx.Client, secret: str) -> Adapter:
    """The adapter for a channel, ready to use."""
    kind = adapter_for(channel.network)
    return kind(
        Connection(
            channel=channel.key,
            settings=channel.settings,
            limits={**kind.default_limits, **channel.limits},
            secret=secret,
            client=through,
            read_media=lambda sha256: read_media(channel.brand_id, sha256),
            public_url=partial(public_url, channel.brand_id),
            app=app_of(channel.network),
        )
    )


def secret_of(channel: Channel) -> str:
    """Raises SecretLost."""
    return reveal(ChannelSecret.objects.filter(channel=channel).first())
