"""The rules in force: which version of a brand's policy, and whether it can be read at all."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.refusals import Forbidden, Invalid
from approvals.models import Policy, PolicyState
from approvals.policy import Rules, read_rules


@dataclass(frozen=True, slots=True)
class InForce:
    """A brand's policy. `rules` is None when there is none, or none that can be read: then nothing goes
    out, and `fault` says why for a person."""

    policy: Policy | None
    rules: Rules | None
    fault: str = ""


def in_force(brand_id: int) -> InForce:
    """The version in force, in one query."""
    policy = (
        Policy.objects.filter(brand_id=brand_id, state=PolicyState.ACTIVE)
        .select_related("proposed_by", "confirmed_by")
        .first()
    )
    if policy is None:
        return InForce(None, None)
    try:
        return InForce(policy, read_rules(policy.rules))
    except Invalid as fault:
        return InForce(policy, None, fault.sentence)


def demand_present(rules: Rules | None, *, present: bool) -> None:
    """Raises Forbidden where the rules want whoever decides to say again who they are (regulated): a browser
    left open on a desk must not approve."""
    if rules is not None and rules.reauthenticate and not present:
        raise Forbidden(
            "reauthenticate",
            _(
                "Under these rules whoever decides says again who they are. Do so, then decide within 15 minutes."
            ),
        )
