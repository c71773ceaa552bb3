"""Fills a migrated database for a run of faults: approved posts for channels of one network.

    DATABASE_URL=… python -m tests.faults.seeding --n 500 --kind mastodon --network http://127.0.0.1:9912

The people, their credentials and their policy are made by the product's verbs, the posts in bulk as for the
bench. They are due in a distant year until the run says when.
"""

from __future__ import annotations

import argparse
import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "cm_queue.settings")
django.setup()

from django.db import transaction  # noqa: E402

from accounts.clock import database_now  # noqa: E402
from accounts.locks import change_standing  # noqa: E402
from approvals.models import Credential, CredentialState  # noqa: E402
from posts.models import Channel  # noqa: E402
from publishing.keeping import keep_secret  # noqa: E402
from publishing.models import ChannelHealth  # noqa: E402
from tests.bench.seeding import Place, write_posts  # noqa: E402
from tests.faults import bare  # noqa: E402
from tests.staging import House, house  # noqa: E402

BRANDS = 4
# So many posts to one channel stay inside what a Mastodon server takes in its first minute.
POSTS_A_CHANNEL = 25


def _domain_of(home: House, network: str) -> None:
    """Nadia knows the network: founded by hand, as one that came after the founding."""
    domain = f"channel:{network}"
    if Credential.objects.filter(brand=home.brand, domain=domain).exists():
        return
    now = database_now()
    with transaction.atomic():
        change_standing(home.brand.pk)
        for key in ("nadia", "hugo"):
            Credential.objects.create(
                brand=home.brand,
                user=home.people[key],
                domain=domain,
                level=3,
                state=CredentialState.ACTIVE,
                valid_from=now,
                confirmed_at=now,
                first_grantor=home.olga,
            )


def _channel(home: House, number: int, kind: str, network: str) -> Channel:
    account = f"{home.brand.slug}-{number}"
    where = {"base_url": network} | ({"account": account} if kind == bare.Bare.network else {})
    channel = Channel.objects.create(
        brand=home.brand,
        key=f"{kind}-{number}",
        name=f"{kind} {number}",
        network=kind,
        settings=where,
        account=f"{network}#{account}"
        if kind == bare.Bare.network
        else f"https://stand-in.example#{account}",
        limits={"domain": "stand-in.example"},
    )
    # The token names the account: the stand-in asks for nothing more.
    keep_secret(channel, account)
    ChannelHealth.objects.create(channel=channel, checked_at=database_now())
    return channel


def seed(n: int, kind: str, network: str) -> None:
    """`n` posts, in turn over all channels of all brands."""
    homes = [house(f"maison-{number}") for number in range(BRANDS)]
    for home in homes:
        _domain_of(home, kind)
    channels = max(1, -(-n // (POSTS_A_CHANNEL * BRANDS)))
    places = [
        Place(home, _channel(home, number, kind, network)) for number in range(channels) for home in homes
    ]
    with transaction.atomic():
        write_posts([(number, places[number % len(places)]) for number in range(n)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.faults.seeding", description=__doc__)
    parser.add_argument("--n", type=int, required=True)
    parser.add_argument("--kind", choices=["mastodon", "bare"], required=True)
    parser.add_argument("--network", required=True)
    chosen = parser.parse_args()
    bare.add()
    seed(chosen.n, chosen.kind, chosen.network)
