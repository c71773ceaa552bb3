"""Rows for every list of the panel: through the verbs where the rows depend on each other, else as they stand."""

from __future__ import annotations

from datetime import date, timedelta

from accounts.clock import database_now
from accounts.models import Absence, ApiToken, Brand, Invitation, OnCall, RepeatedCall, User
from accounts.tokens import make_token
from approvals.incidents import declare, pause
from approvals.inviting import invite
from approvals.models import (
    Acknowledgement,
    Credential,
    CredentialState,
    Decision,
    Incident,
    Lifting,
    Override,
    Pause,
    Policy,
    Request,
    SecondLook,
    Stopped,
)
from approvals.running import create_brand
from journal.models import Digest, How, Notice, Preference, Topic
from journal.sealing import seal
from posts.models import (
    Comment,
    Delivery,
    FacetMark,
    Fit,
    LexiconRule,
    Media,
    Post,
    Product,
    Recurrence,
    Snippet,
)
from publishing.models import BulkRetraction, ChannelSecret, NetworkApp, Pulse, Retraction, SignIn
from tests.admin.conftest import send_what_is_due
from tests.staging import House, age_deliveries

# What must be shown nowhere, in any row.
SECRET = "c1ph3r-of-a-s3cret"


def fill(house: House, root: User, number: int) -> None:
    """`number` rows and more for every list."""
    brands = _brands(house, root, number)
    posts = [house.approved(f"Texte {number}-{n}.", slot="on_approval") for n in range(number)]
    age_deliveries(posts, next_at=timedelta(seconds=2))
    assert send_what_is_due() == number
    scope = {"channels": [f"journal-{number}-0"]}
    pauses = [pause(house.ines, house.brand, scope, f"Pause {n}") for n in range(number)]
    incidents = [declare(house.nadia, house.brand, scope, "Bad buzz.", from_pause=one) for one in pauses]
    _people(house, number, posts)
    _stops(house, posts, pauses, incidents)
    _words(house, number, posts)
    _pictures(house, number)
    _engine(house, number, posts, incidents)
    _told(house, number, brands)
    seal()


def _brands(house: House, root: User, number: int) -> list[Brand]:
    brands = []
    for n in range(number):
        tag = f"{number}-{n}"
        brand = create_brand(root, f"maison-{tag}", name=f"Maison {tag}", slots=[])
        invite(root, brand, f"lea-{tag}@example.org", "Léa")
        house.connect(f"journal-{tag}", "console")
        make_token(house.ines, house.brand, ["read"], tag)
        brands.append(brand)
    now = database_now()
    Invitation.objects.bulk_create(
        Invitation(
            brand=house.brand,
            email=f"asked-{number}-{n}@example.org",
            digest=f"{number}-{n}-{SECRET}",
            invited_by=house.olga,
            expires_at=now,
        )
        for n in range(number)
    )
    token = ApiToken.objects.filter(brand=house.brand)[0]
    RepeatedCall.objects.bulk_create(
        RepeatedCall(token=token, key=f"{number}-{n}", fingerprint="f", status=201, body=SECRET)
        for n in range(number)
    )
    OnCall.objects.bulk_create(
        OnCall(brand=brand, user=house.ines, week=date(2026, 11, 23)) for brand in brands
    )
    return brands


def _people(house: House, number: int, posts: list[Post]) -> None:
    now = database_now()
    Credential.objects.bulk_create(
        Credential(
            brand=house.brand,
            user=house.ines,
            domain=f"topic:{number}-{n}",
            level=1,
            state=CredentialState.ACTIVE,
            confirmed_at=now,
            first_grantor=house.nadia,
        )
        for n in range(number)
    )
    rested_on = Credential.objects.filter(brand=house.brand).order_by("pk")[0]
    SecondLook.objects.bulk_create(SecondLook(credential=rested_on, post=post) for post in posts)
    Product.objects.bulk_create(
        Product(brand=house.brand, key=f"p-{number}-{n}", name=str(n)) for n in range(number)
    )
    Absence.objects.bulk_create(
        Absence(brand=house.brand, user=house.ines, first_day="2026-01-01", last_day="2026-01-02")
        for n in range(number)
    )
    policy = Policy.objects.get(brand=house.brand)
    Acknowledgement.objects.bulk_create(
        Acknowledgement(policy=policy, kind="crisis", user=house.olga, at=now) for _n in range(number)
    )


def _stops(house: House, posts: list[Post], pauses: list[Pause], incidents: list[Incident]) -> None:
    now = database_now()
    decisions = Decision.objects.filter(post__in=posts).order_by("pk")
    Override.objects.bulk_create(
        Override(decision=one, user=house.hugo, domain="craft", reason="Vu.", at=now) for one in decisions
    )
    Lifting.objects.bulk_create(Lifting(incident=one, user=house.hugo, at=now) for one in incidents)
    Stopped.objects.bulk_create(
        Stopped(post=post, pause=one, at=now) for post, one in zip(posts, pauses, strict=True)
    )
    Request.objects.bulk_create(
        Request(post=post, user=house.denis, digest="d" * 64, asked_at=now) for post in posts
    )


def _words(house: House, number: int, posts: list[Post]) -> None:
    Comment.objects.bulk_create(
        Comment(post=post, revision=post.revision, author=house.nadia, text="Bien.") for post in posts
    )
    LexiconRule.objects.bulk_create(
        LexiconRule(brand=house.brand, text=f"mot-{number}-{n}", facet="launch", added_by=house.nadia)
        for n in range(number)
    )
    Snippet.objects.bulk_create(
        Snippet(
            brand=house.brand,
            name=f"Modèle {number}-{n}",
            whole=True,
            text="[produit]",
            changed_by=house.olga,
        )
        for n in range(number)
    )
    FacetMark.objects.bulk_create(FacetMark(post=post, facet="launch", by=house.nadia) for post in posts)
    Recurrence.objects.bulk_create(
        Recurrence(
            brand=house.brand, source=post, made_by=house.ines, rule="FREQ=DAILY", starts=database_now()
        )
        for post in posts
    )


def _pictures(house: House, number: int) -> None:
    made = [
        Media(
            brand=house.brand,
            uploaded_by=house.ines,
            file="media/none.png",
            name=f"{number}-{n}.png",
            mime="image/png",
            sha256=f"{number:032}{n:032}",
            original_sha256="0" * 64,
            size=1,
            width=1,
            height=1,
        )
        for n in range(number)
    ]
    Media.objects.bulk_create(made)
    Fit.objects.bulk_create(Fit(source=one, rules="r" * 64, fitted=one) for one in made)


def _engine(house: House, number: int, posts: list[Post], incidents: list[Incident]) -> None:
    now = database_now()
    channels = [house.channels[f"journal-{number}-{n}"] for n in range(number)]
    ChannelSecret.objects.bulk_create(ChannelSecret(channel=one, ciphertext=SECRET) for one in channels)
    NetworkApp.objects.bulk_create(
        NetworkApp(network="mastodon", server=f"{number}-{n}.example", scopes="write", ciphertext=SECRET)
        for n in range(number)
    )
    SignIn.objects.bulk_create(
        SignIn(
            user=house.olga,
            brand=house.brand,
            channel=channels[0],
            network="mastodon",
            server="mastodon.example",
            redirect_uri="https://desk.example/back/",
            browser=f"browser-{SECRET}",
            state=f"{number}-{n}-{SECRET}",
            ciphertext=SECRET,
            expires_at=now,
        )
        for n in range(number)
    )
    Pulse.objects.bulk_create(Pulse(kind="worker", name=f"w-{number}-{n}", at=now) for n in range(number))
    Retraction.objects.bulk_create(
        Retraction(delivery=one, asked_by=house.nadia, asked_at=now)
        for one in Delivery.objects.filter(post__in=posts)
    )
    BulkRetraction.objects.bulk_create(
        BulkRetraction(incident=one, proposed_by=house.victor, proposed_at=now) for one in incidents
    )


def _told(house: House, number: int, brands: list[Brand]) -> None:
    Notice.objects.bulk_create(
        Notice(user=house.ines, brand=house.brand, kind="post.missed", post_id=1) for _n in range(number)
    )
    people = list(User.objects.filter(memberships__brand__in=brands, email__startswith="lea-"))
    Preference.objects.bulk_create(Preference(user=one, topic=Topic.TALK, how=How.DIGEST) for one in people)
    Digest.objects.bulk_create(Digest(user=one) for one in people)
