"""What a post may go out after: the brand's posts that are on their way, soonest first."""

from __future__ import annotations

from django.utils.translation import gettext as _

from accounts.models import Brand
from cm_queue.desk.queueing import listed_posts
from cm_queue.desk.seeking import soonest
from journal import moments
from posts.lifecycle import PostState
from posts.models import Post
from posts.titling import title_of

OFFERED = 30
_ON_THEIR_WAY = (PostState.IN_REVIEW, PostState.SCHEDULED)


def predecessors(brand: Brand, post: Post | None) -> list[tuple[str, str]]:
    """[(number, words)] for a choice, the first of them none. What is chosen already is always offered."""
    on_their_way = listed_posts(brand).filter(state__in=[one.value for one in _ON_THEIR_WAY])
    found = {one.pk: one for one in soonest(on_their_way)[:OFFERED]}
    if post is not None:
        found.pop(post.pk, None)
        if post.after_id is not None and post.after_id not in found:
            found[post.after_id] = listed_posts(brand).get(pk=post.after_id)
    return [("", _("no other post")), *((str(pk), _words(one)) for pk, one in found.items())]


def _words(post: Post) -> str:
    title = title_of(post, 60)
    return f"{moments.brief(post.slot)} · {title}" if post.slot else title
