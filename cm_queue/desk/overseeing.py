"""The desk's page, and its notices."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from approvals.calling import on_call_now
from cm_queue.desk.beginning import card_for
from cm_queue.desk.forms import NoticesForm
from cm_queue.desk.gathering import Desk
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.halting import StopForm
from cm_queue.desk.headlines import headline
from cm_queue.desk.living import keep_live
from cm_queue.desk.numbers import page_in
from journal.models import Notice


@require_GET
@for_members
def desk(request: MemberRequest) -> HttpResponse:
    keep_live(request)
    gathered = Desk(
        request.user,
        request.brand,
        drafts=page_in(request.GET.get("drafts")),
        stopped=page_in(request.GET.get("stopped")),
    )
    context = {
        "desk": gathered,
        "headline": headline(gathered),
        "stop_form": StopForm(auto_id="stop-%s"),
        "on_call": on_call_now(request.brand),
        "setup_steps": card_for(request.brand, is_owner=request.membership.is_owner),
    }
    return render(request, "desk/desk.html", context)


@require_POST
@for_members
def read_notices(request: MemberRequest) -> HttpResponse:
    """Marks what the page showed as read, and not what came since."""
    form = NoticesForm(request.POST)
    if form.is_valid():
        unread = Notice.objects.filter(user=request.user, brand=request.brand, read_at__isnull=True)
        unread.filter(pk__lte=form.cleaned_data["up_to"]).update(read_at=timezone.now())
        messages.success(request, _("Notices read."))
    return redirect(form.cleaned_data.get("back") or "desk")
