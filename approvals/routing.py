"""Who is asked: the smallest set of present people who together cover what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from django.db.models import Max, Q

from accounts.models import Membership, User
from approvals.gate import Code, Coverage, Verdict
from approvals.models import Request
from journal.telling import tell
from posts.lifecycle import PostState
from posts.models import Post

# Beyond it everybody able is asked: a brand whose posts need more people than this has other worries.
_LARGEST = 4


def choose(
    coverage: Sequence[Coverage],
    people: int,
    open_posts: Mapping[int, int],
    asked_last: Mapping[int, float],
    others: Collection[int] = (),
) -> list[int]:
    """The people to ask, least loaded first, ties by who was asked longest ago.

    `people` is how many distinct approvers are still missing; `others` could be one of them without
    covering anything (duo); `open_posts` and `asked_last` (seconds) are by person. Answers an empty list
    when nothing is missing, and as many as help when no set of present people covers it all.
    """
    missing = [one for one in coverage if one.missing]
    candidates = sorted(
        {person for one in coverage for person in one.could} | set(others),
        key=lambda person: (open_posts.get(person, 0), asked_last.get(person, 0.0), person),
    )
    reachable = [(min(one.missing, len(one.could)), set(one.could)) for one in missing]
    wanted = min(people, len(candidates))
    if not any(need for need, _able in reachable) and not wanted:
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
    return candidates


def ask(post: Post, verdict: Verdict) -> list[User]:
    """Asks the people chosen, once for each digest, and tells them. Answers who was asked."""
    reading = verdict.reading
    eyes = {one for reason in verdict.reasons if reason.code == Code.MISSING_PEOPLE for one in reason.could}
    chosen = choose(
        reading.coverage,
        max(0, reading.needed - len(reading.have)),
        _load(post.brand_id),
        _asked_last(post.brand_id),
        eyes,
    )
    # Somebody's accounts here, whichever they look at; one that is closed hears nothing.
    theirs = Membership.objects.filter(
        Q(user__in=chosen) | Q(user__same_person_as__in=chosen), brand_id=post.brand_id, is_active=True
    )
    users = list(User.objects.filter(pk__in=theirs.values("user"), is_active=True).order_by("pk"))
    digest = post.revision.digest if post.revision else ""
    Request.objects.bulk_create(
        (Request(post=post, user=user, digest=digest) for user in users), ignore_conflicts=True
    )
    tell(users, post.brand_id, "review.asked", post_id=post.pk, by=post.author.name)
    if not users and not verdict.open:
        tell([post.author], post.brand_id, "review.nobody", post_id=post.pk)
    return users


def _load(brand_id: int) -> Counter[int]:
    waiting = Request.objects.filter(post__brand_id=brand_id, post__state=PostState.IN_REVIEW.value)
    return Counter(waiting.values_list("user_id", flat=True))


def _asked_last(brand_id: int) -> dict[int, float]:
    last = (
        Request.objects.filter(post__brand_id=brand_id).values_list("user_id").annotate(last=Max("asked_at"))
    )
    return {user_id: moment.timestamp() for user_id, moment in last}
