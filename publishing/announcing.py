"""Mails people what they are told, with the words of the post it is about and until when an answer helps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.utils.functional import lazy

from approvals.routing import end_of
from journal import digesting, mailing
from journal.asking import ask_of
from journal.mailing import About
from journal.models import Notice
from posts.lifecycle import PostState
from posts.models import Delivery, Post
from posts.titling import title_of

_OPEN = {PostState.DRAFT, PostState.IN_REVIEW, PostState.CHANGES_REQUESTED, PostState.HELD}
# So much of a post's text as says which one it is.
LONGEST = 160


def mail_notices() -> int:
    """The ticker's part: what goes at once."""
    return mailing.mail_notices(describe=describe)


def mail_digests() -> int:
    """The ticker's part: what waited for somebody's hour."""
    return digesting.mail_digests(describe=describe)


def describe(notices: Sequence[Notice]) -> Mapping[int, About]:
    """Two queries for any number of notices. The words of a post only in a notice of its own brand."""
    posts = Post.objects.filter(pk__in={one.post_id for one in notices if one.post_id})
    found = {post.pk: post for post in posts.select_related("revision")}
    by_hand = {int(one.data["by_hand"]) for one in notices if one.data.get("by_hand")}
    ends = dict(Delivery.objects.filter(pk__in=by_hand).values_list("pk", "expires_at")) if by_hand else {}
    return {one.pk: _about(one, found.get(one.post_id or 0), ends) for one in notices}


def _about(notice: Notice, post: Post | None, ends: Mapping[int, datetime | None]) -> About:
    if post is None or post.brand_id != notice.brand_id:
        return About()
    until = end_of(post) if ask_of(notice) and post.lifecycle in _OPEN else None
    if notice.data.get("by_hand"):
        until = ends.get(int(notice.data["by_hand"]))
    # Put into words when the mail is written, in its reader's language.
    return About(lazy(title_of, str)(post, LONGEST), until)
