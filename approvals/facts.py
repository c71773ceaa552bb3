"""From the database to the gate's facts: the only loader, and always for many posts at once.

The number of queries is the same for one post and for a hundred. Accounts become people here: every
number in `Facts` is a person's, so that two accounts of one person are one.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from accounts.clock import database_now
from accounts.models import Absence, Membership
from accounts.refusals import Invalid
from approvals.gate import Blocker, Decided, Facts, Held, Release
from approvals.models import (
    Credential,
    CredentialState,
    Decision,
    Epoch,
    Incident,
    Override,
    Pause,
    Policy,
    PolicyState,
    Verdict,
)
from approvals.policy import Rules, read_rules, rule_for
from posts.models import Channel, Contribution, Post

_CLEARING = {Verdict.APPROVE, Verdict.WITHDRAW}


def touches(scope: Mapping[str, Any], channels: Iterable[str], products: Iterable[str]) -> bool:
    """Whether a scope ({"brand": true} or {"channels": […], "products": […]}) touches a post."""
    if scope.get("brand"):
        return True
    return bool(
        set(scope.get("channels", ())) & set(channels) or set(scope.get("products", ())) & set(products)
    )


@dataclass(slots=True)
class _Brand:
    """What is the same for all posts of a brand."""

    rules: Rules | None
    policy_id: int | None
    held: tuple[Held, ...]
    active: frozenset[int]
    absences: list[tuple[int, Absence]]
    incidents: list[Incident]
    pauses: list[Pause]
    epochs: list[Epoch]
    networks: dict[str, str]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The facts of one post, the policy row they came from, and the versions they were read at."""

    facts: Facts
    policy_id: int | None
    version: int
    standing: int


def _period(credential: Credential) -> tuple[datetime, datetime | None]:
    since = max(credential.valid_from, credential.confirmed_at or credential.valid_from)
    ends = [moment for moment in (credential.valid_until, credential.ended_at) if moment is not None]
    return since, min(ends) if ends else None


def _grouped(rows: Iterable[Any], key: Callable[[Any], int]) -> dict[int, list[Any]]:
    groups: dict[int, list[Any]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


def _rules(policy: Policy | None) -> Rules | None:
    if policy is None:
        return None
    try:
        return read_rules(policy.rules)
    except Invalid:
        # A policy that does not load denies everything: the gate says so, the owner is shown red.
        return None


def load_brands(brand_ids: Sequence[int]) -> dict[int, _Brand]:
    """What the gate needs of each brand, in a fixed number of queries."""
    if not brand_ids:
        return {}

    def by_brand(row: Any) -> int:
        return int(row.brand_id)

    here = {"brand_id__in": brand_ids}
    members = _grouped(
        Membership.objects.filter(**here, is_active=True, user__is_active=True).select_related("user"),
        by_brand,
    )
    credentials = _grouped(
        Credential.objects.filter(**here).exclude(state=CredentialState.PROPOSED).select_related("user"),
        by_brand,
    )
    policies = {row.brand_id: row for row in Policy.objects.filter(**here, state=PolicyState.ACTIVE)}
    absences = _grouped(Absence.objects.filter(**here).select_related("user"), by_brand)
    incidents = _grouped(Incident.objects.filter(**here, lifted_at__isnull=True).order_by("pk"), by_brand)
    pauses = _grouped(Pause.objects.filter(**here, ended_at__isnull=True).order_by("pk"), by_brand)
    epochs = _grouped(Epoch.objects.filter(**here), by_brand)
    channels = _grouped(Channel.objects.filter(**here), by_brand)
    found = {}
    for brand_id in brand_ids:
        held = []
        accounts = {row.user_id for row in members[brand_id]}
        for row in credentials[brand_id]:
            if row.user_id not in accounts:
                # A closed account is silent, even when its person has another one that is not.
                continue
            since, until = _period(row)
            held.append(Held(row.user.person_id, row.domain, row.level, since, until, row.user_id))
        policy = policies.get(brand_id)
        found[brand_id] = _Brand(
            rules=_rules(policy),
            policy_id=policy.pk if policy else None,
            held=tuple(held),
            active=frozenset(row.user.person_id for row in members[brand_id]),
            absences=[(row.user.person_id, row) for row in absences[brand_id]],
            incidents=incidents[brand_id],
            pauses=pauses[brand_id],
            epochs=epochs[brand_id],
            networks={row.key: row.network for row in channels[brand_id]},
        )
    return found


class Shelf:
    """Brands as they were last read, for a process that asks again and again (the release engine).

    Whatever stands in `_Brand` changes only under the brand's exclusive lock, which raises its standing:
    a brand of the same standing, read under the shared lock, is the same. It is forgotten after a second
    all the same, so that a writer who forgot to raise it would be found out and not obeyed for ever.
    """

    LASTS_S = 1.0

    def __init__(self) -> None:
        self._kept: dict[int, tuple[int, float, _Brand]] = {}

    def brands_of(self, posts: Sequence[Post]) -> dict[int, _Brand]:
        now = time.monotonic()
        standings = {post.brand_id: post.brand.standing for post in posts}
        found = {}
        for brand_id, standing in standings.items():
            kept = self._kept.get(brand_id)
            if kept is not None and kept[0] == standing and now - kept[1] < self.LASTS_S:
                found[brand_id] = kept[2]
        for brand_id, brand in load_brands(sorted(standings.keys() - found.keys())).items():
            found[brand_id] = brand
            self._kept[brand_id] = (standings[brand_id], now, brand)
        return found


def load(
    posts: Sequence[Post], *, shelf: Shelf | None = None, taken_at: datetime | None = None
) -> dict[int, Loaded]:
    """The facts of each post (brand and revision selected), by post id, as of one instant. Inside a
    transaction that holds the locks of `accounts/locks.py` they cannot change under the caller."""
    taken_at = taken_at or database_now()
    brands = (shelf or Shelf()).brands_of(posts)
    lineages = {post.lineage_id for post in posts}
    contributions = _grouped(
        Contribution.objects.filter(lineage_id__in=lineages).select_related("user"),
        lambda row: row.lineage_id,
    )
    decisions = _grouped(
        Decision.objects.filter(post__lineage_id__in=lineages).select_related("user", "post").order_by("pk"),
        lambda row: row.post.lineage_id,
    )
    overrides = _grouped(
        Override.objects.filter(decision__post__lineage_id__in=lineages), lambda row: row.decision_id
    )
    return {
        post.pk: _one(
            post,
            brands[post.brand_id],
            contributions[post.lineage_id],
            decisions[post.lineage_id],
            overrides,
            taken_at,
        )
        for post in posts
    }


def _one(
    post: Post,
    brand: _Brand,
    contributions: list[Contribution],
    decisions: list[Decision],
    overrides: Mapping[int, list[Override]],
    taken_at: datetime,
) -> Loaded:
    content = post.revision.content if post.revision else {"channels": []}
    keys: list[str] = content["channels"]
    networks = [brand.networks[key] for key in keys if key in brand.networks]
    in_scope = [epoch.number for epoch in brand.epochs if touches(epoch.scope, keys, post.products)]
    frozen = [incident.pk for incident in brand.incidents if touches(incident.scope, keys, post.products)]
    rules = brand.rules
    light = bool(rules and rules.light_correction)
    writers = [row.user for row in contributions if not (row.light and light)]
    due = post.slot or taken_at
    day = due.astimezone(post.brand.zone).date()
    digest = (post.revision.digest if post.revision else "") or None
    facts = Facts(
        post=post.pk,
        kind=post.kind,
        digest=digest,
        epoch=max(in_scope, default=0),
        rule=rule_for(rules, post.kind, networks, post.products, post.topics) if rules else None,
        contributors=frozenset(user.person_id for user in writers),
        decisions=tuple(
            Decided(row.pk, row.user.person_id, row.decision, row.digest, row.epoch, row.at, row.user_id)
            for row in decisions
            if row.post_id == post.pk
        ),
        held=brand.held,
        active=brand.active,
        absent=frozenset(person for person, row in brand.absences if row.first_day <= day <= row.last_day),
        blockers=tuple(_blockers(post, brand, keys, digest, decisions, overrides)),
        frozen_by=frozen[0] if frozen else None,
        release=_release(post),
        window_from=post.window_from,
        window_until=post.window_until,
        taken_at=taken_at,
        wrote=frozenset(user.pk for user in writers),
    )
    return Loaded(facts, brand.policy_id, post.version, post.brand.standing)


def _release(post: Post) -> Release | None:
    if post.released_by_id is None or post.released_epoch is None:
        return None
    return Release(post.released_by_id, post.released_digest, post.released_epoch)


def _blockers(
    post: Post,
    brand: _Brand,
    keys: list[str],
    digest: str | None,
    decisions: list[Decision],
    overrides: Mapping[int, list[Override]],
) -> list[Blocker]:
    found = []
    for objection in open_objections(decisions, overrides):
        if objection.decision == Verdict.REJECT:
            code = "veto"
        elif objection.post_id == post.pk and objection.digest == digest:
            code = "changes_requested"
        else:
            continue
        params: dict[str, str | int] = {
            "decision": objection.pk,
            "who": objection.user.name,
            "why": objection.comment[:300],
        }
        found.append(Blocker(code, objection.user.person_id, params))
    if post.held_by_id is not None:
        found.append(Blocker("held", post.held_by_id))
    found += [
        Blocker("paused", pause.by_id, {"pause": pause.pk, "why": pause.reason[:300]})
        for pause in brand.pauses
        if touches(pause.scope, keys, post.products)
    ]
    if post.brand.stopped_at is not None:
        found.append(Blocker("stopped"))
    return found


def open_objections(decisions: Iterable[Decision], overrides: Mapping[int, list[Override]]) -> list[Decision]:
    """Binding objections of a lineage that nobody has cleared: not withdrawn, not followed by their
    caster's approval, and not overridden in every domain on which they rest."""
    decisions = list(decisions)
    found = []
    for one in decisions:
        if not one.binding or one.decision in _CLEARING:
            continue
        # By the very account: to say that another one is the same person must not lift an objection.
        cleared = any(
            later.pk > one.pk and later.user_id == one.user_id and later.decision in _CLEARING
            for later in decisions
        )
        lifted = {row.domain for row in overrides.get(one.pk, ())}
        if not cleared and not {domain for domain, _level in one.rests_on} <= lifted:
            found.append(one)
    return found


def load_one(post: Post) -> Loaded:
    return load([post])[post.pk]


def for_release(facts: Facts) -> Facts:
    """The same facts without the people who said nothing on this post: what an evaluation at release
    needs to come out the same, and no more, because it is stored with every release."""
    spoke = {one.person for one in facts.decisions} | facts.contributors
    return replace(
        facts,
        held=tuple(one for one in facts.held if one.person in spoke),
        active=facts.active & spoke,
        absent=frozenset(),
    )
