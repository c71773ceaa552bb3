"""What a version of the rules changes, one change at a time: pure, for the page to say in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from approvals.policy import Demand, KindRule, Rules
from posts.models import Kind

What = Literal[
    "kind_added", "kind_removed", "demand_added", "demand_removed", "people", "ttl",
    "person_releases", "contributor_covers", "light_correction", "reauthenticate",
]  # fmt: skip


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `kind` is a kind of post, or a facet such as topic:legal, or empty for all posts.
    `stricter`: it asks for more than before."""

    what: What
    kind: str
    stricter: bool
    before: int = 0
    after: int = 0
    demand: Demand | None = None


def compare(old: Rules | None, new: Rules) -> list[Change]:
    """What `new` changes of `old`, in the order of the kinds. Against nothing, everything is added."""
    found: list[Change] = []
    known = old.kinds if old else {}
    for kind in Kind:
        found += _kinds(kind.value, known.get(kind), new.kinds.get(kind))
    facets = old.facets if old else {}
    for facet in dict.fromkeys([*facets, *new.facets]):
        found += _demands(facet, facets.get(facet, ()), new.facets.get(facet, ()))
    light, again = bool(old and old.light_correction), bool(old and old.reauthenticate)
    if light != new.light_correction:
        found.append(Change("light_correction", "", light, int(light), int(new.light_correction)))
    if again != new.reauthenticate:
        found.append(Change("reauthenticate", "", not again, int(again), int(new.reauthenticate)))
    return found


def _kinds(kind: str, old: KindRule | None, new: KindRule | None) -> list[Change]:
    if new is None:
        # A kind that the rules do not know cannot go out at all.
        return [Change("kind_removed", kind, stricter=True)] if old else []
    found = [] if old else [Change("kind_added", kind, stricter=False)]
    if old is None:
        return found
    found += _demands(kind, old.requirements, new.requirements)
    if old.people != new.people:
        found.append(Change("people", kind, new.people > old.people, old.people, new.people))
    if old.ttl_minutes != new.ttl_minutes:
        found.append(Change("ttl", kind, new.ttl_minutes < old.ttl_minutes, old.ttl_minutes, new.ttl_minutes))
    if old.person_releases != new.person_releases:
        found.append(
            Change("person_releases", kind, new.person_releases, old.person_releases, new.person_releases)
        )
    if old.contributor_covers != new.contributor_covers:
        found.append(
            Change(
                "contributor_covers",
                kind,
                old.contributor_covers,
                old.contributor_covers,
                new.contributor_covers,
            )
        )
    return found


def _demands(kind: str, old: Iterable[Demand], new: Iterable[Demand]) -> list[Change]:
    before, after = set(old), set(new)
    order = sorted(before ^ after, key=lambda one: (one.domain, one.level, one.n))
    return [
        Change("demand_added", kind, stricter=True, demand=one)
        if one in after
        else Change("demand_removed", kind, stricter=False, demand=one)
        for one in order
    ]
