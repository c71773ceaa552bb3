"""Stops a brand, or everything: effective before the next send, also for batches already claimed.

Stopping is cheap and anybody's; starting again takes an owner, or whoever runs the installation.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, User
from accounts.policies import demand_member, demand_owner
from accounts.refusals import Forbidden, Refused
from journal.recording import Actor, record
from journal.telling import tell


def stop_brand(actor: Actor, brand: Brand, reason: str = "") -> None:
    """Nothing of the brand goes out until it is started again. By any member, or the operator."""
    with transaction.atomic():
        change_standing(brand.pk)
        if isinstance(actor, User) and not actor.is_superuser:
            demand_member(actor, brand)
        if not Brand.objects.filter(pk=brand.pk, stopped_at__isnull=True).update(stopped_at=database_now()):
            raise Refused("already_stopped", _("%(brand)s is already stopped.") % {"brand": brand})
        record("brand.stop", actor, brand, f"brand:{brand.pk}", personal=reason)
        owners = brand.memberships.filter(is_owner=True, is_active=True).select_related("user")
        name = actor.name if isinstance(actor, User) else "CM Queue"
        tell([one.user for one in owners if one.user != actor], brand, "brand.stop", who=name)


def start_brand(actor: Actor, brand: Brand) -> None:
    """Lets a stopped brand go on. What missed its slot meanwhile stays missed."""
    with transaction.atomic():
        change_standing(brand.pk)
        if isinstance(actor, User) and not actor.is_superuser:
            demand_owner(actor, brand)
        if not Brand.objects.filter(pk=brand.pk, stopped_at__isnull=False).update(stopped_at=None):
            raise Refused("not_stopped", _("%(brand)s is not stopped.") % {"brand": brand})
        record("brand.start", actor, brand, f"brand:{brand.pk}")


def stop_all(actor: Actor, reason: str = "") -> list[Brand]:
    """Stops every brand of the installation, one after the other in id order; answers those it stopped."""
    if isinstance(actor, User) and not actor.is_superuser:
        raise Forbidden("operator_only", _("Only whoever runs this place stops everything."))
    return _each(actor, Brand.objects.filter(stopped_at__isnull=True).order_by("pk"), reason)


def _each(actor: Actor, brands: Iterable[Brand], reason: str) -> list[Brand]:
    stopped = []
    for brand in brands:
        try:
            stop_brand(actor, brand, reason)
        except Refused:
            continue  # somebody else was faster: it is stopped
        stopped.append(brand)
    return stopped
