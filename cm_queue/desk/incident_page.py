"""The incident pages: stop in one click, speak, lift with a second person, go through what was held.

Every verb is a form of its own. What is refused comes back on the same page, with what was typed.
"""

from __future__ import annotations

from collections.abc import Mapping

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from accounts.refusals import NotHere, Refused
from approvals import incidents as verbs
from approvals import steering
from approvals.calling import on_call_now
from approvals.facts import load_one
from approvals.gate import evaluate
from approvals.models import Incident, Pause, Verdict
from approvals.reviewing import Word, decide, draft, moment_of
from cm_queue.desk.arriving import at_post
from cm_queue.desk.forms import EmptyForm, attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.incident_forms import (
    ConfirmForm,
    DeclareForm,
    EscalateForm,
    LiftForm,
    PauseForm,
    as_scope,
    scopes_of,
)
from cm_queue.desk.incident_sheet import overview_of, sheet_of
from cm_queue.desk.proving import prove_where_asked
from posts.lifecycle import PostState
from posts.models import Channel, Kind, Post
from posts.scheduling import ON_APPROVAL

Bound = Mapping[str, forms.Form]


# --- The overview -------------------------------------------------------------------------------
@require_GET
@for_members
def incidents(request: MemberRequest) -> HttpResponse:
    return _overview(request)


def _overview(request: MemberRequest, bound: Bound | None = None, status: int = 200) -> HttpResponse:
    scopes = scopes_of(request.brand)
    overview = overview_of(request.brand, request.user)
    refusals = [error for form in (bound or {}).values() for error in form.non_field_errors()]
    pauses = [
        {
            "stop": row.stop,
            "what": row.what,
            "left": row.left,
            "form": _escalate_form(row.stop.pk, bound or {}),
        }
        for row in overview.pauses
    ]
    context = {
        "overview": overview,
        "pauses": pauses,
        "headline": _headline(len(overview.open), len(overview.pauses), overview.left),
        "scopes": scopes,
        "on_call": on_call_now(request.brand),
        "forms": {"declare": DeclareForm(scopes=scopes, auto_id="declare-%s"), **(bound or {})},
        "bound": bound or {},
        "refusals": refusals,
    }
    if status != 200:
        request.resolver_match = resolve(reverse("incidents"))
    return render(request, "desk/incidents.html", context, status=status)


def _escalate_form(pk: int, bound: Bound) -> forms.Form:
    return bound.get(f"escalate-{pk}") or EscalateForm(auto_id=f"escalate-{pk}-%s")


def _headline(open_ones: int, pauses: int, left: int) -> str:
    if open_ones:
        return ngettext("%(n)s incident is open.", "%(n)s incidents are open.", open_ones) % {"n": open_ones}
    if pauses:
        return ngettext("%(n)s pause is in force.", "%(n)s pauses are in force.", pauses) % {"n": pauses}
    if left:
        return ngettext(
            "%(n)s post that was held waits to be gone through.",
            "%(n)s posts that were held wait to be gone through.",
            left,
        ) % {"n": left}
    return _("Nothing is stopped.")


@require_POST
@for_members
def pause_scope(request: MemberRequest) -> HttpResponse:
    """One click, by any member."""
    form = PauseForm(request.POST, scopes=scopes_of(request.brand))

    def pause() -> None:
        verbs.pause(request.user, request.brand, as_scope([form.cleaned_data["scope"]]))

    status = attempt(form, pause)
    if status is None:
        messages.success(request, _("Paused. Nothing is lost, and nothing more goes out there."))
        return redirect("incidents")
    return _overview(request, {"pause": form}, status)


@require_POST
@for_members
def declare_incident(request: MemberRequest) -> HttpResponse:
    form = DeclareForm(request.POST, scopes=scopes_of(request.brand), auto_id="declare-%s")
    made: list[Incident] = []

    def declare() -> None:
        said = form.cleaned_data
        made.append(verbs.declare(request.user, request.brand, as_scope(said["scope"]), said["reason"]))

    status = attempt(form, declare)
    if status is None:
        return _declared(request, made[0])
    return _overview(request, {"declare": form}, status)


def _declared(request: MemberRequest, made: Incident) -> HttpResponse:
    count = made.stopped.count()
    text = ngettext(
        "Declared. %(n)s post is held, and not lost.",
        "Declared. %(n)s posts are held, and none is lost.",
        count,
    )
    messages.success(request, text % {"n": count})
    return redirect("incident", made.pk)


def _pause_here(request: MemberRequest, pk: int) -> Pause:
    found = Pause.objects.filter(pk=pk, brand=request.brand).first()
    if found is None:
        raise NotHere("no_such_pause", _("There is no such pause."))
    return found


@require_POST
@for_members
def end_pause(request: MemberRequest, pk: int) -> HttpResponse:
    _pause_here(request, pk)
    form = EmptyForm(request.POST)
    status = attempt(form, lambda: verbs.end_pause(request.user, pk))
    if status is not None:
        return _overview(request, {"end": form}, status)
    messages.success(
        request, _("The pause has ended. What it held stays held until somebody goes through it.")
    )
    return redirect("incidents")


@require_POST
@for_members
def escalate_pause(request: MemberRequest, pk: int) -> HttpResponse:
    """Turns a pause into an incident over the same scope."""
    _pause_here(request, pk)
    form = EscalateForm(request.POST, auto_id=f"escalate-{pk}-%s")
    made: list[Incident] = []
    status = attempt(form, lambda: made.append(verbs.escalate(request.user, pk, form.cleaned_data["reason"])))
    if status is None:
        return _declared(request, made[0])
    return _overview(request, {f"escalate-{pk}": form}, status)


# --- One incident -------------------------------------------------------------------------------
def _incident_here(request: MemberRequest, pk: int) -> Incident:
    rows = Incident.objects.filter(pk=pk, brand=request.brand).select_related("brand", "declared_by")
    found = rows.first()
    if found is None:
        raise NotHere("no_such_incident", _("There is no such incident."))
    return found


@require_GET
@for_members
def incident(request: MemberRequest, pk: int) -> HttpResponse:
    return _incident(request, _incident_here(request, pk))


def _incident(
    request: MemberRequest, found: Incident, bound: Bound | None = None, status: int = 200
) -> HttpResponse:
    refusals = [error for form in (bound or {}).values() for error in form.non_field_errors()]
    context = {
        "sheet": sheet_of(found, request.user),
        "incident": found,
        "on_call": on_call_now(found.brand),
        "forms": {"lift": LiftForm(auto_id="lift-%s"), **(bound or {})},
        "refusals": refusals,
    }
    if status != 200:
        request.resolver_match = resolve(reverse("incident", args=[found.pk]))
    return render(request, "desk/incident.html", context, status=status)


@require_POST
@for_members
def lift_incident(request: MemberRequest, pk: int) -> HttpResponse:
    found = _incident_here(request, pk)
    form = LiftForm(request.POST, auto_id="lift-%s")
    lifted: list[Incident] = []
    status = attempt(form, lambda: lifted.append(verbs.lift(request.user, pk, form.cleaned_data["reason"])))
    if status is None:
        done = _("The incident is lifted. Nothing resumes by itself: go through what was held.")
        noted = _("Your word is noted. A second person must say so too.")
        messages.success(request, done if lifted[0].lifted_at else noted)
        return redirect("incident", pk)
    return _incident(request, found, {"lift": form}, status)


@require_POST
@for_members
def begin_statement(request: MemberRequest, pk: int) -> HttpResponse:
    """A crisis draft in the incident's scope, due as soon as it may go; the page goes on to write it."""
    found = _incident_here(request, pk)
    form = EmptyForm(request.POST)
    scope = found.scope
    channels = Channel.objects.filter(brand=found.brand, is_active=True).order_by("pk")
    keys = list(scope.get("channels") or channels.values_list("key", flat=True))
    fields = {
        "kind": Kind.CRISIS.value,
        "channels": keys,
        "products": scope.get("products", []),
        "slot": ON_APPROVAL,
    }
    made: list[Post] = []
    status = attempt(form, lambda: made.append(draft(request.user, found.brand, fields)))  # type: ignore[arg-type]
    if status is not None:
        return _incident(request, found, {"statement": form}, status)
    messages.success(
        request,
        _("A statement to write. It takes two people, and somebody entrusted with crises presses release."),
    )
    return redirect("edit_post", made[0].pk)


# --- Afterwards, one by one -----------------------------------------------------------------------
def _back(post: Post) -> str:
    """To the page of the incident that held the post, or of all that is stopped."""
    row = post.stops.filter(incident__isnull=False).order_by("-pk").first()
    place = reverse("incident", args=[row.incident_id]) if row is not None else reverse("incidents")
    return f"{place}#held"


@require_POST
@for_members
def confirm_held(request: MemberRequest, pk: int) -> HttpResponse:
    """One tap: approves the very bytes that are on the screen, or, where their approvals still stand, lets
    the post go on. Anything else is for the review page."""
    post = at_post(request, pk)
    place = _back(post)
    form = ConfirmForm(request.POST)
    if not form.is_valid():
        return redirect("review", pk)
    facts = load_one(post).facts
    try:
        if evaluate(facts, moment_of(post, facts.taken_at)).open:
            steering.resume(request.user, pk)
        else:
            present = prove_where_asked(request)
            decide(
                request.user, pk, Word(Verdict.APPROVE.value, form.cleaned_data["digest"], present=present)
            )
    except NotHere:
        raise
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return redirect("review", pk)
    messages.success(request, _confirmed(pk))
    return redirect(place)


def _confirmed(pk: int) -> str:
    match Post.objects.get(pk=pk).lifecycle:
        case PostState.SCHEDULED:
            return _("Confirmed: it goes out at its slot.")
        case PostState.MISSED:
            return _("Confirmed, but its slot has passed: choose another one.")
        case _:
            return _("Confirmed. Others are still missing.")


@require_POST
@for_members
def drop_held(request: MemberRequest, pk: int) -> HttpResponse:
    """Withdraws a held post and returns to the list."""
    post = at_post(request, pk)
    place = _back(post)
    try:
        steering.withdraw(request.user, pk)
    except NotHere:
        raise
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("Dropped. A clone can take it up again."))
    return redirect(place)
