"""One person's page: what they hold and what it rests on, what they are on the way to, when they are away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import Absence, Brand, Membership, User
from approvals.earning import board, progress_of
from approvals.levels import accounts_of
from approvals.models import Credential, CredentialState, Level
from approvals.naming import domain_name
from approvals.practising import ACTS, Practice, practice
from approvals.progressing import SHARE, Progress, what_is_missing
from approvals.vouching import Roster
from approvals.wording import product_names
from cm_queue.desk.people import domains_of


@dataclass(frozen=True, slots=True)
class Shown:
    """Progress with its words: “14 of 20”, what is missing, and the share beside what is asked."""

    label: str
    progress: Progress
    missing: str
    share: int

    @property
    def done(self) -> int:
        return min(self.progress.needed, self.progress.accepted + self.progress.elsewhere)


@dataclass(frozen=True, slots=True)
class Holding:
    """A credential on the page. `may` are the verbs offered to the reader; `over` that it counts no more
    by time alone, `shown` how far the person of a proposal is, `waits_for` whose word it needs."""

    row: Credential
    label: str
    practice: Practice | None
    over: bool
    may: frozenset[str]
    waits_for: Sequence[User] = ()
    shown: Shown | None = None

    @property
    def needed(self) -> int:
        return ACTS


@dataclass(frozen=True, slots=True)
class Card:
    """Everything on the page."""

    member: Membership
    accounts: Sequence[User]
    holdings: Sequence[Holding]
    proposals: Sequence[Holding]
    past: Sequence[Holding]
    progress: Sequence[Shown]
    absences: Sequence[Absence]
    may_propose: Sequence[tuple[str, str]]
    may_link: Sequence[tuple[int, str]]
    own: bool
    may_leave: bool


class Reader:
    """Who looks at the page, and what they may do there. The verbs decide; this only spares people buttons
    that would be refused."""

    def __init__(self, member: Membership, roster: Roster) -> None:
        self.member, self.user, self.roster = member, member.user, roster

    def mentors(self, domain: str) -> bool:
        return domain in self.roster.mentors.get(self.user.pk, ())

    def may(self, row: Credential, now: datetime) -> frozenset[str]:
        """The verbs for one credential of somebody else's."""
        if row.user.person_id == self.user.person_id:
            return frozenset()
        found = self.roster.places(row.user, row.domain)
        bound = self.user.person_id in found.reciprocal
        mentor, owner = self.mentors(row.domain), self.member.is_owner
        vouches = not bound and (mentor or (owner and not found.existing))
        ended = row.ended_at is not None
        offered = {
            "confirm": row.state == CredentialState.PROPOSED
            and not bound
            and self.user.pk in found.open_beside(row.first_grantor),
            "decline": row.state == CredentialState.PROPOSED
            and (owner or found.takes(self.user) or row.proposed_by_id == self.user.pk),
            "renew": row.state == CredentialState.ACTIVE
            and row.valid_until is not None
            and not ended
            and not bound
            and (mentor or owner),
            "suspend": row.state == CredentialState.ACTIVE and not _over(row, now) and (mentor or owner),
            "revoke": row.state in _REVOCABLE and not _over(row, now) and (mentor or owner),
            "practice": row.state == CredentialState.LAPSED and vouches,
            "reinstate": row.state == CredentialState.SUSPENDED
            and (vouches or row.ended_by_id == self.user.pk),
        }
        return frozenset(verb for verb, may in offered.items() if may)

    def proposable(self, person: User, domains: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
        if person.person_id == self.user.person_id:
            return []
        found = {domain: self.roster.places(person, domain) for domain, _label in domains}
        return [
            (domain, label)
            for domain, label in domains
            if self.user.person_id not in found[domain].reciprocal
            and (self.member.is_owner or found[domain].takes(self.user))
        ]


_REVOCABLE = (CredentialState.ACTIVE, CredentialState.LAPSED, CredentialState.SUSPENDED)
_STANDING = (CredentialState.ACTIVE, CredentialState.LAPSED, CredentialState.SUSPENDED)


def _over(row: Credential, now: datetime) -> bool:
    return row.valid_until is not None and row.valid_until <= now


def gather(brand: Brand, member: Membership, reader: Membership, now: datetime) -> Card:
    """The page, in a number of queries that credentials do not change (proposals look up progress)."""
    person = member.user
    roster = Roster(brand, now)
    looks = Reader(reader, roster)
    products = product_names(brand.pk)
    accounts = accounts_of([person.person_id])
    rows = list(
        Credential.objects.filter(brand=brand, user__in=accounts)
        .select_related("user", "brand", "first_grantor", "second_grantor", "proposed_by", "ended_by")
        .order_by("domain", "-pk")
    )
    active = [row for row in rows if row.state == CredentialState.ACTIVE and not _over(row, now)]
    known = practice(brand, active, now)
    followed = {row.follows_id for row in rows}

    def holding(row: Credential, **more: Any) -> Holding:
        may = looks.may(row, now) if row.pk not in followed else frozenset()
        return Holding(
            row, domain_name(row.domain, products), known.get(row.pk), _over(row, now), may, **more
        )

    standing = [row for row in rows if row.state in _STANDING and row.pk not in followed]
    proposals = [row for row in rows if row.state == CredentialState.PROPOSED]
    past = [row for row in rows if row not in standing and row not in proposals]
    shown = [_shown(one, products) for one in board(brand, [person.person_id], now).get(person.person_id, [])]
    own = reader.user.person_id == person.person_id
    return Card(
        member,
        list(User.objects.filter(pk__in=accounts).order_by("pk")),
        [holding(row) for row in standing],
        [holding(row, **_waiting(row, roster, products)) for row in proposals],
        [holding(row) for row in past],
        shown,
        _absences(brand, accounts, now),
        looks.proposable(person, _domains(brand, products)),
        linkable(brand, member, reader),
        own,
        own or reader.is_owner,
    )


def _domains(brand: Brand, products: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(domain, domain_name(domain, products)) for domain in domains_of(brand)]


def proposable(brand: Brand, member: Membership, reader: Membership, now: datetime) -> list[tuple[str, str]]:
    """The domains in which the reader may propose somebody: what the form offers."""
    looks = Reader(reader, Roster(brand, now))
    return looks.proposable(member.user, _domains(brand, product_names(brand.pk)))


def linkable(brand: Brand, member: Membership, reader: Membership) -> list[tuple[int, str]]:
    """The accounts of which the reader may say that they are this person's too."""
    return _linkable(brand, member.user) if reader.is_owner else []


def _waiting(row: Credential, roster: Roster, products: Mapping[str, str]) -> dict[str, Any]:
    found = roster.places(row.user, row.domain)
    shown = None
    if row.level == Level.ENTRUSTED and not row.founding:
        shown = _shown(progress_of(row.brand, row.user, row.domain, row.evidence, found.existing), products)
    return {"waits_for": roster.named(found.open_beside(row.first_grantor)), "shown": shown}


def _shown(found: Progress, products: Mapping[str, str]) -> Shown:
    return Shown(domain_name(found.domain, products), found, what_is_missing(found), SHARE)


def _absences(brand: Brand, accounts: Sequence[int], now: datetime) -> list[Absence]:
    today = now.astimezone(brand.zone).date()
    rows = Absence.objects.filter(brand=brand, user__in=accounts, last_day__gte=today)
    return list(rows.select_related("user").order_by("first_day", "pk"))


def _linkable(brand: Brand, person: User) -> list[tuple[int, str]]:
    others = User.objects.filter(memberships__brand=brand).order_by("name", "pk").distinct()
    return [
        (user.pk, _("%(name)s, %(email)s") % {"name": user.name, "email": user.email})
        for user in others
        if user.person_id != person.person_id
    ]
