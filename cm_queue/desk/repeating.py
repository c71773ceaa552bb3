"""Repeating a post: a rule put together from a form, a look at its next slots, and the list of them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from itertools import islice
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from accounts.models import Brand, User
from accounts.refusals import Invalid, NotHere, Refused
from cm_queue.desk.arriving import at_post
from cm_queue.desk.forms import refuse
from cm_queue.desk.guarding import MemberRequest, for_members
from journal import moments
from posts import recurring
from posts.models import Post, Recurrence
from posts.scheduling import read_instant
from posts.titling import title_of

SHOWN = 5
PER_PAGE = 20
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# A Monday: the names of the days are the calendar's own, in the reader's language.
_MONDAY = date(2024, 1, 1)
WEEKLY, MONTHLY, DAILY, OWN = "WEEKLY", "MONTHLY", "DAILY", "own"


def _days() -> list[tuple[str, str]]:
    return [(key, _day_name(place)) for place, key in enumerate(DAYS)]


def _day_name(place: int) -> str:
    day = datetime(
        _MONDAY.year, _MONDAY.month, _MONDAY.day + place, 12, tzinfo=timezone.get_current_timezone()
    )
    return moments.day(day).split()[0].rstrip(",")


class RepeatForm(forms.Form):
    """How often, from when on. `rule` is an RFC 5545 rule, for what the simple choices cannot say."""

    often = forms.ChoiceField(
        label=gettext_lazy("How often"),
        choices=[
            (WEEKLY, gettext_lazy("every week")),
            (MONTHLY, gettext_lazy("every month")),
            (DAILY, gettext_lazy("every day")),
            (OWN, gettext_lazy("by a rule of my own")),
        ],
        widget=forms.RadioSelect,
        initial=WEEKLY,
    )
    days = forms.MultipleChoiceField(
        label=gettext_lazy("On these days, for every week"),
        choices=_days,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    starts = forms.CharField(
        label=gettext_lazy("The first time"),
        max_length=40,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    rule = forms.CharField(
        label=gettext_lazy("A rule of my own"),
        help_text=gettext_lazy("As calendars write it, such as FREQ=MONTHLY;BYDAY=1MO"),
        max_length=200,
        required=False,
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("often") == OWN and not cleaned.get("rule", "").strip():
            self.add_error("rule", _("Write the rule, or choose one of the others."))
        return cleaned

    def rule_text(self) -> str:
        often = self.cleaned_data["often"]
        if often == OWN:
            return str(self.cleaned_data["rule"]).strip().removeprefix("RRULE:")
        days = self.cleaned_data["days"] if often == WEEKLY else []
        return f"FREQ={often}" + (f";BYDAY={','.join(days)}" if days else "")


def repeat_form(post: Post, data: Any = None) -> RepeatForm:
    first = post.slot or timezone.now()
    starts = timezone.localtime(first, post.brand.zone).strftime("%Y-%m-%dT%H:%M")
    return RepeatForm(data, initial={"starts": starts}, auto_id="repeat-%s")


# --- In words ------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Coming:
    """A slot by the brand's clocks, and by the reader's where they differ."""

    there: str
    here: str


@dataclass(frozen=True, slots=True)
class Repeating:
    """A recurrence with its title, its rule in words and its next slots."""

    row: Recurrence
    title: str
    rule: str
    next: Sequence[Coming]


def slots_in_words(slots: Iterable[datetime], brand: Brand, user: User) -> list[Coming]:
    """The first five."""
    other = user.time_zone if user.time_zone != brand.time_zone else ""
    return [
        Coming(
            moments.when(one, brand.time_zone),
            _("%(when)s in %(place)s") % {"when": moments.when(one, other), "place": moments.place(other)}
            if other
            else "",
        )
        for one in islice(slots, SHOWN)
    ]


def rule_in_words(row: Recurrence) -> str:
    """« chaque semaine : lundi, jeudi » for what the form can say; else the rule as it is written."""
    parts = dict(part.partition("=")[::2] for part in row.rule.upper().split(";"))
    frequency, days = parts.pop("FREQ", ""), parts.pop("BYDAY", "")
    if parts or (days and frequency != WEEKLY) or not set(days.split(",")) <= {"", *DAYS}:
        return row.rule
    names = [_day_name(DAYS.index(day)) for day in days.split(",") if day]
    plain = {WEEKLY: _("every week"), MONTHLY: _("every month"), DAILY: _("every day")}
    if frequency not in plain:
        return row.rule
    words = {"often": plain[frequency], "days": ", ".join(names)}
    return _("%(often)s: %(days)s") % words if names else words["often"]


def repeating_of(rows: Iterable[Recurrence], user: User) -> list[Repeating]:
    """`rows` with their brand and source."""
    return [
        Repeating(
            row,
            title_of(row.source),
            rule_in_words(row),
            slots_in_words(recurring.coming(row), row.brand, user),
        )
        for row in rows
    ]


def repeats_of(post: Post, user: User) -> list[Repeating]:
    """The recurrences of a post that go on."""
    rows = post.recurrences.filter(ended_at__isnull=True).select_related(
        "brand", "source__revision", "made_by"
    )
    return repeating_of(rows.order_by("pk"), user)


# --- Pages -----------------------------------------------------------------------------------------
def _read(form: RepeatForm, post: Post) -> tuple[str, datetime, Iterator[datetime]]:
    """(rule, first time, slots ahead). Raises Invalid."""
    starts = read_instant(form.cleaned_data["starts"], post.brand.zone, "starts")
    rule = form.rule_text()
    return rule, starts, recurring.ahead(rule, starts, post.brand.zone)


@require_POST
@for_members
def repeat_post(request: MemberRequest, pk: int) -> HttpResponse:
    """Begins a recurrence; with `preview` only shows what would come, on a page of its own."""
    post = at_post(request, pk)
    form, preview, status = repeat_form(post, request.POST), [], 422
    if form.is_valid():
        try:
            rule, starts, slots = _read(form, post)
            preview, status = slots_in_words(slots, post.brand, request.user), 200
            if "preview" not in request.POST:
                recurring.recur(request.user, post, rule, starts)
                messages.success(request, _("Repeated: each draft appears a week before its slot."))
                return redirect(f"{post_address(pk)}#repeat")
        except Invalid as refusal:
            refuse(form, refusal)
            status = 422
    context = {"post": post, "title": title_of(post), "repeat_form": form, "preview": preview}
    return render(request, "desk/repeat.html", context, status=status)


def post_address(pk: int) -> str:
    return redirect("post", pk).url


@require_GET
@for_members
def recurrences(request: MemberRequest) -> HttpResponse:
    """All that is repeated, what goes on first."""
    rows = Recurrence.objects.filter(brand=request.brand, ended_at__isnull=True)
    page = Paginator(
        rows.select_related("brand", "source__revision", "made_by").order_by("pk"), PER_PAGE
    ).get_page(request.GET.get("page"))
    return render(request, "desk/recurrences.html", {"page": page, "rows": repeating_of(page, request.user)})


@require_POST
@for_members
def end_recurrence(request: MemberRequest, pk: int) -> HttpResponse:
    row = Recurrence.objects.filter(pk=pk, brand__in=[one.brand for one in request.memberships]).first()
    if row is None:
        raise NotHere("no_such_recurrence", _("There is no such recurrence."))
    try:
        recurring.end(request.user, row)
    except NotHere:
        raise
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(request, _("It ends: no more drafts are made. Those that are there stay."))
    return redirect("recurrences")
