"""The calendar: what goes out when, what crowds, where there is room; and moving a post to another time."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from html import unescape
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.models import Brand, User
from approvals import steering
from cm_queue.desk.periods import View, period_of
from posts.crowding import NEAR, clashes_among
from posts.lifecycle import PostState
from posts.models import Post
from tests.casting import Cast, age_post, fresh
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
CALENDAR = reverse("calendar")
PARIS = ZoneInfo("Europe/Paris")


def far(days: int = 0, at: str = "10:00") -> datetime:
    """A time on a Wednesday some weeks from now, and days later: never today, never a clock change's hour."""
    today = timezone.now().astimezone(PARIS).date()
    wednesday = today + timedelta(days=28 + (2 - today.weekday()) % 7)
    return datetime.combine(wednesday + timedelta(days=days), time.fromisoformat(at), tzinfo=PARIS)


def page(cast: Cast, who: str = "ines", status: int = 200, **asked: Any) -> Any:
    answer = enter(cast, who).get(CALENDAR, {"view": "week", "from": far().date().isoformat(), **asked})
    assert answer.status_code == status
    return answer


def html_of(answer: Any) -> str:
    return " ".join(unescape(answer.content.decode()).split())


def days_of(answer: Any) -> dict[date, Any]:
    return {day.date: day for day in answer.context["plan"].days}


def titles(day: Any) -> list[str]:
    return [item.title for item in day.items if item.post]


def free(day: Any) -> list[str]:
    return [f"{item.at.astimezone(PARIS):%H:%M}" for item in day.items if not item.post and not item.gone]


def moved(cast: Cast, post: Post, to: datetime, who: str = "ines", **more: Any) -> Any:
    sent = {"day": f"{to:%Y-%m-%d}", "time": f"{to:%H:%M}", "seen": fresh(post).revision.number, **more}
    headers = {"Accept": "application/json"} if more.pop("script", False) else {}
    sent.pop("script", None)
    return enter(cast, who).post(reverse("calendar_move", args=[post.pk]), sent, headers=headers)


# --- What it shows ------------------------------------------------------------------------------
@pytest.mark.parametrize("view", ["month", "week", "list", "day"])
def test_each_view_shows_a_post_on_its_day_with_its_state_in_words(cast: Cast, view: str):
    cast.submitted("Trois gestes pour un abat-jour.", slot=far().isoformat())
    answer = page(cast, view=view)
    assert titles(days_of(answer)[far().date()]) == ["Trois gestes pour un abat-jour."]
    html = html_of(answer)
    assert "Trois gestes pour un abat-jour." in html
    assert re.search(r'<span class="st ">.*?</svg>in review</span>', html)
    assert f'data-day="{far().date()}"' in html


def test_another_brands_posts_are_not_there_and_cannot_be_moved(cast: Cast):
    post = cast.submitted("Chez nous.", slot=far().isoformat())
    html = html_of(enter(cast, "stranger").get(CALENDAR, {"view": "week", "from": far().date().isoformat()}))
    assert "Chez nous." not in html
    address = reverse("calendar_move", args=[post.pk])
    stranger = enter(cast, "stranger")
    assert stranger.get(address).status_code == 404
    sent = {"day": f"{far():%Y-%m-%d}", "time": "11:00"}
    assert stranger.post(address, sent).status_code == 404
    assert fresh(post).slot == far()


def test_what_is_out_is_shown_quieter_and_what_was_withdrawn_only_when_asked_for(cast: Cast):
    gone = cast.draft("Repris.", slot=far().isoformat())
    steering.withdraw(cast.ines, gone.pk)
    missed = cast.approved("Manqué.", slot=far(0, "11:00").isoformat())
    Post.objects.filter(pk=missed.pk).update(state=PostState.MISSED.value)
    day = days_of(page(cast))[far().date()]
    assert [(item.title, item.past) for item in day.items if item.post] == [("Manqué.", True)]
    asked = days_of(page(cast, state="withdrawn"))[far().date()]
    assert titles(asked) == ["Repris."]


def test_filters_by_channel_kind_and_state(cast: Cast):
    cast.channel("console")
    cast.submitted("Courant.", slot=far().isoformat())
    cast.draft("Lancement.", kind="launch", slot=far(0, "12:00").isoformat())
    cast.draft("Console.", channels=["console"], slot=far(0, "15:00").isoformat())
    day = far().date()
    assert titles(days_of(page(cast))[day]) == ["Courant.", "Lancement.", "Console."]
    assert titles(days_of(page(cast, channel="console"))[day]) == ["Console."]
    assert titles(days_of(page(cast, kind="launch"))[day]) == ["Lancement."]
    assert titles(days_of(page(cast, state="in_review"))[day]) == ["Courant."]
    assert len(titles(days_of(page(cast, kind="no-such-kind"))[day])) == 3
    html = html_of(page(cast, channel="console"))
    assert "channel=console" in html.split('rel="next"')[0]


def test_slots_without_a_post_are_offered_to_compose_and_those_gone_by_say_so(cast: Cast):
    cast.submitted(slot=far(0, "09:00").isoformat())
    answer = page(cast)
    assert free(days_of(answer)[far().date()]) == ["12:30", "18:00"]
    assert free(days_of(answer)[far(1).date()]) == ["09:00", "12:30", "18:00"]
    (href,) = re.findall(
        r'href="(/compose/\?slot=[^"]+)">Write here<span class="sr">: ' + f"Wednesday {far().day} [^<]*12:30",
        html_of(answer),
    )
    sheet = enter(cast, "ines").get(href).context["sheet"]
    chosen = datetime.fromisoformat(sheet.form["slot"].value())
    assert chosen == far(0, "12:30")
    past = page(cast, **{"from": (far() - timedelta(days=56)).date().isoformat()})
    assert free(next(iter(days_of(past).values()))) == []
    assert "went by empty" in html_of(past)


def test_a_day_offers_the_slots_of_its_weekday(cast: Cast):
    """Wednesday at nine, Thursday at ten and at six, Friday never."""
    Brand.objects.filter(pk=cast.brand.pk).update(slots=["wed 09:00", "thu 10:00", "wed+thu 18:00"])
    answer = page(cast)
    assert [free(days_of(answer)[far(n).date()]) for n in range(3)] == [
        ["09:00", "18:00"],
        ["10:00", "18:00"],
        [],
    ]
    gaps = {day.date for day in answer.context["plan"].gaps}
    assert far(1).date() in gaps
    assert far(2).date() not in gaps, "a day of rest is no gap"


def test_a_slot_of_compose_that_cannot_be_read_or_has_passed_is_left_alone(cast: Cast):
    ines = enter(cast, "ines")
    usual = ines.get(reverse("compose")).context["sheet"].form["slot"].value()
    for odd in ("bientôt", "2001-01-01T09:00+00:00", "9999-12-31T23:59"):
        answer = ines.get(reverse("compose"), {"slot": odd})
        assert answer.status_code == 200
        assert answer.context["sheet"].form["slot"].value() == usual, odd


def test_quiet_hours_and_holidays_are_said_and_offer_no_slot(cast: Cast):
    Brand.objects.filter(pk=cast.brand.pk).update(
        slots=["07:00", "09:00"], holidays=[{"day": far(1).date().isoformat(), "name": "Sainte-Lumière"}]
    )
    answer = page(cast)
    assert free(days_of(answer)[far().date()]) == ["09:00"]
    assert free(days_of(answer)[far(1).date()]) == []
    html = html_of(answer)
    assert "Sainte-Lumière" in html
    assert "The house keeps silent from 21:00 to 08:00." in html
    assert far(1).date() not in {day.date for day in answer.context["plan"].gaps}


def test_posts_close_together_on_one_channel_collide_and_on_two_they_do_not(cast: Cast):
    cast.channel("console")
    first = cast.submitted("Premier.", slot=far(0, "10:00").isoformat())
    second = cast.draft("Second.", slot=far(0, "10:20").isoformat())
    cast.draft("Ailleurs.", channels=["console"], slot=far(0, "10:10").isoformat())
    cast.draft("Plus tard.", slot=far(0, "11:00").isoformat())
    answer = page(cast)
    (clash,) = answer.context["plan"].clashes
    assert clash.posts == {first.pk, second.pk}
    crowded = [item.title for item in days_of(answer)[far().date()].items if item.crowd]
    assert crowded == ["Premier.", "Second."]
    html = html_of(answer)
    assert "2 posts close together on demo" in html
    assert f"Posts crowd one another once: {far():%A} {far().day}" in html


def test_runs_are_told_once_whatever_the_channels():
    at = datetime(2026, 11, 20, 12, 30, tzinfo=UTC)
    near = at + NEAR - timedelta(seconds=1)
    places = [(1, at, 1), (1, near, 2), (2, at, 1), (2, near, 2), (1, near + NEAR, 3), (2, at + NEAR * 4, 4)]
    (clash,) = clashes_among(places)
    assert (clash.at, clash.posts) == (at, {1, 2})


def test_days_without_a_post_are_named(cast: Cast):
    for days in (-2, -1, 0, 1, 2, 3):
        cast.draft(slot=far(days).isoformat())
    answer = page(cast)
    assert [day.date for day in answer.context["plan"].gaps] == [far(4).date()]
    assert f"Nothing is planned on {far(4):%a} {far(4).day}" in html_of(answer)


def test_times_are_the_brands_and_a_reader_elsewhere_sees_theirs_too(cast: Cast):
    cast.submitted(slot=far(0, "10:00").isoformat())
    assert " in Montreal" not in html_of(page(cast))
    User.objects.filter(pk=cast.ines.pk).update(time_zone="America/Montreal")
    html = html_of(page(cast))
    assert re.search(r">10:00</time><small>0[345]:00 in Montreal</small>", html)


def test_a_full_day_folds_and_opens_in_pages(cast: Cast):
    like = cast.draft(slot=far().isoformat())
    many(like, 14)
    answer = page(cast, view="month")
    day = days_of(answer)[far().date()]
    assert (len(titles(day)), day.more) == (3, 12)
    assert re.search(rf'href="\?view=day&from={far().date()}">12 more<', html_of(answer))
    assert len(titles(days_of(page(cast, view="day"))[far().date()])) == 15


def many(like: Post, count: int, days: int = 1) -> None:
    """More of the same, written past the verbs: only how many there are matters."""
    slot = like.slot
    assert slot is not None
    fields = {"brand_id": like.brand_id, "lineage_id": like.lineage_id, "author_id": like.author_id}
    made = Post.objects.bulk_create(
        Post(**fields, revision_id=like.revision_id, slot=slot + timedelta(days=n % days, minutes=n // days))
        for n in range(count)
    )
    delivery = like.deliveries.get()
    type(delivery).objects.bulk_create(
        type(delivery)(post=post, brand_id=post.brand_id, channel_id=delivery.channel_id) for post in made
    )


@pytest.mark.parametrize("view", ["month", "week", "list", "day"])
def test_a_fuller_calendar_asks_no_more_of_the_database(cast: Cast, view: str):
    like = cast.draft(slot=far().isoformat())
    many(like, 2, 3)
    ines, asked = enter(cast, "ines"), {"view": view, "from": far().date().isoformat()}
    ines.get(CALENDAR, asked)
    with CaptureQueriesContext(connection) as few:
        ines.get(CALENDAR, asked)
    many(like, 300, 3)
    with CaptureQueriesContext(connection) as full:
        html = ines.get(CALENDAR, asked).content
    assert len(full) == len(few)
    assert len(full) <= 14
    assert len(html) < 120_000


def test_a_device_keeps_the_view_it_chose_and_begins_with_the_list(cast: Cast):
    ines = enter(cast, "ines")
    first = ines.get(CALENDAR)
    assert first.context["period"].view is View.LIST
    assert "data-wider=" in html_of(first)
    ines.get(CALENDAR, {"view": "month"})
    again = ines.get(CALENDAR)
    assert again.context["period"].view is View.MONTH
    assert "data-wider=" not in html_of(again)
    assert ines.get(CALENDAR, {"view": "nonsense", "from": "hier"}).status_code == 200
    assert ines.get(CALENDAR, {"from": "9999-12-31"}).status_code == 200


@pytest.mark.parametrize(
    ("view", "day", "first", "days", "before", "after"),
    [
        (View.MONTH, "2026-11-19", "2026-10-26", 42, "2026-10-01", "2026-12-01"),
        (View.MONTH, "2027-02-03", "2027-02-01", 28, "2027-01-01", "2027-03-01"),
        (View.WEEK, "2026-11-22", "2026-11-16", 7, "2026-11-09", "2026-11-23"),
        (View.LIST, "2026-11-19", "2026-11-19", 14, "2026-11-05", "2026-12-03"),
        (View.DAY, "2026-12-31", "2026-12-31", 1, "2026-12-30", "2027-01-01"),
    ],
)
def test_periods(view: View, day: str, first: str, days: int, before: str, after: str):
    period = period_of(view, date.fromisoformat(day), PARIS)
    found = (period.first, period.days, period.before, period.after)
    assert found == (date.fromisoformat(first), days, date.fromisoformat(before), date.fromisoformat(after))


def test_a_day_of_the_clock_change_is_whole():
    period = period_of(View.DAY, date(2026, 10, 25), PARIS)
    assert period.end - period.start == timedelta(hours=25)


def test_what_has_no_time_yet_is_listed_to_be_given_one(cast: Cast):
    post = cast.draft("Sans heure.", slot=None)
    answer = page(cast)
    assert [item.post.pk for item in answer.context["unplanned"]] == [post.pk]
    assert moved(cast, post, far()).status_code == 302
    assert fresh(post).slot == far()
    assert page(cast).context["unplanned"] == []


# --- Moving -------------------------------------------------------------------------------------
def test_inside_its_window_a_post_moves_and_what_was_approved_stands(cast: Cast):
    post = cast.approved(slot=far().isoformat())
    answer = moved(cast, post, far(0, "15:30"))
    assert answer.status_code == 302
    assert (fresh(post).slot, fresh(post).lifecycle) == (far(0, "15:30"), PostState.SCHEDULED)
    shown = html_of(enter(cast, "ines").get(answer.url))
    assert f"from={far().date()}" in answer.url
    assert shown


def test_outside_its_window_it_asks_first_and_then_waits_for_approval_again(cast: Cast):
    post = cast.approved(slot=far().isoformat())
    answer = moved(cast, post, far(1))
    assert answer.status_code == 409
    html = html_of(answer)
    assert "This is outside the window that was approved" in html
    assert "Nadia approved it; moved there, it must be approved again." in html
    assert 'name="knowing" value="on"' in html
    assert f'value="{far(1).date()}"' in html
    assert (fresh(post).slot, fresh(post).lifecycle) == (far(), PostState.SCHEDULED)
    assert moved(cast, post, far(1), knowing="on").status_code == 302
    assert (fresh(post).slot, fresh(post).lifecycle) == (far(1), PostState.IN_REVIEW)


def test_what_nobody_approved_moves_without_a_question(cast: Cast):
    draft, read = cast.draft(slot=far().isoformat()), cast.submitted(slot=far().isoformat())
    for post in (draft, read):
        assert moved(cast, post, far(3)).status_code == 302
        assert fresh(post).slot == far(3)


def test_the_script_is_told_the_same_in_json(cast: Cast):
    post = cast.approved(slot=far().isoformat())
    asked = moved(cast, post, far(1), script=True)
    assert (asked.status_code, list(asked.json())) == (409, ["asks"])
    past = moved(cast, post, far(-60), script=True)
    assert (past.status_code, past.json()) == (
        422,
        {"refused": "This slot has already passed. Choose a later one."},
    )
    odd = moved(cast, post, far(), script=True, time="25:00")
    assert odd.status_code == 422
    assert odd.json()["refused"]
    done = moved(cast, post, far(0, "16:00"), script=True)
    assert done.status_code == 200
    assert "its approvals stand" in done.json()["done"]


def test_a_post_that_is_out_or_changed_meanwhile_is_not_moved(cast: Cast):
    post = cast.approved(slot=far().isoformat())
    stale = moved(cast, post, far(0, "16:00"), seen=99)
    assert stale.status_code == 412
    assert "This post changed while you were writing" in html_of(stale)
    Post.objects.filter(pk=post.pk).update(state=PostState.RELEASING.value)
    refused = moved(cast, post, far(0, "16:00"), script=True)
    assert refused.status_code == 409
    assert refused.json() == {"refused": "This post can no longer be moved."}
    assert fresh(post).slot == far()


def test_an_hour_that_comes_twice_is_asked_for_and_one_that_does_not_exist_refused(cast: Cast):
    post = cast.draft(slot=far().isoformat())
    year = far().year + 1
    back = max(date(year, 10, day) for day in range(25, 32) if date(year, 10, day).weekday() == 6)
    forth = max(date(year, 3, day) for day in range(25, 32) if date(year, 3, day).weekday() == 6)
    sent: dict[str, Any] = {"day": back.isoformat(), "time": "02:30"}
    address, ines = reverse("calendar_move", args=[post.pk]), enter(cast, "ines")
    answer = ines.post(address, sent)
    assert answer.status_code == 422
    assert 'value="+02:00"' in html_of(answer)
    assert ines.post(address, {**sent, "offset": "+01:00"}).status_code == 302
    assert fresh(post).slot == datetime.combine(back, time(1, 30), tzinfo=UTC)
    gone = ines.post(address, {"day": forth.isoformat(), "time": "02:30"})
    assert gone.status_code == 422
    assert "does not exist on that day" in html_of(gone)


def test_a_missed_post_finds_another_time_and_its_old_one_stays_in_the_story(cast: Cast):
    post = cast.approved(slot=far().isoformat())
    age_post(post, timedelta(days=60))
    Post.objects.filter(pk=post.pk).update(state=PostState.MISSED.value)
    assert moved(cast, post, far(), knowing="on").status_code == 302
    assert fresh(post).lifecycle in {PostState.IN_REVIEW, PostState.SCHEDULED}
