"""Comments on a post: remarks for its author and its readers, anchored to a passage or not, and suggestions
of other words, which a writer of the post may accept (approvals/suggesting.py)."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction
from django.utils.translation import gettext as _

from accounts.models import User
from accounts.refusals import Invalid
from journal.recording import record
from journal.telling import tell
from posts.drafting import current
from posts.models import Comment, Revision
from posts.policies import demand_editable, get_post
from posts.retouching import texts_in

LONGEST = 5000


@dataclass(frozen=True, slots=True)
class Remark:
    """What somebody says of a post. `quote` is a passage of it, `parent` the comment it answers;
    `suggestion` other words for the passage (empty to take it away, None for a plain remark), in the part
    `place` of the content (see `texts_in`; found by itself when the passage stands in one only)."""

    text: str = ""
    quote: str = ""
    parent: int | None = None
    suggestion: str | None = None
    place: str = ""


def comment(actor: User, pk: int, text: str, *, quote: str = "", parent: int | None = None) -> Comment:
    """A plain remark on the current revision; see `remark`."""
    return remark(actor, pk, Remark(text, quote, parent))


def remark(actor: User, pk: int, said: Remark) -> Comment:
    """A remark or a suggestion. It is no contribution: whoever makes it may still approve, and a suggestion
    changes nothing before a writer accepts it. Raises Invalid, NotHere, Refused `already_out`."""
    suggesting = said.suggestion is not None
    text = _read(said.text, "text", needed=not suggesting)
    words = _read(said.suggestion or "", "suggestion", needed=False) if suggesting else None
    with transaction.atomic():
        post = get_post(actor, pk)
        revision = current(post)
        if said.quote and not any(said.quote in one for _place, one in texts_in(revision.content)):
            sentence = _("This passage is not in the post, or no longer.")
            raise Invalid("no_such_passage", sentence, fields={"quote": [sentence]})
        if suggesting:
            demand_editable(post)
        place = _place(revision, said) if suggesting else ""
        if said.parent is not None and not Comment.objects.filter(pk=said.parent, post=post).exists():
            sentence = _("The comment you answer is not there.")
            raise Invalid("no_such_comment", sentence, fields={"parent": [sentence]})
        made = Comment.objects.create(
            post=post, revision=revision, author=actor, parent_id=said.parent, text=text, quote=said.quote,
            suggestion=words, place=place,
        )  # fmt: skip
        verb = "suggestion.add" if suggesting else "comment.add"
        record(verb, actor, post.brand_id, f"comment:{made.pk}", post_id=post.pk, personal=_quoted(made))
        heard = {post.author, *(one.author for one in post.comments.select_related("author"))} - {actor}
        tell(heard, post.brand_id, verb, post_id=post.pk, who=actor.name)
    return made


def _read(text: str, field: str, *, needed: bool) -> str:
    """A suggestion is kept with the blanks around it: they may be what is corrected."""
    words = text.replace("\r\n", "\n")
    words = words.strip() if field == "text" else words
    sentence = ""
    if needed and not words:
        sentence = _("Write something.")
    elif "\x00" in words or len(words) > LONGEST:
        sentence = _("At most %(most)s characters.") % {"most": LONGEST}
    if sentence:
        raise Invalid("bad_comment", sentence, fields={field: [sentence]})
    return words


def _quoted(made: Comment) -> str:
    if made.suggestion is None:
        return made.text
    change = f"« {made.quote} » → « {made.suggestion} »"
    return f"{change} {made.text}".strip()


def _place(revision: Revision, said: Remark) -> str:
    """Where the passage stands: once, so that accepting can only mean one thing. Raises Invalid."""
    if not said.quote:
        sentence = _("Say for which words of the post.")
        raise Invalid("no_such_passage", sentence, fields={"quote": [sentence]})
    if said.quote == said.suggestion:
        sentence = _("These are the words that stand there.")
        raise Invalid("same_words", sentence, fields={"suggestion": [sentence]})
    found = {
        place: text.count(said.quote)
        for place, text in texts_in(revision.content)
        if said.quote in text and said.place in {"", place}
    }
    place = next(iter(found), "")
    if not place:
        sentence = _("This passage is not in the post, or no longer.")
        raise Invalid("no_such_passage", sentence, fields={"quote": [sentence]})
    if found[place] > 1:
        sentence = _("These words stand there more than once: quote a few more around them.")
        raise Invalid("passage_not_unique", sentence, fields={"quote": [sentence]})
    return place
