"""What the frame knows, also before anybody has signed in."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory
from django.urls import reverse
from django.utils import timezone, translation

from accounts.models import Brand, User
from approvals.models import Incident, Pause, Request
from cm_queue.desk.context import House, house, section_of
from journal.recording import OPERATOR
from publishing.stopping import stop_brand
from tests.casting import Cast, fresh
from tests.casting import cast as cast  # noqa: PLC0414


def request(**given: Any) -> Any:
    made = RequestFactory().get("/")
    for name, value in given.items():
        setattr(made, name, value)
    return made


def test_a_request_without_the_middleware_has_a_house_all_the_same():
    bare: House = house(request())["house"]
    assert bare.brand is None
    assert bare.membership is None
    assert bare.brands == []
    assert list(bare.alarms) == []
    assert bare.queue_count is None
    assert bare.section == ""


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ('"><b>', ""), ("", "")])
def test_only_a_known_theme_reaches_the_page(cookie: str, theme: str):
    made = request()
    made.COOKIES["theme"] = cookie
    assert House(made).theme == theme


@pytest.mark.parametrize(
    ("url_name", "section"),
    [("desk", "desk"), ("review_queue", "review"), ("channels", "channel"), ("channel", "channel")],
)
def test_a_page_belongs_to_the_place_of_its_name(url_name: str, section: str):
    assert section_of(url_name) == section
    assert House(request(resolver_match=SimpleNamespace(url_name=url_name))).section == section


@pytest.mark.django_db
def test_open_stops_of_this_brand_are_alarms_incidents_first(django_assert_num_queries: Any):
    ours, theirs = (Brand.objects.create(slug=slug, name=slug) for slug in ("ours", "theirs"))
    victor = User.objects.create_user("victor@example.test", name="Victor")
    at = datetime(2026, 11, 24, 14, 58, tzinfo=UTC)
    Pause.objects.create(brand=ours, scope={"channels": ["mastodon"]}, by=victor, at=at)
    Pause.objects.create(brand=ours, scope={"brand": True}, by=victor, at=at, ended_at=at, ended_by=victor)
    incident = Incident.objects.create(
        brand=ours, scope={"brand": True}, reason="hot lamp", declared_by=victor, declared_at=at
    )
    Incident.objects.create(
        brand=theirs, scope={"brand": True}, reason="not ours", declared_by=victor, declared_at=at
    )
    with timezone.override("Europe/Paris"), translation.override("en"), django_assert_num_queries(5):
        first, second = House(request(brand=ours)).alarms
    assert first.incident
    assert "hot lamp" in first.text
    assert "the whole brand" in first.text
    assert not second.incident
    assert "mastodon" in second.text
    assert "Victor" in second.text
    assert (first.url, second.url) == (reverse("incident", args=[incident.pk]), reverse("incidents"))


@pytest.mark.django_db
def test_where_nothing_is_stopped_one_question_says_so(django_assert_num_queries: Any):
    ours, theirs = (Brand.objects.create(slug=slug, name=slug) for slug in ("ours", "theirs"))
    victor = User.objects.create_user("victor@example.test", name="Victor")
    at = datetime(2026, 11, 24, 14, 58, tzinfo=UTC)
    for ended in ({"ended_at": at, "ended_by": victor}, {"brand": theirs}):
        Pause.objects.create(**{"brand": ours, "scope": {"brand": True}, "by": victor, "at": at, **ended})
    Incident.objects.create(
        brand=ours, scope={"brand": True}, reason="over", declared_by=victor, declared_at=at, lifted_at=at
    )
    with django_assert_num_queries(1):
        assert House(request(brand=ours)).alarms == []
    with django_assert_num_queries(3):
        assert len(House(request(brand=theirs)).alarms) == 1


# --- How much waits ----------------------------------------------------------------------------------
def waiting_for(cast: Cast, who: str) -> int | str | None:
    user, brand = cast.people[who], cast.brand
    return House(request(brand=brand, user=user, membership=cast.membership(who))).queue_count


def test_the_navigation_counts_what_one_was_asked_and_has_not_answered(
    cast: Cast, django_assert_num_queries: Any
):
    posts = [cast.submitted(f"Numéro {n}.") for n in range(2)]
    asked = {row.user_id for row in Request.objects.all()}
    who = next(name for name, user in cast.people.items() if user.pk in asked)
    many = Request.objects.filter(user=cast.people[who]).count()
    assert waiting_for(cast, who) == many
    assert waiting_for(cast, "olga") == 0
    membership = cast.membership(who)
    with django_assert_num_queries(1):
        _counted = House(request(brand=cast.brand, user=cast.people[who], membership=membership)).queue_count
    mine = Request.objects.filter(user=cast.people[who]).values_list("post_id", flat=True)
    cast.say(who, next(post for post in posts if post.pk in set(mine)), "request_changes")
    assert waiting_for(cast, who) == many - 1


def test_beyond_nine_it_says_so(cast: Cast):
    for n in range(11):
        post = cast.submitted(f"Numéro {n}.")
        digest = fresh(post).revision.digest  # type: ignore[union-attr]
        Request.objects.get_or_create(post=post, user=cast.hugo, digest=digest)
    assert waiting_for(cast, "hugo") == "9+"


def test_a_question_about_older_bytes_counts_no_more(cast: Cast):
    post = cast.submitted("Numéro un.")
    Request.objects.filter(post=post).delete()
    Request.objects.create(post=post, user=cast.hugo, digest="0" * 64)
    assert waiting_for(cast, "hugo") == 0


@pytest.mark.django_db
def test_a_stopped_brand_is_the_first_alarm():
    brand = Brand.objects.create(slug="ours", name="Ours")
    stop_brand(OPERATOR, brand, "Une faille.")
    brand.refresh_from_db()
    with timezone.override("Europe/Paris"), translation.override("en"):
        (alarm,) = House(request(brand=brand)).alarms
    assert "by CM Queue: “Une faille”. Nothing goes out" in alarm.text
    assert alarm.url.endswith("#halt")
