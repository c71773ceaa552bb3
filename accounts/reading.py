"""Reads a sentence that somebody typed: what no database could store is refused at its field."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from accounts.refusals import Invalid

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
LONGEST = 2000


def read_words(text: object, field: str = "reason", *, most: int = LONGEST, code: str = "") -> str:
    """The text without space around it and with plain line ends. Raises Invalid (`bad_<field>`, or `code`)
    for a NUL, for half a character, and for more than `most` characters."""
    words = text.replace("\r\n", "\n").strip() if isinstance(text, str) else None
    if words is None or _UNSTORABLE.search(words):
        sentence = _("This text has a character that cannot be stored. Type it again, or paste it again.")
    elif len(words) > most:
        sentence = _("At most %(most)s characters.") % {"most": most}
    else:
        return words
    raise Invalid(code or f"bad_{field}", sentence, fields={field: [sentence]})
