"""Lifting somebody else's objection: a form on the post's page, for those who may."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from approvals.facts import load_one
from approvals.overriding import override
from cm_queue.desk.arriving import at_post
from cm_queue.desk.forms import attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.incident_forms import OverrideForm
from cm_queue.desk.steering import page
from posts.policies import get_post


@require_POST
@for_members
def override_veto(request: MemberRequest, pk: int) -> HttpResponse:
    at_post(request, pk)
    sent = str(request.POST.get("decision", ""))
    # It becomes part of the fields' ids, which Django formats.
    sent = sent if sent.isascii() and sent.isdigit() else "0"
    form = OverrideForm(request.POST, auto_id=f"override-{sent}-%s")

    def lift() -> None:
        override(request.user, pk, form.cleaned_data["decision"], form.cleaned_data["reason"])

    status = attempt(form, lift)
    if status is None:
        held = any(one.code == "veto" for one in load_one(get_post(request.user, pk)).facts.blockers)
        part = _("Lifted in your part. In what is left of it somebody else must.")
        messages.success(request, part if held else _("The objection is lifted."))
        return redirect("post", pk)
    return page(request, get_post(request.user, pk), {f"override-{sent}": form}, status)
