"""The demonstration brand: Maison Lumière, its cast, its lamp, and a desk with something on it.

Everything is written through the same verbs as by people, so that the demonstration can show nothing
that the product would not allow. Seeding twice changes nothing.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.text import slugify
from PIL import Image, ImageDraw, ImageFilter

from accounts.clock import back_then, database_now
from accounts.locks import change_standing
from accounts.models import Brand, Membership, User
from adapters.registry import ADAPTERS
from approvals.calling import this_week, write_rota
from approvals.expertise import Grant, found
from approvals.glossing import begin as begin_lexicon
from approvals.models import Credential, Policy, PolicyState, Verdict
from approvals.policy import PRESETS
from approvals.reviewing import Word, decide, draft, submit
from approvals.running import edit_brand, read_holidays
from approvals.steering import hold
from approvals.stocking import Said
from approvals.stocking import add as keep_ready
from cm_queue.recalled import PRO
from cm_queue.recalling import Memory
from journal.models import Notice
from journal.recording import INSTALLER, record
from posts.commenting import comment
from posts.lifecycle import PostState
from posts.models import Channel, Media, Post, Product, Snippet
from posts.reading import Draft
from posts.scheduling import next_free_slots
from posts.uploading import upload
from publishing.connecting import register_channel

SLUG: Final = "maison-lumiere"
DOMAIN: Final = "maison-lumiere.example"
PRODUCT: Final = "lampe-aurore"
# What the channel to the demonstration network is called; its short name, with which scripts speak of it, stays.
FEED: Final = "Le fil Lumière"
_SHORT: Final = {FEED: "demo"}
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
    Player("ines", "Inès", "stagiaire", "Elle rédige ; rien ne sort d’elle seule.", {"craft": 1}),
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
    Player("olga", "Olga", "directrice", "Propriétaire, sans expertise : elle ne valide rien.", {}, is_owner=True),
)  # fmt: skip


def seed_demo(mastodon: Mapping[str, str] | None = None, *, posts: bool = True) -> Brand:
    """Makes what is missing of the demonstration. `mastodon` may hold `base_url` and `token`."""
    remembered = posts and not Brand.objects.filter(slug=SLUG).exists()
    founded = timezone.now() - (FOUNDED_AGO if remembered else timedelta(0))
    with back_then(founded):
        with transaction.atomic():
            brand, people = _brand_and_people()
            _expertise(brand, people)
            _policy(brand, people["olga"])
        _channel(brand, FEED, "demo", {"base_url": settings.DEMO_NETWORK_URL, "account": SLUG}, "")
        if mastodon:
            _channel(brand, "mastodon", "mastodon", {"base_url": mastodon["base_url"]}, mastodon["token"])
        if remembered:
            _more_channels(brand)
    if remembered:
        # In one transaction: a hundred small ones would wait for the disk a hundred times.
        with transaction.atomic():
            _life(brand, people, founded)
    elif posts and not Post.objects.filter(brand=brand).exists():
        # Founded only now: there is nothing to remember.
        _posts(brand, people, upload(people["ines"], brand, io.BytesIO(lamp_picture()), "aurore.jpg"))
    if posts:
        _ready_words(brand, people["olga"])
    return brand


def _ready_words(brand: Brand, owner: User) -> None:
    if not Snippet.objects.filter(brand=brand).exists():
        for said in READY:
            keep_ready(owner, brand, said)


def _more_channels(brand: Brand) -> None:
    """For the professionals, and one where somebody posts by hand."""
    _channel(brand, "Maison Lumière Pro", "demo", {"base_url": settings.DEMO_NETWORK_URL, "account": PRO}, "")
    _channel(brand, "Vitrine d’Angers", "manual", {"place": "Instagram", "account": "@maison-lumiere"}, "")


def _life(brand: Brand, people: Mapping[str, User], founded: datetime) -> None:
    """Two weeks behind, two weeks ahead."""
    Brand.objects.filter(pk=brand.pk).update(created_at=founded)
    Membership.objects.filter(brand=brand).update(joined_at=founded)
    days = ((date(one, month, day), name) for one in _years() for month, day, name in HOLIDAYS)
    with back_then(founded):
        picture = upload(people["ines"], brand, io.BytesIO(lamp_picture()), "aurore.jpg")
        edit_brand(people["olga"], brand.pk, holidays=read_holidays(days))
        _ready_words(brand, people["olga"])
    brand.refresh_from_db()
    Memory(brand, people, picture, ALT).live()
    _posts(brand, people, picture)
    # Who was asked and has answered need not be told of it any more.
    answered = Post.objects.filter(brand=brand).exclude(state=PostState.IN_REVIEW.value).values("pk")
    now = database_now()
    Notice.objects.filter(
        brand=brand, kind="review.asked", read_at__isnull=True, post_id__in=answered
    ).update(read_at=now, mailed_at=now)
    week = this_week(brand)
    rota = {week: people["victor"].pk, week + timedelta(weeks=1): people["hugo"].pk}
    write_rota(people["olga"], brand, rota)


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
    begin_lexicon(INSTALLER, brand)
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
        proposed_at=now,
        confirmed_at=now,
    )
    record("policy.adopt", INSTALLER, brand, f"policy:{policy.pk}", preset="team")


def move_demo_network(url: str) -> None:
    """Points the demonstration's channel at where its network listens this time: another port may have
    been free. It is the same account there, and is recognised anew at the next check."""
    for channel in Channel.objects.filter(brand__slug=SLUG, network="demo").exclude(settings__base_url=url):
        moved = {**channel.settings, "base_url": url}
        Channel.objects.filter(pk=channel.pk).update(settings=moved, account="")


def _channel(brand: Brand, name: str, network: str, given: Mapping[str, str], secret: str) -> None:
    key = _SHORT.get(name, slugify(name))
    known = Channel.objects.filter(brand=brand, key=key).first()
    if known is None:
        made = register_channel(INSTALLER, brand, key if name in _SHORT else name, network, given, secret)
        Channel.objects.filter(pk=made.pk).update(name=name)
    elif known.settings != dict(given):
        Channel.objects.filter(pk=known.pk).update(settings=dict(given), account="")


FOUNDED_AGO: Final = timedelta(days=30)
HOLIDAYS: Final = (
    (1, 1, "Jour de l’an"),
    (5, 1, "Fête du travail"),
    (7, 14, "Fête nationale"),
    (12, 25, "Noël"),
)
# Olga wrote them, whose word counts nowhere: so nobody's approval is lost to a template.
READY: Final[Sequence[Said]] = (
    {
        "name": "De retour à l’atelier", "whole": True, "channels": ["demo"],
        "text": "[Produit] est de retour à l’atelier d’Angers, dès [jour]. Venez l’allumer vous-même !",
    },
    {"name": "Horaires de l’atelier", "text": "L’atelier d’Angers vous ouvre du mardi au samedi, de 10 h à 18 h."},
    {"name": "Nos mots-dièse", "text": "#MaisonLumière #FaitÀAngers #Lampes"},
)  # fmt: skip
# (which of the free slots ahead, by whom, what)
AHEAD: Final = (
    (0, "marc", "Le laiton ternit, et c’est très bien ainsi. Un chiffon doux suffit si vous n’êtes pas d’accord."),
    (2, "ines", "Une lampe dans l’entrée, allumée avant la nuit : la maison vous attend."),
    (5, "ines", "Le mot du jour : « opaline ». Un verre qui a du lait dans la voix."),
    (8, "marc", "Les apprentis de l’atelier présentent leur première lampe. Elle penche un peu. On la garde."),
    (13, "ines", "Changer une ampoule sans se brûler : éteindre, attendre cinq minutes, dévisser d’un quart de tour."),
)  # fmt: skip


# --- A desk with something on it --------------------------------------------------------------
def lamp_picture(across: int = 960, down: int = 720) -> bytes:
    """A lamp on a table, drawn here: a picture of our own, in JPEG."""
    width, height = 960, 720
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
    image.resize((across, down)).save(out, "JPEG", quality=88)
    return out.getvalue()


ALT = "Une lampe à dôme blanc et pied de laiton, allumée sur une table en bois."


def _years() -> tuple[int, int]:
    year = timezone.now().year
    return year, year + 1


def _posts(brand: Brand, people: Mapping[str, User], picture: Media) -> None:
    slots = next_free_slots(brand, database_now() + timedelta(hours=2), 24)
    ines, marc, nadia = people["ines"], people["marc"], people["nadia"]
    _draft(brand, ines, "Pourquoi nos pieds de lampe ne sont jamais tout à fait droits.", None)
    _submitted(
        brand,
        ines,
        "Trois gestes pour nettoyer un abat-jour en lin sans le tacher : poussière à sec, eau tiède, séchage à l’ombre.",
        slots[0],
    )
    launch = _submitted(
        brand, ines,
        "La lampe Aurore arrive ce midi. Elle se lève avec vous : une lumière douce qui monte en trente minutes, et un pied en laiton tourné à Angers.",
        slots[1], kind="launch", products=[PRODUCT], picture=picture,
    )  # fmt: skip
    _say(marc, launch, Verdict.APPROVE)
    asked = _submitted(brand, ines, "Nos ampoules durent toute la vie. Promis !", slots[2])
    _say(
        nadia,
        asked,
        Verdict.REQUEST_CHANGES,
        "On ne promet pas ce qu’on ne garantit pas : dis « cinq ans », c’est écrit dans la notice.",
        "facts",
    )
    _submitted(brand, marc, "Merci à l’atelier d’Angers : dix ans, et quarante mille lampes.", slots[3])
    ready = _submitted(
        brand,
        ines,
        "Portrait : Jeanne, souffleuse de verre, vingt ans de métier et toujours un doute avant d’ouvrir le four.",
        slots[4],
    )
    _say(nadia, ready, Verdict.APPROVE)
    refused = _submitted(brand, ines, "Nos concurrents éclairent moins bien. C’est un fait.", slots[5])
    _say(nadia, refused, Verdict.REJECT, "Nous parlons de nos lampes, jamais de celles des autres.", "brand")
    _ahead(brand, people, slots[7:])


def _ahead(brand: Brand, people: Mapping[str, User], slots: Sequence[datetime]) -> None:
    """The next two weeks: most of it read already, one that somebody held, one that still waits."""
    ines, marc, nadia = people["ines"], people["marc"], people["nadia"]
    for place, author, text in AHEAD:
        post = _submitted(brand, people[author], text, slots[place])
        _say(nadia, post, Verdict.APPROVE)
    held = _submitted(
        brand, ines, "L’atelier ouvre ses portes samedi, de dix heures à dix-sept heures.", slots[6]
    )
    _say(nadia, held, Verdict.APPROVE)
    hold(marc, held.pk, "On attend que la mairie confirme les horaires.")
    waiting = _submitted(brand, ines, "Éclairer une table ronde : une seule lampe, au centre, à soixante centimètres du plateau.", slots[11])  # fmt: skip
    comment(people["hugo"], waiting.pk, "Soixante-dix, plutôt : on se voit par-dessus la table.")


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
