"""The demonstration brand: Maison Lumière, its cast, its lamp, and a desk with something on it.

Everything is written through the same verbs as by people, so that the demonstration can show nothing
that the product would not allow. Seeding twice changes nothing.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from PIL import Image, ImageDraw, ImageFilter

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, Membership, User
from adapters.registry import ADAPTERS
from approvals.expertise import Grant, found
from approvals.models import Credential, Policy, PolicyState, Verdict
from approvals.policy import PRESETS
from approvals.reviewing import Word, decide, draft, submit
from journal.recording import INSTALLER, record
from posts.models import Channel, Media, Post, Product
from posts.reading import Draft
from posts.scheduling import next_free_slots
from posts.uploading import upload
from publishing.connecting import register_channel

SLUG: Final = "maison-lumiere"
DOMAIN: Final = "maison-lumiere.example"
PRODUCT: Final = "lampe-aurore"
EVIDENCE: Final = "Constaté à la fondation de la maison."
# Networks of later issues, so that the mentors' standing need not be granted again when they come.
NETWORKS: Final = (
    "bluesky", "console", "demo", "discord", "discourse", "facebook", "instagram", "linkedin", "manual",
    "mastodon", "slack", "telegram", "threads", "wordpress", "x", "atom",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Player:
    """One of the cast: who they are, and their founding grants by domain."""

    key: str
    name: str
    title: str
    line: str
    grants: Mapping[str, int]
    is_owner: bool = False

    @property
    def email(self) -> str:
        return f"{self.key}@{DOMAIN}"


def _networks(level: int) -> dict[str, int]:
    return {f"channel:{network}": level for network in sorted({*NETWORKS, *ADAPTERS})}


CAST: Final = (
    Player("ines", "Inès", "stagiaire", "Elle rédige ; rien ne sort d’elle seule.", {"craft": 1}),
    Player("marc", "Marc", "rédacteur", "Il connaît le métier et les réseaux, peu la maison.", {"craft": 2, **_networks(2)}),
    Player(
        "nadia", "Nadia", "responsable éditoriale", "Référente du métier et de la maison.",
        {"craft": 3, "company": 3, **_networks(3)},
    ),
    Player(
        "sofia", "Sofia", "cheffe de produit", "L’experte qu’on appelle pour la lampe Aurore.",
        {"craft": 1, f"product:{PRODUCT}": 3},
    ),
    Player(
        "victor", "Victor", "relations presse", "Il tient la crise.", {"crisis": 3, "craft": 2, "company": 2}
    ),
    Player(
        "hugo", "Hugo", "ancien responsable, à temps partiel", "Le second référent, en tout.",
        {"craft": 3, "company": 3, "crisis": 3, f"product:{PRODUCT}": 3, **_networks(3)},
    ),
    Player("olga", "Olga", "directrice", "Propriétaire, sans expertise : elle ne valide rien.", {}, is_owner=True),
)  # fmt: skip


def seed_demo(mastodon: Mapping[str, str] | None = None, *, posts: bool = True) -> Brand:
    """Makes what is missing of the demonstration. `mastodon` may hold `base_url` and `token`."""
    with transaction.atomic():
        brand, people = _brand_and_people()
        _expertise(brand, people)
        _policy(brand, people["olga"])
    _channel(brand, "demo", "demo", {"base_url": settings.DEMO_NETWORK_URL, "account": SLUG}, "")
    if mastodon:
        _channel(brand, "mastodon", "mastodon", {"base_url": mastodon["base_url"]}, mastodon["token"])
    if posts and not Post.objects.filter(brand=brand).exists():
        _posts(brand, people)
    return brand


def _brand_and_people() -> tuple[Brand, dict[str, User]]:
    brand, made = Brand.objects.get_or_create(
        slug=SLUG,
        defaults={
            "name": "Maison Lumière",
            "time_zone": "Europe/Paris",
            "language": "fr",
            "slots": ["09:00", "12:30", "18:00"],
            "quiet_from": time(21),
            "quiet_until": time(8),
        },
    )
    if made:
        record("brand.create", INSTALLER, brand, f"brand:{brand.pk}")
    Product.objects.get_or_create(brand=brand, key=PRODUCT, defaults={"name": "Lampe Aurore"})
    people = {}
    for player in CAST:
        user = User.objects.filter(email=player.email).first()
        if user is None:
            # No password: outside the one click of the demonstration there is no way in.
            user = User.objects.create_user(player.email, None, name=player.name)
        Membership.objects.get_or_create(
            brand=brand, user=user, defaults={"title": player.title, "is_owner": player.is_owner}
        )
        people[player.key] = user
    return brand, people


def _expertise(brand: Brand, people: Mapping[str, User]) -> None:
    if Credential.objects.filter(brand=brand).exists():
        return
    found(
        people["olga"],
        brand,
        [
            Grant(people[player.key], domain, level, EVIDENCE)
            for player in CAST
            for domain, level in player.grants.items()
        ],
    )


def _policy(brand: Brand, owner: User) -> None:
    if Policy.objects.filter(brand=brand).exists():
        return
    change_standing(brand.pk)
    now = database_now()
    policy = Policy.objects.create(
        brand=brand,
        number=1,
        state=PolicyState.ACTIVE,
        rules=PRESETS["team"],
        proposed_by=owner,
        confirmed_at=now,
    )
    record("policy.adopt", INSTALLER, brand, f"policy:{policy.pk}", preset="team")


def move_demo_network(url: str) -> None:
    """Points the demonstration's channel at where its network listens this time: another port may have
    been free. It is the same account there, and is recognised anew at the next check."""
    moved = {"base_url": url, "account": SLUG}
    stale = Channel.objects.filter(brand__slug=SLUG, network="demo").exclude(settings=moved)
    stale.update(settings=moved, account="")


def _channel(brand: Brand, name: str, network: str, given: Mapping[str, str], secret: str) -> None:
    known = Channel.objects.filter(brand=brand, key=name).first()
    if known is None:
        register_channel(INSTALLER, brand, name, network, given, secret)
    elif known.settings != dict(given):
        Channel.objects.filter(pk=known.pk).update(settings=dict(given), account="")


# --- A desk with something on it --------------------------------------------------------------
def lamp_picture(width: int = 960, height: int = 720) -> bytes:
    """A lamp on a table, drawn here: a picture of our own, in JPEG."""
    image = Image.new("RGB", (width, height), "#e9dfd0")
    glow = Image.new("RGB", (width, height), "#e9dfd0")
    centre, top = width // 2, height // 4
    ImageDraw.Draw(glow).ellipse((centre - 330, top - 140, centre + 330, top + 460), fill="#fff3cf")
    image = Image.blend(image, glow.filter(ImageFilter.GaussianBlur(90)), 0.9)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, height - 150, width, height), fill="#a9825a")
    pen.rectangle((centre - 9, top + 150, centre + 9, height - 140), fill="#b08a3e")
    pen.ellipse((centre - 110, height - 175, centre + 110, height - 120), fill="#b08a3e")
    pen.pieslice((centre - 190, top - 40, centre + 190, top + 340), 180, 360, fill="#fffaf0")
    pen.ellipse((centre - 190, top + 120, centre + 190, top + 180), fill="#fff1c4")
    out = io.BytesIO()
    image.save(out, "JPEG", quality=88)
    return out.getvalue()


ALT = "Une lampe à dôme blanc et pied de laiton, allumée sur une table en bois."


def _posts(brand: Brand, people: Mapping[str, User]) -> None:
    picture = upload(people["ines"], brand, io.BytesIO(lamp_picture()), "aurore.jpg")
    slots = next_free_slots(brand, database_now() + timedelta(hours=2), 6)
    ines, marc, nadia = people["ines"], people["marc"], people["nadia"]
    _draft(brand, ines, "Pourquoi nos pieds de lampe ne sont jamais tout à fait droits.", None)
    _submitted(
        brand,
        ines,
        "Trois gestes pour nettoyer un abat-jour en lin sans le tacher : poussière à sec, eau tiède, séchage à l’ombre.",
        slots[0],
    )
    launch = _submitted(
        brand, ines,
        "La lampe Aurore arrive ce midi. Elle se lève avec vous : une lumière douce qui monte en trente minutes, et un pied en laiton tourné à Angers.",
        slots[1], kind="launch", products=[PRODUCT], picture=picture,
    )  # fmt: skip
    _say(marc, launch, Verdict.APPROVE)
    asked = _submitted(brand, ines, "Nos ampoules durent toute la vie. Promis !", slots[2])
    _say(
        nadia,
        asked,
        Verdict.REQUEST_CHANGES,
        "On ne promet pas ce qu’on ne garantit pas : dis « cinq ans », c’est écrit dans la notice.",
        "facts",
    )
    _submitted(brand, marc, "Merci à l’atelier d’Angers : dix ans, et quarante mille lampes.", slots[3])
    ready = _submitted(
        brand,
        ines,
        "Portrait : Jeanne, souffleuse de verre, vingt ans de métier et toujours un doute avant d’ouvrir le four.",
        slots[4],
    )
    _say(nadia, ready, Verdict.APPROVE)
    refused = _submitted(brand, ines, "Nos concurrents éclairent moins bien. C’est un fait.", slots[5])
    _say(nadia, refused, Verdict.REJECT, "Nous parlons de nos lampes, jamais de celles des autres.", "brand")


def _draft(brand: Brand, author: User, text: str, slot: datetime | None, **more: object) -> Post:
    fields: Draft = {"text": text, "channels": ["demo"], "slot": slot.isoformat() if slot else None}
    picture = more.pop("picture", None)
    if isinstance(picture, Media):
        fields["media"] = [{"id": picture.pk, "alt": ALT}]
    return draft(author, brand, {**fields, **more})  # type: ignore[typeddict-item]


def _submitted(brand: Brand, author: User, text: str, slot: datetime, **more: object) -> Post:
    return submit(author, _draft(brand, author, text, slot, **more).pk)


def _say(person: User, post: Post, decision: Verdict, comment: str = "", motive: str = "") -> None:
    fresh = Post.objects.select_related("revision").get(pk=post.pk)
    digest = fresh.revision.digest if fresh.revision else ""
    decide(person, post.pk, Word(decision.value, digest, comment, motive))
