"""Runs the place: makes and sets up brands, says what an account may open, takes tokens back.

Stands here and not in `accounts/` for the reason of `inviting.py`: a brand's settings change what the
gate and the slots say, and every act is told in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, time
from typing import Any

from django.contrib.auth.models import Permission
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import ApiToken, Brand, User
from accounts.policies import demand_may_run
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, Refused
from approvals.glossing import begin as begin_lexicon
from approvals.inviting import send_reset_link
from approvals.models import Policy, PolicyState
from approvals.policy import PRESETS
from journal.recording import record
from posts.timekeeping import keep_instants
from posts.timetabling import keep, week_of

SETTINGS = (
    "name", "time_zone", "language", "slots", "quiet_from", "quiet_until", "late_minutes",
    "accepted_to_entrust",
)  # fmt: skip
# Those and what only the desk's own page sets.
_ALL_SETTINGS = (*SETTINGS, "holidays")
MOST_HOLIDAYS = 200
LONGEST_LATE = 24 * 60
MOST_TO_ENTRUST = 500
_FIRST_PRESET = "team"


def read_holidays(days: Iterable[tuple[date, str]]) -> list[dict[str, str]]:
    """(day, name) → [{"day": "2026-12-25", "name": "Noël"}], each day once and in order, as a brand keeps
    them. Raises Invalid for a day without a name and for too many."""
    named: dict[date, str] = {}
    for day, name in days:
        named[day] = read_words(name, "holidays", most=80)
    sentence = ""
    if not all(named.values()):
        sentence = _("Give each holiday a name, so that people know why nothing goes out.")
    elif len(named) > MOST_HOLIDAYS:
        sentence = _("At most %(most)s holidays.") % {"most": MOST_HOLIDAYS}
    if sentence:
        raise Invalid("bad_holidays", sentence, fields={"holidays": [sentence]})
    return [{"day": day.isoformat(), "name": named[day]} for day in sorted(named)]


def _demand_operator(actor: User) -> None:
    if not (actor.is_superuser and actor.is_active):
        raise Forbidden("operator_only", _("Only whoever runs this place can do this."))


def check_brand(brand: Brand) -> None:
    """Raises Invalid with what is wrong at its field."""
    try:
        brand.full_clean()
    except ValidationError as error:
        fields = error.message_dict
        raise Invalid("bad_brand", next(iter(fields.values()))[0], fields=fields) from None
    if (brand.quiet_from is None) != (brand.quiet_until is None):
        sentence = _("Quiet hours need a beginning and an end, or neither.")
        raise Invalid("bad_quiet_hours", sentence, fields={"quiet_until": [sentence]})
    if not 1 <= brand.late_minutes <= LONGEST_LATE:
        sentence = _("A post may be late by 1 to %(most)s minutes.") % {"most": LONGEST_LATE}
        raise Invalid("bad_late_minutes", sentence, fields={"late_minutes": [sentence]})
    if not 1 <= brand.accepted_to_entrust <= MOST_TO_ENTRUST:
        sentence = _("Somebody is entrusted after 1 to %(most)s accepted posts.") % {"most": MOST_TO_ENTRUST}
        raise Invalid("bad_accepted_to_entrust", sentence, fields={"accepted_to_entrust": [sentence]})


def create_brand(actor: User, slug: str, **settings: Any) -> Brand:
    """A new brand with the policy of a team, and nobody in it yet. Raises Forbidden, Invalid."""
    _demand_operator(actor)
    brand = Brand(slug=slug, **_known(settings))
    check_brand(brand)
    with transaction.atomic():
        brand.save(force_insert=True)
        record("brand.create", actor, brand, f"brand:{brand.pk}", **_told(brand, SETTINGS))
        policy = Policy.objects.create(
            brand=brand,
            number=1,
            state=PolicyState.ACTIVE,
            rules=PRESETS[_FIRST_PRESET],
            proposed_by=actor,
            confirmed_at=database_now(),
        )
        record("policy.adopt", actor, brand, f"policy:{policy.pk}", preset=_FIRST_PRESET)
        begin_lexicon(actor, brand)
    return brand


def edit_brand(actor: User, pk: int, **settings: Any) -> Brand:
    """Changes a brand's settings. Posts that have their slot keep its instant, also in another time zone.
    Raises Forbidden, Invalid."""
    with transaction.atomic():
        change_standing(pk)
        brand = Brand.objects.get(pk=pk)
        demand_may_run(actor, brand)
        wanted = _known(settings)
        changed = [name for name, value in wanted.items() if getattr(brand, name) != value]
        before = _told(brand, changed)
        for name in changed:
            setattr(brand, name, wanted[name])
        check_brand(brand)
        if changed:
            brand.save(update_fields=changed)
            if "time_zone" in changed:
                keep_instants(brand)
            record("brand.edit", actor, brand, f"brand:{pk}", before=before, after=_told(brand, changed))
    return brand


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(settings) - set(_ALL_SETTINGS)
    if unknown:
        raise TypeError(f"not a setting of a brand: {', '.join(sorted(unknown))}")
    # As they are kept, whoever says them: each time once, in the order of the day.
    more = {"slots": keep(week_of(settings["slots"]))} if "slots" in settings else {}
    return {**settings, **more}


def _told(brand: Brand, names: Iterable[str]) -> dict[str, Any]:
    values = {name: getattr(brand, name) for name in names}
    return {name: f"{value:%H:%M}" if isinstance(value, time) else value for name, value in values.items()}


def set_panel_access(
    actor: User, user: User, *, is_staff: bool, is_superuser: bool, permissions: Iterable[Permission]
) -> None:
    """Says who may open the admin panel and what they see there. None of it counts at the gate. Nobody
    changes their own, so that the last one who runs the place cannot lock themselves out."""
    wanted = sorted(permissions, key=lambda one: one.pk)
    _demand_operator(actor)
    if actor.pk == user.pk:
        raise Forbidden("own_access", _("Nobody changes their own access to the admin panel."))
    with transaction.atomic():
        User.objects.filter(pk=user.pk).update(is_staff=is_staff, is_superuser=is_superuser)
        user.user_permissions.set(wanted)
        names = [f"{one.content_type.app_label}.{one.codename}" for one in wanted]
        record(
            "account.access", actor, None, f"user:{user.pk}",
            is_staff=is_staff, is_superuser=is_superuser, permissions=names,
        )  # fmt: skip


def send_link(request: HttpRequest, user: User) -> None:
    """Whoever runs the place sends anybody the link by which they set a password themselves."""
    if isinstance(request.user, User):
        _demand_operator(request.user)
    send_reset_link(request, user)


def revoke_token(actor: User, token: ApiToken) -> None:
    """Takes an API token back, for good: by its person, an owner of the brand, or whoever runs the place."""
    if actor.person_id != token.user.person_id:
        demand_may_run(actor, token.brand)
    with transaction.atomic():
        if not ApiToken.objects.filter(pk=token.pk, revoked_at__isnull=True).update(
            revoked_at=database_now()
        ):
            raise Refused("already_revoked", _("This token is already revoked."))
        record("token.revoke", actor, token.brand_id, f"token:{token.pk}", user=token.user_id)
