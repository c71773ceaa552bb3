"""Recurrences, and what goes after what, through the API."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from posts.models import Recurrence
from tests.api.conftest import HERE, Cast, Draft, refusal, tomorrow


def test_a_post_is_repeated_until_somebody_ends_it(cast: Cast, draft: Draft):
    made = draft()
    path = f"/posts/{made['id']}/recurrences"
    answer = cast.ines.post(path, {"rule": "FREQ=DAILY", "days_ahead": 3})
    assert answer.status_code == 201, answer.content
    row = answer.json()
    assert (row["post"], row["made_by"]["name"], row["days_ahead"]) == (made["id"], "Inès", 3)
    slots = [datetime.fromisoformat(one) for one in row["next"]]
    assert len(slots) == 5
    assert {later - sooner for sooner, later in pairwise(slots)} <= {timedelta(hours=h) for h in (23, 24, 25)}
    assert row["starts"] == made["slot"]
    assert [one["id"] for one in cast.marc.get(f"{HERE}/recurrences").json()["items"]] == [row["id"]]
    refusal(cast.outsider.call("DELETE", f"/recurrences/{row['id']}"), 404, "no_such_recurrence")
    ended = cast.marc.call("DELETE", f"/recurrences/{row['id']}").json()
    assert ended["ended_at"]
    assert ended["next"] == []
    refusal(cast.marc.call("DELETE", f"/recurrences/{row['id']}"), 409, "already_ended")
    refusal(cast.marc.call("DELETE", "/recurrences/999"), 404, "no_such_recurrence")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"rule": "tous les lundis"}, "rule"),
        ({"rule": "FREQ=HOURLY"}, "rule"),
        ({"rule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"}, "rule"),
        ({"rule": "FREQ=DAILY;UNTIL=20200101T000000Z"}, "rule"),
        ({"rule": "FREQ=DAILY", "starts": "demain"}, "starts"),
        ({"rule": "FREQ=DAILY", "days_ahead": 0}, "days_ahead"),
        ({}, "rule"),
    ],
)
def test_a_rule_that_makes_nothing_is_refused(cast: Cast, draft: Draft, body: dict[str, object], field: str):
    answer = cast.ines.post(f"/posts/{draft()['id']}/recurrences", body)
    assert answer.status_code == 422, answer.content
    assert list(answer.json()["errors"]) == [field]
    assert not Recurrence.objects.exists()


def test_without_a_slot_its_beginning_must_be_said(cast: Cast, draft: Draft):
    path = f"/posts/{draft(slot=None)['id']}/recurrences"
    refusal(cast.ines.post(path, {"rule": "FREQ=WEEKLY"}), 422, "starts_needed")
    told = cast.ines.post(path, {"rule": "FREQ=WEEKLY", "starts": "2031-03-03T09:00"}).json()
    assert told["starts"] == "2031-03-03T08:00:00Z"
    assert told["next"][:5] == [
        "2031-03-03T08:00:00Z", "2031-03-10T08:00:00Z", "2031-03-17T08:00:00Z", "2031-03-24T08:00:00Z",
        "2031-03-31T07:00:00Z",
    ]  # fmt: skip


def test_what_goes_after_what(cast: Cast, draft: Draft):
    first, second = draft(), draft(slot=tomorrow(30))
    told = cast.ines.patch(f"/posts/{second['id']}", {"after": first["id"]}).json()
    assert (told["after"], told["revision"]["number"]) == (first["id"], 1), "an order is no content"
    third = draft(after=second["id"])
    assert third["after"] == second["id"]
    for circle in (third, second, first):
        refusal(cast.ines.patch(f"/posts/{first['id']}", {"after": circle["id"]}), 422, "bad_order")
    refusal(cast.ines.patch(f"/posts/{second['id']}", {"after": 999_999}), 422, "bad_order")
    entries = cast.nadia.get(f"{HERE}/journal").json()["items"]
    (order,) = [one for one in entries if one["verb"] == "post.order"]
    assert order["data"]["after"] == first["id"]
    assert cast.ines.patch(f"/posts/{second['id']}", {"after": None}).json()["after"] is None


def test_nothing_goes_after_what_never_goes(cast: Cast, draft: Draft):
    gone = draft()
    cast.ines.post(f"/posts/{gone['id']}/withdraw")
    answer = cast.ines.post(f"{HERE}/posts", {"text": "Suite.", "channels": ["demo"], "after": gone["id"]})
    refusal(answer, 422, "bad_order")
