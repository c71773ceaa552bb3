"""A brand's week of slots in words and as a table: days across, times down."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time

from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from journal import moments
from posts.timetabling import EVERY_DAY, week_of


@dataclass(frozen=True, slots=True)
class Hours:
    """Some days of the week and their times, both in words."""

    days: str
    times: str


def day_names() -> list[tuple[str, str]]:
    """(short, whole) of each day, from Monday on."""
    return [(str(WEEKDAYS_ABBR[day]), str(WEEKDAYS[day])) for day in range(7)]


def days_in_words(days: Iterable[int]) -> str:
    """« lun.–ven. », « tous les jours »."""
    there = sorted(days)
    if set(there) >= EVERY_DAY:
        return _("every day")
    if len(there) > 2 and there == list(range(there[0], there[-1] + 1)):
        ends = {"first": WEEKDAYS_ABBR[there[0]], "last": WEEKDAYS_ABBR[there[-1]]}
        return pgettext("days of the week", "%(first)s–%(last)s") % ends
    return ", ".join(str(WEEKDAYS_ABBR[day]) for day in there)


def hours_of(kept: Iterable[str]) -> list[Hours]:
    """The slots, those of the same days together; the days with most of the week first."""
    by_days: dict[frozenset[int], list[time]] = {}
    for one in week_of(kept):
        by_days.setdefault(one.days, []).append(one.at)
    ordered = sorted(by_days, key=lambda days: (-len(days), sorted(days)))
    return [Hours(days_in_words(days), ", ".join(map(moments.clock, by_days[days]))) for days in ordered]


def in_a_line(kept: Iterable[str]) -> str:
    """« 9 h, 18 h ; sam. : 10 h »: every day's without a word for them."""
    told = []
    for one in hours_of(kept):
        every = one.days == days_in_words(EVERY_DAY)
        told.append(one.times if every else _("%(days)s: %(times)s") % {"days": one.days, "times": one.times})
    return "; ".join(told)
