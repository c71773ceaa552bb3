"""The rota: who is on call, week by week. Owners write it, everybody reads it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.models import Absence, Brand, Membership, OnCall
from approvals.calling import this_week, write_rota
from cm_queue.desk.forms import attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from journal.moments import day_and_month, number

WEEKS = 10


@dataclass(frozen=True, slots=True)
class Week:
    """One line: its Monday, its Sunday, who has it, and who of them is away in it."""

    monday: date
    sunday: date
    who: str
    away: bool
    now: bool
    field: Any

    @property
    def words(self) -> str:
        """« 23 – 29 novembre », « 28 décembre – 3 janvier »."""
        first = number if self.monday.month == self.sunday.month else day_and_month
        return f"{first(self.monday)} – {day_and_month(self.sunday)}"


class RotaForm(forms.Form):
    """One choice a week. What was there when the page was opened travels along, so that only what this person
    changed is written."""

    def __init__(
        self, data: Any, *, mondays: Sequence[date], people: Sequence[tuple[int, str]], held: dict[date, int]
    ) -> None:
        super().__init__(data, auto_id="rota-%s")
        choices: list[tuple[Any, str]] = [("", "–"), *people]
        for monday in mondays:
            self.fields[monday.isoformat()] = forms.TypedChoiceField(
                label=_("Week of %(day)s") % {"day": day_and_month(monday, year=True)},
                choices=choices,
                required=False,
                coerce=int,
                empty_value=None,
                initial=held.get(monday),
                show_hidden_initial=True,
            )

    def wanted(self) -> dict[date, int | None]:
        return {date.fromisoformat(name): self.cleaned_data[name] for name in self.changed_data}


@require_http_methods(["GET", "POST"])
@for_members
def rota(request: MemberRequest) -> HttpResponseBase:
    brand = request.brand
    first = this_week(brand)
    mondays = [first + timedelta(weeks=number) for number in range(WEEKS)]
    members = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True)
    people = [(row.user_id, str(row.user)) for row in members.select_related("user").order_by("user__name")]
    rows = OnCall.objects.filter(brand=brand, week__in=mondays).select_related("user")
    held = {row.week: row for row in rows}
    form = RotaForm(
        request.POST or None, mondays=mondays, people=people, held={week: row.user_id for week, row in held.items()}
    )  # fmt: skip
    changed: list[int] = []
    status: int | None = 200
    if request.method == "POST":
        status = attempt(form, lambda: changed.append(write_rota(request.user, brand, form.wanted())))
        if status is None:
            text = ngettext("%(n)s week changed.", "%(n)s weeks changed.", changed[0])
            messages.success(request, text % {"n": changed[0]})
            return redirect("people_rota")
    weeks = _weeks(brand, mondays, held, form)
    context = {
        "weeks": weeks,
        "form": form,
        "headline": _headline(weeks),
        "may_edit": request.membership.is_owner or request.user.is_superuser,
    }
    return render(request, "desk/people_rota.html", context, status=status)


def _weeks(brand: Brand, mondays: Sequence[date], held: dict[date, OnCall], form: RotaForm) -> list[Week]:
    last = mondays[-1] + timedelta(days=6)
    away = list(Absence.objects.filter(brand=brand, first_day__lte=last, last_day__gte=mondays[0]))
    found = []
    for monday in mondays:
        row, sunday = held.get(monday), monday + timedelta(days=6)
        gone = row is not None and any(
            one.user_id == row.user_id and one.first_day <= sunday and one.last_day >= monday for one in away
        )
        who = str(row.user) if row is not None else ""
        found.append(Week(monday, sunday, who, gone, monday == mondays[0], form[monday.isoformat()]))
    return found


def _headline(weeks: Sequence[Week]) -> str:
    """Who it is now, and until when the rota is written."""
    if not weeks[0].who:
        return _("Nobody is on call this week.")
    gap = next((one for one in weeks if not one.who), None)
    if gap is None:
        return _("%(who)s is on call this week.") % {"who": weeks[0].who}
    return _("%(who)s is on call this week; from %(day)s on, nobody is.") % {
        "who": weeks[0].who, "day": day_and_month(gap.monday, year=True),
    }  # fmt: skip
