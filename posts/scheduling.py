"""Slots, windows and the brand's calendar, in its own IANA time zone across clock changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.refusals import Invalid
from posts.lifecycle import PostState
from posts.models import Post
from posts.timetabling import week_of

ON_APPROVAL = "on_approval"
ON_APPROVAL_WINDOW = timedelta(hours=24)
FARTHEST = timedelta(days=366 * 3)
_OCCUPYING = [PostState.IN_REVIEW.value, PostState.SCHEDULED.value, PostState.RELEASING.value]


def local_instant(naive: datetime, zone: ZoneInfo) -> datetime:
    """The instant of a local time without an offset. Raises Invalid for a time that the clock change
    skips, and for one that it repeats, naming the two instants to choose from."""
    earlier, later = naive.replace(tzinfo=zone, fold=0), naive.replace(tzinfo=zone, fold=1)
    if earlier.utcoffset() == later.utcoffset():
        return earlier.astimezone(UTC)
    if earlier.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != naive:
        raise _slot_error(
            "time_does_not_exist",
            _(
                "%(time)s does not exist on that day: the clocks go forward. Choose an earlier or a later time."
            )
            % {"time": f"{naive:%H:%M}"},
        )
    choices = " / ".join(f"{naive:%Y-%m-%dT%H:%M}{_offset(one)}" for one in (earlier, later))
    raise _slot_error(
        "time_exists_twice",
        _("%(time)s exists twice on that day: the clocks go back. Say which one: %(choices)s.")
        % {"time": f"{naive:%H:%M}", "choices": choices},
    )


def _offset(moment: datetime) -> str:
    text = f"{moment:%z}"
    return f"{text[:3]}:{text[3:5]}"


def _slot_error(code: str, sentence: str, field: str = "slot") -> Invalid:
    return Invalid(code, sentence, fields={field: [sentence]})


def read_instant(text: str, zone: ZoneInfo, field: str = "slot") -> datetime:
    """ISO 8601, with an offset or local to the brand. Raises Invalid."""
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        raise _slot_error(
            "bad_time", _("“%(text)s” is not a date and time.") % {"text": text[:40]}, field
        ) from None
    try:
        if moment.tzinfo is None:
            moment = local_instant(moment, zone)
        return moment.astimezone(UTC)
    except OverflowError:
        raise _slot_error(
            "bad_time", _("“%(text)s” is not a date and time.") % {"text": text[:40]}, field
        ) from None


def demand_future(slot: datetime, now: datetime) -> None:
    """Raises Invalid for a slot that has passed or is too far away to be meant."""
    if slot <= now:
        raise _slot_error("past_slot", _("This slot has already passed. Choose a later one."))
    if slot > now + FARTHEST:
        raise _slot_error("slot_too_far", _("This slot is more than three years away."))


@dataclass(frozen=True, slots=True)
class Window:
    """The instants between which a slot may move without another approval."""

    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment <= self.end


def local_day(slot: datetime, zone: ZoneInfo) -> Window:
    """The slot's local day, from its first to its last second, however many hours it has."""
    day = slot.astimezone(zone).date()
    start = datetime.combine(day, time(0), tzinfo=zone).astimezone(UTC)
    end = datetime.combine(day + timedelta(days=1), time(0), tzinfo=zone).astimezone(UTC)
    return Window(start, end - timedelta(seconds=1))


def is_quiet(moment: datetime, brand: Brand) -> bool:
    """Whether the brand keeps silent at that instant; quiet hours may cross midnight."""
    start, end = brand.quiet_from, brand.quiet_until
    if start is None or end is None or start == end:
        return False
    local = moment.astimezone(brand.zone).time()
    return start <= local < end if start < end else local >= start or local < end


def holidays_of(brand: Brand) -> dict[date, str]:
    """The brand's holidays by day, each with its name."""
    return {date.fromisoformat(one["day"]): str(one["name"]) for one in brand.holidays}


def holiday_at(moment: datetime, brand: Brand) -> str:
    """The name of the holiday on which an instant falls by the brand's clocks; empty on other days."""
    return holidays_of(brand).get(moment.astimezone(brand.zone).date(), "") if brand.holidays else ""


def slots_of(brand: Brand, first: date, days: int) -> Iterator[datetime]:
    """The brand's slots as instants, day by day, on the weekdays that each is for. A time that a clock change
    skips is left out; of one that it repeats, the first is taken."""
    week = week_of(brand.slots)
    for number in range(days):
        day = first + timedelta(days=number)
        for at in (one.at for one in week if day.weekday() in one.days):
            local = datetime.combine(day, at, tzinfo=brand.zone)
            instant = local.astimezone(UTC)
            if instant.astimezone(brand.zone).replace(tzinfo=None) == local.replace(tzinfo=None):
                yield instant


def next_free_slots(brand: Brand, after: datetime, count: int = 1) -> list[datetime]:
    """The brand's next slots outside its quiet hours and its holidays at which nothing else is due, soonest
    first. On a holiday something goes out only if somebody chose that time by hand."""
    closed = holidays_of(brand)
    possible = (
        slot
        for slot in slots_of(brand, after.astimezone(brand.zone).date(), 60)
        if slot > after and slot.astimezone(brand.zone).date() not in closed and not is_quiet(slot, brand)
    )
    found: list[datetime] = []
    # By a few, and twice as many each time: what is due in all these days may be ten thousand posts.
    look = 2 * count
    while len(found) < count and (slots := list(islice(possible, look))):
        due = Post.objects.filter(brand=brand, state__in=_OCCUPYING, slot__in=slots)
        taken = set(due.values_list("slot", flat=True))
        found += [slot for slot in slots if slot not in taken]
        look *= 2
    return found[:count]
