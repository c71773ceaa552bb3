"""Accounts, brands, memberships: what the database keeps true."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.internal.flows.add import validate_can_add_authenticator
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from accounts.models import Absence, Brand, Membership, User, check_zone
from accounts.policies import demand_member, demand_owner, is_alone, membership_in
from accounts.reading import read_words
from accounts.refusals import Forbidden, Invalid, NotHere, Refused

pytestmark = pytest.mark.django_db


def person(name: str = "ines", **more: object) -> User:
    return User.objects.create_user(f"{name}@maison.example", None, name=name.title(), **more)


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(slug="maison", name="Maison")


def test_an_address_is_one_account_however_it_is_written():
    made = User.objects.create_user("  Ines@Maison.Example".strip(), "secret", name="Inès")
    assert made.email == "ines@maison.example"
    assert User.objects.get_by_natural_key("INES@maison.example") == made
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.create_user("INES@MAISON.EXAMPLE", None, name="Autre")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.bulk_create([User(email="Ines@maison.example", name="Autre")])
    with pytest.raises(ValidationError):
        User.objects.create_user("", None, name="Personne")


def test_a_password_is_optional_and_hashed():
    assert not person().has_usable_password()
    with_password = User.objects.create_user("olga@maison.example", "un mot de passe", name="Olga")
    assert with_password.check_password("un mot de passe")
    assert "un mot de passe" not in with_password.password


def test_several_accounts_one_person():
    first, second = person("nadia"), person("nadia2")
    assert (first.person_id, second.person_id) == (first.pk, second.pk)
    second.same_person_as = first
    second.save(update_fields=["same_person_as"])
    assert second.person_id == first.person_id == first.pk
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=first.pk).update(same_person_as=first)


@pytest.mark.parametrize("zone", ["Europe/Paris", "America/Santiago", "UTC"])
def test_a_zone(zone: str):
    check_zone(zone)
    assert Brand(time_zone=zone).zone == ZoneInfo(zone)


@pytest.mark.parametrize("zone", ["", "Paris", "+01:00", "../etc/passwd", "europe/paris "])
def test_no_zone(zone: str):
    with pytest.raises(ValidationError):
        check_zone(zone)


@pytest.mark.parametrize("slug", ["Maison", "maison lumière", "-maison", "maison-", "ma--ison", "", "a/b"])
def test_a_short_name_fits_an_address(slug: str):
    with pytest.raises(ValidationError):
        Brand(slug=slug, name="x").full_clean()


def test_one_place_in_a_brand_for_each_account(brand: Brand):
    ines = person()
    Membership.objects.create(brand=brand, user=ines)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(brand=brand, user=ines)


def test_an_absence_ends_after_it_begins(brand: Brand):
    ines, day = person(), date(2026, 5, 1)
    Absence.objects.create(brand=brand, user=ines, first_day=day, last_day=day)
    with pytest.raises(IntegrityError), transaction.atomic():
        Absence.objects.create(brand=brand, user=ines, first_day=day, last_day=date(2026, 4, 30))


def test_members_and_owners(brand: Brand):
    ines, olga, other = person(), person("olga"), person("zoe")
    Membership.objects.create(brand=brand, user=ines)
    Membership.objects.create(brand=brand, user=olga, is_owner=True)
    assert demand_member(ines, brand).user == ines
    assert demand_owner(olga, brand).is_owner
    with pytest.raises(Forbidden):
        demand_owner(ines, brand)
    for call in (demand_member, demand_owner):
        with pytest.raises(NotHere):
            call(other, brand)
    Membership.objects.filter(user=ines).update(is_active=False)
    User.objects.filter(pk=olga.pk).update(is_active=False)
    assert membership_in(ines, brand) is None
    assert membership_in(olga, brand) is None


def test_alone_counts_people_and_not_accounts(brand: Brand):
    first, second, gone = person(), person("ines2", same_person_as=None), person("parti", is_active=False)
    for user in (first, second, gone):
        Membership.objects.create(brand=brand, user=user)
    assert not is_alone(brand)
    User.objects.filter(pk=second.pk).update(same_person_as=first)
    assert is_alone(brand)


def test_a_refusal_carries_what_pages_and_programs_need():
    refusal = Invalid("bad", "C’est faux.", fields={"text": ("a", "b")}, details={"n": 1})
    assert (refusal.status, refusal.code, str(refusal)) == (422, "bad", "C’est faux.")
    assert (refusal.fields, refusal.details) == ({"text": ["a", "b"]}, {"n": 1})
    assert (Refused("x", "y").status, Refused("x", "y").fields, Refused("x", "y").details) == (409, {}, {})


@pytest.mark.parametrize(("text", "read"), [(" a\r\nb ", "a\nb"), ("", ""), ("x" * 10, "x" * 10)])
def test_words_that_can_be_stored(text: str, read: str):
    assert read_words(text, most=10) == read


@pytest.mark.parametrize("text", ["a\x00b", "\ud800", "x" * 11, None, 7, ["a"]])
def test_words_that_cannot(text: object):
    with pytest.raises(Invalid) as refusal:
        read_words(text, "cause", most=10)
    assert (refusal.value.code, set(refusal.value.fields)) == ("bad_cause", {"cause"})


@pytest.mark.django_db
def test_whoever_was_invited_may_set_up_two_factor_authentication() -> None:
    """Seen: the address of an account that nobody registered counted as unverified, and refused it."""
    made = User.objects.create_user("olga@maison.example", None, name="Olga")
    validate_can_add_authenticator(made)
    address = EmailAddress.objects.get(user=made)
    assert (address.email, address.verified, address.primary) == ("olga@maison.example", True, True)
