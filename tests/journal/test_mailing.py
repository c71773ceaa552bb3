"""Notices go out by mail, in the reader's language, once; what cannot be sent waits."""

from __future__ import annotations

import re
import smtplib
from datetime import UTC, datetime, timedelta
from html import unescape
from typing import Any

import pytest
import time_machine
from django.conf import settings as settings_of_mail
from django.core import mail
from django.core.mail.backends.locmem import EmailBackend
from django.utils import timezone, translation

from accounts.models import Brand, Membership, User
from journal import mailing
from journal.mailing import TOO_OLD, About, mail_notices
from journal.models import Digest, How, Notice, Topic
from journal.preferring import prefer, read_off_token
from journal.telling import tell
from journal.wording import notice_title

pytestmark = pytest.mark.django_db


@pytest.fixture
def brand() -> Brand:
    return Brand.objects.create(slug="maison", name="Maison Lumière")


def member(brand: Brand, name: str, language: str = "fr", **more: Any) -> User:
    user = User.objects.create_user(
        f"{name}@maison.example", None, name=name.title(), language=language, **more
    )
    Membership.objects.create(brand=brand, user=user)
    return user


@pytest.fixture
def ines(brand: Brand) -> User:
    return member(brand, "ines", "en")


class Refusing(EmailBackend):
    """The far side: refuses one address, asks to come back later for another, and hangs up at a third."""

    def send_messages(self, messages: Any) -> int:
        for message in messages:
            if "refused" in message.to[0]:
                raise smtplib.SMTPRecipientsRefused({message.to[0]: (550, b"no such user")})
            if "later" in message.to[0]:
                raise smtplib.SMTPRecipientsRefused({message.to[0]: (451, b"greylisted")})
            if "hangup" in message.to[0]:
                raise smtplib.SMTPServerDisconnected("gone")
        return super().send_messages(messages)


class Down(EmailBackend):
    def open(self) -> bool:
        raise ConnectionRefusedError("nobody listens")


def backend(settings: Any, kind: type[EmailBackend]) -> None:
    settings.EMAIL_BACKEND = f"{__name__}.{kind.__name__}"


def test_one_notice_for_each_active_person_once(brand: Brand, ines: User):
    gone = member(brand, "gone", is_active=False)
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
    olga = member(brand, "olga")
    tell([ines, olga], brand, "post.held", post_id=7)
    expected = []
    for notice in Notice.objects.order_by("pk").select_related("user"):
        with translation.override(notice.user.language):
            expected.append(f"[Maison Lumière] {notice_title(notice)}")
    with translation.override("de"):
        mail_notices()
    assert [message.subject for message in mail.outbox] == expected


def test_yesterdays_and_a_closed_accounts_are_not_sent_and_wait_no_more(brand: Brand, ines: User):
    gone = member(brand, "gone")
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
    refused = member(brand, "refused")
    tell([refused, ines], brand, "post.held")
    backend(settings, Refusing)
    assert mail_notices() == 1
    assert mail.outbox[0].to == [ines.email]
    assert not Notice.objects.filter(mailed_at__isnull=True).exists(), "asking again would be refused again"


def test_a_connection_that_breaks_loses_one_mail_at_most_and_sends_none_twice(
    brand: Brand, ines: User, settings: Any
):
    broken, last = member(brand, "hangup"), member(brand, "last")
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


def test_who_is_told_to_come_back_later_is_tried_later_and_the_others_now(
    brand: Brand, ines: User, settings: Any
):
    grey = member(brand, "later")
    tell([grey, ines], brand, "post.held")
    backend(settings, Refusing)
    assert mail_notices() == 1
    waiting = Notice.objects.get(user=grey)
    assert waiting.mailed_at is None
    assert waiting.mail_after is not None
    assert mail_notices() == 0, "not before then"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with time_machine.travel(waiting.mail_after + timedelta(seconds=1)):
        assert mail_notices() == 1
    assert [message.to[0] for message in mail.outbox] == [ines.email, grey.email]


def test_an_address_that_no_mail_can_have_does_not_stop_the_others(brand: Brand, ines: User):
    poisoned = member(brand, "poisoned")
    User.objects.filter(pk=poisoned.pk).update(email="a\nBcc: all@example.org@maison.example")
    tell([poisoned, ines], brand, "post.held")
    assert mail_notices() == 1
    assert [message.to for message in mail.outbox] == [[ines.email]]
    assert not Notice.objects.filter(mailed_at__isnull=True).exists()


def test_a_notice_that_cannot_be_worded_costs_one_turn_and_itself(brand: Brand, ines: User):
    tell([ines], brand, "comment.add", post_id=3, who="Nadia")
    Notice.objects.create(user=ines, brand=brand, kind="post.held", data={"by_hand": 3, "who": None})
    prefer(ines, {Topic.TALK: How.AT_ONCE})
    broken = Notice.objects.order_by("pk").first()
    assert broken is not None

    class Unreadable:
        def __str__(self) -> str:
            raise RuntimeError("no words")

    with pytest.raises(RuntimeError):
        mail_notices(describe=lambda _notices: {broken.pk: About(Unreadable())})
    assert mail_notices() == 1, "the others go out at the next tick"
    assert mail_notices() == 0


def test_two_tickers_send_it_once(brand: Brand, ines: User):
    """Another ticker sends it between our look and our sending."""
    tell([ines], brand, "post.held")
    sent = []

    def meanwhile(_notices: Any) -> dict[int, About]:
        sent.append(mail_notices())
        return {}

    assert mail_notices(describe=meanwhile) == 0
    assert sent == [1]
    assert len(mail.outbox) == 1


def test_somebody_who_left_the_brand_hears_nothing_more_of_it(brand: Brand, ines: User):
    tell([ines], brand, "post.held", post_id=7)
    Membership.objects.filter(user=ines).update(is_active=False)
    assert mail_notices() == 0
    assert not mail.outbox


def test_what_was_read_on_the_desk_is_not_mailed(brand: Brand, ines: User):
    tell([ines], brand, "post.held", post_id=7)
    Notice.objects.update(read_at=timezone.now())
    assert mail_notices() == 0
    assert not Notice.objects.filter(mailed_at__isnull=True).exists()


def test_each_topic_goes_the_way_its_reader_chose(brand: Brand, ines: User):
    prefer(ines, {Topic.STOPPED: How.HERE, Topic.TALK: How.AT_ONCE, Topic.ANSWERED: How.DIGEST})
    for kind in ("post.held", "comment.add", "decision.approve"):
        tell([ines], brand, kind, post_id=7, who="Nadia")
    assert mail_notices() == 1
    assert "commented" in mail.outbox[0].subject
    assert list(Notice.objects.filter(in_digest=True).values_list("kind", flat=True)) == ["decision.approve"]
    assert Digest.objects.get(user=ines).due_at is not None


def test_an_incident_is_mailed_to_everybody_and_first(brand: Brand, ines: User):
    prefer(ines, {topic: How.HERE for topic in Topic if topic != Topic.INCIDENT})
    tell([ines], brand, "review.asked", post_id=3, by="Marc")
    prefer(ines, {Topic.ASKED: How.AT_ONCE})
    tell([ines], brand, "incident.declare", incident=4, who="Victor")
    assert mail_notices() == 2
    first = mail.outbox[0]
    assert "incident" in first.subject
    assert "List-Unsubscribe" not in first.extra_headers
    assert "No more mail about" not in first.body


def test_a_mail_says_what_is_asked_until_when_by_the_readers_clock(brand: Brand, ines: User):
    User.objects.filter(pk=ines.pk).update(time_zone="America/Montreal")
    tell([ines], brand, "review.asked", post_id=7, by="Marc")
    until = datetime(2026, 11, 25, 9, 50, tzinfo=UTC)
    with time_machine.travel(datetime(2026, 11, 24, 9, tzinfo=UTC), tick=False):
        Notice.objects.update(created_at=timezone.now())
        assert (
            mail_notices(describe=lambda those: {one.pk: About("Un <b>post</b>.", until) for one in those})
            == 1
        )
    (message,) = mail.outbox
    html = str(message.alternatives[0][0])
    for body in (str(message.body), unescape(html)):
        assert "Read it, then approve it, ask for changes or reject it." in body
        assert "Until Wednesday 25 November, 04:50 (Montreal), 10:50 in Paris." in body
        assert "Un <b>post</b>." in body
        assert "/review/7/" in body
    assert "<b>post</b>" not in html, "what somebody wrote is text"


def test_mail_html_loads_nothing_and_follows_nobody(brand: Brand, ines: User):
    tell([ines], brand, "review.asked", post_id=7, by="Marc")
    mail_notices()
    html = str(mail.outbox[0].alternatives[0][0])
    assert not re.search(r"<(img|script|link|style|iframe)\b|style=|url\(", html)
    assert set(re.findall(r'href="(https?://[^/"]+)', html)) == {settings_of_mail.BASE_URL}


def test_mails_about_one_post_are_one_thread_and_each_has_its_own_name(brand: Brand, ines: User):
    tell([ines], brand, "post.hold", post_id=7, who="Nadia")
    tell([ines], brand, "post.held", post_id=7)
    mail_notices()
    first, second = (one.extra_headers for one in mail.outbox)
    assert first["References"] == second["References"]
    assert first["Message-ID"] != second["Message-ID"]


def test_a_mail_can_be_ended_with_one_click(brand: Brand, ines: User):
    tell([ines], brand, "post.held", post_id=7)
    mail_notices()
    headers = mail.outbox[0].extra_headers
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    token = headers["List-Unsubscribe"].rstrip(">/").rsplit("/", 1)[-1]
    assert read_off_token(token) == (ines, Topic.STOPPED)


def test_a_slow_server_does_not_keep_the_ticker(brand: Brand, ines: User, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(mailing, "SPEND_S", -1.0)
    tell([ines], brand, "post.held")
    assert mail_notices() == 0
    assert Notice.objects.filter(mailed_at__isnull=True).count() == 1


def test_a_secret_in_a_networks_answer_does_not_reach_the_mail(brand: Brand, ines: User):
    tell(
        [ines],
        brand,
        "delivery.rejected",
        post_id=7,
        channel="Demo",
        answer="access_token=abcdef123456 is bad",
    )
    mail_notices()
    (message,) = mail.outbox
    assert "abcdef123456" not in str(message.subject) + str(message.body) + str(message.alternatives[0][0])
