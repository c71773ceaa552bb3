"""Sends notices by mail, in the reader's language and by their clock. A mail that cannot be sent waits.

Each notice is claimed by a guarded update just before it is sent: with any number of tickers it goes out once,
and a process that dies in between loses one mail at most. A lost mail is better than the same one again and
again, and the notice stands on the desk in any case.
"""

from __future__ import annotations

import smtplib
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Any

import structlog
from django.conf import settings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import Q
from django.template.loader import render_to_string
from django.utils import timezone, translation

from accounts.models import Membership
from journal import moments
from journal.asking import ask_of, path_of
from journal.models import Digest, How, Notice, Topic
from journal.preferring import FIXED, mail_host, next_digest, off_url, topic_of, wishes_of
from journal.scrubbing import scrub
from journal.wording import notice_title

log = structlog.get_logger("mail")
# A notice about yesterday is noise: after an outage of the mail server old ones stay in the desk only.
TOO_OLD = timedelta(hours=24)
# A mail server that said "later" is asked again after so long; then after as long as the notice is old.
LATER = timedelta(minutes=1)
# The ticker has other work: it sends for about so many seconds, and goes on at its next turn.
SPEND_S = 3.0


@dataclass(frozen=True, slots=True)
class About:
    """What the notice is about, as the apps above know it: a post's words, and until when an answer helps."""

    words: Any = ""
    until: datetime | None = None


# From notices to what they are about, by their key. Given by who knows posts: publishing/announcing.py.
Describe = Callable[[Sequence[Notice]], Mapping[int, About]]


def nothing_more(_notices: Sequence[Notice]) -> Mapping[int, About]:
    return {}


def mail_notices(limit: int = 100, describe: Describe = nothing_more) -> int:
    """Sorts what is new by what its readers prefer, and mails what goes at once; answers how many went out."""
    now = timezone.now()
    waiting = list(
        Notice.objects.filter(Q(mail_after__isnull=True) | Q(mail_after__lte=now))
        .filter(mailed_at__isnull=True, in_digest=False)
        .order_by("pk")
        .select_related("user", "brand")[:limit]
    )
    if not waiting:
        return 0
    at_once = _sort(waiting, now)
    if not at_once:
        return 0
    at_once.sort(key=lambda one: (topic_of(one.kind) not in FIXED, one.pk))
    return _send(at_once, describe(at_once))


def _sort(waiting: Sequence[Notice], now: datetime) -> list[Notice]:
    """Puts into the digest what waits for it, lays aside what nobody wants by mail, and returns the rest."""
    wishes = wishes_of({one.user_id for one in waiting})
    there = members_among(waiting)
    at_once, digest, aside = [], [], []
    for one in waiting:
        how = wishes[one.user_id][topic_of(one.kind)]
        told = one.user.is_active and (one.user_id, one.brand_id) in there and one.read_at is None
        if not told or how == How.HERE:
            aside.append(one.pk)
        elif how == How.DIGEST:
            digest.append(one)
        elif one.created_at <= now - TOO_OLD:
            aside.append(one.pk)
        else:
            at_once.append(one)
    Notice.objects.filter(pk__in=aside, mailed_at__isnull=True).update(mailed_at=now)
    if digest:
        _into_digest(digest, now)
    return at_once


def members_among(notices: Sequence[Notice]) -> set[tuple[int, int]]:
    """(account, brand) of those who still belong to it. Nobody else hears of a brand by mail."""
    rows = Membership.objects.filter(
        user__in={one.user_id for one in notices}, brand__in={one.brand_id for one in notices}, is_active=True
    )
    return set(rows.values_list("user_id", "brand_id"))


def _into_digest(notices: Sequence[Notice], now: datetime) -> None:
    users = {one.user_id: one.user for one in notices}
    Digest.objects.bulk_create([Digest(user=user) for user in users.values()], ignore_conflicts=True)
    with transaction.atomic():
        # Under their lock, so that a digest that is being collected now takes these along or is followed by
        # another one: nothing may wait for a day that never comes.
        rows = list(Digest.objects.select_for_update().filter(user__in=users).order_by("pk"))
        Notice.objects.filter(pk__in=[one.pk for one in notices], mailed_at__isnull=True).update(
            in_digest=True
        )
        for row in rows:
            if row.due_at is None:
                row.due_at = next_digest(row.hour, users[row.user_id].time_zone, now)
                row.save(update_fields=["due_at"])


def _send(notices: Sequence[Notice], about: Mapping[int, About]) -> int:
    until, sent = time.monotonic() + SPEND_S, 0
    try:
        with get_connection() as connection:
            for one in notices:
                if time.monotonic() > until:
                    break
                # Nobody else has sent it, and from here on nobody else will.
                if Notice.objects.filter(pk=one.pk, mailed_at__isnull=True).update(mailed_at=timezone.now()):
                    outcome = deliver(letter_of(one, about.get(one.pk, About()), connection))
                    sent += outcome == Outcome.SENT
                    if outcome == Outcome.LATER:
                        _put_off(one)
    except OSError as error:  # smtplib's own errors among them
        # What was not claimed yet cannot have gone out: it waits for the next tick.
        log.warning("mail_failed", error=type(error).__name__)
    return sent


def _put_off(notice: Notice) -> None:
    now = timezone.now()
    after = now + max(LATER, now - notice.created_at)
    Notice.objects.filter(pk=notice.pk).update(mailed_at=None, mail_after=after)


class Outcome(Enum):
    SENT = auto()
    LATER = auto()
    NEVER = auto()


def deliver(message: EmailMultiAlternatives) -> Outcome:
    """Hands one mail to the server. One that is refused for what it is (its address, its size) is not tried
    again, and keeps no other waiting. Raises OSError when the server is away."""
    try:
        message.send()
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPResponseException) as error:
        later = all(400 <= code < 500 for code in _codes(error))
        log.warning("mail_refused", error=type(error).__name__, later=later)
        return Outcome.LATER if later else Outcome.NEVER
    except ValueError as error:  # an address or a header that no mail may carry
        log.warning("mail_impossible", error=type(error).__name__)
        return Outcome.NEVER
    return Outcome.SENT


def _codes(error: smtplib.SMTPException) -> Collection[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _said in error.recipients.values()]
    return [error.smtp_code] if isinstance(error, smtplib.SMTPResponseException) else [0]


# --- What stands in it ------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Line:
    """One notice in the words of its reader: what happened, what is asked, until when, of what, and where."""

    title: str
    asks: str
    until: str
    words: str
    url: str


def line_of(notice: Notice, about: About) -> Line:
    """In the active language, by the reader's clock."""
    # What a network answered stands in it: a line end in a subject would be another header.
    title = " ".join(scrub(notice_title(notice)).splitlines())
    # A post's page finds its brand by itself; to any other the notice leads, and brings its brand along.
    path = path_of(notice) if notice.post_id else f"/notifications/{notice.pk}/"
    return Line(title, ask_of(notice), _until(notice, about), str(about.words), settings.BASE_URL + path)


def _until(notice: Notice, about: About) -> str:
    """« lundi 23 novembre, 9 h (Paris), 3 h à Montréal »"""
    if about.until is None:
        return ""
    told = f"{moments.when(about.until)} ({moments.place()})"
    there = moments.elsewhere(about.until, notice.brand.time_zone)
    return f"{told}, {there}" if there else told


def letter_of(notice: Notice, about: About, connection: object) -> EmailMultiAlternatives:
    """The mail about one notice. Every mail about a post belongs to one thread in the reader's box."""
    user, topic = notice.user, topic_of(notice.kind)
    host = mail_host()
    headers = {"Message-ID": f"<notice-{notice.pk}@{host}>"}
    if notice.post_id:
        thread = f"<post-{notice.post_id}@{host}>"
        headers |= {"References": thread, "In-Reply-To": thread}
    with translation.override(user.language), timezone.override(user.time_zone):
        line = line_of(notice, about)
        context = {"line": line, "brand": notice.brand.name, "reader": user}
        return letter(
            f"[{notice.brand.name}] {line.title}", "journal/mail", context, user.email, connection, headers,
            off="" if topic in FIXED else off_url(user, topic), topic=topic,
        )  # fmt: skip


def letter(
    subject: str,
    template: str,
    context: Mapping[str, Any],
    to: str,
    connection: object,
    headers: Mapping[str, str],
    *,
    off: str,
    topic: Topic | None = None,
) -> EmailMultiAlternatives:
    """Plain words and the same as HTML, in the active language; `off` is where one click ends such mails."""
    more = {"Auto-Submitted": "auto-generated", "X-Auto-Response-Suppress": "All", **headers}
    if off:
        more |= {"List-Unsubscribe": f"<{off}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}
    full = {
        **context,
        "off": off,
        "topic": topic.label if topic else "",
        "settings_url": f"{settings.BASE_URL}/notifications/#preferences",
        "language": translation.get_language(),
    }
    return EmailMultiAlternatives(
        subject=" ".join(subject.splitlines()),
        body=render_to_string(f"{template}.txt", full),
        to=[to],
        connection=connection,
        alternatives=[(render_to_string(f"{template}.html", full), "text/html")],
        headers=more,
    )
