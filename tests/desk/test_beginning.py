"""An owner's first minutes: the brand is begun, and what is left to do is read from what there is."""

from __future__ import annotations

from html import unescape

import pytest
from django.conf import settings
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.models import Brand, Membership, User
from accounts.refusals import Forbidden
from approvals.beginning import begin_brand
from approvals.expertise import Grant, found
from approvals.models import Policy
from approvals.running import edit_brand
from approvals.welcoming import accept, ask_in
from cm_queue.desk.beginning import card_for, steps_of
from journal.models import Entry
from posts.models import Channel
from tests.casting import Cast
from tests.casting import cast as cast  # noqa: PLC0414
from tests.desk.entering import enter

pytestmark = pytest.mark.django_db
SETUP, DESK = reverse("setup"), reverse("desk")


@pytest.fixture
def root() -> User:
    call_command("createsuperuser", "--noinput", email="root@example.org", name="Rosa", verbosity=0)
    return User.objects.get(email="root@example.org")


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    client.cookies[settings.LANGUAGE_COOKIE_NAME] = "en"
    return client


def test_whoever_runs_an_empty_place_is_led_to_the_first_brand(root: User):
    client = signed_in(root)
    assert SETUP in client.get(DESK).content.decode()
    assert client.get(SETUP).status_code == 200
    given = {"name": "Café de l’Étoile", "language": "fr", "time_zone": "Indian/Reunion"}
    assert client.post(SETUP, given)["Location"] == SETUP
    brand = Brand.objects.get()
    assert (brand.slug, brand.time_zone) == ("cafe-de-letoile", "Indian/Reunion")
    assert Membership.objects.get(brand=brand, user=root).is_owner
    assert Policy.objects.get(brand=brand).number == 1
    assert "member.join" in set(Entry.objects.values_list("verb", flat=True))
    assert "Next: Name, time zone, slots" in unescape(client.get(SETUP).content.decode())
    assert "First steps" in client.get(DESK).content.decode()


@pytest.mark.parametrize(
    ("field", "value"), [("name", ""), ("name", " "), ("time_zone", "Mars/Olympus"), ("language", "de")]
)
def test_what_is_wrong_comes_back_with_what_was_typed(root: User, field: str, value: str):
    given = {"name": "Maison", "language": "fr", "time_zone": "Europe/Paris", field: value}
    answer = signed_in(root).post(SETUP, given)
    assert answer.status_code == 422
    assert 'aria-invalid="true"' in answer.content.decode()
    assert not Brand.objects.exists()


def test_nobody_else_begins_a_brand(cast: Cast):
    loner = User.objects.create_user("loner@example.org", None, name="Seul")
    assert signed_in(loner).get(SETUP).status_code == 403
    assert (
        signed_in(loner).post(SETUP, {"name": "X", "language": "fr", "time_zone": "Europe/Paris"}).status_code
        == 403
    )
    with pytest.raises(Forbidden):
        begin_brand(cast.olga, "X", "Europe/Paris", "fr")
    assert Brand.objects.count() == 2


def test_two_brands_of_one_name_have_two_short_names(root: User):
    first, second = (begin_brand(root, "Maison", "Europe/Paris", "fr") for _n in range(2))
    assert (first.slug, second.slug) == ("maison", "maison-2")
    assert begin_brand(root, "東京", "Asia/Tokyo", "en").slug == "brand"


def done(brand: Brand) -> set[str]:
    brand.refresh_from_db()
    return {one.key for one in steps_of(brand).all if one.done}


def test_the_steps_are_read_from_what_there_is(root: User, settings: object):
    brand = begin_brand(root, "Maison", "Europe/Paris", "fr")
    assert done(brand) == set()
    edit_brand(root, brand.pk, slots=["09:00"])
    _row, token = ask_in(root, brand, "lea@example.org")
    assert done(brand) == {"hours"}
    assert "1 was sent a link and has not come yet" in steps_of(brand).all[1].note
    assert "cannot be named" in steps_of(brand).all[2].note
    lea = User.objects.create_user("lea@example.org", None, name="Léa")
    accept(lea, token)
    assert done(brand) == {"hours", "people"}
    found(root, brand, [Grant(lea, "craft", 2, "Vu.")])
    assert done(brand) == {"hours", "people", "founding"}
    Channel.objects.create(brand=brand, key="c", name="C", network="console", account="c#1")
    assert steps_of(brand).next is None
    assert card_for(brand, is_owner=True) is None


def test_a_channel_before_the_founding_is_told_and_not_a_dead_end(root: User):
    brand = begin_brand(root, "Maison", "Europe/Paris", "fr")
    assert "Connect it last" in steps_of(brand).all[3].note
    Channel.objects.create(brand=brand, key="c", name="C", network="console", account="c#1")
    step = steps_of(brand).all[2]
    assert step.done
    assert "A channel was connected before" in step.note


def test_the_card_is_for_owners_until_they_put_it_away(cast: Cast):
    Brand.objects.filter(pk=cast.brand.pk).update(slots=[])
    assert "First steps" in enter(cast, "olga").get(DESK).content.decode()
    assert "First steps" not in enter(cast, "nadia").get(DESK).content.decode()
    assert enter(cast, "nadia").get(SETUP).status_code == 403
    assert enter(cast, "nadia").post(reverse("put_steps_away")).status_code == 403
    assert enter(cast, "olga").post(reverse("put_steps_away")).status_code == 302
    assert "First steps" not in enter(cast, "olga").get(DESK).content.decode()
    assert enter(cast, "olga").get(SETUP).status_code == 200, "and it can be looked at again"
