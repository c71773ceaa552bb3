"""Asks people into a brand by a link that is mailed to them, and takes in whoever comes by it.

Beside `inviting.py`, which lets whoever runs the place make somebody a member at once: here nobody is a
member, and nothing of the gate changes, before the person has come. Membership is written under the brand's
exclusive lock.
"""

from __future__ import annotations

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.utils.translation import gettext as _

from accounts.admitting import LASTS, demand_open, hash_of, is_for, new_secret, read_token, token_of
from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, Invitation, Membership, User
from accounts.policies import demand_may_run, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused
from journal.recording import record
from journal.telling import tell

MOST_OPEN = 200


def ask_in(
    actor: User, brand: Brand, email: str, name: str = "", *, title: str = "", is_owner: bool = False
) -> tuple[Invitation, str]:
    """Invites an address; asked again, the newest link is the only one that opens. Answers the invitation
    and the token of its link, which is stored nowhere. Raises Forbidden, Invalid, Refused."""
    address = email.strip().lower()
    try:
        validate_email(address)
    except ValidationError as error:
        raise Invalid("bad_email", error.messages[0], fields={"email": error.messages}) from None
    said = {
        "name": read_words(name, "name", most=120),
        "title": read_words(title, "title", most=120),
        "is_owner": is_owner,
    }
    with transaction.atomic():
        # The brand's lock, so that one address is asked once however many owners ask at once.
        change_standing(brand.pk)
        demand_may_run(actor, brand)
        _demand_may_come(brand, address)
        now, secret = database_now(), new_secret()
        fresh = {
            **said, "digest": hash_of(secret), "invited_by": actor, "sent_at": now, "expires_at": now + LASTS,
        }  # fmt: skip
        waiting = Invitation.objects.filter(brand=brand, accepted_at__isnull=True, withdrawn_at__isnull=True)
        known = waiting.filter(email__iexact=address).first()
        if known is None:
            if waiting.count() >= MOST_OPEN:
                raise Refused(
                    "too_many_invitations", _("Too many invitations are open: withdraw some first.")
                )
            known = Invitation.objects.create(brand=brand, email=address, **fresh)
        else:
            Invitation.objects.filter(pk=known.pk).update(**fresh)
            known.refresh_from_db()
        record("member.ask", actor, brand, f"invitation:{known.pk}", personal=address, owner=is_owner)
    return known, token_of(known, secret)


def _demand_may_come(brand: Brand, address: str) -> None:
    user = User.objects.filter(email=address).first()
    if user is None:
        return
    if not user.is_active:
        raise Refused(
            "account_closed",
            _("This account is closed. Whoever runs this place can open it again, or use another address."),
        )
    if membership_in(user, brand) is not None:
        raise Refused("already_a_member", _("%(who)s is already a member.") % {"who": user})


def accept(user: User, token: str) -> Membership:
    """Comes in by the link: only the person whose address was invited, only once, and only as long as whoever
    invited them may still invite. Raises NotHere, Forbidden, Refused."""
    with transaction.atomic():
        brand_id = read_token(token).brand_id
        change_standing(brand_id)
        found = read_token(token)  # as it is now that nobody else changes it
        now = database_now()
        demand_open(found, now)
        if not user.is_active or not is_for(found, user):
            raise Forbidden("another_person", _("This invitation is for another address than yours."))
        _demand_still_inviting(found)
        taken = Invitation.objects.filter(pk=found.pk, accepted_at__isnull=True, withdrawn_at__isnull=True)
        if not taken.update(accepted_at=now, accepted_by=user):
            raise Refused("invitation_used", _("This invitation was used already: sign in."))
        as_invited = {"title": found.title, "is_owner": found.is_owner, "is_active": True}
        membership, made = Membership.objects.get_or_create(brand=found.brand, user=user, defaults=as_invited)
        if not made and not membership.is_active:
            # As invited now: nobody comes back as the owner they once were.
            Membership.objects.filter(pk=membership.pk).update(**as_invited)
            membership.refresh_from_db()
        record("member.join", user, found.brand, f"user:{user.pk}", owner=membership.is_owner)
        tell([found.invited_by], found.brand, "member.join", who=user.name or user.email)
    return membership


def _demand_still_inviting(invitation: Invitation) -> None:
    inviter = invitation.invited_by
    membership = membership_in(inviter, invitation.brand)
    runs = inviter.is_active and (inviter.is_superuser or (membership is not None and membership.is_owner))
    if not runs:
        raise Refused(
            "inviter_gone",
            _("Whoever invited you no longer runs this brand: ask one of its owners for another invitation."),
        )


def withdraw_invitation(actor: User, pk: int) -> Invitation:
    """The link opens nothing any more. Raises NotHere for another brand's as for none."""
    found = Invitation.objects.select_related("brand").filter(pk=pk).first()
    if found is None or not (actor.is_superuser or membership_in(actor, found.brand)):
        raise NotHere("no_such_invitation", _("There is no such invitation."))
    with transaction.atomic():
        change_standing(found.brand_id)
        demand_may_run(actor, found.brand)
        waiting = Invitation.objects.filter(pk=pk, accepted_at__isnull=True, withdrawn_at__isnull=True)
        if not waiting.update(withdrawn_at=database_now()):
            raise Refused("not_open", _("This invitation is no longer open."))
        record("member.unask", actor, found.brand, f"invitation:{pk}")
    return found
