"""From what was written to what each network would get: problems, counts, payloads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast

from django.utils.translation import gettext as _

from adapters.base import Adapter, Content, Count, Payload, Priced
from adapters.media import Fitting, MediaRules
from adapters.registry import adapter_for
from posts.fitting import Fits, as_item, find_fits, stand_ins
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


def rules_for(channel: Channel) -> MediaRules | None:
    """Which pictures the channel takes; None where its network does not say."""
    kind = adapter_of(channel)
    if not hasattr(kind, "media_rules"):
        return None
    return cast(type[Fitting], kind).media_rules(limits_of(channel))


def fits_for(content: Mapping[str, Any], channels: Iterable[Channel]) -> Fits:
    """The pictures that go to these channels in place of those that were taken in. One query for all of them
    at most; whoever renders for several channels looks them up once and hands them on."""
    rules = {channel.key: rules_for(channel) for channel in channels}
    return find_fits(content["media"], {key: said for key, said in rules.items() if said})


def content_for(content: Mapping[str, Any], channel: str, fits: Fits | None = None) -> Content:
    """What goes to one channel: its variant of the text where there is one, its options, its pictures."""
    return Content(
        text=content["variants"].get(channel) or content["text"],
        media=stand_ins([as_item(item) for item in content["media"]], (fits or {}).get(channel, {})),
        link=content["link"],
        reply_to=content["reply_to"],
        thread=tuple(content["thread"]),
        options=content["options"].get(channel, {}),
    )


def problems_of(
    content: Mapping[str, Any], channels: Sequence[Channel], fits: Fits | None = None
) -> list[Found]:
    """Every reason why this content cannot be submitted, worded in the active language."""
    found = []
    if not channels:
        found.append(Found("no_channel", "channels", "", _("Choose at least one channel.")))
    if not content["text"].strip() and not content["media"] and not any(content["variants"].values()):
        found.append(Found("empty", "text", "", _("Write something, or add an image.")))
    fits = fits_for(content, channels) if fits is None else fits
    for channel in channels:
        adapter = adapter_of(channel)
        for problem in adapter.validate(content_for(content, channel.key, fits), limits_of(channel)):
            sentence = _(problem.message) % dict(problem.params)
            found.append(Found(problem.code, problem.field, channel.key, f"{channel.name} : {sentence}"))
    return found


def counts_of(content: Mapping[str, Any], channel: Channel, fits: Fits | None = None) -> list[Count]:
    return adapter_of(channel).count(_for(content, channel, fits), limits_of(channel))


def price_of(content: Mapping[str, Any], channel: Channel, fits: Fits | None = None) -> Decimal | None:
    """What the network charges for it, in US dollars; None where it charges nothing."""
    kind = adapter_of(channel)
    if not kind.capabilities.priced:
        return None
    return cast(type[Priced], kind).price(_for(content, channel, fits), limits_of(channel))


def payload_of(content: Mapping[str, Any], channel: Channel, fits: Fits | None = None) -> Payload:
    """The exact bytes for one channel, rendered with the stored snapshot of its limits."""
    return adapter_of(channel).render(_for(content, channel, fits), channel.key, limits_of(channel))


def _for(content: Mapping[str, Any], channel: Channel, fits: Fits | None) -> Content:
    return content_for(content, channel.key, fits_for(content, [channel]) if fits is None else fits)
