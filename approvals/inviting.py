"""Who belongs to a brand: invite, deactivate, let back in, link two accounts of one person.

Stands here and not in `accounts/` because membership changes what the gate says: it is written under
the brand's exclusive lock, and told in the journal.
"""

from __future__ import annotations

from allauth.account.forms import ResetPasswordForm
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _

from accounts.locks import change_standing
from accounts.models import Brand, Membership, User
from accounts.policies import demand_may_run
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from approvals.suspending import suspend_for_linked
from journal.recording import OPERATOR, Actor, record


def invite(
    actor: User, brand: Brand, email: str, name: str, *, title: str = "", is_owner: bool = False
) -> Membership:
    """A member of the brand: an account without a password, which its person sets by the link that is
    sent. An account that exists is taken in; one that was deactivated comes back."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid("bad_email", error.messages[0], fields={"email": error.messages}) from None
    called, title = read_words(name, "name", most=120), read_words(title, "title", most=120)
    with transaction.atomic():
        change_standing(brand.pk)
        demand_may_run(actor, brand)
        user = User.objects.filter(email=address).first()
        if user is not None and not user.is_active:
            raise Refused(
                "account_closed",
                _(
                    "This account is closed. Whoever runs this place can open it again, or use another address."
                ),
            )
        if user is None:
            user = User.objects.create_user(address, None, name=called or address, language=brand.language)
        membership, made = Membership.objects.get_or_create(
            brand=brand, user=user, defaults={"title": title, "is_owner": is_owner}
        )
        if not made and membership.is_active:
            raise Refused("already_a_member", _("%(who)s is already a member.") % {"who": user})
        if not made:
            # As invited now: nobody comes back as the owner they once were.
            membership.is_active, membership.title, membership.is_owner = True, title, is_owner
            membership.save(update_fields=["is_active", "title", "is_owner"])
        record("member.invite", actor, brand, f"user:{user.pk}", personal=address, owner=is_owner)
    return membership


def deactivate(actor: User, membership: Membership) -> None:
    """The person is no longer a member: approvals not yet used stop counting, vetoes stand."""
    with transaction.atomic():
        change_standing(membership.brand_id)
        demand_may_run(actor, membership.brand)
        others = Membership.objects.filter(
            brand=membership.brand, is_owner=True, is_active=True, user__is_active=True
        ).exclude(pk=membership.pk)
        if membership.is_owner and not others.exists():
            raise Forbidden("last_owner", _("A brand needs an owner: name another one first."))
        if not Membership.objects.filter(pk=membership.pk, is_active=True).update(is_active=False):
            raise Refused("already_inactive", _("This member is already inactive."))
        record("member.deactivate", actor, membership.brand, f"user:{membership.user_id}")


def deactivate_account(actor: User, user: User) -> None:
    """Closes an account for all brands. Nothing that the person did is lost or changes hands."""
    brand_ids = sorted(user.memberships.values_list("brand_id", flat=True))
    with transaction.atomic():
        for brand_id in brand_ids:
            change_standing(brand_id)
        if not actor.is_superuser or actor.pk == user.pk:
            raise Forbidden(
                "not_yours", _("Only whoever runs this place closes an account, and not their own.")
            )
        User.objects.filter(pk=user.pk).update(is_active=False)
        told: list[int | None] = [*brand_ids] or [None]
        for place in told:
            record("account.deactivate", actor, place, f"user:{user.pk}")


def send_reset_link(request: HttpRequest, user: User) -> None:
    """Sends the person a link by which they set a password themselves. Nobody sets it for them."""
    form = ResetPasswordForm({"email": user.email})
    if not user.is_active or not form.is_valid():
        raise Refused("no_reset", _("No link could be sent to %(who)s.") % {"who": user})
    form.save(request)
    with transaction.atomic():
        actor: Actor = request.user if isinstance(request.user, User) else OPERATOR
        record("account.reset_link", actor, None, f"user:{user.pk}")


def link(actor: User, brand: Brand, first: User, second: User) -> None:
    """Says that two accounts are one person. From then on the gate counts them as one, for what they
    did before too. It can only close the gate (neither lends the other any expertise), so one owner
    suffices. Both belong, or once belonged, to the brand: nobody reaches into another's."""
    if first.person_id == second.person_id:
        raise Refused("already_linked", _("These accounts are already one person."))
    both = {first.person_id, second.person_id}
    accounts = User.objects.filter(Q(pk__in=both) | Q(same_person_as__in=both))
    brand_ids = set(Membership.objects.filter(user__in=accounts).values_list("brand_id", flat=True))
    with transaction.atomic():
        for brand_id in sorted(brand_ids | {brand.pk}):
            change_standing(brand_id)
        demand_may_run(actor, brand)
        if Membership.objects.filter(brand=brand, user__in=[first, second]).count() < 2:
            raise NotHere("no_such_person", _("There is no such person in this brand."))
        root, gone = first.person_id, second.person_id
        User.objects.filter(same_person_as_id=gone).update(same_person_as_id=root)
        User.objects.filter(pk=gone).update(same_person_as_id=root)
        for brand_id in sorted(brand_ids | {brand.pk}):
            record("person.link", actor, brand_id, f"user:{second.pk}", person=root)
            suspend_for_linked(actor, brand_id, root)
