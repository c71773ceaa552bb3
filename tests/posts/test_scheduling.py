"""Clock changes, leap days, quiet hours: the brand's own calendar."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Brand
from accounts.refusals import Invalid
from posts.lifecycle import PostState
from posts.models import Post
from posts.scheduling import (
    FARTHEST,
    Window,
    demand_future,
    is_quiet,
    local_day,
    local_instant,
    next_free_slots,
    read_instant,
    slots_of,
)
from tests.casting import Cast

PARIS, SANTIAGO, SYDNEY = ZoneInfo("Europe/Paris"), ZoneInfo("America/Santiago"), ZoneInfo("Australia/Sydney")


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def brand(zone: str = "Europe/Paris", **more: object) -> Brand:
    return Brand(slug="b", name="B", time_zone=zone, **more)


# --- One local time, one instant ---------------------------------------------------------------------
@pytest.mark.parametrize(
    ("zone", "local", "utc"),
    [
        (PARIS, "2026-03-29T01:59:59", "2026-03-29T00:59:59+00:00"),
        (PARIS, "2026-03-29T03:00:00", "2026-03-29T01:00:00+00:00"),
        (PARIS, "2026-10-25T01:59:59", "2026-10-24T23:59:59+00:00"),
        (PARIS, "2026-10-25T03:00:00", "2026-10-25T02:00:00+00:00"),
        (PARIS, "2028-02-29T12:00:00", "2028-02-29T11:00:00+00:00"),
        (SYDNEY, "2026-04-05T01:59:59", "2026-04-04T14:59:59+00:00"),
        (SYDNEY, "2026-04-05T03:00:00", "2026-04-04T17:00:00+00:00"),
        (SYDNEY, "2026-10-04T03:00:00", "2026-10-03T16:00:00+00:00"),
        (SANTIAGO, "2026-04-05T00:00:00", "2026-04-05T04:00:00+00:00"),
        (SANTIAGO, "2026-09-06T01:00:00", "2026-09-06T04:00:00+00:00"),
    ],
)
def test_beside_a_clock_change(zone: ZoneInfo, local: str, utc: str):
    assert local_instant(at(local), zone) == at(utc)


@pytest.mark.parametrize(
    ("zone", "local"),
    [
        (PARIS, "2026-03-29T02:00"),
        (PARIS, "2026-03-29T02:59:59"),
        (SYDNEY, "2026-10-04T02:30"),
        (SANTIAGO, "2026-09-06T00:00"),
        (SANTIAGO, "2026-09-06T00:59"),
    ],
)
def test_a_time_that_the_clocks_skip(zone: ZoneInfo, local: str):
    with pytest.raises(Invalid) as refusal:
        local_instant(at(local), zone)
    assert refusal.value.code == "time_does_not_exist"
    assert local[11:16] in refusal.value.fields["slot"][0]


@pytest.mark.parametrize(
    ("zone", "local", "choices"),
    [
        (PARIS, "2026-10-25T02:00", ("2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00")),
        (PARIS, "2026-10-25T02:59", ("2026-10-25T02:59+02:00", "2026-10-25T02:59+01:00")),
        (SYDNEY, "2026-04-05T02:30", ("2026-04-05T02:30+11:00", "2026-04-05T02:30+10:00")),
        (SANTIAGO, "2026-04-04T23:30", ("2026-04-04T23:30-03:00", "2026-04-04T23:30-04:00")),
    ],
)
def test_a_time_that_exists_twice_names_both_and_either_can_be_said(
    zone: ZoneInfo, local: str, choices: tuple[str, str]
):
    with pytest.raises(Invalid) as refusal:
        local_instant(at(local), zone)
    assert refusal.value.code == "time_exists_twice"
    assert all(choice in refusal.value.sentence for choice in choices)
    first, second = (read_instant(choice, zone) for choice in choices)
    assert second - first == timedelta(hours=1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "now",
        "2026-02-29T10:00",
        "2026-13-01",
        "25:00",
        "2026-01-01T24:01",
        "9999-12-31T23:59",
        "0001-01-01",
    ],
)
@pytest.mark.parametrize("zone", [PARIS, SANTIAGO, ZoneInfo("Pacific/Kiritimati")], ids=str)
def test_what_is_no_instant_is_refused_and_never_raises_anything_else(text: str, zone: ZoneInfo):
    try:
        moment = read_instant(text, zone)
    except Invalid as refusal:
        found: object = refusal.code
    else:
        found = moment.year
    assert found in {"bad_time", 1, 9999}


def test_an_instant_is_read_with_its_offset_or_in_the_brands_zone():
    assert read_instant("2026-07-01T10:00", PARIS) == at("2026-07-01T08:00:00+00:00")
    assert read_instant(" 2026-07-01T10:00-04:00 ", PARIS) == at("2026-07-01T14:00:00+00:00")
    assert read_instant("2026-03-29T02:30:00Z", PARIS) == at("2026-03-29T02:30:00+00:00")


def test_future_boundaries():
    now = at("2026-01-01T00:00:00+00:00")
    demand_future(now + timedelta(microseconds=1), now)
    demand_future(now + FARTHEST, now)
    for slot, code in (
        (now, "past_slot"),
        (now - timedelta(days=1), "past_slot"),
        (now + FARTHEST + timedelta(seconds=1), "slot_too_far"),
    ):
        with pytest.raises(Invalid) as refusal:
            demand_future(slot, now)
        assert refusal.value.code == code


# --- Days --------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("zone", "slot", "hours"),
    [
        (PARIS, "2026-06-01T12:00:00+00:00", 24),
        (PARIS, "2026-03-29T12:00:00+00:00", 23),
        (PARIS, "2026-10-25T12:00:00+00:00", 25),
        (SYDNEY, "2026-04-05T02:00:00+00:00", 25),
        (SYDNEY, "2026-10-04T02:00:00+00:00", 23),
        (SANTIAGO, "2026-09-06T12:00:00+00:00", 23),
        (SANTIAGO, "2026-04-04T12:00:00+00:00", 25),
        (PARIS, "2028-02-29T22:59:59+00:00", 24),
    ],
)
def test_a_local_day_has_the_hours_it_has(zone: ZoneInfo, slot: str, hours: int):
    window = local_day(at(slot), zone)
    assert window.end - window.start == timedelta(hours=hours) - timedelta(seconds=1)
    assert at(slot) in window
    days = {moment.astimezone(zone).date() for moment in (window.start, at(slot), window.end)}
    assert len(days) == 1
    assert (window.start - timedelta(seconds=1)).astimezone(zone).date() < days.pop()


def test_a_window_holds_its_edges():
    start, end = at("2026-01-01T10:00:00+00:00"), at("2026-01-01T12:00:00+00:00")
    window = Window(start, end)
    assert start in window
    assert end in window
    assert start - timedelta(microseconds=1) not in window
    assert end + timedelta(microseconds=1) not in window


# --- Quiet hours -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("hours", "local", "quiet"),
    [
        ((time(21), time(8)), "21:00", True),
        ((time(21), time(8)), "20:59", False),
        ((time(21), time(8)), "23:59", True),
        ((time(21), time(8)), "00:00", True),
        ((time(21), time(8)), "07:59", True),
        ((time(21), time(8)), "08:00", False),
        ((time(12), time(14)), "11:59", False),
        ((time(12), time(14)), "12:00", True),
        ((time(12), time(14)), "13:59", True),
        ((time(12), time(14)), "14:00", False),
        ((time(8), time(8)), "08:00", False),
        ((None, time(8)), "03:00", False),
        ((time(21), None), "22:00", False),
    ],
)
def test_quiet_hours(hours: tuple[time | None, time | None], local: str, quiet: bool):
    one = brand(quiet_from=hours[0], quiet_until=hours[1])
    assert is_quiet(at(f"2026-06-15T{local}").replace(tzinfo=PARIS), one) is quiet


def test_quiet_hours_are_local_on_both_sides_of_a_clock_change():
    one = brand(quiet_from=time(21), quiet_until=time(8))
    assert is_quiet(at("2026-03-28T06:30:00+00:00"), one)
    assert not is_quiet(at("2026-03-29T06:30:00+00:00"), one), "08:30 in summer"


@pytest.mark.parametrize(
    ("zone", "awake", "quiet"),
    [
        ("Australia/Sydney", "2026-04-04T22:30:00+00:00", "2026-04-03T20:30:00+00:00"),
        ("Australia/Sydney", "2026-10-03T21:30:00+00:00", "2026-10-02T21:30:00+00:00"),
        ("America/Santiago", "2026-09-06T11:30:00+00:00", "2026-09-05T11:30:00+00:00"),
    ],
)
def test_quiet_hours_follow_the_southern_clocks_too(zone: str, awake: str, quiet: str):
    """The night ends at eight on the wall, whichever side of the change the morning lies on."""
    one = brand(zone, quiet_from=time(21), quiet_until=time(8))
    for moment, told in ((awake, False), (quiet, True)):
        assert is_quiet(at(moment), one) is told, at(moment).astimezone(one.zone)


# --- The brand's slots -------------------------------------------------------------------------------
def locals_of(one: Brand, first: date, days: int) -> list[str]:
    return [f"{slot.astimezone(one.zone):%d %H:%M%z}" for slot in slots_of(one, first, days)]


def test_slots_over_a_change_keep_their_local_time():
    one = brand(slots=["18:00", "09:00"])
    assert locals_of(one, date(2026, 3, 28), 2) == [
        "28 09:00+0100",
        "28 18:00+0100",
        "29 09:00+0200",
        "29 18:00+0200",
    ]
    assert locals_of(one, date(2028, 2, 29), 2) == [
        "29 09:00+0100",
        "29 18:00+0100",
        "01 09:00+0100",
        "01 18:00+0100",
    ]


@pytest.mark.parametrize(
    ("zone", "day", "slot", "found"),
    [
        ("Europe/Paris", date(2026, 3, 29), "02:30", []),
        ("Europe/Paris", date(2026, 10, 25), "02:30", ["25 02:30+0200"]),
        ("Australia/Sydney", date(2026, 10, 4), "02:30", []),
        ("Australia/Sydney", date(2026, 4, 5), "02:30", ["05 02:30+1100"]),
        ("America/Santiago", date(2026, 9, 6), "00:30", []),
        ("America/Santiago", date(2026, 4, 4), "23:30", ["04 23:30-0300"]),
    ],
)
def test_a_slot_that_is_skipped_is_left_out_and_one_that_repeats_comes_once(
    zone: str, day: date, slot: str, found: list[str]
):
    assert locals_of(brand(zone, slots=[slot]), day, 1) == found


@pytest.mark.parametrize(
    ("zone", "first", "found"),
    [
        # The last Sunday of March, clocks forward at 2:00; the last of October, back at 3:00.
        ("Europe/Paris", date(2026, 3, 27), ["27 09:00+0100", "28 10:00+0100", "30 09:00+0200", "31 09:00+0200"]),
        ("Europe/Paris", date(2026, 10, 23), ["23 09:00+0200", "24 10:00+0200", "26 09:00+0100", "27 09:00+0100"]),
        ("Australia/Sydney", date(2026, 4, 3), ["03 09:00+1100", "04 10:00+1100", "06 09:00+1000", "07 09:00+1000"]),
        ("Australia/Sydney", date(2026, 10, 2), ["02 09:00+1000", "03 10:00+1000", "05 09:00+1100", "06 09:00+1100"]),
    ],
)  # fmt: skip
def test_slots_of_some_days_over_both_changes(zone: str, first: date, found: list[str]):
    """On weekdays at nine, on Saturday at ten, never on Sunday: by the wall, before and after."""
    assert locals_of(brand(zone, slots=["mon-fri 09:00", "sat 10:00"]), first, 5) == found


@pytest.mark.parametrize(
    ("zone", "day", "slot", "found"),
    [
        ("Europe/Paris", date(2026, 3, 29), "sun 02:30", []),
        ("Europe/Paris", date(2026, 10, 25), "sun 02:30", ["25 02:30+0200"]),
        # Midnight itself is skipped in Santiago: the slot of Sunday's first minutes, not of Saturday's last.
        ("America/Santiago", date(2026, 9, 5), "sat 23:30", ["05 23:30-0400"]),
        ("America/Santiago", date(2026, 9, 6), "sun 00:30", []),
        ("America/Santiago", date(2026, 9, 6), "sun 01:30", ["06 01:30-0300"]),
        ("America/Santiago", date(2026, 4, 4), "sat 23:30", ["04 23:30-0300"]),
    ],
)
def test_a_days_slot_in_the_changed_hour_itself(zone: str, day: date, slot: str, found: list[str]):
    assert locals_of(brand(zone, slots=[slot]), day, 1) == found


def test_the_weekday_is_the_brands_and_not_the_servers():
    """Saturday at half past midnight in Paris is still Friday in UTC; at 9 in Auckland it is Friday too."""
    assert [f"{one:%a %H:%M}" for one in slots_of(brand(slots=["sat 00:30"]), date(2026, 6, 1), 7)] == [
        "Fri 22:30"
    ]
    one = brand("Pacific/Auckland", slots=["sat 09:00"])
    assert [f"{one:%a %H:%M}" for one in slots_of(one, date(2026, 6, 1), 7)] == ["Fri 21:00"]


def test_the_next_free_slot_is_of_a_day_that_has_one(cast: Cast):
    """Missed on a Friday, the next one offered is Saturday's at ten, then Monday's."""
    one = cast.brand
    type(one).objects.filter(pk=one.pk).update(slots=["mon-fri 09:00", "sat 10:00"])
    one.refresh_from_db()
    friday = at("2027-06-18T09:30:00+02:00")
    assert [f"{slot.astimezone(one.zone):%a %d %H:%M}" for slot in next_free_slots(one, friday, 3)] == [
        "Sat 19 10:00", "Mon 21 09:00", "Tue 22 09:00",
    ]  # fmt: skip


def test_next_free_slots_leave_out_what_is_taken_past_or_quiet(cast: Cast):
    one = cast.brand
    type(one).objects.filter(pk=one.pk).update(slots=["07:00", "09:00", "12:30", "21:00"])
    one.refresh_from_db()
    after = at("2027-06-15T09:00:00+02:00")
    assert [f"{slot.astimezone(one.zone):%d %H:%M}" for slot in next_free_slots(one, after, 4)] == [
        "15 12:30", "16 09:00", "16 12:30", "17 09:00",
    ]  # fmt: skip
    taken = cast.draft(slot="2027-06-15T12:30")
    assert next_free_slots(one, after)[0] == at("2027-06-15T12:30:00+02:00"), "a draft takes no slot"
    for state in (PostState.IN_REVIEW, PostState.SCHEDULED, PostState.RELEASING):
        Post.objects.filter(pk=taken.pk).update(state=state.value)
        assert next_free_slots(one, after)[0] == at("2027-06-16T09:00:00+02:00")


@pytest.mark.parametrize("taken", [0, 1, 4, 9, 31])
def test_next_free_slots_are_found_behind_any_number_that_are_taken(cast: Cast, taken: int):
    one = cast.brand
    type(one).objects.filter(pk=one.pk).update(slots=["09:00", "15:00"])
    one.refresh_from_db()
    after = at("2027-06-15T08:00:00+02:00")
    free = next_free_slots(one, after, 40)
    assert len(free) == 40
    for slot in free[:taken]:
        post = cast.draft(slot=slot.isoformat())
        Post.objects.filter(pk=post.pk).update(state=PostState.SCHEDULED.value)
    assert next_free_slots(one, after, 3) == free[taken : taken + 3]


def test_where_fewer_are_free_than_asked_for_there_are_fewer(cast: Cast):
    one = cast.brand
    type(one).objects.filter(pk=one.pk).update(slots=["mon 09:00"])
    one.refresh_from_db()
    assert len(next_free_slots(one, at("2027-06-15T08:00:00+02:00"), 50)) in (8, 9), "of sixty days"


def test_without_slots_there_is_none(cast: Cast):
    assert next_free_slots(cast.elsewhere, at("2027-06-15T09:00:00+02:00"), 3) == []
