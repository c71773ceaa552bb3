"""Arriving at one post, from a list, a mail or another brand's desk."""

from __future__ import annotations

from django.utils import timezone

from accounts.policies import demand_member
from cm_queue.desk.guarding import MemberRequest
from posts.models import Post
from posts.policies import get_post


def at_post(request: MemberRequest, pk: int) -> Post:
    """The post, authorised, with the page around it set to its brand: a link in a mail may lead to another
    brand of the same person than the one they looked at last. Raises NotHere."""
    post = get_post(request.user, pk)
    if post.brand_id != request.brand.pk:
        request.membership = demand_member(request.user, post.brand)
        request.brand = post.brand
        timezone.activate(post.brand.zone)
    return post
