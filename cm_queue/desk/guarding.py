"""At the door of every page: who is asking, for which brand, and how a refusal is shown."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Concatenate, ParamSpec, cast

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django_htmx.middleware import HtmxDetails

from accounts.models import Brand, Membership, User
from accounts.refusals import Forbidden, NotHere, Refused

P = ParamSpec("P")

if TYPE_CHECKING:

    class MemberRequest(HttpRequest):
        """A request of somebody signed in, for a brand of theirs: what the middleware put on it."""

        user: User
        brand: Brand
        membership: Membership
        memberships: list[Membership]
        htmx: HtmxDetails

else:
    MemberRequest = HttpRequest

View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def for_members(view: Callable[Concatenate[MemberRequest, P], HttpResponseBase]) -> View[P]:
    """The view, for members of a brand. Strangers are asked to sign in, somebody without a brand is told
    so, and what a verb refuses becomes the page for it: 404, 403, or its sentence with its own status."""

    @wraps(view)
    def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
        if getattr(request, "membership", None) is None:
            return render(request, "desk/no_brand.html", status=403)
        try:
            return view(cast("MemberRequest", request), *args, **kwargs)
        except NotHere as refusal:
            raise Http404(refusal.sentence) from refusal
        except Forbidden as refusal:
            raise PermissionDenied(refusal.sentence) from refusal
        except Refused as refusal:
            return refused(request, refusal)

    return cast("View[P]", login_required(guarded))


def refused(request: HttpRequest, refusal: Refused) -> HttpResponse:
    """A page that says what was refused, for refusals that no form can show."""
    return render(request, "desk/refused.html", {"refusal": refusal}, status=refusal.status)
