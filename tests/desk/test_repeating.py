"""Repeating a post from its page: a look before it begins, the list, and the end."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.urls import reverse
from django.utils import translation

from cm_queue.desk.repeating import rule_in_words
from posts.models import Post, Recurrence
from tests.casting import Cast, fresh, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter, filled

LIST = "/recurrences/"


def html_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def repeat(cast: Cast, who: str, post: Post, **fields: Any) -> Any:
    sent = {"often": "WEEKLY", "starts": "2031-03-03T09:00", **fields}
    return enter(cast, who).post(reverse("repeat_post", args=[post.pk]), sent)


def test_a_look_before_it_begins_in_the_brands_zone_and_in_ones_own(cast: Cast):
    post = cast.draft()
    type(cast.ines).objects.filter(pk=cast.ines.pk).update(time_zone="America/Santiago")
    answer = repeat(cast, "ines", post, days=["MO", "TH"], preview="1")
    html = html_of(answer)
    assert answer.status_code == 200
    assert not Recurrence.objects.exists()
    slots = [one for one in html.split("<li>") if "March 2031" in one]
    assert len(slots) == 5
    assert "Monday 3 March 2031, 09:00" in slots[0]
    assert "Monday 3 March 2031, 05:00 in Santiago" in slots[0]
    assert "Thursday 6 March 2031, 09:00" in slots[1]
    assert 'value="2031-03-03T09:00"' in html, "what was typed stands in its form"


def test_it_begins_is_listed_and_ends(cast: Cast):
    post = cast.draft()
    assert repeat(cast, "ines", post, days=["MO"]).status_code == 302
    row = Recurrence.objects.get()
    assert (row.rule, row.made_by, row.source) == ("FREQ=WEEKLY;BYDAY=MO", cast.ines, post)
    page = html_of(enter(cast, "marc").get(reverse("post", args=[post.pk])))
    assert "Every week: Monday" in page
    told = html_of(enter(cast, "marc").get(LIST))
    assert "One post is repeated." in told
    assert "Monday 3 March 2031, 09:00" in told
    enter(cast, "marc").post(reverse("end_recurrence", args=[row.pk]))
    assert Recurrence.objects.get().ended_at is not None
    assert "Nothing is repeated." in html_of(enter(cast, "marc").get(LIST))
    again = enter(cast, "marc").post(reverse("end_recurrence", args=[row.pk]), follow=True)
    assert "already ended" in html_of(again)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"often": "own"}, "Write the rule"),
        ({"often": "own", "rule": "tous les lundis"}, "This rule cannot be read."),
        (
            {"often": "own", "rule": "FREQ=DAILY;COUNT=2", "starts": "2020-01-01T09:00"},
            "nothing comes any more",
        ),
        ({"starts": "demain"}, "is not a date and time"),
        ({"starts": "2031-03-30T02:30"}, "does not exist on that day"),
        ({"often": "chaque heure"}, "Select a valid choice"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(cast: Cast, fields: dict[str, str], said: str):
    answer = repeat(cast, "ines", cast.draft(), **fields)
    assert answer.status_code == 422
    assert said in html_of(answer)
    assert not Recurrence.objects.exists()


def test_an_own_rule_and_its_words(cast: Cast):
    post = cast.draft()
    repeat(cast, "ines", post, often="own", rule="RRULE:FREQ=MONTHLY;BYDAY=1MO")
    row = Recurrence.objects.get()
    assert row.rule == "FREQ=MONTHLY;BYDAY=1MO"
    assert rule_in_words(row) == "FREQ=MONTHLY;BYDAY=1MO"
    with translation.override("fr"):
        assert rule_in_words(Recurrence(rule="FREQ=WEEKLY;BYDAY=MO,SU")).endswith("lundi, dimanche")


def test_strangers_repeat_and_end_nothing(cast: Cast):
    post = cast.draft()
    assert repeat(cast, "stranger", post).status_code == 404
    repeat(cast, "ines", post)
    pk = Recurrence.objects.get().pk
    assert enter(cast, "stranger").post(reverse("end_recurrence", args=[pk])).status_code == 404
    assert "Nothing is repeated." in html_of(enter(cast, "stranger").get(LIST))
    assert Recurrence.objects.get().ended_at is None


# --- What goes after what -----------------------------------------------------------------------------
def test_the_compose_page_offers_the_posts_that_are_on_their_way(cast: Cast):
    first = cast.submitted("Le premier temps.")
    second = cast.draft("Le second temps.")
    client = enter(cast, "ines")
    edit = reverse("edit_post", args=[second.pk])
    html = html_of(client.get(edit))
    assert f'<option value="{first.pk}">' in html
    assert f'<option value="{second.pk}"' not in html, "not after itself"
    saved = client.post(
        reverse("compose_save", args=[second.pk]),
        filled(text="Le second temps.", slot=in_hours(3).isoformat(), after=str(first.pk), seen="1"),
    )
    assert saved.status_code == 302
    assert fresh(second).after_id == first.pk
    assert f'<option value="{first.pk}" selected>' in html_of(client.get(edit))
    circle = client.post(
        reverse("compose_save", args=[first.pk]),
        filled(text="Le premier temps.", after=str(second.pk), seen="1"),
    )
    assert circle.status_code == 422
    assert "This post cannot go after that one." in html_of(circle)
    cleared = filled(text="Le second temps.", slot=in_hours(3).isoformat(), after="", seen="2")
    client.post(reverse("compose_save", args=[second.pk]), cleared)
    assert fresh(second).after_id is None
