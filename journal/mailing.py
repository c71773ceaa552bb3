"""Sends notices by mail, in the reader's language. A mail that cannot be sent waits for the next tick."""

from __future__ import annotations

import smtplib
from datetime import timedelta

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.template.loader import render_to_string
from django.utils import timezone, translation

from journal.models import Notice
from journal.wording import notice_title

log = structlog.get_logger("mail")
# A notice about yesterday is noise: after an outage of the mail server old ones stay in the desk only.
TOO_OLD = timedelta(hours=24)


def mail_notices(limit: int = 20) -> int:
    """Mails what was not mailed yet; answers how many went out. Each notice is marked before it is sent: a
    lost mail is better than a storm of them, and the notice stands on the desk in any case."""
    with transaction.atomic():
        waiting = list(
            Notice.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(mailed_at__isnull=True)
            .order_by("pk")
            .select_related("user", "brand")[:limit]
        )
        now = timezone.now()
        Notice.objects.filter(pk__in=[one.pk for one in waiting]).update(mailed_at=now)
    fresh = [one for one in waiting if one.created_at > now - TOO_OLD and one.user.is_active]
    sent, left = _send(fresh) if fresh else (0, [])
    # No server has seen these, so they cannot have gone out: they wait for the next tick.
    Notice.objects.filter(pk__in=[one.pk for one in left]).update(mailed_at=None)
    return sent


def _send(notices: list[Notice]) -> tuple[int, list[Notice]]:
    """How many were sent, and those not even tried because the server is away. One that is refused for
    what it is (its address, its size) is not tried again, and keeps no other waiting."""
    left, sent = list(notices), 0
    try:
        with get_connection() as connection:
            while left:
                message = _message(left.pop(0), connection)
                try:
                    message.send()
                    sent += 1
                except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
                    log.warning("mail_refused", error=type(error).__name__)
    except OSError as error:  # smtplib's own errors among them
        log.warning("mail_failed", error=type(error).__name__)
    return sent, left


def _message(notice: Notice, connection: object) -> EmailMultiAlternatives:
    with translation.override(notice.user.language):
        # What a network answered stands in it: a line end in a subject would be another header.
        title = " ".join(notice_title(notice).splitlines())
        path = f"/posts/{notice.post_id}/" if notice.post_id else "/"
        context = {"notice": notice, "title": title, "url": settings.BASE_URL + path}
        return EmailMultiAlternatives(
            subject=f"[{notice.brand.name}] {title}",
            body=render_to_string("journal/mail.txt", context),
            to=[notice.user.email],
            connection=connection,
            alternatives=[(render_to_string("journal/mail.html", context), "text/html")],
            headers={"Auto-Submitted": "auto-generated"},
        )
