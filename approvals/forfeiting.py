"""Says beforehand what writing in a post costs a reviewer: their own approval of it.

Only a warning: the gate looks at who wrote, whatever anybody was told.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import User
from accounts.refusals import Invalid
from approvals.reviewing import covered_now, may_retouch, verdict_of
from approvals.wording import listed, names_of
from posts import drafting
from posts.models import Post
from posts.reading import Draft, Reader


@dataclass(frozen=True, slots=True)
class Forfeit:
    """The writer could approve this post and no longer can; `others` are the names of who still could."""

    others: tuple[str, ...]

    @property
    def sentence(self) -> str:
        if not self.others:
            return _("You can no longer approve this, and nobody else present could.")
        return _("You can no longer approve this; %(who)s could.") % {"who": listed(list(self.others))}


def forfeit(actor: User, post: Post, fields: Draft) -> Forfeit | None:
    """What saving `fields` would cost; None when nothing: the post is a draft, the person could not approve
    it anyway, nothing of its content changes, or it is a light correction."""
    if post.submitted_at is None:
        return None
    loaded, verdict = verdict_of(post)
    facts = loaded.facts
    if actor.person_id in facts.contributors or not covered_now(facts, actor.person_id, actor.pk):
        return None
    try:
        content, _fields, _channels = Reader(post.brand, fields, post, database_now()).read()
    except Invalid:
        # The verb will say what is wrong with it, and nothing is saved.
        return None
    if content == drafting.current(post).content:
        return None
    if may_retouch(post) and drafting.hands_in(post).only_retouch(actor.person_id, content):
        return None
    able = {person for one in verdict.reading.coverage for person in (*one.could, *one.covered_by)}
    return Forfeit(tuple(sorted(names_of(able - {actor.person_id}).values())))
