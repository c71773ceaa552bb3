"""A post's whole story, for its page in the panel."""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _

from approvals.reviewing import verdict_of
from approvals.wording import sentences
from cm_queue.desk.signs import sign_of_state
from journal.models import Entry
from journal.wording import verb_name
from posts.lifecycle import OPEN_FOR_DECISIONS, PostState
from posts.models import Post

MOST_ROWS: Final = 200


def story_of(post: Post) -> dict[str, Any]:
    """All that happened to a post, newest last but for the journal; a bounded number of queries."""
    entries = (
        Entry.objects.filter(post_id=post.pk).select_related("actor", "personal").order_by("-pk")[:MOST_ROWS]
    )
    deliveries = post.deliveries.select_related("channel").prefetch_related("tries").order_by("pk")
    return {
        "post": post,
        "stands": stands(post),
        "revisions": post.revisions.select_related("created_by").order_by("number")[:MOST_ROWS],
        "decisions": post.decisions.select_related("user", "revision").order_by("pk")[:MOST_ROWS],
        "deliveries": [(one, sign_of_state(one.state).word) for one in deliveries],
        "gate_decisions": post.gate_decisions.select_related("policy__brand").order_by("-pk")[:20],
        "entries": [(entry, verb_name(entry.verb)) for entry in entries],
    }


def stands(post: Post) -> list[str]:
    """What the gate says now, in sentences; empty for a post that the gate has nothing to say on."""
    if post.lifecycle not in OPEN_FOR_DECISIONS | {PostState.DRAFT}:
        return []
    _loaded, verdict = verdict_of(post)
    return [one for one in sentences(verdict, post) if one] or [_("The gate is open.")]
