"""Dates and times in words, in the active time zone (the middleware activates the brand's).

Django's own formats know neither the French « 9 h 50 » nor a sentence such as "in 1 h 25"; babel
would be one more dependency for two languages.
"""

from __future__ import annotations

import zoneinfo
from datetime import date, datetime, time, timedelta

from django.utils import dateformat, timezone
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

NBSP = "\u00a0"
MINUTE = 60
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def local(moment: datetime, zone: str = "") -> datetime:
    """The moment on the wall clock of `zone` (IANA name), or of the active time zone."""
    if timezone.is_naive(moment):
        raise ValueError(f"A moment without a time zone cannot be shown: {moment!r}")
    return timezone.localtime(moment, zoneinfo.ZoneInfo(zone) if zone else None)


def in_french() -> bool:
    return (get_language() or "").startswith("fr")


def clock(moment: datetime | time, zone: str = "") -> str:
    """« 9 h 50 », « 18 h » in French; "09:50" in English. A time alone is on the wall already."""
    here = moment if isinstance(moment, time) else local(moment, zone)
    if not in_french():
        return f"{here:%H:%M}"
    minutes = f"{NBSP}{here:%M}" if here.minute else ""
    return f"{here.hour}{NBSP}h{minutes}"


def day(moment: datetime, zone: str = "") -> str:
    """« jeudi 19 novembre », "Thursday 19 November"; with the year when it is not this one."""
    here = local(moment, zone)
    year = here.year != local(timezone.now(), zone).year
    return f"{dateformat.format(here, 'l')} {day_and_month(here, year=year)}"


def number(day: date) -> str:
    """« 1er », "1"; « 2 », "2"."""
    return "1er" if day.day == 1 and in_french() else str(day.day)


def day_and_month(day: date, *, year: bool = False) -> str:
    """« 1er janvier », "1 January"; with its year, « 1er janvier 2027 ». A moment is taken as it stands."""
    return f"{number(day)} {dateformat.format(day, 'F')}{f' {day.year}' if year else ''}"


def when(moment: datetime, zone: str = "") -> str:
    """« jeudi 19 novembre, 9 h 50 », "Thursday 19 November, 09:50"."""
    return f"{day(moment, zone)}, {clock(moment, zone)}"


def brief(moment: datetime, zone: str = "") -> str:
    """For a narrow column: the time alone today, else the day's first letters and the time,
    else (more than six days away) the date."""
    here = local(moment, zone)
    away = (here.date() - local(timezone.now(), zone).date()).days
    if away == 0:
        return clock(moment, zone)
    if abs(away) <= 6:
        return f"{dateformat.format(here, 'D')}{'.' if in_french() else ''} {clock(moment, zone)}"
    year = "" if here.year == local(timezone.now(), zone).year else f" {here.year}"
    return f"{number(here)} {dateformat.format(here, 'N' if in_french() else 'M')}{year}"


def span(length: timedelta) -> str:
    """A length in its two largest units at most: « 40 min », « 1 h 25 », « 3 jours »."""
    seconds = int(abs(length.total_seconds()))
    if seconds < MINUTE:
        return _("%(n)d s").replace(" ", NBSP) % {"n": seconds}
    if seconds < HOUR:
        return _("%(n)d min").replace(" ", NBSP) % {"n": seconds // MINUTE}
    if seconds < DAY:
        hours, rest = divmod(seconds // MINUTE, 60)
        return f"{hours}{NBSP}h{NBSP}{rest:02d}" if rest else f"{hours}{NBSP}h"
    days = seconds // DAY
    return (ngettext("%(n)d day", "%(n)d days", days) % {"n": days}).replace(" ", NBSP)


def until(moment: datetime, now: datetime | None = None) -> str:
    """From now to the moment: « dans 1 h 25 », « il y a 3 jours », « à l’instant »."""
    distance = moment - (now or timezone.now())
    if abs(distance) < timedelta(seconds=MINUTE):
        return _("just now") if distance <= timedelta(0) else _("in less than a minute")
    words = {"span": span(distance)}
    return _("in %(span)s") % words if distance > timedelta(0) else _("%(span)s ago") % words


def elsewhere(moment: datetime, zone: str) -> str:
    """The same moment by the clocks of `zone`, « 3 h à Montréal », where they show another time than those of
    the active zone; else nothing. With the day where that is another one too."""
    here, there = local(moment), local(moment, zone)
    if here.utcoffset() == there.utcoffset():
        return ""
    words = {"clock": clock(moment, zone), "place": place(zone)}
    if here.date() != there.date():
        stop = "." if in_french() else ""
        words["clock"] = f"{dateformat.format(there, 'D')}{stop} {words['clock']}"
    return _("%(clock)s in %(place)s") % words


def place(zone: str = "") -> str:
    """The city a time zone is named after: "Europe/Paris" → "Paris"."""
    name = zone or timezone.get_current_timezone_name()
    return name.rsplit("/", 1)[-1].replace("_", " ")
