"""What waits for whom: the posts in review that a person's expertise could bring forward.

Always for many posts at once, in a number of queries that does not grow with them. Posts are judged by two
dozen, from some place in their order on: a page must not take longer because a desk is full.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from django.db.models import QuerySet

from accounts.models import Brand, User
from approvals.facts import Loaded, load
from approvals.gate import Coverage, Verdict, evaluate
from approvals.reviewing import moment_of
from approvals.routing import waits_for
from approvals.standing import DESK_SHELF
from cm_queue.desk import seeking
from cm_queue.desk.seeking import Place, Sought
from posts.lifecycle import PostState
from posts.models import Post

# How many are judged at once, and how often at most for one page: then it shows what it found. The database leaves in
# few that do not wait, so that a page's worth and a few more mostly make a page.
LOOK = 24
LOOKS = 5
PER_PAGE = 20
NEXT = 8
_NOT_SHOWN = (
    "created_at",
    "submitted_at",
    "reasons",
    "local_slot",
    "revision__payloads",
    "revision__created_at",
    "revision__sealed_at",
    "author__password",
    "author__last_login",
    "author__date_joined",
)


@dataclass(frozen=True, slots=True)
class Judged:
    """A post with the gate's verdict on it, as it would be at its slot."""

    post: Post
    loaded: Loaded
    verdict: Verdict

    @property
    def coverage(self) -> Sequence[Coverage]:
        return self.verdict.reading.coverage

    @property
    def met(self) -> int:
        return sum(not one.missing for one in self.coverage)


def listed_posts(brand: Brand) -> QuerySet[Post]:
    """A brand's posts with what a list shows of them. Sealed payloads, which are long, stay behind."""
    return (
        Post.objects.filter(brand=brand)
        .select_related("brand", "author", "revision", "held_by")
        .defer("revision__payloads")
    )


def judge(posts: Iterable[Post]) -> dict[int, Judged]:
    """The verdict on each post, by its id. Thirteen queries, five when the brand was read a moment ago, or none
    for no posts."""
    once = {post.pk: post for post in posts}
    if not once:
        return {}
    loaded = load(list(once.values()), shelf=DESK_SHELF)
    return {
        pk: Judged(post, loaded[pk], evaluate(loaded[pk].facts, moment_of(post, loaded[pk].facts.taken_at)))
        for pk, post in once.items()
    }


def yours(verdict: Verdict, person: int) -> list[Coverage]:
    """The requirements that are still missing and that this person could cover."""
    return [one for one in verdict.reading.coverage if one.missing and person in (*one.could, *one.away)]


def _rows(posts: QuerySet[Post], brand: Brand, count: int) -> list[Post]:
    """With as little of each as judging and listing it takes."""
    found = list(posts.select_related("author", "revision").defer(*_NOT_SHOWN)[:count])
    for post in found:
        post.brand = brand
    return found


def planned_reviews(brand: Brand, count: int) -> list[Post]:
    """The soonest posts in review that have a slot, whoever they wait for."""
    planned = seeking.in_review(brand).filter(on_approval=False, slot__isnull=False)
    return _rows(planned.order_by("-on_approval", "slot", "pk"), brand, count)


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first posts that may wait for a person, not judged yet; `whole` when there are no others."""

    posts: Sequence[Post]
    whole: bool


def beginning(brand: Brand, user: User) -> Beginning:
    posts = _candidates(brand, user, Sought(), None, LOOK)
    return Beginning(posts, len(posts) < LOOK)


def _candidates(
    brand: Brand, user: User, sought: Sought, after: Place | None, count: int, *, backwards: bool = False
) -> list[Post]:
    """The next so many posts from a place on that may wait for a person, soonest first, or backwards."""
    waiting = seeking.could_wait(seeking.in_review(brand), user.person_id, DESK_SHELF.of(brand))
    found = sought.among(waiting)
    if after is not None:
        found = found.filter(after.before() if backwards else after.after())
    return _rows(seeking.latest(found) if backwards else seeking.soonest(found), brand, count)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a person's queue. `older` and `newer` are the places from which it goes on that way, None at
    an end; `whole` says that this is all there is."""

    rows: Sequence[Judged] = field(default_factory=list)
    newer: Place | None = None
    older: Place | None = None

    @property
    def whole(self) -> bool:
        return self.newer is None and self.older is None


def stretch(
    brand: Brand, user: User, sought: Sought, *, after: Place | None = None, before: Place | None = None
) -> Stretch:
    """A page of what waits for a person, from a place on. Looks at `LOOK` posts, and again where the gate has
    more to say of most of them, at most `LOOKS` times: a page may be short and go on all the same."""
    backwards = before is not None
    place, found, more = before if backwards else after, list[Judged](), True
    for _ in range(LOOKS):
        rows = _candidates(brand, user, sought, place, LOOK, backwards=backwards)
        judged = judge(rows)
        found += [judged[one.pk] for one in rows if waits_for(judged[one.pk].verdict, user.person_id)]
        more = len(rows) == LOOK
        place = Place.of(rows[-1]) if rows else place
        if not more or len(found) > PER_PAGE:
            break
    if len(found) > PER_PAGE:
        found, more = found[:PER_PAGE], True
        place = Place.of(found[-1].post)
    further = place if more else None
    if not backwards:
        return Stretch(found, after and (Place.of(found[0].post) if found else after), further)
    found.reverse()
    return Stretch(found, further, Place.of(found[-1].post) if found else before)


# --- Beside one post ----------------------------------------------------------------------------
class Around(NamedTuple):
    """Where a post stands in a person's queue: its place from 1 (None: not among the first), of how many
    (“24+” where there are more), and the posts before and after it."""

    place: int | None = None
    total: int | str = 0
    before: Post | None = None
    after: Post | None = None


def around(this: Judged, first: Beginning, user: User) -> Around:
    """For a post that does not wait for the person, the one after it is the first that does."""
    post, waiting = this.post, _is_waiting(this, user)
    if waiting and not first.whole and post.pk not in {one.pk for one in first.posts}:
        return Around(before=_beside(post, user, backwards=True), after=following(post, user))
    judged = judge(first.posts)
    queue = [one for one in first.posts if waits_for(judged[one.pk].verdict, user.person_id)]
    ids = [one.pk for one in queue]
    if post.pk not in ids:
        return Around(after=queue[0] if queue else None)
    at = ids.index(post.pk)
    after = queue[at + 1] if at + 1 < len(queue) else None
    if after is None and not first.whole:
        after = following(post, user)
    total = len(queue) if first.whole else f"{len(queue)}+"
    return Around(at + 1, total, queue[at - 1] if at else None, after)


def _is_waiting(one: Judged, user: User) -> bool:
    return one.post.lifecycle == PostState.IN_REVIEW and waits_for(one.verdict, user.person_id)


def following(post: Post, user: User) -> Post | None:
    """The next post after this one that waits for the person."""
    return _beside(post, user, backwards=False)


def following_or_first(post: Post, user: User) -> Post | None:
    """The same; for a post that does not wait for them, the first that does."""
    if _is_waiting(judge([post])[post.pk], user):
        return following(post, user)
    first = stretch(post.brand, user, Sought()).rows
    return next((one.post for one in first if one.post.pk != post.pk), None)


def _beside(post: Post, user: User, *, backwards: bool) -> Post | None:
    """The nearest one that waits for the person. Mostly it is among the first few; then it looks further."""
    place = Place.of(post)
    for count in (NEXT, *([LOOK] * (LOOKS - 1))):
        rows = _candidates(post.brand, user, Sought(), place, count, backwards=backwards)
        judged = judge(rows)
        found = next((one for one in rows if waits_for(judged[one.pk].verdict, user.person_id)), None)
        if found is not None or len(rows) < count:
            return found
        place = Place.of(rows[-1])
    return None
