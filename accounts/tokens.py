"""API tokens: made once, shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable
from datetime import timedelta

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import ApiToken, Brand, Membership, Scope, User
from accounts.refusals import Refused

PREFIX = "cmq_"
LIFETIME = timedelta(days=90)


def digest_of(token: str) -> str:
    """SHA-256 in hex. The token holds 256 random bits, so a slow hash would protect nothing more."""
    return hashlib.sha256(token.encode()).hexdigest()


def make_token(
    user: User, brand: Brand, scopes: Iterable[str], label: str = "", *, present: bool = False
) -> str:
    """A new token in clear, the only time it is seen. `present` says that the person is signed in and
    has just re-authenticated: outside the demonstration only they can give the scope `decide`.

    Raises Refused for an unknown scope, for `decide` without presence, or for somebody outside the brand.
    """
    wanted = set(scopes)
    unknown = wanted - set(Scope.values)
    if unknown or not wanted:
        raise Refused(
            "unknown_scope", _("Unknown scope: %(names)s.") % {"names": ", ".join(sorted(unknown)) or "–"}
        )
    if Scope.DECIDE in wanted and not (present or settings.DEMO):
        raise Refused(
            "decide_needs_presence",
            _("Only the person, signed in and re-authenticated, can give a token the right to decide."),
        )
    if not Membership.objects.filter(user=user, brand=brand, is_active=True, user__is_active=True).exists():
        raise Refused(
            "not_a_member", _("%(who)s is not a member of %(brand)s.") % {"who": user, "brand": brand}
        )
    token = PREFIX + secrets.token_urlsafe(32)
    ApiToken.objects.create(
        user=user,
        brand=brand,
        digest=digest_of(token),
        scopes=sorted(wanted),
        label=label,
        expires_at=timezone.now() + LIFETIME,
    )
    return token


def find_token(token: str) -> ApiToken | None:
    """The usable token with its active user and brand, or None."""
    found = (
        ApiToken.objects.select_related("user", "brand")
        .filter(digest=digest_of(token), user__is_active=True)
        .first()
    )
    return found if found is not None and found.usable(timezone.now()) else None
