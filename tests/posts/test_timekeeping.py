"""A zone whose rules change after scheduling: who chose nine by the clock gets nine by the clock.

The change is made real: a child process with other time zone data, in which Europe/Paris keeps the rules
of Helsinki, as if France had moved one zone to the east.
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, time, timedelta
from importlib.resources import files
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from accounts.models import Brand
from approvals.reviewing import draft, verdict_of
from journal.models import Entry, Notice
from posts.lifecycle import PostState
from posts.models import Post, Recurrence
from posts.recurring import make_recurring, recur
from posts.timekeeping import keep_local_times, meant
from posts.timetabling import WEEKDAYS
from tests.casting import Cast, fresh
from tests.casting import cast as cast  # noqa: PLC0414

PARIS = ZoneInfo("Europe/Paris")
# Soon enough for an approval to live until then. Helsinki and Lisbon change their clocks when Paris does.
DAY = datetime.now(PARIS).date() + timedelta(days=20)


def paris(hour: int, minute: int = 0) -> datetime:
    return datetime.combine(DAY, time(hour, minute), tzinfo=PARIS)


def as_instant(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


@pytest.mark.parametrize(
    ("local", "near", "found"),
    [
        ("2028-06-06T09:00:00", "2028-06-06T06:00:00Z", "2028-06-06T07:00:00Z"),
        ("2027-10-31T02:30:00", "2027-10-31T00:31:00Z", "2027-10-31T00:30:00Z"),
        ("2027-10-31T02:30:00", "2027-10-31T01:29:00Z", "2027-10-31T01:30:00Z"),
        ("2027-03-28T02:30:00", "2027-03-28T01:00:00Z", None),
    ],
)
def test_a_time_on_the_wall_by_the_rules_of_today(local: str, near: str, found: str | None):
    instant = datetime.fromisoformat(found) if found else None
    assert meant(local, PARIS, datetime.fromisoformat(near)) == instant


@pytest.mark.django_db
def test_what_was_meant_is_kept_with_the_slot(cast: Cast):
    Brand.objects.filter(pk=cast.brand.pk).update(slots=["09:00"])
    cast.brand.refresh_from_db()

    def local(slot: str) -> str:
        return draft(cast.ines, cast.brand, {"text": "x", "channels": ["demo"], "slot": slot}).local_slot

    assert local(f"{DAY}T09:30") == f"{DAY}T09:30:00", "typed by the clock"
    assert local(as_instant(paris(9))) == f"{DAY}T09:00:00", "one of the brand's own slots"
    assert local(as_instant(paris(9, 30))) == "", "an instant"
    assert local("on_approval") == ""
    for days, told in ((WEEKDAYS[DAY.weekday()], f"{DAY}T09:00:00"), (WEEKDAYS[DAY.weekday() - 1], "")):
        cast.brand.slots = [f"{days} 09:00"]
        assert local(as_instant(paris(9))) == told, "a slot of that weekday, or of another"
    post = cast.draft(slot=f"{DAY}T09:30")
    cast.edit("ines", post, text="Autre.")
    assert fresh(post).local_slot == f"{DAY}T09:30:00"
    cast.edit("ines", post, slot=as_instant(paris(9, 31)))
    assert fresh(post).local_slot == ""


@pytest.mark.django_db
def test_while_the_rules_are_the_same_nothing_moves(cast: Cast):
    post = cast.approved(slot=f"{DAY}T09:30")
    before = (post.version, post.slot)
    assert keep_local_times() == 0
    assert (fresh(post).version, fresh(post).slot) == before


def new_rules(folder: Path, like: str) -> dict[str, str]:
    """The environment of a process for which Europe/Paris keeps the rules of another zone."""
    target = folder / "zones" / "Europe" / "Paris"
    target.parent.mkdir(parents=True)
    target.write_bytes(files("tzdata").joinpath(f"zoneinfo/{like}").read_bytes())
    return {"PYTHONTZPATH": str(folder / "zones")}


def tick_with(environment: dict[str, str], folder: Path, like: str) -> None:
    subprocess.run(
        [sys.executable, "manage.py", "tick", "--once"],
        env={**environment, **new_rules(folder, like)},
        cwd=Path(__file__).resolve().parents[2],
        check=True,
        timeout=120,
        capture_output=True,
    )


@pytest.mark.once
@pytest.mark.processes
def test_after_new_rules_nine_is_nine(cast: Cast, child_environment: dict[str, str], tmp_path: Path):
    by_clock = cast.approved("À neuf heures.", slot=f"{DAY}T09:00")
    instant = cast.approved("À cet instant.", slot=as_instant(paris(9, 17)))
    midnight = cast.approved("Juste après minuit.", slot=f"{DAY}T00:30")
    writing = cast.draft("Un brouillon.", slot=f"{DAY}T00:30")
    hour = timedelta(hours=1)
    tick_with(child_environment, tmp_path, "Europe/Helsinki")
    moved = fresh(by_clock)
    assert moved.slot == paris(8), "an hour earlier, which is nine by the new clocks"
    assert moved.lifecycle is PostState.SCHEDULED
    assert verdict_of(moved)[1].open, "inside its window approvals stand"
    delivery = moved.deliveries.get()
    assert delivery.due_at == delivery.next_at == moved.slot
    assert Entry.objects.filter(post_id=moved.pk, verb="post.rezoned", system="ticker").count() == 1
    assert fresh(instant).slot == instant.slot
    # Outside the window that was read: it stays, its author is told, once.
    kept = fresh(midnight)
    assert (kept.slot, kept.local_slot, kept.lifecycle) == (midnight.slot, "", PostState.SCHEDULED)
    assert Notice.objects.filter(kind="post.rezoned", post_id=midnight.pk).get().user == cast.ines
    drafted = fresh(writing)
    assert drafted.slot == paris(0, 30) - hour
    assert drafted.window_from == paris(0) - hour, "its day moves with it"
    tick_with(child_environment, tmp_path / "again", "Europe/Helsinki")
    assert (fresh(by_clock).version, Notice.objects.filter(kind="post.rezoned").count()) == (moved.version, 1)


@pytest.mark.once
@pytest.mark.processes
def test_a_recurrence_keeps_its_hour_and_repeats_no_draft(
    cast: Cast, child_environment: dict[str, str], tmp_path: Path
):
    """Paris moves to the rules of Lisbon: the same occurrence comes later than it did, and must not come twice."""
    source = cast.draft("Chaque jour.")
    first = datetime.now(PARIS).replace(hour=12, minute=0, second=0, microsecond=0)
    row = recur(cast.ines, source, "FREQ=DAILY", first)
    while make_recurring():
        pass
    before = list(Post.objects.filter(recurrence=row).order_by("slot"))
    tick_with(child_environment, tmp_path, "Europe/Lisbon")
    after = list(Post.objects.filter(recurrence=row).order_by("slot"))
    assert len(before) <= len(after) <= len(before) + 1, "a day may have come into view meanwhile"
    lisbon = ZoneInfo("Europe/Lisbon")
    assert {one.slot.astimezone(lisbon).hour for one in after if one.slot} == {12}
    assert len({one.slot.date() for one in after if one.slot}) == len(after)
    last = Recurrence.objects.get(pk=row.pk).last_slot
    assert last == after[-1].recurrence_slot
