"""The daily digest: one mail, at an hour of the reader's own clock, with what could wait until then.

When it is due stands in the database. An hour that passed while no ticker ran is caught up by the first one
that runs; whoever moves `due_at` first sends it, so that nothing comes twice.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

import structlog
from django.core.mail import EmailMultiAlternatives, get_connection
from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.models import User
from journal import moments
from journal.mailing import (
    About,
    Describe,
    Line,
    Outcome,
    deliver,
    letter,
    line_of,
    members_among,
    nothing_more,
)
from journal.models import Digest, Notice
from journal.preferring import DIGEST, mail_host, off_url

log = structlog.get_logger("mail")
# A mail is read, a list of hundreds is not: the rest is counted, and stands on the desk.
MOST = 40
LATER = timedelta(minutes=10)


def mail_digests(limit: int = 20, describe: Describe = nothing_more) -> int:
    """Sends the digests that are due; answers how many went out."""
    due = list(
        Digest.objects.filter(due_at__lte=timezone.now()).order_by("due_at").select_related("user")[:limit]
    )
    if not due:
        return 0
    sent = 0
    try:
        # Opened first: while the server is away nothing is claimed, and everything waits.
        with get_connection() as connection:
            for one in due:
                sent += _mail_one(one, describe, connection)
    except OSError as error:
        log.warning("digest_failed", error=type(error).__name__)
    return sent


def _mail_one(digest: Digest, describe: Describe, connection: object) -> int:
    due = digest.due_at
    assert due is not None
    notices = _collect(digest, due)
    told = [one for one in notices if one.read_at is None and digest.user.is_active]
    there = members_among(told)
    told = [one for one in told if (one.user_id, one.brand_id) in there]
    if not told:
        return 0
    message = digest_letter(digest.user, told, describe(told[:MOST]), due, connection)
    outcome = deliver(message)
    if outcome == Outcome.LATER:
        Notice.objects.filter(pk__in=[one.pk for one in notices]).update(mailed_at=None)
        Digest.objects.filter(pk=digest.pk).update(due_at=timezone.now() + LATER)
    return int(outcome == Outcome.SENT)


def _collect(digest: Digest, due: datetime) -> list[Notice]:
    """What waits for it, marked as mailed; nothing if another ticker was first."""
    with transaction.atomic():
        if not Digest.objects.filter(pk=digest.pk, due_at=due).update(due_at=None):
            return []
        waiting = Notice.objects.filter(user=digest.user_id, mailed_at__isnull=True, in_digest=True)
        notices = list(waiting.select_related("brand", "user").order_by("brand__name", "brand_id", "pk"))
        waiting.filter(pk__in=[one.pk for one in notices]).update(mailed_at=timezone.now())
    return notices


@dataclass(frozen=True, slots=True)
class Section:
    """One brand's notices."""

    brand: str
    lines: Sequence[Line]


def digest_letter(
    user: User, notices: Sequence[Notice], about: Mapping[int, About], due: datetime, connection: object
) -> EmailMultiAlternatives:
    with translation.override(user.language), timezone.override(user.time_zone):
        count = len(notices)
        words = ngettext("%(n)s notice, %(day)s", "%(n)s notices, %(day)s", count)
        subject = words % {"n": count, "day": moments.day(due)}
        shown = groupby(notices[:MOST], key=lambda one: (one.brand_id, one.brand.name))
        context = {
            "reader": user,
            "title": _("What is new"),
            "sections": [
                Section(name, [line_of(one, about.get(one.pk, About())) for one in its])
                for (_pk, name), its in shown
            ],
            "more": max(0, count - MOST),
        }
        headers = {"Message-ID": f"<digest-{user.pk}-{int(due.timestamp())}@{mail_host()}>"}
        return letter(
            f"[CM Queue] {subject}", "journal/digest", context, user.email, connection, headers,
            off=off_url(user, DIGEST),
        )  # fmt: skip
