"""What the compose page offers of the stock: templates to begin with, pieces to put in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.refusals import Invalid, NotHere
from cm_queue.desk.numbers import number_in
from posts.filling import template_of
from posts.models import Snippet

# The page of the stock has all of them.
TEMPLATES_SHOWN = 8
PIECES_SHOWN = 30


@dataclass(frozen=True, slots=True)
class Stock:
    """`more`: there are others, on the page of the stock."""

    templates: Sequence[Snippet]
    pieces: Sequence[Snippet]
    more_templates: bool
    more_pieces: bool


def stock_of(brand: Brand, *, beginning: bool) -> Stock:
    """By name, in a query for each kind; templates only for a post that is `beginning`."""
    kept = Snippet.objects.filter(brand=brand, retired_at=None).order_by("name", "pk")
    templates = list(kept.filter(whole=True).only("name")[: TEMPLATES_SHOWN + 1]) if beginning else []
    pieces = list(kept.filter(whole=False).only("name", "text")[: PIECES_SHOWN + 1])
    return Stock(
        templates[:TEMPLATES_SHOWN],
        pieces[:PIECES_SHOWN],
        len(templates) > TEMPLATES_SHOWN,
        len(pieces) > PIECES_SHOWN,
    )


def template_asked(text: str, brand: Brand) -> Snippet | None:
    """The template of an address (`/compose/?template=…`); None when it asks for none. Raises NotHere for one that
    is none of the brand's, or was put away."""
    if not text:
        return None
    try:
        found = template_of(brand, number_in(text) or 0)
    except Invalid as refusal:
        raise NotHere("no_such_template", refusal.sentence) from None
    if found.retired_at is not None:
        raise NotHere("no_such_template", _("This template has been put away."))
    return found


def template_sent(number: int | None, brand: Brand) -> Snippet | None:
    """The template that a sent page began with, also when it was put away meanwhile; None for none."""
    if not number:
        return None
    try:
        return template_of(brand, number)
    except Invalid:
        return None
