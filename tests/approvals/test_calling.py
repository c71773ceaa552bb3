"""The rota: it says who hears first, and opens nothing."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.urls import reverse

from accounts.models import Absence, Membership, OnCall
from accounts.refusals import Forbidden, Invalid, NotHere
from approvals.calling import monday_of, on_call_now, this_week, write_rota
from approvals.incidents import declare, pause
from journal.models import Entry, Notice
from tests.casting import Cast, in_hours, missing
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
ROTA = reverse("people_rota")


def on_call(cast: Cast, who: str = "victor", weeks: int = 1) -> None:
    first = this_week(cast.brand)
    write_rota(cast.olga, cast.brand, {first + timedelta(weeks=n): cast.people[who].pk for n in range(weeks)})


def told(kind: str) -> list[str]:
    return list(Notice.objects.filter(kind=kind).order_by("pk").values_list("user__name", flat=True))


def test_an_owner_gives_weeks_and_the_journal_tells(cast: Cast):
    assert on_call_now(cast.brand) is None
    on_call(cast)
    assert on_call_now(cast.brand) == cast.victor
    assert write_rota(cast.olga, cast.brand, {this_week(cast.brand): cast.victor.pk}) == 0
    assert write_rota(cast.olga, cast.brand, {this_week(cast.brand) + timedelta(days=3): None}) == 1
    assert on_call_now(cast.brand) is None
    assert Entry.objects.filter(verb="rota.write").count() == 2


@pytest.mark.parametrize("weeks", [-1, 54])
def test_a_week_is_this_one_or_one_of_the_next_year(cast: Cast, weeks: int):
    with pytest.raises(Invalid):
        write_rota(cast.olga, cast.brand, {this_week(cast.brand) + timedelta(weeks=weeks): cast.victor.pk})


def test_only_who_runs_the_brand_writes_it_and_only_members_are_on_it(cast: Cast):
    week = this_week(cast.brand)
    with pytest.raises(Forbidden):
        write_rota(cast.nadia, cast.brand, {week: cast.nadia.pk})
    with pytest.raises(NotHere):
        write_rota(cast.stranger, cast.brand, {week: cast.stranger.pk})
    with pytest.raises(Invalid):
        write_rota(cast.olga, cast.brand, {week: cast.stranger.pk})
    assert not OnCall.objects.exists()


def test_somebody_who_left_is_not_called(cast: Cast):
    on_call(cast)
    Membership.objects.filter(brand=cast.brand, user=cast.victor).update(is_active=False)
    assert on_call_now(cast.brand) is None


def test_a_week_begins_on_monday_by_the_brands_clocks(cast: Cast):
    assert monday_of(date(2026, 11, 29)) == date(2026, 11, 23)
    sunday_night = in_hours(0).fromisoformat("2026-11-29T23:30:00+00:00")
    assert this_week(cast.brand, sunday_night) == date(2026, 11, 30), "half past midnight in Paris"


def test_who_is_on_call_hears_first_of_an_incident_and_of_a_pause(cast: Cast):
    on_call(cast, "hugo")
    declare(cast.victor, cast.brand, {"brand": True}, "Une lampe a pris feu.")
    assert told("incident.declare")[0] == "Hugo"
    assert len(told("incident.declare")) == 7
    pause(cast.ines, cast.brand, {"brand": True})
    assert told("pause.begin") == ["Hugo"]


def test_who_is_on_call_hears_first_and_once_of_a_post_that_cannot_wait(cast: Cast):
    on_call(cast, "olga")
    post = cast.submitted(kind="reply")
    assert told("post.urgent") == ["Olga"]
    first = Notice.objects.filter(post_id=post.pk).order_by("pk").first()
    assert first is not None
    assert first.kind == "post.urgent"
    cast.edit("ines", post, text="Autre chose, plus calme.")
    assert told("post.urgent") == ["Olga"]
    cast.submitted(slot=in_hours(30).isoformat())
    assert told("post.urgent") == ["Olga"], "a routine post of tomorrow can wait"


def test_nobody_is_called_for_their_own_post(cast: Cast):
    on_call(cast, "ines")
    cast.submitted(kind="reply")
    assert told("post.urgent") == []


def test_being_on_call_qualifies_nobody(cast: Cast):
    on_call(cast, "olga")
    post = cast.submitted(kind="reply")
    lacks = missing(post)
    cast.say("olga", post)
    assert missing(post) == lacks != {}


# --- Pages ------------------------------------------------------------------------------------------
def test_the_rota_is_written_by_form_and_read_by_all(cast: Cast):
    week = this_week(cast.brand)
    olga = enter(cast, "olga")
    assert "Nobody is on call this week." in olga.get(ROTA).content.decode()
    sent = {f"{week}": str(cast.victor.pk), f"initial-{week}": ""}
    assert olga.post(ROTA, sent).status_code == 302
    html = enter(cast, "ines").get(ROTA).content.decode()
    assert "Victor is on call this week" in html
    assert "<select" not in html.split("rota", 1)[1]
    assert enter(cast, "ines").post(ROTA, {f"{week}": ""}).status_code == 403
    assert on_call_now(cast.brand) == cast.victor


def test_two_owners_do_not_undo_each_other_and_nonsense_comes_back(cast: Cast):
    week = this_week(cast.brand)
    later = week + timedelta(weeks=1)
    on_call(cast, "victor")
    sent = {f"{week}": "", f"initial-{week}": "", f"{later}": str(cast.hugo.pk), f"initial-{later}": ""}
    assert enter(cast, "olga").post(ROTA, sent).status_code == 302
    assert dict(OnCall.objects.values_list("week", "user__name")) == {week: "Victor", later: "Hugo"}
    assert enter(cast, "olga").post(ROTA, {f"{week}": "nonsense"}).status_code == 422


def test_a_week_whose_person_is_away_says_so(cast: Cast):
    on_call(cast)
    today = this_week(cast.brand)
    Absence.objects.create(brand=cast.brand, user=cast.victor, first_day=today, last_day=today)
    assert "Victor is away in it" in enter(cast, "nadia").get(ROTA).content.decode()


def test_the_desk_and_the_incident_pages_show_who_it_is(cast: Cast):
    on_call(cast)
    incident = declare(cast.victor, cast.brand, {"brand": True}, "Une lampe a pris feu.")
    for path in (reverse("desk"), reverse("incidents"), reverse("incident", args=[incident.pk])):
        html = enter(cast, "nadia").get(path).content.decode()
        assert "<b>Victor</b>" in html.split("h-on-call", 1)[1][:600], path
