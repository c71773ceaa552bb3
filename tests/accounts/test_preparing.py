"""A query that is written once answers as the ORM's would, whatever it is asked for."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand, Membership, User
from accounts.policies import is_member, membership_in
from accounts.preparing import Prepared
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414

pytestmark = pytest.mark.django_db


def test_it_is_written_once_and_asked_with_other_keys(cast: Cast):
    written = []

    def build(brand: int, user: int = 0):
        written.append((brand, user))
        rows = Membership.objects.filter(brand=brand, is_active=True).order_by("pk")
        return (rows.filter(user=user) if user else rows).values_list("pk", "user")

    asked = Prepared(build)
    for brand in (cast.brand, cast.elsewhere, cast.brand):
        assert asked.rows(brand.pk) == list(build(brand.pk))
        for user in (cast.nadia, cast.stranger):
            assert asked.rows(brand.pk, user.pk) == list(build(brand.pk, user.pk))
    # Once for each number of keys, and then only here.
    by_it = [keys for keys in written if keys[0] < 0]
    assert [bool(user) for _brand, user in by_it] == [False, True]
    with CaptureQueriesContext(connection) as made:
        asked.rows(cast.brand.pk)
    assert len(made) == 1


def test_a_constant_of_the_query_is_no_key(cast: Cast):
    """Whatever the keys are: a number that stands in the query stays what it is."""
    first = Brand.objects.order_by("pk")[0].pk
    asked = Prepared(lambda user: Membership.objects.filter(brand=first, user=user).values_list("brand"))
    assert asked.rows(cast.nadia.pk) == [(first,)]
    assert asked.rows(cast.stranger.pk) == []


@pytest.mark.parametrize("closed", ["membership", "account", ""])
def test_who_is_a_member_is_one_thing(cast: Cast, closed: str):
    if closed == "membership":
        Membership.objects.filter(user=cast.nadia).update(is_active=False)
    if closed == "account":
        User.objects.filter(pk=cast.nadia.pk).update(is_active=False)
    assert is_member(cast.nadia, cast.brand) == (membership_in(cast.nadia, cast.brand) is not None)
    assert is_member(cast.nadia, cast.brand) == (not closed)
    assert not is_member(cast.stranger, cast.brand)
