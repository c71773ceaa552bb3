"""Numbers as they stand in an address, which anybody may have typed."""

from __future__ import annotations


def number_in(text: str | None, *, digits: int = 18) -> int | None:
    """A whole number of at most so many `digits` (18 fit a row's id), else None. ASCII alone: int() takes the
    figures of every script, which no address of ours has."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= digits else None


def page_in(text: str | None) -> int:
    """A page's number; anything else is the first page."""
    number = number_in(text, digits=6)
    return 1 if number is None else number
