"""Writes drafts: every change of content is a new immutable revision, by a contributor.

These verbs know nothing of approvals. `approvals/reviewing.py` wraps them, so that after each one
the post stands where its decisions put it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import ProtectedError
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.refusals import Invalid, Stale
from journal.recording import record
from posts.correcting import obstacles, targets_of
from posts.digest import digest_of
from posts.fetching import channels_in
from posts.filling import gaps_of, template_of, unfilled
from posts.lexicon import hits_of
from posts.lifecycle import REVIEWED, PostState
from posts.marking import LEXICON, facets_in, facets_of, mark, not_forgiven, raised
from posts.models import Channel, Contribution, Delivery, Lineage, Post, Revision
from posts.moves import change_post, reset_deliveries
from posts.policies import demand_editable
from posts.reading import Draft, Fields, Reader
from posts.rendering import Found, fits_for, payload_of, problems_of
from posts.retouching import Change, is_light_change
from posts.scheduling import ON_APPROVAL_WINDOW

COVERED = ("window_from", "window_until", "late_minutes")


def create(
    actor: User,
    brand: Brand,
    draft: Draft,
    *,
    lineage: Lineage | None = None,
    corrects: Post | None = None,
    gaps: Sequence[str] = (),
) -> Post:
    """A new draft by `actor`. Whoever wrote the template it begins with wrote in it too (docs/decisions/
    templates.md); `gaps` are those of what is copied. Raises Invalid. Call inside a transaction."""
    template = template_of(brand, draft["template"]) if draft.get("template") else None
    content, chosen, channels = Reader(brand, draft, None, database_now()).read()
    hits = hits_of(brand.pk, content)
    fields = raised(chosen, hits)
    lineage = lineage or Lineage.objects.create(brand=brand)
    open_still = [*gaps, *(gaps_of(template) if template else ())]
    post = Post(brand=brand, author=actor, lineage=lineage, corrects=corrects, gaps=open_still, **fields)
    post.save(force_insert=True)
    revision = revise_content(post, actor, content, number=1)
    Post.objects.filter(pk=post.pk).update(revision=revision)
    post.revision = revision
    contribute(post, actor)
    for writer in template.writers.all() if template else ():
        contribute(post, writer)
    set_deliveries(post, channels)
    began: dict[str, Any] = {"template": template.pk} if template else {}
    record(
        "post.create", actor, brand, f"post:{post.pk}", post_id=post.pk, kind=post.kind, revision=1, **began
    )
    mark(post, actor, _facets(chosen), set(), hits)
    return post


def _facets(fields: Fields) -> set[str]:
    return facets_in(fields["kind"], fields["products"], fields["topics"])


def edit(
    actor: User,
    post: Post,
    draft: Draft,
    *,
    seen: int | None = None,
    retouching: bool = False,
    writer: User | None = None,
) -> bool:
    """A new revision of a locked post; False when nothing changed, which keeps revision and digest.
    `seen` is the revision number that was read: Stale if it is no longer the current one. `writer` is
    whose words they are, when `actor` accepts them; `retouching` says that the house lets the maker of
    a light correction still approve (posts/retouching.py).

    What the words raise is raised, whatever was asked for. Of a post in review or beyond the revision is
    sealed at once: `in_review` again, or `changes_requested` when it has problems. Decisions stay on the
    digests they were made on.
    """
    demand_fresh(post, seen)
    demand_editable(post)
    content, chosen, channels = Reader(post.brand, draft, post, database_now()).read()
    hits = not_forgiven(post, hits_of(post.brand_id, content))
    fields, before = raised(chosen, hits), facets_of(post)
    old = current(post)
    same_content = content == old.content
    moved = {name: value for name, value in fields.items() if getattr(post, name) != value}
    if same_content and not moved:
        return False
    if same_content and not set(moved) & set(COVERED):
        _change_facets_or_slot(actor, post, fields, moved)
        mark(post, actor, _facets(chosen), before, hits)
        return True
    writer = writer or actor
    light = retouching and hands_in(post).only_retouch(writer.person_id, content)
    revision = revise_content(post, actor, content, number=old.number + 1, light=light)
    if not same_content:
        contribute(post, writer, light=light)
    change_post(post, "post.edit", actor, told={"revision": revision.number}, revision=revision, **fields)
    mark(post, actor, _facets(chosen), before, hits)
    set_deliveries(post, channels)
    if post.lifecycle in REVIEWED:
        reseal(actor, post, channels)
    return True


@dataclass(frozen=True, slots=True)
class Hands:
    """Who wrote in a post (people), what stands there, and the light corrections so far, its own and those of
    its clones and splits, each as the contents before and after."""

    writers: frozenset[int]
    content: dict[str, Any]
    earlier: Sequence[Change]
    elsewhere: Sequence[Change]

    def only_retouch(self, person: int, content: dict[str, Any]) -> bool:
        """Whether somebody who wrote nothing of it corrects it lightly by making it this content."""
        return person not in self.writers and is_light_change(
            self.content, content, self.earlier, self.elsewhere
        )


def hands_in(post: Post) -> Hands:
    """In two queries."""
    wrote = Contribution.objects.filter(lineage_id=post.lineage_id, light=False).select_related("user")
    # Those of the lineage: in a split or a clone a word would else be turned into another in two steps.
    rows = Revision.objects.filter(post__lineage_id=post.lineage_id).only(
        "post_id", "number", "light", "content"
    )
    kept = {(one.post_id, one.number): one for one in rows}
    changes: dict[bool, list[Change]] = {True: [], False: []}
    for (of_post, number), one in sorted(kept.items()):
        if one.light and (of_post, number - 1) in kept:
            changes[of_post == post.pk].append((kept[of_post, number - 1].content, one.content))
    writers = frozenset(one.user.person_id for one in wrote)
    return Hands(writers, current(post).content, changes[True], changes[False])


def _change_facets_or_slot(actor: User, post: Post, fields: Fields, moved: dict[str, Any]) -> None:
    told = {name: _plain(value) for name, value in moved.items()}
    if set(moved) <= {"slot", "on_approval", "local_slot"}:
        verb = "post.reschedule"
    else:
        verb = "post.order" if set(moved) == {"after"} else "post.facets"
    change_post(post, verb, actor, told=told, **fields)
    set_times(post)


def _plain(value: Any) -> Any:
    """As the journal stores it."""
    if isinstance(value, datetime):
        return value.isoformat()
    return value.pk if isinstance(value, Post) else value


def current(post: Post) -> Revision:
    """The current revision. Every saved post has one."""
    if post.revision is None:
        raise RuntimeError(f"post {post.pk} has no revision")
    return post.revision


def demand_fresh(post: Post, seen: int | None) -> None:
    """Raises Stale when the post has moved on since revision `seen` was read."""
    now = current(post).number
    if seen is not None and seen != now:
        raise Stale(
            "stale_revision",
            _(
                "This post changed while you were writing: revision %(now)s is there now, you had read %(seen)s."
            )
            % {"now": now, "seen": seen},
            details={"current": now},
        )


def contribute(post: Post, user: User, *, light: bool = False) -> None:
    """Records that `user` wrote in the post: once, and for ever."""
    Contribution.objects.get_or_create(
        post=post, user=user, light=light, defaults={"lineage_id": post.lineage_id}
    )


def revise_content(
    post: Post, actor: User, content: dict[str, Any], number: int, *, light: bool = False
) -> Revision:
    return Revision.objects.create(post=post, number=number, created_by=actor, content=content, light=light)


def set_deliveries(post: Post, channels: Sequence[Channel]) -> None:
    """One delivery a channel, from the first draft on. A channel taken away takes its row along
    unless something was tried on it."""
    wanted = {channel.pk for channel in channels}
    there = set(post.deliveries.values_list("channel_id", flat=True))
    for gone in post.deliveries.exclude(channel_id__in=wanted).filter(attempts=0):
        with suppress(ProtectedError):  # a permit was minted for it once, and remembers it
            gone.delete()
    new = [channel for channel in channels if channel.pk not in there]
    targets = targets_of(post) if new else {}
    Delivery.objects.bulk_create(
        Delivery(post=post, brand_id=post.brand_id, channel=channel, corrects=targets.get(channel.pk))
        for channel in new
    )
    set_times(post)


def set_times(post: Post) -> None:
    """Gives the deliveries their instants from the post's slot, window and lateness."""
    post.deliveries.filter(delivered_at__isnull=True).update(
        due_at=post.slot, next_at=post.slot, expires_at=post.deadline
    )


def channels_of(post: Post) -> list[Channel]:
    """The channels of the current revision, in the order they were chosen."""
    found = channels_in(post.brand_id)
    return [found[key] for key in current(post).content["channels"] if key in found]


def problems_in(post: Post, channels: Sequence[Channel] | None = None) -> list[Found]:
    """What is wrong with the current content, for the networks it goes to and for what it corrects there."""
    content = current(post).content
    channels = channels_of(post) if channels is None else channels
    return [
        *problems_of(content, channels),
        *obstacles(post, content, channels),
        *unfilled(post.gaps, content),
        *_untold(post, content),
    ]


def _untold(post: Post, content: dict[str, Any]) -> list[Found]:
    """A post without words gives the lexicon nothing to read: somebody must say which products it shows."""
    words = [content["text"], *content["variants"].values(), *content["thread"]]
    if not content["media"] or any(text.strip() for text in words):
        return []
    if post.products or post.products_said or not post.brand.products.exists():
        return []
    sentence = _(
        "Without words only you can tell: say which products the image shows, or that it shows none."
    )
    return [Found("products_needed", "products", "", sentence)]


def problems_to_submit(post: Post, channels: Sequence[Channel] | None = None) -> list[Found]:
    """Everything that submitting would refuse, the slot included."""
    found = problems_in(post, channels)
    if post.slot is None and not post.on_approval:
        found.append(Found("no_slot", "slot", "", _("Choose a slot, or “on approval”.")))
    elif post.slot is not None and post.slot <= database_now():
        found.append(Found("past_slot", "slot", "", _("This slot has already passed. Choose a later one.")))
    return found


def submit(actor: User, post: Post) -> None:
    """Seals a locked draft and puts it in review. Raises Invalid with every problem."""
    _read_again(post)
    problems = problems_to_submit(post)
    if problems:
        fields: dict[str, list[str]] = {}
        for problem in problems:
            fields.setdefault(problem.field, []).append(problem.message)
        raise Invalid(
            problems[0].code if len(problems) == 1 else "problems",
            problems[0].message,
            fields=fields,
            details={"problems": [problem.as_json() for problem in problems]},
        )
    _renew_window(post)
    digest = _seal(post, channels_of(post))
    change_post(
        post,
        "post.submit",
        actor,
        to=PostState.IN_REVIEW,
        told={"revision": current(post).number, "digest": digest},
        submitted_at=database_now(),
        reasons=[],
        window_from=post.window_from,
        window_until=post.window_until,
    )


def _read_again(post: Post) -> None:
    """The lexicon may have grown since the draft was saved."""
    hits = not_forgiven(post, hits_of(post.brand_id, current(post).content))
    before = facets_of(post)
    chosen: Any = {"kind": post.kind, "products": post.products, "topics": post.topics}
    now = raised(chosen, hits)
    if now != chosen:
        change_post(post, "post.facets", LEXICON, told=dict(now), **now)
    mark(post, LEXICON, set(), before, hits)


def _renew_window(post: Post) -> None:
    """The default window of a post due on approval counts from when it is submitted."""
    if not (post.on_approval and post.window_from and post.window_until):
        return
    if post.window_until - post.window_from == ON_APPROVAL_WINDOW:
        post.window_from = database_now().replace(microsecond=0)
        post.window_until = post.window_from + ON_APPROVAL_WINDOW


def reseal(actor: User, post: Post, channels: Sequence[Channel]) -> None:
    """Seals a new revision of a post that is in review or beyond. With problems it is sealed too, so
    that there is something to look at, and waits for corrections."""
    problems = problems_in(post, channels)
    digest = _seal(post, channels)
    to = PostState.CHANGES_REQUESTED if problems else PostState.IN_REVIEW
    if post.held_by_id is not None:
        to = PostState.HELD
    # What is due on approval has no instant of its own any more, until it is approved again.
    slot = None if post.on_approval else post.slot
    reasons = post.reasons if to == PostState.HELD else []
    change_post(post, "post.seal", actor, to=to, told={"digest": digest}, reasons=reasons, slot=slot)


def _seal(post: Post, channels: Sequence[Channel]) -> str:
    """Renders every channel's payload once and for all, and computes the digest over them."""
    revision = current(post)
    fits = fits_for(revision.content, channels)
    payloads = {channel.key: payload_of(revision.content, channel, fits) for channel in channels}
    hashes = {key: payload.sha256 for key, payload in payloads.items()}
    targets = targets_of(post)
    replaces = {one.key: targets[one.pk].remote_id for one in channels if one.pk in targets}
    digest = digest_of(hashes, post.window_from, post.window_until, post.late_minutes, replaces)
    stored = {key: payload.as_json() for key, payload in payloads.items()}
    Revision.objects.filter(pk=revision.pk).update(payloads=stored, digest=digest, sealed_at=database_now())
    revision.payloads, revision.digest = stored, digest
    reset_deliveries(post, approved_digest=None)
    for delivery in post.deliveries.filter(channel__in=channels, delivered_at__isnull=True).select_related(
        "channel"
    ):
        Delivery.objects.filter(pk=delivery.pk).update(
            payload=stored[delivery.channel.key],
            payload_sha256=hashes[delivery.channel.key],
            sealed_digest=digest,
            corrects=targets.get(delivery.channel_id),
        )
    set_times(post)
    return digest


def as_draft(post: Post) -> Draft:
    """What a post says and is about, without its slot, to be written again."""
    content = current(post).content
    written: dict[str, Any] = {
        name: content[name]
        for name in ("text", "variants", "options", "link", "reply_to", "thread", "media", "channels")
    }
    if post.products or post.products_said:
        written["products"] = post.products
    written |= {"kind": post.kind, "topics": post.topics, "late_minutes": post.late_minutes}
    return written  # type: ignore[return-value]


def clone(actor: User, post: Post) -> Post:
    """A new draft with the same content, in the same lineage: whoever wrote the first wrote this one
    too, and an objection to one holds for both. It needs a slot of its own."""
    return clone_for(actor, post, None)


def clone_for(actor: User, post: Post, slot: datetime | None) -> Post:
    """The same, with a slot already."""
    draft: Draft = {**as_draft(post), "slot": slot.isoformat() if slot else None}
    fresh = create(actor, post.brand, draft, lineage=post.lineage, gaps=post.gaps)
    record("post.clone", actor, post.brand, f"post:{fresh.pk}", post_id=fresh.pk, source=post.pk)
    return fresh
