"""Fills in what a template left open: drafts that begin with one, and the gaps that still stand in them.

A gap is a few words between brackets, such as [produit]. Only those of the template that a post began with
count: brackets that somebody typed are theirs. Pure but for `template_of`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.refusals import Invalid
from posts.lexicon import fold, parts_of
from posts.models import Snippet
from posts.reading import Draft
from posts.rendering import Found

# [text](address) is a link where a network reads Markdown, and no gap; nor is a reference such as [1].
_GAP: Final = re.compile(r"\[(?=[^\]\n]*[^\W\d_])[^\[\]\n]{1,60}\](?!\()")


def gaps_in(text: str) -> list[str]:
    """The gaps of a text, each once, in the order in which they stand there."""
    return list(dict.fromkeys(_GAP.findall(text)))


def gaps_of(template: Snippet) -> list[str]:
    return gaps_in(f"{template.text}\n{template.link}")


def template_of(brand: Brand, pk: int) -> Snippet:
    """The template a draft begins with; one that was put away meanwhile too, since the page was open. Raises
    Invalid for none, and for a piece."""
    found = Snippet.objects.filter(brand=brand, pk=pk, whole=True).first()
    if found is None:
        sentence = _("There is no such template.")
        raise Invalid("unknown_template", sentence, fields={"template": [sentence]})
    return found


def as_draft(template: Snippet) -> Draft:
    """What it fills in. Channels and products that the brand no longer has are left out: a template outlives
    them."""
    brand = template.brand
    connected = set(brand.channels.filter(is_active=True).values_list("key", flat=True))
    sold = set(brand.products.values_list("key", flat=True)) if template.products else set()
    draft: Draft = {
        "kind": template.kind,
        "topics": template.topics,
        "channels": [key for key in template.channels if key in connected],
        "text": template.text,
        "link": template.link,
        "template": template.pk,
    }
    products = [key for key in template.products if key in sold]
    return {**draft, "products": products} if products else draft


# --- What is still open ---------------------------------------------------------------------------
def _public(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The parts that some channel of the post would show, each with its place (see `parts_of`)."""
    chosen = set(content["channels"])
    for place, text in parts_of(content):
        name, _sep, key = place.partition(":")
        if name in {"thread", "alt", "link"}:
            yield place, text
        elif name != "text":
            if key in chosen:
                yield place, text
        elif not chosen or not all(content["variants"].get(one) for one in chosen):
            yield place, text


def left_in(gaps: Sequence[str], content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(gap, place) of every gap that still stands somewhere. Capitals and accents do not matter."""
    folded = {gap: fold(gap).text for gap in gaps}
    for place, text in _public(content) if gaps else ():
        words = fold(text).text
        yield from ((gap, place) for gap, one in folded.items() if one in words)


def unfilled(gaps: Sequence[str], content: Mapping[str, Any]) -> Iterable[Found]:
    """A problem for each: what begins with a template must not go out with its gaps."""
    for gap, place in left_in(gaps, content):
        sentence = _("“%(gap)s” still stands there: put in what belongs in its place, or take it out.")
        yield Found("gap_left", *_field_of(place), sentence % {"gap": gap})


def _field_of(place: str) -> tuple[str, str]:
    """(field, channel) as problems name them."""
    name, _sep, key = place.partition(":")
    if name in {"text", "thread", "alt", "link"}:
        return name, ""
    return ("text" if name == "variants" else "content_warning" if name == "warning" else name), key
