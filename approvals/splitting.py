"""Splits a post that may be under review, and puts both parts where their decisions put them."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.models import User
from approvals.reviewing import follow_edit, opened
from journal.telling import tell
from posts import drafting, splitting
from posts.models import Post
from posts.moves import lock_post


def split(actor: User, pk: int, channels: Sequence[str], *, seen: int | None = None) -> Post:
    """The new post with these channels; see `posts/splitting.py`. Of a post in review or beyond both parts
    are sealed anew, and asked about: an approval of the whole is none of a part."""
    with opened(actor, pk) as post:
        drafting.demand_fresh(post, seen)
        read = drafting.current(post).digest
        fresh = lock_post(splitting.split(actor, post, channels).pk)
        follow_edit(actor, post, read)
        follow_edit(actor, fresh, read)
        if post.author.person_id != actor.person_id:
            tell([post.author], post.brand_id, "post.split", post_id=fresh.pk, who=actor.name)
    return fresh
