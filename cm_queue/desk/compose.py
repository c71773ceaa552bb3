"""Drafting: the compose page, its live preview, and its two buttons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.refusals import Forbidden, Invalid, Refused, Stale
from approvals import reviewing
from approvals.forfeiting import forfeit
from approvals.models import Request, Verdict
from cm_queue.desk.arriving import at_post
from cm_queue.desk.compose_ahead import look_ahead
from cm_queue.desk.compose_sheet import Sheet
from cm_queue.desk.compose_stock import stock_of, template_asked
from cm_queue.desk.compose_timing import slot_asked, warn_of_time
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.hinting import FIRST_DRAFT, shows
from cm_queue.desk.suggesting import talk_of
from posts import drafting
from posts.models import Post, Revision
from posts.policies import demand_editable, may_edit, may_submit
from posts.rendering import fits_for


def post_url(pk: int) -> str:
    """The post's own page."""
    try:
        return reverse("post", args=[pk])
    except NoReverseMatch:
        return reverse("edit_post", args=[pk])


# --- Opening ------------------------------------------------------------------------------------
@require_GET
@for_members
def compose(request: MemberRequest) -> HttpResponseBase:
    """An empty sheet, or one that begins with a template. Nothing is pointed out before anything was typed, but
    what a template leaves open."""
    slot = slot_asked(request.GET.get("slot", ""), request.brand)
    template = template_asked(request.GET.get("template", ""), request.brand)
    sheet = Sheet(request.user, request.brand, slot=slot, template=template)
    if template is not None:
        sheet.point_out(one for one in sheet.read().problems if one.code == "gap_left")
    return _page(request, sheet, guided=template is None and shows(request, FIRST_DRAFT))


@require_GET
@for_members
def edit_post(request: MemberRequest, pk: int) -> HttpResponseBase:
    post = at_post(request, pk)
    if not may_edit(post):
        messages.warning(
            request, _("This post is being sent or is already out: it can no longer be changed.")
        )
        return redirect(post_url(pk))
    sheet = Sheet(request.user, post.brand, post)
    read = sheet.read()
    sheet.point_out(read.problems, hard="refused" in request.GET)
    warn_of_time(sheet, read)
    return _page(request, sheet)


def _sheet(request: MemberRequest, pk: int | None) -> Sheet:
    """What was sent. Raises NotHere, and Refused for a post that can no longer be changed."""
    post = at_post(request, pk) if pk is not None else None
    if post is not None:
        demand_editable(post)
    return Sheet(request.user, post.brand if post else request.brand, post, request.POST, request.FILES)


# --- Looking ------------------------------------------------------------------------------------
@require_http_methods(["GET", "POST"])
@for_members
def compose_preview(request: MemberRequest, pk: int | None = None) -> HttpResponseBase:
    """The page again with its preview; for HTMX only what changes beside the form. Writes nothing but
    the images that came along, which stay attached."""
    if request.method == "GET":
        return redirect("edit_post", pk) if pk is not None else redirect("compose")
    sheet = _sheet(request, pk)
    read = sheet.read()
    sheet.point_out(read.problems)
    warn_of_time(sheet, read)
    if not request.htmx:
        return _page(request, sheet)
    return render(request, "desk/compose/live.html", {"sheet": sheet, "ahead": look_ahead(sheet, read)})


@require_POST
@for_members
def compose_media(request: MemberRequest, pk: int | None = None) -> HttpResponseBase:
    """The images with those just uploaded, for HTMX; the page then asks for its preview again."""
    sheet = _sheet(request, pk)
    if not request.htmx:
        return _page(request, sheet)
    answer = render(request, "desk/compose/media.html", {"sheet": sheet.tie()})
    answer["HX-Trigger-After-Settle"] = "desk:media"
    return answer


# --- Keeping ------------------------------------------------------------------------------------
@require_POST
@for_members
def compose_save(request: MemberRequest, pk: int | None = None) -> HttpResponseBase:
    """Saves the draft, with its problems if it has any."""
    sheet = _sheet(request, pk)
    kept = _keep(request, sheet)
    if not isinstance(kept, Post):
        return kept
    messages.success(request, _("Saved."))
    return redirect("edit_post", kept.pk)


@require_POST
@for_members
def compose_submit(request: MemberRequest, pk: int | None = None) -> HttpResponseBase:
    """Saves, then submits. When submitting is refused the draft is saved all the same."""
    sheet = _sheet(request, pk)
    post = _keep(request, sheet)
    if not isinstance(post, Post):
        return post
    if not may_submit(post):
        messages.success(request, _("Saved, and back in review."))
        return redirect(post_url(post.pk))
    try:
        reviewing.submit(request.user, post.pk)
    except Invalid as refusal:
        return _not_submitted(request, post.pk, refusal)
    messages.success(request, _submitted(post))
    return redirect(post_url(post.pk))


def _keep(request: MemberRequest, sheet: Sheet) -> Post | HttpResponse:
    """The saved post, or the page that says why it was not: nothing typed is lost."""
    if sheet.hard:
        # An image was refused. The rest waits on the page rather than being saved without it.
        return _page(request, sheet, status=422)
    if sheet.rows:
        # Fitting an image may take seconds: now, rather than while the verbs hold their locks.
        read = sheet.read()
        fits_for(read.content, read.channels)
    try:
        if sheet.post is None:
            return reviewing.draft(request.user, sheet.brand, sheet.draft)
        cost = None if sheet.knowing else forfeit(request.user, sheet.post, sheet.draft)
        if cost is not None:
            return _page(request, sheet, status=409, cost=cost)
        return reviewing.revise(request.user, sheet.post.pk, sheet.draft, seen=sheet.seen)
    except Stale:
        return _stale(request, sheet)
    except Invalid as refusal:
        sheet.refuse(refusal)
        return _page(request, sheet, status=422)
    except Forbidden as refusal:
        if refusal.code != "facet_lowered":
            raise
        sheet.remark("kind", refusal.sentence)
        return _page(request, sheet, status=refusal.status)


def _stale(request: MemberRequest, sheet: Sheet) -> HttpResponse:
    """What was typed stays in the form; above it, what is there now. Saving again then means it."""
    post = sheet.post = at_post(request, sheet.post.pk if sheet.post else 0)
    now = Revision.objects.select_related("created_by").get(pk=drafting.current(post).pk)
    sheet.seen = now.number
    return _page(request, sheet, status=412, now=now)


def _not_submitted(request: MemberRequest, pk: int, refusal: Refused) -> HttpResponse:
    """To the page of the post, now saved, with what stands in the way at its fields. A redirect, so that
    reloading the answer does not write the draft a second time."""
    n = len(refusal.details.get("problems", [])) or 1
    text = ngettext(
        "Saved as a draft, not submitted: %(n)s point to settle first.",
        "Saved as a draft, not submitted: %(n)s points to settle first.",
        n,
    )
    messages.warning(request, text % {"n": n})
    return redirect(f"{reverse('edit_post', args=[pk])}?refused")


def _submitted(post: Post) -> str:
    asked = list(Request.objects.filter(post=post).order_by("pk").values_list("user__name", flat=True))
    if not asked:
        return _("Submitted for review.")
    return _("Submitted for review. Asked: %(names)s.") % {"names": ", ".join(dict.fromkeys(asked))}


# --- Showing ------------------------------------------------------------------------------------
def _page(request: MemberRequest, sheet: Sheet, status: int = 200, **more: Any) -> HttpResponse:
    read = sheet.read()
    context = {"sheet": sheet.tie(), "ahead": look_ahead(sheet, read), **_addresses(sheet.post), **more}
    context["stock"] = stock_of(sheet.brand, beginning=sheet.post is None and not sheet.form.is_bound)
    if sheet.post is not None:
        context |= {
            "objections": _objections(sheet.post),
            "approvers": _approvers(sheet.post),
            **talk_of(sheet.post, request.user),
            "may_submit": may_submit(sheet.post),
            "post_url": post_url(sheet.post.pk),
        }
    return render(request, "desk/compose.html", context, status=status)


def _addresses(post: Post | None) -> dict[str, str]:
    at: Sequence[int] = [post.pk] if post else []
    return {
        f"{verb}_url": reverse(f"compose_{verb}", args=at) for verb in ("preview", "media", "save", "submit")
    }


def _objections(post: Post) -> Sequence[Any]:
    """What the gate says was objected to and is still open: who, and why."""
    _loaded, verdict = reviewing.verdict_of(post)
    wanted = {"veto", "changes_requested"}
    return [reason.params for reason in verdict.reasons if reason.params.get("blocker") in wanted]


def _approvers(post: Post) -> list[str]:
    """Names of those whose approval rests on the bytes as they are: a change asks them again."""
    digest = drafting.current(post).digest
    if not digest:
        return []
    approved = post.decisions.filter(digest=digest, decision=Verdict.APPROVE)
    return list(dict.fromkeys(approved.order_by("pk").values_list("user__name", flat=True)))
