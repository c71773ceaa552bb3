"""Routes of the rules: versions, a proposal, the second person's word, what it would have done."""

from __future__ import annotations

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from accounts.models import User
from approvals import legislating
from approvals.models import Policy
from approvals.replaying import Finding, people_in, replay
from approvals.wording import Words, product_names
from cm_queue.api import shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import AcknowledgeIn, ConfirmPolicyIn, PolicyIn, ReasonIn
from cm_queue.api.calling import Decide, Manage, Read, brand_named, caller, demand_here
from cm_queue.api.paging import Cursor, Limit, by_id

router = Router(tags=["policy"])


def _policy(row: Policy) -> shapes.Policy:
    return {
        "id": row.pk,
        "number": row.number,
        "state": row.state,
        "rules": row.rules,
        "reason": row.reason,
        "proposed_by": person(row.proposed_by) if row.proposed_by else None,
        "proposed_at": instant(row.proposed_at),
        "confirmed_by": person(row.confirmed_by) if row.confirmed_by else None,
        "confirmed_at": instant_or_none(row.confirmed_at),
        "dropped_by": person(row.dropped_by) if row.dropped_by else None,
        "dropped_at": instant_or_none(row.dropped_at),
    }


def _here(request: HttpRequest, pk: int) -> Policy:
    """A version of the token's brand. Raises NotHere."""
    row = Policy.objects.select_related("proposed_by", "confirmed_by", "dropped_by").filter(pk=pk).first()
    demand_here(
        request,
        row.brand_id if row else None,
        "no_such_policy",
        _("There is no such version of the rules."),
    )
    return row  # type: ignore[return-value]


@router.get("/brands/{slug}/policy", response=shapes.Page[shapes.Policy], auth=Read())
def read_policy(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Policy]:
    """The versions of the rules, newest first: in force, superseded, proposed, dropped."""
    rows = Policy.objects.filter(brand=brand_named(request, slug))
    known = rows.select_related("proposed_by", "confirmed_by", "dropped_by")
    page, after = by_id(known, cursor, limit, newest_first=True)
    return {"items": [_policy(row) for row in page], "next": after}


@router.post("/brands/{slug}/policy", response={201: shapes.Policy}, auth=Manage())
def propose_policy(request: HttpRequest, slug: str, body: PolicyIn) -> Status[shapes.Policy]:
    """Proposes `rules`, or those of a `preset`, with a reason. They change nothing before a second person
    confirms them. 422 names every fault at its field."""
    rules = legislating.read_proposal(body.rules, body.preset)
    made = legislating.propose(caller(request), brand_named(request, slug), rules, body.reason)
    return Status(201, _policy(_here(request, made.pk)))


@router.get("/policy/{int:pk}", response=shapes.Policy, auth=Read())
def read_policy_version(request: HttpRequest, pk: int) -> shapes.Policy:
    """One version of the rules."""
    return _policy(_here(request, pk))


@router.post("/policy/{int:pk}/confirm", response=shapes.Policy, auth=Decide())
def confirm_policy(request: HttpRequest, pk: int, body: ConfirmPolicyIn | None = None) -> shapes.Policy:
    """The second person brings a proposal into force: an owner or a mentor of the craft, never whoever
    proposed it (403 `own_proposal`). What it closes is held at once."""
    _here(request, pk)
    legislating.confirm(caller(request), pk, seen=body.in_force if body else None)
    return _policy(_here(request, pk))


@router.post("/policy/{int:pk}/drop", response=shapes.Policy, auth=Manage())
def drop_policy(request: HttpRequest, pk: int, body: ReasonIn | None = None) -> shapes.Policy:
    """Takes a proposal off the table."""
    _here(request, pk)
    legislating.drop(caller(request), pk, body.reason if body else "")
    return _policy(_here(request, pk))


@router.post("/policy/{int:pk}/acknowledge", response=shapes.Acknowledgement, auth=Manage())
def acknowledge_policy(request: HttpRequest, pk: int, body: AcknowledgeIn) -> shapes.Acknowledgement:
    """An owner takes note that nobody present can let posts of a kind out, for want of `lacking`."""
    _here(request, pk)
    made = legislating.acknowledge(caller(request), pk, body.kind, body.lacking)
    return {
        "id": made.pk,
        "policy": pk,
        "kind": made.kind,
        "lacking": made.lacking,
        "by": person(made.user),
        "at": instant(made.at),
    }


@router.post("/policy/{int:pk}/replay", response=shapes.Replay, auth=Read())
def replay_policy(request: HttpRequest, pk: int) -> shapes.Replay:
    """What this version would have made of the last 200 decided posts, each on the facts of then: which it
    would have stopped, which let through, for want of what, and who could have given it. Writes nothing."""
    policy = _here(request, pk)
    found = replay(policy)
    people = User.objects.in_bulk(people_in(found))
    names = {number: user.name for number, user in people.items()}
    words = Words(product_names(policy.brand_id), names)

    def told(one: Finding) -> shapes.Replayed:
        return {
            "post": one.post_id,
            "why": [{"code": why.code.value, "message": words.sentence(why)} for why in one.reasons],
            "could": [person(people[number]) for number in one.could if number in people],
        }

    return {
        "policy": pk,
        "evaluated": found.evaluated,
        "stopped": [told(one) for one in found.stopped],
        "let_through": [told(one) for one in found.let_through],
        "unchanged": found.unchanged,
    }
