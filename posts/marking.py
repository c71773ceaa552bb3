"""Marks a post with its facets: those that its writers chose, and those that its words raise.

Only ever raises. What is lowered is lowered by `approvals/classifying.py`, and remembered here so that
the same words do not raise it again, while new ones do.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from accounts.models import User
from journal.recording import Actor, System, record
from posts.lexicon import Hit
from posts.models import FacetMark, Kind, Post
from posts.reading import Fields

LEXICON: Final = System("lexicon")
# How demanding a kind is, for the lexicon, which knows no policy: it goes up and never down. A reply asks
# for other things than a routine post, not for more.
SEVERITY: Final[Mapping[str, int]] = {
    Kind.ROUTINE: 0,
    Kind.REPLY: 0,
    Kind.LAUNCH: 1,
    Kind.SENSITIVE_REPLY: 2,
    Kind.CRISIS: 3,
}


def facets_in(kind: str, products: Iterable[str], topics: Iterable[str]) -> set[str]:
    """The names of a post's facets: "launch", "product:<key>", "topic:<key>"."""
    named = {f"product:{key}" for key in products} | {f"topic:{key}" for key in topics}
    return named if kind == Kind.ROUTINE else named | {kind}


def facets_of(post: Post) -> set[str]:
    return facets_in(post.kind, post.products, post.topics)


def reasons_of(post: Post, marks: Iterable[FacetMark]) -> list[tuple[str, User | None, list[str]]]:
    """(facet, who said so if somebody did, the words that raised it) for what a post is about; `marks` are those
    of it that stand."""
    last = {one.facet: one for one in marks}
    told: list[tuple[str, User | None, list[str]]] = []
    for name in sorted(facets_of(post)):
        one = last.get(name)
        words = list(dict.fromkeys(word["words"] for word in one.words)) if one else []
        told.append((name, one.by if one else None, words))
    return told


def raised(fields: Fields, hits: Iterable[Hit]) -> Fields:
    """The columns with what the words raise."""
    kind, products, topics = fields["kind"], set(fields["products"]), set(fields["topics"])
    for hit in hits:
        prefix, _sep, key = hit.facet.partition(":")
        if prefix == "product":
            products.add(key)
        elif prefix == "topic":
            topics.add(key)
        elif SEVERITY.get(hit.facet, 0) > SEVERITY.get(kind, 0):
            kind = hit.facet
    return {**fields, "kind": kind, "products": sorted(products), "topics": sorted(topics)}


def not_forgiven(post: Post | None, hits: Sequence[Hit]) -> list[Hit]:
    """The hits without those of a facet that somebody qualified lowered on account of these very words, as
    often as they stood there then."""
    if post is None or not hits:
        return list(hits)
    forgiven: dict[str, Counter[str]] = defaultdict(Counter)
    for mark in FacetMark.objects.filter(post=post, lowered_at__isnull=False):
        forgiven[mark.facet] |= Counter(word["key"] for word in mark.words)
    there: dict[str, Counter[str]] = defaultdict(Counter)
    for hit in hits:
        there[hit.facet][hit.key] += 1
    return [hit for hit in hits if there[hit.facet] - forgiven[hit.facet]]


def mark(post: Post, actor: Actor, asked: set[str], before: set[str], hits: Sequence[Hit]) -> None:
    """Writes down why the post has the facets it has now. `asked` are those its writer chose, `before`
    those it had."""
    words: dict[str, list[dict[str, str]]] = defaultdict(list)
    for hit in hits:
        words[hit.facet].append(hit.as_json())
    now = facets_of(post)
    marks = FacetMark.objects.filter(post=post, facet__in=now & before, lowered_at__isnull=True)
    known = {one.facet: one for one in marks.order_by("pk")}
    by = None if isinstance(actor, System) else actor
    fresh = [
        FacetMark(post=post, facet=facet, by=by if facet in asked else None, words=words[facet])
        for facet in sorted(now - known.keys())
    ]
    FacetMark.objects.bulk_create(fresh)
    for facet, one in known.items():
        if words[facet] and one.words != words[facet]:
            FacetMark.objects.filter(pk=one.pk).update(words=words[facet])
    by_words = [one for one in fresh if one.by is None and one.facet not in before]
    if by_words:
        said = "; ".join(f"{one.facet}: " + ", ".join(w["words"] for w in one.words) for one in by_words)
        record(
            "facet.raise", LEXICON, post.brand_id, f"post:{post.pk}", post_id=post.pk, personal=said,
            facets=[one.facet for one in by_words],
        )  # fmt: skip


def carry_marks(post: Post, to: Post) -> None:
    """A part split off remembers what was said of the whole."""
    FacetMark.objects.bulk_create(
        FacetMark(
            post=to, facet=one.facet, by_id=one.by_id, words=one.words, at=one.at,
            lowered_by_id=one.lowered_by_id, lowered_at=one.lowered_at, reason=one.reason,
        )
        for one in FacetMark.objects.filter(post=post).order_by("pk")
    )  # fmt: skip
