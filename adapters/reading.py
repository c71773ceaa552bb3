"""Comparing what was approved with what a server shows, which is never byte for byte the same.

A server renders text as HTML, folds line breaks, shortens links on screen (the whole one is in
`href`), and shows `@user@host` as `@user`. Both sides are brought to one form before comparing.
"""

from __future__ import annotations

import unicodedata
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

from adapters.counting import rewrite

_BREAKS = {"p", "br", "div", "li", "blockquote"}


class _Reader(HTMLParser):
    """The text of an HTML fragment. A link counts as its target, a mention or hashtag as its words."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.said: list[str] = []
        self._inside_link = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKS:
            self.said.append("\n")
        if tag == "a":
            values = dict(attrs)
            kinds = (values.get("class") or "").split()
            if values.get("href") and not {"mention", "hashtag"} & set(kinds):
                self.said.append(values["href"] or "")
                self._inside_link = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._inside_link = False

    def handle_data(self, data: str) -> None:
        if not self._inside_link:
            self.said.append(data)


def text_of(html: str) -> str:
    """What an HTML fragment says, links written out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return "".join(reader.said)


def folded(text: str) -> str:
    """The form in which two texts are the same post: white space, mentions' hosts and the spelling
    of links do not count, every other character does."""
    whole = rewrite(text, _same_link, lambda user: f"@{user}")
    return " ".join(unicodedata.normalize("NFC", whole).split())


def without_links(text: str) -> str:
    """`folded`, links blanked: equal here but not there means that somebody rewrote the links."""
    whole = rewrite(text, lambda _url: "⟨link⟩", lambda user: f"@{user}")
    return " ".join(unicodedata.normalize("NFC", whole).split())


def _same_link(url: str) -> str:
    try:
        parts = urlsplit(url)
        host = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port
    except (ValueError, UnicodeError):
        return url
    where = host if port in {None, 80, 443} else f"{host}:{port}"
    tail = unquote(parts.path).rstrip("/") + ("?" + unquote(parts.query) if parts.query else "")
    return f"{parts.scheme.lower()}://{where}{tail}" + (
        f"#{unquote(parts.fragment)}" if parts.fragment else ""
    )
