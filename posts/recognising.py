"""Recognises a text that is already out on a channel: the same words, or nearly.

A plain comparison, and a bounded one: words without their case, accents and punctuation, over the latest
posts that went out there. It only ever warns; saying something twice may be meant.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from posts.lifecycle import DeliveryState
from posts.models import Channel, Delivery

# How many of a brand's latest deliveries are compared.
LATEST = 300
# Of all the words in either text, the part that both have, from which on they are nearly the same.
ALIKE = 0.8
# Texts of fewer words are recognised only when they are the same: "Merci à tous" says little.
FEWEST = 5
_WORD = re.compile(r"[^\W_]+")
_ADDRESS = re.compile(r"https?://\S+")


@dataclass(frozen=True, slots=True)
class Known:
    """What is out already: on which channel, since when, word for word or nearly."""

    channel: Channel
    post: int
    at: datetime
    same: bool


def words_of_text(text: str) -> tuple[str, ...]:
    """The words, without case, accents, punctuation and web addresses."""
    plain = unicodedata.normalize("NFKD", _ADDRESS.sub(" ", text)).casefold()
    return tuple(_WORD.findall("".join(one for one in plain if not unicodedata.combining(one))))


def likeness(one: Sequence[str], other: Sequence[str]) -> float:
    """1 for the same words in the same order, else the part of the words that both have, below 1."""
    if not one or not other:
        return 0.0
    if tuple(one) == tuple(other):
        return 1.0
    if min(len(one), len(other)) < FEWEST:
        return 0.0
    first, second = set(one), set(other)
    return min(len(first & second) / len(first | second), 0.999)


def already_out(
    content: Mapping[str, Any], channels: Sequence[Channel], but: int | None = None
) -> list[Known]:
    """What went out with (nearly) these words, the most like it of each channel; `but` is the post itself.
    One query of `LATEST` rows at most."""
    texts = {one.pk: words_of_text(_said(content, one.key)) for one in channels}
    if not any(texts.values()):
        return []
    rows = (
        Delivery.objects.filter(channel__in=texts, state=DeliveryState.DELIVERED.value)
        .exclude(post=but)
        .order_by("-pk")
        .values_list("channel_id", "post_id", "delivered_at", "post__revision__content")[:LATEST]
    )
    by_pk = {one.pk: one for one in channels}
    best: dict[int, tuple[float, Known]] = {}
    for channel_id, post_id, at, there in rows:
        channel = by_pk[channel_id]
        like = likeness(texts[channel_id], words_of_text(_said(there or {}, channel.key)))
        if like >= ALIKE and at is not None and like > best.get(channel_id, (0.0,))[0]:
            best[channel_id] = (like, Known(channel, post_id, at, like == 1.0))
    return [best[one.pk][1] for one in channels if one.pk in best]


def _said(content: Mapping[str, Any], key: str) -> str:
    """The whole text of one channel, its thread included."""
    text = content.get("variants", {}).get(key) or content.get("text", "")
    return "\n".join([text, *content.get("thread", [])])
