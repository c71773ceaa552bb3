"""The networks there are. A new one adds its file, its contract test, and one line here."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from adapters.base import Adapter
from adapters.console import Console
from adapters.demo import Demo
from adapters.mastodon import Mastodon


class UnknownNetwork(Exception):
    """There is no adapter of this name. The sentence lists those there are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"There is no network “{name}”: choose among {', '.join(sorted(ADAPTERS))}.")
        self.name = name


ADAPTERS: Mapping[str, type[Adapter]] = MappingProxyType(
    {adapter.network: adapter for adapter in (Mastodon, Demo, Console)}
)


def adapter_for(name: str) -> type[Adapter]:
    """The adapter's class by its key. Raises UnknownNetwork."""
    try:
        return ADAPTERS[name]
    except KeyError:
        raise UnknownNetwork(name) from None
