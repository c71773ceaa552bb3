"""What may be done about a post that is out, and how far that is: corrections, and taking it back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from accounts.models import Brand, User
from approvals.gate import ENTRUSTED
from approvals.levels import level_of
from approvals.models import Incident
from cm_queue.desk.diffing import Changes, changes
from posts.correcting import correctable_among, out_there, targets_of
from posts.drafting import current
from posts.lifecycle import DeliveryState, PostState
from posts.models import Delivery, Post
from posts.rendering import adapter_of
from publishing.models import BulkRetraction, Retraction
from publishing.retracting import Progress, progress, retractions_of

BY_HAND = 50


@dataclass(frozen=True, slots=True)
class Afterwards:
    """`far` is how far taking back is; `deletes` whether any network of what is out can delete by itself."""

    far: Progress
    corrections: Sequence[Post]
    may_correct: bool
    may_retract: bool
    deletes: bool

    @property
    def shown(self) -> bool:
        return bool(self.far.asked or self.corrections or self.may_correct or self.may_retract)


def afterwards(post: Post, user: User) -> Afterwards:
    """What the post's page shows below its deliveries. A handful of queries."""
    out = out_there(post)
    corrections = list(post.corrections.exclude(state=PostState.WITHDRAWN.value).order_by("pk"))
    editable = correctable_among(out)
    asked = Delivery.objects.filter(corrects__in=[one.pk for one in editable.values()])
    open_one = asked.exclude(post__state=PostState.WITHDRAWN.value).exists() if editable else False
    return Afterwards(
        far=progress(retractions_of(post)),
        corrections=corrections,
        may_correct=bool(editable) and not open_one,
        may_retract=bool(out) and _takes_back(user, post.brand),
        deletes=any(adapter_of(one.channel).capabilities.delete for one in out.values()),
    )


def _takes_back(user: User, brand: Brand) -> bool:
    return level_of(user, brand, "craft") >= ENTRUSTED


# --- A correction, seen from itself -----------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Replacing:
    """What a correction replaces: the post, where it is out, and what would read otherwise there."""

    post: Post
    places: Sequence[Delivery]
    changes: Changes | None


def replacing(post: Post) -> Replacing | None:
    """None for a post that corrects nothing."""
    if post.corrects is None:
        return None
    rows = post.deliveries.filter(corrects__isnull=False).select_related("corrects__channel")
    places = [one.corrects for one in rows.order_by("pk") if one.corrects is not None]
    if not places:
        places = list(targets_of(post).values())
    old = {one.channel.key: one.payload for one in places if one.payload}
    new = {key: value for key, value in current(post).payloads.items() if key in old}
    names = {one.channel.key: one.channel.name for one in places}
    return Replacing(post.corrects, places, changes(old, new, names) if new else None)


# --- An incident's scope ----------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Bulk:
    """Taking back everything of an incident's scope: `out` deliveries are out, `bulk` is the proposal."""

    incident: Incident
    out: int
    by_hand_only: int
    bulk: BulkRetraction | None
    far: Progress
    may_propose: bool
    may_confirm: bool

    @property
    def by_hand(self) -> list[Retraction]:
        return self.far.by_hand[:BY_HAND]


def bulk_of(incident: Incident, user: User, found: Sequence[Delivery]) -> Bulk:
    """For `desk/parts/bulk_retracting.html`, as `bulk`; `found` is what is `in_scope`. A query and the people's
    levels."""
    out = [one for one in found if one.lifecycle == DeliveryState.DELIVERED]
    asked = [row for one in found if (row := getattr(one, "retraction", None)) is not None]
    bulk = (
        BulkRetraction.objects.filter(incident=incident).select_related("proposed_by", "confirmed_by").first()
    )
    craft, crisis = (level_of(user, incident.brand, domain) for domain in ("craft", "crisis"))
    qualified = craft >= ENTRUSTED or crisis >= ENTRUSTED
    other = bulk is not None and bulk.proposed_by.person_id != user.person_id
    with_crisis = crisis >= ENTRUSTED or (
        bulk is not None and level_of(bulk.proposed_by, incident.brand, "crisis") >= ENTRUSTED
    )
    return Bulk(
        incident=incident,
        out=len(out),
        by_hand_only=sum(not adapter_of(one.channel).capabilities.delete for one in out),
        bulk=bulk,
        far=progress(asked),
        may_propose=bulk is None and qualified and bool(out),
        may_confirm=other and bulk is not None and bulk.confirmed_at is None and qualified and with_crisis,
    )
