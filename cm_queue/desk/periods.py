"""Which days a calendar shows: a month in whole weeks, a week, two weeks as a list, or one day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from django.utils import dateformat
from django.utils.dates import MONTHS
from django.utils.translation import gettext as _

from journal import moments

LIST_DAYS = 14
# Whoever plans does not plan for a lifetime, and dates have an end.
FARTHEST = timedelta(days=366 * 10)


class View(StrEnum):
    MONTH = "month"
    WEEK = "week"
    LIST = "list"
    DAY = "day"


@dataclass(frozen=True, slots=True)
class Period:
    """`days` days from `first` on, on the brand's wall. `anchor` is the day that was asked for; `before` and
    `after` are those to ask for next."""

    view: View
    anchor: date
    first: date
    days: int
    before: date
    after: date
    zone: ZoneInfo

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.days - 1)

    @property
    def start(self) -> datetime:
        return midnight(self.first, self.zone)

    @property
    def end(self) -> datetime:
        return midnight(self.last + timedelta(days=1), self.zone)

    def __contains__(self, day: date) -> bool:
        """Whether the day is what was asked for, and does not only fill up a week of it."""
        if self.view is View.MONTH:
            return (day.year, day.month) == (self.anchor.year, self.anchor.month)
        return self.first <= day <= self.last

    @property
    def words(self) -> str:
        """« Novembre 2026 », « Semaine du 16 au 22 novembre »."""
        if self.view is View.MONTH:
            text = f"{MONTHS[self.anchor.month]} {self.anchor.year}"
            return text[:1].upper() + text[1:]
        if self.view is View.DAY:
            text = moments.day(_noon(self.first, self.zone))
            return text[:1].upper() + text[1:]
        same = self.first.month == self.last.month
        names = {
            "first": moments.number(self.first) if same else moments.day_and_month(self.first),
            "last": moments.day_and_month(self.last),
        }
        return _("Week of %(first)s to %(last)s") % names if self.view is View.WEEK else _range(names)


def _range(names: dict[str, str]) -> str:
    return _("From %(first)s to %(last)s") % names


def midnight(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)


def _noon(day: date, zone: ZoneInfo) -> datetime:
    return datetime.combine(day, time(12), tzinfo=zone)


def head_of(day: date) -> str:
    """« lun. 16 », "Mon 16"; with the month on its first day."""
    stop = "." if moments.in_french() else ""
    month = f" {dateformat.format(day, 'N' if moments.in_french() else 'M')}" if day.day == 1 else ""
    return f"{dateformat.format(day, 'D')}{stop} {moments.number(day)}{month}"


def period_of(view: View, day: date, zone: ZoneInfo) -> Period:
    monday = day - timedelta(days=day.weekday())
    match view:
        case View.MONTH:
            start = day.replace(day=1)
            following = (start + timedelta(days=31)).replace(day=1)
            first = start - timedelta(days=start.weekday())
            days = -(-(following - first).days // 7) * 7
            before = (start - timedelta(days=1)).replace(day=1)
            return Period(view, start, first, days, before, following, zone)
        case View.WEEK:
            week = timedelta(days=7)
            return Period(view, day, monday, 7, monday - week, monday + week, zone)
        case View.LIST:
            step = timedelta(days=LIST_DAYS)
            return Period(view, day, day, LIST_DAYS, day - step, day + step, zone)
        case View.DAY:
            step = timedelta(days=1)
            return Period(view, day, day, 1, day - step, day + step, zone)


def read_day(text: str, today: date) -> date:
    """A date as it stands in an address; today for anything else."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return today
    return day if abs(day - today) < FARTHEST else today
