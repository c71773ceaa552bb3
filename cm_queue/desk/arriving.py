"""Arriving at one post, from a list, a mail or another brand's desk."""

from __future__ import annotations

from django.utils import timezone

from cm_queue.desk.guarding import MemberRequest
from posts.models import Post
from posts.policies import get_post_in


def at_post(request: MemberRequest, pk: int) -> Post:
    """The post, authorised, with the page around it set to its brand: a link in a mail may lead to another
    brand of the same person than the one they looked at last. Raises NotHere."""
    memberships = {one.brand_id: one for one in request.memberships}
    post = get_post_in(memberships, pk)
    if post.brand_id != request.brand.pk:
        request.membership = memberships[post.brand_id]
        request.brand = post.brand
        timezone.activate(post.brand.zone)
    return post
