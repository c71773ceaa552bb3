"""What people call a network and a domain of expertise. The networks' names are theirs, not translated."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

NETWORKS: Mapping[str, str] = {
    "mastodon": "Mastodon",
    "bluesky": "Bluesky",
    "instagram": "Instagram",
    "wordpress": "WordPress",
    "discourse": "Discourse",
    "linkedin": "LinkedIn",
    "facebook": "Facebook",
    "threads": "Threads",
    "x": "X",
    "telegram": "Telegram",
    "discord": "Discord",
    "slack": "Slack",
}
OWN_NETWORKS: Mapping[str, str | Promise] = {
    "atom": _("Feed"),
    "manual": _("By hand"),
    "demo": _("Demonstration"),
    "console": _("Log"),
}
DOMAINS: Mapping[str, str | Promise] = {
    "craft": pgettext_lazy("domain", "craft"),
    "company": pgettext_lazy("domain", "company"),
    "crisis": pgettext_lazy("domain", "crisis"),
    "topic:legal": pgettext_lazy("domain", "legal"),
    "topic:client": pgettext_lazy("domain", "client"),
}


def network_name(network: str) -> str:
    return NETWORKS.get(network) or str(OWN_NETWORKS.get(network, network))


def domain_name(domain: str, products: Mapping[str, str] | None = None) -> str:
    """`craft` → métier, `channel:mastodon` → Mastodon, `product:lampe-aurore` → its name in `products`
    ({key: name}), else lampe aurore."""
    if domain in DOMAINS:
        return str(DOMAINS[domain])
    kind, _sep, key = domain.partition(":")
    if kind == "channel":
        return network_name(key)
    if kind == "product" and products and key in products:
        return products[key]
    return (key or kind).replace("-", " ").replace("_", " ")
