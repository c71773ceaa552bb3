"""What waits for whom: the posts in review that a person's expertise could bring forward.

Always for many posts at once, in a number of queries that does not grow with them. At most `OPEN` posts,
the soonest first, are judged: a page must not take longer because a desk is full.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.db.models import F, QuerySet
from django.utils.translation import gettext as _

from accounts.models import Brand, User
from approvals.facts import Loaded, load
from approvals.gate import Code, Coverage, Verdict, evaluate
from approvals.reviewing import moment_of
from posts.lifecycle import PostState
from posts.models import Post

OPEN = 120
_NOT_SHOWN = (
    "created_at",
    "submitted_at",
    "revision__payloads",
    "revision__created_at",
    "revision__sealed_at",
    "author__password",
    "author__last_login",
    "author__date_joined",
)
_SENTENCE = re.compile(r".{20,}?[.!?…](?=\s)")


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


def soonest(posts: QuerySet[Post]) -> QuerySet[Post]:
    """By slot; what has none yet comes first if it is due on approval, else last."""
    return posts.order_by(F("on_approval").desc(), F("slot").asc(nulls_last=True), "pk")


def soonest_first(posts: Iterable[Post]) -> list[Post]:
    """The same order for posts that are loaded already."""
    far = datetime.max.replace(tzinfo=UTC)
    return sorted(posts, key=lambda post: (not post.on_approval, post.slot or far, post.pk))


def judge(posts: Iterable[Post]) -> dict[int, Judged]:
    """The verdict on each post, by its id. Thirteen queries, or none for no posts."""
    once = {post.pk: post for post in posts}
    if not once:
        return {}
    loaded = load(list(once.values()))
    return {
        pk: Judged(post, loaded[pk], evaluate(loaded[pk].facts, moment_of(post, loaded[pk].facts.taken_at)))
        for pk, post in once.items()
    }


def in_review(brand: Brand) -> list[Post]:
    """The posts that wait for decisions, soonest slot first, with as little of each as judging it takes."""
    rows = (
        Post.objects.filter(brand=brand, state=PostState.IN_REVIEW.value)
        .select_related("author", "revision")
        .defer(*_NOT_SHOWN)
    )
    found = list(soonest(rows)[:OPEN])
    for post in found:
        post.brand = brand
    return found


def yours(verdict: Verdict, person: int) -> list[Coverage]:
    """The requirements that are still missing and that this person could cover."""
    return [one for one in verdict.reading.coverage if one.missing and person in (*one.could, *one.away)]


def waits_for(verdict: Verdict, person: int) -> bool:
    """Whether this person's approval would count towards something that is missing: a requirement, or
    one more pair of qualified eyes. The gate already left out whoever contributed."""
    if yours(verdict, person):
        return True
    return any(reason.code == Code.MISSING_PEOPLE and person in reason.could for reason in verdict.reasons)


def waiting(brand: Brand, user: User) -> list[Judged]:
    """The person's queue, soonest slot first."""
    return [one for one in judge(in_review(brand)).values() if waits_for(one.verdict, user.person_id)]


def title_of(post: Post, length: int = 96) -> str:
    """What a list calls a post: the first sentence of its text, if it is neither short nor long, else the
    text's first words; the image's description where there is no text."""
    content = post.revision.content if post.revision else {}
    texts = [content.get("text", ""), *content.get("variants", {}).values()]
    texts += [item.get("alt", "") for item in content.get("media", [])]
    text = next((" ".join(text.split()) for text in texts if text.strip()), "")
    sentence = _SENTENCE.match(text)
    if sentence and len(sentence.group()) <= length:
        return sentence.group()
    if len(text) > length:
        return textwrap.shorten(text, length, placeholder="…")
    return text or _("Post without a text (%(n)s)") % {"n": post.pk}


def neighbours(queue: Sequence[Judged], pk: int) -> tuple[int | None, Post | None, Post | None]:
    """(place from 1 or None, the one before, the one after) of a post in the queue. For a post that is
    not in it the one after is the first."""
    ids = [one.post.pk for one in queue]
    if pk not in ids:
        return None, None, queue[0].post if queue else None
    at = ids.index(pk)
    before = queue[at - 1].post if at else None
    after = queue[at + 1].post if at + 1 < len(queue) else None
    return at + 1, before, after
