"""Who holds which level in which domain: the one reading of credentials outside the gate's facts."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q, QuerySet

from accounts.clock import database_now
from accounts.models import Brand, Membership, User
from accounts.policies import membership_in
from approvals.models import Credential, CredentialState, Level


def in_force(brand: Brand, at: datetime) -> QuerySet[Credential]:
    """The credentials that are ACTIVE at `at`."""
    return Credential.objects.filter(
        Q(valid_until__isnull=True) | Q(valid_until__gt=at),
        Q(ended_at__isnull=True) | Q(ended_at__gt=at),
        brand=brand,
        confirmed_at__lte=at,
        valid_from__lte=at,
    ).exclude(state__in=[CredentialState.PROPOSED, CredentialState.DECLINED])


def level_of(user: User, brand: Brand, domain: str | None = None) -> int:
    """The account's highest level now, in one domain or in any; 0 without a credential. Another account of
    the same person lends it none: expertise speaks through the account that earned it."""
    held = in_force(brand, database_now()).filter(user=user)
    if domain is not None:
        held = held.filter(domain=domain)
    return max(held.values_list("level", flat=True), default=0)


def accounts_of(people: Iterable[int]) -> list[int]:
    """All accounts of these people."""
    wanted = list(people)
    return list(
        User.objects.filter(Q(pk__in=wanted) | Q(same_person_as__in=wanted)).values_list("pk", flat=True)
    )


def mentors_in(brand: Brand, domain: str, now: datetime, *, but: int | None = None) -> dict[int, User]:
    """The domain's mentors who are here, by person; `but` leaves one person out."""
    here = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True).values("user")
    rows = in_force(brand, now).filter(domain=domain, level__gte=Level.MENTOR, user__in=here)
    found = {row.user.person_id: row.user for row in rows.select_related("user").order_by("pk")}
    return {person: user for person, user in found.items() if person != but}


def members_of(brand: Brand) -> list[User]:
    """Every active account of the brand."""
    rows = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    return [row.user for row in rows.select_related("user").order_by("pk")]


def owners_of(brand: Brand, *, but: int | None = None) -> list[User]:
    rows = Membership.objects.filter(brand=brand, is_owner=True, is_active=True, user__is_active=True)
    return [row.user for row in rows.select_related("user").order_by("pk") if row.user.person_id != but]


def owns_or_holds(user: User, brand: Brand, level: Level, domain: str | None = None) -> bool:
    """Whether this account is an owner, or has that level, in one domain or in any."""
    membership = membership_in(user, brand)
    if membership is None:
        return False
    return membership.is_owner or level_of(user, brand, domain) >= level


def owners_and_holders(
    brand: Brand, level: Level, domain: str | None = None, *, but: User | None = None
) -> list[User]:
    """Everybody of whom `owns_or_holds` says yes, by account; `but` leaves a person out."""
    held = in_force(brand, database_now()).filter(level__gte=level)
    if domain is not None:
        held = held.filter(domain=domain)
    able = set(held.values_list("user_id", flat=True))
    rows = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    return [
        row.user
        for row in rows.select_related("user").order_by("pk")
        if (row.is_owner or row.user_id in able) and (but is None or row.user.person_id != but.person_id)
    ]
