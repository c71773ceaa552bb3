"""How allauth signs people in here: by invitation, never by registering oneself."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from accounts.admitting import SESSION_KEY, demand_open, read_token
from accounts.clock import database_now
from accounts.models import Invitation, User
from accounts.refusals import Refused


def invitation_of(request: HttpRequest) -> Invitation | None:
    """The open invitation by whose link this visitor came, for an address that has no account yet."""
    token = request.session.get(SESSION_KEY)
    if not isinstance(token, str):
        return None
    try:
        found = read_token(token)
        demand_open(found, database_now())
    except Refused:
        return None
    return None if User.objects.filter(email=found.email.lower()).exists() else found


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """A stranger must not be able to open an account on a brand's desk."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return invitation_of(request) is not None

    def save_user(self, request: HttpRequest, user: User, form: Any, commit: bool = True) -> User:
        """Whichever page of allauth's signs somebody up: an account is made for the invited address alone.
        The link was sent there, so that it is theirs is proved."""
        invitation = invitation_of(request)
        email = str(form.cleaned_data.get("email", "")).lower()
        if invitation is None or email != invitation.email.lower():
            raise PermissionDenied(_("This invitation is for another address than yours."))
        user.name = form.cleaned_data.get("name") or invitation.name or email
        user.language = "fr" if (get_language() or "fr").startswith("fr") else "en"
        self.stash_verified_email(request, email)
        saved: User = super().save_user(request, user, form, commit)
        return saved
