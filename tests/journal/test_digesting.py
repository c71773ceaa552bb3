"""The digest: once a day at an hour of the reader's own clock, also after an hour that nobody was there."""

from __future__ import annotations

import smtplib
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.models import Brand, Membership, User
from accounts.refusals import Invalid
from journal import digesting
from journal.digesting import MOST, mail_digests
from journal.mailing import About, mail_notices
from journal.models import Digest, How, Notice, Topic
from journal.preferring import DIGEST, next_digest, prefer, read_off_token
from journal.telling import tell

pytestmark = pytest.mark.django_db
# Paris: a quarter past nine in the morning of a Monday; the hour of the digest is eight.
MONDAY = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
EIGHT = datetime(2026, 11, 24, 7, tzinfo=UTC)


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(slug="maison", name="Maison Lumière")


@pytest.fixture
def ines(brand: Brand) -> User:
    user = User.objects.create_user("ines@maison.example", None, name="Inès", language="en")
    Membership.objects.create(brand=brand, user=user)
    return user


def told(user: User, brand: Brand, at: datetime, number: int = 1, **data: Any) -> None:
    """Comments, which wait for the digest by default, sorted by the ticker."""
    with time_machine.travel(at, tick=False):
        for _n in range(number):
            tell([user], brand, "comment.add", post_id=7, **{"who": "Nadia", **data})
        mail_notices()


def due(at: datetime) -> int:
    with time_machine.travel(at, tick=False):
        return mail_digests()


class Later(EmailBackend):
    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPResponseException(451, b"later")


class Down(EmailBackend):
    def open(self) -> bool:
        raise ConnectionRefusedError("nobody listens")


def backend(settings: Any, kind: type[EmailBackend]) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.{kind.__name__}"


def test_it_comes_at_the_hour_and_once(brand: Brand, ines: User):
    told(ines, brand, MONDAY, 2)
    assert due(EIGHT - timedelta(seconds=1)) == 0
    assert due(EIGHT) == 1
    assert due(EIGHT + timedelta(seconds=5)) == 0
    (message,) = mail.outbox
    assert message.subject == "[CM Queue] 2 notices, Tuesday 24 November"
    assert message.body.count("Nadia commented on a post you follow") == 2
    assert "Maison Lumière" in message.body
    assert not Notice.objects.filter(mailed_at__isnull=True).exists()


def test_a_missed_hour_is_caught_up_and_the_next_one_is_tomorrows(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    late = EIGHT + timedelta(hours=3)
    assert due(late) == 1
    told(ines, brand, late)
    assert due(late + timedelta(hours=1)) == 0
    assert due(EIGHT + timedelta(days=1)) == 1


def test_what_comes_after_the_hour_waits_for_tomorrow(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    assert Digest.objects.get(user=ines).due_at == EIGHT
    assert due(MONDAY + timedelta(hours=1)) == 0


def test_nothing_to_say_is_no_mail(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    Notice.objects.update(read_at=MONDAY)
    assert due(EIGHT) == 0
    assert Digest.objects.get(user=ines).due_at is None


def test_two_tickers_send_it_once(brand: Brand, ines: User, monkeypatch: pytest.MonkeyPatch):
    """Another ticker claims it between our look and ours."""
    told(ines, brand, MONDAY)
    collect, sent = digesting._collect, []

    def first_another(digest: Digest, at: datetime) -> list[Notice]:
        if not sent:
            sent.append(None)
            mail_digests()
        return collect(digest, at)

    monkeypatch.setattr(digesting, "_collect", first_another)
    assert due(EIGHT) == 0
    assert len(mail.outbox) == 1


def test_a_process_that_dies_after_claiming_sends_nothing_twice(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    digesting._collect(Digest.objects.get(user=ines), EIGHT)
    assert due(EIGHT) == 0
    told(ines, brand, EIGHT + timedelta(hours=1))
    assert due(EIGHT + timedelta(days=1)) == 1
    assert mail.outbox[0].body.count("commented") == 1


def test_a_server_that_is_away_keeps_it_waiting_whole(brand: Brand, ines: User, settings: Any):
    told(ines, brand, MONDAY)
    backend(settings, Down)
    assert due(EIGHT) == 0
    backend(settings, EmailBackend)
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert due(EIGHT + timedelta(minutes=1)) == 1


def test_a_server_that_says_later_is_asked_later(brand: Brand, ines: User, settings: Any):
    told(ines, brand, MONDAY)
    backend(settings, Later)
    assert due(EIGHT) == 0
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert due(EIGHT + timedelta(minutes=1)) == 0
    assert due(EIGHT + timedelta(minutes=11)) == 1
    assert mail.outbox[0].body.count("commented") == 1


def test_one_mail_for_all_ones_brands_and_none_of_anothers(brand: Brand, ines: User):
    other = Brand.objects.create(slug="autre", name="Atelier Autre")
    Membership.objects.create(brand=other, user=ines)
    gone = Brand.objects.create(slug="gone", name="Maison Perdue")
    left = Membership.objects.create(brand=gone, user=ines)
    for one in (brand, other, gone):
        told(ines, one, MONDAY)
    left.is_active = False
    left.save()
    assert due(EIGHT) == 1
    (message,) = mail.outbox
    assert message.body.index("Atelier Autre") < message.body.index("Maison Lumière")
    assert "Maison Perdue" not in message.body


def test_a_long_one_says_how_much_more_there_is_in_as_many_queries(brand: Brand, ines: User):
    told(ines, brand, MONDAY, 2)
    with CaptureQueriesContext(connection) as few:
        assert due(EIGHT) == 1
    told(ines, brand, EIGHT, MOST + 3)
    with CaptureQueriesContext(connection) as many:
        assert due(EIGHT + timedelta(days=1)) == 1
    assert len(few) == len(many)
    assert "and 3 more on your desk" in mail.outbox[1].body
    assert mail.outbox[1].body.count("commented") == MOST


def test_it_says_until_when_and_about_what(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    until = EIGHT + timedelta(hours=3)
    with time_machine.travel(EIGHT, tick=False):
        mail_digests(describe=lambda those: {one.pk: About("Trois gestes.", until) for one in those})
    assert "“Trois gestes.”" in mail.outbox[0].body
    assert "Until Tuesday 24 November, 11:00 (Paris)." in mail.outbox[0].body


def test_another_hour_holds_for_what_waits_already(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    with time_machine.travel(MONDAY, tick=False):
        prefer(ines, {}, 18)
    assert due(MONDAY + timedelta(hours=8)) == 0
    assert due(datetime(2026, 11, 23, 17, tzinfo=UTC)) == 1


def test_what_no_longer_goes_into_it_is_sorted_again(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    with time_machine.travel(MONDAY, tick=False):
        prefer(ines, {Topic.TALK: How.AT_ONCE})
        assert mail_notices() == 1
    assert due(EIGHT) == 0


def test_it_can_be_ended_with_one_click(brand: Brand, ines: User):
    told(ines, brand, MONDAY)
    due(EIGHT)
    token = mail.outbox[0].extra_headers["List-Unsubscribe"].rstrip(">/").rsplit("/", 1)[-1]
    assert read_off_token(token) == (ines, DIGEST)


@pytest.mark.parametrize(
    ("hour", "zone", "now", "due_at"),
    [
        (8, "Europe/Paris", "2026-11-23T06:59", "2026-11-23T07:00"),
        (8, "Europe/Paris", "2026-11-23T07:00", "2026-11-24T07:00"),
        (8, "America/Montreal", "2026-11-23T12:00", "2026-11-23T13:00"),
        # The night of the change of clocks: two o'clock does not exist, or is there twice.
        (2, "Europe/Paris", "2026-03-28T23:00", "2026-03-29T01:00"),
        (2, "Europe/Paris", "2026-10-24T23:00", "2026-10-25T00:00"),
        (2, "Europe/Paris", "2026-10-25T00:30", "2026-10-26T01:00"),
        (8, "Pacific/Kiritimati", "2026-11-23T17:59", "2026-11-23T18:00"),
    ],
)
def test_the_next_one_is_at_the_hour_of_the_readers_clock(hour: int, zone: str, now: str, due_at: str):
    read = datetime.fromisoformat
    assert next_digest(hour, zone, read(now + "+00:00")) == read(due_at + "+00:00")


@pytest.mark.parametrize("hour", [-1, 24])
def test_an_hour_is_an_hour(ines: User, hour: int):
    with pytest.raises(Invalid) as refusal:
        prefer(ines, {}, hour)
    assert "hour" in refusal.value.fields
