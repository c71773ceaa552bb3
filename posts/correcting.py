"""What a correction replaces, and what stands in its way.

A correction is a post of its own, in the lineage of what it corrects: written, approved and sealed like
any other. Only the last step differs: what is out there is replaced instead of something new being
published beside it (docs/decisions/corrections.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from adapters.base import Payload
from posts.lifecycle import DeliveryState
from posts.models import Channel, Delivery, Post
from posts.rendering import Found, adapter_of, fits_for, payload_of


def out_there(post: Post) -> dict[int, Delivery]:
    """{channel id: the delivery that says what is public now} for what is out of a post, its later
    corrections followed to the last one. Two queries."""
    rows = Delivery.objects.filter(
        post__lineage_id=post.lineage_id, state=DeliveryState.DELIVERED.value
    ).select_related("channel", "post__revision")
    found = list(rows.order_by("pk"))
    corrected_by = {row.corrects_id: row for row in found if row.corrects_id is not None}
    latest = {}
    for row in found:
        if row.post_id == post.pk:
            newest = row
            while newest.pk in corrected_by:
                newest = corrected_by[newest.pk]
            latest[row.channel_id] = newest
    return latest


def correctable(post: Post) -> dict[int, Delivery]:
    """Those of `out_there` that can be corrected."""
    return correctable_among(out_there(post))


def correctable_among(out: Mapping[int, Delivery]) -> dict[int, Delivery]:
    """Those whose network can edit, and of which we know where they are."""
    return {
        channel_id: row
        for channel_id, row in out.items()
        if row.remote_id and row.channel.is_active and adapter_of(row.channel).capabilities.edit
    }


def targets_of(post: Post) -> dict[int, Delivery]:
    """{channel id: what a correction will replace there}; empty for a post that corrects nothing."""
    if post.corrects is None:
        return {}
    return {pk: row for pk, row in correctable(post.corrects).items() if row.post_id != post.pk}


def obstacles(post: Post, content: Mapping[str, Any], channels: Sequence[Channel]) -> list[Found]:
    """Why a correction cannot be submitted as it is: beside what its network objects to in any post."""
    if post.corrects_id is None:
        return []
    targets, found, same = targets_of(post), [], 0
    fits = fits_for(content, channels)
    for channel in channels:
        target = targets.get(channel.pk)
        if target is None:
            sentence = _("Nothing of it is out there that could be corrected.")
            found.append(Found("nothing_to_correct", "channels", channel.key, f"{channel.name} : {sentence}"))
            continue
        before, after = Payload.from_json(target.payload or {}), payload_of(content, channel, fits)
        found += _kept(channel, before, after)
        same += before.sha256 == after.sha256
    if channels and same == len(channels):
        found.append(Found("nothing_changed", "text", "", _("Nothing here differs from what is out.")))
    return found


def _kept(channel: Channel, before: Payload, after: Payload) -> list[Found]:
    found = []
    if len(before.body["parts"]) != len(after.body["parts"]):
        sentence = _("A correction must have as many parts as the thread that is out.")
        found.append(Found("correction_parts", "thread", channel.key, f"{channel.name} : {sentence}"))
    words = {
        "visibility": ("options", _("Who sees it cannot be changed once it is out.")),
        "reply_to": ("reply_to", _("What it answers cannot be changed once it is out.")),
    }
    for name in adapter_of(channel).capabilities.edit_keeps:
        if before.body.get(name) != after.body.get(name):
            field, sentence = words.get(name, ("text", _("Some of it cannot be changed once it is out.")))
            found.append(Found("correction_keeps", field, channel.key, f"{channel.name} : {sentence}"))
    return found
