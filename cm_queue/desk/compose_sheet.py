"""One compose page's worth of work: what was typed, what it would become, what stands in its way."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

from django import forms
from django.db.models import Q
from django.http import QueryDict
from django.utils.datastructures import MultiValueDict
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.refusals import Invalid, Refused
from cm_queue.desk.compose_forms import OTHER, ChannelForm, DraftForm, MediaSet, PartSet, spots_of
from cm_queue.desk.compose_stock import template_sent
from cm_queue.desk.following import predecessors
from cm_queue.desk.forms import offer
from journal import moments
from posts import drafting
from posts.filling import as_draft, gaps_of
from posts.models import Channel, Media, Post, Revision, Snippet
from posts.reading import Draft, Reader
from posts.rendering import Found, adapter_of, limits_of
from posts.scheduling import ON_APPROVAL, holiday_at, holidays_of, is_quiet, next_free_slots
from posts.uploading import upload

SLOTS_OFFERED = 6
# Not mistakes, only not done yet: said more softly while somebody is still writing.
UNDONE = frozenset({"empty", "no_slot", "no_channel", "alt_missing", "gap_left"})
_PLACES = (
    "kind",
    "channels",
    "text",
    "link",
    "reply_to",
    "thread",
    "products",
    "topics",
    "media",
    "alt",
    "slot",
    "after",
)
_ELSEWHERE = {
    "options": "channels",
    "window": "slot",
    "late_minutes": "slot",
    "variants": "text",
    "pictures": "media",
    "no_products": "products",
}


@dataclass(frozen=True, slots=True)
class Remark:
    """A sentence at a field. `soft`: not a mistake, or not yet one."""

    text: str
    soft: bool = False


@dataclass(frozen=True, slots=True)
class Read:
    """What the verbs would make of what was typed."""

    content: dict[str, Any]
    fields: Mapping[str, Any]
    channels: Sequence[Channel]
    problems: Sequence[Found]


class Sheet:
    """The forms of one draft, old or new, and a place for remarks beside each field."""

    def __init__(
        self, user: User, brand: Brand, post: Post | None = None,
        data: QueryDict | None = None, files: MultiValueDict[str, Any] | None = None, slot: str = "",
        template: Snippet | None = None,
    ) -> None:  # fmt: skip
        self.asked, self.template = slot, template
        self.user, self.brand, self.post = user, brand, post
        self.remarks: dict[str, list[Remark]] = {}
        self.content = drafting.current(post).content if post else {}
        used = self.content.get("channels", [])
        self.channels = list(
            brand.channels.filter(Q(is_active=True) | Q(key__in=used)).order_by("created_at", "pk")
        )
        self.free = next_free_slots(brand, database_now(), SLOTS_OFFERED)
        self.form = DraftForm(data, files, brand=brand, channels=self.channels, initial=self._initial())
        typed = {name: str(self.form[name].value() or "") for name in ("slot", "at")}
        offer(self.form, "slot", spots_of(brand, self.free, typed, user.time_zone))
        offer(self.form, "after", predecessors(brand, post))
        self.each = [
            ChannelForm(data, channel=channel, initial=self._initial_on(channel)) for channel in self.channels
        ]
        self.rows = [{"picture": one["id"], "alt": one["alt"]} for one in self.content.get("media", [])]
        self.thread: list[str] = list(self.content.get("thread", []))
        self.seen = drafting.current(post).number if post else None
        self.draft: Draft = {}
        if data is not None:
            self._take_in(data)
        elif post is None:
            first = self._initial()
            begun = as_draft(template) if template else {}
            self.draft = {**begun, "channels": first["channels"], "slot": first["slot"]}

    # --- From the post --------------------------------------------------------------------------
    def _initial(self) -> dict[str, Any]:
        post = self.post
        if post is None:
            alone = [channel.key for channel in self.channels] if len(self.channels) == 1 else []
            first = self.asked or (self.free[0].isoformat() if self.free else "")
            plain = {"kind": Post._meta.get_field("kind").default, "channels": alone, "slot": first}
            return plain | (self._begun(self.template, alone) if self.template else {})
        slot = ON_APPROVAL if post.on_approval else post.slot.isoformat() if post.slot else ""
        plain = {name: self.content[name] for name in ("channels", "text", "link", "reply_to")}
        return {
            **plain,
            "kind": post.kind,
            "products": post.products,
            "topics": ", ".join(post.topics),
            "had_kind": post.kind,
            "had_products": " ".join(post.products),
            "had_topics": " ".join(post.topics),
            "no_products": post.products_said and not post.products,
            "slot": slot,
            "after": str(post.after_id or ""),
        }

    def _begun(self, template: Snippet, alone: list[str]) -> dict[str, Any]:
        draft = as_draft(template)
        topics, channels = ", ".join(draft["topics"]), draft["channels"] or alone
        return {**draft, "topics": topics, "channels": channels}

    @property
    def gaps(self) -> list[str]:
        """What the template that it began with left open."""
        if self.post is not None:
            return list(self.post.gaps)
        return gaps_of(self.template) if self.template else []

    @property
    def template_writers(self) -> list[str]:
        return [one.name for one in self.template.writers.order_by("pk")] if self.template else []

    def _initial_on(self, channel: Channel) -> dict[str, Any]:
        if self.post is None:
            return {"language": self.brand.language}
        options = self.content["options"].get(channel.key, {})
        return {"variant": self.content["variants"].get(channel.key, ""), **options}

    # --- From what was sent -----------------------------------------------------------------------
    def _take_in(self, data: QueryDict) -> None:
        """Reads every form, keeps what was uploaded, and gathers it all into `draft`."""
        parts, media = PartSet(data, prefix="part"), MediaSet(data, prefix="media")
        for form in (self.form, *self.each, *parts, *media):
            form.full_clean()
        self.seen = self.form.cleaned_data.get("seen")
        if self.post is None:
            self.template = template_sent(self.form.cleaned_data.get("template"), self.brand)
        self.thread = [text for text in (part.cleaned_data.get("text", "") for part in parts) if text.strip()]
        self.rows = self._known(
            [
                {"picture": row.cleaned_data.get("picture"), "alt": row.cleaned_data.get("alt", "")}
                for row in media
                if not row.cleaned_data.get("remove")
            ]
        )
        self._upload(self.form.cleaned_data.get("pictures", []))
        clean = self.form.cleaned_data
        variants = [(one.channel.key, one.cleaned_data["variant"]) for one in self.each]
        self.draft = {
            **self.form.facets(),  # type: ignore[typeddict-item]
            "channels": clean.get("channels", []),
            "text": clean.get("text", ""),
            "link": clean.get("link", "").strip(),
            "reply_to": clean.get("reply_to", "").strip(),
            "thread": self.thread,
            "media": [{"id": row["picture"], "alt": row["alt"]} for row in self.rows],
            "variants": {key: text for key, text in variants if text.strip()},
            "options": {one.channel.key: one.options() for one in self.each},
            "slot": self.form.slot_text(),
            "after": self.form.after_number(),
        }
        if self.draft["slot"] == OTHER:
            self.draft["slot"] = ""
        if self.template is not None:
            self.draft["template"] = self.template.pk

    def _known(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        asked = [row["picture"] for row in rows if row["picture"]]
        there = set(Media.objects.filter(brand=self.brand, pk__in=asked).values_list("pk", flat=True))
        if any(row["picture"] not in there for row in rows):
            self.remark("media", _("This image is not there. Upload it again."))
        return list({row["picture"]: row for row in rows if row["picture"] in there}.values())

    def _upload(self, files: Iterable[Any]) -> None:
        """Each file by itself: one that is refused takes none of the others along."""
        for file in files:
            try:
                media = upload(self.user, self.brand, file, file.name, file.size)
            except Invalid as refusal:
                self.remark(
                    "media", _("%(name)s: %(why)s") % {"name": file.name[:80], "why": refusal.sentence}
                )
                continue
            if media.pk not in {row["picture"] for row in self.rows}:
                self.rows.append({"picture": media.pk, "alt": ""})

    # --- What it would become -----------------------------------------------------------------------
    def read(self) -> Read:
        """As the verbs would read it. A field that they would refuse is remarked upon and stays as it was,
        so that the rest can be shown."""
        rest: dict[str, Any] = dict(self.draft)
        while True:
            try:
                reader = Reader(self.brand, rest, self.post, database_now())  # type: ignore[arg-type]
                content, fields, channels = reader.read()
                break
            except Invalid as refusal:
                self.refuse(refusal)
                gone = {"media" if name == "alt" else name for name in refusal.fields} & set(rest)
                if not gone:
                    raise
                rest = {name: value for name, value in rest.items() if name not in gone}
        there = {"pk": self.post.pk, "corrects": self.post.corrects} if self.post else {}
        would_be = Post(
            brand=self.brand, revision=Revision(content=content), gaps=self.gaps, **there, **fields
        )
        return Read(content, fields, channels, drafting.problems_to_submit(would_be, channels))

    # --- Remarks ------------------------------------------------------------------------------------
    def remark(self, place: str, text: str, *, soft: bool = False) -> None:
        there = self.remarks.setdefault(place, [])
        if text not in {one.text for one in there}:
            there.append(Remark(text, soft))

    def refuse(self, refusal: Refused) -> None:
        """Puts each sentence of a refusal at its field."""
        for name, sentences in refusal.fields.items():
            for sentence in sentences:
                for place in self._places_of(name):
                    self.remark(place, sentence)

    def _places_of(self, name: str) -> list[str]:
        """A fault in one channel's own words belongs there; the reader does not say which channel."""
        if name == "variants":
            odd = [f"{one.prefix}-variant" for one in self.each if "\x00" in (one["variant"].value() or "")]
            return odd or ["text"]
        if name == "options":
            typed = [(one, field) for one in self.each for field in one.names if field in one.fields]
            odd = [f"{one.prefix}-{field}" for one, field in typed if "\x00" in str(one[field].value() or "")]
            return odd or ["channels"]
        return [name if name in _PLACES else _ELSEWHERE.get(name, "text")]

    def point_out(self, problems: Iterable[Found], *, hard: bool = False) -> None:
        """Puts problems at their fields, once for all the channels that have the same. `hard`: submitting
        was asked for, so that what is merely not done yet is a mistake now."""
        names = {channel.key: channel.name for channel in self.channels}
        chosen = self.draft.get("channels") or self.content.get("channels", [])
        together: dict[tuple[str, str, bool], list[str]] = {}
        for found in problems:
            channel = names.get(found.channel, "")
            sentence = found.message.removeprefix(f"{channel} : ")
            soft = found.code in UNDONE and not hard
            together.setdefault((self._place_of(found), sentence, soft), []).append(channel)
        for (place, sentence, soft), channels in together.items():
            several = [name for name in channels if name] if len(chosen) > 1 else []
            where = ", ".join(several)
            told = _("%(where)s: %(what)s") % {"where": where, "what": sentence} if where else sentence
            self.remark(place, told, soft=soft)

    def _place_of(self, found: Found) -> str:
        form = next((one for one in self.each if one.channel.key == found.channel), None)
        if form is not None and found.field in form.names and found.field in form.fields:
            return f"{form.prefix}-{found.field}"
        if form is not None and found.field == "text" and (form["variant"].value() or "").strip():
            return f"{form.prefix}-variant"
        return found.field if found.field in _PLACES else _ELSEWHERE.get(found.field, "text")

    @property
    def places(self) -> list[tuple[str, list[Remark]]]:
        """Every place of this page, the silent ones too."""
        shown = {"products": self.brand.products.exists(), "thread": self.threads, "reply_to": self.replies}
        own = [f"{form.prefix}-{name}" for form in self.each for name in form.fields]
        return [(name, self.remarks.get(name, [])) for name in (*_PLACES, *own) if shown.get(name, True)]

    @property
    def todo(self) -> list[tuple[str, str]]:
        """Everything to settle, with where it stands."""
        return [(name, one.text) for name, remarks in self.remarks.items() for one in remarks]

    @property
    def knowing(self) -> bool:
        """Whether the writer was told what saving costs them, and saves all the same."""
        return self.form.is_bound and bool(self.form.cleaned_data.get("knowing"))

    @property
    def hard(self) -> int:
        """How many mistakes stand on the page."""
        return sum(not one.soft for remarks in self.remarks.values() for one in remarks)

    # --- For the template -----------------------------------------------------------------------
    def tie(self) -> Sheet:
        """Ties each field to the place of its remarks, and marks those that have a mistake."""
        for form in (self.form, *self.each):
            for name, field in form.fields.items():
                place = _ELSEWHERE.get(name, name) if form is self.form else f"{form.prefix}-{name}"
                place = "slot" if name == "at" else place
                if isinstance(
                    field.widget, forms.RadioSelect | forms.CheckboxSelectMultiple | forms.HiddenInput
                ):
                    continue
                field.widget.attrs["aria-describedby"] = f"p-{place}"
                if any(not one.soft for one in self.remarks.get(place, ())):
                    field.widget.attrs["aria-invalid"] = "true"
        return self

    @property
    def zone_name(self) -> str:
        return moments.place(self.brand.time_zone)

    @property
    def by_channel(self) -> list[dict[str, Any]]:
        """Each channel's form, its fields with their remarks, and whether it has something to show."""
        shown = []
        for form in self.each:
            fields = [(bound, self.remarks.get(bound.html_name, [])) for bound in form]
            told = form.says_otherwise or any(remarks for _bound, remarks in fields)
            shown.append({"form": form, "fields": fields, "open": told})
        return shown

    @cached_property
    def parts(self) -> Any:
        made = PartSet(initial=[{"text": text} for text in self.thread], prefix="part", auto_id="c-%s")
        for form in made:
            form.fields["text"].widget.attrs["aria-describedby"] = "p-thread"
        return made

    @cached_property
    def media(self) -> Any:
        return MediaSet(initial=self.rows, prefix="media", auto_id="c-%s")

    @cached_property
    def pictures(self) -> list[tuple[Any, Media]]:
        """Each row of the media forms with its file, in the order in which the public will see them."""
        known = Media.objects.filter(brand=self.brand).in_bulk([row["picture"] for row in self.rows])
        shown = []
        for form in self.media:
            form.fields["alt"].widget.attrs["aria-describedby"] = "p-alt"
            if "alt" in self.remarks and not str(form["alt"].value() or "").strip():
                form.fields["alt"].widget.attrs["aria-invalid"] = "true"
            shown.append((form, known[form.initial["picture"]]))
        return shown

    @property
    def most_pictures(self) -> int:
        """The most images that any of the brand's networks takes."""
        own = [(limits_of(one), adapter_of(one).capabilities.max_media) for one in self.channels]
        return max((int(limits.get("max_media_attachments", usual)) for limits, usual in own), default=4)

    @property
    def describing(self) -> set[str]:
        """The channels whose network has a place for descriptions of images."""
        return {one.key for one in self.channels if adapter_of(one).capabilities.alt_text}

    @property
    def threads(self) -> bool:
        return any(adapter_of(one).capabilities.threads for one in self.channels)

    @property
    def replies(self) -> bool:
        return any(adapter_of(one).capabilities.reply for one in self.channels)

    @property
    def closed_days(self) -> list[str]:
        """The holidays of the next two weeks, on which no slot is offered: « 25 décembre (Noël) »."""
        today = database_now().astimezone(self.brand.zone).date()
        coming = ((day, name) for day, name in sorted(holidays_of(self.brand).items()) if day >= today)
        last = today + timedelta(days=14)
        return [f"{moments.day_and_month(day)} ({name})" for day, name in coming if day <= last]

    def warn_of_silence(self, read: Read) -> None:
        """A slot inside the brand's quiet hours, or on a holiday, is allowed, and said."""
        slot = read.fields["slot"]
        if slot is not None and is_quiet(slot, self.brand):
            self.remark(
                "slot", _("The house keeps silent at that hour. You may, but is it meant?"), soft=True
            )
        holiday = holiday_at(slot, self.brand) if slot is not None else ""
        if holiday:
            told = _("That day is a holiday of the house (%(name)s). You may, but is it meant?")
            self.remark("slot", told % {"name": holiday}, soft=True)
