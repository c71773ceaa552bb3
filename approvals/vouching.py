"""Who may vouch for whom: the two places of a grant, and the people who may take each.

Two mentors of the domain; where fewer exist, as many as there are, and the owner in the second place. Where
none exists the domain is founded, as the brand once was (docs/decisions/granting.md). People are counted, not
accounts; a mentor's word comes from the account that earned it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q

from accounts.models import Brand, Membership, User
from approvals.levels import in_force
from approvals.models import Credential, CredentialState, Level

RECIPROCAL_FOR = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Places:
    """The accounts that may take the first and the second place of one grant; two different people take
    them, in either order. `people` says who is behind each account.

    `existing` counts the mentors of the domain besides the person; `founding`: there is none, so the domain
    is founded; `alone`: there is one other person in the brand, whose word suffices; `reciprocal`: people
    for whom the person has vouched too recently.
    """

    first: frozenset[int]
    second: frozenset[int]
    people: dict[int, int]
    existing: int
    founding: bool
    alone: bool
    reciprocal: frozenset[int]

    def takes(self, user: User) -> bool:
        """Whether this account's word fills a place."""
        return user.pk in self.first or user.pk in self.second

    def fits(self, one: User, other: User) -> bool:
        """Whether these two fill both places."""
        if one.person_id == other.person_id:
            return False
        return (one.pk in self.first and other.pk in self.second) or (
            other.pk in self.first and one.pk in self.second
        )

    def open_beside(self, vouched: User | None) -> frozenset[int]:
        """The accounts whose word is still waited for, after that of `vouched`."""
        if vouched is None or not self.takes(vouched):
            return self.first | self.second
        left = (self.second if vouched.pk in self.first else frozenset()) | (
            self.first if vouched.pk in self.second else frozenset()
        )
        return frozenset(pk for pk in left if self.people[pk] != vouched.person_id)


class Roster:
    """Who is in the brand, who may vouch for what, and who vouched for whom lately. Three queries, for as
    many grants as one likes to look at."""

    def __init__(self, brand: Brand, now: datetime) -> None:
        members = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
        rows = list(members.select_related("user"))
        self.people = {row.user_id: row.user.person_id for row in rows}
        self.users = {row.user_id: row.user for row in rows}
        self.owners = {row.user_id for row in rows if row.is_owner}
        self.mentors: dict[int, set[str]] = {}
        for held in in_force(brand, now).filter(level__gte=Level.MENTOR, user_id__in=self.people):
            self.mentors.setdefault(held.user_id, set()).add(held.domain)
        self._vouched = _vouched_since(brand, now - RECIPROCAL_FOR)

    def places(self, person: User, domain: str) -> Places:
        """Who may vouch for this person in this domain."""
        people = self.people
        reciprocal = self._vouched.get(person.person_id, set())
        may = {pk for pk, number in people.items() if number not in {person.person_id, *reciprocal}}
        all_mentors = {pk for pk, domains in self.mentors.items() if domain in domains}
        existing = len({people[pk] for pk in all_mentors} - {person.person_id})
        first, second = _choose(
            all_mentors & may, existing, self.owners & may, set(self.mentors) & may, may, people
        )
        alone = len(set(people.values()) - {person.person_id}) == 1 and len({people[pk] for pk in may}) == 1
        if alone:
            first, second = may, set()
        return Places(
            frozenset(first),
            frozenset(second),
            people,
            existing,
            existing == 0,
            alone,
            frozenset(reciprocal),
        )

    def named(self, accounts: Iterable[int]) -> list[User]:
        """The accounts' users by name; of one person's accounts one."""
        users = sorted((self.users[pk] for pk in accounts), key=lambda user: (user.name, user.pk))
        return list({user.person_id: user for user in users}.values())


def places(brand: Brand, person: User, domain: str, now: datetime) -> Places:
    """Who may vouch for this person in this domain now."""
    return Roster(brand, now).places(person, domain)


def _choose(
    mentors: set[int],
    existing: int,
    owners: set[int],
    sponsors: set[int],
    may: set[int],
    people: dict[int, int],
) -> tuple[set[int], set[int]]:
    """The two places: mentors as far as they go, then the owner, then the next best who is somebody else."""

    def pair(one: set[int], other: set[int]) -> bool:
        return any(people[a] != people[b] for a in one for b in other)

    if pair(mentors, mentors):
        return mentors, mentors
    if existing and not mentors:
        # All of them are bound by what the person granted them: waiting is the way, not going round.
        return set(), set()
    for first in [mentors] if mentors else [sponsors, may]:
        for second in (owners, sponsors, may):
            if pair(first, second):
                return first, second
    return set(), set()


def _vouched_since(brand: Brand, since: datetime) -> dict[int, set[int]]:
    """{person: the people for whom they vouched after `since`, in any domain}. A word that was turned down
    bound nobody."""
    given = (
        Credential.objects.filter(brand=brand)
        .filter(Q(first_at__gt=since) | Q(confirmed_at__gt=since))
        .exclude(state=CredentialState.DECLINED)
        .select_related("user", "first_grantor", "second_grantor")
    )
    found: dict[int, set[int]] = {}
    for row in given:
        first_at = row.first_at or row.confirmed_at
        if row.first_grantor is not None and first_at is not None and first_at > since:
            found.setdefault(row.first_grantor.person_id, set()).add(row.user.person_id)
        if row.second_grantor is not None and row.confirmed_at is not None and row.confirmed_at > since:
            found.setdefault(row.second_grantor.person_id, set()).add(row.user.person_id)
    return found
