"""Notices go out by mail, in the reader's language, once; what cannot be sent waits."""

from __future__ import annotations

import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone, translation

from accounts.models import Brand, User
from journal.mailing import TOO_OLD, mail_notices
from journal.models import Notice
from journal.telling import tell
from journal.wording import notice_title

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(slug="maison", name="Maison Lumière")


@pytest.fixture
def ines() -> User:
    return User.objects.create_user("ines@maison.example", None, name="Inès", language="en")


class Refusing(EmailBackend):
    """The far side: refuses one address, and hangs up at another."""

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            if "refused" in message.to[0]:
                raise smtplib.SMTPRecipientsRefused({message.to[0]: (550, b"no such user")})
            if "hangup" in message.to[0]:
                raise smtplib.SMTPServerDisconnected("gone")
        return super().send_messages(messages)


class Down(EmailBackend):
    def open(self) -> bool:
        raise ConnectionRefusedError("nobody listens")


def backend(settings: Any, kind: type[EmailBackend]) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.{kind.__name__}"


def test_one_notice_for_each_active_person_once(brand: Brand, ines: User):
    gone = User.objects.create_user("gone@maison.example", None, name="Parti", is_active=False)
    tell([ines, ines, gone], brand, "post.held", post_id=7)
    assert list(Notice.objects.values_list("user", "kind", "post_id")) == [(ines.pk, "post.held", 7)]


def test_a_mail_says_what_happened_and_where(brand: Brand, ines: User):
    tell([ines], brand, "decision.approve", post_id=7, who="Nadia")
    assert mail_notices() == 1
    (message,) = mail.outbox
    assert message.to == ["ines@maison.example"]
    assert message.subject == "[Maison Lumière] Nadia approved your post"
    assert "/posts/7/" in message.body
    assert message.extra_headers["Auto-Submitted"] == "auto-generated"
    assert mail_notices() == 0
    assert len(mail.outbox) == 1


def test_each_reader_in_their_language(brand: Brand, ines: User):
    olga = User.objects.create_user("olga@maison.example", None, name="Olga", language="fr")
    tell([ines, olga], brand, "post.held", post_id=7)
    expected = []
    for notice in Notice.objects.order_by("pk").select_related("user"):
        with translation.override(notice.user.language):
            expected.append(f"[Maison Lumière] {notice_title(notice)}")
    with translation.override("de"):
        mail_notices()
    assert [message.subject for message in mail.outbox] == expected


def test_yesterdays_and_a_closed_accounts_are_not_sent_and_wait_no_more(brand: Brand, ines: User):
    gone = User.objects.create_user("gone@maison.example", None, name="Parti")
    tell([ines, gone], brand, "post.held")
    Notice.objects.filter(user=ines).update(created_at=timezone.now() - TOO_OLD - timedelta(seconds=1))
    User.objects.filter(pk=gone.pk).update(is_active=False)
    assert mail_notices() == 0
    assert not Notice.objects.filter(mailed_at__isnull=True).exists()


def test_when_the_mail_server_is_down_notices_wait(brand: Brand, ines: User, settings: Any):
    tell([ines], brand, "post.held")
    backend(settings, Down)
    assert mail_notices() == 0
    assert Notice.objects.filter(mailed_at__isnull=True).count() == 1
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    assert mail_notices() == 1


def test_one_refused_address_does_not_keep_the_others_waiting(brand: Brand, ines: User, settings: Any):
    refused = User.objects.create_user("refused@maison.example", None, name="R")
    tell([refused, ines], brand, "post.held")
    backend(settings, Refusing)
    assert mail_notices() == 1
    assert mail.outbox[0].to == [ines.email]
    assert not Notice.objects.filter(mailed_at__isnull=True).exists(), "asking again would be refused again"


def test_a_connection_that_breaks_loses_one_mail_at_most_and_sends_none_twice(
    brand: Brand, ines: User, settings: Any
):
    broken = User.objects.create_user("hangup@maison.example", None, name="H")
    last = User.objects.create_user("last@maison.example", None, name="L")
    tell([ines, broken, last], brand, "post.held")
    backend(settings, Refusing)
    assert mail_notices() == 1
    assert list(Notice.objects.filter(mailed_at__isnull=True).values_list("user", flat=True)) == [last.pk]
    assert mail_notices() == 1
    assert [message.to[0] for message in mail.outbox] == [ines.email, last.email]


def test_what_a_network_answered_on_two_lines_makes_one_subject(brand: Brand, ines: User):
    tell([ines], brand, "delivery.rejected", post_id=7, channel="Demo", answer="No.\r\nBcc: all@example.org")
    assert mail_notices() == 1
    assert "\n" not in mail.outbox[0].subject
    assert mail.outbox[0].bcc == []


def test_a_few_at_a_time(brand: Brand, ines: User):
    for _ in range(5):
        tell([ines], brand, "post.held")
    assert [mail_notices(2), mail_notices(2), mail_notices(2), mail_notices(2)] == [2, 2, 1, 0]
