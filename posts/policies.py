"""Who may do what to a post. Asked by pages, API, admin and templates alike."""

from __future__ import annotations

from collections.abc import Container

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.policies import demand_may_stop, membership_in
from accounts.preparing import Prepared
from accounts.refusals import NotHere, Refused
from adapters.registry import networks_by_hand
from posts.fetching import fetch_post
from posts.lifecycle import EDITABLE, MAY_BE_PUBLIC, DeliveryState, PostState
from posts.models import Post

_ON_ITS_WAY = frozenset(
    {
        PostState.IN_REVIEW,
        PostState.SCHEDULED,
        PostState.RELEASING,
        PostState.CHANGES_REQUESTED,
        PostState.MISSED,
        PostState.HELD,
    }
)


def get_post(user: User, pk: int) -> Post:
    """The post, fetched and authorised together. Raises NotHere for another brand's as for none."""
    post = fetch_post(pk)
    if post is None or membership_in(user, post.brand) is None:
        raise NotHere("no_such_post", _("There is no such post."))
    return post


def get_post_in(brand_ids: Container[int], pk: int) -> Post:
    """The same for somebody whose brands were read a moment ago. Raises NotHere."""
    post = fetch_post(pk)
    if post is None or post.brand_id not in brand_ids:
        raise NotHere("no_such_post", _("There is no such post."))
    return post


def brand_of(brand_ids: Container[int], pk: int) -> int:
    """The brand of the post, for the same, where nothing else of it is needed yet. Raises NotHere."""
    found = _BRAND_OF.rows(pk)
    if not found or found[0][0] not in brand_ids:
        raise NotHere("no_such_post", _("There is no such post."))
    return int(found[0][0])


_BRAND_OF = Prepared(lambda pk: Post.objects.filter(pk=pk).values_list("brand"))


def get_post_to_stop(user: User, pk: int) -> Post:
    """The post, for somebody who may stop it (`demand_may_stop`). Raises NotHere."""
    post = Post.objects.select_related("brand").filter(pk=pk).first()
    if post is None:
        raise NotHere("no_such_post", _("There is no such post."))
    demand_may_stop(user, post.brand)
    return post


def demand_editable(post: Post) -> None:
    """Raises Refused (409) when some of it is, or may be, public."""
    states = {DeliveryState(state) for state in post.deliveries.values_list("state", flat=True)}
    if post.lifecycle not in EDITABLE or states & MAY_BE_PUBLIC:
        raise Refused(
            "already_out", _("This post is being sent or is already out: it can no longer be changed.")
        )


def may_edit(post: Post) -> bool:
    return post.lifecycle in EDITABLE


def may_submit(post: Post) -> bool:
    return post.lifecycle in {
        PostState.DRAFT,
        PostState.CHANGES_REQUESTED,
        PostState.REJECTED,
        PostState.MISSED,
    }


def may_hold(post: Post) -> bool:
    if post.held_by_id is not None:
        return False
    if post.lifecycle == PostState.UNKNOWN:
        # Uncertain on one channel, still on its way on another, or in the hands of somebody who is to post it.
        waiting = [DeliveryState.PENDING.value, DeliveryState.CLAIMED.value]
        on_its_way = Q(state__in=waiting, approved_digest__isnull=False)
        in_hand = Q(state=DeliveryState.UNKNOWN.value, channel__network__in=networks_by_hand())
        return post.deliveries.filter(on_its_way | in_hand).exists()
    return post.lifecycle in _ON_ITS_WAY


def may_withdraw(user: User, post: Post) -> bool:
    """The author takes back what is not out; so may the brand's owner."""
    if post.lifecycle in {PostState.WITHDRAWN, PostState.PUBLISHED, PostState.RETRACTED, PostState.RELEASING}:
        return False
    membership = membership_in(user, post.brand)
    return post.author.person_id == user.person_id or bool(membership and membership.is_owner)


def may_repeat(post: Post) -> bool:
    """Whether its writing may be repeated: not of what was taken back, nor of a correction, which is about
    one thing out there."""
    return post.lifecycle not in {PostState.WITHDRAWN, PostState.RETRACTED} and post.corrects_id is None
