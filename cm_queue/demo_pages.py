"""The public face of the demonstration network, in French and English.

Written out by hand and not through Django's templates: the network plays the far side, and must
not share a line with the house whose posts it shows. Everything a post says is escaped.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape

from cm_queue.demo_store import Post, Shown

_WORDS: Mapping[str, Mapping[str, str]] = {
    "en": {
        "label": "Demonstration network",
        "notice": "Not a real network. What goes out here can be seen on this machine only.",
        "timeline": "Public timeline",
        "empty": "Nothing has gone out yet.",
        "empty_hint": "When the gate opens for a post on the channel “Le fil Lumière”, it appears here at its slot.",
        "all": "All posts",
        "of": "Posts of",
        "reply": "in reply to",
        "this_post": "this post",
        "edited": "edited",
        "warning": "Content warning",
        "show": "show",
        "unlisted": "not on the timeline",
        "alt": "Description",
        "no_alt": "This image has no description.",
        "missing": "There is nothing here",
        "missing_hint": "The post may have been retracted.",
        "one": "Post",
        "skip": "Skip to the posts",
    },
    "fr": {
        "label": "Réseau de démonstration",
        "notice": "Ce n’est pas un vrai réseau. Ce qui sort ici n’est visible que sur cette machine.",
        "timeline": "Fil public",
        "empty": "Rien n’est encore sorti.",
        "empty_hint": "Dès qu’un post est validé pour le canal « Le fil Lumière », il apparaît ici à son créneau.",
        "all": "Tous les posts",
        "of": "Posts de",
        "reply": "en réponse à",
        "this_post": "ce post",
        "edited": "modifié",
        "warning": "Avertissement",
        "show": "afficher",
        "unlisted": "hors du fil",
        "alt": "Description",
        "no_alt": "Cette image n’a pas de description.",
        "missing": "Il n’y a rien ici",
        "missing_hint": "Le post a peut-être été retiré.",
        "one": "Post",
        "skip": "Aller aux posts",
    },
}
_MONTHS = {
    "en": ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"],
    "fr": [
        "janv.",
        "févr.",
        "mars",
        "avr.",
        "mai",
        "juin",
        "juill.",
        "août",
        "sept.",
        "oct.",
        "nov.",
        "déc.",
    ],
}
_LINKED = re.compile(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)\]])|((?<![\w/@&])[#@][\w.@-]*\w)")


def language_of(accept: str) -> str:
    """`fr` or `en`, whichever an Accept-Language header wants more; French when it wants neither."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept.split(",")):
        tag, _, weight = part.strip().partition(";")
        quality = re.fullmatch(r"\s*q=([01](?:\.\d{0,3})?)\s*", weight) if weight else None
        wanted.append((-(float(quality[1]) if quality else 1.0), place, tag.split("-")[0].lower()))
    return next((tag for quality, _, tag in sorted(wanted) if tag in _WORDS and quality < 0), "fr")


# --- Pages ------------------------------------------------------------------------------------------
def timeline(posts: Sequence[Post], language: str, account: str = "") -> str:
    words = _WORDS[language]
    title = f"{words['of']} @{account}" if account else words["timeline"]
    if posts:
        body = "".join(article(post, language) for post in posts)
    else:
        body = f'<p class="empty"><strong>{words["empty"]}</strong><br>{words["empty_hint"]}</p>'
    return _page(title, body, language, home=not account)


def single(post: Post, replies: Sequence[Post], language: str) -> str:
    shown = article(post, language, alone=True) + "".join(article(reply, language) for reply in replies)
    return _page(f"{_WORDS[language]['one']} @{post.account}", shown, language, home=False)


def missing(language: str) -> str:
    words = _WORDS[language]
    body = f'<p class="empty"><strong>{words["missing"]}.</strong><br>{words["missing_hint"]}</p>'
    return _page(words["missing"], body, language, home=False)


def article(post: Post, language: str, *, alone: bool = False) -> str:
    words = _WORDS[language]
    address = f"/@{escape(post.account)}/{post.id}"
    when = f'<time datetime="{post.created_at.isoformat()}">{_when(post.created_at, language)}</time>'
    marks = [f'<a href="{address}">{when}</a>']
    if post.edited_at:
        marks.append(f"<span>{words['edited']}</span>")
    if post.visibility != "public":
        marks.append(f"<span>{words['unlisted']}</span>")
    if post.reply_to:
        link = f'<a href="/@{escape(post.account)}/{post.reply_to}">{words["this_post"]}</a>'
        marks.append(f"<span>{words['reply']} {link}</span>")
    hue = zlib.crc32(post.account.encode()) % 6
    return (
        f'<article class="post{" alone" if alone else ""}" id="post-{post.id}">'
        f'<span class="face hue{hue}" aria-hidden="true">{_initials(post.account)}</span>'
        f'<header><a class="who" href="/@{escape(post.account)}">{escape(_name(post.account))}</a>'
        f' <span class="handle">@{escape(post.account)}</span></header>'
        f"{_covered(post, language)}"
        f"<footer>{' · '.join(marks)}</footer></article>"
    )


def _covered(post: Post, language: str) -> str:
    inside = _said(post) + _pictures(post.media, language)
    if not post.content_warning:
        return inside
    words = _WORDS[language]
    return (
        f'<details class="covered"><summary>{words["warning"]}{" :" if language == "fr" else ":"} '
        f"{escape(post.content_warning)} <em>({words['show']})</em></summary>{inside}</details>"
    )


def _said(post: Post) -> str:
    if not post.text:
        return ""
    lang = f' lang="{escape(post.language)}"' if post.language else ""
    paragraphs = [_linked(block).replace("\n", "<br>") for block in re.split(r"\n\s*\n", post.text)]
    return (
        f'<div class="said"{lang} dir="auto">' + "".join(f"<p>{block}</p>" for block in paragraphs) + "</div>"
    )


def _pictures(media: Sequence[Shown], language: str) -> str:
    if not media:
        return ""
    words = _WORDS[language]
    figures = [
        f'<figure><a href="/media/{escape(item.name)}">'
        f'<img src="/media/{escape(item.name)}" alt="{escape(item.alt)}"></a>'
        f'<figcaption><abbr title="{words["alt"]}">ALT</abbr> '
        f"{escape(item.alt) or words['no_alt']}</figcaption></figure>"
        for item in media
    ]
    return f'<div class="pictures n{min(len(media), 4)}">{"".join(figures)}</div>'


def _linked(text: str) -> str:
    """Escaped text with links, hashtags and mentions marked."""
    said, at = [], 0
    for found in _LINKED.finditer(text):
        said.append(escape(text[at : found.start()]))
        if found[1]:
            said.append(
                f'<a href="{escape(found[1])}" rel="nofollow noopener noreferrer">{escape(found[1])}</a>'
            )
        else:
            said.append(f'<span class="tag">{escape(found[2])}</span>')
        at = found.end()
    return "".join([*said, escape(text[at:])])


def _name(account: str) -> str:
    return account.replace("-", " ").title()


def _initials(account: str) -> str:
    return escape("".join(word[0] for word in account.split("-") if word)[:2].upper())


def _when(moment: datetime, language: str) -> str:
    month = _MONTHS[language][moment.month - 1]
    day = "1er" if moment.day == 1 and language == "fr" else moment.day
    return f"{day} {month} {moment.year}, {moment:%H:%M:%S} UTC"


def _page(title: str, body: str, language: str, *, home: bool) -> str:
    words = _WORDS[language]
    back = "" if home else f'<a class="back" href="/">← {words["all"]}</a>'
    return (
        f'<!doctype html><html lang="{language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta name="robots" content="noindex">'
        f'<title>{escape(title)} · {words["label"]}</title><link rel="icon" href="/icon.svg">'
        '<link rel="stylesheet" href="/style.css"></head><body>'
        f'<a class="skip" href="#posts">{words["skip"]}</a>'
        f'<header class="notice"><p><strong>{words["label"]}</strong> {words["notice"]}</p></header>'
        f'<main id="posts"><div class="head"><h1>{escape(title)}</h1>{back}</div>{body}</main></body></html>'
    )
