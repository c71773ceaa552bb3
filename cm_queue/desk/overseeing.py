"""The desk's page, and its notices."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from cm_queue.desk.forms import NoticesForm
from cm_queue.desk.gathering import Desk
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.headlines import headline
from journal.models import Notice


@require_GET
@for_members
def desk(request: MemberRequest) -> HttpResponse:
    gathered = Desk(
        request.user,
        request.brand,
        drafts=_number(request.GET.get("drafts")),
        stopped=_number(request.GET.get("stopped")),
    )
    return render(request, "desk/desk.html", {"desk": gathered, "headline": headline(gathered)})


def _number(text: str | None) -> int:
    """A page's number as typed into an address; anything else is the first page."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 7 else 1


@require_POST
@for_members
def read_notices(request: MemberRequest) -> HttpResponse:
    """Marks what the page showed as read, and not what came since."""
    form = NoticesForm(request.POST)
    if form.is_valid():
        unread = Notice.objects.filter(user=request.user, brand=request.brand, read_at__isnull=True)
        unread.filter(pk__lte=form.cleaned_data["up_to"]).update(read_at=timezone.now())
        messages.success(request, _("Notices read."))
    return redirect("desk")
