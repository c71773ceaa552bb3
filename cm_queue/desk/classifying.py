"""The forms of what a post is about: raise or lower its facets, split it by its channels."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from approvals import classifying as facets
from approvals import splitting
from cm_queue.desk.arriving import at_post
from cm_queue.desk.facets import FacetsForm, SplitForm
from cm_queue.desk.forms import attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.steering import page
from posts.drafting import channels_of
from posts.models import Post


@require_POST
@for_members
def classify_post(request: MemberRequest, pk: int) -> HttpResponse:
    post = at_post(request, pk)
    form = FacetsForm(request.POST, auto_id="facets-%s", brand=post.brand)

    def classify() -> None:
        facets.classify(request.user, pk, form.wish(post), form.cleaned_data["reason"])

    status = attempt(form, classify)
    if status is None:
        messages.success(request, _("Noted: who must say yes follows from it."))
        return redirect("review" if request.POST.get("place") == "review" else "post", pk)
    return page(request, at_post(request, pk), {"facets": form}, status)


@require_POST
@for_members
def split_post(request: MemberRequest, pk: int) -> HttpResponse:
    """The chosen channels become a post of their own; the page goes on to it."""
    post = at_post(request, pk)
    names = [(channel.key, channel.name) for channel in channels_of(post)]
    form = SplitForm(request.POST, auto_id="split-%s", channels=names)
    made: list[Post] = []
    status = attempt(
        form, lambda: made.append(splitting.split(request.user, pk, form.cleaned_data["channels"]))
    )
    if status is None:
        messages.success(request, _("Split: this is the new post. Both are read again."))
        return redirect("post", made[0].pk)
    return page(request, at_post(request, pk), {"split": form}, status)
