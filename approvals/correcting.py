"""Corrects what is out: a new post in the same lineage, which passes the gate like any other.

Contributors and objections carry over with the lineage. Nothing changes in public before the correction
is approved, due and allowed; then `publishing/releasing.py` replaces what is there.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.refusals import Refused
from approvals.reviewing import opened
from journal.recording import record
from posts import drafting
from posts.correcting import correctable, out_there
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Lineage, Post
from posts.reading import Draft
from posts.scheduling import ON_APPROVAL

_SETTLED = (DeliveryState.DELIVERED, DeliveryState.RETRACTING, DeliveryState.RETRACTED)


def correct(actor: User, pk: int, draft: Draft | None = None) -> Post:
    """A draft that corrects what is out of a post, with the words that are public now and the changes of
    `draft`; due on approval unless that says otherwise. Raises Refused, with why, where nothing can be
    corrected; Invalid for what cannot be read."""
    with opened(actor, pk) as post:
        # Two people who begin at once, on the post and on a correction of it, come one after the other.
        Lineage.objects.select_for_update().get(pk=post.lineage_id)
        targets = correctable(post)
        _demand_possible(post, targets)
        _demand_none_under_way(targets.values())
        newest = max(targets.values(), key=lambda one: one.pk).post
        words: Draft = {**drafting.as_draft(newest), "slot": ON_APPROVAL}
        words["channels"] = [one.channel.key for one in targets.values()]
        made = drafting.create(
            actor,
            post.brand,
            {**words, **(draft or {})},
            lineage=post.lineage,
            corrects=post,
            gaps=newest.gaps,
        )
        for about in (post, made):
            record("post.correct", actor, post.brand, f"post:{made.pk}", post_id=about.pk, corrects=post.pk)
        return made


def _demand_possible(post: Post, targets: Mapping[int, Delivery]) -> None:
    if targets:
        return
    if out_there(post):
        raise Refused(
            "cannot_correct",
            _(
                "No network on which this is out can change it afterwards. Retract it, "
                "or answer with another post."
            ),
        )
    if post.lifecycle == PostState.UNKNOWN:
        raise Refused("outcome_unknown", _("Nobody knows yet whether this is out: settle that first."))
    raise Refused("nothing_out", _("Nothing of this post is out: edit it instead."))


def _demand_none_under_way(targets: Collection[Delivery]) -> None:
    """Two corrections of one thing would overwrite each other in an order that nobody decided."""
    open_one = (
        Delivery.objects.filter(corrects__in=[one.pk for one in targets])
        .exclude(state__in=[state.value for state in _SETTLED])
        .exclude(post__state=PostState.WITHDRAWN.value)
        .values_list("post_id", flat=True)
        .first()
    )
    if open_one is not None:
        raise Refused(
            "correction_under_way",
            _("A correction of this is already being written: change that one, or withdraw it."),
            details={"post": open_one},
        )
