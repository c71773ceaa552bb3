"""Puts the person's brand, language and time zone around each request."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation

from accounts.models import Membership
from accounts.policies import memberships_of

BRAND_KEY = "brand"


class PersonMiddleware:
    """Sets `request.membership` and `request.brand` (None for nobody, or for a member of nothing).

    The language chosen on this device wins over the one in the profile, which wins over the browser's.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        membership = self._membership(request)
        request.membership = membership  # type: ignore[attr-defined]
        request.brand = membership.brand if membership else None  # type: ignore[attr-defined]
        user = request.user
        if user.is_authenticated and settings.LANGUAGE_COOKIE_NAME not in request.COOKIES:
            translation.activate(user.language)
            request.LANGUAGE_CODE = translation.get_language() or user.language
        zone = membership.brand.time_zone if membership else settings.TIME_ZONE
        with timezone.override(zone):
            return self.get_response(request)

    def _membership(self, request: HttpRequest) -> Membership | None:
        if not request.user.is_authenticated or not request.user.is_active:
            return None
        memberships = memberships_of(request.user)
        chosen = request.session.get(BRAND_KEY)
        request.memberships = memberships  # type: ignore[attr-defined]
        return next(
            (one for one in memberships if one.brand_id == chosen), memberships[0] if memberships else None
        )
