"""Runs the place: makes and sets up brands, says what an account may open, takes tokens back.

Stands here and not in `accounts/` for the reason of `inviting.py`: a brand's settings change what the
gate and the slots say, and every act is told in the journal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import time
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
from accounts.refusals import Forbidden, Invalid, Refused
from approvals.inviting import send_reset_link
from approvals.models import Policy, PolicyState
from approvals.policy import PRESETS
from journal.recording import record

SETTINGS = ("name", "time_zone", "language", "slots", "quiet_from", "quiet_until", "late_minutes")
LONGEST_LATE = 24 * 60
_FIRST_PRESET = "team"


def read_slots(text: str) -> list[str]:
    """“09:00, 12:30” → ["09:00", "12:30"], each once and in order. Raises Invalid for what is no time."""
    found = set()
    for word in text.replace(";", ",").replace(",", " ").split():
        try:
            found.add(time.fromisoformat(word))
        except ValueError:
            sentence = _("“%(text)s” is not a time of day; write it like 09:00.") % {"text": word[:20]}
            raise Invalid("bad_slot", sentence, fields={"slots": [sentence]}) from None
    return [f"{one:%H:%M}" for one in sorted(found)]


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
    return brand


def edit_brand(actor: User, pk: int, **settings: Any) -> Brand:
    """Changes a brand's settings; posts that have their slot keep it. Raises Forbidden, Invalid."""
    with transaction.atomic():
        change_standing(pk)
        brand = Brand.objects.get(pk=pk)
        demand_may_run(actor, brand)
        changed = [name for name, value in _known(settings).items() if getattr(brand, name) != value]
        before = _told(brand, changed)
        for name in changed:
            setattr(brand, name, settings[name])
        check_brand(brand)
        if changed:
            brand.save(update_fields=changed)
            record("brand.edit", actor, brand, f"brand:{pk}", before=before, after=_told(brand, changed))
    return brand


def _known(settings: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(settings) - set(SETTINGS)
    if unknown:
        raise TypeError(f"not a setting of a brand: {', '.join(sorted(unknown))}")
    return dict(settings)


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
