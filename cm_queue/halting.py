"""Stopping everything from the admin panel: for whoever runs the installation, in two presses."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST

from accounts.models import Brand, User
from accounts.refusals import Refused
from publishing.stopping import start_brand, stop_all


# Not those of `accounts/admin.py`, which is only loaded once the panel that this belongs to is there.
class StopForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Why:"), required=False, max_length=300)


def _actor(request: HttpRequest) -> User:
    """Who acts: the admin panel lets nobody in who is not signed in."""
    if not isinstance(request.user, User):
        raise TypeError("the admin panel was reached without an account")
    return request.user


def what_runs(request: HttpRequest) -> dict[str, Any]:
    """For the panel's first page: how many brands run, and those that are stopped."""
    if not _actor(request).is_superuser:
        return {}
    return {
        "running": Brand.objects.filter(stopped_at__isnull=True).count(),
        "stopped": list(Brand.objects.filter(stopped_at__isnull=False).order_by("name")),
        "stop_form": StopForm(auto_id="stop-%s"),
    }


@require_POST
def stop_everything(request: HttpRequest) -> HttpResponse:
    """Every brand, before its next send. A reason that is too long is cut: stopping does not wait for it."""
    reason = request.POST.get("reason", "").replace("\x00", "").strip()[:300]
    try:
        stopped = len(stop_all(_actor(request), reason))
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        text = ngettext(
            "%(n)s brand is stopped: nothing of it goes out.",
            "%(n)s brands are stopped: nothing of them goes out.",
            stopped,
        )
        messages.success(request, text % {"n": stopped} if stopped else _("Everything was stopped already."))
    return redirect("admin:index")


@require_POST
def start_again(request: HttpRequest, pk: int) -> HttpResponse:
    brand = get_object_or_404(Brand, pk=pk)
    try:
        start_brand(_actor(request), brand)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("%(brand)s goes on.") % {"brand": brand})
    return redirect("admin:index")
