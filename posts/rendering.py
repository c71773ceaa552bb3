"""From what was written to what each network would get: problems, counts, payloads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from adapters.base import Adapter, Content, Count, MediaItem, Payload
from adapters.registry import adapter_for
from posts.models import Channel


@dataclass(frozen=True, slots=True)
class Found:
    """A problem, worded for people. `channel` is a channel's key, or empty for the whole post."""

    code: str
    field: str
    channel: str
    message: str

    def as_json(self) -> dict[str, str]:
        return {"code": self.code, "field": self.field, "channel": self.channel, "message": self.message}


def adapter_of(channel: Channel) -> type[Adapter]:
    return adapter_for(channel.network)


def limits_of(channel: Channel) -> Mapping[str, Any]:
    """The stored snapshot of the network's limits over the adapter's own defaults."""
    return {**adapter_of(channel).default_limits, **channel.limits}


def content_for(content: Mapping[str, Any], channel: str) -> Content:
    """What goes to one channel: its variant of the text where there is one, and its options."""
    return Content(
        text=content["variants"].get(channel) or content["text"],
        media=tuple(
            MediaItem(
                sha256=item["sha256"],
                mime=item["mime"],
                alt=item["alt"],
                width=item["width"],
                height=item["height"],
                size=item["size"],
            )
            for item in content["media"]
        ),
        link=content["link"],
        reply_to=content["reply_to"],
        thread=tuple(content["thread"]),
        options=content["options"].get(channel, {}),
    )


def problems_of(content: Mapping[str, Any], channels: Sequence[Channel]) -> list[Found]:
    """Every reason why this content cannot be submitted, worded in the active language."""
    found = []
    if not channels:
        found.append(Found("no_channel", "channels", "", _("Choose at least one channel.")))
    if not content["text"].strip() and not content["media"] and not any(content["variants"].values()):
        found.append(Found("empty", "text", "", _("Write something, or add an image.")))
    for channel in channels:
        adapter = adapter_of(channel)
        for problem in adapter.validate(content_for(content, channel.key), limits_of(channel)):
            sentence = _(problem.message) % dict(problem.params)
            found.append(Found(problem.code, problem.field, channel.key, f"{channel.name} : {sentence}"))
    return found


def counts_of(content: Mapping[str, Any], channel: Channel) -> list[Count]:
    return adapter_of(channel).count(content_for(content, channel.key), limits_of(channel))


def payload_of(content: Mapping[str, Any], channel: Channel) -> Payload:
    """The exact bytes for one channel, rendered with the stored snapshot of its limits."""
    return adapter_of(channel).render(content_for(content, channel.key), channel.key, limits_of(channel))
