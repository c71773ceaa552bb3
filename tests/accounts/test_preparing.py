"""A query that is written once answers as the ORM's would, whatever it is asked for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext

from accounts.clock import database_now
from accounts.models import Brand, Membership, User
from accounts.policies import is_member, membership_in, memberships_of
from accounts.preparing import Prepared, PreparedObjects, padded
from posts.fetching import channels_in, fetch_post, fetch_posts
from posts.models import Channel, Lineage, Post
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414

pytestmark = pytest.mark.django_db
Asserted = Callable[[int], AbstractContextManager[Any]]


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


@pytest.mark.parametrize("beyond", [2**63, -(2**63) - 1, 10**30])
def test_a_number_beyond_any_key_finds_nothing(cast: Cast, beyond: int):
    asked = Prepared(lambda *users: User.objects.filter(pk__in=users).values_list("pk"))
    assert asked.rows(beyond) == []
    assert asked.rows(beyond, cast.nadia.pk) == [(cast.nadia.pk,)]
    assert asked.rows(2**63 - 1) == []


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


def _whole(one: Model | None) -> dict[str, object] | None:
    """Every column of it, as the object has it."""
    return (
        None
        if one is None
        else {field.attname: getattr(one, field.attname) for field in one._meta.concrete_fields}
    )


@pytest.mark.parametrize(
    ("keys", "room"),
    [([], 0), ([7], 1), ([7, 8], 2), ([7, 8, 9], 4), (list(range(5)), 8), (list(range(8)), 8)],
)
def test_a_list_of_keys_is_filled_up_to_few_lengths_with_what_it_has(keys: list[int], room: int):
    filled = padded(keys)
    assert len(filled) == room
    assert (set(filled), filled[: len(keys)]) == (set(keys), keys)


def test_posts_are_what_the_orm_reads(cast: Cast, django_assert_num_queries: Asserted):
    slot = database_now() + timedelta(days=2)
    written = cast.submitted("Soldes : \u2212 30 %", slot=slot.isoformat())
    bare = Post.objects.create(
        brand=cast.brand, author=cast.ines, lineage=Lineage.objects.create(brand=cast.brand)
    )
    ids = [written.pk, bare.pk, 10**9]
    theirs = Post.objects.select_related("brand", "revision", "author").in_bulk(ids)
    with django_assert_num_queries(1):
        ours = fetch_posts(ids)
        assert ours.keys() == theirs.keys() == {written.pk, bare.pk}
        for pk, post in theirs.items():
            assert _whole(ours[pk]) == _whole(post)
            for name in ("brand", "revision", "author"):
                assert _whole(getattr(ours[pk], name)) == _whole(getattr(post, name))
    assert ours[bare.pk].revision is None
    assert ours[written.pk].slot == slot
    assert fetch_post(10**9) is None
    with django_assert_num_queries(0):
        assert fetch_posts([]) == {}


def test_what_was_fetched_is_saved_as_any_other(cast: Cast):
    post = fetch_post(cast.submitted().pk)
    assert post is not None
    post.products = ["lampe-aurore"]
    post.save()
    assert Post.objects.get(pk=post.pk).products == ["lampe-aurore"]
    assert Post.objects.count() == 1


def test_channels_are_what_the_orm_reads(cast: Cast):
    settings = {"base_url": "https://example.org", "languages": ["fr"]}
    Channel.objects.create(brand=cast.brand, key="two", name="Deux", network="console", settings=settings)
    theirs = {one.key: _whole(one) for one in Channel.objects.filter(brand=cast.brand)}
    assert len(theirs) > 1
    assert {key: _whole(one) for key, one in channels_in(cast.brand.pk).items()} == theirs


def test_memberships_are_what_the_orm_reads(cast: Cast, django_assert_num_queries: Asserted):
    Membership.objects.create(user=cast.nadia, brand=cast.elsewhere)
    closed = Membership.objects.create(user=cast.nadia, brand=Brand.objects.create(name="C", slug="c"))
    Membership.objects.filter(pk=closed.pk).update(is_active=False)
    theirs = Membership.objects.filter(user=cast.nadia, is_active=True).select_related("brand").order_by("pk")
    with django_assert_num_queries(2):
        ours = memberships_of(cast.nadia)
        assert [(_whole(one), _whole(one.brand)) for one in ours] == [
            (_whole(one), _whole(one.brand)) for one in theirs
        ]
        assert all(one.user is cast.nadia for one in ours)
    assert {one.brand for one in ours} == {cast.brand, cast.elsewhere}


def test_an_object_that_is_not_there_is_none(cast: Cast):
    asked = PreparedObjects(User, lambda pk: User.objects.filter(pk=pk), "same_person_as")
    assert asked.first(10**9) is None
    alone = asked.first(cast.nadia.pk)
    assert alone == cast.nadia
    assert alone.same_person_as is None
    User.objects.filter(pk=cast.nadia.pk).update(same_person_as=cast.marc)
    twice = asked.first(cast.nadia.pk)
    assert twice is not None
    assert _whole(twice.same_person_as) == _whole(cast.marc)
