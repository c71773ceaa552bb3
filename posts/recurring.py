"""Recurring posts: the writing is repeated, never an approval.

Each occurrence becomes a draft of the recurrence's maker, some days ahead of its slot, which is
submitted and read like any other. The rule is in the brand's local time; an occurrence that a clock
change skips is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import User
from accounts.policies import demand_member
from accounts.refusals import Invalid, Refused
from journal.recording import TICKER, record
from journal.telling import tell
from posts.drafting import clone_for
from posts.models import Post, Recurrence

MOST_A_TICK = 5
_ALLOWED = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}


def recur(actor: User, post: Post, rule: str, starts: datetime) -> Recurrence:
    """Makes drafts of this post again by an RFC 5545 rule (FREQ=WEEKLY;BYDAY=MO…), from `starts` on.
    Raises Invalid for a rule that cannot be read or repeats more than daily."""
    demand_member(actor, post.brand)
    read_rule(rule, starts, post.brand.zone)
    with transaction.atomic():
        made = Recurrence.objects.create(
            brand=post.brand, source=post, made_by=actor, rule=rule, starts=starts
        )
        record("recurrence.begin", actor, post.brand, f"recurrence:{made.pk}", post_id=post.pk, rule=rule)
    return made


def end(actor: User, recurrence: Recurrence) -> None:
    """No more drafts; those that were made stay."""
    demand_member(actor, recurrence.brand)
    with transaction.atomic():
        if not Recurrence.objects.filter(pk=recurrence.pk, ended_at__isnull=True).update(
            ended_at=database_now()
        ):
            raise Refused("already_ended", _("This recurrence has already ended."))
        record("recurrence.end", actor, recurrence.brand, f"recurrence:{recurrence.pk}")


def read_rule(rule: str, starts: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The occurrences as instants, in order, in the brand's local time. Raises Invalid."""
    sentence = _("This rule cannot be read. Write it like FREQ=WEEKLY;BYDAY=MO.")
    wrong = Invalid("bad_rule", sentence, fields={"rule": [sentence]})
    parts = dict(part.partition("=")[::2] for part in rule.upper().split(";"))
    if parts.get("FREQ") not in _ALLOWED or set(parts) & {"BYHOUR", "BYMINUTE", "BYSECOND", "DTSTART"}:
        raise wrong
    try:
        local = rrulestr(rule, dtstart=starts.astimezone(zone).replace(tzinfo=None))
    except (ValueError, TypeError) as error:
        raise wrong from error
    return _instants(iter(local), zone)


def _instants(local: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    for naive in local:
        instant = naive.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == naive:
            yield instant


def make_recurring() -> int:
    """Drafts for the occurrences of the coming days that have none yet. Idempotent: the database keeps
    one post for each recurrence and slot, however many tickers there are."""
    now, made = database_now(), 0
    going = Recurrence.objects.filter(ended_at__isnull=True).select_related(
        "brand", "source__revision", "made_by"
    )
    for one in going:
        made += _make(one, now)
    return made


def _make(recurrence: Recurrence, now: datetime) -> int:
    horizon, made = now + timedelta(days=recurrence.days_ahead), 0
    after = max(now, recurrence.last_slot or now)
    for slot in read_rule(recurrence.rule, recurrence.starts, recurrence.brand.zone):
        if slot > horizon or made >= MOST_A_TICK:
            break
        if slot > after:
            made += _make_one(recurrence, slot)
    return made


def _make_one(recurrence: Recurrence, slot: datetime) -> int:
    try:
        with transaction.atomic():
            post = clone_for(recurrence.made_by, recurrence.source, slot)
            Post.objects.filter(pk=post.pk).update(recurrence=recurrence, recurrence_slot=slot)
            Recurrence.objects.filter(pk=recurrence.pk).update(last_slot=slot)
            record("recurrence.draft", TICKER, recurrence.brand, f"post:{post.pk}", post_id=post.pk)
            tell([recurrence.made_by], recurrence.brand, "recurrence.draft", post_id=post.pk)
    except IntegrityError:
        return 0  # another ticker was faster
    return 1
