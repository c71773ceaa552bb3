"""Finds the characters that a reader cannot see or takes for others, and names them.

A zero-width space breaks a link, a right-to-left override shows a text that is not the one sent, and a
Cyrillic « о » in a Latin word makes another address of it. All of them change the digest; here they are
shown to whoever decides. Pure: no database.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

import regex
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

# (op, text) of a diff, or ("odd", text to show, name).
Piece = tuple[int, str] | tuple[str, str, str]

_INVISIBLE: dict[int, str | Promise] = {
    0x00AD: gettext_lazy("soft hyphen, invisible"),
    0x034F: gettext_lazy("invisible joiner"),
    0x115F: gettext_lazy("invisible filler"),
    0x1160: gettext_lazy("invisible filler"),
    0x180E: gettext_lazy("invisible separator"),
    0x200B: gettext_lazy("zero-width space"),
    0x200C: gettext_lazy("zero-width non-joiner"),
    0x200D: gettext_lazy("zero-width joiner"),
    0x2028: gettext_lazy("line separator"),
    0x2029: gettext_lazy("paragraph separator"),
    0x2060: gettext_lazy("invisible joiner of words"),
    0x2800: gettext_lazy("blank that is no space"),
    0x3164: gettext_lazy("invisible filler"),
    0xFEFF: gettext_lazy("byte order mark, invisible"),
    0xFFA0: gettext_lazy("invisible filler"),
}
_BIDI = {0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)}
_TAGS = range(0xE0000, 0xE0080)
_BLACK_FLAG = "\U0001f3f4"
_PICTURE = regex.compile(r"[\p{Extended_Pictographic}\p{Emoji_Modifier}\ufe0f]")
_JOINING = regex.compile(r"[\p{Script=Arabic}\p{Script=Devanagari}\p{Script=Bengali}\p{Script=Tamil}]")
_WORD = regex.compile(r"[\p{L}\p{M}\p{N}_.@/-]+")
_LATIN = regex.compile(r"\p{Script=Latin}")
_FOREIGN = {
    "CYRILLIC": gettext_lazy("Cyrillic letter"),
    "GREEK": gettext_lazy("Greek letter"),
    "ARMENIAN": gettext_lazy("Armenian letter"),
    "CHEROKEE": gettext_lazy("Cherokee letter"),
    "COPTIC": gettext_lazy("Coptic letter"),
}
# Letters of other scripts that look like Latin ones: a whole word of them is a disguise too.
_DISGUISES = frozenset("аеорсухіјѕһԁԛԝвкмнтгАВЕКМНОРСТУХІЈЅҺԚԜαοικνρτυχΑΒΕΖΗΙΚΜΝΟΡΤΥΧ")


@dataclass(frozen=True, slots=True)
class Odd:
    """One odd character at index `at` of a text: how to show it, what it is, the word it stands in."""

    at: int
    shown: str
    name: str
    word: str
    unseen: bool


def spot(text: str) -> list[Odd]:
    """Every odd character of a text, in order."""
    found = [_unseen(text, at) for at in range(len(text))]
    odd = {one.at: one for one in found if one is not None}
    mostly_latin = len(_LATIN.findall(text)) * 2 > sum(char.isalpha() for char in text)
    for word in _WORD.finditer(text):
        for one in _disguised(word.group(), word.start(), mostly_latin=mostly_latin):
            odd.setdefault(one.at, one)
    return [odd[at] for at in sorted(odd)]


def _unseen(text: str, at: int) -> Odd | None:
    char = text[at]
    code = ord(char)
    if code in _BIDI:
        what: str | Promise = _("mark that turns the direction of reading")
    elif code in _TAGS:
        if _BLACK_FLAG in text[max(0, at - 8) : at]:
            return None
        what = _("invisible tag")
    elif code in _INVISIBLE:
        if code in {0x200C, 0x200D} and _belongs(text, at):
            return None
        what = _INVISIBLE[code]
    elif unicodedata.category(char) in {"Cc", "Cf", "Co", "Cn"} and char not in "\n\t":
        what = _("control character")
    else:
        return None
    around = (text[max(0, at - 12) : at].split() or [""])[-1] + (text[at + 1 : at + 13].split() or [""])[0]
    return Odd(at, _point(code), f"{what} ({_point(code)})", around, unseen=True)


def _belongs(text: str, at: int) -> bool:
    """Whether a joiner does its work: between the pictures of one emoji, or in a script that needs it."""
    before, after = text[at - 1 : at], text[at + 1 : at + 2]
    picture = bool(_PICTURE.fullmatch(before) and _PICTURE.fullmatch(after))
    return picture or bool(_JOINING.fullmatch(before) and _JOINING.fullmatch(after))


def _disguised(word: str, start: int, *, mostly_latin: bool) -> Iterable[Odd]:
    letters = [char for char in word if char.isalpha()]
    latin = sum(bool(_LATIN.match(char)) for char in letters)
    whole = mostly_latin and len(letters) > 1 and all(char in _DISGUISES for char in letters)
    for at, char in enumerate(word):
        if not char.isalpha():
            continue
        script = unicodedata.name(char, "").split(" ", 1)[0]
        if script in _FOREIGN and (latin or whole):
            kind = str(_FOREIGN[script])
        elif script in {"MATHEMATICAL", "FULLWIDTH"}:
            kind = _("letter of a decorative alphabet, not read aloud")
        else:
            continue
        yield Odd(start + at, char, f"{kind} ({_point(ord(char))})", word, unseen=False)


def _point(code: int) -> str:
    return f"U+{code:04X}"


def marked(segments: Iterable[tuple[int, str]]) -> list[Piece]:
    """The segments of a diff with the odd characters of the new text set apart. A removed passage is
    left as it was: nobody will read it."""
    segments = list(segments)
    odd = {one.at: one for one in spot("".join(text for op, text in segments if op >= 0))}
    pieces: list[Piece] = []
    place = 0
    for op, text in segments:
        if op < 0:
            pieces.append((op, text))
            continue
        rest = 0
        for at in range(len(text)):
            one = odd.get(place + at)
            if one is not None:
                if text[rest:at]:
                    pieces.append((op, text[rest:at]))
                pieces.append(("odd", one.shown, one.name))
                rest = at + 1
        if text[rest:]:
            pieces.append((op, text[rest:]))
        place += len(text)
    return pieces


@dataclass(frozen=True, slots=True)
class Oddity:
    """The same odd character in the same word, once, with a sentence for whoever decides."""

    title: str
    sentence: str


def oddities(texts: Iterable[str]) -> list[Oddity]:
    """What to say above a text that holds odd characters; the same one in the same word is said once."""
    found: dict[tuple[str, str], Odd] = {}
    for text in texts:
        for one in spot(text):
            found.setdefault((one.name, one.word), one)
    return [_say(one) for one in found.values()]


def _say(one: Odd) -> Oddity:
    words = {"shown": one.shown, "name": one.name, "word": one.word}
    if one.unseen:
        unseen = _("Near “%(word)s”: %(name)s. Readers do not see it, and it can break a search or a link.")
        return Oddity(_("An invisible character."), unseen % words)
    alike = _("“%(shown)s” in “%(word)s”: %(name)s. It can break a search or lead a link elsewhere.")
    return Oddity(_("A character that looks like another."), alike % words)
