"""What an owner types of a brand's settings. Whether it may be so is judged by `approvals/running.py`."""

from __future__ import annotations

import zoneinfo
from collections.abc import Sequence
from datetime import date
from functools import cache
from typing import Any

from django import forms
from django.forms import BaseFormSet, formset_factory
from django.utils.dates import WEEKDAYS
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from accounts.models import LANGUAGES, Brand
from approvals.running import LONGEST_LATE, MOST_HOLIDAYS, MOST_TO_ENTRUST
from posts.timetabling import EVERY_DAY, MOST_TIMES, Slot, keep, week_of

EMPTY_LINES = 3
_NO_PLACES = ("Etc/", "SystemV/", "US/", "posix/", "right/", "Brazil/", "Canada/", "Chile/", "Mexico/")


@cache
def zones() -> Sequence[str]:
    """The time zones to choose from: those named after a place."""
    names = (one for one in zoneinfo.available_timezones() if "/" in one and not one.startswith(_NO_PLACES))
    return sorted(names)


def zone_field() -> forms.CharField:
    return forms.CharField(
        label=_("Time zone"),
        max_length=64,
        help_text=_("The city whose clocks the brand lives by, such as Europe/Paris."),
        widget=forms.TextInput(attrs={"list": "zones", "autocomplete": "off", "spellcheck": "false"}),
    )


class SettingsForm(forms.Form):
    """What was there when the page was opened travels along: only what this person changed is written, so
    that two owners at once do not undo each other."""

    name = forms.CharField(label=_("Name"), max_length=120)
    time_zone = zone_field()
    language = forms.ChoiceField(
        label=_("Language"), choices=LANGUAGES, help_text=_("In which new members are first spoken to.")
    )
    quiet_from = forms.TimeField(
        label=_("Quiet from"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    quiet_until = forms.TimeField(
        label=_("Quiet until"),
        required=False,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_(
            "No slot is offered in between; whoever chooses such a time is asked whether it is meant."
        ),
    )
    late_minutes = forms.IntegerField(
        label=_("How many minutes late a post may still go out"),
        min_value=1,
        max_value=LONGEST_LATE,
        help_text=_("After that it is missed, its people are told, and it waits for another slot."),
    )
    accepted_to_entrust = forms.IntegerField(
        label=_("Accepted posts before somebody is entrusted"), min_value=1, max_value=MOST_TO_ENTRUST
    )
    knowing_zone = forms.BooleanField(required=False, widget=forms.HiddenInput)

    def __init__(self, data: Any, brand: Brand) -> None:
        initial = {name: getattr(brand, name) for name in self.base_fields if hasattr(brand, name)}
        super().__init__(data, auto_id="set-%s", initial=initial)
        for name, field in self.fields.items():
            field.show_hidden_initial = name != "knowing_zone"

    def wanted(self) -> dict[str, Any]:
        """What this person changed, by its name on the brand."""
        names = (name for name in self.changed_data if name != "knowing_zone")
        return {name: self.cleaned_data[name] for name in names}


class SlotForm(forms.Form):
    """One time of day and the days on which it is a slot; emptied, it is none any more. A new line begins with
    every day, so that whoever wants no more than that types the time alone."""

    at = forms.TimeField(
        label=_("Time"),
        required=False,
        show_hidden_initial=True,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
    )
    days = forms.MultipleChoiceField(
        label=_("Days"),
        required=False,
        show_hidden_initial=True,
        choices=[(str(day), name) for day, name in WEEKDAYS.items()],
        initial=[str(day) for day in sorted(EVERY_DAY)],
        widget=forms.CheckboxSelectMultiple,
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("at") is not None and not cleaned.get("days") and "days" not in self.errors:
            self.add_error("days", _("Choose the days, or empty the time."))
        return cleaned

    @property
    def days_before(self) -> SafeString:
        """Beside the boxes, which the page draws one by one: what was chosen when it was opened."""
        return self["days"].as_hidden(only_initial=True)


_Slots = formset_factory(
    SlotForm, extra=EMPTY_LINES, max_num=MOST_TIMES, absolute_max=MOST_TIMES + EMPTY_LINES
)


def slot_lines(data: Any, brand: Brand) -> BaseFormSet[SlotForm]:
    """A line for each time of day, and a few empty ones."""
    kept = [{"at": one.at, "days": [str(day) for day in sorted(one.days)]} for one in week_of(brand.slots)]
    return _Slots(data, initial=kept, prefix="slot", auto_id="set-%s")


def slots_in(lines: BaseFormSet[SlotForm]) -> list[str]:
    """As a brand keeps them."""
    return keep(
        Slot(one["at"], frozenset(map(int, one["days"])))
        for one in lines.cleaned_data
        if one.get("at") is not None and one.get("days")
    )


class HolidayForm(forms.Form):
    """One day and its name; emptied, it is no holiday any more."""

    day = forms.DateField(
        label=_("Day"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    name = forms.CharField(label=_("Holiday"), required=False, max_length=80)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("name") and not cleaned.get("day") and "day" not in self.errors:
            self.add_error("day", _("Say on which day, or empty the line."))
        if cleaned.get("day") and not cleaned.get("name") and "name" not in self.errors:
            self.add_error("name", _("Give it a name, or empty the line."))
        return cleaned


_Holidays = formset_factory(
    HolidayForm, extra=EMPTY_LINES, max_num=MOST_HOLIDAYS, absolute_max=MOST_HOLIDAYS + EMPTY_LINES
)


def holiday_lines(data: Any, brand: Brand, today: date) -> BaseFormSet[HolidayForm]:
    """A line for each holiday that is still to come, and a few empty ones. What is past is kept unseen."""
    coming = [one for one in brand.holidays if one["day"] >= today.isoformat()]
    return _Holidays(data, initial=coming, prefix="holiday", auto_id="set-%s")


def holidays_in(lines: BaseFormSet[HolidayForm]) -> list[tuple[date, str]]:
    """(day, name) of the lines that hold something."""
    return [(one["day"], one["name"]) for one in lines.cleaned_data if one.get("day") and one.get("name")]
