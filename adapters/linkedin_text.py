"""LinkedIn's “little text”, in which the words of a post are written, and what it says to a reader.

Reserved characters stand behind a backslash: LinkedIn cuts a post off at the first one that does not, without
a word. A hashtag becomes the documented template, since an escaped `#` would be a mere sign. Nothing that a
person typed is a mention.
"""

from __future__ import annotations

import unicodedata

import regex

from adapters.counting import rewrite

_RESERVED = regex.compile(r"[\\|{}@\[\]()<>#*_~]")
# A hashtag needs a letter (“#1” is a number), and ends where its word does: of one with an underscore, which
# LinkedIn may cut in two, a plain word is made.
_HASHTAG = regex.compile(
    r"(?<![\p{L}\p{M}\p{N}_&/#@\\?=.-])#(?=[\p{M}\p{N}]*\p{L})(?P<tag>[\p{L}\p{M}\p{N}]+)(?![\p{L}\p{M}\p{N}_#])"
)
_LITTLE = regex.compile(
    r"\{hashtag\|\\?(?P<sign>[#＃])\|(?P<tag>(?:\\.|[^\\}])*)\}"
    r"|@\[(?P<name>(?:\\.|[^\\\]])*)\]\s?\(urn:[^)]*\)"
    r"|\\(?P<char>.)",
    regex.DOTALL,
)


def little(text: str) -> str:
    """A plain text as LinkedIn is to be told it."""
    said, since = [], 0
    for found in _HASHTAG.finditer(text):
        said += [_escaped(text[since : found.start()]), rf"{{hashtag|\#|{found['tag']}}}"]
        since = found.end()
    return "".join([*said, _escaped(text[since:])])


def plain(said: str) -> str:
    """What little text says to a reader."""

    def shown(found: regex.Match[str]) -> str:
        if found["sign"]:
            return found["sign"] + plain(found["tag"])
        return plain(found["name"]) if found["name"] is not None else str(found["char"])

    return _LITTLE.sub(shown, said)


def length(text: str) -> int:
    """UTF-16 code units, the strictest of the ways in which LinkedIn may count."""
    return len(text.encode("utf-16-le")) // 2


def folded(text: str) -> str:
    """The form in which two texts are the same post: only white space and the way of composing may differ."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def without_links(text: str) -> str:
    """`folded`, links blanked: equal here but not there means that somebody rewrote the links."""
    return folded(rewrite(text, lambda _url: "⟨link⟩", lambda user: f"@{user}"))


def _escaped(text: str) -> str:
    return _RESERVED.sub(lambda found: "\\" + found[0], text)
