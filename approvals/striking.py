"""Ends what a person holds in a domain, and what rested on it: the part that revoking and suspending share.

Both strike the person's expertise in the domain, at every level and in every account: else who loses a
mentor's credential would go on with the lower one from before, and what rested on the higher would stand.
"""

from __future__ import annotations

from datetime import datetime

from django.db.models import Q

from approvals.levels import accounts_of
from approvals.models import Credential, CredentialState, Decision, Verdict
from approvals.rejudging import UNDER_WAY, hold_closed
from journal.recording import Actor


def strike(held: Credential, state: CredentialState, over: datetime, cause: str, *, by: int | None) -> None:
    """Ends every confirmed credential of the person in the domain that would count after `over`, and this
    one. The caller holds the brand's exclusive lock."""
    accounts = accounts_of([held.user.person_id])
    still = Q(ended_at__isnull=True) | Q(ended_at__gt=over)
    rows = Credential.objects.filter(
        brand_id=held.brand_id, user__in=accounts, domain=held.domain, confirmed_at__isnull=False
    ).filter(still & (Q(valid_until__isnull=True) | Q(valid_until__gt=over)))
    told = {"state": state, "end_cause": cause, "ended_by_id": by}
    rows.update(ended_at=over, **told)
    again = Credential.objects.get(pk=held.pk)
    if again.state != state:
        # It had ended before, and stays over since then: striking lends it no day.
        ended = {} if again.ended_at is not None else {"ended_at": again.valid_until or over}
        Credential.objects.filter(pk=held.pk).update(**told, **ended)


def hold_what_rested_on(actor: Actor, held: Credential) -> list[int]:
    """Holds the posts under way that this person approved on this domain and whose gate is closed now."""
    accounts = accounts_of([held.user.person_id])
    approvals = Decision.objects.filter(
        post__brand_id=held.brand_id,
        post__state__in=[state.value for state in UNDER_WAY],
        user__in=accounts,
        decision=Verdict.APPROVE,
    )
    return hold_closed(
        actor,
        {
            post_id
            for post_id, rests_on in approvals.values_list("post_id", "rests_on")
            if any(domain == held.domain for domain, _level in rests_on)
        },
    )
