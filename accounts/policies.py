"""Who may do what to people and brands. Asked by pages, API, admin and templates alike."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from accounts.models import Brand, Membership, User
from accounts.preparing import Prepared, PreparedObjects
from accounts.refusals import Forbidden, NotHere


def memberships_of(user: User) -> list[Membership]:
    """The active ones of an account, oldest first, each with its brand."""
    memberships = _OF_USER.objects(user.pk)
    for membership in memberships:
        membership.user = user
    return memberships


_OF_USER = PreparedObjects(
    Membership, lambda user: Membership.objects.filter(user=user, is_active=True).order_by("pk"), "brand"
)


def _memberships(user: User | int, brand: Brand | int) -> QuerySet[Membership]:
    return Membership.objects.filter(user=user, brand=brand, is_active=True, user__is_active=True)


def membership_in(user: User, brand: Brand) -> Membership | None:
    return _IN.first(user.pk, brand.pk)


_IN = PreparedObjects(Membership, _memberships)


def is_member(user: User, brand: Brand) -> bool:
    """Whether there is one, for a caller who needs nothing of it."""
    return bool(_MEMBER.rows(user.pk, brand.pk))


_MEMBER = Prepared(lambda user, brand: _memberships(user, brand).values_list("pk"))


def demand_member(user: User, brand: Brand) -> Membership:
    """The active membership. Raises NotHere to an outsider, so that a brand's existence does not leak."""
    membership = membership_in(user, brand)
    if membership is None:
        raise NotHere("not_a_member", _("You are not a member of this brand."))
    return membership


def demand_owner(user: User, brand: Brand) -> Membership:
    """The owner's membership. Raises Forbidden to other members."""
    membership = demand_member(user, brand)
    if not membership.is_owner:
        raise Forbidden("owner_only", _("Only an owner of %(brand)s can do this.") % {"brand": brand})
    return membership


def demand_may_run(user: User, brand: Brand) -> None:
    """Owners run their brand; whoever runs the installation (a superuser) may too. Running a brand means
    its settings and who belongs to it, never what it says."""
    if not user.is_superuser:
        demand_owner(user, brand)


def demand_may_stop(user: User, brand: Brand) -> None:
    """Stopping is cheap: any member may, and so may whoever runs the installation, of any brand. Nothing
    else of the way of a post is open to them: letting go again takes a qualified member."""
    if not (user.is_superuser and user.is_active):
        demand_member(user, brand)


def is_alone(brand: Brand) -> bool:
    """Whether the brand has a single active person: then nothing can be a two-person act."""
    people = {
        one.user.person_id
        for one in Membership.objects.filter(
            brand=brand, is_active=True, user__is_active=True
        ).select_related("user")
    }
    return len(people) < 2
