"""Posts as the verbs and pages need them: with brand, revision and author, in one statement."""

from __future__ import annotations

from collections.abc import Sequence

from accounts.preparing import PreparedObjects, padded
from posts.models import Channel, Post

_POSTS = PreparedObjects(Post, lambda *ids: Post.objects.filter(pk__in=ids), "brand", "revision", "author")
_CHANNELS = PreparedObjects(Channel, lambda brand: Channel.objects.filter(brand=brand))


def fetch_posts(ids: Sequence[int]) -> dict[int, Post]:
    """Those that there are, by id."""
    return {post.pk: post for post in _POSTS.objects(*padded(ids))} if ids else {}


def fetch_post(pk: int) -> Post | None:
    return fetch_posts([pk]).get(pk)


def channels_in(brand_id: int) -> dict[str, Channel]:
    """All of a brand's, by key."""
    return {channel.key: channel for channel in _CHANNELS.objects(brand_id)}
