"""Who is called first: the rota of the nights and the week-ends, by week and person.

Being on call qualifies nobody and delegates nothing. It says who hears first of an incident, of a pause and of
a post that cannot wait; whom the post needs is still asked as always.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand, Membership, OnCall, User
from accounts.policies import demand_may_run
from accounts.refusals import Invalid
from journal.models import Notice
from journal.recording import record
from journal.telling import tell
from posts.lifecycle import PostState
from posts.models import Kind, Post

AHEAD: Final = timedelta(days=366)
SOON: Final = timedelta(hours=2)
_WAITED_FOR: Final = frozenset({Kind.REPLY.value, Kind.SENSITIVE_REPLY.value, Kind.CRISIS.value})


def monday_of(day: date) -> date:
    return day - timedelta(days=day.weekday())


def this_week(brand: Brand, now: datetime | None = None) -> date:
    """The Monday of this week, by the brand's calendar."""
    return monday_of((now or database_now()).astimezone(brand.zone).date())


def on_call_now(brand: Brand) -> User | None:
    """Who is on call this week; nobody when it was given to nobody, or to somebody who is no longer here."""
    here = Membership.objects.filter(brand=brand, is_active=True, user__is_active=True).values("user")
    row = (
        OnCall.objects.filter(brand=brand, week=this_week(brand), user__in=here)
        .select_related("user")
        .first()
    )
    return row.user if row is not None else None


def write_rota(actor: User, brand: Brand, weeks: Mapping[date, int | None]) -> int:
    """Gives weeks (any day of them) to members, by account, or to nobody. Answers how many changed. Raises
    Forbidden to whoever does not run the brand, Invalid."""
    today = this_week(brand)
    wanted = {monday_of(day): who for day, who in weeks.items()}
    with transaction.atomic():
        demand_may_run(actor, brand)
        members = set(
            Membership.objects.filter(brand=brand, is_active=True, user__is_active=True).values_list(
                "user_id", flat=True
            )
        )
        if any(not today <= week <= today + AHEAD for week in wanted):
            raise _wrong(_("A week on call is this one or one of the next year."))
        if any(who is not None and who not in members for who in wanted.values()):
            raise _wrong(_("There is no such person in this brand."))
        # Locked, so that two owners who write the same week at once end with one row.
        Brand.objects.select_for_update(of=("self",)).values_list("pk").get(pk=brand.pk)
        held = dict(OnCall.objects.filter(brand=brand, week__in=wanted).values_list("week", "user_id"))
        changed = {week: who for week, who in wanted.items() if held.get(week) != who}
        for week, who in sorted(changed.items()):
            OnCall.objects.filter(brand=brand, week=week).delete()
            if who is not None:
                OnCall.objects.create(brand=brand, week=week, user_id=who)
            record("rota.write", actor, brand, f"brand:{brand.pk}", week=week.isoformat(), person=who)
    return len(changed)


def _wrong(sentence: str) -> Invalid:
    return Invalid("bad_rota", sentence, fields={"rota": [sentence]})


# --- Heard first ------------------------------------------------------------------------------------
def first(people: Iterable[User], on_call: User | None) -> list[User]:
    """The same people, whoever is on call before all others: mails go out in the order of the telling."""
    return sorted(people, key=lambda one: on_call is None or one.person_id != on_call.person_id)


def is_urgent(post: Post) -> bool:
    """In review, and due within two hours, or somebody out there waits for it."""
    if post.lifecycle != PostState.IN_REVIEW:
        return False
    now, ends = database_now(), post.window_until if post.on_approval else post.slot
    return (ends is not None and now < ends <= now + SOON) or post.kind in _WAITED_FOR


def call_for(post: Post) -> User | None:
    """Tells whoever is on call, once, of a post that cannot wait. Answers whom; not its own author."""
    if not is_urgent(post):
        return None
    found = on_call_now(post.brand)
    if found is None or found.person_id == post.author.person_id:
        return None
    kind = "post.urgent"
    if not Notice.objects.filter(user=found, post_id=post.pk, kind=kind).exists():
        tell([found], post.brand_id, kind, post_id=post.pk, by=post.author.name)
    return found
