"""Brands in the admin panel: made, and set up with every value checked at its field."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, User
from approvals.models import Policy
from journal.models import Entry
from tests.admin.conftest import signed_in
from tests.staging import House

ADD = "admin:accounts_brand_add"
GIVEN = {
    "slug": "atelier-nord",
    "name": "Atelier Nord",
    "time_zone": "Europe/Brussels",
    "language": "fr",
    "slots": "18:00, 09:00 12:30",
    "quiet_from": "21:00",
    "quiet_until": "08:00",
    "late_minutes": "30",
    "accepted_to_entrust": "20",
}


def test_a_brand_is_made_with_slots_and_the_policy_of_a_team(client: Client):
    assert client.get(reverse(ADD)).status_code == 200
    assert client.post(reverse(ADD), GIVEN).status_code == 302
    brand = Brand.objects.get(slug="atelier-nord")
    assert brand.slots == ["09:00", "12:30", "18:00"]
    assert (brand.time_zone, brand.late_minutes, str(brand.quiet_from)) == ("Europe/Brussels", 30, "21:00:00")
    assert Policy.objects.get(brand=brand).number == 1
    assert [one.verb for one in Entry.objects.order_by("pk")] == [
        "brand.create",
        "policy.adopt",
        "lexicon.begin",
    ]


@pytest.mark.parametrize(
    ("field", "typed"),
    [
        ("time_zone", "Mars/Olympus"),
        ("language", "de"),
        ("slots", "25:00"),
        ("slots", "soon"),
        ("quiet_until", ""),
        ("late_minutes", "0"),
        ("late_minutes", "100000"),
        ("accepted_to_entrust", "0"),
        ("accepted_to_entrust", "501"),
        ("slug", "Not A Slug"),
        ("name", ""),
    ],
)
def test_a_wrong_value_is_said_at_its_field_and_nothing_is_written(client: Client, field: str, typed: str):
    answer = client.post(reverse(ADD), {**GIVEN, field: typed})
    assert answer.status_code == 200
    assert field in answer.context["adminform"].form.errors
    assert not Brand.objects.exists()
    assert not Entry.objects.exists()


def test_an_edit_is_told_with_before_and_after(client: Client, house: House):
    page = reverse("admin:accounts_brand_change", args=[house.brand.pk])
    assert "09:00, 12:30, 18:00" in client.get(page).content.decode()
    given = {**GIVEN, "name": house.brand.name, "slug": "taken-over", "late_minutes": "60"}
    assert client.post(page, given).status_code == 302
    brand = Brand.objects.get(pk=house.brand.pk)
    assert (brand.slug, brand.time_zone) == ("maison-lumiere", "Europe/Brussels")
    assert brand.standing > house.brand.standing
    told = Entry.objects.get(verb="brand.edit").data
    assert told["before"]["time_zone"] == "Europe/Paris"
    assert told["after"] == {
        "time_zone": "Europe/Brussels",
        "quiet_from": "21:00",
        "quiet_until": "08:00",
    }


def test_an_owner_sets_up_their_brand_and_no_other_member_does(house: House):
    User.objects.filter(pk__in=[house.olga.pk, house.nadia.pk]).update(is_staff=True)
    page = reverse("admin:accounts_brand_change", args=[house.brand.pk])
    assert signed_in(house.nadia).post(page, GIVEN).status_code == 403
    assert signed_in(house.olga).post(page, GIVEN).status_code == 302
    assert Brand.objects.get(pk=house.brand.pk).name == "Atelier Nord"
    assert signed_in(house.olga).post(reverse(ADD), GIVEN).status_code == 403


def test_state_and_standing_are_in_no_form(client: Client, house: House):
    page = reverse("admin:accounts_brand_change", args=[house.brand.pk])
    client.post(page, {**GIVEN, "standing": "999", "stopped_at_0": "2026-01-01", "stopped_at_1": "10:00"})
    brand = Brand.objects.get(pk=house.brand.pk)
    assert brand.standing < 999
    assert brand.stopped_at is None
