"""The week of a brand: at which local times it has its slots, and on which days. Pure.

Kept as a list of texts, one a time: "09:00" is every day's, "mon-fri 09:00" and "mon+thu 18:00" those of some.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Final

from django.utils.translation import gettext as _

from accounts.refusals import Invalid

# In the order of `date.weekday()`.
WEEKDAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EVERY_DAY: Final = frozenset(range(7))
MOST_TIMES: Final = 48
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)")
_DAY = "(?:mon|tue|wed|thu|fri|sat|sun)"
_DAYS = re.compile(rf"{_DAY}(?:-{_DAY})?(?:\+{_DAY}(?:-{_DAY})?)*")


@dataclass(frozen=True, slots=True)
class Slot:
    """A local time and the weekdays on which it is offered: 0 is Monday."""

    at: time
    days: frozenset[int]

    def __str__(self) -> str:
        """As it is kept."""
        return f"{written_days(self.days)} {self.at:%H:%M}".strip()


def written_days(days: Collection[int]) -> str:
    """Such as "mon-fri", "mon+thu" or "mon-wed+sat"; empty for every day."""
    if set(days) >= EVERY_DAY:
        return ""
    runs: list[list[int]] = []
    for day in sorted(days):
        if runs and runs[-1][-1] == day - 1:
            runs[-1].append(day)
        else:
            runs.append([day])
    return "+".join(_run(one) for one in runs)


def _run(days: Sequence[int]) -> str:
    if len(days) > 2:
        return f"{WEEKDAYS[days[0]]}-{WEEKDAYS[days[-1]]}"
    return "+".join(WEEKDAYS[day] for day in days)


def _read_days(text: str) -> frozenset[int]:
    """A run may go over the end of the week: "sat-mon"."""
    found: set[int] = set()
    for part in text.split("+"):
        first, _sep, last = part.partition("-")
        start, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        found |= {day % 7 for day in range(start, end + 1 if end >= start else end + 8)}
    return frozenset(found)


# --- Reading ----------------------------------------------------------------------------------------
def week_of(kept: Iterable[str]) -> list[Slot]:
    """What a brand keeps, in the order of the day. Raises Invalid (`bad_slot`) for what is none."""
    return together(_read_one(text) for text in kept)


def _read_one(text: object) -> Slot:
    words = text.split() if isinstance(text, str) else []
    days = words[0] if len(words) == 2 else ""
    found = _TIME.fullmatch(words[-1]) if words and len(words) <= 2 else None
    if found is None or (days and not _DAYS.fullmatch(days)):
        raise wrong(str(text))
    return Slot(time(int(found[1]), int(found[2])), _read_days(days) if days else EVERY_DAY)


def wrong(text: str) -> Invalid:
    sentence = _("“%(text)s” is not a time of day; write it like 09:00, or mon-fri 09:00.") % {
        "text": text[:20]
    }
    return Invalid("bad_slot", sentence, fields={"slots": [sentence]})


def together(slots: Iterable[Slot]) -> list[Slot]:
    """Each time once, with all the days on which it was said. Raises Invalid for too many."""
    by_time: dict[time, frozenset[int]] = {}
    for one in slots:
        by_time[one.at] = by_time.get(one.at, frozenset()) | one.days
    if len(by_time) > MOST_TIMES:
        sentence = _("At most %(most)s times of day.") % {"most": MOST_TIMES}
        raise Invalid("bad_slot", sentence, fields={"slots": [sentence]})
    return [Slot(at, by_time[at]) for at in sorted(by_time)]


def keep(slots: Iterable[Slot]) -> list[str]:
    """As a brand keeps them."""
    return [str(one) for one in together(slots)]


def read_slots(text: str) -> list[str]:
    """“mon-fri 09:00, 12:30” → ["mon-fri 09:00", "12:30"]: days go with the times up to the next comma. Raises
    Invalid for what is no time."""
    found: list[Slot] = []
    for entry in text.replace(";", ",").split(","):
        words = entry.lower().split()
        days = words.pop(0) if words and _DAYS.fullmatch(words[0]) else ""
        if days and not words:
            raise wrong(entry.strip())
        found += [_read_one(f"{days} {word}".strip()) for word in words]
    return keep(found)


# --- Asking -----------------------------------------------------------------------------------------
def is_a_slot(kept: Iterable[str], local: datetime) -> bool:
    """Whether a time on the brand's wall is one of its slots."""
    at = local.time().replace(second=0, microsecond=0)
    return any(one.at == at and local.weekday() in one.days for one in week_of(kept))
