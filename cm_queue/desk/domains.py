"""The domains of expertise that can be named in a brand: the trade's own, its networks, its products."""

from __future__ import annotations

from collections.abc import Iterable

from accounts.models import Brand

OWN = ("craft", "company", "crisis")
# Those that every brand may come to need.
TOPICS = ("topic:legal", "topic:client")


def networks_of(brand: Brand) -> list[str]:
    """The networks on which it has an account in use."""
    return sorted(set(brand.channels.filter(is_active=True).values_list("network", flat=True)))


def domains_in(networks: Iterable[str], products: Iterable[str]) -> list[str]:
    return [
        *OWN,
        *(f"channel:{network}" for network in networks),
        *(f"product:{key}" for key in sorted(products)),
    ]
