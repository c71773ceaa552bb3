"""The first minutes of a real brand: begun by whoever runs the place, who is its first owner.

What is still to be done after that is read from what there is, so that each step can be left and taken up
again, on any page that does it.
"""

from __future__ import annotations

import re
import unicodedata

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, Membership, User
from accounts.policies import demand_owner
from accounts.reading import read_words
from accounts.refusals import Invalid
from approvals.running import create_brand
from journal.recording import record


def begin_brand(actor: User, name: str, time_zone: str, language: str) -> Brand:
    """A brand under the policy of a team, with `actor` as its owner and nobody else yet. Raises Forbidden to
    whoever does not run the place, Invalid."""
    called = read_words(name, "name", most=120)
    with transaction.atomic():
        brand = create_brand(actor, _short_name(called), name=called, time_zone=time_zone, language=language)
        change_standing(brand.pk)
        Membership.objects.create(brand=brand, user=actor, is_owner=True)
        record("member.join", actor, brand, f"user:{actor.pk}", owner=True)
    return brand


def _short_name(name: str) -> str:
    """« Maison Lumière » → `maison-lumiere`, or `maison-lumiere-2` when that one is taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:50].strip("-")
    if not name:
        sentence = _("Give the brand a name.")
        raise Invalid("bad_name", sentence, fields={"name": [sentence]})
    stem = stem or "brand"
    taken = set(Brand.objects.filter(slug__startswith=stem).values_list("slug", flat=True))
    number = 2
    slug = stem
    while slug in taken:
        slug, number = f"{stem}-{number}", number + 1
    return slug


def put_steps_away(actor: User, brand: Brand) -> None:
    """An owner has seen enough of the first steps; what is left of them is on its own pages."""
    with transaction.atomic():
        change_standing(brand.pk)
        demand_owner(actor, brand)
        if Brand.objects.filter(pk=brand.pk, set_up_at__isnull=True).update(set_up_at=database_now()):
            record("brand.set_up", actor, brand, f"brand:{brand.pk}")
