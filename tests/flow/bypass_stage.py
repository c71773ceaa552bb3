"""The stage of the bypass matrix: a post of Maison Lumière in every state, and a neighbour who has one of everything.

What belongs to a brand bears its mark, a word that stands nowhere else: where an answer to somebody of the other
brand holds it, something was read that should not have been.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import httpx
from django.db.models import Model

from accounts.clock import database_now
from accounts.models import Absence, ApiToken, Brand, Membership, Scope, User
from accounts.tokens import digest_of as digest_of_token
from approvals.models import Credential, CredentialState, Incident, Pause, Policy, PolicyState, SecondLook
from approvals.policy import PRESETS
from approvals.steering import hold, withdraw
from posts.commenting import Remark, remark
from posts.lifecycle import PostState
from posts.models import Channel, Delivery, LexiconRule, Post, Recurrence, Snippet
from posts.recurring import recur
from publishing.claiming import claim
from publishing.keeping import keep_secret
from publishing.models import ChannelHealth
from publishing.releasing import start_sending
from publishing.retracting import retract, work_retractions
from tests.casting import Cast, age_post, fresh, media, work
from tests.contract.stand_ins.faulty_front import Fault
from tests.publishing.conftest import POSTS, Network

HERE, THERE = "Zibeline", "Quetzal"
# Where objects that do not have a post's states are taken from: one's own brand, or the other one.
WHERE = ("here", "there")
STATES = tuple(state.value for state in PostState)
REFUSES = Fault(status=422, body=b'{"error": "no"}')
LOST = Fault(cut="after accepting")
QUIET = {"brand": False, "channels": ["quiet"], "products": []}


@dataclass
class Stage:
    here: Cast
    there: Cast
    network: Network
    through: httpx.Client
    # {state, or "there": post}
    posts: dict[str, Post] = field(default_factory=dict)
    # {("here" or "there", what it is): row}
    things: dict[tuple[str, str], Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)
    # {"here" or "there": the bytes of its picture}
    pictures: dict[str, bytes] = field(default_factory=dict)

    @property
    def people(self) -> dict[str, User]:
        """Who calls: the cast, somebody of the other brand, and whoever runs the installation."""
        return {
            **self.here.people,
            "outsider": self.there.people["hugo"],
            "superuser": self.things["", "root"],
        }

    def brand_beside(self, who: str) -> list[Brand]:
        """The brands of which `who` may read and change nothing."""
        if who in self.here.people:
            return [self.there.brand]
        return [self.here.brand] if who == "outsider" else [self.here.brand, self.there.brand]

    def round(self) -> int:
        """What a worker does with what is due: claim, commit, send, record."""
        return len(work(self.through))


def set_stage(cast: Cast, network: Network, through: httpx.Client) -> Stage:
    there = Cast(cast.elsewhere, _neighbours(cast), cast.brand, cast.stranger)
    stage = Stage(cast, there, network, through)
    _open_channels(stage)
    there.adopt("team")
    for domain in ("craft", "company", "crisis", "channel:demo"):
        there.grant("nadia", domain, 3)
    _write_posts(stage)
    for where, side, mark in (("here", cast, HERE), ("there", there, THERE)):
        for name, row in _one_of_each(stage, where, side, mark).items():
            stage.things[where, name] = row
        with stage.things[where, "media"].file.open("rb") as file:
            stage.pictures[where] = file.read()
    stage.things["", "root"] = User.objects.create_superuser("root@example.org", None, name="Root")
    _give_tokens(stage)
    # What the network was told to do while the stage was set is forgotten.
    ChannelHealth.objects.update(ok=True, wait_until=None, failures=0, budget=None, budget_at=None)
    return stage


def _neighbours(cast: Cast) -> dict[str, User]:
    """Under the cast's names, so that the same verbs can be called: Zoé, who calls, is their Hugo."""
    people = {"hugo": cast.stranger}
    for key, name in (("ines", "Wanda"), ("nadia", "Yann")):
        people[key] = User.objects.create_user(
            f"{name.lower()}@{THERE.lower()}.example", None, name=f"{THERE} {name}"
        )
        Membership.objects.create(brand=cast.elsewhere, user=people[key], title=THERE)
    return people


def _open_channels(stage: Stage) -> None:
    here, there = stage.here, stage.there
    at = {"base_url": stage.network.url}
    Channel.objects.filter(brand=here.brand, key="demo").update(settings={**at, "account": HERE.lower()})
    _channel(here, "second", {**at, "account": f"{HERE.lower()}-2"})
    _channel(there, "demo", {**at, "account": THERE.lower()}, handle=f"@{THERE}")
    for channel in Channel.objects.filter(network="demo").select_related("brand"):
        keep_secret(channel, f"secret-of-{HERE if channel.brand.pk == here.brand.pk else THERE}")
    for where, side in (("here", here), ("there", there)):
        stage.things[where, "channel"] = _channel(side, "quiet", {}, network="console")


def _channel(side: Cast, key: str, at: dict[str, str], network: str = "demo", **more: str) -> Channel:
    return Channel.objects.create(
        brand=side.brand,
        key=key,
        name=key.title(),
        network=network,
        settings=at,
        account=f"{side.brand.slug}#{key}",
        **more,
    )


# --- A post in every state ------------------------------------------------------------------------
def _write_posts(stage: Stage) -> None:
    """By the house's verbs and the worker's rounds; only time is moved by hand. What is due when the matrix
    begins comes last."""
    for state in (*AFTER_A_ROUND, *BEFORE_A_ROUND):
        make = {**AFTER_A_ROUND, **BEFORE_A_ROUND}[state]
        text = f"{HERE} {state.value} : trois gestes pour un abat-jour."
        post = stage.posts[state.value] = fresh(make(stage, text))
        assert post.state == state.value, (state, post.state, post.deliveries.values())
    there = stage.there
    stage.posts["there"] = there.approved(f"{THERE} : trois gestes pour un abat-jour.", slot="on_approval")
    assert set(stage.posts) == {*STATES, "there"}


def _approved(stage: Stage, text: str, **more: Any) -> Post:
    return stage.here.approved(text, slot="on_approval", **more)


def _out(stage: Stage, text: str, **more: Any) -> Post:
    post = _approved(stage, text, **more)
    stage.round()
    return post


def _partly(stage: Stage, text: str) -> Post:
    stage.network.front.arm("POST", POSTS, REFUSES, skip=1)
    return _out(stage, text, channels=["demo", "second"])


def _failed(stage: Stage, text: str) -> Post:
    stage.network.front.arm("POST", POSTS, REFUSES)
    return _out(stage, text)


def _unknown(stage: Stage, text: str) -> Post:
    stage.network.front.arm("POST", POSTS, LOST)
    post = _out(stage, text)
    ChannelHealth.objects.update(ok=True, wait_until=None)
    return post


def _retracted(stage: Stage, text: str) -> Post:
    post = _out(stage, text)
    retract(stage.here.nadia, post.pk)
    work_retractions()
    return post


def _missed(stage: Stage, text: str) -> Post:
    post = _approved(stage, text)
    age_post(post, timedelta(hours=3))
    stage.round()
    return post


def _releasing(stage: Stage, text: str) -> Post:
    """Committed as being sent, by a worker of which nothing was heard since."""
    post = _approved(stage, text)
    start_sending(claim("away", 50), "away")
    return post


def _held(stage: Stage, text: str) -> Post:
    return hold(stage.here.ines, _approved(stage, text).pk)


def _said(word: str) -> Callable[[Stage, str], Post]:
    def say(stage: Stage, text: str) -> Post:
        post = stage.here.submitted(text, slot="on_approval")
        stage.here.say("nadia", post, word)
        return post

    return say


Maker = Callable[[Stage, str], Post]
AFTER_A_ROUND: dict[PostState, Maker] = {
    PostState.PUBLISHED: _out,
    PostState.PARTLY_PUBLISHED: _partly,
    PostState.FAILED: _failed,
    PostState.UNKNOWN: _unknown,
    PostState.RETRACTED: _retracted,
    PostState.MISSED: _missed,
    PostState.RELEASING: _releasing,
}
BEFORE_A_ROUND: dict[PostState, Maker] = {
    PostState.DRAFT: lambda stage, text: stage.here.draft(text, slot="on_approval"),
    PostState.IN_REVIEW: lambda stage, text: stage.here.submitted(text, slot="on_approval"),
    PostState.CHANGES_REQUESTED: _said("request_changes"),
    PostState.REJECTED: _said("reject"),
    PostState.HELD: _held,
    PostState.WITHDRAWN: lambda stage, text: withdraw(stage.here.ines, _approved(stage, text).pk),
    PostState.SCHEDULED: _approved,
}


# --- One of everything else -----------------------------------------------------------------------
def _one_of_each(stage: Stage, where: str, side: Cast, mark: str) -> dict[str, Any]:
    """What other addresses name. The pause and the incident touch a channel on which nothing waits: one over
    the brand would close every door, and the matrix would prove nothing."""
    now = database_now()
    post = stage.posts["there" if where == "there" else "in_review"]
    by, ines = side.people["nadia"], side.people["ines"]
    scope, in_days = dict(QUIET), now.date() + timedelta(days=9)
    policy = Policy.objects.create(
        brand=side.brand,
        number=90,
        state=PolicyState.PROPOSED,
        rules=PRESETS["duo"],
        proposed_by=by,
        reason=mark,
    )
    proposed = side.grant(
        "ines", "company", 1, state=CredentialState.PROPOSED, confirmed_at=None, proposed_by=by
    )
    Credential.objects.filter(pk=proposed.pk).update(
        evidence=[{"text": mark, "by": by.pk, "at": now.isoformat()}]
    )
    return {
        "brand": side.brand,
        "person": ines,
        "product": side.product(f"{mark.lower()}-objet"),
        "comment": remark(by, post.pk, Remark(f"{mark}, vraiment ?")),
        "suggestion": remark(
            by, post.pk, Remark(mark, quote="trois gestes", suggestion=f"quatre gestes {mark}")
        ),
        "rule": LexiconRule.objects.create(
            # Not the mark itself: every text that bears it would become a matter for lawyers.
            brand=side.brand,
            text=f"{mark}ade",
            facet="topic:legal",
            added_by=by,
        ),
        "snippet": Snippet.objects.create(
            brand=side.brand, name=mark, whole=True, text=f"Bonjour, {mark}.", changed_by=by
        ),
        "media": media(side, colour="#123456" if where == "here" else "#654321"),
        "policy": policy,
        "credential": proposed,
        "incident": Incident.objects.create(
            brand=side.brand, scope=scope, reason=mark, declared_by=by, declared_at=now
        ),
        "pause": Pause.objects.create(brand=side.brand, scope=scope, reason=mark, by=by, at=now),
        "recurrence": _recurrence(side, post),
        "absence": Absence.objects.create(brand=side.brand, user=ines, first_day=in_days, last_day=in_days),
        "second_look": SecondLook.objects.create(credential=proposed, post=post),
        "token": ApiToken.objects.create(
            user=by,
            brand=side.brand,
            digest=digest_of_token(mark),
            scopes=list(Scope.values),
            label=mark,
            expires_at=now + timedelta(days=1),
        ),
    }


def _recurrence(side: Cast, post: Post) -> Recurrence:
    return recur(side.people["nadia"], post, "FREQ=WEEKLY", database_now() + timedelta(days=3))


def _give_tokens(stage: Stage) -> None:
    """Every scope for everybody, and to the superuser one that no verb would have given."""
    for who, user in stage.people.items():
        brand = stage.there.brand if who == "outsider" else stage.here.brand
        token = stage.tokens[who] = f"cmq_matrix_{who}"
        ApiToken.objects.create(
            user=user,
            brand=brand,
            digest=digest_of_token(token),
            scopes=list(Scope.values),
            expires_at=database_now() + timedelta(days=1),
        )


def delivery_of(post: Post) -> Delivery:
    return post.deliveries.order_by("pk")[0]


def row_of(model: type[Model], path: str, brand: Brand) -> Model | None:
    """The newest row of a brand, of whatever the panel lists."""
    return model._base_manager.filter(**{path: brand.pk}).order_by("-pk").first()
