"""Reminds those who were asked and have not answered, and passes on what somebody absent was asked.

Parts of the tick: bounded, and idempotent however many tickers there are. Each row is looked at again
under the post's lock, so that of two tickers one does it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from django.db import transaction
from django.db.models import Q

from accounts.clock import database_now
from accounts.locks import share_brands
from accounts.models import Absence
from approvals.gate import Code, Coverage, Verdict
from approvals.models import Decision, Request
from approvals.reviewing import verdict_of
from approvals.routing import REMIND_AFTER, ask, ask_next, end_of, open_requests, reminder, tell_lacking
from journal.recording import TICKER, record
from journal.telling import tell
from posts.lifecycle import PostState
from posts.models import Post
from posts.moves import lock_post


@contextmanager
def _locked(pk: int) -> Iterator[tuple[Request, Post]]:
    """The request and its post, whose row is locked."""
    post_id, brand_id = Request.objects.values_list("post_id", "post__brand_id").get(pk=pk)
    with transaction.atomic():
        share_brands([brand_id])
        post = lock_post(post_id)
        yield Request.objects.select_related("user").get(pk=pk), post


# --- Reminders ----------------------------------------------------------------------------------
def remind_asked(limit: int = 100) -> int:
    """At a half and three quarters of the time left to the slot; with the second reminder the next able
    people are asked too. Answers how many people were reminded."""
    due = Request.objects.filter(remind_at__lte=database_now()).order_by("remind_at", "pk")
    reminded = 0
    for pk in list(due.values_list("pk", flat=True)[:limit]):
        reminded += _remind(pk)
    return reminded


def _remind(pk: int) -> int:
    with _locked(pk) as (row, post):
        now, end = database_now(), end_of(post)
        if row.remind_at is None or row.remind_at > now:
            return 0
        verdict = _still_needed(row, post)
        following = reminder(row.asked_at, end, row.reminded)
        if verdict is None or following is None:
            Request.objects.filter(pk=pk).update(remind_at=None)
            return 0
        if following > now:
            # The slot has moved since: there is more time than was thought.
            Request.objects.filter(pk=pk).update(remind_at=following)
            return 0
        count = row.reminded + 1
        while (following := reminder(row.asked_at, end, count)) is not None and following <= now:
            count += 1
        Request.objects.filter(pk=pk).update(reminded=count, remind_at=following)
        tell([row.user], post.brand_id, "review.remind", post_id=post.pk, by=post.author.name, count=count)
        record("review.remind", TICKER, post.brand_id, f"request:{pk}", post_id=post.pk, count=count)
        if count == len(REMIND_AFTER) and not ask_next(post, verdict):
            asked_for = [f"{one.requirement.domain} {one.requirement.level}" for one in _missing(verdict)]
            tell_lacking(post, ["answer", *asked_for])
        return 1


def _missing(verdict: Verdict) -> list[Coverage]:
    return [one for one in verdict.reading.coverage if one.missing]


def _still_needed(row: Request, post: Post) -> Verdict | None:
    """The verdict on the post while it still waits for this person's word on these bytes."""
    digest = post.revision.digest if post.revision else ""
    if post.lifecycle != PostState.IN_REVIEW or row.digest != digest or row.passed_on_at is not None:
        return None
    if Decision.objects.filter(post=post, user=row.user, digest=digest, at__gte=row.asked_at).exists():
        return None
    verdict = verdict_of(post)[1]
    if any(reason.code == Code.FROZEN for reason in verdict.reasons):
        # What is approved now will be stale when the incident is lifted: they are asked again then.
        return None
    person = row.user.person_id
    wanted = {one for reason in verdict.reasons for one in reason.could}
    wanted |= {one for covered in _missing(verdict) for one in covered.away}
    return verdict if person in wanted else None


# --- Absences -----------------------------------------------------------------------------------
def pass_on_for_absent(limit: int = 100) -> int:
    """Whoever became absent after being asked, today or on the day of the slot: others are asked. Answers
    how many requests were passed on."""
    # Wide enough for every time zone; the brand's own day is looked at below.
    yesterday = (database_now() - timedelta(days=1)).date()
    absences = list(Absence.objects.filter(last_day__gte=yesterday).select_related("user", "brand"))
    if not absences:
        return 0
    away: dict[tuple[int, int], list[Absence]] = {}
    for absence in absences:
        away.setdefault((absence.brand_id, absence.user.person_id), []).append(absence)
    people = {person for _brand, person in away}
    rows = open_requests().filter(Q(user__in=people) | Q(user__same_person_as__in=people))
    passed, now = 0, database_now()
    for row in rows.select_related("user", "post__brand").order_by("pk"):
        theirs = away.get((row.post.brand_id, row.user.person_id), ())
        if passed < limit and _is_away(theirs, row.post, now):
            passed += _pass_on(row.pk)
    return passed


def _is_away(absences: Collection[Absence], post: Post, now: datetime) -> bool:
    def local(moment: datetime) -> date:
        return moment.astimezone(post.brand.zone).date()

    days = {local(now), *([local(post.slot)] if post.slot is not None else [])}
    return any(one.first_day <= day <= one.last_day for one in absences for day in days)


def _pass_on(pk: int) -> int:
    with _locked(pk) as (row, post):
        if row.passed_on_at is not None or _still_needed(row, post) is None:
            # Answered, passed on or no longer needed meanwhile: there is nothing to pass on.
            Request.objects.filter(pk=pk, passed_on_at__isnull=True).update(
                passed_on_at=database_now(), remind_at=None
            )
            return 0
        Request.objects.filter(pk=pk).update(passed_on_at=database_now(), remind_at=None)
        asked = ask(post, verdict_of(post)[1])
        record(
            "review.pass_on",
            TICKER,
            post.brand_id,
            f"request:{pk}",
            post_id=post.pk,
            person=row.user.person_id,
            to=[one.person_id for one in asked],
        )
        return 1
