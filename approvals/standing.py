"""How a brand stands: its policy, its people and what they hold, what is paused or frozen in it.

The same for all posts of the brand, read in a fixed number of queries, and kept for a moment by a process
that asks again and again.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

from django.db.models import QuerySet
from django.db.models.functions import Coalesce

from accounts.models import Absence, Brand, Membership
from accounts.preparing import Prepared, PreparedObjects, padded
from accounts.refusals import Invalid
from approvals.gate import Held
from approvals.models import Credential, CredentialState, Epoch, Incident, Pause, Policy, PolicyState
from approvals.policy import Rules, read_rules
from posts.models import Channel


class Credentialed(NamedTuple):
    """A credential as it is read for the gate: plain values, since every verdict reads all of a brand's."""

    brand_id: int
    account: int
    person: int
    domain: str
    level: int
    valid_from: datetime
    confirmed_at: datetime | None
    valid_until: datetime | None
    ended_at: datetime | None

    @property
    def since(self) -> datetime:
        return max(self.valid_from, self.confirmed_at or self.valid_from)

    @property
    def until(self) -> datetime | None:
        ends = [moment for moment in (self.valid_until, self.ended_at) if moment is not None]
        return min(ends) if ends else None


@dataclass(slots=True)
class Standing:
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
    # {account: person} of the active members.
    accounts: dict[int, int]


def grouped(rows: Iterable[Any], key: Callable[[Any], int]) -> dict[int, list[Any]]:
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


# Whose the account of a row is.
PERSON: Final = Coalesce("user__same_person_as", "user")


def _members(*brands: int) -> QuerySet[Membership, Any]:
    present = Membership.objects.filter(brand__in=brands, is_active=True, user__is_active=True)
    return present.values_list("brand_id", "user_id", PERSON)


def _credentials(*brands: int) -> QuerySet[Credential, Any]:
    # Neither a proposal nor one that was turned down ever counted.
    counting = Credential.objects.filter(brand__in=brands).exclude(
        state__in=[CredentialState.PROPOSED, CredentialState.DECLINED]
    )
    read = ("domain", "level", "valid_from", "confirmed_at", "valid_until", "ended_at")
    return counting.values_list("brand_id", "user_id", PERSON, *read)


def _policies(*brands: int) -> QuerySet[Policy]:
    return Policy.objects.filter(brand__in=brands, state=PolicyState.ACTIVE)


def _absences(*brands: int) -> QuerySet[Absence]:
    return Absence.objects.filter(brand__in=brands)


def _incidents(*brands: int) -> QuerySet[Incident]:
    return Incident.objects.filter(brand__in=brands, lifted_at__isnull=True).order_by("pk")


def _pauses(*brands: int) -> QuerySet[Pause]:
    return Pause.objects.filter(brand__in=brands, ended_at__isnull=True).order_by("pk")


def _epochs(*brands: int) -> QuerySet[Epoch]:
    return Epoch.objects.filter(brand__in=brands)


def _networks(*brands: int) -> QuerySet[Channel, Any]:
    return Channel.objects.filter(brand__in=brands).values_list("brand_id", "key", "network")


_MEMBERS, _CREDENTIALS, _NETWORKS = Prepared(_members), Prepared(_credentials), Prepared(_networks)
_POLICIES, _ABSENCES = PreparedObjects(Policy, _policies), PreparedObjects(Absence, _absences, "user")
_INCIDENTS, _PAUSES = PreparedObjects(Incident, _incidents), PreparedObjects(Pause, _pauses)
_EPOCHS = PreparedObjects(Epoch, _epochs)


def load_brands(brand_ids: Sequence[int]) -> dict[int, Standing]:
    """What the gate needs of each brand, in a fixed number of queries."""
    if not brand_ids:
        return {}

    def by_brand(row: Any) -> int:
        return int(row.brand_id)

    here = padded(brand_ids)
    members: dict[int, dict[int, int]] = defaultdict(dict)
    for brand_id, account, whose in _MEMBERS.rows(*here):
        members[brand_id][account] = whose
    credentials: dict[int, list[Credentialed]] = defaultdict(list)
    for row in _CREDENTIALS.rows(*here):
        credentials[row[0]].append(Credentialed(*row))
    policies = {row.brand_id: row for row in _POLICIES.objects(*here)}
    absences = grouped(_ABSENCES.objects(*here), by_brand)
    incidents = grouped(_INCIDENTS.objects(*here), by_brand)
    pauses = grouped(_PAUSES.objects(*here), by_brand)
    epochs = grouped(_EPOCHS.objects(*here), by_brand)
    networks: dict[int, dict[str, str]] = defaultdict(dict)
    for brand_id, key, network in _NETWORKS.rows(*here):
        networks[brand_id][key] = network
    found = {}
    for brand_id in brand_ids:
        here_now = members[brand_id]
        policy = policies.get(brand_id)
        found[brand_id] = Standing(
            rules=_rules(policy),
            policy_id=policy.pk if policy else None,
            held=tuple(
                Held(one.person, one.domain, one.level, one.since, one.until, one.account)
                for one in credentials[brand_id]
                # A closed account is silent, even when its person has another one that is not.
                if one.account in here_now
            ),
            active=frozenset(here_now.values()),
            absences=[(row.user.person_id, row) for row in absences[brand_id]],
            incidents=incidents[brand_id],
            pauses=pauses[brand_id],
            epochs=epochs[brand_id],
            networks=networks[brand_id],
            accounts=here_now,
        )
    return found


class OfABrand(Protocol):
    """Something that was read with its brand's standing."""

    @property
    def brand_id(self) -> int: ...

    @property
    def standing(self) -> int: ...


class Shelf:
    """Brands as they were last read, for a process that asks again and again (the release engine, the desk).

    Whatever stands in `Standing` changes only under the brand's exclusive lock, which raises its standing:
    a brand of the same standing, read under the shared lock, is the same. It is forgotten after a second
    all the same, so that a writer who forgot to raise it would be found out and not obeyed for ever. Not
    for a transaction that changes a standing itself: it may be rolled back.
    """

    LASTS_S = 1.0

    def __init__(self) -> None:
        self._kept: dict[int, tuple[int, float, Standing]] = {}

    def kept(self, brand: Brand) -> Standing | None:
        """The brand's, if it was read a moment ago and is the same."""
        return self._find(brand.pk, brand.standing, time.monotonic())

    def of(self, brand: Brand) -> Standing:
        """The brand's, as of the standing with which the row was read."""
        return self._kept_or_read({brand.pk: brand.standing})[brand.pk]

    def brands_of(self, posts: Iterable[OfABrand]) -> dict[int, Standing]:
        return self._kept_or_read({post.brand_id: post.standing for post in posts})

    def _find(self, brand_id: int, standing: int, now: float) -> Standing | None:
        kept = self._kept.get(brand_id)
        if kept is not None and kept[0] == standing and now - kept[1] < self.LASTS_S:
            return kept[2]
        return None

    def _kept_or_read(self, standings: Mapping[int, int]) -> dict[int, Standing]:
        now = time.monotonic()
        found = {}
        for brand_id, standing in standings.items():
            kept = self._find(brand_id, standing, now)
            if kept is not None:
                found[brand_id] = kept
        for brand_id, brand in load_brands(sorted(standings.keys() - found.keys())).items():
            found[brand_id] = brand
            self._kept[brand_id] = (standings[brand_id], now, brand)
        return found


class DeskShelf(Shelf):
    """The web server's, whose threads share it: pages and the deciding on posts read brands again and again."""

    LASTS_S = 2.0


DESK_SHELF: Final = DeskShelf()
