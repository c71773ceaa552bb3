"""From the database to the gate's facts: the only loader, and always for many posts at once.

The number of queries is the same for one post and for a hundred. Accounts become people here: every
number in `Facts` is a person's, so that two accounts of one person are one.
"""

from __future__ import annotations

import zoneinfo
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

from django.db.models import QuerySet
from pydantic import TypeAdapter

from accounts.clock import database_now
from accounts.preparing import Prepared, padded
from approvals.gate import CRISIS, ENTRUSTED, Blocker, Decided, Facts, Reason, Release, Rule
from approvals.models import Decision, Override, Verdict
from approvals.policy import rule_for
from approvals.standing import Shelf, Standing, grouped
from posts.models import Contribution, Post

_CLEARING = {Verdict.APPROVE.value, Verdict.WITHDRAW.value}
_zone = cache(zoneinfo.ZoneInfo)
# How facts and reasons are stored with a release, and read again.
FACTS: TypeAdapter[Facts] = TypeAdapter(Facts)
REASONS: TypeAdapter[tuple[Reason, ...]] = TypeAdapter(tuple[Reason, ...])


def touches(scope: Mapping[str, Any], channels: Iterable[str], products: Iterable[str]) -> bool:
    """Whether a scope ({"brand": true} or {"channels": […], "products": […]}) touches a post."""
    if scope.get("brand"):
        return True
    return bool(
        set(scope.get("channels", ())) & set(channels) or set(scope.get("products", ())) & set(products)
    )


@dataclass(frozen=True, slots=True)
class Loaded:
    """The facts of one post, the policy row they came from, and the versions they were read at."""

    facts: Facts
    policy_id: int | None
    version: int
    standing: int


@dataclass(frozen=True, slots=True)
class Subject:
    """What is looked at of one post. Plain values in place of rows of models: the release engine reads
    hundreds a second, and making the models of a post with its brand and its revision costs more than
    judging it (docs/decisions/throughput.md)."""

    pk: int
    brand_id: int
    standing: int
    stopped_at: datetime | None
    time_zone: str
    lineage_id: int
    kind: str
    products: Sequence[str]
    topics: Sequence[str]
    version: int
    slot: datetime | None
    window_from: datetime | None
    window_until: datetime | None
    held_by_id: int | None
    released_by_id: int | None
    released_digest: str
    released_epoch: int | None
    digest: str | None
    channels: Sequence[str] | None

    @property
    def keys(self) -> Sequence[str]:
        """The keys of its channels."""
        return self.channels or ()


# In the order of `Subject`'s fields.
_COLUMNS = (
    "pk",
    "brand_id",
    "brand__standing",
    "brand__stopped_at",
    "brand__time_zone",
    "lineage_id",
    "kind",
    "products",
    "topics",
    "version",
    "slot",
    "window_from",
    "window_until",
    "held_by_id",
    "released_by_id",
    "released_digest",
    "released_epoch",
    "revision__digest",
    "revision__content__channels",
)


def read_subjects(post_ids: Iterable[int]) -> list[Subject]:
    """These posts as they stand now, in one statement."""
    rows = Post.objects.filter(pk__in=list(post_ids)).values_list(*_COLUMNS)
    return [Subject(*row) for row in rows]


def subject_of(post: Post) -> Subject:
    """The same of a post that was read with its brand and revision."""
    brand, revision = post.brand, post.revision
    return Subject(
        pk=post.pk,
        brand_id=post.brand_id,
        standing=brand.standing,
        stopped_at=brand.stopped_at,
        time_zone=brand.time_zone,
        lineage_id=post.lineage_id,
        kind=post.kind,
        products=post.products,
        topics=post.topics,
        version=post.version,
        slot=post.slot,
        window_from=post.window_from,
        window_until=post.window_until,
        held_by_id=post.held_by_id,
        released_by_id=post.released_by_id,
        released_digest=post.released_digest,
        released_epoch=post.released_epoch,
        digest=revision.digest if revision else None,
        channels=revision.content["channels"] if revision else None,
    )


@dataclass(frozen=True, slots=True)
class _Said:
    """A decision, without its words."""

    pk: int
    post_id: int
    lineage_id: int
    user_id: int
    same_person_as: int | None
    decision: str
    digest: str
    epoch: int
    at: datetime
    binding: bool

    @property
    def person(self) -> int:
        return self.same_person_as or self.user_id


_SAID = (
    "pk",
    "post_id",
    "post__lineage_id",
    "user_id",
    "user__same_person_as_id",
    "decision",
    "digest",
    "epoch",
    "at",
    "binding",
)


def _wrote(*lineages: int) -> QuerySet[Contribution, Any]:
    of_them = Contribution.objects.filter(lineage_id__in=lineages)
    return of_them.values_list("lineage_id", "user_id", "user__same_person_as_id", "light")


def _decided(*lineages: int) -> QuerySet[Decision, Any]:
    return Decision.objects.filter(post__lineage_id__in=lineages).order_by("pk").values_list(*_SAID)


_WROTE, _DECIDED = Prepared(_wrote), Prepared(_decided)


def load(
    posts: Iterable[Post], *, shelf: Shelf | None = None, taken_at: datetime | None = None
) -> dict[int, Loaded]:
    """The facts of each post (brand and revision selected), by post id, as of one instant. Inside a
    transaction that holds the locks of `accounts/locks.py` they cannot change under the caller."""
    return load_subjects([subject_of(post) for post in posts], shelf=shelf, taken_at=taken_at)


def load_subjects(
    posts: Sequence[Subject], *, shelf: Shelf | None = None, taken_at: datetime | None = None
) -> dict[int, Loaded]:
    """The same for what was read as `Subject`s."""
    if not posts:
        return {}
    taken_at = taken_at or database_now()
    brands = (shelf or Shelf()).brands_of(posts)
    lineages = padded(list({post.lineage_id for post in posts}))
    writers: dict[int, list[tuple[int, int, bool]]] = defaultdict(list)
    for lineage, user, person, light in _WROTE.rows(*lineages):
        writers[lineage].append((user, person or user, light))
    said: dict[int, list[_Said]] = defaultdict(list)
    for row in _DECIDED.rows(*lineages):
        one = _Said(*row)
        said[one.lineage_id].append(one)
    objections = _load_objections(said)
    return {
        post.pk: _one(
            post,
            brands[post.brand_id],
            writers[post.lineage_id],
            said[post.lineage_id],
            objections.get(post.lineage_id, ()),
            taken_at,
        )
        for post in posts
    }


@dataclass(frozen=True, slots=True)
class _Objection:
    """An open objection with its words, and {domain: level} in which nobody has overridden it yet."""

    decision: Decision
    left: Mapping[str, int]


def _load_objections(said: Mapping[int, Sequence[_Said]]) -> dict[int, list[_Objection]]:
    """The open objections of each lineage, with their words. Most lineages have none, and then nothing
    more is read."""
    candidates = [
        one.pk
        for of_lineage in said.values()
        for one in of_lineage
        if one.binding and one.decision not in _CLEARING
    ]
    if not candidates:
        return {}
    overrides = grouped(Override.objects.filter(decision__in=candidates), lambda row: row.decision_id)
    lineages = {one.pk: lineage for lineage, of_lineage in said.items() for one in of_lineage}
    found: dict[int, list[_Objection]] = defaultdict(list)
    for row in Decision.objects.filter(pk__in=candidates).select_related("user").order_by("pk"):
        lineage = lineages[row.pk]
        lifted = {one.domain for one in overrides[row.pk]}
        left = {str(domain): int(level) for domain, level in row.rests_on if domain not in lifted}
        if left and not _taken_back(row, said[lineage]):
            found[lineage].append(_Objection(row, left))
    return found


def _taken_back(objection: Decision, said: Iterable[_Said]) -> bool:
    """Whether its caster has since approved the post on which they cast it, or withdrawn it there: then it
    holds nothing any more, copies included (docs/decisions/vetoes.md)."""
    # By the very account: to say that another one is the same person must not lift an objection.
    return any(
        later.pk > objection.pk
        and later.user_id == objection.user_id
        and later.post_id == objection.post_id
        and later.decision in _CLEARING
        for later in said
    )


def _approved_here(objection: Decision, post_id: int, said: Iterable[_Said]) -> bool:
    """Whether its caster has since approved this very post, which may be a copy: for it alone."""
    return any(
        later.pk > objection.pk
        and later.user_id == objection.user_id
        and later.post_id == post_id
        and later.decision == Verdict.APPROVE.value
        for later in said
    )


def _one(
    post: Subject,
    brand: Standing,
    contributions: Sequence[tuple[int, int, bool]],
    said: Sequence[_Said],
    objections: Sequence[_Objection],
    taken_at: datetime,
) -> Loaded:
    keys = post.keys
    in_scope = [epoch.number for epoch in brand.epochs if touches(epoch.scope, keys, post.products)]
    frozen = [incident.pk for incident in brand.incidents if touches(incident.scope, keys, post.products)]
    rules = brand.rules
    light = bool(rules and rules.light_correction)
    writers = [(user, person) for user, person, slight in contributions if not (slight and light)]
    day = (post.slot or taken_at).astimezone(_zone(post.time_zone)).date()
    digest = post.digest or None
    facts = Facts(
        post=post.pk,
        kind=post.kind,
        digest=digest,
        epoch=max(in_scope, default=0),
        rule=_rule(brand, post.kind, keys, post.products, post.topics),
        contributors=frozenset(person for _user, person in writers),
        decisions=tuple(
            Decided(one.pk, one.person, one.decision, one.digest, one.epoch, one.at, one.user_id)
            for one in said
            if one.post_id == post.pk
        ),
        held=brand.held,
        active=brand.active,
        absent=frozenset(person for person, row in brand.absences if row.first_day <= day <= row.last_day),
        blockers=(),
        frozen_by=frozen[0] if frozen else None,
        release=_release(post),
        window_from=post.window_from,
        window_until=post.window_until,
        taken_at=taken_at,
        wrote=frozenset(user for user, _person in writers),
    )
    blockers = _blockers(post, brand, facts, objections, said)
    if blockers:
        facts = replace(facts, blockers=tuple(blockers))
    return Loaded(facts, brand.policy_id, post.version, post.standing)


def _release(post: Subject) -> Release | None:
    if post.released_by_id is None or post.released_epoch is None:
        return None
    return Release(post.released_by_id, post.released_digest, post.released_epoch)


def _blockers(
    post: Subject, brand: Standing, facts: Facts, objections: Iterable[_Objection], said: Sequence[_Said]
) -> list[Blocker]:
    found = []
    for objection in objections:
        row = objection.decision
        if row.decision == Verdict.REJECT:
            code = "veto"
        elif row.post_id == post.pk and row.digest == facts.digest:
            code = "changes_requested"
        else:
            continue
        if _approved_here(row, post.pk, said):
            continue
        params: dict[str, str | int] = {
            "decision": row.pk,
            "who": row.user.name,
            "why": row.comment[:300],
        }
        could = who_could_override(facts, row.user.person_id, objection.left) if code == "veto" else ()
        found.append(Blocker(code, row.user.person_id, params, could))
    if post.held_by_id is not None:
        found.append(Blocker("held", post.held_by_id, {}, _who_could_resume(facts)))
    found += [
        Blocker(
            "paused", pause.by_id, {"pause": pause.pk, "why": pause.reason[:300]}, _who_could_end_pause(facts)
        )
        for pause in brand.pauses
        if touches(pause.scope, post.keys, post.products)
    ]
    if post.stopped_at is not None:
        found.append(Blocker("stopped"))
    return found


# --- Who could take a blocker away ----------------------------------------------------------------
def _holders(facts: Facts, domain: str, level: int) -> set[int]:
    """Active, present people who hold a domain at that level at this moment."""
    able = {
        held.person
        for held in facts.held
        if held.domain == domain and held.level >= level and held.at(facts.taken_at)
    }
    return (able & facts.active) - facts.absent


def who_could_override(facts: Facts, caster: int, left: Mapping[str, int]) -> tuple[int, ...]:
    """Non-contributors who could lift a veto alone in all domains that are `left`; where nobody could,
    those who could in one of them. Its caster can take it back anyway, and is not among them."""
    able = [_holders(facts, domain, level) - facts.contributors - {caster} for domain, level in left.items()]
    return tuple(sorted(set.intersection(*able) or set.union(*able))) if able else ()


def _who_could_resume(facts: Facts) -> tuple[int, ...]:
    wanted = facts.rule.requirements if facts.rule is not None else ()
    if facts.kind == CRISIS:
        wanted = tuple(one for one in wanted if one.domain == CRISIS)
    able = {person for one in wanted for person in _holders(facts, one.domain, max(one.level, ENTRUSTED))}
    return tuple(sorted(able))


def _who_could_end_pause(facts: Facts) -> tuple[int, ...]:
    return tuple(sorted(_holders(facts, "craft", ENTRUSTED) | _holders(facts, CRISIS, ENTRUSTED)))


def load_one(post: Post, *, shelf: Shelf | None = None) -> Loaded:
    return load([post], shelf=shelf)[post.pk]


def and_approved(facts: Facts, decision: Decision) -> Facts:
    """The same facts after one more approval, which was just written under the post's lock: what loading them
    again would give. Only where nothing blocks, since an approval may take back what its giver objected to."""
    if facts.blockers or decision.decision != Verdict.APPROVE:
        raise ValueError("Only one more approval, of a post that nothing blocks, is foretold.")
    one = Decided(
        decision.pk,
        decision.user.person_id,
        Verdict.APPROVE.value,
        decision.digest,
        decision.epoch,
        decision.at,
        decision.user_id,
    )
    return replace(facts, decisions=(*facts.decisions, one))


def rule_of(post: Post, brand: Standing) -> Rule | None:
    """What the brand's rules ask of a post as it is."""
    keys = post.revision.content["channels"] if post.revision else ()
    return _rule(brand, post.kind, keys, post.products, post.topics)


def _rule(
    brand: Standing, kind: str, keys: Sequence[str], products: Sequence[str], topics: Sequence[str]
) -> Rule | None:
    """None, which lets nothing out, without rules, for a kind they do not know, and for a channel that the
    brand does not have: what it would ask for is not known."""
    if brand.rules is None or not brand.networks.keys() >= set(keys):
        return None
    return rule_for(brand.rules, kind, [brand.networks[key] for key in keys], products, topics)


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
