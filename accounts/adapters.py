"""How allauth signs people in here: by invitation, never by registering oneself."""

from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitedOnly(DefaultAccountAdapter):  # type: ignore[misc]
    """A stranger must not be able to open an account on a brand's desk."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False
