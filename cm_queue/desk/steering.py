"""The page of one post and the verbs on it: hold, resume, move, release, withdraw, clone, settle, try again.

Every verb is a form of its own and a view of its own. What is refused comes back on the same page, at
the form it was typed into.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from accounts.refusals import NotHere
from approvals import steering as verbs
from approvals.attesting import attest
from approvals.facts import load_one
from approvals.gate import Code, Deny, Facts, evaluate
from approvals.reviewing import moment_of
from approvals.routing import waits_for
from approvals.wording import kind_name
from cm_queue.desk.afterwards import afterwards, replacing
from cm_queue.desk.arriving import at_post
from cm_queue.desk.checking import checklist, words_of
from cm_queue.desk.explaining import Telling, closed, only_by_hand, why_not_out
from cm_queue.desk.facets import about
from cm_queue.desk.forms import CommentForm, EmptyForm, HoldForm, RescheduleForm, SettleForm, attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.hurrying import urgent_line
from cm_queue.desk.living import keep_live
from cm_queue.desk.objecting import objections_to
from cm_queue.desk.phrasing import at_time
from cm_queue.desk.proofing import previews_of
from cm_queue.desk.queueing import Judged
from cm_queue.desk.recounting import handed_to, sent, story
from cm_queue.desk.repeating import repeat_form, repeats_of
from cm_queue.desk.reviewing import decisions_of, said_of
from cm_queue.desk.suggesting import talk_of
from posts import drafting
from posts.drafting import current
from posts.lifecycle import EDITABLE, MAY_BE_PUBLIC, PostState
from posts.models import Delivery, Post
from posts.policies import get_post, may_edit, may_hold, may_repeat, may_submit, may_withdraw
from posts.scheduling import next_free_slots
from posts.titling import title_of
from publishing.attesting import permits_of
from publishing.reconciling import settle
from publishing.retrying import retry

FREE_SLOTS = 4
_OVER = {PostState.PUBLISHED, PostState.RETRACTED, PostState.WITHDRAWN}
_RELEASABLE = {PostState.IN_REVIEW, PostState.SCHEDULED, PostState.HELD}


@require_GET
@for_members
def post(request: MemberRequest, pk: int) -> HttpResponse:
    found = at_post(request, pk)
    keep_live(request, found)
    return page(request, found)


def page(
    request: MemberRequest, post: Post, bound: dict[str, forms.Form] | None = None, status: int = 200
) -> HttpResponse:
    """The post's page; `bound` are the forms that were refused, by the verb's name."""
    loaded = load_one(post)
    facts = loaded.facts
    verdict = evaluate(facts, moment_of(post, facts.taken_at))
    judged = Judged(post, loaded, verdict)
    words, decisions, talk = words_of(post.brand), decisions_of(post), talk_of(post, request.user)
    telling = Telling.about([post], words)
    by_hand = only_by_hand(post, telling)
    told_whom, told_at = handed_to(post) if by_hand else ([], None)
    said = said_of(post, decisions, facts, judged, words)
    weights = {one.decision.pk: (one.decision, one.weight) for one in said}
    previews, sealed = previews_of(post)
    person = request.user.person_id
    context = {
        "post": post,
        "title": title_of(post),
        "kind": kind_name(post.kind),
        "revision": current(post),
        "judged": judged,
        "closed": "" if verdict.open else closed(verdict, words),
        "why": why_not_out(post, verdict, telling),
        "by_hand": by_hand,
        "told_whom": told_whom,
        "told_at": told_at,
        "rows": checklist(verdict, words, person),
        "reading": verdict.reading,
        "previews": previews,
        "sealed": sealed,
        "events": story(post, weights, talk["comments"], words),
        "sent": sent(post),
        "attested": attest(post.pk),
        "permits": {row.delivery_id: row for row in permits_of(post.pk)},
        "afterwards": afterwards(post, request.user),
        "replacing": replacing(post),
        "repeats": repeats_of(post, request.user),
        "may_repeat": may_repeat(post),
        "repeat_form": repeat_form(post),
        **talk,
        **about(post, [(one.channel.key, one.channel.name) for one in previews], bound or {}),
        "comment_form": (bound or {}).get("comment") or CommentForm(initial={"place": "post"}),
        "to_read": post.lifecycle == PostState.IN_REVIEW and waits_for(verdict, person),
        "mine": post.author.person_id == person,
        "vetoes": objections_to(post, request.user, facts, words, bound),
        "urgent": urgent_line(post, verdict, words),
        **_may(request, post, facts),
        "forms": {**_forms(post), **(bound or {})},
        "bound": bound or {},
    }
    context["refusals"] = _told_nowhere_else(context)
    return render(request, "desk/post.html", context, status=status)


def _told_nowhere_else(context: Mapping[str, Any]) -> list[str]:
    """What was wrong with the forms that do not say so themselves where they stand on the page."""
    told = {f"override-{one.veto.decision.pk}" for one in context["vetoes"] if one.form is not None}
    told |= {one.verb for one in context["sent"] if one.unknown}
    told |= {"facets"} if context["may_classify"] else set()
    left = [form for verb, form in context["bound"].items() if verb not in told]
    return [str(error) for form in left for error in form.non_field_errors()]


def _may(request: MemberRequest, post: Post, facts: Facts) -> dict[str, bool]:
    """Which verbs the page offers. The verbs themselves decide."""
    out = post.deliveries.filter(state__in=[state.value for state in MAY_BE_PUBLIC]).exists()
    held = post.lifecycle == PostState.HELD or (post.held_by_id is not None and post.lifecycle not in _OVER)
    qualified = verbs.may_let_go(request.user, post, facts)
    # A press lets it out now, and not at its slot: what the gate says of now is what counts.
    at_once = evaluate(facts, facts.taken_at)
    ready = at_once.open or (isinstance(at_once, Deny) and at_once.only(Code.NOT_RELEASED))
    return {
        "may_hold": may_hold(post),
        "may_resume": held and qualified,
        "held_for_others": held and not qualified,
        "may_move": post.lifecycle in EDITABLE and not out,
        "may_release": qualified and ready and post.lifecycle in _RELEASABLE and post.held_by_id is None,
        "may_withdraw": may_withdraw(request.user, post) and not out,
        "may_edit": may_edit(post) and not out,
        "may_submit": may_submit(post),
        "may_retry": qualified and at_once.open,
        "retry_for_others": at_once.open and not qualified,
    }


def _forms(post: Post) -> dict[str, forms.Form]:
    return {"hold": HoldForm(auto_id="hold-%s"), "move": _move_form(post)}


def _move_form(post: Post, data: Any = None) -> RescheduleForm:
    free = next_free_slots(post.brand, timezone.now(), FREE_SLOTS)
    seen = {"seen": current(post).number}
    return RescheduleForm(data, brand=post.brand, free=free, initial=seen, auto_id="move-%s")


# --- Verbs -----------------------------------------------------------------------------------------
def _act(
    request: MemberRequest,
    post: Post,
    verb: str,
    form: forms.Form,
    do: Callable[[], Any],
    done: Callable[[], str],
) -> HttpResponse:
    """Does it and shows the post; or shows the post with the form as it was sent and what was wrong."""
    status = attempt(form, do)
    if status is None:
        messages.success(request, done())
        return redirect("post", post.pk)
    return page(request, get_post(request.user, post.pk), {verb: form}, status)


@require_POST
@for_members
def hold_post(request: MemberRequest, pk: int) -> HttpResponse:
    post, form = at_post(request, pk), HoldForm(request.POST, auto_id="hold-%s")
    return _act(
        request, post, "hold", form,
        lambda: verbs.hold(request.user, pk, form.cleaned_data["reason"]),
        lambda: _("On hold. Nothing is lost: a qualified person can resume it."),
    )  # fmt: skip


@require_POST
@for_members
def resume_post(request: MemberRequest, pk: int) -> HttpResponse:
    post, form = at_post(request, pk), EmptyForm(request.POST)
    return _act(request, post, "resume", form, lambda: verbs.resume(request.user, pk), lambda: _where(pk))


@require_POST
@for_members
def reschedule_post(request: MemberRequest, pk: int) -> HttpResponse:
    post = at_post(request, pk)
    form = _move_form(post, request.POST)

    def move() -> None:
        verbs.reschedule(request.user, pk, form.wanted, seen=form.cleaned_data["seen"])

    return _act(request, post, "move", form, move, lambda: _where(pk))


@require_POST
@for_members
def release_post(request: MemberRequest, pk: int) -> HttpResponse:
    post, form = at_post(request, pk), EmptyForm(request.POST)
    return _act(
        request,
        post,
        "release",
        form,
        lambda: verbs.release(request.user, pk),
        lambda: _("Released: it goes out now."),
    )


@require_POST
@for_members
def withdraw_post(request: MemberRequest, pk: int) -> HttpResponse:
    post, form = at_post(request, pk), EmptyForm(request.POST)
    return _act(
        request, post, "withdraw", form,
        lambda: verbs.withdraw(request.user, pk),
        lambda: _("Withdrawn. A clone can take it up again."),
    )  # fmt: skip


@require_POST
@for_members
def clone_post(request: MemberRequest, pk: int) -> HttpResponse:
    """A new draft with the same content; the page goes on to it."""
    post = at_post(request, pk)
    with transaction.atomic():
        fresh = drafting.clone(request.user, post)
    messages.success(request, _("A new draft with the same content. Choose a slot for it."))
    return redirect("post", fresh.pk)


@require_POST
@for_members
def settle_delivery(request: MemberRequest, pk: int) -> HttpResponse:
    """A person says whether an unknown delivery went out."""
    post = _post_of(request, pk)
    form = SettleForm(request.POST, auto_id=f"settle-{pk}-%s")

    def say() -> None:
        settle(request.user, pk, went_out=form.cleaned_data["went_out"], url=form.cleaned_data["url"])

    return _act(request, post, f"settle-{pk}", form, say, lambda: _("Thank you: that is settled."))


@require_POST
@for_members
def retry_delivery(request: MemberRequest, pk: int) -> HttpResponse:
    """Somebody qualified has it tried again where a network refused it."""
    post, form = _post_of(request, pk), EmptyForm(request.POST)
    return _act(
        request, post, f"retry-{pk}", form,
        lambda: retry(request.user, pk),
        lambda: _("It is due again: the next free worker sends it."),
    )  # fmt: skip


def _post_of(request: MemberRequest, pk: int) -> Post:
    """The post of a delivery of this brand. Raises NotHere."""
    delivery = Delivery.objects.filter(pk=pk).first()
    if delivery is None:
        raise NotHere("no_such_delivery", _("There is no such delivery."))
    return at_post(request, delivery.post_id)


def _where(pk: int) -> str:
    """Where the post stands after it was resumed or moved."""
    post = Post.objects.get(pk=pk)
    words = {"when": at_time(post.slot) if post.slot else ""}
    match post.lifecycle:
        case PostState.SCHEDULED if post.slot:
            return _("Scheduled: it goes out %(when)s.") % words
        case PostState.IN_REVIEW:
            return _("Moved. It is in review: what is missing stands below.")
        case PostState.MISSED:
            return _("Its slot has passed: choose another one.")
        case _ if post.slot:
            return _("Its slot is now %(when)s.") % words
        case _:
            return _("Done.")
