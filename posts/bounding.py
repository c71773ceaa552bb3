"""Whether a pattern of the lexicon can be matched at a known cost.

A regular expression may take longer than the age of the world on a short text. Three nets: constructions
that are known for it are refused, the rest is tried on texts made to hurt it, and every match in earnest
has its patience (`posts/lexicon.py`). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import regex

from posts.lexicon import compiled
from posts.models import RuleForm

LONGEST: Final = 200
_PROBE_S: Final = 0.05
_PROBED: Final = 2000
_MOST_REPEATS: Final = 20
_REACHING_BACK = regex.compile(r"\\[1-9]|\\g<|\(\?P?[=>&]|\(\?(?:R|\d)|\(\?P>")
_QUANTIFIER = regex.compile(r"[*+?]|\{(\d*)(,?)(\d*)\}")


def fault_in(pattern: str) -> str:
    """Why a pattern cannot be a rule: "unreadable", "matches_nothing", "too_slow"; empty for none."""
    if len(pattern) > LONGEST:
        return "unreadable"
    try:
        made = compiled(RuleForm.PATTERN, pattern)
    except (regex.error, RecursionError, OverflowError):
        return "unreadable"
    if _REACHING_BACK.search(pattern) or _is_nested(pattern):
        return "too_slow"
    try:
        if made.search("", timeout=_PROBE_S):
            return "matches_nothing"
        for text in _probes(pattern):
            for _found in made.finditer(text, timeout=_PROBE_S):
                pass
    except TimeoutError:
        return "too_slow"
    return ""


def _repeats(text: str, at: int) -> tuple[bool, int]:
    """(whether a quantifier at `at` repeats without a small bound, where it ends)."""
    found = _QUANTIFIER.match(text, at)
    if found is None:
        return False, at
    if found.group() in {"*", "+"}:
        return True, found.end()
    if found.group() == "?":
        return False, found.end()
    low, comma, high = found.groups()
    most = high if comma else low
    return (comma == "," and not high) or int(most or 0) > _MOST_REPEATS, found.end()


def _is_nested(pattern: str) -> bool:
    """Whether something repeated stands in a group that is repeated: (a+)+."""
    groups = [False]
    at = 0
    while at < len(pattern):
        char = pattern[at]
        if char == "(":
            groups.append(False)
            at += 1
            continue
        inner = False
        if char == "\\":
            at += 2
        elif char == "[":
            at = _end_of_class(pattern, at)
        else:
            inner = char == ")" and len(groups) > 1 and groups.pop()
            at += 1
        again, at = _repeats(pattern, at)
        if again and inner:
            return True
        groups[-1] = groups[-1] or again or inner
    return False


def _end_of_class(pattern: str, at: int) -> int:
    """The index after a character class that begins at `at`."""
    at += 2 if pattern[at + 1 : at + 2] in {"]", "^"} else 1
    while at < len(pattern) and pattern[at] != "]":
        at += 2 if pattern[at] == "\\" else 1
    return at + 1


def _probes(pattern: str) -> Iterator[str]:
    """Long texts of few letters, those of the pattern first, each with an end that fits nothing."""
    own = [*dict.fromkeys(char for char in pattern if not char.isspace())]
    letters = [*dict.fromkeys([*own[:16], *"a0 -.%"])]
    # What the pattern needs somewhere stands there, out of reach: else the engine sees at once that it fails.
    end = "\x01" + "".join(own)
    for char in letters:
        yield char * _PROBED + end
    yield "".join(letters) * (_PROBED // len(letters)) + end
    yield " ".join(letters) * (_PROBED // len(letters) // 2) + end
