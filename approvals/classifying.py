"""Says what a post is about: anyone raises a facet, only a qualified non-contributor lowers one.

To say what a post is about is not writing it. Approvals stay on their digests, and the gate asks for
more or for less; what a facet was lowered for is remembered, so that the lexicon does not raise it again
on account of the same words (posts/marking.py).
"""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Q
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import User
from accounts.reading import read_words
from accounts.refusals import Invalid
from approvals.reviewing import demand_may_lower, follow_edit, opened, verdict_of, wished_of
from approvals.routing import ask
from journal.recording import record
from journal.telling import tell
from posts import drafting
from posts.lexicon import Hit, hits_of
from posts.lifecycle import PostState
from posts.marking import SEVERITY, facets_of
from posts.models import FacetMark, Post
from posts.policies import demand_editable
from posts.reading import Draft


def classify(actor: User, pk: int, fields: Draft, reason: str = "", *, seen: int | None = None) -> Post:
    """Changes kind, products or topics, and nothing else. Raises Forbidden `facet_lowered` to whoever may
    not ask for less, Invalid `reason_needed` to whoever may and does not say why."""
    why = read_words(reason)
    wanted: Draft = {name: fields[name] for name in ("kind", "products", "topics") if name in fields}  # type: ignore[assignment]
    with opened(actor, pk) as post:
        drafting.demand_fresh(post, seen)
        demand_editable(post)
        before, read = facets_of(post), drafting.current(post).digest
        wished = wished_of(post, wanted)
        if wished is not None and wished.lowers:
            demand_may_lower(actor, post, wished)
            _demand_reason(why)
            _lower(actor, post, sorted(before & wished.gone), wished.kind, why)
        if drafting.edit(actor, post, wanted):
            follow_edit(actor, post, read)
            _ask_more(post, before)
    return post


def _demand_reason(why: str) -> None:
    if not why:
        sentence = _("Say in a sentence why this post needs less expertise.")
        raise Invalid("reason_needed", sentence, fields={"reason": [sentence]})


def _lower(actor: User, post: Post, gone: Sequence[str], kind: str, why: str) -> None:
    """Remembers who lowered what, why, and the words that stood there then. With a kind go those between
    it and the one wished for: "soldes" must not bring a launch back where a crisis was taken away."""
    hits = hits_of(post.brand_id, drafting.current(post).content)
    between = {one for one in SEVERITY if SEVERITY[kind] < SEVERITY[one] <= SEVERITY[post.kind]}
    facets = {*gone, *(hit.facet for hit in hits if hit.facet in between)}
    now = database_now()
    FacetMark.objects.filter(Q(facet__in=facets), post=post, lowered_at__isnull=True).update(
        lowered_by=actor, lowered_at=now, reason=why
    )
    FacetMark.objects.bulk_create(
        FacetMark(
            post=post, facet=facet, by=None, words=_words(hits, facet), lowered_by=actor, lowered_at=now, reason=why
        )
        for facet in sorted(facets)
    )  # fmt: skip
    record(
        "facet.lower",
        actor,
        post.brand_id,
        f"post:{post.pk}",
        post_id=post.pk,
        personal=why,
        facets=list(gone),
    )
    tell([post.author], post.brand_id, "facet.lower", post_id=post.pk, who=actor.name)


def _words(hits: Sequence[Hit], facet: str) -> list[dict[str, str]]:
    return [hit.as_json() for hit in hits if hit.facet == facet]


def _ask_more(post: Post, before: set[str]) -> None:
    """More is asked of the same bytes: of people who were not asked yet."""
    if facets_of(post) - before and post.lifecycle == PostState.IN_REVIEW:
        ask(post, verdict_of(post)[1])
