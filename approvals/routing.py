"""Who is asked: the smallest set of present people who together cover what is missing.

An absence leads the work to somebody else who is qualified by themselves; it delegates nothing. Where
nobody could, the author and the owners hear it while the post is still a draft, and not at its slot.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import combinations
from typing import Any

from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery

from accounts.clock import database_now
from accounts.models import Absence, Brand, Membership, User
from accounts.preparing import Prepared
from approvals.calling import call_for
from approvals.gate import Code, Coverage, Verdict
from approvals.levels import owners_of
from approvals.models import Decision, Request
from approvals.standing import PERSON
from journal.models import Notice
from journal.telling import tell
from posts.lifecycle import PostState
from posts.models import Post

# Beyond it people are taken one by one, each the one who helps most: among forty who could, trying every
# five would take a second.
_LARGEST = 4
# The shares of the time left to the slot after which somebody who was asked is reminded.
REMIND_AFTER = (0.5, 0.75)


def counts_for(verdict: Verdict, person: int) -> bool:
    """Whether this person's approval would count towards something that is missing: a requirement, or one
    more pair of qualified eyes. The gate already left out whoever contributed."""
    if any(one.missing and person in (*one.could, *one.away) for one in verdict.reading.coverage):
        return True
    return any(reason.code == Code.MISSING_PEOPLE and person in reason.could for reason in verdict.reasons)


def waits_for(verdict: Verdict, person: int) -> bool:
    """Whether a post waits for this person: for their approval, or for their press on release."""
    pressing = (reason for reason in verdict.reasons if reason.code == Code.NOT_RELEASED)
    return counts_for(verdict, person) or any(person in reason.could for reason in pressing)


def choose(
    coverage: Sequence[Coverage],
    people: int,
    open_posts: Mapping[int, int],
    asked_last: Mapping[int, float],
    others: Collection[int] = (),
    already: Collection[int] = (),
) -> list[int]:
    """The people to ask, least loaded first, ties by who was asked longest ago.

    `people` is how many distinct approvers are still missing; `others` could be one of them without
    covering anything (duo); `open_posts` and `asked_last` (seconds) are by person; `already` were asked
    and are counted on. Answers an empty list when nothing is missing, and as many as help when no set of
    present people covers it all.
    """
    taken = set(already)
    candidates = sorted(
        ({person for one in coverage for person in one.could} | set(others)) - taken,
        key=lambda person: (open_posts.get(person, 0), asked_last.get(person, 0.0), person),
    )
    reachable = []
    for one in coverage:
        able = set(one.could) - taken
        need = one.missing - len(taken & set(one.could))
        if need > 0 and able:
            reachable.append((min(need, len(able)), able))
    counted_on = taken & ({person for one in coverage for person in one.could} | set(others))
    wanted = min(max(0, people - len(counted_on)), len(candidates))
    if not reachable and not wanted:
        return []

    def suffices(chosen: tuple[int, ...]) -> bool:
        return len(chosen) >= wanted and all(len(able & set(chosen)) >= need for need, able in reachable)

    for size in range(1, min(_LARGEST, len(candidates)) + 1):
        fitting = [chosen for chosen in combinations(candidates, size) if suffices(chosen)]
        if fitting:
            return list(
                min(
                    fitting,
                    key=lambda chosen: (
                        sum(open_posts.get(person, 0) for person in chosen),
                        sum(asked_last.get(person, 0.0) for person in chosen),
                        chosen,
                    ),
                )
            )
    return _one_by_one(candidates, reachable, wanted)


def _one_by_one(
    candidates: Sequence[int], reachable: Iterable[tuple[int, set[int]]], wanted: int
) -> list[int]:
    """Each time the one who covers most of what is left, of equals the first of `candidates`."""
    left = [[need, able] for need, able in reachable]
    chosen: list[int] = []

    def gain(person: int) -> int:
        return sum(1 for need, able in left if isinstance(able, set) and person in able and need)

    while any(need for need, _able in left) or len(chosen) < wanted:
        best = max((one for one in candidates if one not in chosen), key=gain, default=None)
        if best is None:
            break
        chosen.append(best)
        for one in left:
            if isinstance(one[1], set) and best in one[1] and isinstance(one[0], int) and one[0]:
                one[0] -= 1
    return chosen


# --- For a post ---------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Need:
    """What a post still needs of whom: coverage whose `could` are those who can be asked, how many
    distinct people, and who may be one of them without covering anything."""

    coverage: tuple[Coverage, ...]
    people: int
    eyes: frozenset[int]

    @property
    def lacking(self) -> list[str]:
        """What nobody who is there could give: “craft 2”; “people” when there are too few of them."""
        found = [
            f"{one.requirement.domain} {one.requirement.level}"
            for one in self.coverage
            if one.missing > len(one.could)
        ]
        everybody = {person for one in self.coverage for person in one.could} | self.eyes
        return found + (["people"] if self.people > len(everybody) else [])

    def without(self, people: Collection[int]) -> _Need:
        gone = set(people)
        kept = [replace(one, could=tuple(p for p in one.could if p not in gone)) for one in self.coverage]
        return _Need(tuple(kept), self.people, self.eyes - gone)


def _need(post: Post, verdict: Verdict) -> _Need:
    reading = verdict.reading
    eyes = {one for reason in verdict.reasons if reason.code == Code.MISSING_PEOPLE for one in reason.could}
    away = away_today(post.brand)
    people = max(0, reading.needed - len(reading.have))
    coverage = tuple(_reach(one, away) for one in reading.coverage)
    here = frozenset(eyes - away)
    return _Need(coverage, people, here if len(here) >= people else frozenset(eyes))


def _reach(one: Coverage, away: Collection[int]) -> Coverage:
    """Of those who could, the ones who are here today and at the slot; all who could say it before the
    slot where these do not suffice."""
    here = tuple(person for person in one.could if person not in away)
    if len(here) >= one.missing:
        return replace(one, could=here)
    before = (person for person in one.away if person not in away)
    return replace(one, could=tuple(sorted({*one.could, *before})))


def away_today(brand: Brand) -> set[int]:
    """The people (not accounts) who are away today by the brand's calendar."""
    today = database_now().astimezone(brand.zone).date()
    absences = Absence.objects.filter(brand=brand, first_day__lte=today, last_day__gte=today)
    return {row.user.person_id for row in absences.select_related("user")}


def ask(post: Post, verdict: Verdict) -> list[User]:
    """Asks the people chosen, once for each digest, and tells them. Whoever was asked before and may still
    answer is counted on. Answers who was asked now."""
    digest = post.revision.digest if post.revision else ""
    asked, passed_on = _asked(post, digest)
    need = _need(post, verdict).without(passed_on)
    if not verdict.open:
        call_for(post)
    users = _ask(post, digest, need, asked)
    if need.lacking and not verdict.open:
        tell_lacking(post, need.lacking)
    return users


def ask_next(post: Post, verdict: Verdict) -> list[User]:
    """Asks the next able people beside those who were asked and did not answer."""
    digest = post.revision.digest if post.revision else ""
    asked, passed_on = _asked(post, digest)
    return _ask(post, digest, _need(post, verdict).without(asked | passed_on), set())


def _ask(post: Post, digest: str, need: _Need, already: Collection[int]) -> list[User]:
    chosen = choose(
        need.coverage, need.people, _load(post.brand_id), _asked_last(post.brand_id), need.eyes, already
    )
    # Somebody's accounts here, whichever they look at; one that is closed hears nothing.
    theirs = Membership.objects.filter(
        Q(user__in=chosen) | Q(user__same_person_as__in=chosen), brand_id=post.brand_id, is_active=True
    )
    users = list(User.objects.filter(pk__in=theirs.values("user"), is_active=True).order_by("pk"))
    now = database_now()
    Request.objects.bulk_create(
        (
            Request(
                post=post, user=user, digest=digest, asked_at=now, remind_at=reminder(now, end_of(post), 0)
            )
            for user in users
        ),
        # Asked for these bytes before, and their answer no longer stands: asked anew.
        update_conflicts=True,
        unique_fields=["post", "user", "digest"],
        update_fields=["asked_at", "reminded", "remind_at", "passed_on_at"],
    )
    tell(users, post.brand_id, "review.asked", post_id=post.pk, by=post.author.name)
    return users


def _asked(post: Post, digest: str) -> tuple[set[int], set[int]]:
    """(people asked for these bytes who have not answered, people in whose stead others were asked)."""
    answered: dict[int, datetime] = {}
    for said in Decision.objects.filter(post=post, digest=digest).select_related("user").order_by("pk"):
        answered[said.user.person_id] = said.at
    waiting, passed_on = set(), set()
    for row in Request.objects.filter(post=post, digest=digest).select_related("user"):
        person = row.user.person_id
        if row.passed_on_at is not None:
            passed_on.add(person)
        elif person not in answered or answered[person] < row.asked_at:
            waiting.add(person)
    return waiting, passed_on


def open_requests() -> QuerySet[Request]:
    """What people were asked, for bytes that are still there, and have not answered."""
    said = Decision.objects.filter(
        post=OuterRef("post_id"),
        user=OuterRef("user_id"),
        digest=OuterRef("digest"),
        at__gte=OuterRef("asked_at"),
    )
    return Request.objects.filter(
        ~Exists(said),
        post__state=PostState.IN_REVIEW.value,
        post__revision__digest=F("digest"),
        passed_on_at__isnull=True,
    )


def unanswered(user: User | int, brand: Brand | int) -> QuerySet[Post]:
    """Posts in review which this account was asked to read as they are now, and on which it said nothing."""
    said = Decision.objects.filter(
        post=OuterRef("post_id"), user=user, digest=OuterRef("digest"), at__gte=OuterRef("asked_at")
    )
    # From the posts in review on, which are few beside all that anybody was ever asked.
    asked = Request.objects.filter(
        ~Exists(said),
        post=OuterRef("pk"),
        digest=OuterRef("revision__digest"),
        user=user,
        passed_on_at__isnull=True,
    )
    waiting = Post.objects.filter(Exists(asked), brand=brand, state=PostState.IN_REVIEW.value)
    # In the queue's order, so that looking for the first ten of them ends with the tenth.
    return waiting.order_by("-on_approval", "slot", "pk")


def _load(brand_id: int) -> Counter[int]:
    """{person: how many posts wait for their answer}"""
    return Counter(dict(_WAITING.rows(brand_id)))


# Counted by the database: on a full desk it is ten thousand.
_WAITING = Prepared(
    lambda brand: (
        open_requests()
        .filter(post__brand=brand)
        .values_list(PERSON)
        .annotate(posts=Count("post", distinct=True))
    )
)


def _asked_last(brand_id: int) -> dict[int, float]:
    """{person: when they were last asked, in seconds}"""
    last: dict[int, float] = {}
    for user, person, moment in _LAST.rows(brand_id):
        if moment is not None:
            last[person or user] = max(last.get(person or user, 0.0), moment.timestamp())
    return last


def _last(brand: int) -> QuerySet[Membership, Any]:
    """From the members on, each to the newest of their requests: all that anybody was ever asked grows for ever."""
    asked = Request.objects.filter(user=OuterRef("user"), post__brand=OuterRef("brand")).order_by("-asked_at")
    return Membership.objects.filter(brand=brand).values_list(
        "user_id", "user__same_person_as_id", Subquery(asked.values("asked_at")[:1])
    )


_LAST = Prepared(_last)


# --- When nobody could --------------------------------------------------------------------------
def tell_lacking(post: Post, lacking: Sequence[str]) -> None:
    """Tells the author and the owners, once, what nobody who is there could give."""
    kind = "review.nobody"
    told = {
        (row.user_id, tuple(row.data.get("lacking", ())))
        for row in Notice.objects.filter(post_id=post.pk, kind=kind)
    }
    people = [post.author, *owners_of(post.brand)]
    fresh = [user for user in people if (user.pk, tuple(lacking)) not in told]
    tell(fresh, post.brand_id, kind, post_id=post.pk, lacking=list(lacking))


def foretell(post: Post, verdict: Verdict) -> None:
    """The same of a draft, as it would be judged if it were submitted as it is."""
    lacking = _need(post, verdict).lacking
    if lacking:
        tell_lacking(post, lacking)


# --- Reminders ----------------------------------------------------------------------------------
def end_of(post: Post) -> datetime | None:
    """Until when an answer helps: the slot, or the end of the window of what is due on approval."""
    return post.window_until if post.on_approval else post.slot


def reminder(asked_at: datetime, end: datetime | None, reminded: int) -> datetime | None:
    """When somebody asked then, and reminded so often, is reminded next."""
    if end is None or end <= asked_at or reminded >= len(REMIND_AFTER):
        return None
    return asked_at + (end - asked_at) * REMIND_AFTER[reminded]


def plan_reminders(post: Post) -> None:
    """After the slot was moved: whoever still has to answer is reminded in the new time."""
    for row in open_requests().filter(post=post, reminded__lt=len(REMIND_AFTER)):
        Request.objects.filter(pk=row.pk, reminded=row.reminded).update(
            remind_at=reminder(row.asked_at, end_of(post), row.reminded)
        )
