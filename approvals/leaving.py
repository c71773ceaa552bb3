"""Days away: an absence leads the work to somebody else who is qualified; it delegates nothing.

The person says so, or an owner for somebody who cannot. It is read with the brand's standing, so it is written
under the exclusive lock like all of it.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Absence, Brand, User
from accounts.policies import demand_member, membership_in
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from journal.recording import record

LONGEST: Final = timedelta(days=366)


def leave(actor: User, brand: Brand, user: User, first_day: date, last_day: date) -> Absence:
    """`user` is away on these days (inclusive, by the brand's calendar)."""
    today = database_now().astimezone(brand.zone).date()
    if last_day < first_day:
        raise _wrong("last_day", _("An absence ends on its first day or later."))
    if last_day < today:
        raise _wrong("last_day", _("This is in the past."))
    if last_day - first_day > LONGEST:
        raise _wrong("last_day", _("At most a year at a time."))
    with transaction.atomic():
        change_standing(brand.pk)
        _demand_own(actor, brand, user)
        if membership_in(user, brand) is None:
            raise NotHere("no_such_person", _("There is no such person in this brand."))
        same = Absence.objects.filter(brand=brand, user=user, first_day=first_day, last_day=last_day)
        if same.exists():
            raise Refused("already_said", _("This absence is recorded already."))
        made = Absence.objects.create(brand=brand, user=user, first_day=first_day, last_day=last_day)
        _record("absence.add", actor, made)
    return made


def come_back(actor: User, pk: int) -> None:
    """Takes an absence back. That it was announced stays in the journal."""
    found = Absence.objects.select_related("brand", "user").filter(pk=pk).first()
    if found is None or membership_in(actor, found.brand) is None:
        raise NotHere("no_such_absence", _("There is no such absence."))
    with transaction.atomic():
        change_standing(found.brand_id)
        _demand_own(actor, found.brand, found.user)
        _record("absence.remove", actor, found)
        Absence.objects.filter(pk=pk).delete()


def _record(verb: str, actor: User, row: Absence) -> None:
    first, last = row.first_day.isoformat(), row.last_day.isoformat()
    record(verb, actor, row.brand_id, f"user:{row.user_id}", first_day=first, last_day=last)


def _demand_own(actor: User, brand: Brand, user: User) -> None:
    membership = demand_member(actor, brand)
    if actor.person_id != user.person_id and not membership.is_owner:
        raise Forbidden("not_yours", _("Everybody says for themselves when they are away; an owner may too."))


def _wrong(field: str, sentence: str) -> Invalid:
    return Invalid(f"bad_{field}", sentence, fields={field: [sentence]})
