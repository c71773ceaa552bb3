"""What the frame knows, also before anybody has signed in."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone, translation

from accounts.models import Brand, User
from approvals.models import Incident, Pause
from cm_queue.desk.context import House, house, section_of


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
    Incident.objects.create(
        brand=ours, scope={"brand": True}, reason="hot lamp", declared_by=victor, declared_at=at
    )
    Incident.objects.create(
        brand=theirs, scope={"brand": True}, reason="not ours", declared_by=victor, declared_at=at
    )
    with timezone.override("Europe/Paris"), translation.override("en"), django_assert_num_queries(2):
        first, second = House(request(brand=ours)).alarms
    assert first.incident
    assert "hot lamp" in first.text
    assert "the whole brand" in first.text
    assert not second.incident
    assert "mastodon" in second.text
    assert "Victor" in second.text
