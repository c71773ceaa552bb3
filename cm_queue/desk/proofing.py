"""What a reviewer reads: the sealed payloads as the public will get them, and what changed since these
bytes, or the ones before, were last read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from adapters.base import Count
from approvals.models import Decision
from cm_queue.desk.diffing import Changes, changes, links_of, texts_of
from cm_queue.desk.noting import notes_on
from cm_queue.desk.spotting import Oddity, Piece, marked, oddities
from posts.drafting import channels_of, current
from posts.models import Channel, Post, Revision
from posts.rendering import counts_of, fits_for, payload_of, price_of


@dataclass(frozen=True, slots=True)
class Preview:
    channel: Channel
    payload: dict[str, Any]
    counts: Sequence[Count]
    price: Decimal | None
    # By the SHA-256 of a file: what was done so that the network takes it.
    notes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Proof:
    """`base` is the revision that was read last, and by whom; `changes` what differs since (None when
    nobody read an earlier one). `odd_texts` are the texts that hold odd characters, with these marked."""

    previews: list[Preview]
    sealed: bool
    oddities: list[Oddity]
    odd_texts: list[list[Piece]]
    links: list[str]
    base: Revision | None
    base_readers: list[str]
    changes: Changes | None

    @property
    def unchanged(self) -> bool:
        return self.base is not None and self.changes is None


def previews_of(post: Post) -> tuple[list[Preview], bool]:
    """What each channel will get, and whether that is sealed. A draft that was never submitted is rendered
    as it would be."""
    revision = current(post)
    channels = channels_of(post)
    sealed = bool(revision.digest)
    content = revision.content
    # Of what is sealed it merely counts: its files are those of the payload, whatever the rules are today.
    fits = {} if sealed else fits_for(content, channels)
    previews = []
    for channel in channels:
        if sealed and channel.key not in revision.payloads:
            continue
        payload = revision.payloads[channel.key] if sealed else payload_of(content, channel, fits).as_json()
        notes = notes_on(content, payload, channel)
        counts, price = counts_of(content, channel, fits), price_of(content, channel, fits)
        previews.append(Preview(channel, payload, counts, price, notes))
    return previews, sealed


def proof_of(post: Post, decisions: Sequence[Decision], person: int) -> Proof:
    """`decisions` are all of this post's, oldest first, with user and revision."""
    previews, sealed = previews_of(post)
    payloads = {one.channel.key: one.payload for one in previews}
    texts = list(dict.fromkeys(text for payload in payloads.values() for text in texts_of(payload)))
    base = base_of(post, decisions, person)
    revision = current(post)
    changed = None
    if base is not None and base.digest != revision.digest:
        changed = changes(base.payloads, payloads, {one.channel.key: one.channel.name for one in previews})
    odd = [pieces for pieces in (marked([(0, text)]) for text in texts) if len(pieces) > 1 or _is_odd(pieces)]
    return Proof(
        previews=previews,
        sealed=sealed,
        oddities=oddities(texts),
        odd_texts=odd if changed is None or not changed.texts else [],
        links=links_of(payloads.values()),
        base=base,
        base_readers=readers_of(base, decisions, post) if base else [],
        changes=changed,
    )


def _is_odd(pieces: Sequence[Piece]) -> bool:
    return any(piece[0] == "odd" for piece in pieces)


def base_of(post: Post, decisions: Sequence[Decision], person: int) -> Revision | None:
    """The revision to compare with: the last one the reader decided on, else the last one on which
    anybody but the author did."""
    read = [one for one in decisions if one.user.person_id != post.author.person_id]
    own = [one for one in read if one.user.person_id == person]
    chosen = (own or read)[-1:] if read else []
    return chosen[0].revision if chosen else None


def readers_of(base: Revision, decisions: Sequence[Decision], post: Post) -> list[str]:
    names = [
        one.user.name
        for one in decisions
        if one.revision_id == base.pk and one.user.person_id != post.author.person_id
    ]
    return list(dict.fromkeys(names))
