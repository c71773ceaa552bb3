"""What a WordPress post is made of: its HTML, its slug, and what is wrong with a draft of one.

The text is plain and becomes paragraphs in WordPress's own block markup, which `wpautop` leaves alone.
Nothing that a person typed is markup there: no tag, no shortcode (`[…]` runs code on a site), no bare link on
a line of its own (which WordPress would replace by an embedded page).
"""

from __future__ import annotations

import hashlib
import html
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from adapters import validating
from adapters.base import Content, Problem, gettext_noop
from adapters.counting import graphemes
from adapters.validating import names, one_line

STATUSES = ("publish", "draft")
_LINK = re.compile(r"https?://[^\s<>\"“”«»]+", re.IGNORECASE)
_AFTER_A_LINK = ".,;:!?…'’*_"
_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x9f]")
_SLUG_TITLE = 60
_SLUG_KEY = 12
_FALLBACK_TITLE = 80


# --- What goes out --------------------------------------------------------------------------------
def body_of(content: Content) -> dict[str, Any]:
    """`Payload.body`: all of it, but the addresses that the site gives to the pictures."""
    return {
        "parts": validating.parts(content),
        "title": title_of(content),
        "excerpt": one_line(content.options.get("excerpt", "")),
        "content": "\n\n".join(paragraphs(text) for text in validating.texts(content) if text),
        "categories": names(content.options.get("categories", "")),
        "tags": names(content.options.get("tags", "")),
        "status": content.options.get("status") or "publish",
    }


def title_of(content: Content) -> str:
    """The title that was given; for a preview without one, the beginning of the text."""
    given = one_line(content.options.get("title", ""))
    if given:
        return given
    first = one_line(validating.tidy(content.text).partition("\n")[0])
    return first if len(first) <= _FALLBACK_TITLE else first[:_FALLBACK_TITLE].rsplit(" ", 1)[0] + "…"


def paragraphs(text: str) -> str:
    blocks = (block.strip("\n") for block in _BLANK_LINE.split(text))
    return "\n\n".join(
        "<!-- wp:paragraph -->\n<p>"
        + "<br>".join(map(_inline, block.split("\n")))
        + "</p>\n<!-- /wp:paragraph -->"
        for block in blocks
        if block
    )


def figure(media_id: int, address: str, alt: str) -> str:
    """One picture of the text: the featured one is the theme's to show."""
    source = html.escape(_no_brackets(address), quote=True)
    return (
        f'<!-- wp:image {{"id":{media_id},"sizeSlug":"full","linkDestination":"none"}} -->\n'
        f'<figure class="wp-block-image size-full"><img src="{source}" alt="{_escaped(alt, quote=True)}" '
        f'class="wp-image-{media_id}"/></figure>\n<!-- /wp:image -->'
    )


def as_html(text: str) -> str:
    """A title or an excerpt: HTML to WordPress, which a title with < or & would otherwise break."""
    return html.escape(text, quote=False)


def as_field(text: str) -> str:
    """A description for `sanitize_text_field`, which takes out whatever looks like a tag or an octet (%20)."""
    text = text.replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"%(?=[0-9a-fA-F]{2})", "&#37;", text)


def _inline(line: str) -> str:
    made, since = [], 0
    for found in _LINK.finditer(line):
        address = _trimmed(found[0])
        made.append(_escaped(line[since : found.start()]))
        target = html.escape(_no_brackets(address), quote=True)
        made.append(f'<a href="{target}">{_escaped(address)}</a>')
        since = found.start() + len(address)
    return "".join([*made, _escaped(line[since:])])


def _trimmed(address: str) -> str:
    """Without the full stop that ends the sentence, and without a bracket that was not opened in it."""
    while address:
        last = address[-1]
        unopened = last in ")]" and address.count(last) > address.count("(" if last == ")" else "[")
        if last not in _AFTER_A_LINK and not unopened:
            break
        address = address[:-1]
    return address


def _escaped(text: str, *, quote: bool = False) -> str:
    return html.escape(text, quote=quote).replace("[", "&#91;").replace("]", "&#93;")


def _no_brackets(address: str) -> str:
    return address.replace("[", "%5B").replace("]", "%5D")


# --- Its address ----------------------------------------------------------------------------------
def slug_of(title: str, key: str) -> str:
    """The post's slug: readable from its title, its own by its key. WordPress's `sanitize_title` leaves it as
    it is, so a post can be looked up by it."""
    digest = hashlib.sha256(key.encode()).hexdigest()[:_SLUG_KEY]
    plain = unicodedata.normalize("NFKD", title.replace("œ", "oe").replace("Œ", "oe").replace("ß", "ss"))
    bare = "".join(char for char in plain if not unicodedata.combining(char))
    words = re.sub(r"[^a-z0-9]+", "-", bare.lower()).strip("-")
    if len(words) > _SLUG_TITLE:
        words = words[: _SLUG_TITLE + 1].rpartition("-")[0] or words[:_SLUG_TITLE]
    return f"{words or 'post'}-{digest}"


def media_slug(item: Mapping[str, Any], place: int, owner: str) -> str:
    """A file's slug: the same for every attempt at one post, so that it is uploaded once."""
    basis = f"{owner}|{place}|{item['sha256']}|{item['alt']}"
    return "media-" + hashlib.sha256(basis.encode()).hexdigest()[:24]


# --- What is wrong with it ------------------------------------------------------------------------
def problems(content: Content, limits: Mapping[str, Any]) -> Iterable[Problem]:
    """What WordPress has beyond what every network has."""
    title, most = one_line(content.options.get("title", "")), int(limits["max_title_characters"])
    if not title:
        yield Problem("title_missing", "title", gettext_noop("This network needs a title."))
    elif graphemes(title) > most:
        used = graphemes(title)
        message = gettext_noop("The title is %(over)s characters too long: %(used)s of %(limit)s.")
        yield Problem("title_too_long", "title", message, {"used": used, "limit": most, "over": used - most})
    for name in ("title", "excerpt", "categories", "tags"):
        if _CONTROL.search(content.options.get(name, "")):
            message = gettext_noop("A control character that nobody can see is in here: remove it.")
            yield Problem("control_character", name, message)
    status = content.options.get("status", "")
    if status and status not in STATUSES:
        message = gettext_noop("A post is published or left as a draft here: “%(status)s” is neither.")
        yield Problem("status_unknown", "status", message, {"status": status})
    if content.media and not limits["may_upload"]:
        message = gettext_noop("The channel's account may not upload files on this site.")
        yield Problem("media_not_allowed", "media", message)
    yield from _unknown_categories(names(content.options.get("categories", "")), limits["categories"])


def _unknown_categories(wanted: Sequence[str], known: Any) -> Iterable[Problem]:
    """`known` is what `check` read: names and slugs, or nothing where they were too many to read."""
    if not isinstance(known, list) or not known:
        return
    there = {same(str(name)) for name in known}
    for name in wanted:
        if same(name) not in there:
            message = gettext_noop(
                "There is no category “%(name)s” on this site: make it there, or choose another."
            )
            yield Problem("category_unknown", "categories", message, {"name": name})


def same(name: str) -> str:
    """The form in which two names of a category or tag are the same one."""
    return " ".join(unicodedata.normalize("NFC", html.unescape(name)).casefold().split())
