"""Named errors that carry a sentence for the person who meets them.

Every verb of the house refuses with one of these; pages show the sentence where it belongs, the API
answers it as problem+json with the stable `code`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


class Refused(Exception):
    """Refused, and why. `code` is stable and for programs, `sentence` is for people, in their
    language; `fields` maps a form field's name to its sentences; `details` is plain JSON."""

    status = 409

    def __init__(
        self,
        code: str,
        sentence: str,
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
        details: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.fields = {name: list(sentences) for name, sentences in (fields or {}).items()}
        self.details = dict(details or {})


class Invalid(Refused):
    """What was typed cannot be used. Nothing was written; the form comes back with what was typed."""

    status = 422


class Forbidden(Refused):
    """This person may not do this."""

    status = 403


class NotHere(Refused):
    """No such thing, or not for this person: the two are not told apart."""

    status = 404


class Stale(Refused):
    """It changed since it was read. `details["current"]` is the revision now."""

    status = 412


class LostRace(Refused):
    """Somebody else moved it in between: read again, then decide again."""
