"""The link of an invitation: signed, so that a forged one is known without asking the database, opened once,
and for seven days. Who comes in by it is written by `approvals/welcoming.py`."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from typing import Final

from allauth.account.models import EmailAddress
from django.core import signing
from django.utils.translation import gettext as _

from accounts.models import Invitation, User
from accounts.refusals import NotHere, Refused

LASTS: Final = timedelta(days=7)
# Where a visitor's session keeps the link they came by, until they have signed up or in.
SESSION_KEY: Final = "invitation"
_SALT: Final = "cm_queue.invitation"


def new_secret() -> str:
    return secrets.token_urlsafe(24)


def hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def token_of(invitation: Invitation, secret: str) -> str:
    """What stands in the link. The secret is known only now, while it is mailed."""
    return signing.dumps([invitation.pk, secret], salt=_SALT)


def read_token(token: str) -> Invitation:
    """The invitation of a link, in whichever state. Raises NotHere for a forged link, and for one that a newer
    one replaced."""
    try:
        pk, secret = signing.loads(token, salt=_SALT)
    except (signing.BadSignature, TypeError, ValueError):
        raise _not_here() from None
    if not isinstance(pk, int):
        raise _not_here()
    found = Invitation.objects.select_related("brand", "invited_by").filter(pk=pk).first()
    if found is None or not hmac.compare_digest(found.digest, hash_of(str(secret))):
        raise _not_here()
    return found


def _not_here() -> NotHere:
    return NotHere("no_such_invitation", _("This link is not an invitation, or a newer one replaced it."))


def demand_open(invitation: Invitation, now: datetime) -> None:
    """Raises Refused, saying what to do, for one that was used or withdrawn or has run out."""
    if invitation.accepted_at is not None:
        raise Refused("invitation_used", _("This invitation was used already: sign in."))
    again = _("Ask %(who)s for another one.") % {"who": invitation.invited_by}
    if invitation.withdrawn_at is not None:
        raise Refused("invitation_withdrawn", _("This invitation was withdrawn.") + " " + again)
    if invitation.expires_at <= now:
        raise Refused("invitation_expired", _("This invitation has run out.") + " " + again)


def is_for(invitation: Invitation, user: User) -> bool:
    """Whether the address that was invited is proved to be this account's: typing it into a profile is not
    enough."""
    theirs = EmailAddress.objects.filter(user=user, email__iexact=invitation.email, verified=True)
    return bool(theirs.exists())
