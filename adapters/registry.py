"""The networks there are. A new one adds its file, its contract test, and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from adapters.atom import Atom
from adapters.base import Adapter
from adapters.bluesky import Bluesky
from adapters.console import Console
from adapters.demo import Demo
from adapters.discord import Discord
from adapters.discourse import Discourse
from adapters.facebook import Facebook
from adapters.facebook_signin import FacebookSignIn
from adapters.instagram import Instagram
from adapters.instagram_signin import InstagramSignIn
from adapters.linkedin import LinkedIn
from adapters.linkedin_signin import LinkedInSignIn
from adapters.manual import Manual
from adapters.mastodon import Mastodon
from adapters.mastodon_signin import MastodonSignIn
from adapters.signing_in import SigningIn
from adapters.slack import Slack
from adapters.telegram import Telegram
from adapters.threads import Threads
from adapters.threads_signin import ThreadsSignIn
from adapters.wordpress import WordPress
from adapters.x import X
from adapters.x_signin import XSignIn


class UnknownNetwork(Exception):
    """There is no adapter of this name. The sentence lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no network “{name}”: choose among {', '.join(sorted(ADAPTERS))}.")
        self.name = name


ADAPTERS: Mapping[str, type[Adapter]] = MappingProxyType(
    {
        adapter.network: adapter
        for adapter in (
            Mastodon,
            WordPress,
            Discourse,
            Discord,
            Slack,
            Atom,
            Demo,
            Console,
            Bluesky,
            Telegram,
            X,
            LinkedIn,
            Facebook,
            Instagram,
            Threads,
            Manual,
        )
    }
)
# Where a person can be sent to sign in (`capabilities.signs_in`).
SIGN_INS: Mapping[str, type[SigningIn]] = MappingProxyType(
    {
        one.network: one
        for one in (
            MastodonSignIn,
            XSignIn,
            LinkedInSignIn,
            FacebookSignIn,
            InstagramSignIn,
            ThreadsSignIn,
        )
    }
)


def networks_by_hand() -> list[str]:
    """Where a person posts, with a phone in their hand."""
    return [name for name, kind in ADAPTERS.items() if kind.capabilities.by_hand]


def adapter_for(name: str) -> type[Adapter]:
    """The adapter's class by its key. Raises UnknownNetwork."""
    try:
        return ADAPTERS[name]
    except KeyError:
        raise UnknownNetwork(name) from None
