"""What changed between two sets of sealed payloads, in words: the texts that the public will read, the
descriptions of images, the links. Pure: no database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import regex
from diff_match_patch import diff_match_patch
from django.utils.translation import gettext as _

from cm_queue.desk.showing import own_options
from cm_queue.desk.signs import VISIBILITIES
from cm_queue.desk.spotting import Piece, marked

Segment = tuple[int, str]
_TOKEN = regex.compile(r"\p{L}[\p{L}\p{M}\p{N}’'_-]*|\p{N}+|\s+|\X")
_LINK = regex.compile(
    r"(?:https?://|www\.)[^\s<>«»\"]+|(?<![\w@./-])(?:[\p{L}\p{N}-]+\.)+\p{Ll}{2,}(?:/[^\s<>«»\"]*)?(?![\w@])",
)
_TAIL = ".,;:!?)…’'\"”"
# A pathological pair of texts is shown as a coarser diff, never as a page that does not come.
_SECONDS = 0.5
_SURROGATES = range(0xD800, 0xE000)


def words(old: str, new: str) -> list[Segment]:
    """(-1 removed, 0 same, 1 added; text) from `old` to `new`, whole words at a time."""
    known: dict[str, str] = {}
    tokens: dict[str, str] = {}

    def coded(text: str) -> str:
        out = []
        for token in _TOKEN.findall(text):
            if token not in known:
                code = len(known) + 1
                code += len(_SURROGATES) if code >= _SURROGATES.start else 0
                known[token] = chr(code)
                tokens[chr(code)] = token
            out.append(known[token])
        return "".join(out)

    dmp = diff_match_patch()
    dmp.Diff_Timeout = _SECONDS
    found = dmp.diff_main(coded(old), coded(new), False)
    dmp.diff_cleanupSemantic(found)
    return [(op, "".join(tokens[char] for char in text)) for op, text in found]


def links_in(text: str) -> list[str]:
    """The addresses in a text, in order, each once."""
    return list(dict.fromkeys(found.rstrip(_TAIL) for found in _LINK.findall(text)))


@dataclass(frozen=True, slots=True)
class Change:
    """One place that reads otherwise: where, and its diff with odd characters marked."""

    where: str
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Changes:
    """All that differs for the public. `remarks` are sentences on what is no text: another picture, a
    channel more, another visibility."""

    texts: list[Change]
    remarks: list[str]
    new_links: list[str]
    gone_links: list[str]

    def __bool__(self) -> bool:
        return bool(self.texts or self.remarks or self.new_links or self.gone_links)


def changes(old: Mapping[str, Any], new: Mapping[str, Any], names: Mapping[str, str]) -> Changes:
    """From one sealed set of payloads ({channel key: payload as JSON}) to another. `names` are the
    channels' names by key. A text that changed alike on several channels is shown once."""
    texts: dict[tuple[str, str, str], list[str]] = {}
    remarks: dict[str, list[str]] = {}
    for key in new:
        if key not in old:
            remarks.setdefault(_("Channel added."), []).append(key)
            continue
        own = _own_texts(old[key], new[key])
        for where, before, after in (*_texts(_body(old[key]), _body(new[key])), *own):
            if before != after:
                texts.setdefault((where, before, after), []).append(key)
        for remark in _remarks(_body(old[key]), _body(new[key])):
            remarks.setdefault(remark, []).append(key)
    for key in old:
        if key not in new:
            remarks.setdefault(_("Channel taken away."), []).append(key)
    before_links, after_links = links_of(old.values()), links_of(new.values())
    everywhere = len(new)
    return Changes(
        texts=[
            Change(_where(where, keys, names, everywhere), marked(words(before, after)))
            for (where, before, after), keys in texts.items()
        ],
        remarks=[f"{_named(keys, names)} · {remark}" for remark, keys in remarks.items()],
        new_links=[link for link in after_links if link not in before_links],
        gone_links=[link for link in before_links if link not in after_links],
    )


def links_of(payloads: Iterable[Mapping[str, Any]]) -> list[str]:
    """Every address that the public would see, each once."""
    found: dict[str, None] = {}
    for payload in payloads:
        for text in texts_of(payload):
            found |= dict.fromkeys(links_in(text))
        link = _body(payload).get("link")
        if isinstance(link, str) and link:
            found[link] = None
    return list(found)


def texts_of(payload: Mapping[str, Any]) -> list[str]:
    """Every text of a payload: the parts, the descriptions, the warning before it."""
    body = _body(payload)
    parts = body.get("parts") or []
    found = [part.get("text", "") for part in parts]
    found += [item.get("alt", "") for part in parts for item in part.get("media") or []]
    found.append(_warning(body))
    found += [value for _label, value in own_options(str(payload.get("network", "")), body)]
    return [text for text in found if text]


def _body(payload: Mapping[str, Any]) -> Mapping[str, Any]:
    body: Mapping[str, Any] = payload.get("body") or {}
    return body


def _warning(body: Mapping[str, Any]) -> str:
    return str(body.get("content_warning") or body.get("spoiler_text") or "")


def _texts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    pairs: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]] = zip_longest(
        old.get("parts") or [], new.get("parts") or [], fillvalue={}
    )
    for number, (before, after) in enumerate(pairs, start=1):
        where = _("Text") if number == 1 else _("Part %(n)s of the thread") % {"n": number}
        yield where, before.get("text", ""), after.get("text", "")
        media: Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]] = zip_longest(
            before.get("media") or [], after.get("media") or [], fillvalue={}
        )
        for place, (was, now) in enumerate(media, start=1):
            yield _("Description of image %(n)s") % {"n": place}, was.get("alt", ""), now.get("alt", "")
    yield _("Content warning"), _warning(old), _warning(new)


def _own_texts(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterable[tuple[str, str, str]]:
    """What only its network was told: a title, a category."""
    before, after = (dict(own_options(str(one.get("network", "")), _body(one))) for one in (old, new))
    for label in dict.fromkeys([*before, *after]):
        yield label, before.get(label, ""), after.get(label, "")


def _remarks(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    found = []
    pictures = [[item.get("sha256") for item in _media(body)] for body in (old, new)]
    if pictures[0] != pictures[1]:
        added = [one for one in pictures[1] if one not in pictures[0]]
        gone = [one for one in pictures[0] if one not in pictures[1]]
        if added and gone:
            found.append(_("Another image."))
        elif added:
            found.append(_("Image added."))
        elif gone:
            found.append(_("Image taken away."))
        else:
            found.append(_("The images are in another order."))
    for name, label in (
        ("visibility", _("visibility")),
        ("language", _("language")),
        ("reply_to", _("reply to")),
    ):
        if (old.get(name) or "") != (new.get(name) or ""):
            found.append(
                _("%(what)s: %(old)s → %(new)s")
                % {"what": label, "old": _value(old, name), "new": _value(new, name)}
            )
    return found


def _value(body: Mapping[str, Any], name: str) -> str:
    value = str(body.get(name) or "–")
    return str(VISIBILITIES.get(value, value)) if name == "visibility" else value


def _media(body: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [item for part in body.get("parts") or [] for item in part.get("media") or []]


def _where(where: str, keys: Sequence[str], names: Mapping[str, str], everywhere: int) -> str:
    return where if len(keys) == everywhere else f"{where} · {_named(keys, names)}"


def _named(keys: Sequence[str], names: Mapping[str, str]) -> str:
    return ", ".join(names.get(key, key) for key in keys)
