"""Reads what somebody typed or sent into a draft's fields, or refuses it field by field.

What cannot be stored at all is refused here (an unknown channel, a time that does not exist, a NUL
byte); what can be stored but not submitted is a problem, found by `posts/rendering.py`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypedDict

from django.utils.translation import gettext as _

from accounts.models import Brand
from accounts.refusals import Invalid
from adapters.base import Option
from adapters.registry import adapter_for
from posts.fetching import channels_in
from posts.lifecycle import PostState
from posts.models import Channel, Kind, Media, Post, Product, no_content
from posts.scheduling import (
    ON_APPROVAL,
    ON_APPROVAL_WINDOW,
    Window,
    demand_future,
    local_day,
    read_instant,
)
from posts.timetabling import is_a_slot

MAX_TEXT = 100_000
MAX_THREAD = 25
# Beside what a network's adapter asks for by itself (`Adapter.options`).
OPTIONS = ("visibility", "language", "content_warning")


class Draft(TypedDict, total=False):
    """What may be sent; what is left out stays as it was. Shapes are those of `docs/api.md`."""

    kind: str
    products: list[str]
    topics: list[str]
    channels: list[str]
    text: str
    variants: dict[str, str]
    media: list[dict[str, Any]]
    link: str
    reply_to: str
    thread: list[str]
    options: dict[str, dict[str, str]]
    slot: str | None
    window: dict[str, str] | None
    late_minutes: int
    after: int | None
    # Of a new draft only: the template it begins with (posts/filling.py).
    template: int


# Nothing goes out after what never will, or no longer is.
_NEVER_OUT = frozenset({PostState.WITHDRAWN, PostState.RETRACTED})


class Fields(TypedDict):
    """The columns of a post that a draft sets."""

    kind: str
    products: list[str]
    topics: list[str]
    products_said: bool
    slot: datetime | None
    local_slot: str
    on_approval: bool
    window_from: datetime | None
    window_until: datetime | None
    late_minutes: int
    after: Post | None


def _number(value: object) -> int:
    """A primary key, or 0 for what can be none."""
    return value if type(value) is int and 0 < value < 2**63 else 0


class Reader:
    """Reads one draft over what there was, gathering every field's errors before refusing."""

    def __init__(self, brand: Brand, draft: Draft, base: Post | None, now: datetime) -> None:
        self.brand, self.draft, self.base, self.now = brand, draft, base, now
        self.errors: dict[str, list[str]] = {}
        self.codes: list[str] = []

    def read(self) -> tuple[dict[str, Any], Fields, list[Channel]]:
        """(content, columns, channels). Raises Invalid with one sentence or more a field."""
        before = self.base.revision.content if self.base and self.base.revision else no_content()
        content = {**no_content(), **before}
        channels = self._channels(before["channels"])
        content["channels"] = [channel.key for channel in channels]
        for name in ("text", "link", "reply_to"):
            content[name] = self._text(name, self.draft.get(name, before[name]))
        content["thread"] = self._thread(before["thread"])
        content["variants"] = self._variants(before["variants"])
        content["options"] = self._options(before["options"])
        content["media"] = self._media(before["media"])
        fields = self._fields()
        if self.errors:
            sentence = next(iter(self.errors.values()))[0]
            raise Invalid(
                self.codes[0] if len(set(self.codes)) == 1 else "invalid", sentence, fields=self.errors
            )
        return content, fields, channels

    def _error(self, field: str, code: str, sentence: str) -> None:
        self.errors.setdefault(field, []).append(sentence)
        self.codes.append(code)

    def _text(self, field: str, value: object) -> str:
        if not isinstance(value, str):
            self._error(field, "bad_text", _("This must be text."))
            return ""
        if "\x00" in value:
            self._error(
                field,
                "nul_byte",
                _("There is a NUL character in this text. Remove it, or paste the text again."),
            )
            return ""
        if re.search(r"[\ud800-\udfff]", value):
            self._error(field, "bad_text", _("This text has a broken character. Paste it again."))
            return ""
        if len(value) > MAX_TEXT:
            self._error(field, "text_too_long", _("This text is longer than any network takes."))
        return value.replace("\r\n", "\n").replace("\r", "\n")

    def _thread(self, before: list[str]) -> list[str]:
        thread = self.draft.get("thread", before)
        if not isinstance(thread, list) or len(thread) > MAX_THREAD:
            self._error(
                "thread", "bad_thread", _("A thread has at most %(most)s parts.") % {"most": MAX_THREAD}
            )
            return []
        return [text for text in (self._text("thread", part) for part in thread) if text.strip()]

    def _variants(self, before: dict[str, str]) -> dict[str, str]:
        given = self.draft.get("variants", before)
        if not isinstance(given, dict):
            self._error("variants", "bad_text", _("This must be text."))
            return {}
        self._known_keys("variants", given)
        return {key: text for key, text in ((k, self._text("variants", v)) for k, v in given.items()) if text}

    def _options(self, before: dict[str, dict[str, str]]) -> dict[str, dict[str, str]]:
        given = self.draft.get("options", before)
        if not isinstance(given, dict) or not all(isinstance(one, dict) for one in given.values()):
            self._error("options", "bad_options", _("These options cannot be read."))
            return {}
        self._known_keys("options", given)
        own = self._own_options(given)
        unknown = sorted({name for key, one in given.items() for name in {*one} - {*OPTIONS, *own[key]}})
        if unknown:
            self._error(
                "options", "unknown_option", _("Unknown option: %(name)s.") % {"name": ", ".join(unknown)}
            )
        for key, one in given.items():
            for name in own[key].keys() & one.keys():
                self._choice(own[key][name], one[name])
        return {
            key: {name: self._text("options", value) for name, value in one.items() if value}
            for key, one in given.items()
            if one
        }

    def _own_options(self, given: Mapping[str, object]) -> dict[str, dict[str, Option]]:
        """{channel: {name: what its network asks for}}"""
        networks = dict(self.brand.channels.values_list("key", "network")) if given else {}
        return {
            key: {one.name: one for one in adapter_for(networks[key]).options} if key in networks else {}
            for key in given
        }

    def _choice(self, option: Option, value: object) -> None:
        known = {"flag": {"", "1"}, "choice": {"", *(one for one, _label in option.choices)}}.get(option.kind)
        if known is not None and value not in known:
            self._error(
                "options",
                "bad_options",
                _("“%(value)s” is no choice for %(name)s.") % {"value": str(value)[:40], "name": option.name},
            )

    def _known_keys(self, field: str, given: Mapping[str, object]) -> None:
        known = set(self.brand.channels.values_list("key", flat=True)) if given else set()
        for key in sorted(set(given) - known):
            self._error(field, "unknown_channel", _("There is no channel “%(key)s”.") % {"key": key})

    def _channels(self, before: list[str]) -> list[Channel]:
        keys = self.draft.get("channels", before)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            self._error("channels", "unknown_channel", _("Choose among the brand's channels."))
            return []
        wanted = list(dict.fromkeys(keys))
        found = channels_in(self.brand.pk)
        for key in wanted:
            if key not in found or (not found[key].is_active and key not in before):
                self._error("channels", "unknown_channel", _("There is no channel “%(key)s”.") % {"key": key})
        return [found[key] for key in wanted if key in found]

    def _media(self, before: list[dict[str, Any]]) -> list[dict[str, Any]]:
        given = self.draft.get("media")
        if given is None:
            return before
        listed = given if isinstance(given, list) else [None]
        ids = [_number(item.get("id")) for item in listed if isinstance(item, dict)]
        found = {
            media.pk: media
            for media in Media.objects.filter(brand=self.brand, pk__in=[pk for pk in ids if pk])
        }
        items = []
        for item in listed:
            media = found.get(_number(item.get("id"))) if isinstance(item, dict) else None
            if item is None or media is None:
                self._error("media", "unknown_media", _("This image is not there. Upload it again."))
                continue
            items.append(
                {
                    "id": media.pk,
                    "sha256": media.sha256,
                    "alt": self._text("alt", item.get("alt", "")).strip(),
                    "mime": media.mime,
                    "width": media.width,
                    "height": media.height,
                    "size": media.size,
                }
            )
        return items

    # --- Columns ----------------------------------------------------------------------------------
    def _fields(self) -> Fields:
        base = self.base
        kind = self.draft.get("kind", base.kind if base else Kind.ROUTINE.value)
        if kind not in Kind.values:
            self._error("kind", "unknown_kind", _("There is no kind of post “%(kind)s”.") % {"kind": kind})
        slot, on_approval = self._slot()
        window = self._window(slot, on_approval)
        return {
            "kind": kind,
            "products": self._products(base.products if base else []),
            "topics": self._topics(base.topics if base else []),
            # An empty list that was sent says that it speaks of none.
            "products_said": "products" in self.draft or bool(base and base.products_said),
            "slot": slot,
            "local_slot": self._local_slot(slot),
            "on_approval": on_approval,
            "window_from": window.start if window else None,
            "window_until": window.end if window else None,
            "late_minutes": self._late_minutes(),
            "after": self._after(),
        }

    def _products(self, before: list[str]) -> list[str]:
        keys = self.draft.get("products", before)
        if not isinstance(keys, list) or not all(isinstance(key, str) for key in keys):
            self._error("products", "unknown_product", _("Choose among the brand's products."))
            return []
        known = set(Product.objects.filter(brand=self.brand).values_list("key", flat=True))
        for key in [key for key in keys if key not in known]:
            self._error("products", "unknown_product", _("There is no product “%(key)s”.") % {"key": key})
        return sorted(set(keys) & known)

    def _topics(self, before: list[str]) -> list[str]:
        topics = self.draft.get("topics", before)
        if not isinstance(topics, list) or not all(
            isinstance(one, str) and re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", one) for one in topics
        ):
            self._error(
                "topics", "unknown_topic", _("A topic is written in small letters, digits and hyphens.")
            )
            return []
        return sorted(set(topics))

    def _slot(self) -> tuple[datetime | None, bool]:
        base = self.base
        if "slot" not in self.draft:
            return (base.slot, base.on_approval) if base else (None, False)
        text = self.draft["slot"]
        if not text:
            return None, False
        if text == ON_APPROVAL:
            return None, True
        try:
            slot = read_instant(str(text), self.brand.zone)
            if not (base and base.slot == slot):
                demand_future(slot, self.now)
        except Invalid as error:
            self._error("slot", error.code, error.sentence)
            return None, False
        return slot, False

    def _local_slot(self, slot: datetime | None) -> str:
        """The time on the wall that is meant, if one is: it was typed without an offset, or it is one of the
        brand's own slots. Empty for an instant."""
        base = self.base
        if base is not None and slot == base.slot:
            return base.local_slot
        if slot is None:
            return ""
        local = slot.astimezone(self.brand.zone).replace(tzinfo=None)
        typed = datetime.fromisoformat(str(self.draft.get("slot", "")).strip())
        return local.isoformat() if typed.tzinfo is None or is_a_slot(self.brand.slots, local) else ""

    def _window(self, slot: datetime | None, on_approval: bool) -> Window | None:
        given = self.draft.get("window")
        if given:
            return self._given_window(given, slot)
        base = self.base
        kept = (
            Window(base.window_from, base.window_until)
            if base and base.window_from and base.window_until
            else None
        )
        if on_approval:
            same = kept and base and base.on_approval and kept.end > self.now
            start = self.now.replace(microsecond=0)
            return kept if same else Window(start, start + ON_APPROVAL_WINDOW)
        if slot is None:
            return None
        # The slot may move freely inside the window it had; outside, its new local day is the window.
        return (
            kept
            if kept and slot in kept and base and not base.on_approval
            else local_day(slot, self.brand.zone)
        )

    def _given_window(self, given: Mapping[str, str], slot: datetime | None) -> Window | None:
        if not isinstance(given, Mapping):
            self._error("window", "bad_window", _("A window has a beginning and an end."))
            return None
        try:
            window = Window(
                read_instant(str(given.get("from", "")), self.brand.zone, "window"),
                read_instant(str(given.get("until", "")), self.brand.zone, "window"),
            )
        except Invalid as error:
            self._error("window", error.code, error.sentence)
            return None
        if window.end < window.start:
            self._error("window", "bad_window", _("The window ends before it begins."))
        elif slot is not None and slot not in window:
            self._error("slot", "slot_outside_window", _("The slot lies outside the window."))
        return window

    def _after(self) -> Post | None:
        base = self.base
        if "after" not in self.draft:
            return base.after if base else None
        if self.draft["after"] is None:
            return None
        if base is not None and base.after_id == self.draft["after"]:
            return base.after
        found = Post.objects.filter(pk=_number(self.draft["after"]), brand=self.brand).first()
        if found is None or found.lifecycle in _NEVER_OUT or self._goes_after(found, base):
            self._error("after", "bad_order", _("This post cannot go after that one."))
            return None
        return found

    def _goes_after(self, found: Post, base: Post | None) -> bool:
        """Whether `found` already goes, directly or not, after this post: a circle would wait for ever."""
        seen: Post | None = found
        for _step in range(MAX_THREAD * 4):
            if seen is None:
                return False
            if base is not None and seen.pk == base.pk:
                return True
            seen = seen.after
        return True

    def _late_minutes(self) -> int:
        base = self.base
        value = self.draft.get("late_minutes", base.late_minutes if base else self.brand.late_minutes)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 7 * 24 * 60:
            self._error("late_minutes", "bad_late_minutes", _("Between 1 minute and 7 days."))
            return self.brand.late_minutes
        return value
