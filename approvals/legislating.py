"""Changes the rules: proposed by one person, confirmed by another, in force from the next send on.

A version is never edited. Confirming one supersedes the version before; what it closes is held at once and
its people told (`rejudging.py`). Who may is argued in docs/decisions/policy.md.
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, Membership, User
from accounts.policies import demand_member, demand_owner, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, LostRace, NotHere, Refused
from approvals.levels import in_force as credentials_in_force
from approvals.levels import level_of, members_of
from approvals.models import Acknowledgement, Level, Policy, PolicyState
from approvals.policy import PRESETS, read_rules
from approvals.rejudging import rejudge
from journal.recording import record
from journal.telling import tell

CRAFT = "craft"


def may_legislate(user: User, brand: Brand) -> bool:
    """An owner, who answers for the brand, or a mentor of the craft, who answers for the trade."""
    membership = membership_in(user, brand)
    if membership is None:
        return False
    return membership.is_owner or level_of(user, brand, CRAFT) >= Level.MENTOR


def demand_legislator(actor: User, brand: Brand) -> None:
    demand_member(actor, brand)
    if not may_legislate(actor, brand):
        raise Forbidden(
            "not_qualified",
            _(
                "Only an owner or a mentor of the craft changes the rules. Tell one of them what you would change."
            ),
        )


def confirmers(brand: Brand, proposer: User | None) -> list[User]:
    """Who may confirm what `proposer` proposed: another person, owner or mentor of the craft; where there
    is no other such person, any other member; where there is nobody else at all, the proposer."""
    rows = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    members = list(rows.select_related("user").order_by("pk"))
    person = proposer.person_id if proposer else 0
    others = [one for one in members if one.user.person_id != person]
    mentors = set(
        credentials_in_force(brand, database_now())
        .filter(domain=CRAFT, level__gte=Level.MENTOR)
        .values_list("user_id", flat=True)
    )
    able = [one for one in others if one.is_owner or one.user_id in mentors]
    return [one.user for one in able or others or members]


def read_proposal(rules: object = None, preset: str = "") -> dict[str, object]:
    """The rules that were sent, or those of a preset, validated and complete. Raises Invalid."""
    if bool(preset) == (rules is not None):
        sentence = _("Say the rules, or the name of a preset: one of the two.")
        raise Invalid("rules_needed", sentence, fields={"rules": [sentence]})
    if preset and preset not in PRESETS:
        sentence = _("There is no such preset: %(names)s.") % {"names": ", ".join(PRESETS)}
        raise Invalid("unknown_preset", sentence, fields={"preset": [sentence]})
    return read_rules(PRESETS[preset] if preset else rules).model_dump(mode="json")


def propose(actor: User, brand: Brand, rules: object, reason: str) -> Policy:
    """A version that waits for a second person. Nothing changes at the gate yet. Raises Forbidden, Invalid."""
    read = read_rules(rules).model_dump(mode="json")
    why = read_words(reason, most=300)
    if not why:
        sentence = _("Say in a sentence why the rules should change.")
        raise Invalid("reason_needed", sentence, fields={"reason": [sentence]})
    with transaction.atomic():
        change_standing(brand.pk)
        demand_legislator(actor, brand)
        last = Policy.objects.filter(brand=brand).aggregate(last=Max("number"))["last"] or 0
        made = Policy.objects.create(
            brand=brand,
            number=last + 1,
            rules=read,
            reason=why,
            proposed_by=actor,
            proposed_at=database_now(),
        )
        record(
            "policy.propose", actor, brand, f"policy:{made.pk}",
            number=made.number, preset=read["preset"], personal=why,
        )  # fmt: skip
        tell(
            [one for one in confirmers(brand, actor) if one.person_id != actor.person_id],
            brand,
            "policy.propose",
            policy=made.pk,
            who=actor.name,
        )
    return made


def confirm(actor: User, pk: int, *, seen: int | None = None) -> Policy:
    """The second person's word: the version is in force. `seen` is the number of the version in force that
    they compared it with, when known. Raises Forbidden, Refused."""
    found = _found(pk)
    with transaction.atomic():
        change_standing(found.brand_id)
        policy = _pending(found)
        brand = policy.brand
        demand_member(actor, brand)
        _demand_second(actor, policy)
        before = Policy.objects.filter(brand=brand, state=PolicyState.ACTIVE).first()
        if seen is not None and before is not None and before.number != seen:
            raise Refused(
                "stale_policy",
                _(
                    "Other rules came into force since you read this proposal. Read it again: nothing was lost."
                ),
                details={"in_force": before.number},
            )
        if before is not None:
            _move(before, PolicyState.ACTIVE, state=PolicyState.SUPERSEDED)
        # Somebody who is alone adopts their own, by whichever of their accounts: the journal says that it was
        # one person.
        alone = policy.proposed_by is not None and policy.proposed_by.person_id == actor.person_id
        _move(
            policy,
            PolicyState.PROPOSED,
            state=PolicyState.ACTIVE,
            confirmed_at=database_now(),
            confirmed_by=None if alone else actor,
        )
        done = rejudge(actor, brand.pk, "policy.held")
        record(
            "policy.confirm", actor, brand, f"policy:{pk}",
            number=policy.number, supersedes=before.number if before else None,
            alone=alone, held=len(done.held), scheduled=len(done.scheduled),
        )  # fmt: skip
        tell(members_of(brand), brand, "policy.confirm", policy=pk, who=actor.name, number=policy.number)
    return _found(pk)


def drop(actor: User, pk: int, reason: str = "") -> Policy:
    """Takes a proposal off the table: by whoever made it, an owner or a mentor of the craft."""
    found = _found(pk)
    why = read_words(reason, most=300)
    with transaction.atomic():
        change_standing(found.brand_id)
        policy = _pending(found)
        mine = policy.proposed_by is not None and policy.proposed_by.person_id == actor.person_id
        demand_member(actor, policy.brand)
        if not mine:
            demand_legislator(actor, policy.brand)
        _move(
            policy,
            PolicyState.PROPOSED,
            state=PolicyState.DROPPED,
            dropped_by=actor,
            dropped_at=database_now(),
        )
        record("policy.drop", actor, policy.brand, f"policy:{pk}", number=policy.number, personal=why)
        if policy.proposed_by is not None and not mine:
            tell([policy.proposed_by], policy.brand, "policy.drop", policy=pk, who=actor.name)
    return _found(pk)


def acknowledge(actor: User, pk: int, kind: str, lacking: Sequence[str]) -> Acknowledgement:
    """An owner has seen that nobody present can let posts of this kind out: it is no longer shown red for
    want of these, and again as soon as something else is wanting."""
    found = _found(pk)
    with transaction.atomic():
        change_standing(found.brand_id)
        demand_owner(actor, found.brand)
        found.refresh_from_db()
        if found.state != PolicyState.ACTIVE:
            raise Refused("not_in_force", _("This version of the rules is not in force."))
        made = Acknowledgement.objects.create(
            policy=found, kind=kind, lacking=sorted(set(lacking)), user=actor, at=database_now()
        )
        record("policy.acknowledge", actor, found.brand, f"policy:{pk}", kind=kind, lacking=made.lacking)
    return made


def _found(pk: int) -> Policy:
    policy = (
        Policy.objects.select_related("brand", "proposed_by", "confirmed_by", "dropped_by")
        .filter(pk=pk)
        .first()
    )
    if policy is None:
        raise NotHere("no_such_policy", _("There is no such version of the rules."))
    return policy


def _pending(found: Policy) -> Policy:
    """The same, as it is under the lock. Raises Refused unless it still waits."""
    policy = _found(found.pk)
    if policy.state != PolicyState.PROPOSED:
        raise Refused(
            "not_proposed",
            _("This proposal is no longer open."),
            details={"state": policy.state},
        )
    return policy


def _demand_second(actor: User, policy: Policy) -> None:
    """Raises Forbidden unless the actor is another person who may, and the proposer is still here."""
    brand, proposer = policy.brand, policy.proposed_by
    if proposer is None or membership_in(proposer, brand) is None:
        raise Refused(
            "proposer_gone",
            _(
                "Whoever proposed this is no longer a member: propose it anew, so that two people stand for it."
            ),
        )
    able = confirmers(brand, proposer)
    if actor.pk in {one.pk for one in able}:
        return
    if actor.person_id == proposer.person_id:
        raise Forbidden(
            "own_proposal",
            _("You proposed this. It takes a second person to confirm it: %(names)s.")
            % {"names": ", ".join(one.name for one in able)},
        )
    raise Forbidden(
        "not_qualified",
        _("An owner or a mentor of the craft confirms it: %(names)s.")
        % {"names": ", ".join(one.name for one in able)},
    )


def _move(policy: Policy, start: PolicyState, **fields: object) -> None:
    if Policy.objects.filter(pk=policy.pk, state=start).update(**fields) != 1:
        raise LostRace("changed_meanwhile", _("These rules changed in the meantime. Look again."))
