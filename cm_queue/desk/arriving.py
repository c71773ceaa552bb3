"""Arriving at one post, from a list, a mail or another brand's desk."""

from __future__ import annotations

from django.utils import timezone

from accounts.models import Membership
from cm_queue.desk.guarding import MemberRequest
from posts.models import Post
from posts.policies import brand_of, get_post_in


def at_post(request: MemberRequest, pk: int) -> Post:
    """The post, authorised, with the page around it set to its brand: a link in a mail may lead to another
    brand of the same person than the one they looked at last. Raises NotHere."""
    memberships = _memberships(request)
    post = get_post_in(memberships, pk)
    _turn_to(request, memberships[post.brand_id])
    return post


def at_brand_of(request: MemberRequest, pk: int) -> None:
    """The same, where nothing but the brand of the post is needed yet."""
    memberships = _memberships(request)
    _turn_to(request, memberships[brand_of(memberships, pk)])


def _memberships(request: MemberRequest) -> dict[int, Membership]:
    return {one.brand_id: one for one in request.memberships}


def _turn_to(request: MemberRequest, membership: Membership) -> None:
    if membership.brand_id != request.brand.pk:
        request.membership = membership
        request.brand = membership.brand
        timezone.activate(membership.brand.zone)
