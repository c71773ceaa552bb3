"""Expertise: founding it, and taking it back for a cause. (Earning it: `granting.py`; keeping it:
`practising.py`, `renewing.py`.)

Every change of a credential happens under the brand's exclusive lock, so that a release falls wholly
before or wholly after it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, User
from accounts.policies import demand_member, demand_owner, is_alone
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.levels import in_force, level_of
from approvals.models import Credential, CredentialState, Level
from approvals.relooking import ask_second_looks
from approvals.striking import hold_what_rested_on, strike
from journal.recording import Act, record, record_all
from journal.telling import tell

__all__ = ["FOUNDING_LASTS", "Grant", "found", "in_force", "level_of", "revoke"]

FOUNDING_LASTS = timedelta(days=180)


@dataclass(frozen=True, slots=True)
class Grant:
    """One founding grant: this person, this domain, this level, on this evidence."""

    user: User
    domain: str
    level: int
    evidence: str


def found(owner: User, brand: Brand, grants: Iterable[Grant]) -> list[Credential]:
    """The owners' founding grants: once, before the first channel is connected, not to themselves
    unless alone, expiring in 180 days. Raises Forbidden, Refused."""
    grants = list(grants)
    with transaction.atomic():
        change_standing(brand.pk)
        demand_owner(owner, brand)
        if Credential.objects.filter(brand=brand).exists() or brand.channels.exists():
            raise Refused(
                "already_founded", _("Founding grants are recorded once, before the first channel.")
            )
        if any(one.user.person_id == owner.person_id for one in grants) and not is_alone(brand):
            raise Forbidden("own_grant", _("Nobody grants expertise to themselves."))
        if any(one.level not in Level.values or not one.evidence.strip() for one in grants):
            raise Invalid("bad_grant", _("A grant needs a level from 0 to 3 and evidence."))
        now = database_now()
        made = Credential.objects.bulk_create(_founding(owner, brand, one, now) for one in grants)
        record_all(
            Act(
                "credential.found",
                owner,
                brand.pk,
                f"credential:{row.pk}",
                data={"person": grant.user.person_id, "domain": grant.domain, "level": grant.level},
            )
            for grant, row in zip(grants, made, strict=True)
        )
        return made


def _founding(owner: User, brand: Brand, grant: Grant, now: datetime) -> Credential:
    return Credential(
        brand=brand,
        user=grant.user,
        domain=grant.domain,
        level=grant.level,
        state=CredentialState.ACTIVE,
        valid_from=now,
        valid_until=now + FOUNDING_LASTS,
        confirmed_at=now,
        first_grantor=owner if owner.pk != grant.user.pk else None,
        evidence=[{"text": grant.evidence}],
        founding=True,
    )


def revoke(actor: User, pk: int, cause: str, since: datetime | None = None) -> Credential:
    """Takes a person's expertise in a domain back for a cause, from a date (now, or in the past: approvals
    that rested on it since then no longer count). By the owner or by a mentor of that domain, never by the
    person. Scheduled posts whose gate closes are held; what is already out is listed for another look."""
    held = Credential.objects.select_related("brand", "user").filter(pk=pk).first()
    if held is None:
        raise NotHere("no_such_credential", _("There is no such credential."))
    why = read_words(cause, "cause", most=300)
    if not why:
        raise Invalid("cause_needed", _("Say why."), fields={"cause": [_("Say why.")]})
    with transaction.atomic():
        change_standing(held.brand_id)
        demand_may_take_back(actor, held)
        held.refresh_from_db()
        if held.state in _NOT_TO_REVOKE:
            raise Refused("already_revoked", _("This credential is not, or no longer, in force."))
        now = database_now()
        over = min(since or now, now)
        strike(held, CredentialState.REVOKED, over, why, by=actor.pk)
        stopped = hold_what_rested_on(actor, held)
        looks = ask_second_looks(held, over)
        record(
            "credential.revoke",
            actor,
            held.brand,
            f"credential:{pk}",
            person=held.user.person_id,
            domain=held.domain,
            since=over.isoformat(),
            held=stopped,
            second_looks=[one.post_id for one in looks],
            personal=why,
        )
        tell(
            [held.user],
            held.brand,
            "credential.revoke",
            domain=held.domain,
            who=actor.name,
            user=held.user_id,
        )
    held.refresh_from_db()
    return held


_NOT_TO_REVOKE = {CredentialState.REVOKED, CredentialState.PROPOSED, CredentialState.DECLINED}


def demand_may_take_back(actor: User, held: Credential) -> None:
    """Raises Forbidden unless the actor is an owner or a mentor of this domain, and not the person."""
    membership = demand_member(actor, held.brand)
    mentor = level_of(actor, held.brand, held.domain) >= Level.MENTOR
    if actor.person_id == held.user.person_id or not (membership.is_owner or mentor):
        raise Forbidden("not_qualified", _("Only an owner or a mentor of this domain revokes it."))
