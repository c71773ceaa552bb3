"""Counting a text as Mastodon and its kin count it.

Graphemes, not code points (a family emoji is one character); a link counts a fixed 23 whatever
its length; of `@user@host` only the user part counts. After `StatusLengthValidator` and the
patterns of `Extractor` in Mastodon 4.x. One knowing difference: Mastodon takes for a link only
what ends in a registered top-level domain, here any that looks like one is taken. For a domain
that does not exist the server may therefore count more than we say, and refuses with 422.
"""

from __future__ import annotations

from collections.abc import Callable

import regex

_GENERAL = r"[^\p{White_Space}<>()?]"
_ENDING = r"""[^\p{White_Space}()?!*"'「」<>;:=,.$%\[\]~&|@]"""
_BALANCED = rf"\((?:{_GENERAL}+|{_GENERAL}*\({_GENERAL}+\){_GENERAL}*)\)"
_PATH = rf"(?:{_GENERAL}*(?:{_BALANCED}{_GENERAL}*)*(?:{_ENDING}|{_BALANCED})|{_GENERAL}+/)"
_QUERY = r"[a-z0-9!?*'();:&=+$/%#\[\]\-_.,~|@^\u00A1-\U0010FFFD]"
_QUERY_END = r"[a-z0-9_&=#/\-\u00A1-\U0010FFFD]"
_LABEL = r"[\p{L}\p{N}](?:[\p{L}\p{N}_-]*[\p{L}\p{N}])?"
_URL = (
    r"(?<![A-Za-z0-9@＠$#＃\uFFFE\uFEFF\uFFFF])"
    rf"(?P<url>(?:https?|dat|dweb|ipfs|ipns|ssb|gopher|gemini)://(?:{_LABEL}\.)+(?:xn--[a-z0-9-]+|\p{{L}}{{2,63}})"
    rf"(?![\p{{L}}\p{{N}}_-])(?::[0-9]+)?(?:/(?:{_PATH})*)?(?:\?{_QUERY}*{_QUERY_END})?)"
)
_USER = r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?"
_MENTION = (
    rf"(?<![=/\w])@(?P<user>{_USER})(?:@(?P<host>\w(?:[\w.-]*\w)?))?"
    r"(?![@＠\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u024F]|://)"
)
_ENTITY = regex.compile(rf"{_URL}|{_MENTION}", regex.IGNORECASE)
_GRAPHEME = regex.compile(r"\X")


def rewrite(text: str, link: Callable[[str], str], mention: Callable[[str], str]) -> str:
    """The text with each link and each mention (by its user part) replaced."""

    def replaced(found: regex.Match[str]) -> str:
        url = found["url"]
        return link(url) if url else mention(found["user"])

    return _ENTITY.sub(replaced, text)


def graphemes(text: str) -> int:
    """How many characters a reader sees."""
    return sum(1 for _ in _GRAPHEME.finditer(text))


def length(text: str, warning: str = "", *, per_link: int = 23) -> int:
    """The length of a post and its content warning. A link in the warning counts in full."""
    return graphemes(warning + rewrite(text, lambda _url: "x" * per_link, lambda user: f"@{user}"))
