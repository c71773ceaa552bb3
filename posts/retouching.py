"""Whether a change is a light correction, after which its maker may still approve (docs/gate.md).

Light is what only touches case, accents, punctuation, or at most two letters of one word; never where it
touches a negation, a digit, a link, a mention or a hashtag. In doubt it is not light: a letter that looks
like another, an invisible character, an emoji, another word in place of a short one. Pure.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import regex

# Corrections follow one another; so many in a row and it is a rewriting all the same.
MOST_IN_A_ROW: Final = 5
Change = tuple[Mapping[str, Any], Mapping[str, Any]]
_TOKEN = regex.compile(
    r"(?P<link>(?:https?://|www\.)\S+|[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.\p{L}{2,}(?:/\S*)?)"
    r"|(?P<mention>@[\p{L}\p{N}_.@-]*)"
    r"|(?P<hashtag>[#＃][\p{L}\p{N}\p{M}_]*)"
    r"|(?P<word>[\p{L}\p{N}][\p{L}\p{M}\p{N}_]*(?:['’‘ʼ‑-][\p{L}\p{N}][\p{L}\p{M}\p{N}_]*)*)"
)
_INNER = regex.compile(r"['’‘ʼ‑-]")
# What may stand between words and be corrected; anything else there (a sign, an emoji) is content.
_PUNCTUATION = frozenset(".,;:!?…'’‘\"“”„«»‹›()[]-‑–— \u00a0\u202f\u2009")
_LETTERS = regex.compile(r"[A-Za-zÀ-ÖØ-öø-žẞ]+")
_STRANGE = frozenset("ıĸŉ")
# Letters of ours that pass for others: no correction turns one into the other.
_ALIKE = str.maketrans({"I": "l", "|": "l", "ı": "l", "ſ": "f"})
_ALIKE_PAIRS = (("rn", "m"), ("vv", "w"), ("cl", "d"))

_NO: Final = (
    "ne n pas jamais rien aucun aucune aucuns aucunes personne plus point guere guère non ni sans nul nulle nuls "
    "nulles nullement aucunement sauf excepte excepté hormis moins "
    "no not nt never none nobody nothing nowhere neither nor cannot without hardly barely scarcely except unless "
    "less few"
)
_NEGATING: Final = (
    "a",
    "an",
    "de",
    "des",
    "dis",
    "il",
    "im",
    "in",
    "ir",
    "mal",
    "me",
    "mes",
    "mis",
    "non",
    "un",
)
_COUNTS: Final = (
    "zero deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize vingt vingts "
    "trente quarante cinquante soixante cent cents mille million millions milliard milliards demi demie "
    "one two three four five seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand "
    "billion half"
)
_NEGATIONS: Final = frozenset(_NO.split())
_NUMBERS: Final = frozenset(_COUNTS.split())


@dataclass(frozen=True, slots=True)
class Token:
    """A word, link, mention or hashtag, and what stands before it."""

    gap: str
    kind: str
    text: str


def _tokens(text: str) -> tuple[list[Token], str]:
    """(tokens, what follows the last)."""
    found, end = [], 0
    for match in _TOKEN.finditer(text):
        found.append(Token(text[end : match.start()], str(match.lastgroup), match.group()))
        end = match.end()
    return found, text[end:]


def plain(word: str) -> str:
    """A word without case, accents, apostrophes and hyphens: two that are equal here differ lightly."""
    spread = unicodedata.normalize("NFD", _INNER.sub("", word))
    kept = "".join(one for one in spread if unicodedata.category(one) != "Mn")
    return kept.casefold().replace("œ", "oe").replace("æ", "ae")


def _denies(token: Token) -> bool:
    word = token.text.casefold().replace("’", "'")
    parts = [plain(part) for part in _INNER.split(word)]
    return word.endswith("n't") or bool(_NEGATIONS & {*parts, plain(word)})


def _guarded(token: Token) -> bool:
    """Nothing that touches it is light."""
    return token.kind != "word" or any(char.isnumeric() for char in token.text) or _denies(token)


def _ours(word: str) -> bool:
    """Only letters that are what they look like, each written in the one usual way."""
    bare = _INNER.sub("", unicodedata.normalize("NFC", word))
    usual = bare == unicodedata.normalize("NFKC", bare) and not _STRANGE & set(bare)
    return usual and bool(_LETTERS.fullmatch(bare))


def _negated(one: str, other: str) -> bool:
    """One is the other with a negating prefix: possible, impossible."""
    short, long = sorted((one, other), key=len)
    prefixes = (prefix for prefix in _NEGATING if long.startswith(prefix))
    return any(long.removeprefix(prefix) == short for prefix in prefixes)


def _passes_for(one: str, other: str) -> bool:
    """They look the same and are not."""
    seen, meant = one.translate(_ALIKE), other.translate(_ALIKE)
    for pair, letter in _ALIKE_PAIRS:
        seen, meant = seen.replace(pair, letter), meant.replace(pair, letter)
    return seen == meant


def distance(one: str, other: str) -> int:
    """How many letters are put in, taken out or replaced to make one of the other."""
    row = list(range(len(other) + 1))
    for index, char in enumerate(one, 1):
        before, row[0] = row[0], index
        for place, target in enumerate(other, 1):
            before, row[place] = (
                row[place],
                min(row[place] + 1, row[place - 1] + 1, before + (char != target)),
            )
    return row[-1]


def _word_is_light(before: Token, after: Token) -> bool:
    if _guarded(before) or _guarded(after) or not (_ours(before.text) and _ours(after.text)):
        return False
    old, new = plain(before.text), plain(after.text)
    if old == new:
        return not (before.text.casefold() != after.text.casefold() and _passes_for(before.text, after.text))
    if _passes_for(before.text, after.text) or _negated(old, new) or {old, new} <= _NUMBERS:
        return False
    changed = distance(old, new) if abs(len(old) - len(new)) <= 2 else 3
    return changed <= 2 and changed * 2 <= max(len(old), len(new))


def _gap_is_light(before: str, after: str, left: Token | None, right: Token | None) -> bool:
    if any(one is not None and _guarded(one) for one in (left, right)):
        return False
    return [char for char in before if char not in _PUNCTUATION] == [
        char for char in after if char not in _PUNCTUATION
    ]


def changed_words(before: str, after: str) -> list[tuple[str, str]] | None:
    """The words that differ, as (old, new) without case and accents; None when the words are not the same
    in number, so that none can be told to have become another."""
    old, new = _tokens(before)[0], _tokens(after)[0]
    if len(old) != len(new):
        return None
    pairs = ((plain(one.text), plain(two.text)) for one, two in zip(old, new, strict=True))
    return [(one, two) for one, two in pairs if one != two]


def is_light(before: str, after: str) -> bool:
    """Whether `after` is `before` with a light correction. Give whole texts and not passages: what stands
    around a change matters."""
    before, after = unicodedata.normalize("NFC", before), unicodedata.normalize("NFC", after)
    words = changed_words(before, after)
    if before == after or words is None or len(words) > 1:
        return False
    (old, old_end), (new, new_end) = _tokens(before), _tokens(after)
    pairs = list(zip(old, new, strict=True))
    if any(one.text != two.text and not _word_is_light(one, two) for one, two in pairs):
        return False
    lefts: list[Token | None] = [None, *new]
    gaps = [(one.gap, two.gap, left, two) for (one, two), left in zip(pairs, lefts[:-1], strict=True)]
    ends: list[tuple[str, str, Token | None, Token | None]] = [*gaps, (old_end, new_end, lefts[-1], None)]
    return all(was == now or _gap_is_light(was, now, left, right) for was, now, left, right in ends)


# --- Of a whole content ---------------------------------------------------------------------------
def texts_in(content: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What people write, each text with its place."""
    yield "text", content["text"]
    for key, text in content["variants"].items():
        yield f"variants:{key}", text
    for number, text in enumerate(content["thread"]):
        yield f"thread:{number}", text
    for number, item in enumerate(content["media"]):
        yield f"alt:{number}", item["alt"]


def _frame(content: Mapping[str, Any]) -> dict[str, Any]:
    """All of a content but its texts."""
    rest = {
        name: value for name, value in content.items() if name not in {"text", "variants", "thread", "media"}
    }
    media = [{name: value for name, value in item.items() if name != "alt"} for item in content["media"]]
    return {**rest, "media": media, "places": [place for place, _text in texts_in(content)]}


def is_light_change(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    earlier: Sequence[Change],
    elsewhere: Sequence[Change] = (),
) -> bool:
    """Whether a content becomes another by one light correction. `earlier` are the (before, after) of the
    light corrections made already: a word is not turned into another in two steps, and only so many are made
    in a row. `elsewhere` are those of its clones and splits, for whose words the same holds."""
    if _frame(before) != _frame(after) or len(earlier) >= MOST_IN_A_ROW:
        return False
    new = dict(texts_in(after))
    different = [(text, new[place]) for place, text in texts_in(before) if text != new[place]]
    if not different or not all(is_light(was, now) for was, now in different):
        return False
    touched = {pair for was, now in different for pair in changed_words(was, now) or ()}
    if len(touched) > 1:
        return False
    made = {
        now_word
        for was, now in (*earlier, *elsewhere)
        for place, text in texts_in(was)
        for _was_word, now_word in changed_words(text, dict(texts_in(now)).get(place, text)) or ()
    }
    return not {was_word for was_word, _now in touched} & made
