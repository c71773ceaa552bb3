"""Counting a text as X does: weighted, by the third configuration of its published twitter-text.

In the normal form C, a code point of the Latin to Georgian blocks and some punctuation weighs one, any other
two; a whole emoji two, whatever it is put together of; a link 23, with or without `https://` before a domain
that exists. One knowing difference: an emoji that is younger than that library (2018) weighs two here as well.
"""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterator
from functools import cache

import regex

from adapters.x_domains import TOP_LEVEL

PER_LINK = 23
_LIGHT = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
_URL_MAX, _LABEL_MAX, _SLUG_MAX = 4096, 63, 40
# No post is as long as this; what follows is counted without looking for links in it.
_READ_MAX = 5_000

_LOWER = {ord(char): char.lower() for char in string.ascii_uppercase}

# --- Links ----------------------------------------------------------------------------------------
_DIRECTION = r"\u202A-\u202E\u061C\u200E\u200F\u2066-\u2069"
_NEVER = r"\uFFFE\uFEFF\uFFFF"
_SPACE = r"\x09-\x0D\x20\x85\xA0\u1680\u180E\u2000-\u200A\u2028\u2029\u202F\u205F\u3000"
_PUNCTUATION = r"""!'#%&()*+,\\\-./:;<=>?@\[\]^_{|}~$"""
_OUTSIDE = rf"{_PUNCTUATION}{_SPACE}{_NEVER}{_DIRECTION}"
_LATIN = (
    r"\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F\u0253\u0254\u0256\u0257\u0259\u025B\u0263\u0268\u026F\u0272"
    r"\u0289\u028B\u02BB\u0300-\u036F\u1E00-\u1EFF"
)
_TLD = rf"(?=[^{_OUTSIDE}]{{2}})(?:\L<ending>(?=[^0-9a-zA-Z@+-]|$)|xn--[-0-9a-z]+)"
# Labels are bounded, and never given back once read: a long word costs no more than its length.
_SUBDOMAIN = rf"(?:[^{_OUTSIDE}](?:[^{_OUTSIDE}]|[_-]){{0,200}}+(?<![_-])\.)"
_DOMAIN = rf"(?:{_SUBDOMAIN}{{0,12}}[^{_OUTSIDE}](?:[^{_OUTSIDE}]|-){{0,200}}+(?<!-)\.{_TLD})"
_GENERAL = rf"[a-z\u0400-\u04FF0-9!*';:=+,.$/%#\[\]\-\u2013_~@|&{_LATIN}]"
_BALANCED = rf"\((?:{_GENERAL}+|{_GENERAL}*\({_GENERAL}+\){_GENERAL}*)\)"
_PATH_END = rf"(?:[+\-a-z\u0400-\u04FF0-9=_#/{_LATIN}]|{_BALANCED})"
_PATH = rf"(?:{_GENERAL}*(?:{_BALANCED}{_GENERAL}*)*{_PATH_END}|@{_GENERAL}+/)"
_QUERY = r"\?[a-z0-9!?*'@();:&=+$/%#\[\]\-_.,~|]*[a-z0-9\-_&=#/]"


# Compiled when something is first counted: it takes a quarter of a second, which no process owes at its start.
@cache
def _link() -> regex.Pattern[str]:
    return regex.compile(
        rf"(?P<before>[^A-Za-z0-9@＠$#＃{_NEVER}]|[{_DIRECTION}]|^)"
        rf"(?P<url>(?P<protocol>https?://)?(?P<domain>{_DOMAIN})(?::[0-9]+)?(?P<path>/{_PATH}*)?(?:{_QUERY})?)",
        ending=TOP_LEVEL,
    )


@cache
def _plain_domain() -> regex.Pattern[str]:
    return regex.compile(rf"(?:[-a-z0-9{_LATIN}]+\.)+{_TLD}", ending=TOP_LEVEL)


_SHORTENED = regex.compile(rf"https?://t\.co/(?P<slug>[a-z0-9]+)(?:{_QUERY})?")

# --- Emoji ----------------------------------------------------------------------------------------
_TONE = r"[\U0001F3FB-\U0001F3FF]"
# The first two become an emoji by a sign alone; a skin tone belongs to what can have one.
_PICTURE = r"(?:(?![\u00A9\u00AE])\p{Extended_Pictographic}\uFE0F?|[\u00A9\u00AE]\uFE0F)"
_ONE = (
    rf"(?:\p{{Emoji_Modifier_Base}}{_TONE}|(?=\p{{Emoji_Presentation}})\p{{Extended_Pictographic}}"
    rf"|(?!\p{{Emoji_Presentation}}){_PICTURE}|{_TONE})"
)
_EMOJI = regex.compile(
    rf"[0-9#*]\uFE0F?\u20E3|[\U0001F1E6-\U0001F1FF]{{2}}|[\U0001F1E6-\U0001F1FF]"
    rf"|\U0001F3F4[\U000E0061-\U000E007A]+\U000E007F|{_ONE}(?:\u200D{_ONE})*+"
)


def length(text: str, per_link: int = PER_LINK) -> int:
    text = unicodedata.normalize("NFC", text)
    used, place = 0, 0
    for start, end in links(text):
        used += _weight(text[place:start]) + per_link
        place = end
    return used + _weight(text[place:])


def links(text: str) -> Iterator[tuple[int, int]]:
    """Where the links are that X will make of this text (start, end), in order."""
    if "." not in text:
        return
    # Only these: no other letter's case may change a length, or matters in a link.
    text = text.translate(_LOWER)
    for found in _link().finditer(text, 0, _READ_MAX):
        start, end = found.span("url")
        domain, protocol = found["domain"], found["protocol"] or ""
        if not _may_be(domain, len(protocol or "https://") + end - start):
            continue
        if protocol:
            short = _SHORTENED.match(text, start, end)
            if short is None:
                yield start, end
            elif len(short["slug"]) <= _SLUG_MAX:
                yield start, short.end()
            continue
        if found["before"] and found["before"] in "-_./":
            continue
        plain = [one.span() for one in _plain_domain().finditer(domain)]
        for place, (first, last) in enumerate(plain, start=1):
            # The last of them carries what follows the domain, if that begins with a path.
            follows = end - found.end("domain") if place == len(plain) and found["path"] else 0
            yield start + first, start + last + follows


def _may_be(domain: str, whole: int) -> bool:
    if domain.startswith("xn--") and not _plain_domain().search(domain):
        return False
    return whole <= _URL_MAX and all(0 < _encoded(label) <= _LABEL_MAX for label in domain.split("."))


def _encoded(label: str) -> int:
    return len(label) if label.isascii() else len("xn--") + len(label.encode("punycode"))


def _weight(text: str) -> int:
    used, place = 0, 0
    for found in _EMOJI.finditer(text):
        used += sum(_of(char) for char in text[place : found.start()]) + 2
        place = found.end()
    return used + sum(_of(char) for char in text[place:])


def _of(char: str) -> int:
    point = ord(char)
    return 1 if any(first <= point <= last for first, last in _LIGHT) else 2
