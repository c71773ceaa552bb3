"""Granting expertise: proposed with evidence, confirmed by a second person, on work that was reviewed.

Who may vouch is said by `vouching.py`, how much work it takes by `progressing.py`. A proposal may be early:
it waits, and the confirmation is refused with what is still missing. What each level takes, and why, is in
docs/decisions/granting.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, User
from accounts.policies import demand_member, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.earning import demand_earned
from approvals.expertise import FOUNDING_LASTS
from approvals.levels import in_force, owners_of
from approvals.models import Credential, CredentialState, Level
from approvals.progressing import in_house
from approvals.renewing import find, reciprocal_sentence
from approvals.vouching import Places, places
from approvals.wording import listed, product_names
from journal.recording import record
from journal.telling import tell

_DOMAIN = re.compile(r"craft|company|crisis|(channel|product|topic):[a-z0-9]+(?:[_-][a-z0-9]+)*")
MOST_ELSEWHERE: Final = 1000


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the proposal rests on, in a sentence (a link may stand in it). `posts` is how many accepted
    pieces of work were done elsewhere; None for what was seen in the house."""

    text: str
    posts: int | None = None


@dataclass(frozen=True, slots=True)
class Proposal:
    """Whom, in what, to which level, on what evidence; `until` for a credential that runs out."""

    user: User
    domain: str
    level: int
    evidence: Sequence[Evidence]
    until: datetime | None = None


# --- Reading what was proposed ----------------------------------------------------------------------
def _wrong(field: str, sentence: str, code: str = "") -> Invalid:
    return Invalid(code or f"bad_{field}", sentence, fields={field: [sentence]})


def read_domain(brand: Brand, text: str) -> str:
    """A domain of this brand. Raises Invalid for what is none, and for a product that is not the brand's."""
    domain = text.strip()
    prefix, _sep, key = domain.partition(":")
    if (
        len(domain) > 80
        or not _DOMAIN.fullmatch(domain)
        or (prefix == "product" and key not in product_names(brand.pk))
    ):
        raise _wrong("domain", _("There is no such domain in this brand."))
    return domain


def _read(brand: Brand, proposal: Proposal, now: datetime) -> list[dict[str, Any]]:
    """The evidence as it is stored. Raises Invalid."""
    if proposal.level not in {Level.SUPERVISED, Level.ENTRUSTED, Level.MENTOR}:
        raise _wrong("level", _("A level is 1, 2 or 3."))
    if proposal.until is not None and proposal.until <= now:
        raise _wrong("valid_until", _("This is in the past."))
    read: list[dict[str, Any]] = []
    for one in proposal.evidence:
        words = read_words(one.text, "evidence", most=2000)
        if words:
            read.append({"text": words} if one.posts is None else {"text": words, "posts": one.posts})
    if not read:
        raise _wrong("evidence", _("Say what it rests on: which work, seen where."), "evidence_needed")
    counts = [one.posts for one in proposal.evidence if one.posts is not None]
    if any(not 0 <= posts <= MOST_ELSEWHERE for posts in counts):
        raise _wrong("evidence", _("A number of posts from 0 to %(most)s.") % {"most": MOST_ELSEWHERE})
    if any(counts) and in_house(proposal.domain):
        raise _wrong(
            "evidence",
            _("Expertise in the company and its products is shown in the house, not elsewhere."),
            "not_in_house",
        )
    return read


# --- Verbs ------------------------------------------------------------------------------------------
def propose(actor: User, brand: Brand, proposal: Proposal) -> Credential:
    """A proposal by somebody who may vouch for it, or by an owner. The proposer's word fills the first
    place where it may. Raises Forbidden `own_grant`, `reciprocal`, `not_qualified`."""
    now = database_now()
    domain = read_domain(brand, proposal.domain)
    evidence = _read(brand, proposal, now)
    with transaction.atomic():
        change_standing(brand.pk)
        membership = demand_member(actor, brand)
        person = User.objects.select_related("same_person_as").filter(pk=proposal.user.pk).first()
        if person is None or membership_in(person, brand) is None:
            raise NotHere("no_such_person", _("There is no such person in this brand."))
        found = places(brand, person, domain, now)
        _demand_may_propose(actor, person, found, is_owner=membership.is_owner)
        _demand_new(brand, person, domain, proposal.level, now)
        vouches = found.takes(actor)
        made = Credential.objects.create(
            brand=brand,
            user=person,
            domain=domain,
            level=proposal.level,
            valid_from=now,
            valid_until=proposal.until,
            proposed_by=actor,
            first_grantor=actor if vouches else None,
            first_at=now if vouches else None,
            evidence=[{**one, "by": actor.pk, "at": now.isoformat()} for one in evidence],
            founding=found.founding,
            look_at=None,
        )
        _record("credential.propose", actor, made, evidence=len(evidence))
        _tell_waited_for(actor, made, found)
        if found.alone:
            _grant(actor, made, found, now, second=None)
    made.refresh_from_db()
    return made


def confirm(actor: User, pk: int) -> Credential:
    """The second person's word: the credential counts from now on. Raises Forbidden (`own_grant`,
    `reciprocal`, `not_qualified`), Refused `already_confirmed`, `not_proposed`, or `not_yet` with what is
    missing; the proposal then goes on waiting."""
    made = find(actor, pk)
    with transaction.atomic():
        change_standing(made.brand_id)
        demand_member(actor, made.brand)
        made = Credential.objects.select_related("brand", "user", "first_grantor").get(pk=pk)
        if made.state != CredentialState.PROPOSED:
            raise Refused("not_proposed", _("This is not, or no longer, a proposal."))
        now = database_now()
        found = places(made.brand, made.user, made.domain, now)
        first = made.first_grantor
        _demand_may_confirm(actor, made, found)
        if found.alone:
            _grant(actor, made, found, now, second=None)
        elif first is not None and found.fits(first, actor):
            _grant(actor, made, found, now, second=actor)
        else:
            # The first word here, or the first that still holds: one more is waited for.
            Credential.objects.filter(pk=pk).update(first_grantor=actor, first_at=now)
            made.first_grantor = actor
            _record("credential.vouch", actor, made)
            _tell_waited_for(actor, made, found)
    made.refresh_from_db()
    return made


def decline(actor: User, pk: int, reason: str = "") -> Credential:
    """Turns a proposal down, or takes one's own back. By its proposer, an owner, or whoever could confirm;
    never by the person, who may simply not use it."""
    why, made = read_words(reason, most=300), find(actor, pk)
    with transaction.atomic():
        change_standing(made.brand_id)
        membership = demand_member(actor, made.brand)
        made.refresh_from_db()
        if made.state != CredentialState.PROPOSED:
            raise Refused("not_proposed", _("This is not, or no longer, a proposal."))
        now = database_now()
        may = places(made.brand, made.user, made.domain, now).takes(actor) or membership.is_owner
        if not (may or made.proposed_by_id == actor.pk):
            raise Forbidden("not_qualified", _("Only who proposed it, or could confirm it, turns it down."))
        # Over at the instant at which it would have begun: there is no moment at which it counts.
        Credential.objects.filter(pk=pk).update(
            state=CredentialState.DECLINED, valid_from=now, ended_at=now, end_cause=why, ended_by=actor
        )
        _record("credential.decline", actor, made, personal=why)
        proposer = [made.proposed_by] if made.proposed_by and made.proposed_by_id != actor.pk else []
        tell(proposer, made.brand, "credential.decline", **_about(made), by=actor.name)
    made.refresh_from_db()
    return made


# --- What stands in the way -------------------------------------------------------------------------
def _demand_may_propose(actor: User, person: User, found: Places, *, is_owner: bool) -> None:
    _demand_no_favour(actor, person, found)
    if not (found.takes(actor) or is_owner):
        raise Forbidden(
            "not_qualified",
            _("Expertise is proposed by a mentor of the domain, or by an owner of the brand."),
        )


def _demand_no_favour(actor: User, person: User, found: Places) -> None:
    if actor.person_id == person.person_id:
        raise Forbidden("own_grant", _("Nobody grants expertise to themselves."))
    if actor.person_id in found.reciprocal:
        raise Forbidden("reciprocal", reciprocal_sentence(person))


def _demand_new(brand: Brand, person: User, domain: str, level: int, now: datetime) -> None:
    held = in_force(brand, now).filter(user=person, domain=domain, level__gte=level)
    if held.exists():
        raise Refused("already_held", _("%(who)s holds this level already.") % {"who": person.name})
    waiting = Credential.objects.filter(
        brand=brand, user=person, domain=domain, state=CredentialState.PROPOSED
    ).first()
    if waiting is not None:
        raise Refused(
            "already_proposed",
            _("There is a proposal for this already: confirm it, or turn it down first."),
            details={"credential": waiting.pk},
        )


def _demand_may_confirm(actor: User, made: Credential, found: Places) -> None:
    _demand_no_favour(actor, made.user, found)
    first = made.first_grantor
    if first is not None and first.person_id == actor.person_id and not found.alone:
        raise Refused(
            "already_confirmed",
            _("You have vouched for this already: the second word is somebody else's.")
            + " "
            + _who_could(made.brand, found, first),
        )
    waited = found.open_beside(first)
    if actor.pk not in waited:
        raise Forbidden(
            "not_qualified",
            _("It takes a mentor of this domain, or the owner where there is no second one.")
            + " "
            + _who_could(made.brand, found, first),
        )


def _who_could(brand: Brand, found: Places, first: User | None) -> str:
    names = waited_for(brand, found, first)
    if not names:
        return _("Nobody present could.")
    return _("%(names)s could.") % {"names": listed([user.name for user in names])}


def waited_for(brand: Brand, found: Places, first: User | None) -> list[User]:
    """The people whose word a proposal waits for; of somebody's accounts the one that could give it."""
    rows = User.objects.filter(pk__in=found.open_beside(first)).order_by("name", "pk")
    return list({user.person_id: user for user in rows}.values())


# --- Granting ---------------------------------------------------------------------------------------
def _grant(actor: User, made: Credential, found: Places, now: datetime, *, second: User | None) -> None:
    """Puts it in force, in the place of what the person held there before."""
    demand_earned(made, found, now)
    lower = Credential.objects.filter(
        brand=made.brand,
        user=made.user,
        domain=made.domain,
        state=CredentialState.ACTIVE,
        ended_at__isnull=True,
    )
    before = lower.order_by("-level", "-pk").first()
    lower.update(state=CredentialState.REPLACED, ended_at=now, look_at=None)
    until = made.valid_until
    if found.founding:
        until = min(now + FOUNDING_LASTS, until or now + FOUNDING_LASTS)
    Credential.objects.filter(pk=made.pk).update(
        state=CredentialState.ACTIVE,
        valid_from=now,
        confirmed_at=now,
        valid_until=until,
        first_grantor=made.first_grantor or actor,
        first_at=made.first_at or now,
        second_grantor=second,
        founding=found.founding,
        follows=before,
        look_at=now,
    )
    _record("credential.confirm", actor, made, founding=found.founding)
    vouched = [made.user, *([made.first_grantor] if made.first_grantor else [])]
    tell([one for one in vouched if one.pk != actor.pk], made.brand, "credential.confirm", **_about(made))


def _about(made: Credential) -> Mapping[str, Any]:
    about = {"domain": made.domain, "level": made.level, "credential": made.pk}
    return {**about, "who": made.user.name, "user": made.user_id}


def _record(verb: str, actor: User, made: Credential, *, personal: str = "", **more: Any) -> None:
    record(
        verb,
        actor,
        made.brand,
        f"credential:{made.pk}",
        person=made.user.person_id,
        domain=made.domain,
        level=made.level,
        personal=personal,
        **more,
    )


def _tell_waited_for(actor: User, made: Credential, found: Places) -> None:
    """Those who could say the next word; where nobody could, the owners."""
    waited = waited_for(made.brand, found, made.first_grantor) or owners_of(made.brand)
    others = [user for user in waited if user.person_id != actor.person_id]
    tell(others, made.brand, "credential.propose", **_about(made), by=actor.name)
