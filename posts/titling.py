"""What lists call a post, which has no title of its own."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from posts.models import Post

# What a line may break at. French keeps its marks with U+00A0 and U+202F, which `str.split` would take for spaces too.
_BREAKS = re.compile(r"[^\S\u00a0\u202f]+")
_SENTENCE = re.compile(r".{20,}?[.!?…](?= )")


def title_of(post: Post, length: int = 96) -> str:
    """What a list calls a post: the first sentence of its text, if it is neither short nor long, else the
    text's first words; the image's description where there is no text."""
    content = post.revision.content if post.revision else {}
    texts = [content.get("text", ""), *content.get("variants", {}).values()]
    texts += [item.get("alt", "") for item in content.get("media", [])]
    text = next((_BREAKS.sub(" ", text.strip()) for text in texts if text.strip()), "")
    sentence = _SENTENCE.match(text)
    if sentence and len(sentence.group()) <= length:
        return sentence.group()
    if len(text) > length:
        return _shortened(text, length)
    return text or _("Post without a text (%(n)s)") % {"n": post.pk}


def _shortened(text: str, length: int) -> str:
    """Its first whole words, as many as fit with the mark that there are more."""
    fits = text[:length].rpartition(" ")[0]
    return f"{fits or text[: length - 1]}…"
