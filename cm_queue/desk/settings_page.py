"""The brand's settings: owners change them, members read them."""

from __future__ import annotations

import zoneinfo
from datetime import date

from django.contrib import messages
from django.forms import BaseFormSet
from django.http import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from accounts.clock import database_now
from accounts.models import Brand
from approvals.levels import owners_of
from approvals.running import edit_brand, read_holidays
from cm_queue.desk.forms import attempt
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.settings_forms import (
    HolidayForm,
    SettingsForm,
    SlotForm,
    holiday_lines,
    holidays_in,
    slot_lines,
    slots_in,
    zones,
)
from cm_queue.desk.weeks import day_names, hours_of
from journal import moments
from posts.scheduling import holidays_of
from posts.timekeeping import slots_ahead


@require_http_methods(["GET", "POST"])
@for_members
def settings(request: MemberRequest) -> HttpResponseBase:
    """What is refused comes back with what was typed. Who may change it is for the verb to say; the page
    offers it to owners, and to whoever runs the place."""
    brand = request.brand
    today = database_now().astimezone(brand.zone).date()
    form = SettingsForm(request.POST or None, brand)
    lines = holiday_lines(request.POST or None, brand, today)
    slots = slot_lines(request.POST or None, brand)
    moves, status = "", 200
    if request.method == "POST":
        sound = all([form.is_valid(), lines.is_valid(), slots.is_valid()])
        moves = what_moves(form, brand) if sound else ""
        if moves or not sound:
            refused: int | None = 409 if moves else 422
        else:
            refused = _save(request, form, (slots, lines), today)
        if refused is None:
            return redirect("settings")
        status = refused
    context = {
        "form": form,
        "lines": lines,
        "slots": slots,
        "days": day_names(),
        "hours": hours_of(brand.slots),
        "moves": moves,
        "may_edit": request.membership.is_owner or request.user.is_superuser,
        "zones": zones(),
        "coming": [(day, name) for day, name in sorted(holidays_of(brand).items()) if day >= today],
        "owners": owners_of(brand),
    }
    return render(request, "desk/settings.html", context, status=status)


def _save(
    request: MemberRequest,
    form: SettingsForm,
    tables: tuple[BaseFormSet[SlotForm], BaseFormSet[HolidayForm]],
    today: date,
) -> int | None:
    """None once it is written; else the status of the page on which everything comes back."""
    brand, (slots, lines) = request.brand, tables
    wanted = form.wanted()

    def change() -> None:
        if lines.has_changed():
            past = [(day, name) for day, name in holidays_of(brand).items() if day < today]
            wanted["holidays"] = read_holidays([*past, *holidays_in(lines)])
        if slots.has_changed():
            wanted["slots"] = slots_in(slots)
        edit_brand(request.user, brand.pk, **wanted)

    status = attempt(form, change)
    if status is None:
        messages.success(request, _("The settings are changed.") if wanted else _("Nothing was changed."))
    return status


def what_moves(form: SettingsForm, brand: Brand) -> str:
    """What another time zone does to what has a slot, for whoever has not said yet that they know. Empty when
    there is nothing to know."""
    name = form.cleaned_data["time_zone"]
    if "time_zone" not in form.changed_data or name == brand.time_zone or form.cleaned_data["knowing_zone"]:
        return ""
    if name not in zoneinfo.available_timezones():
        return ""  # the verb says so at its field
    ahead = slots_ahead(brand)
    said = []
    if ahead.count:
        first = ahead.first[0]
        text = ngettext(
            "%(n)s post has its slot and goes out at the same instant as before: %(before)s in %(old)s is"
            " %(after)s in %(new)s.",
            "%(n)s posts have their slot and go out at the same instants as before: for the first of them,"
            " %(before)s in %(old)s is %(after)s in %(new)s.",
            ahead.count,
        )
        said.append(
            text
            % {
                "n": ahead.count,
                "old": moments.place(brand.time_zone),
                "new": moments.place(name),
                "before": moments.when(first, brand.time_zone),
                "after": moments.when(first, name),
            }
        )
    if ahead.recurring:
        text = ngettext(
            "%(n)s recurring post follows the new clocks from its next draft on.",
            "%(n)s recurring posts follow the new clocks from their next drafts on.",
            ahead.recurring,
        )
        said.append(text % {"n": ahead.recurring})
    return " ".join(said)
