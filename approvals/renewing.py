"""Standing that goes on: a founding grant renewed, recent practice confirmed after a lapse, a suspension ended.

What goes on is a new row that follows the old one, so that the past keeps reading as it was. Whoever vouches
here is bound by the same rule as for a grant: never for oneself, and never for whom one was vouched for by.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import User
from accounts.policies import demand_member, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.expertise import FOUNDING_LASTS
from approvals.levels import accounts_of, in_force, level_of, mentors_in
from approvals.models import Credential, CredentialState, Level
from approvals.practising import ACTS, practice
from approvals.vouching import places
from journal.recording import record
from journal.telling import tell

# So long after its end a founding grant can still be renewed instead of earned.
RENEWABLE_FOR: Final = timedelta(days=90)


def find(actor: User, pk: int) -> Credential:
    """The credential, for a member of its brand. Raises NotHere."""
    held = Credential.objects.select_related("brand", "user").filter(pk=pk).first()
    if held is None or membership_in(actor, held.brand) is None:
        raise NotHere("no_such_credential", _("There is no such credential."))
    return held


def read_note(note: str) -> str:
    """What a person vouches with. Raises Invalid without it."""
    words = read_words(note, "note", most=1000)
    if not words:
        sentence = _("Say in a sentence what you have seen.")
        raise Invalid("note_needed", sentence, fields={"note": [sentence]})
    return words


def demand_may_vouch_again(actor: User, held: Credential, *, owner: bool) -> None:
    """A mentor of the domain, or the owner: always (`owner`), or where the domain has no other mentor. Never
    the person, nor somebody for whom the person vouched lately. Raises Forbidden."""
    membership = demand_member(actor, held.brand)
    person = held.user
    if actor.person_id == person.person_id:
        raise Forbidden("own_grant", _("Nobody grants expertise to themselves."))
    now = database_now()
    if actor.person_id in places(held.brand, person, held.domain, now).reciprocal:
        raise Forbidden("reciprocal", reciprocal_sentence(person))
    if level_of(actor, held.brand, held.domain) >= Level.MENTOR:
        return
    nobody = not mentors_in(held.brand, held.domain, now, but=person.person_id)
    if not (membership.is_owner and (owner or nobody)):
        raise Forbidden("not_qualified", _("It takes a mentor of this domain."))


def reciprocal_sentence(person: User) -> str:
    return _(
        "%(who)s vouched for you less than 180 days ago: two people do not vouch for each other. Somebody else must."
    ) % {"who": person.name}


def renew(actor: User, pk: int, note: str) -> Credential:
    """Another 180 days for a founding grant (or the same time for another that runs out), by one mentor or
    by the owner, on recorded practice. Raises Refused `not_practised` with how much there is."""
    words, held = read_note(note), find(actor, pk)
    with transaction.atomic():
        change_standing(held.brand_id)
        demand_may_vouch_again(actor, held, owner=True)
        held.refresh_from_db()
        now = database_now()
        ends = held.valid_until
        if held.state != CredentialState.ACTIVE or ends is None or held.ended_at is not None:
            raise Refused("not_renewable", _("This credential does not run out, or is no longer in force."))
        if ends + RENEWABLE_FOR < now:
            raise Refused("not_renewable", _("It ended too long ago: it must be earned again."))
        acts = practice(held.brand, [held], now)[held.pk].acts
        if acts < ACTS:
            raise Refused("not_practised", _not_practised(acts), details={"acts": acts, "needed": ACTS})
        lasts = FOUNDING_LASTS if held.founding else ends - held.valid_from
        made = _follow(actor, held, CredentialState.REPLACED, words, now, valid_until=now + lasts)
        _told(actor, made, "credential.renew", words)
    return made


def _not_practised(acts: int) -> str:
    return ngettext(
        "It is renewed on recorded practice: %(n)s act in the last 90 days, of %(needed)s.",
        "It is renewed on recorded practice: %(n)s acts in the last 90 days, of %(needed)s.",
        acts,
    ) % {"n": acts, "needed": ACTS}


def confirm_practice(actor: User, pk: int, note: str) -> Credential:
    """A mentor confirms that the person has practised lately, elsewhere or as an adviser: votes count again."""
    words, held = read_note(note), find(actor, pk)
    with transaction.atomic():
        change_standing(held.brand_id)
        demand_may_vouch_again(actor, held, owner=False)
        held.refresh_from_db()
        _demand_last(held, CredentialState.LAPSED, "not_lapsed", _("This credential has not lapsed."))
        made = _follow(actor, held, held.state, words, database_now(), valid_until=held.valid_until)
        _told(actor, made, "credential.practice", words)
    return made


def reinstate(actor: User, pk: int, note: str) -> Credential:
    """Ends a suspension: whoever suspended does, or a mentor of the domain."""
    words, held = read_note(note), find(actor, pk)
    with transaction.atomic():
        change_standing(held.brand_id)
        held.refresh_from_db()
        if held.ended_by_id != actor.pk or actor.person_id == held.user.person_id:
            demand_may_vouch_again(actor, held, owner=False)
        demand_member(actor, held.brand)
        _demand_last(held, CredentialState.SUSPENDED, "not_suspended", _("This credential is not suspended."))
        made = _follow(actor, held, held.state, words, database_now(), valid_until=held.valid_until)
        _told(actor, made, "credential.reinstate", words)
    return made


def _demand_last(held: Credential, state: CredentialState, code: str, sentence: str) -> None:
    """Raises Refused unless it is in that state, has not run out, and nothing followed it."""
    now = database_now()
    accounts = accounts_of([held.user.person_id])
    newer = in_force(held.brand, now).filter(user__in=accounts, domain=held.domain, level__gte=held.level)
    followed = Credential.objects.filter(follows=held).exists()
    if held.state != state or followed or newer.exists():
        raise Refused(code, sentence)
    if held.valid_until is not None and held.valid_until <= now:
        raise Refused("ran_out", _("It has run out in the meantime: it must be renewed or earned again."))


def _follow(
    actor: User, held: Credential, state: str, words: str, now: datetime, *, valid_until: datetime | None
) -> Credential:
    """The row that goes on from `held`, vouched for by the actor, beside who vouched before."""
    before: list[int | None] = [held.first_grantor_id, held.second_grantor_id]
    second = next((one for one in before if one not in {None, actor.pk, held.user_id}), None)
    ended: dict[str, Any] = {} if held.ended_at is not None else {"ended_at": now}
    if held.valid_until is not None and held.valid_until < now:
        ended = {"ended_at": held.valid_until}
    Credential.objects.filter(pk=held.pk).update(state=state, look_at=None, **ended)
    return Credential.objects.create(
        brand=held.brand,
        user=held.user,
        domain=held.domain,
        level=held.level,
        state=CredentialState.ACTIVE,
        valid_from=now,
        valid_until=valid_until,
        confirmed_at=now,
        first_grantor=actor,
        first_at=now,
        second_grantor_id=second,
        evidence=[*held.evidence, {"text": words, "by": actor.pk, "at": now.isoformat()}],
        founding=held.founding,
        follows=held,
        look_at=now,
    )


def _told(actor: User, made: Credential, verb: str, words: str) -> None:
    record(
        verb,
        actor,
        made.brand,
        f"credential:{made.pk}",
        person=made.user.person_id,
        domain=made.domain,
        level=made.level,
        follows=made.follows_id,
        personal=words,
    )
    about: dict[str, Any] = {"domain": made.domain, "user": made.user_id, "credential": made.pk}
    tell([made.user], made.brand, verb, **about, who=actor.name)
