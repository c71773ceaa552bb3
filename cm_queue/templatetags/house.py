"""The house's tags and filters, builtin in every template (see TEMPLATES in settings).

Each tag draws one component of `templates/components/`; the words and shapes are in
`cm_queue/desk/signs.py`, dates in `journal/moments.py`. All of them are on /styleguide/.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time
from functools import lru_cache
from typing import Any

from django import template
from django.forms.utils import flatatt
from django.template.context import Context
from django.templatetags.static import static
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from approvals import naming
from cm_queue.desk import showing, signs
from cm_queue.desk.context import section_of
from cm_queue.desk.linking import safe_url
from journal import moments

register = template.Library()


# --- Signs ----------------------------------------------------------------------------------------
@register.simple_tag
def icon(name: str, label: str = "", css: str = "") -> SafeString:
    """One drawing of the sprite. Beside a word it is hidden from screen readers; alone it needs a `label`."""
    return _drawing(static("icons.svg"), name, str(label), css)


# A page has some sixty of them, and nearly the same ones; labels may be the names of channels.
@lru_cache(maxsize=1024)
def _drawing(sprite: str, name: str, label: str, css: str) -> SafeString:
    shape = format_html('<use href="{}#{}"/>', sprite, name)
    css = f"i {css}".strip()
    if label:
        return format_html('<svg class="{}" role="img" aria-label="{}">{}</svg>', css, label, shape)
    return format_html('<svg class="{}" aria-hidden="true">{}</svg>', css, shape)


@register.simple_tag
def state(value: object, word: str = "") -> SafeString:
    """A post's or delivery's state: sign and word. `word` replaces the word where a page says it better."""
    sign = signs.sign_of_state(value)
    return format_html('<span class="st {}">{}{}</span>', sign.tone, icon(sign.icon), word or sign.word)


@register.simple_tag
def says(tone: str, name: str, text: str) -> SafeString:
    """Any other sign and word: `{% says "wait" "clock" text %}`. `tone`: ok, wait, stop or empty."""
    return format_html('<span class="st {}">{}{}</span>', tone, icon(name), text)


@register.simple_tag
def level(value: int, *, words: bool = True) -> SafeString:
    """A level's disc and its word; `words=False` leaves the word to screen readers."""
    sign = signs.sign_of_level(value)
    return format_html(
        '<span class="lv">{}<span class="{}">{}</span></span>',
        icon(sign.icon),
        "" if words else "sr",
        sign.word,
    )


@register.simple_tag
def network(name: str, channel: str = "", *, words: bool = True) -> SafeString:
    """A network's picture with the channel's name (or the network's); `words=False` for rows of pictures."""
    label = channel or naming.network_name(name)
    drawing = signs.network_icon(name)
    if not words:
        return format_html('<span class="nets">{}</span>', icon(drawing, label))
    return format_html('<span class="st">{}{}</span>', icon(drawing), label)


@register.simple_tag
@lru_cache(maxsize=256)
def pips(met: int, needed: int) -> SafeString:
    """Squares beside their words, never alone: three of five requirements. At most twelve are drawn."""
    drawn = min(needed, 12)
    filled = min(met, drawn)
    squares = SafeString("<b></b>" * filled + "<i></i>" * (drawn - filled))
    return format_html('<span class="pips" aria-hidden="true">{}</span>', squares)


@register.filter
def network_icon(name: str) -> str:
    return signs.network_icon(name)


@register.filter
def network_name(name: str) -> str:
    return naming.network_name(name)


@register.filter
def domain_name(domain: str) -> str:
    return naming.domain_name(domain)


@register.filter
def level_name(value: int) -> str:
    return str(signs.sign_of_level(value).word)


# --- Words ----------------------------------------------------------------------------------------
@register.filter
def when(moment: datetime | None, zone: str = "") -> str:
    return moments.when(moment, zone) if moment else ""


@register.filter
def day(moment: datetime | None, zone: str = "") -> str:
    return moments.day(moment, zone) if moment else ""


@register.filter
def date_in_words(day: date | None) -> str:
    """« 1er janvier 2027 »."""
    return moments.day_and_month(day, year=True) if day else ""


@register.filter
def number(count: int | None) -> str:
    """As the reader writes it: « 10 000 »."""
    return "" if count is None else number_format(count, 0, force_grouping=True)


@register.filter
def clock(moment: datetime | time | None, zone: str = "") -> str:
    return moments.clock(moment, zone) if moment else ""


@register.filter
def brief(moment: datetime | None, zone: str = "") -> str:
    return moments.brief(moment, zone) if moment else ""


@register.filter
def until(moment: datetime | None) -> str:
    return moments.until(moment) if moment else ""


_SHORT: dict[str, Callable[[datetime], str]] = {"brief": moments.brief, "clock": moments.clock}


@register.simple_tag(name="moment")
def moment_(value: datetime, form: str = "when") -> SafeString:
    """A <time>: absolute in the brand's zone, relative in brackets. `form`: `when`, `brief`, `clock`
    or `until`; the three short ones keep the whole date as their title."""
    stamp = value.isoformat()
    if form == "when":
        return format_html(
            '<time datetime="{}">{}</time> <small class="nb">({})</small>',
            stamp,
            moments.when(value),
            moments.until(value),
        )
    words = moments.until(value) if form == "until" else _SHORT[form](value)
    return format_html('<time datetime="{}" title="{}">{}</time>', stamp, moments.when(value), words)


@register.simple_tag
def now_here() -> str:
    """The folio's clock: « jeudi 19 novembre · 9 h 50 à Paris »."""
    now = timezone.now()
    at = _("%(clock)s in %(place)s") % {"clock": moments.clock(now), "place": moments.place()}
    return f"{moments.day(now)} · {at}"


@register.filter
def short_digest(digest: str | None) -> SafeString:
    """The first twelve characters in threes of four, to be read aloud; the whole as its title."""
    if not digest:
        return SafeString("")
    head = " ".join(digest[at : at + 4] for at in range(0, 12, 4)).strip()
    return format_html('<code class="nb" title="{}">{}</code>', digest, head)


@register.filter
def initial(name: object) -> str:
    return str(name).strip()[:1].upper() or "?"


@register.filter
def names_or(people: Iterable[Any]) -> str:
    """« Nadia, Marc ou Victor ». Takes names or objects with a `name`."""
    return _joined(showing.names(people), _("%(some)s or %(last)s"))


@register.filter
def names_and(people: Iterable[Any]) -> str:
    return _joined(showing.names(people), _("%(some)s and %(last)s"))


def _joined(names: Sequence[str], pattern: str) -> str:
    if len(names) < 2:
        return "".join(names)
    return pattern % {"some": ", ".join(names[:-1]), "last": names[-1]}


register.filter("safe_url", safe_url)


# --- Components with a little arithmetic -----------------------------------------------------------
@register.inclusion_tag("components/requirement.html")
def requirement(needed: Any, viewer: Any = None) -> dict[str, Any]:
    """One line of who must say yes (see `showing.requirement`); `viewer` is the reader."""
    return showing.requirement(needed, viewer)


@register.inclusion_tag("components/count.html")
def count(used: int, limit: int, label: str = "") -> dict[str, Any]:
    """A length as the network counts it, in words and as a meter. `label` names the network."""
    over = max(0, used - limit)
    return {
        "used": used,
        "limit": limit,
        "over": over,
        "label": label,
        "shown": min(used, limit),
        "high": max(limit - 1, 0),
    }


@register.inclusion_tag("components/diff.html")
def diff(segments: Iterable[Any]) -> dict[str, Any]:
    """A word diff. A segment is `(op, text)` with op -1 (removed), 0 (same), 1 (added), as
    diff-match-patch gives them, or `("odd", text, name)` for a look-alike or invisible character."""
    kinds = {-1: "removed", 0: "same", 1: "added"}
    rows = [
        {"op": kinds.get(one[0], one[0]), "text": one[1], "name": one[2] if len(one) > 2 else ""}
        for one in segments
    ]
    return {"segments": rows}


@register.inclusion_tag("components/preview.html", takes_context=True)
def preview(
    context: Context,
    payload: Any,
    channel: Any = None,
    counts: Iterable[Any] = (),
    price: Any = None,
    notes: Mapping[str, str] | None = None,
    quotes: Mapping[str, int] | None = None,
) -> dict[str, Any]:
    """What the public will see on one channel (see `showing.preview`)."""
    brand = getattr(context.get("house"), "brand", None)
    return showing.preview(payload, channel, counts, brand, price, notes, quotes)


# --- Pieces a page puts together: explicit arguments, so that nothing of the page leaks into them -----
@register.inclusion_tag("components/button.html")
def button(
    word: str,
    tone: str = "",
    drawing: str = "",
    href: str = "",
    key: str = "",
    *,
    small: bool = False,
    **attributes: str | bool,
) -> dict[str, Any]:
    """A verb. `tone`: `go` (one a view), `no`, `bare` or none. With `href` a link. `key` is its shortcut;
    other keywords become attributes: `name`, `value`, `form`, `disabled`…"""
    css = " ".join(part for part in ("btn", tone, "small" if small else "") if part)
    if not href:
        attributes = {"type": "submit", **attributes}
    if key:
        attributes |= {"data-key": key, "aria-keyshortcuts": key}
    return {
        "word": word,
        "drawing": drawing,
        "href": href,
        "key": key,
        "attributes": flatatt({"class": css, **attributes}),
    }


@register.inclusion_tag("components/note.html")
def note(
    text: str, tone: str = "", title: str = "", drawing: str = "", ref: str = "", role: str = ""
) -> dict[str, Any]:
    """A problem (`stop`), a warning (`wait`) or a word of advice, in place. `ref` is its id, for the
    `aria-describedby` of what it speaks about."""
    sign = drawing or ("warn" if tone else "note")
    return {"text": text, "tone": tone, "title": title, "drawing": sign, "ref": ref, "role": role}


@register.inclusion_tag("components/toast.html")
def toast(text: str, undo_url: str = "", undo: str = "") -> dict[str, Any]:
    """What was done; with `undo_url`, a POST that takes it back."""
    return {"text": text, "undo_url": undo_url, "undo": undo}


@register.inclusion_tag("components/nothing.html")
def nothing(title: str, text: str = "", href: str = "", action: str = "") -> dict[str, Any]:
    """An empty place: what would be here, and what to do next."""
    return {"title": title, "text": text, "href": href, "action": action}


@register.inclusion_tag("components/person.html")
def person(who: Any, level: int | None = None, line: str = "") -> dict[str, Any]:
    """A name with its initial; optionally the disc of a level and a line under the name."""
    return {"who": str(getattr(who, "name", "") or who), "level": level, "line": line}


@register.inclusion_tag("components/confirm.html")
def confirm(
    action: str,
    word: str,
    question: str,
    detail: str = "",
    drawing: str = "",
    name: str = "",
    value: str = "",
    *,
    danger: bool = False,
) -> dict[str, Any]:
    """Asks once, without a dialog or a script: a verb that opens onto its question and its POST form."""
    return {
        "action": action, "word": word, "question": question, "detail": detail, "drawing": drawing,
        "name": name, "value": value, "danger": danger,
    }  # fmt: skip


@register.inclusion_tag("components/conflict.html")
def conflict(what: str = "", url: str = "", segments: Iterable[Any] = (), kept: str = "") -> dict[str, Any]:
    """The post changed under the reader (409): what changed, where it is now, a diff, what they had typed."""
    return {"what": what, "url": url, "segments": list(segments), "kept": kept}


@register.inclusion_tag("components/requirements.html")
def requirements(
    needed: Iterable[Any],
    viewer: Any = None,
    people_have: int | None = None,
    people_needed: int | None = None,
) -> dict[str, Any]:
    """Who must say yes: the count in pips and words, then a line for each (see `requirement`)."""
    rows = list(needed)
    met = sum(not showing.read(one, "missing") for one in rows)
    return {
        "rows": rows,
        "viewer": viewer,
        "met": met,
        "people_have": people_have,
        "people_needed": people_needed,
    }


# --- The frame ------------------------------------------------------------------------------------
@register.inclusion_tag("components/place.html", takes_context=True)
def place(
    context: Context, url_name: str, drawing: str, word: str, waiting: int | str | None = None
) -> dict[str, Any]:
    """One place in the navigation; nothing at all while its URL does not exist."""
    try:
        url = reverse(url_name)
    except NoReverseMatch:
        return {"url": ""}
    house = context.get("house")
    here = getattr(house, "section", "") == section_of(url_name)
    key = section_of(url_name)
    return {"url": url, "drawing": drawing, "word": word, "waiting": waiting, "here": here, "key": key}


@register.filter
def tone_of(tags: str) -> str:
    """A message's tone from Django's level tags: errors stop, warnings wait, the rest is a toast."""
    words = tags.split()
    return "stop" if "error" in words else "wait" if "warning" in words else ""


@register.filter
def undo_of(tags: str) -> str:
    """Where a message's act is taken back, from its tag `undo:<address>`; empty where it is not."""
    found = [word.removeprefix("undo:") for word in tags.split() if word.startswith("undo:")]
    return found[0] if found else ""
