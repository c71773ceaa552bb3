"""The route of evidence: who approved a post, on which expertise, for which bytes, under which rules."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router

from accounts.refusals import NotHere
from approvals.attesting import Approval, attest
from cm_queue.api import shapes
from cm_queue.api.answers import instant, instant_or_none
from cm_queue.api.calling import Read
from cm_queue.api.drafting import post_here
from publishing.attesting import permits_of
from publishing.models import Permit

router = Router(tags=["review"])


@router.get("/posts/{int:pk}/attestation", response=shapes.Attestation, auth=Read())
def read_attestation(request: HttpRequest, pk: int) -> shapes.Attestation:
    """Who approved, on which credential of which level granted by whom, for which digest, under which version
    of the rules; and the permit with which each delivery went out. Before a release: what it rests on now."""
    post_here(request, pk)
    found = attest(pk)
    if found is None:
        raise NotHere("no_such_post", _("There is no such post."))
    known = found.policy_id is not None and found.policy_number is not None
    return {
        "post": pk,
        "digest": found.digest or None,
        "gate_decision": found.gate_id,
        "allowed_at": instant_or_none(found.allowed_at),
        "policy": {"id": found.policy_id or 0, "number": found.policy_number or 0, "preset": found.preset}
        if known
        else None,
        "approvals": [_approval(one) for one in found.approvals],
        "deliveries": [_permit(row) for row in permits_of(pk)],
    }


def _approval(one: Approval) -> shapes.Attested:
    return {
        "decision": one.decision_id,
        "by": {"id": one.user_id, "name": one.name, "email": one.email},
        "at": instant_or_none(one.at),
        "digest": one.digest or None,
        "revision": one.revision,
        "rests_on": [
            {
                "credential": basis.credential_id,
                "domain": basis.domain,
                "level": basis.level,
                "founding": basis.founding,
                "granted_by": list(basis.granted_by),
                "since": instant(basis.since),
                "valid_until": instant_or_none(basis.until),
                "ended_at": instant_or_none(basis.ended_at),
            }
            for basis in one.basis
        ],
    }


def _permit(row: Permit) -> shapes.SentUnder:
    gate = row.gate_decision
    return {
        "id": row.delivery_id,
        "channel": row.delivery.channel.key,
        "permit": row.pk,
        "digest": row.digest,
        "gate_decision": gate.pk,
        "policy": gate.policy.number if gate.policy else None,
        "released_at": instant_or_none(row.spent_at),
    }
