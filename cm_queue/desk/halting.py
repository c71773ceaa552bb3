"""Stopping a whole brand from the desk, and starting it again."""

from __future__ import annotations

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from accounts.refusals import Refused
from cm_queue.desk.guarding import MemberRequest, for_members
from publishing.stopping import start_brand as start
from publishing.stopping import stop_brand as stop


class StopForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=500,
        label=gettext_lazy("Why?"),
        help_text=gettext_lazy("Everybody in the brand reads it."),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


@require_POST
@for_members
def stop_brand(request: MemberRequest) -> HttpResponse:
    """Any member: stopping must not wait for a form to be right, so a reason that is too long is cut."""
    reason = request.POST.get("reason", "").replace("\x00", "").strip()[:500]
    try:
        stop(request.user, request.brand, reason)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("Stopped: nothing goes out any more. Nothing is lost."))
    return redirect("desk")


@require_POST
@for_members
def start_brand(request: MemberRequest) -> HttpResponse:
    try:
        start(request.user, request.brand)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("The brand goes on. What missed its slot meanwhile waits for another."))
    return redirect("desk")
