"""The known cast on its stage, for the tests of the core: Maison Lumière as the demonstration seeds it, a
neighbour brand with an outsider, and builders that go through the product's own verbs.

`tests/staging.py` builds a brand of its own channels for the tests of the release engine; here the stage is
the one that a newcomer sees after `make run`.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from django.apps import apps
from django.db import connection, transaction
from django.db.models import F, Model
from django.utils import timezone, translation
from PIL import Image

from accounts.clock import database_now
from accounts.models import Brand, Membership, User
from adapters.transport import shared_context
from approvals.gate import Code
from approvals.models import Credential, CredentialState, Decision, Policy, PolicyState, Verdict
from approvals.policy import PRESETS
from approvals.reviewing import Word, decide, draft, revise, submit, verdict_of
from cm_queue.seeding import PRODUCT, SLUG, seed_demo
from posts.models import Channel, Media, Post, Product
from posts.uploading import upload
from publishing.claiming import Ready, claim
from publishing.outcomes import record_results
from publishing.releasing import Result, send, start_sending
from tests.staging import ALT as ALT  # noqa: PLC0414
from tests.staging import digest_of as digest_of  # noqa: PLC0414
from tests.staging import fresh as fresh  # noqa: PLC0414
from tests.tampering import past_the_triggers

TEXT = "Trois gestes pour nettoyer un abat-jour en lin."


@dataclass
class Cast:
    """The brand and its people: `cast.ines`, `cast.people["ines"]`; `stranger` belongs to `elsewhere`."""

    brand: Brand
    people: dict[str, User]
    elsewhere: Brand
    stranger: User
    lamp: str = PRODUCT
    made: list[Post] = field(default_factory=list)

    def __getattr__(self, name: str) -> User:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    # --- Posts -----------------------------------------------------------------------------------
    def draft(self, text: str = TEXT, author: User | None = None, **fields: Any) -> Post:
        fields = {"channels": ["demo"], "slot": in_hours(2).isoformat(), **fields}
        return draft(author or self.people["ines"], self.brand, {"text": text, **fields})  # type: ignore[typeddict-item]

    def submitted(self, text: str = TEXT, author: User | None = None, **fields: Any) -> Post:
        post = self.draft(text, author, **fields)
        return submit(author or self.people["ines"], post.pk)

    def approved(
        self, text: str = TEXT, by: str = "nadia", author: User | None = None, **fields: Any
    ) -> Post:
        """Scheduled: Nadia alone covers a routine post."""
        post = self.submitted(text, author, **fields)
        self.say(by, post)
        return fresh(post)

    def edit(self, who: str, post: Post, **fields: Any) -> Post:
        return revise(self.people[who], post.pk, fields)  # type: ignore[arg-type]

    def say(
        self, who: str, post: Post, decision: str = Verdict.APPROVE.value, comment: str = "", **more: Any
    ) -> Decision:
        """A decision on the digest that is on the screen now."""
        if not comment and decision in {Verdict.REJECT.value, Verdict.REQUEST_CHANGES.value}:
            comment = "Ce n’est pas vrai."
        return decide(
            self.people[who], post.pk, Word(decision, more.pop("digest", digest_of(post)), comment, **more)
        )

    # --- The stage -------------------------------------------------------------------------------
    def channel(self, key: str, network: str = "console", **more: Any) -> Channel:
        """A channel that needs no far side."""
        return Channel.objects.create(
            brand=self.brand, key=key, name=key.title(), network=network, account=f"{network}#{key}", **more
        )

    def product(self, key: str) -> Product:
        return Product.objects.create(brand=self.brand, key=key, name=key.title())

    def adopt(self, preset: str | dict[str, Any]) -> Policy:
        """Another policy in force."""
        rules = PRESETS[preset] if isinstance(preset, str) else preset
        Policy.objects.filter(brand=self.brand).update(state=PolicyState.SUPERSEDED)
        number = Policy.objects.filter(brand=self.brand).count() + 1
        return Policy.objects.create(
            brand=self.brand,
            number=number,
            state=PolicyState.ACTIVE,
            rules=rules,
            confirmed_at=database_now(),
        )

    def grant(self, who: str, domain: str, level: int, **more: Any) -> Credential:
        """A credential granted now by Hugo and confirmed by Nadia, as issue 3 will do by verbs."""
        now = database_now()
        grantor = self.people["hugo" if who != "hugo" else "nadia"]
        fields = {
            "state": CredentialState.ACTIVE,
            "valid_from": now,
            "confirmed_at": now,
            "first_grantor": grantor,
            **more,
        }
        return Credential.objects.create(
            brand=self.brand, user=self.people[who], domain=domain, level=level, **fields
        )

    def credentials(self, who: str, domain: str) -> Any:
        return Credential.objects.filter(brand=self.brand, user=self.people[who], domain=domain)

    def member(self, name: str, **grants: int) -> User:
        """Somebody more in the brand, also as `cast.<name>`."""
        user = User.objects.create_user(f"{name}@{self.brand.slug}.example", None, name=name.title())
        Membership.objects.create(brand=self.brand, user=user)
        self.people[name] = user
        for domain, level in grants.items():
            self.grant(name, domain, level)
        return user

    def membership(self, who: str) -> Membership:
        return Membership.objects.get(brand=self.brand, user=self.people[who])


def in_hours(hours: float) -> datetime:
    return (database_now() + timedelta(hours=hours)).replace(microsecond=0)


def codes(post: Post) -> set[str]:
    """Why the gate is closed, as codes: those of blockers by their own name; empty when it is open."""
    _loaded, verdict = verdict_of(fresh(post))
    return {
        str(reason.params["blocker"]) if reason.code == Code.BLOCKED else reason.code.value
        for reason in verdict.reasons
    }


def missing(post: Post) -> dict[str, int]:
    """{domain: how many more people} of what is not covered."""
    _loaded, verdict = verdict_of(fresh(post))
    return {one.requirement.domain: one.missing for one in verdict.reading.coverage if one.missing}


def is_open(post: Post) -> bool:
    return verdict_of(fresh(post))[1].open


def age_decisions(post: Post, by: timedelta) -> None:
    """As if the decisions had been made `by` earlier: the database's clock cannot be told another time."""
    with past_the_triggers():
        Decision.objects.filter(post=post).update(at=F("at") - by)


def age_post(post: Post, by: timedelta) -> None:
    """As if the post had been planned `by` earlier: all its instants move into the past."""
    Post.objects.filter(pk=post.pk).update(
        slot=F("slot") - by, window_from=F("window_from") - by, window_until=F("window_until") - by
    )
    post.deliveries.update(
        due_at=F("due_at") - by, next_at=F("next_at") - by, expires_at=F("expires_at") - by
    )


def due(post: Post, late: timedelta = timedelta(minutes=1)) -> None:
    """Its slot came, `late` ago, and its window is open for hours yet: by default it is the slot's local day,
    which would end too soon in a test that runs late in the evening."""
    slot = fresh(post).slot
    assert slot is not None
    age_post(post, slot - database_now() + late)
    Post.objects.filter(pk=post.pk).update(window_until=in_hours(3))
    post.deliveries.update(expires_at=fresh(post).deadline)


def work(
    through: httpx.Client | None = None, ready: Sequence[Ready] | None = None, worker: str = "worker-1"
) -> list[Result]:
    """One round of a worker, step by step in this thread: claim, commit, send, record. `through` what, if
    somebody listens at the far side; `ready` if something was claimed before."""
    claimed = claim(worker, 50) if ready is None else ready
    if through is None:
        with httpx.Client(verify=shared_context()) as line:
            return work(line, claimed, worker)
    results = [send(sending, through) for sending in start_sending(claimed, worker)]
    record_results(results)
    return results


def picture(
    size: tuple[int, int] = (64, 48), form: str = "PNG", colour: str = "#b08a3e", **more: Any
) -> io.BytesIO:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, form, **more)
    out.seek(0)
    return out


def media(cast: Cast, colour: str = "#b08a3e", who: str = "ines") -> Media:
    return upload(cast.people[who], cast.brand, picture(colour=colour), "lampe.png")


# The rows of the stage as it was first set in this process: setting it takes a hundred statements. And what the ORM
# makes of these, which takes it as long as many a test.
_SET: list[list[Model]] = []
_WRITTEN: list[tuple[str, Any]] = []


def _set_the_stage() -> None:
    if _WRITTEN:
        with transaction.atomic(), connection.cursor() as cursor:
            for statement, parameters in _WRITTEN:
                cursor.execute(statement, parameters)
        return
    if _SET:
        with transaction.atomic(), connection.execute_wrapper(_keep_what_is_written):
            for rows in _SET:
                type(rows[0])._base_manager.bulk_create([copy(row) for row in rows])
        return
    brand = seed_demo(posts=False)
    # So that a sentence about it is easily read here.
    Channel.objects.filter(brand=brand, key="demo").update(name="demo")
    elsewhere = Brand.objects.create(slug="atelier-voisin", name="Atelier voisin")
    stranger = User.objects.create_user("zoe@atelier-voisin.example", None, name="Zoé")
    Membership.objects.create(brand=elsewhere, user=stranger, is_owner=True)
    # What was entrusted at the founding was entrusted a while ago, and not in this very microsecond.
    ago = timedelta(days=30)
    Credential.objects.filter(brand=brand).update(
        valid_from=F("valid_from") - ago, confirmed_at=F("confirmed_at") - ago
    )
    # `account` is allauth's: the addresses of those who were invited.
    ours = ("accounts", "account", "journal", "posts", "approvals", "publishing")
    kept = (
        list(model._base_manager.all()) for app in ours for model in apps.get_app_config(app).get_models()
    )
    _SET.extend(rows for rows in kept if rows)


def _keep_what_is_written(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
    if sql.startswith("INSERT"):
        _WRITTEN.append((sql, parameters))
    return execute(sql, parameters, many, context)


@pytest.fixture
def cast(db: None) -> Iterator[Cast]:
    """Everybody on stage, nothing written yet. Sentences are in English."""
    _set_the_stage()
    people = {user.email.partition("@")[0]: user for user in User.objects.order_by("pk")}
    stranger = people.pop("zoe")
    brands = {brand.slug: brand for brand in Brand.objects.all()}
    stage = Cast(brands[SLUG], people, brands["atelier-voisin"], stranger)
    with translation.override("en"), timezone.override("Europe/Paris"):
        yield stage


@pytest.fixture
def console(cast: Cast) -> Cast:
    """With a channel whose far side is the log: the whole way out, without a network."""
    cast.channel("console")
    return cast


@pytest.fixture(autouse=True)
def in_english() -> Iterator[None]:
    """What is said is compared with the source's own words, whatever language the installation speaks."""
    with translation.override("en"):
        yield
