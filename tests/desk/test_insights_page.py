"""Insights: figures from what was decided and sent, shown to whom they concern, and taken away as tables."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.clock import database_now
from accounts.models import User
from approvals import steering
from approvals.models import Decision
from cm_queue.desk import measuring
from cm_queue.desk.insights_page import PLOTS, told
from cm_queue.desk.measuring import FirstPass, Rate
from posts.models import Delivery
from publishing.models import Attempt, Outcome
from tests.casting import Cast, age_decisions, in_hours
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

PAGE = reverse("insights")
LONG_AGO = timedelta(weeks=8)


def page(cast: Cast, who: str, **query: Any) -> Any:
    answer = enter(cast, who).get(PAGE, query)
    assert answer.status_code == 200
    return answer


def table(cast: Cast, who: str, name: str, **query: Any) -> list[dict[str, str]]:
    answer = enter(cast, who).get(reverse("insights_csv", args=[name]), query)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))


def passed(cast: Cast) -> FirstPass:
    return measuring.first_pass(cast.brand, in_hours(-1), None)


def fill(cast: Cast) -> None:
    """Inès: three of four at the first reading; Marc: one that was turned down."""
    for n in range(3):
        cast.approved(f"Bien du premier coup {n}.")
    back = cast.submitted("Presque.")
    cast.say("nadia", back, "request_changes", motive="facts")
    cast.edit("ines", back, text="Presque, puis bien.")
    cast.say("nadia", back)
    cast.say("hugo", cast.submitted("Non.", author=cast.marc), "reject", motive="tone")


def test_who_passed_at_the_first_reading_is_told_in_two_numbers(cast: Cast):
    fill(cast)
    assert passed(cast).by_person == {
        cast.ines.pk: Rate(3, 4),
        cast.marc.pk: Rate(0, 1),
    }
    html = unescape(page(cast, "nadia").content.decode())
    assert "3 of 4" in html
    assert "75 %" not in html, "of four, a share in per cent says more than is known"
    assert page(cast, "nadia").context["headline"] == "3 of 5 posts passed at the first reading."


def test_a_share_is_told_where_there_are_enough(cast: Cast):
    assert told(Rate(3, 4)) == "3 of 4"
    assert told(Rate(9, 12)) == "9 of 12 (75 %)"


@pytest.mark.parametrize(
    ("who", "names"),
    [
        ("nadia", ["Inès", "Marc"]),
        ("olga", ["Inès", "Marc"]),
        ("ines", ["Inès"]),
        ("marc", ["Marc"]),
        ("sofia", ["Inès", "Marc"]),
    ],
)
def test_others_work_is_shown_to_who_teaches_and_owns(cast: Cast, who: str, names: list[str]):
    fill(cast)
    assert [row["author"] for row in table(cast, who, "first-pass-by-person")] == names
    (plot, *_others) = page(cast, who).context["plots"]
    assert [bar.label for bar in plot.bars] == names


def test_advice_and_what_was_taken_back_count_for_nothing(cast: Cast):
    post = cast.submitted("Un avis.")
    cast.say("sofia", post, "request_changes")
    assert passed(cast).all == Rate(0, 0)
    cast.say("nadia", post)
    assert passed(cast).all == Rate(1, 1)


def test_two_accounts_of_a_person_are_one(cast: Cast):
    other = cast.member("ines2")
    cast.approved("De l’autre compte.", author=other)
    cast.approved("De celui-ci.")
    User.objects.filter(pk=other.pk).update(same_person_as=cast.ines)
    assert passed(cast).by_person == {cast.ines.pk: Rate(2, 2)}


def test_a_post_stands_in_every_domain_it_asks_for(cast: Cast):
    fill(cast)
    launch = cast.submitted("La lampe.", kind="launch", products=[cast.lamp])
    cast.say("sofia", launch)
    cast.submitted("Personne ne l’a encore lu.")
    rates = {
        row["domain"]: (row["passed"], row["decided"]) for row in table(cast, "nadia", "first-pass-by-domain")
    }
    assert rates == {
        "craft": ("4", "6"),
        "company": ("4", "6"),
        "Demonstration": ("4", "6"),
        "Lampe Aurore": ("1", "1"),
    }


def test_the_period_ends_where_it_ends(cast: Cast):
    post = cast.approved("Il y a longtemps.")
    age_decisions(post, LONG_AGO)
    assert page(cast, "nadia").context["headline"] == "Nothing was decided in these weeks."
    assert page(cast, "nadia", weeks=12).context["weeks"] == 12
    assert page(cast, "nadia", weeks=12).context["headline"] == "1 of 1 post passed at the first reading."
    assert page(cast, "nadia", weeks="5").context["weeks"] == 4


def test_the_time_to_a_decision_is_that_of_the_first_word_on_a_text(cast: Cast):
    posts = [cast.approved(f"Vite {n}.") for n in range(9)]
    slow = cast.submitted("Lent.", kind="launch", products=[cast.lamp])
    cast.say("nadia", slow)
    cast.say("sofia", slow)
    for one, post in enumerate([*posts, slow]):
        post.revision.__class__.objects.filter(post=post).update(  # type: ignore[union-attr]
            sealed_at=F("sealed_at") - timedelta(minutes=10 if one < 9 else 600)
        )
    spread = measuring.time_to_decision(cast.brand, in_hours(-1))
    assert list(spread.counts) == [9, 0, 0, 1, 0, 0, 0]
    assert spread.median is not None
    assert timedelta(minutes=10) <= spread.median < timedelta(minutes=11)
    assert spread.p90 is not None
    assert spread.p90 < timedelta(minutes=11), "the ninth of ten"


def test_reasons_are_counted_by_what_they_led_to(cast: Cast):
    fill(cast)
    rows = table(cast, "ines", "reasons")
    assert rows == [
        {"reason": "tone", "changes_requested": "0", "rejected": "1"},
        {"reason": "facts", "changes_requested": "1", "rejected": "0"},
    ]


def test_lateness_runs_from_the_slot_to_the_networks_yes(cast: Cast):
    now = database_now()
    for seconds in (2, 20, 7200):
        delivery = Delivery.objects.get(post=cast.approved(f"Parti {seconds}."))
        Delivery.objects.filter(pk=delivery.pk).update(due_at=now - timedelta(seconds=seconds))
        Attempt.objects.create(
            delivery=delivery,
            token=1,
            key=delivery.key,
            started_at=now,
            ended_at=now,
            outcome=Outcome.DELIVERED,
        )
    failed = Delivery.objects.get(post=cast.approved("Refusé."))
    Attempt.objects.create(
        delivery=failed, token=1, key=failed.key, started_at=now, ended_at=now, outcome=Outcome.REJECTED
    )
    spread = measuring.lateness(cast.brand, in_hours(-1))
    assert list(spread.counts) == [1, 1, 0, 0, 0, 1]
    assert spread.median == timedelta(seconds=20)


def test_what_became_of_the_slots(cast: Cast):
    held = cast.approved("Suspendu.", slot=in_hours(2).isoformat())
    steering.hold(cast.olga, held.pk, "On attend.")
    held.__class__.objects.filter(pk=held.pk).update(slot=in_hours(-2), window_from=in_hours(-3))
    cast.approved("Pas encore.", slot=in_hours(4).isoformat())
    rows = {row["state"]: row["posts"] for row in table(cast, "nadia", "outcomes")}
    assert rows["held"] == "1"
    assert sum(map(int, rows.values())) == 1


@pytest.mark.parametrize("name", sorted(PLOTS))
def test_each_plot_has_its_table_on_the_page_and_as_csv(cast: Cast, name: str):
    fill(cast)
    html = unescape(page(cast, "nadia", weeks=26).content.decode())
    assert f'id="h-{name}"' in html
    (plot,) = [one for one in page(cast, "nadia").context["plots"] if one.name == name]
    assert [list(row) for row in table(cast, "nadia", name)] == [list(plot.columns)] * len(plot.bars)


def test_a_name_is_no_formula(cast: Cast):
    User.objects.filter(pk=cast.ines.pk).update(name="=HYPERLINK(1)")
    fill(cast)
    assert "'=HYPERLINK(1)" in [row["author"] for row in table(cast, "nadia", "first-pass-by-person")]


def test_an_empty_page_says_so_and_other_brands_stay_apart(cast: Cast):
    fill(cast)
    theirs = page(cast, "stranger")
    assert theirs.context["headline"] == "Nothing was decided in these weeks."
    assert all(not plot.bars for plot in theirs.context["plots"])
    assert "Nothing to count in these weeks." in unescape(theirs.content.decode())
    assert enter(cast, "nadia").get("/insights/secrets.csv").status_code == 404


@pytest.mark.slow
def test_rows_cost_no_queries(cast: Cast):
    def queries() -> int:
        client = enter(cast, "nadia")
        client.get(PAGE)
        with CaptureQueriesContext(connection) as seen:
            client.get(PAGE)
        return len(seen)

    fill(cast)
    few = queries()
    for _ in range(6):
        fill(cast)
    assert Decision.objects.count() > 30
    assert queries() == few
