"""Reviewed work, many pieces at once: posts written and decided on through the product's verbs."""

from __future__ import annotations

from approvals.models import Verdict
from posts.models import Post
from tests.casting import Cast, fresh


def piece(cast: Cast, by: str, decision: str = Verdict.APPROVE.value, author: str = "ines") -> Post:
    """One routine post that somebody decided on."""
    post = cast.submitted(author=cast.people[author])
    cast.say(by, post, decision)
    return fresh(post)


def accepted(cast: Cast, n: int, by: str, author: str = "ines") -> list[Post]:
    return [piece(cast, by, author=author) for _number in range(n)]
