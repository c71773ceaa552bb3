"""Comments on a post: remarks for its author and its readers, anchored to a passage or not."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.refusals import Invalid
from journal.recording import record
from journal.telling import tell
from posts.drafting import current
from posts.models import Comment, Revision
from posts.policies import get_post

LONGEST = 5000


def comment(actor: User, pk: int, text: str, *, quote: str = "", parent: int | None = None) -> Comment:
    """A remark on the current revision. `quote` is a passage of it, `parent` the comment it answers.
    A comment is no contribution: whoever makes it may still approve. Raises Invalid, NotHere."""
    said = text.replace("\r\n", "\n").strip()
    sentence = ""
    if not said:
        sentence = _("Write something.")
    elif "\x00" in said or len(said) > LONGEST:
        sentence = _("At most %(most)s characters.") % {"most": LONGEST}
    if sentence:
        raise Invalid("bad_comment", sentence, fields={"text": [sentence]})
    with transaction.atomic():
        post = get_post(actor, pk)
        revision = current(post)
        if quote and not _is_there(revision, quote):
            sentence = _("This passage is not in the post, or no longer.")
            raise Invalid("no_such_passage", sentence, fields={"quote": [sentence]})
        if parent is not None and not Comment.objects.filter(pk=parent, post=post).exists():
            sentence = _("The comment you answer is not there.")
            raise Invalid("no_such_comment", sentence, fields={"parent": [sentence]})
        made = Comment.objects.create(
            post=post, revision=revision, author=actor, parent_id=parent, text=said, quote=quote
        )
        record("comment.add", actor, post.brand_id, f"comment:{made.pk}", post_id=post.pk, personal=said)
        heard = {post.author, *(one.author for one in post.comments.select_related("author"))} - {actor}
        tell(heard, post.brand_id, "comment.add", post_id=post.pk, who=actor.name)
    return made


def _is_there(revision: Revision, quote: str) -> bool:
    content = revision.content
    texts = [content["text"], *content["variants"].values(), *content["thread"]]
    texts += [item["alt"] for item in content["media"]]
    return any(quote in text for text in texts)
