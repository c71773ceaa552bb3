"""Sets the stage: a brand with the known cast, channels on a far side, and posts that are approved and due.

Everything is done through the product's verbs. The one thing faked is the clock, by moving what is stored
(`age`): the database's own clock, in which the gate believes, cannot be told another time.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F
from PIL import Image

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, Membership, User
from approvals.expertise import Grant, found
from approvals.models import Policy, PolicyState, Verdict
from approvals.policy import PRESETS
from approvals.reviewing import Word, decide, draft, submit
from journal.recording import OPERATOR
from posts.models import Channel, Delivery, Media, Post
from posts.uploading import upload
from publishing.connecting import add_channel

NETWORKS = ("demo", "mastodon", "console")
ALL_NETWORKS_2 = {f"channel:{network}": 2 for network in NETWORKS}
ALL_NETWORKS_3 = {f"channel:{network}": 3 for network in NETWORKS}
CAST: Mapping[str, Mapping[str, int]] = {
    "ines": {"craft": 1},
    "marc": {"craft": 2, **ALL_NETWORKS_2},
    "nadia": {"craft": 3, "company": 3, **ALL_NETWORKS_3},
    "victor": {"crisis": 3, "craft": 2, "company": 2},
    "hugo": {"craft": 3, "company": 3, "crisis": 3, **ALL_NETWORKS_3},
    # The director the case is about: a title, and at most a beginner's expertise.
    "denis": {},
    "delphine": {"craft": 1, "company": 1, "channel:demo": 1, "channel:mastodon": 1},
    "olga": {},
}
TITLES = {"ines": "stagiaire", "denis": "directeur", "delphine": "directrice", "olga": "propriétaire"}
ALT = "Une lampe à dôme blanc, allumée sur une table en bois."


@dataclass
class House:
    """A brand and its people; `people["ines"]` or `house.ines`."""

    brand: Brand
    people: dict[str, User]
    channels: dict[str, Channel] = field(default_factory=dict)

    def __getattr__(self, name: str) -> User:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    def connect(self, name: str, network: str = "demo", secret: str = "", **settings: str) -> Channel:
        self.channels[name] = add_channel(OPERATOR, self.brand, name, network, settings, secret)
        return self.channels[name]

    def draft(self, text: str = "Trois gestes pour un abat-jour.", **fields: Any) -> Post:
        fields = {"channels": [*self.channels][:1], "slot": "on_approval", **fields}
        author = fields.pop("author", self.people["ines"])
        return draft(author, self.brand, {"text": text, **fields})  # type: ignore[typeddict-item]

    def submitted(self, text: str = "Trois gestes pour un abat-jour.", **fields: Any) -> Post:
        post = self.draft(text, **fields)
        return submit(fields.get("author", self.people["ines"]), post.pk)

    def approved(self, text: str = "Trois gestes pour un abat-jour.", **fields: Any) -> Post:
        """Approved by Nadia, and due at once unless a slot is given."""
        post = self.submitted(text, **fields)
        say(self.people["nadia"], post)
        return fresh(post)


def house(slug: str = "maison-lumiere", **brand: Any) -> House:
    """The brand with its cast, founded and under the policy of a team; no channel yet."""
    made = Brand.objects.create(slug=slug, name=slug.title(), slots=["09:00", "12:30", "18:00"], **brand)
    people = {}
    for key in CAST:
        people[key] = User.objects.create_user(f"{key}@{slug}.example", None, name=key.title(), language="en")
        Membership.objects.create(
            brand=made, user=people[key], title=TITLES.get(key, ""), is_owner=key == "olga"
        )
    with transaction.atomic():
        found(
            people["olga"],
            made,
            [
                Grant(people[key], domain, level, "Seen.")
                for key, held in CAST.items()
                for domain, level in held.items()
            ],
        )
        change_standing(made.pk)
        Policy.objects.create(
            brand=made,
            number=1,
            state=PolicyState.ACTIVE,
            rules=PRESETS["team"],
            proposed_by=people["olga"],
            confirmed_at=database_now(),
        )
    made.refresh_from_db()
    return House(made, people)


def say(person: User, post: Post, decision: Verdict = Verdict.APPROVE, comment: str = "") -> None:
    """A decision on the digest that is on the screen now."""
    decide(person, post.pk, Word(decision.value, digest_of(post), comment))


def digest_of(post: Post) -> str:
    revision = fresh(post).revision
    return revision.digest if revision else ""


def fresh(post: Post) -> Post:
    """As the database has it."""
    return Post.objects.select_related("brand", "revision", "author").get(pk=post.pk)


def delivery_of(post: Post, channel: str = "") -> Delivery:
    rows = post.deliveries.select_related("channel", "post__brand")
    return rows.get(channel__key=channel) if channel else rows.get()


def states_of(post: Post) -> dict[str, str]:
    return dict(post.deliveries.values_list("channel__key", "state"))


def age(post: Post, by: timedelta) -> None:
    """As if the post had been scheduled `by` earlier: every instant of it moves into the past."""
    Post.objects.filter(pk=post.pk).update(
        slot=F("slot") - by, window_from=F("window_from") - by, window_until=F("window_until") - by
    )
    post.deliveries.update(
        due_at=F("due_at") - by, next_at=F("next_at") - by, expires_at=F("expires_at") - by
    )


def age_deliveries(posts: Sequence[Post], **shifts: timedelta) -> None:
    """Moves single instants of the deliveries: `age_deliveries([post], lease_until=timedelta(hours=1))`."""
    Delivery.objects.filter(post__in=posts).update(**{name: F(name) - by for name, by in shifts.items()})


def soon(seconds: float) -> datetime:
    return database_now() + timedelta(seconds=seconds)


def picture(person: User, brand: Brand, colour: str = "#b08a3e") -> Media:
    out = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(out, "PNG")
    out.seek(0)
    return upload(person, brand, out, "lampe.png")
