"""Whether a change of what a post is about would ask for less expertise.

Judged on what somebody asks for, before the lexicon has its say: that the words raise a facet again does
not make the wish to lower it anything else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from approvals.gate import Rule
from approvals.policy import Rules, asks_for_less, rule_for
from posts.marking import SEVERITY, facets_in, facets_of
from posts.models import Post


@dataclass(frozen=True, slots=True)
class Wish:
    """The facets a post would have by somebody's wish alone, and the rule that would go with them (None
    when the policy does not load or does not know the kind)."""

    kind: str
    products: Sequence[str]
    topics: Sequence[str]
    rule: Rule | None
    lowers: bool
    gone: frozenset[str]


def wish(post: Post, fields: Mapping[str, Any], rules: Rules | None, networks: Sequence[str]) -> Wish | None:
    """What the `fields` of a draft wish of the facets; None when they cannot be read, which whoever
    reads the draft says at its field.

    Taking a product or a topic away lowers, whatever it asked for: it may take the post out of an
    incident's scope. So does another kind that asks for less in anything. Of a draft that was never
    submitted the kind may still change sideways (a reply instead of a routine post): that was only the
    form's first choice, and nobody has relied on it.
    """
    kind = fields.get("kind", post.kind)
    products, topics = fields.get("products", post.products), fields.get("topics", post.topics)
    if not (isinstance(kind, str) and kind in SEVERITY) or not all(
        isinstance(keys, list) and all(isinstance(key, str) for key in keys) for keys in (products, topics)
    ):
        return None
    taken = set(post.products) - set(products) or set(post.topics) - set(topics)
    new = rule_for(rules, kind, networks, products, topics) if rules else None
    old = rule_for(rules, post.kind, networks, post.products, post.topics) if rules else None
    milder = SEVERITY[kind] < SEVERITY[post.kind]
    if kind == post.kind:
        less = False
    elif post.submitted_at is None and not milder:
        less = SEVERITY[kind] > SEVERITY[post.kind] and _wants_fewer(new, old)
    else:
        less = milder or asks_for_less(new, old)
    gone = facets_of(post) - facets_in(kind, products, topics)
    return Wish(kind, products, topics, new, bool(taken) or less, frozenset(gone))


def _wants_fewer(new: Rule | None, old: Rule | None) -> bool:
    """Whether a kind that the house calls more demanding asks, by its own policy, for fewer people."""
    return new is not None and old is not None and new.people < old.people
