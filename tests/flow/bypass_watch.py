"""What must never happen, whoever calls what: looked for after each call of the bypass matrix.

- Something reached the network that the plain predicate (tests/proof/plain.py, on facts read by tests/proof/rows.py)
  does not allow, or with other bytes than those that were approved.
- The other brand's mark stands in an answer.
- A row of the other brand is another than before.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

from django.apps import apps
from django.db import connection
from django.db.models import ForeignKey, Model

from accounts.clock import database_now
from accounts.models import Absence, Brand, Membership, User
from approvals.gate import Blocker
from approvals.models import Credential, Decision, Epoch, Incident, Override, Pause, Policy
from posts.lifecycle import DeliveryState
from posts.models import Channel, Contribution, Delivery, Post, Revision
from publishing.models import Attempt
from tests.contract.stand_ins.faulty_front import Seen
from tests.flow.bypass_stage import HERE, THERE, Stage
from tests.proof import plain, rows

OURS = ("accounts", "posts", "approvals", "publishing")
# Who signed in when, and answers kept for a repeated call: nothing of a brand's.
_NOT_OF_A_BRAND = {"last_login"}
_NOTED = ("django_session", "accounts_repeatedcall")
_WRITES = re.compile(r'(?:INSERT INTO|DELETE FROM|UPDATE) "?([a-z_]+)')


@dataclass
class Watched:
    """What the database was told during a call."""

    wrote: set[str] = field(default_factory=set)


@contextmanager
def watching_writes() -> Iterator[Watched]:
    """Which tables were written. What writes nothing has changed nothing, and lets nothing out that would not
    have gone out without it."""
    seen = Watched()

    def look(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        found = _WRITES.search(sql)
        if found and found.group(1) not in _NOTED:
            seen.wrote.add(found.group(1))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(look):
        yield seen


# --- The other brand --------------------------------------------------------------------------------
def marks_of(brand: Brand, stage: Stage) -> tuple[str, ...]:
    """What stands in that brand's rows and nowhere else."""
    if brand.pk == stage.there.brand.pk:
        return (THERE.lower(),)
    return (HERE.lower(), "@maison-lumiere.example")


def marks_in(body: bytes, brands: list[Brand], stage: Stage) -> set[str]:
    low = body.lower()
    found = {mark for brand in brands for mark in marks_of(brand, stage) if mark.encode() in low}
    for brand in brands:
        where = "there" if brand.pk == stage.there.brand.pk else "here"
        if body == stage.pictures[where]:
            found.add(f"the picture of {brand}")
    return found


@cache
def path_to_brand(model: type[Model]) -> str | None:
    """How a row says whose it is: "brand", "post__brand", …; the shortest way. None for what is nobody's."""
    if model is Brand:
        return "pk"
    if model is User:
        return "memberships__brand"
    queue: list[tuple[type[Model], str]] = [(model, "")]
    seen = {model}
    while queue:
        here, so_far = queue.pop(0)
        for one in here._meta.get_fields():
            if not isinstance(one, ForeignKey) or one.related_model in seen or one.related_model is User:
                continue
            if one.related_model is Brand:
                return f"{so_far}{one.name}"
            target = one.related_model
            assert isinstance(target, type)
            seen.add(target)
            queue.append((target, f"{so_far}{one.name}__"))
    return None


@cache
def _kept() -> list[tuple[type[Model], str, list[str]]]:
    found = []
    for app in OURS:
        for model in apps.get_app_config(app).get_models():
            path = path_to_brand(model)
            if path is not None and not model._meta.db_table.startswith("accounts_repeatedcall"):
                names = [
                    one.attname for one in model._meta.concrete_fields if one.attname not in _NOT_OF_A_BRAND
                ]
                found.append((model, path, names))
    return found


def fingerprint(brand: Brand) -> dict[str, str]:
    """{table: a hash of all of the brand's rows in it}."""
    found = {}
    for model, path, names in _kept():
        told = list(model._base_manager.filter(**{path: brand.pk}).order_by("pk").values_list(*names))
        found[model._meta.db_table] = hashlib.sha256(repr(told).encode()).hexdigest()
    return found


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    return {table for table in before if before[table] != after[table]}


# --- What went out ------------------------------------------------------------------------------------
def make_all_due() -> None:
    """As if every slot had come: what a call arranged for later is tried now, by the gate's own judgement."""
    now = database_now()
    Delivery.objects.filter(state=DeliveryState.PENDING.value, next_at__isnull=False).update(next_at=now)


def judge(seen: list[Seen]) -> list[str]:
    """What is wrong with what the network received."""
    wrong = []
    for one in seen:
        # Pictures go ahead of the post that shows them, and are seen by nobody without it.
        if one.method == "GET" or one.path.endswith("/media"):
            continue
        delivery = _sent_as(one)
        if delivery is None:
            wrong.append(f"{one.method} {one.path} belongs to no attempt: {one.body[:200]!r}")
            continue
        wrong += [f"{delivery.post_id}: {word}" for word in wrong_with(delivery, one)]
    return wrong


def _sent_as(one: Seen) -> Delivery | None:
    key = one.headers.get("idempotency-key", "")
    found = Attempt.objects.filter(key=key).order_by("-pk").first() if key else None
    if found is not None:
        return found.delivery
    remote = one.path.rpartition("/")[2]
    return Delivery.objects.filter(corrects__remote_id=remote).exclude(corrects__remote_id="").first()


def wrong_with(delivery: Delivery, one: Seen) -> Iterator[str]:
    if not allowed(delivery.post_id):
        yield "it may not go out"
    post = Post.objects.select_related("revision").get(pk=delivery.post_id)
    sealed = post.revision.payloads[delivery.channel.key]["body"]["parts"][0]["text"]
    if not (delivery.approved_digest == delivery.sealed_digest == post.revision.digest):
        yield "these are not the bytes that are sealed now"
    if json.loads(one.body)["text"] != sealed:
        yield f"other words went out: {one.body[:200]!r}"


# {post and all that the gate may know of it: the predicate's answer}. Reading facts plainly takes a thousand
# statements, and most calls change nothing of what is sent afterwards.
_KNOWN: dict[str, bool] = {}
_OF_ALL = (User, Brand, Membership, Absence, Credential, Policy, Epoch, Incident, Pause, Channel)


def allowed(post_pk: int) -> bool:
    """The plain predicate, on facts that were read plainly."""
    key = _known_of(post_pk)
    if key not in _KNOWN:
        now = database_now()
        facts, stops = rows.facts_of(post_pk, now)
        blockers = tuple(Blocker(code, person) for code, person in stops)
        _KNOWN[key] = plain.may_go_out(replace(facts, blockers=blockers), now)
    return _KNOWN[key]


def _known_of(post_pk: int) -> str:
    """A hash of every row that tests/proof/rows.py reads for this post."""
    post = Post.objects.values().get(pk=post_pk)
    told: list[Any] = [{name: value for name, value in post.items() if name not in ("state", "version")}]
    told += [list(model._base_manager.order_by("pk").values()) for model in _OF_ALL]
    lineage = post["lineage_id"]
    told.append(list(Decision.objects.filter(post__lineage=lineage).order_by("pk").values()))
    told.append(list(Override.objects.filter(decision__post__lineage=lineage).order_by("pk").values()))
    told.append(list(Contribution.objects.filter(lineage=lineage).order_by("pk").values()))
    told.append(list(Revision.objects.filter(pk=post["revision_id"]).values()))
    return hashlib.sha256(repr(told).encode()).hexdigest()
