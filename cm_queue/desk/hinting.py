"""Hints for whoever does something for the first time: a few sentences, waved away once and for all."""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from approvals.levels import level_of
from approvals.models import Level
from cm_queue.desk.guarding import MemberRequest, for_members

FIRST_DRAFT: Final = "first-draft"
# Each hint, and the page it stands on.
PAGES: Final = {FIRST_DRAFT: "compose"}


def shows(request: MemberRequest, name: str) -> bool:
    """Whether somebody who is still learning the craft has not waved this hint away yet."""
    if name in request.user.hints_seen:
        return False
    return level_of(request.user, request.brand, "craft") < Level.ENTRUSTED


@require_POST
@for_members
def wave_away(request: MemberRequest, name: str) -> HttpResponseBase:
    """Remembered with the account, so that it does not come back on another device. With a script only the
    hint goes, and what is being written stays."""
    if name not in PAGES:
        raise Http404
    seen = [*request.user.hints_seen, name]
    User.objects.filter(pk=request.user.pk).update(hints_seen=sorted(set(seen)))
    if request.htmx:
        return HttpResponse("")
    messages.success(request, _("It will not come back."))
    return redirect(PAGES[name])
