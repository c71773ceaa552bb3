"""Suspending expertise: from now on, until somebody ends it; nothing of it is judged yet.

For the days in which a doubt is looked into. Stopping is cheap, so one owner or one mentor of the domain
suffices; letting go again is `renewing.reinstate`. What was approved before counts again when it ends.
"""

from __future__ import annotations

from django.db import transaction
from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import User
from accounts.reading import read_words
from accounts.refusals import Invalid, Refused
from approvals.expertise import demand_may_take_back
from approvals.levels import accounts_of
from approvals.models import Credential, CredentialState
from approvals.renewing import find
from approvals.striking import hold_what_rested_on, strike
from journal.recording import record
from journal.telling import tell


def suspend(actor: User, pk: int, cause: str) -> Credential:
    """The person's expertise in this domain does not count from now on: scheduled posts that rested on it
    are held. Raises Forbidden, Invalid without a cause, Refused when nothing is in force."""
    held = find(actor, pk)
    why = read_words(cause, "cause", most=300)
    if not why:
        raise Invalid("cause_needed", _("Say why."), fields={"cause": [_("Say why.")]})
    with transaction.atomic():
        change_standing(held.brand_id)
        demand_may_take_back(actor, held)
        held.refresh_from_db()
        now = database_now()
        if held.state != CredentialState.ACTIVE or (held.valid_until is not None and held.valid_until <= now):
            raise Refused("not_in_force", _("This credential is not, or no longer, in force."))
        strike(held, CredentialState.SUSPENDED, now, why, by=actor.pk)
        stopped = hold_what_rested_on(actor, held)
        _record(actor, held, stopped, why)
    held.refresh_from_db()
    return held


def suspend_for_linked(actor: User, brand_id: int, person: int) -> int:
    """After two accounts were found to be one person: what that person granted to themselves, or vouched
    for twice, does not count until somebody else has looked at it. The caller holds the brand's exclusive
    lock. Answers how many credentials were suspended."""
    accounts = accounts_of([person])
    rows = Credential.objects.filter(
        Q(user__in=accounts) & (Q(first_grantor__in=accounts) | Q(second_grantor__in=accounts))
        | Q(first_grantor__in=accounts, second_grantor__in=accounts),
        brand_id=brand_id,
        state=CredentialState.ACTIVE,
        ended_at__isnull=True,
    ).select_related("brand", "user")
    for row in rows:
        why = _("Two accounts of one person vouched for it.")
        strike(row, CredentialState.SUSPENDED, database_now(), why, by=None)
        _record(actor, row, hold_what_rested_on(actor, row), why)
    return len(rows)


def _record(actor: User, held: Credential, stopped: list[int], why: str) -> None:
    record(
        "credential.suspend",
        actor,
        held.brand,
        f"credential:{held.pk}",
        person=held.user.person_id,
        domain=held.domain,
        held=stopped,
        personal=why,
    )
    tell([held.user], held.brand, "credential.suspend", domain=held.domain, who=actor.name, user=held.user_id)
