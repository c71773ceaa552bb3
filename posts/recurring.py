"""Recurring posts: the writing is repeated, never an approval.

Each occurrence becomes a draft of the recurrence's maker, some days ahead of its slot, which is
submitted and read like any other. The rule is in the brand's local time; an occurrence that a clock
change skips is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from django.db import IntegrityError, transaction
from django.db.models import Exists, OuterRef
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Membership, User
from accounts.policies import demand_member
from accounts.refusals import Invalid, Refused
from journal.recording import TICKER, record
from journal.telling import tell
from posts.drafting import clone_for
from posts.models import Post, Recurrence
from posts.policies import may_repeat

MOST_A_TICK = 5
LOOKED_AHEAD = timedelta(days=3660)
_ALLOWED = {"DAILY", "WEEKLY", "MONTHLY", "YEARLY"}


def recur(actor: User, post: Post, rule: str, starts: datetime, *, days_ahead: int = 7) -> Recurrence:
    """Makes drafts of this post again by an RFC 5545 rule (FREQ=WEEKLY;BYDAY=MO…), from `starts` on, each
    `days_ahead` of its slot. Raises Invalid for a rule that cannot be read, repeats more than daily, or
    never comes; Refused for a post that is not one to repeat."""
    if not may_repeat(post):
        raise Refused(
            "cannot_repeat", _("A post that was withdrawn or taken back, or a correction, is not repeated.")
        )
    if next(ahead(rule, starts, post.brand.zone), None) is None:
        raise _wrong(_("By this rule nothing comes any more."))
    with transaction.atomic():
        demand_member(actor, post.brand)
        made = Recurrence.objects.create(
            brand=post.brand,
            source=post,
            made_by=actor,
            rule=rule,
            starts=starts,
            local_starts=starts.astimezone(post.brand.zone).replace(tzinfo=None).isoformat(),
            days_ahead=days_ahead,
        )
        record("recurrence.begin", actor, post.brand, f"recurrence:{made.pk}", post_id=post.pk, rule=rule)
    return made


def end(actor: User, recurrence: Recurrence) -> None:
    """No more drafts; those that were made stay."""
    with transaction.atomic():
        demand_member(actor, recurrence.brand)
        if not Recurrence.objects.filter(pk=recurrence.pk, ended_at__isnull=True).update(
            ended_at=database_now()
        ):
            raise Refused("already_ended", _("This recurrence has already ended."))
        record("recurrence.end", actor, recurrence.brand, f"recurrence:{recurrence.pk}")


def _wrong(sentence: str) -> Invalid:
    return Invalid("bad_rule", sentence, fields={"rule": [sentence]})


def read_rule(rule: str, starts: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The occurrences as instants, in order, in the brand's local time. Raises Invalid."""
    wrong = _wrong(_("This rule cannot be read. Write it like FREQ=WEEKLY;BYDAY=MO."))
    parts = dict(part.partition("=")[::2] for part in rule.upper().strip().split(";"))
    if parts.get("FREQ") not in _ALLOWED or set(parts) & {"BYHOUR", "BYMINUTE", "BYSECOND", "DTSTART"}:
        raise wrong
    first = starts.astimezone(zone).replace(tzinfo=None)
    try:
        local = rrulestr(_text(parts, zone), dtstart=first)
        # A rule may be satisfied by no day at all (the 30th of February): its first one is looked for in
        # the next ten years, because to be sure takes until the year 9999.
        unbounded = {name: value for name, value in parts.items() if name not in {"COUNT", "UNTIL"}}
        end = f"{first + LOOKED_AHEAD:%Y%m%dT%H%M%S}"
        if next(iter(rrulestr(_text({**unbounded, "UNTIL": end}, zone), dtstart=first)), None) is None:
            raise wrong
    except (ValueError, TypeError, OverflowError) as error:
        raise wrong from error
    return _instants(iter(local), zone)


def _text(parts: Mapping[str, str], zone: ZoneInfo) -> str:
    """The rule again, an end in UTC turned into the brand's local time, in which all of it is."""
    until = parts.get("UNTIL", "")
    if until.endswith("Z"):
        end = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(zone)
        parts = {**parts, "UNTIL": f"{end:%Y%m%dT%H%M%S}"}
    return ";".join(f"{name}={value}" for name, value in parts.items())


def ahead(rule: str, starts: datetime, zone: ZoneInfo) -> Iterator[datetime]:
    """The occurrences that are still to come. Raises Invalid."""
    now = database_now()
    return (slot for slot in read_rule(rule, starts, zone) if slot > now)


def coming(recurrence: Recurrence) -> Iterator[datetime]:
    """Its slots ahead, as instants; none once it has ended."""
    if recurrence.ended_at is not None:
        return iter(())
    return ahead(recurrence.rule, recurrence.first, recurrence.brand.zone)


def _instants(local: Iterator[datetime], zone: ZoneInfo) -> Iterator[datetime]:
    for naive in local:
        instant = naive.replace(tzinfo=zone).astimezone(UTC)
        if instant.astimezone(zone).replace(tzinfo=None) == naive:
            yield instant


def make_recurring() -> int:
    """Drafts for the occurrences of the coming days that have none yet. Idempotent: the database keeps
    one post for each recurrence and slot, however many tickers there are."""
    now, made = database_now(), 0
    # Drafts are their maker's: one who has left writes no more.
    here = Membership.objects.filter(brand_id=OuterRef("brand_id"), user_id=OuterRef("made_by_id"))
    going = Recurrence.objects.filter(
        Exists(here.filter(is_active=True, user__is_active=True)), ended_at__isnull=True
    )
    for one in going.select_related("brand", "source__revision", "made_by"):
        try:
            made += _make(one, now)
        except Invalid as refusal:
            # Its channel or product is gone: one that cannot be repeated must not stop all the others.
            _give_up(one, refusal)
    return made


def _make(recurrence: Recurrence, now: datetime) -> int:
    horizon, made = now + timedelta(days=recurrence.days_ahead), 0
    last = recurrence.last_slot or recurrence.first - timedelta(seconds=1)
    following = _following(recurrence.rule, recurrence.first, recurrence.brand.time_zone, last)
    if following is None or following > horizon:
        return 0
    after = max(now, last)
    for slot in read_rule(recurrence.rule, recurrence.first, recurrence.brand.zone):
        if slot > horizon or made >= MOST_A_TICK:
            break
        if slot > after:
            made += _make_one(recurrence, slot)
    return made


@lru_cache(maxsize=4096)
def _following(rule: str, starts: datetime, zone: str, last: datetime) -> datetime | None:
    """The first occurrence after `last`. Asked every second for every recurrence, and walks the rule from
    its beginning: remembered."""
    return next((slot for slot in read_rule(rule, starts, ZoneInfo(zone)) if slot > last), None)


def _give_up(recurrence: Recurrence, refusal: Invalid) -> None:
    with transaction.atomic():
        if not Recurrence.objects.filter(pk=recurrence.pk, ended_at__isnull=True).update(
            ended_at=database_now()
        ):
            return
        thing = f"recurrence:{recurrence.pk}"
        record("recurrence.end", TICKER, recurrence.brand, thing, code=refusal.code)
        tell([recurrence.made_by], recurrence.brand, "recurrence.stopped", post_id=recurrence.source_id)


def _make_one(recurrence: Recurrence, slot: datetime) -> int:
    try:
        with transaction.atomic():
            post = clone_for(recurrence.made_by, recurrence.source, slot)
            local = slot.astimezone(recurrence.brand.zone).replace(tzinfo=None).isoformat()
            Post.objects.filter(pk=post.pk).update(
                recurrence=recurrence, recurrence_slot=slot, local_slot=local
            )
            Recurrence.objects.filter(pk=recurrence.pk).update(last_slot=slot)
            record("recurrence.draft", TICKER, recurrence.brand, f"post:{post.pk}", post_id=post.pk)
            tell([recurrence.made_by], recurrence.brand, "recurrence.draft", post_id=post.pk)
    except IntegrityError:
        return 0  # another ticker was faster
    return 1
