"""What people do about a post that is out: correct it, take it back, or all of an incident's scope."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.refusals import NotHere, Refused
from approvals.correcting import correct
from approvals.models import Incident
from cm_queue.desk.arriving import at_post
from cm_queue.desk.forms import EmptyForm, attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.steering import page
from posts.models import Post
from posts.policies import get_post
from publishing.models import Retraction
from publishing.retracting import propose_bulk, retract


@require_POST
@for_members
def correct_post(request: MemberRequest, pk: int) -> HttpResponse:
    """A draft with the words that are public now; the page goes on to write in it."""
    at_post(request, pk)
    form = EmptyForm(request.POST)
    made: list[Post] = []
    status = attempt(form, lambda: made.append(correct(request.user, pk)))
    if status is not None:
        return page(request, get_post(request.user, pk), {"correct": form}, status)
    messages.success(
        request,
        _("A correction to write. Nothing changes in public before it is read and approved like any post."),
    )
    return redirect("edit_post", made[0].pk)


@require_POST
@for_members
def retract_post(request: MemberRequest, pk: int) -> HttpResponse:
    at_post(request, pk)
    form = EmptyForm(request.POST)
    asked: list[Retraction] = []
    status = attempt(form, lambda: asked.extend(retract(request.user, pk)))
    if status is not None:
        return page(request, get_post(request.user, pk), {"retract": form}, status)
    by_hand = sum(one.next_at is None for one in asked)
    if by_hand:
        text = ngettext(
            "%(n)s place cannot be deleted from here: it is listed below with its link.",
            "%(n)s places cannot be deleted from here: they are listed below with their links.",
            by_hand,
        )
        messages.warning(request, text % {"n": by_hand})
    if by_hand < len(asked):
        messages.success(request, _("It is being taken back, as fast as the networks allow."))
    return redirect(f"{reverse('post', args=[pk])}#afterwards")


@require_POST
@for_members
def retract_scope(request: MemberRequest, pk: int) -> HttpResponse:
    """One person proposes; the press of a second one confirms, and it begins."""
    incident = Incident.objects.filter(pk=pk, brand=request.brand).first()
    if incident is None:
        raise NotHere("no_such_incident", _("There is no such incident."))
    try:
        bulk = propose_bulk(request.user, pk)
    except NotHere:
        raise
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        done = _("Confirmed: everything is being taken back, as fast as the networks allow.")
        asked = _("Proposed. Nothing is deleted before a second person confirms it.")
        messages.success(request, done if bulk.confirmed_at else asked)
    return redirect("incident", pk)
