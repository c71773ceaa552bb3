"""The calendar: what goes out when, where there is room, and moving a post to another time.

Its month and week are grids on a desk and lists on a phone, from the same page. Moving is the verb of the
post's own page: a form, which static/js/calendar.js sends when something is dragged or moved by keys.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from accounts.clock import database_now
from accounts.refusals import Refused
from approvals.models import Verdict
from approvals.steering import reschedule
from cm_queue.desk.arriving import at_post
from cm_queue.desk.calendar_forms import FilterForm, MoveForm
from cm_queue.desk.calendar_news import news_of
from cm_queue.desk.forms import attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.numbers import page_in
from cm_queue.desk.periods import Period, View, period_of, read_day
from cm_queue.desk.phrasing import at_time
from cm_queue.desk.planning import MOST, UNPLANNED, Plan
from cm_queue.templatetags.house import names_and
from journal import moments
from posts.drafting import current
from posts.lifecycle import EDITABLE, PostState
from posts.models import Post
from posts.scheduling import Window, demand_future, local_day, read_instant
from posts.titling import title_of

COOKIE = "calendar"
YEAR_S = 365 * 24 * 3600
_TABS = (View.MONTH, View.WEEK, View.LIST)


# --- Looking ------------------------------------------------------------------------------------
@require_safe
@for_members
def calendar(request: MemberRequest) -> HttpResponse:
    form = FilterForm(request.GET, brand=request.brand)
    asked = _view(request.GET.get("view", ""))
    view = asked or _view(request.COOKIES.get(COOKIE, "")) or View.LIST
    today = moments.local(datetime.now(tz=request.brand.zone)).date()
    period = period_of(view, read_day(request.GET.get("from", ""), today), request.brand.zone)
    plan = Plan(request.user, request.brand, period, form.wanted(), page_in(request.GET.get("page", "")))
    context = {
        "form": form,
        "plan": plan,
        "period": period,
        "news": news_of(plan),
        "unplanned": plan.unplanned[:UNPLANNED],
        "more_unplanned": len(plan.unplanned) > UNPLANNED,
        "most": MOST,
        # On a wide screen the script then asks for the week: only the screen knows how wide it is.
        "wider": _address(View.WEEK, period, form) if asked is None and COOKIE not in request.COOKIES else "",
        "page": plan.page,
        **_links(period, form, today.isoformat()),
    }
    answer = render(request, "desk/calendar.html", context)
    if asked in _TABS:
        answer.set_cookie(
            COOKIE, asked.value, max_age=YEAR_S, httponly=True, samesite="Lax",
            secure=bool(settings.SESSION_COOKIE_SECURE),
        )  # fmt: skip
    return answer


def _view(text: str) -> View | None:
    return View(text) if text in list(View) else None


def _address(view: View, period: Period, form: FilterForm, day: str = "") -> str:
    return "?" + urlencode({"view": view.value, "from": day or period.anchor.isoformat(), **form.given()})


def _links(period: Period, form: FilterForm, today: str) -> dict[str, Any]:
    """The addresses around this one; each keeps the filters."""
    names = {View.MONTH: _("Month"), View.WEEK: _("Week"), View.LIST: _("List")}
    view = period.view
    return {
        "tabs": [(names[one], _address(one, period, form), one is view) for one in _TABS],
        "before": _address(view, period, form, period.before.isoformat()),
        "after": _address(view, period, form, period.after.isoformat()),
        "now_url": _address(view, period, form, today),
        "words": _words(view),
    }


def _words(view: View) -> dict[str, str]:
    match view:
        case View.MONTH:
            return {"before": _("Previous month"), "now": _("This month"), "after": _("Next month")}
        case View.WEEK:
            return {"before": _("Previous week"), "now": _("This week"), "after": _("Next week")}
        case View.LIST:
            return {"before": _("Earlier days"), "now": _("Today"), "after": _("Later days")}
        case View.DAY:
            return {"before": _("Day before"), "now": _("Today"), "after": _("Day after")}


# --- Moving -------------------------------------------------------------------------------------
@require_http_methods(["GET", "HEAD", "POST"])
@for_members
def move(request: MemberRequest, pk: int) -> HttpResponse:
    """Another time for a post. Outside the window for which it was approved it is asked for twice."""
    post = at_post(request, pk)
    if request.method != "POST":
        wished = {"day": request.GET["day"]} if request.GET.get("day") else {}
        return _move_page(request, post, MoveForm(initial={**_there(post), **wished}, brand=post.brand))
    form = MoveForm(request.POST, brand=post.brand)
    cost = _cost(post, form) if form.is_valid() and not form.cleaned_data["knowing"] else ""
    if cost:
        return _asked(request, post, cost)
    status = attempt(form, lambda: reschedule(request.user, pk, form.slot, seen=form.cleaned_data["seen"]))
    if status is not None:
        return _refused(request, post, form, status)
    post = at_post(request, pk)
    done = _done(post)
    messages.success(request, done)
    if _by_script(request):
        return JsonResponse({"done": done})
    day = moments.local(post.slot).date().isoformat() if post.slot else ""
    return redirect(f"{reverse('calendar')}?{urlencode({'from': day})}")


def _there(post: Post) -> dict[str, Any]:
    at = moments.local(post.slot) if post.slot else None
    return {"day": at and at.date(), "time": at and at.time(), "seen": current(post).number}


def _approvers(post: Post) -> list[str]:
    """Whose approval rests on the post as it is."""
    digest = current(post).digest
    if not digest:
        return []
    said = post.decisions.filter(digest=digest, decision=Verdict.APPROVE).order_by("pk")
    return list(dict.fromkeys(said.values_list("user__name", flat=True)))


def _cost(post: Post, form: MoveForm) -> str:
    """What this move would undo, in a sentence; nothing when it undoes nothing, or is refused anyway."""
    names = _approvers(post) if post.lifecycle in EDITABLE else []
    if not names:
        return ""
    try:
        at = read_instant(form.slot, post.brand.zone)
        demand_future(at, database_now())
    except Refused:
        return ""
    if not post.on_approval and post.window_from and post.window_until:
        if at in Window(post.window_from, post.window_until):
            return ""
        told = _("This is outside the window that was approved: %(window)s.") % {"window": _window(post)}
    else:
        told = _("It was approved to go out at once, not at that time.")
    return (
        told
        + " "
        + _("%(who)s approved it; moved there, it must be approved again.") % {"who": names_and(names)}
    )


def _window(post: Post) -> str:
    """« lundi 23 novembre » for a whole day of the brand, « de … à … » for any other window."""
    if not (post.window_from and post.window_until):
        return ""
    window = Window(post.window_from, post.window_until)
    if window == local_day(window.start, post.brand.zone):
        return moments.day(window.start)
    words = {"from": moments.when(window.start), "until": moments.when(window.end)}
    return _("from %(from)s to %(until)s") % words


def _done(post: Post) -> str:
    words = {"when": at_time(post.slot) if post.slot else ""}
    match post.lifecycle:
        case PostState.SCHEDULED:
            return _("Moved: it goes out %(when)s, and its approvals stand.") % words
        case PostState.IN_REVIEW:
            return _("Moved: its slot is %(when)s. It waits for approval.") % words
        case _:
            return _("Moved: its slot is %(when)s.") % words


def _by_script(request: HttpRequest) -> bool:
    return request.headers.get("Accept") == "application/json"


def _asked(request: MemberRequest, post: Post, cost: str) -> HttpResponse:
    if _by_script(request):
        return JsonResponse({"asks": cost}, status=409)
    sent = request.POST.copy()
    sent["knowing"] = "on"
    return _move_page(request, post, MoveForm(sent, brand=post.brand), 409, cost)


def _refused(request: MemberRequest, post: Post, form: MoveForm, status: int) -> HttpResponse:
    if _by_script(request):
        told = [str(one) for errors in form.errors.values() for one in errors]
        return JsonResponse({"refused": " ".join(dict.fromkeys(told))}, status=status)
    return _move_page(request, post, form, status)


def _move_page(
    request: MemberRequest, post: Post, form: MoveForm, status: int = 200, cost: str = ""
) -> HttpResponse:
    context = {
        "post": post,
        "title": title_of(post),
        "form": form,
        "cost": cost,
        "may_move": post.lifecycle in EDITABLE,
        "yours": moments.elsewhere(post.slot, request.user.time_zone) if post.slot else "",
        "place": moments.place(post.brand.time_zone),
        "window": _window(post) if post.submitted_at and not post.on_approval else "",
    }
    return render(request, "desk/calendar/move.html", context, status=status)
