"""The gate's facts a second time, read from the tables as plainly as possible: one query after another, a loop
for every question, nothing shared with approvals/facts.py, approvals/standing.py or approvals/policy.py.

The number of queries grows with everything, and that is the point.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from accounts.models import Absence, Membership, User
from approvals.gate import Decided, Facts, Held, Release, Requirement, Rule
from approvals.models import Credential, Decision, Epoch, Incident, Override, Pause, Policy
from posts.models import Channel, Contribution, Post


def person_of(user: User) -> int:
    """Several accounts of one person are one."""
    return user.same_person_as_id if user.same_person_as_id is not None else user.pk


def in_scope(scope: dict[str, Any], post: Post) -> bool:
    """{"brand": true}, or {"channels": […], "products": […]} of which the post has one."""
    if scope.get("brand") is True:
        return True
    for channel in channels_of(post):
        if channel in scope.get("channels", []):
            return True
    return any(product in scope.get("products", []) for product in post.products)


def channels_of(post: Post) -> list[str]:
    return list(post.revision.content["channels"]) if post.revision is not None else []


def rules_of(post: Post) -> dict[str, Any] | None:
    """The rules in force; none that is empty or malformed was ever written by these tests' stories but {}."""
    for policy in Policy.objects.filter(brand=post.brand):
        if policy.state == "ACTIVE":
            return policy.rules if policy.rules else None
    return None


def rule_of(post: Post) -> Rule | None:
    rules = rules_of(post)
    if rules is None or post.kind not in rules["kinds"]:
        return None
    of_kind = rules["kinds"][post.kind]
    demands = list(of_kind["requirements"])
    for topic in post.topics:
        demands += rules.get("facets", {}).get(f"topic:{topic}", [])
    networks = []
    for key in channels_of(post):
        found = Channel.objects.filter(brand=post.brand, key=key).first()
        if found is None:
            return None
        networks.append(found.network)
    wanted: list[Requirement] = []
    for demand in demands:
        domains = [demand["domain"]]
        if demand["domain"] == "channel:*":
            domains = [f"channel:{network}" for network in networks]
        if demand["domain"] == "product:*":
            domains = [f"product:{product}" for product in post.products]
        for domain in domains:
            requirement = Requirement(domain, demand["level"], demand["n"])
            if requirement not in wanted:
                wanted.append(requirement)
    return Rule(
        tuple(wanted),
        of_kind["people"],
        timedelta(minutes=of_kind["ttl_minutes"]),
        of_kind.get("person_releases", False),
        of_kind.get("contributor_covers", False),
    )


def members_of(post: Post) -> list[User]:
    """Accounts that are open, of members who have not left."""
    of_brand = Membership.objects.filter(brand=post.brand).select_related("user")
    members = [row for row in of_brand if row.is_active]
    return [row.user for row in members if row.user.is_active]


def writers_of(post: Post) -> list[User]:
    """Author, editors, and whose suggestions were accepted, of the whole lineage; a light correction makes
    nobody a contributor where the preset has them."""
    rules = rules_of(post)
    light_counts = rules is None or not rules.get("light_correction", False)
    rows = Contribution.objects.filter(lineage_id=post.lineage_id)
    return [row.user for row in rows if light_counts or not row.light]


def held_by(post: Post) -> list[Held]:
    """A credential counts from its confirmation (or a later first day) until whatever ends it first."""
    found = []
    members = members_of(post)
    for row in Credential.objects.filter(brand=post.brand).select_related("user"):
        if row.state in ("PROPOSED", "DECLINED") or row.user not in members:
            continue
        since = row.valid_from
        if row.confirmed_at is not None and row.confirmed_at > since:
            since = row.confirmed_at
        until = row.valid_until
        if row.ended_at is not None and (until is None or row.ended_at < until):
            until = row.ended_at
        found.append(Held(person_of(row.user), row.domain, row.level, since, until, row.user_id))
    return found


def is_cleared(row: Decision, post: Post, of_lineage: list[Decision]) -> bool:
    """Taken back where it was cast; approved by its caster on this very post, a copy perhaps; or overridden
    in every domain on which it rests. Another account of the caster's is somebody else here."""
    for later in of_lineage:
        after = later.pk > row.pk and later.user_id == row.user_id
        if after and later.post_id == row.post_id and later.decision in ("approve", "withdraw"):
            return True
        if after and later.post_id == post.pk and later.decision == "approve":
            return True
    lifted = [one.domain for one in Override.objects.filter(decision=row)]
    return all(domain in lifted for domain, _level in row.rests_on)


def stopped_by(post: Post) -> list[tuple[str, int | None]]:
    """(what, who) of everything that stops the post, whatever was approved."""
    found: list[tuple[str, int | None]] = []
    of_lineage = [row for row in Decision.objects.order_by("pk") if row.post.lineage_id == post.lineage_id]
    digest = (post.revision.digest or None) if post.revision is not None else None
    for row in of_lineage:
        if not row.binding or is_cleared(row, post, of_lineage):
            continue
        if row.decision == "reject":
            found.append(("veto", person_of(row.user)))
        if row.decision == "request_changes" and row.post_id == post.pk and row.digest == digest:
            found.append(("changes_requested", person_of(row.user)))
    if post.held_by_id is not None:
        found.append(("held", post.held_by_id))
    pauses = Pause.objects.filter(brand=post.brand).order_by("pk")
    found += [("paused", row.by_id) for row in pauses if row.ended_at is None and in_scope(row.scope, post)]
    if post.brand.stopped_at is not None:
        found.append(("stopped", None))
    return found


def facts_of(post_pk: int, taken_at: datetime) -> tuple[Facts, list[tuple[str, int | None]]]:
    """The facts without their blockers, and the blockers as (what, who)."""
    post = Post.objects.get(pk=post_pk)
    epochs = [row.number for row in Epoch.objects.filter(brand=post.brand) if in_scope(row.scope, post)]
    frozen = [
        row.pk
        for row in Incident.objects.filter(brand=post.brand).order_by("pk")
        if row.lifted_at is None and in_scope(row.scope, post)
    ]
    release = None
    if post.released_by_id is not None and post.released_epoch is not None:
        release = Release(post.released_by_id, post.released_digest, post.released_epoch)
    day = (post.slot or taken_at).astimezone(post.brand.zone).date()
    away = [
        person_of(row.user)
        for row in Absence.objects.filter(brand=post.brand)
        if row.first_day <= day <= row.last_day
    ]
    facts = Facts(
        post=post.pk,
        kind=post.kind,
        digest=(post.revision.digest or None) if post.revision is not None else None,
        epoch=max(epochs) if epochs else 0,
        rule=rule_of(post),
        contributors=frozenset(person_of(user) for user in writers_of(post)),
        decisions=tuple(
            Decided(row.pk, person_of(row.user), row.decision, row.digest, row.epoch, row.at, row.user_id)
            for row in Decision.objects.filter(post=post).order_by("pk")
        ),
        held=tuple(held_by(post)),
        active=frozenset(person_of(user) for user in members_of(post)),
        absent=frozenset(away),
        blockers=(),
        frozen_by=frozen[0] if frozen else None,
        release=release,
        window_from=post.window_from,
        window_until=post.window_until,
        taken_at=taken_at,
        wrote=frozenset(user.pk for user in writers_of(post)),
    )
    return facts, stopped_by(post)
