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
    """Mails what was not mailed yet. Each notice is marked before it is sent: a lost mail is better
    than a storm of them, and the notice stands on the desk in any case."""
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
    if fresh:
        _send(fresh)
    return len(fresh)


def _send(notices: list[Notice]) -> None:
    try:
        with get_connection() as connection:
            for notice in notices:
                _message(notice, connection).send()
    except (OSError, smtplib.SMTPException) as error:
        log.warning("mail_failed", error=type(error).__name__)


def _message(notice: Notice, connection: object) -> EmailMultiAlternatives:
    with translation.override(notice.user.language):
        title = notice_title(notice)
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
