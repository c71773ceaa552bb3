"""Splits a post in two by its channels: the same words, each part on its own way from then on.

Both parts are of one lineage: whoever wrote the whole wrote both, and an objection to one holds both
(docs/decisions/lineage.md). The channels are in the digest, so both are read again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from accounts.refusals import Invalid, Refused
from journal.recording import record
from posts.drafting import channels_of, current, reseal, revise_content, set_deliveries
from posts.lifecycle import REVIEWED, PostState
from posts.marking import carry_marks
from posts.models import Channel, Post
from posts.moves import change_post
from posts.policies import demand_editable

# What the part that is split off has in common with the whole.
_SHARED = (
    "brand_id", "lineage_id", "author_id", "kind", "products", "topics", "products_said", "slot", "local_slot",
    "on_approval", "window_from", "window_until", "late_minutes", "after_id", "gaps",
)  # fmt: skip


def split(actor: User, post: Post, keys: Sequence[str]) -> Post:
    """Takes these channels of a locked post into a new post, and leaves it the others. Answers the new one.

    To split is not to write: `actor` becomes no contributor. Raises Invalid when the channels are not some
    of the post's, Refused once any of it may be public, or when it corrects what is out."""
    demand_editable(post)
    if post.corrects_id is not None:
        raise Refused(
            "is_a_correction", _("A correction replaces what is out, channel by channel: it is not split.")
        )
    channels = channels_of(post)
    taken = _read_keys(channels, keys)
    there = [channel for channel in channels if channel.key in taken]
    here = [channel for channel in channels if channel.key not in taken]
    content = current(post).content
    reviewed = post.lifecycle in REVIEWED
    fresh = Post(**{name: getattr(post, name) for name in _SHARED})
    fresh.save(force_insert=True)
    revision = revise_content(fresh, actor, _part(content, there), number=1)
    Post.objects.filter(pk=fresh.pk).update(revision=revision, submitted_at=post.submitted_at)
    fresh.revision, fresh.submitted_at = revision, post.submitted_at
    set_deliveries(fresh, there)
    carry_marks(post, fresh)
    record(
        "post.split",
        actor,
        post.brand_id,
        f"post:{fresh.pk}",
        post_id=fresh.pk,
        source=post.pk,
        channels=taken,
    )
    rest = revise_content(post, actor, _part(content, here), number=current(post).number + 1)
    change_post(post, "post.split", actor, told={"revision": rest.number, "to": fresh.pk}, revision=rest)
    set_deliveries(post, here)
    if reviewed:
        if post.held_by_id is not None:
            change_post(fresh, "post.hold", actor, to=PostState.HELD, held_by_id=post.held_by_id)
        else:
            change_post(fresh, "post.in_review", actor, to=PostState.IN_REVIEW)
        reseal(actor, post, here)
        reseal(actor, fresh, there)
    return fresh


def _read_keys(channels: Sequence[Channel], keys: Sequence[str]) -> list[str]:
    taken, there = list(dict.fromkeys(keys)), [channel.key for channel in channels]
    unknown = [key for key in taken if key not in there]
    sentence = ""
    if not taken:
        sentence = _("Choose the channels that go their own way.")
    elif unknown:
        sentence = _("This post does not go to “%(key)s”.") % {"key": unknown[0]}
    elif len(taken) == len(there):
        sentence = _("Leave the post at least one channel.")
    if sentence:
        raise Invalid("bad_split", sentence, fields={"channels": [sentence]})
    return taken


def _part(content: Mapping[str, Any], channels: Collection[Channel]) -> dict[str, Any]:
    """The content for some of its channels, without what is said on the others only."""
    keys = [channel.key for channel in channels]
    own = {
        name: {key: value for key, value in content[name].items() if key in keys}
        for name in ("variants", "options")
    }
    return {**content, **own, "channels": keys}
