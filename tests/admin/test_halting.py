"""Stopping everything from the panel's first page."""

from __future__ import annotations

from django.test import Client
from django.urls import reverse

from accounts.models import Brand, User
from tests.admin.conftest import signed_in
from tests.staging import House
from tests.staging import house as make_house

INDEX, STOP = reverse("admin:index"), reverse("admin:stop_everything")


def stopped() -> set[str]:
    return set(Brand.objects.filter(stopped_at__isnull=False).values_list("slug", flat=True))


def test_whoever_runs_the_place_stops_every_brand_and_starts_each(house: House, client: Client):
    other = make_house("atelier")
    assert STOP in client.get(INDEX).content.decode()
    answer = client.post(STOP, {"reason": "Une faille.\x00" + "x" * 400}, follow=True)
    assert [str(one) for one in answer.context["messages"]] == [
        "2 brands are stopped: nothing of them goes out."
    ]
    assert stopped() == {house.brand.slug, "atelier"}
    page = answer.content.decode()
    start = reverse("admin:start_brand", args=[other.brand.pk])
    assert start in page
    assert STOP not in page
    client.post(start)
    assert stopped() == {house.brand.slug}
    again = client.post(start, follow=True)
    assert "not stopped" in str([*again.context["messages"]][-1])


def test_staff_who_do_not_run_the_place_stop_nothing(house: House, sam: User):
    client = signed_in(sam)
    assert STOP not in client.get(INDEX).content.decode()
    client.post(STOP)
    client.post(reverse("admin:start_brand", args=[house.brand.pk]))
    assert stopped() == set()
    assert Client().post(STOP).status_code == 302
    assert signed_in(house.olga).post(STOP, follow=True).status_code == 403
    assert stopped() == set()


def test_it_takes_a_press_and_not_a_link(client: Client):
    assert client.get(STOP).status_code == 405
