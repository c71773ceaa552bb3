"""Answers a suggestion: a writer of the post accepts the other words, or keeps their own.

Accepted words are those of whoever suggested them, who is a contributor from then on; unless they are a
light correction, where the policy allows it (posts/retouching.py).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import User
from accounts.policies import membership_in
from accounts.refusals import Forbidden, NotHere, Refused
from approvals.facts import load_one
from approvals.reviewing import follow_edit, may_retouch, opened
from journal.recording import record
from journal.telling import tell
from posts import drafting
from posts.models import Comment, Post
from posts.reading import Draft
from posts.retouching import texts_in


def writes(actor: User, post: Post) -> bool:
    """Whether a person is among the writers of the post, and so may answer a suggestion."""
    return actor.person_id in load_one(post).facts.contributors


def find_suggestion(actor: User, pk: int) -> Comment:
    """Raises NotHere for another brand's, for a plain comment as for none."""
    row = Comment.objects.select_related("post__brand", "author", "revision").filter(pk=pk).first()
    if row is None or row.suggestion is None or membership_in(actor, row.post.brand) is None:
        raise NotHere("no_such_suggestion", _("There is no such suggestion."))
    return row


def light_among(post: Post, rows: Iterable[Comment]) -> set[int]:
    """Of open suggestions (with their author), those whose maker could still approve once they are accepted,
    as things stand. Three queries, however many."""
    rows = [row for row in rows if row.suggestion is not None and row.resolved_at is None]
    if not rows or not may_retouch(post):
        return set()
    hands = drafting.hands_in(post)
    changed = {row.pk: (row.author.person_id, _changed(post, row)) for row in rows}
    return {
        pk for pk, (person, content) in changed.items() if content and hands.only_retouch(person, content)
    }


def accept(actor: User, pk: int, *, seen: int | None = None) -> Post:
    """A new revision with the suggested words. Raises Forbidden unless `actor` wrote in the post, Refused
    `passage_gone` when the passage is no longer there, `already_settled`, `already_out`, Stale."""
    found = find_suggestion(actor, pk)
    with opened(actor, found.post_id) as post:
        drafting.demand_fresh(post, seen)
        row = _open(actor, pk, post)
        content = _changed(post, row)
        if content is None:
            raise Refused(
                "passage_gone",
                _("The passage has changed since: nothing of the suggestion can be put in its place."),
            )
        read = drafting.current(post).digest
        fields: Draft = {name: content[name] for name in ("text", "variants", "thread", "media")}  # type: ignore[assignment]
        if not drafting.edit(actor, post, fields, retouching=may_retouch(post), writer=row.author):
            raise Refused("passage_gone", _("These words stand there already."))
        revision = drafting.current(post)
        Comment.objects.filter(pk=pk).update(
            resolved_at=database_now(), settled_by=actor, accepted_in=revision
        )
        record(
            "suggestion.accept", actor, post.brand_id, f"comment:{pk}", post_id=post.pk,
            revision=revision.number, by=row.author_id, light=revision.light,
        )  # fmt: skip
        tell(_others(row, actor), post.brand_id, "suggestion.accept", post_id=post.pk, who=actor.name)
        follow_edit(actor, post, read)
    return post


def decline(actor: User, pk: int) -> Comment:
    """The words stay. Whoever suggested others may take that back too."""
    found = find_suggestion(actor, pk)
    with opened(actor, found.post_id) as post:
        row = _open(actor, pk, post, own_too=True)
        Comment.objects.filter(pk=pk).update(resolved_at=database_now(), settled_by=actor)
        record("suggestion.decline", actor, post.brand_id, f"comment:{pk}", post_id=post.pk)
        tell(_others(row, actor), post.brand_id, "suggestion.decline", post_id=post.pk, who=actor.name)
    return find_suggestion(actor, pk)


def _others(row: Comment, actor: User) -> list[User]:
    return [row.author] if row.author.person_id != actor.person_id else []


def _open(actor: User, pk: int, post: Post, *, own_too: bool = False) -> Comment:
    """The suggestion, read again under the post's lock. `own_too`: its maker may do this as well."""
    row = find_suggestion(actor, pk)
    if row.resolved_at is not None:
        raise Refused("already_settled", _("This suggestion was already answered."))
    if not writes(actor, post) and not (own_too and row.author.person_id == actor.person_id):
        raise Forbidden(
            "writers_only", _("Only who wrote this post answers a suggestion; you can comment on it.")
        )
    return row


def _changed(post: Post, suggestion: Comment) -> dict[str, Any] | None:
    """The content with the suggested words; None when the passage does not stand there, once, any more."""
    content: dict[str, Any] = dict(drafting.current(post).content)
    text = dict(texts_in(content)).get(suggestion.place, "")
    if text.count(suggestion.quote) != 1:
        return None
    new = text.replace(suggestion.quote, suggestion.suggestion or "")
    part, _sep, key = suggestion.place.partition(":")
    if part == "text":
        content["text"] = new
    elif part == "variants":
        content["variants"] = {**content["variants"], key: new}
    elif part == "thread":
        content["thread"] = [new if n == int(key) else one for n, one in enumerate(content["thread"])]
    else:
        content["media"] = [
            {**one, "alt": new} if n == int(key) else one for n, one in enumerate(content["media"])
        ]
    return content
