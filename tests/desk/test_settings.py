"""The settings page: owners change what they changed and nothing else, members read, and another time zone
says first what it does to what has a slot."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from html import unescape
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Brand
from accounts.refusals import Forbidden, Invalid
from approvals.running import edit_brand, read_holidays
from journal.models import Entry
from posts.models import Post
from posts.scheduling import holiday_at, next_free_slots
from posts.timekeeping import keep_local_times
from tests.casting import Cast, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter, filled

pytestmark = pytest.mark.django_db
SETTINGS = reverse("settings")


def typed(client: Client, **more: str | list[str]) -> dict[str, str | list[str]]:
    """What a browser would send of the page as it is, with some of it typed anew."""
    html = client.get(SETTINGS).content.decode()
    found: dict[str, list[str]] = {}
    for tag in re.findall(r"<input [^>]*>", html.split('class="settings"', 1)[1]):
        name = re.search(r'name="([^"]+)"', tag)
        value = re.search(r'value="([^"]*)"', tag)
        if name and ('type="checkbox"' not in tag or " checked" in tag):
            found.setdefault(name[1], []).append(unescape(value[1]) if value else "")
    del found["csrfmiddlewaretoken"]
    return {**found, "language": "fr", **more}


def brand_of(cast: Cast) -> Brand:
    return Brand.objects.get(pk=cast.brand.pk)


def test_a_member_reads_and_cannot_change(cast: Cast):
    html = unescape(enter(cast, "ines").get(SETTINGS).content.decode())
    assert "Olga can change this." in html
    assert "09:00, 12:30, 18:00 <small>every day</small>" in html
    assert 'name="slot-0-at"' not in html
    sent = typed(enter(cast, "olga"), name="Prise")
    assert enter(cast, "ines").post(SETTINGS, sent).status_code == 403
    assert brand_of(cast).name == "Maison Lumière"


def test_an_owner_changes_it_and_the_journal_tells(cast: Cast):
    client = enter(cast, "olga")
    more = {"slot-0-at": "18:00", "slot-1-at": "08:15", "slot-2-at": ""}
    sent = typed(client, **more, quiet_from="22:00", late_minutes="30")
    assert client.post(SETTINGS, sent).status_code == 302
    brand = brand_of(cast)
    assert (brand.slots, str(brand.quiet_from), brand.late_minutes) == (["08:15", "18:00"], "22:00:00", 30)
    told = Entry.objects.get(verb="brand.edit")
    assert told.actor == cast.olga
    assert set(told.data["after"]) == {"slots", "quiet_from", "late_minutes"}


def test_nothing_typed_writes_nothing(cast: Cast):
    client = enter(cast, "olga")
    assert client.post(SETTINGS, typed(client)).status_code == 302
    assert not Entry.objects.filter(verb="brand.edit").exists()


def test_two_owners_do_not_undo_each_other(cast: Cast):
    client = enter(cast, "olga")
    sent = typed(client, late_minutes="45")
    edit_brand(cast.olga, cast.brand.pk, name="Maison Clarté")
    assert client.post(SETTINGS, sent).status_code == 302
    assert (brand_of(cast).name, brand_of(cast).late_minutes) == ("Maison Clarté", 45)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("slot-0-at", "25:00"),
        ("time_zone", "Mars/Olympus"),
        ("late_minutes", "0"),
        ("quiet_until", ""),
        ("name", ""),
        ("accepted_to_entrust", "501"),
        ("holiday-0-name", "Noël"),
        ("holiday-0-day", "2099-12-25"),
    ],
)
def test_what_is_wrong_comes_back_with_what_was_typed(cast: Cast, field: str, value: str):
    client = enter(cast, "olga")
    answer = client.post(SETTINGS, typed(client, **{"late_minutes": "59", field: value}))
    assert answer.status_code == 422
    html = answer.content.decode()
    assert 'aria-invalid="true"' in html
    assert field == "late_minutes" or 'value="59"' in html
    assert brand_of(cast).late_minutes == 60
    assert not Entry.objects.filter(verb="brand.edit").exists()


def test_another_zone_says_first_what_it_does_and_then_moves_nothing(cast: Cast):
    post = cast.approved(slot=f"{in_hours(0).date() + timedelta(days=3)}T09:00")
    before = fresh(post)
    client = enter(cast, "olga")
    sent = typed(client, time_zone="America/Montreal")
    answer = client.post(SETTINGS, sent)
    html = unescape(answer.content.decode())
    assert answer.status_code == 409
    assert "1 post has its slot and goes out at the same instant as before" in html
    assert "09:00 in Paris" in html
    assert re.search(r"0[34]:00 in Montreal", html)
    assert brand_of(cast).time_zone == "Europe/Paris"
    assert client.post(SETTINGS, {**sent, "knowing_zone": "on"}).status_code == 302
    assert brand_of(cast).time_zone == "America/Montreal"
    assert keep_local_times() == 0, "the next start would have moved it to nine in Montreal"
    after = fresh(post)
    assert (after.slot, after.state, after.version) == (before.slot, before.state, before.version)
    assert after.local_slot[11:16] in {"03:00", "04:00"}


def test_another_zone_without_anything_ahead_needs_no_word(cast: Cast):
    client = enter(cast, "olga")
    assert client.post(SETTINGS, typed(client, time_zone="Indian/Reunion")).status_code == 302
    assert brand_of(cast).time_zone == "Indian/Reunion"


# --- The week ---------------------------------------------------------------------------------------
def week(*days: int) -> list[str]:
    return [str(day) for day in days]


def test_times_are_given_their_days(cast: Cast):
    client = enter(cast, "olga")
    more: Any = {"slot-0-days": week(0, 1, 2, 3, 4), "slot-3-at": "10:00", "slot-3-days": week(5)}
    assert client.post(SETTINGS, typed(client, **more)).status_code == 302
    assert brand_of(cast).slots == ["mon-fri 09:00", "sat 10:00", "12:30", "18:00"]
    assert Entry.objects.get(verb="brand.edit").data["after"] == {"slots": brand_of(cast).slots}
    html = unescape(client.get(SETTINGS).content.decode())
    assert len(re.findall(r'<input type="checkbox" name="slot-0-days"[^>]* checked', html)) == 5
    assert len(re.findall(r'<input type="checkbox" name="slot-1-days"[^>]* checked', html)) == 1
    html = unescape(enter(cast, "ines").get(SETTINGS).content.decode())
    for told in (
        "12:30, 18:00 <small>every day</small>",
        "09:00 <small>Mon–Fri</small>",
        "10:00 <small>Sat</small>",
    ):
        assert told in html


def test_a_new_line_is_for_every_day_and_an_empty_one_for_none(cast: Cast):
    Brand.objects.filter(pk=cast.brand.pk).update(slots=[])
    client = enter(cast, "olga")
    assert client.post(SETTINGS, typed(client, **{"slot-1-at": "11:00"})).status_code == 302
    assert brand_of(cast).slots == ["11:00"]


def test_a_time_needs_its_days(cast: Cast):
    client = enter(cast, "olga")
    sent = typed(client, late_minutes="59")
    del sent["slot-0-days"]
    answer = client.post(SETTINGS, sent)
    html = unescape(answer.content.decode())
    assert answer.status_code == 422
    assert "Choose the days, or empty the time." in html
    assert 'value="59"' in html
    assert brand_of(cast).slots == ["09:00", "12:30", "18:00"]


def test_the_same_time_twice_is_one_with_the_days_of_both(cast: Cast):
    client = enter(cast, "olga")
    more: Any = {"slot-0-days": week(0), "slot-3-at": "09:00", "slot-3-days": week(6)}
    assert client.post(SETTINGS, typed(client, **more)).status_code == 302
    assert brand_of(cast).slots == ["mon+sun 09:00", "12:30", "18:00"]


def test_two_owners_do_not_undo_each_others_slots(cast: Cast):
    client = enter(cast, "olga")
    sent = typed(client, late_minutes="45")
    edit_brand(cast.olga, cast.brand.pk, slots=["sat 10:00"])
    assert client.post(SETTINGS, sent).status_code == 302
    assert (brand_of(cast).slots, brand_of(cast).late_minutes) == (["sat 10:00"], 45)


@pytest.mark.parametrize("kept", [["soon"], ["funday 09:00"], ["mon-fri"], [9], ["09:00:30"], ["09:00 mon"]])
def test_what_is_no_slot_is_not_kept_whoever_says_it(cast: Cast, kept: list[Any]):
    with pytest.raises(Invalid) as told:
        edit_brand(cast.olga, cast.brand.pk, slots=kept)
    assert set(told.value.fields) == {"slots"}
    assert brand_of(cast).slots == ["09:00", "12:30", "18:00"]


# --- Holidays ---------------------------------------------------------------------------------------
def closed(cast: Cast, *days: date, name: str = "Fête de l’atelier") -> Brand:
    edit_brand(cast.olga, cast.brand.pk, holidays=read_holidays([(day, name) for day in days]))
    return brand_of(cast)


def test_holidays_are_written_in_order_and_what_is_past_is_kept(cast: Cast):
    past, soon = date(2020, 12, 25), in_hours(0).date() + timedelta(days=40)
    closed(cast, past, soon)
    client = enter(cast, "olga")
    earlier = soon - timedelta(days=10)
    sent = typed(client, **{"holiday-1-day": str(earlier), "holiday-1-name": "Pont"})
    assert client.post(SETTINGS, sent).status_code == 302
    assert [one["day"] for one in brand_of(cast).holidays] == [str(past), str(earlier), str(soon)]
    empty = typed(client, **{"holiday-0-day": "", "holiday-0-name": ""})
    assert client.post(SETTINGS, empty).status_code == 302
    assert [one["day"] for one in brand_of(cast).holidays] == [str(past), str(soon)]


def test_free_slots_leave_holidays_out(cast: Cast):
    now = in_hours(0)
    (first,) = next_free_slots(cast.brand, now, 1)
    day = first.astimezone(cast.brand.zone).date()
    brand = closed(cast, day)
    slots = next_free_slots(brand, now, 12)
    assert len(slots) == 12
    assert all(one.astimezone(brand.zone).date() != day for one in slots)
    assert holiday_at(first, brand) == "Fête de l’atelier"
    assert holiday_at(first - timedelta(days=1), brand) == ""


def test_a_holiday_is_the_brands_day_and_not_the_servers(cast: Cast):
    brand = closed(cast, date(2027, 1, 1), name="Jour de l’an")
    assert holiday_at(datetime.fromisoformat("2026-12-31T23:30:00+00:00"), brand) == "Jour de l’an"
    assert holiday_at(datetime.fromisoformat("2027-01-01T23:30:00+00:00"), brand) == ""


def test_whoever_chooses_a_holiday_by_hand_is_asked_and_may(cast: Cast):
    day = in_hours(0).date() + timedelta(days=5)
    closed(cast, day)
    client = enter(cast, "ines")
    sent = filled(slot="other", at=f"{day}T10:00")
    assert "(Fête de l’atelier)" in client.get(reverse("compose")).content.decode().split("slot-hint", 2)[2]
    html = unescape(client.post(reverse("compose_preview"), sent).content.decode())
    assert "That day is a holiday of the house (Fête de l’atelier)" in html
    answer = client.post(reverse("compose_submit"), sent)
    assert answer.status_code == 302
    assert Post.objects.get().slot is not None


@pytest.mark.parametrize(
    "days",
    [[(date(2027, 1, 1), " ")], [(date.fromordinal(740000 + n), "x") for n in range(201)]],
    ids=["nameless", "too many"],
)
def test_a_holiday_needs_a_name_and_there_is_an_end_of_them(days: list[Any]):
    with pytest.raises(Invalid):
        read_holidays(days)


def test_only_who_may_run_the_brand_writes_holidays(cast: Cast):
    with pytest.raises(Forbidden):
        edit_brand(cast.nadia, cast.brand.pk, holidays=[])
