"""The week of a brand as it is kept and read: strictly, and the same however it was said."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accounts.refusals import Invalid
from posts.timetabling import EVERY_DAY, MOST_TIMES, Slot, is_a_slot, keep, read_slots, week_of

WORKDAYS = frozenset(range(5))


@pytest.mark.parametrize(
    ("kept", "slot"),
    [
        ("09:00", Slot(time(9), EVERY_DAY)),
        ("9:00", Slot(time(9), EVERY_DAY)),
        ("mon-fri 09:00", Slot(time(9), WORKDAYS)),
        ("sat 10:30", Slot(time(10, 30), frozenset({5}))),
        ("mon+wed-fri 18:00", Slot(time(18), frozenset({0, 2, 3, 4}))),
        ("sat-mon 18:00", Slot(time(18), frozenset({5, 6, 0}))),
        ("mon-sun 18:00", Slot(time(18), EVERY_DAY)),
    ],
)
def test_a_slot_is_a_time_and_its_days(kept: str, slot: Slot):
    assert week_of([kept]) == [slot]


@pytest.mark.parametrize(
    "kept",
    [
        "", "soon", "24:00", "09:60", "0900", "09:00:30", "09:00+02:00", "09h00", "٠٩:٠٠", "mon", "mon-fri",
        "09:00 mon", "mon tue 09:00", "funday 09:00", "mon- 09:00", "+mon 09:00", "mon,tue 09:00", "Mon 09:00",
        None, 9, ["09:00"],
    ],
)  # fmt: skip
def test_anything_else_is_refused_by_its_name(kept: Any):
    with pytest.raises(Invalid) as told:
        week_of([kept])
    assert told.value.code == "bad_slot"
    assert set(told.value.fields) == {"slots"}


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("18:00, 09:00 12:30", ["09:00", "12:30", "18:00"]),
        ("mon-fri 09:00 12:30, sat 10:00", ["mon-fri 09:00", "sat 10:00", "mon-fri 12:30"]),
        ("Sat+Sun 10:00; 18:00", ["sat+sun 10:00", "18:00"]),
        ("mon 09:00, tue 09:00, wed 09:00", ["mon-wed 09:00"]),
        ("09:00, sat 09:00", ["09:00"]),
        (" , ;", []),
    ],
)
def test_what_is_typed_in_one_line(typed: str, kept: list[str]):
    assert read_slots(typed) == kept
    assert read_slots(", ".join(kept)) == kept


@pytest.mark.parametrize("typed", ["mon", "09:00, sat", "mon soon", "sat sun 09:00", "25:00"])
def test_a_line_that_cannot_be_read(typed: str):
    with pytest.raises(Invalid):
        read_slots(typed)


def test_there_is_an_end_of_them():
    many = [f"{minute // 60:02}:{minute % 60:02}" for minute in range(MOST_TIMES + 1)]
    assert len(week_of(many[1:])) == MOST_TIMES
    with pytest.raises(Invalid):
        week_of(many)


@given(
    st.lists(
        st.builds(
            Slot,
            st.times().map(lambda at: at.replace(second=0, microsecond=0)),
            st.frozensets(st.integers(0, 6), min_size=1),
        ),
        max_size=12,
    )
)
def test_what_is_kept_reads_as_what_was_meant(slots: list[Slot]):
    kept = keep(slots)
    assert keep(week_of(kept)) == kept
    assert {(one.at, day) for one in week_of(kept) for day in one.days} == {
        (one.at, day) for one in slots for day in one.days
    }


@pytest.mark.parametrize(
    ("local", "is_one"),
    [
        ("2026-11-23T09:00:00", True),
        ("2026-11-23T09:00:42", True),
        ("2026-11-23T09:01:00", False),
        ("2026-11-28T09:00:00", False),
        ("2026-11-28T10:00:00", True),
    ],
)
def test_whether_a_time_on_the_wall_is_one(local: str, is_one: bool):
    assert is_a_slot(["mon-fri 09:00", "sat 10:00"], datetime.fromisoformat(local)) is is_one
