"""The fields of the compose page. What they hold is judged by `posts/reading.py`, which says every
fault in one sentence; the fields themselves let it pass, so that nothing typed is ever lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.core.validators import ProhibitNullCharactersValidator
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from accounts.refusals import Invalid
from adapters.base import Option
from cm_queue.desk import signs
from cm_queue.desk.forms import offer
from journal import moments
from posts.models import Channel, Kind
from posts.rendering import adapter_of
from posts.scheduling import ON_APPROVAL, holiday_at, is_quiet, read_instant

OTHER = "other"
LANGUAGES = (("fr", "français"), ("en", "English"), ("de", "Deutsch"), ("es", "español"), ("it", "italiano"))
_Choices = Sequence[tuple[str, Any]]


# A telephone's HEIC by its endings too: not every browser knows the type.
ACCEPTED = "image/jpeg,image/png,image/webp,image/gif,image/heic,image/heif,.heic,.heif"


class Words(forms.CharField):
    """Text exactly as typed, blank ends and all. A NUL is refused later, by name."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**{"required": False, "strip": False, **kwargs})
        nul = ProhibitNullCharactersValidator
        self.validators = [one for one in self.validators if not isinstance(one, nul)]


class Told(forms.ChoiceField):
    """One choice. An unknown one passes, to be refused in the words of whoever knows the choices."""

    def valid_value(self, value: Any) -> bool:
        return True


class ToldMany(forms.MultipleChoiceField):
    """Several choices; an unknown one passes here as well."""

    def valid_value(self, value: Any) -> bool:
        return True


class PictureInput(forms.ClearableFileInput):
    allow_multiple_selected = True
    template_name = "django/forms/widgets/file.html"


class Pictures(forms.FileField):
    """Any number of files, an empty one included: what they are is looked at on taking them in."""

    widget = PictureInput

    def clean(self, data: Any, initial: Any = None) -> list[UploadedFile[Any]]:
        given = data if isinstance(data, list | tuple) else [data]
        return [one for one in given if isinstance(one, UploadedFile)]


@dataclass(frozen=True, slots=True)
class Spot:
    """A moment to choose: its words, and a hint beside them."""

    words: str | Promise
    hint: str | Promise = ""
    tone: str = ""

    def __str__(self) -> str:
        return str(self.words)


def spot_of(moment: datetime, hint: str | Promise = "", tone: str = "", reader: str = "") -> tuple[str, Spot]:
    """`reader` is the time zone of whoever chooses: the hint says their time too, where it is another."""
    yours = moments.elsewhere(moment, reader) if reader else ""
    return moment.isoformat(), Spot(moments.when(moment), " · ".join(filter(None, [str(hint), yours])), tone)


def _chosen(moment: datetime, brand: Brand, reader: str) -> tuple[str, Spot]:
    """What was chosen by hand, marked when the house keeps silent then."""
    holiday = holiday_at(moment, brand)
    if holiday or is_quiet(moment, brand):
        return spot_of(moment, holiday or _("quiet hours"), "wait", reader)
    return spot_of(moment, _("chosen"), "", reader)


class DraftForm(forms.Form):
    """What is the same for every channel. `seen` is the revision number that is being edited."""

    seen = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    # Of a new post: the template it began with.
    template = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)
    # What the page showed when it was opened. What is left as it was is no wish of whoever sends it: another
    # may have raised it meanwhile.
    had_kind = Words(widget=forms.HiddenInput)
    had_products = Words(widget=forms.HiddenInput)
    had_topics = Words(widget=forms.HiddenInput)
    no_products = forms.BooleanField(label=_("None of them"), required=False)
    # The writer was told what saving costs them, and means it.
    knowing = forms.BooleanField(required=False, widget=forms.HiddenInput)
    kind = Told(label=_("This is…"), choices=Kind.choices, widget=forms.RadioSelect, required=False)
    channels = ToldMany(label=_("Where"), widget=forms.CheckboxSelectMultiple, required=False)
    text = Words(label=_("Text for every channel"), widget=forms.Textarea(attrs={"rows": 8}))
    link = Words(
        label=_("Link"), widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://"})
    )
    reply_to = Words(label=_("In reply to"), widget=forms.TextInput(attrs={"inputmode": "url"}))
    products = ToldMany(label=_("Products it speaks of"), widget=forms.CheckboxSelectMultiple, required=False)
    topics = Words(label=_("Topics"), widget=forms.TextInput(attrs={"placeholder": "legal"}))
    slot = Told(label=_("When"), widget=forms.RadioSelect, required=False)
    at = Words(label=_("Date and time"), widget=forms.DateTimeInput(attrs={"type": "datetime-local"}))
    after = Told(label=_("Goes after"), required=False)
    pictures = Pictures(label=_("Add images"), required=False)

    def __init__(self, *args: Any, brand: Brand, channels: Iterable[Channel], **kwargs: Any) -> None:
        self.brand = brand
        super().__init__(*args, **{"auto_id": "c-%s", **kwargs})
        offer(self, "channels", [(channel.key, channel) for channel in channels])
        offer(self, "products", [(one.key, one.name) for one in brand.products.order_by("name")])
        self.fields["pictures"].widget.attrs |= {"accept": ACCEPTED}

    def clean_topics(self) -> list[str]:
        return [word for word in self.cleaned_data["topics"].lower().replace(",", " ").split() if word]

    def after_number(self) -> int | None:
        """The post it goes after; 0, which is none, for what is no number, so that it is refused by name."""
        chosen = str(self.cleaned_data.get("after", ""))
        return (int(chosen) if chosen.isascii() and chosen.isdigit() else 0) if chosen else None

    def facets(self) -> dict[str, Any]:
        """Kind, products and topics, as far as they are said: all of a new post's, but no products at all
        only when that is said too."""
        clean = self.cleaned_data
        said: dict[str, Any] = {name: clean.get(name, []) for name in ("kind", "products", "topics")}
        had = {
            "kind": clean.get("had_kind", ""),
            "products": clean.get("had_products", "").split(),
            "topics": clean.get("had_topics", "").split(),
        }
        if had["kind"]:
            said = {name: value for name, value in said.items() if _set(value) != _set(had[name])}
        if not clean.get("products") and (clean.get("no_products") or not had["products"]):
            said.pop("products", None)
            if clean.get("no_products"):
                said["products"] = []
        return said

    def slot_text(self) -> str:
        """The chosen moment as the verbs take it: ISO 8601, `on_approval`, or empty for none. A time typed
        beside “no slot yet” is meant."""
        chosen = str(self.cleaned_data.get("slot", ""))
        typed = str(self.cleaned_data.get("at", "")).strip()
        return typed if chosen == OTHER or (not chosen and typed) else chosen


class ChannelForm(forms.Form):
    """What is said otherwise on one channel; only what its network can do."""

    variant = Words(label=_("Other words here"), widget=forms.Textarea(attrs={"rows": 4}))
    visibility = Told(label=_("Who sees it"), required=False)
    language = Told(label=_("Language"), required=False)
    content_warning = Words(label=_("Content warning"), widget=forms.TextInput())

    COMMON: ClassVar = ("visibility", "language", "content_warning")

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        self.channel = channel
        super().__init__(*args, **{"prefix": f"on-{channel.key}", "auto_id": "c-%s", **kwargs})
        can = adapter_of(channel).capabilities
        if can.visibilities:
            offer(self, "visibility", [(one, signs.VISIBILITIES.get(one, one)) for one in can.visibilities])
        else:
            del self.fields["visibility"]
        if not can.content_warning:
            del self.fields["content_warning"]
        known = dict(LANGUAGES)
        kept = str(self.initial.get("language", ""))
        more = [(kept, kept)] if kept and kept not in known else []
        offer(self, "language", [("", _("not said")), *LANGUAGES, *more])
        own = adapter_of(channel).options
        self.names = (*self.COMMON, *(one.name for one in own))
        for one in own:
            self.fields[one.name] = _field_of(one)

    @property
    def says_otherwise(self) -> bool:
        """Whether something here differs from the text for every channel."""
        own = [self[name].value() for name in self.fields if name not in {"visibility", "language"}]
        return any(own)

    @property
    def asked_for(self) -> set[str]:
        """The names of what cannot be left out here."""
        own = {one.name for one in adapter_of(self.channel).options if one.required}
        return own | {"visibility", "language"}

    def options(self) -> dict[str, str]:
        """What was chosen. The network's usual visibility, where none was chosen before, is no choice:
        opening a post and saving it must not make another of it."""
        usual = adapter_of(self.channel).capabilities.visibilities[:1]
        said = {name: self.cleaned_data.get(name) for name in self.names}
        chosen = {name: "1" if value is True else value for name, value in said.items() if value}
        if not self.initial.get("visibility") and (chosen.get("visibility"),) == usual:
            del chosen["visibility"]
        return chosen


def _field_of(option: Option) -> forms.Field:
    """Never required here: a draft may lack anything, and submitting says what is missing."""
    said: dict[str, Any] = {"label": _(option.label), "help_text": _(option.help) if option.help else ""}
    if option.kind == "flag":
        return forms.BooleanField(required=False, **said)
    if option.kind == "choice":
        choices = [(value, _(label)) for value, label in option.choices]
        return Told(required=False, choices=choices, **said)
    return Words(widget=forms.TextInput(), **said)


class PartForm(forms.Form):
    """One more part of a thread. A blank one is left out."""

    text = Words(label=_("Next part"), widget=forms.Textarea(attrs={"rows": 3}))


class MediaForm(forms.Form):
    """One image already uploaded: `picture` is its id, which keeps it through every refusal."""

    picture = forms.IntegerField(widget=forms.HiddenInput, min_value=1)
    alt = Words(label=_("Description for those who cannot see it"), widget=forms.Textarea(attrs={"rows": 2}))
    remove = forms.BooleanField(label=_("Remove this image"), required=False)


PartSet = forms.formset_factory(PartForm, extra=1, max_num=25, absolute_max=50)
MediaSet = forms.formset_factory(MediaForm, extra=0, max_num=20, absolute_max=40)


def _set(value: Any) -> Any:
    return value if isinstance(value, str) else sorted(value)


def twice(text: str, brand: Brand) -> list[datetime]:
    """The two instants of a local time that the clock change repeats; none for any other text."""
    try:
        naive = datetime.fromisoformat(text)
    except ValueError:
        return []
    if naive.tzinfo is not None:
        return []
    both = [naive.replace(tzinfo=brand.zone, fold=fold) for fold in (0, 1)]
    first, second = (one.utcoffset() or timedelta() for one in both)
    return both if first > second else []


def spots_of(
    brand: Brand, free: Sequence[datetime], chosen: Mapping[str, str], reader: str = ""
) -> list[tuple[str, Spot]]:
    """The moments on offer: what is chosen already, the brand's next free slots, on approval, another
    time, none. `chosen` has `slot` and `at` as typed; `reader` is the time zone of whoever chooses."""
    spots = dict(spot_of(moment, _("free"), "ok", reader) for moment in free)
    slot = chosen.get("slot", "")
    for moment in twice(chosen.get("at", ""), brand):
        value, spot = spot_of(moment, f"UTC{moment:%z}"[:6])
        spots = {value: spot, **spots}
    if slot and slot not in spots and slot not in {ON_APPROVAL, OTHER}:
        try:
            _value, spot = _chosen(read_instant(slot, brand.zone), brand, reader)
            spots = {slot: spot, **spots}
        except Invalid:
            pass
    return [
        *spots.items(),
        (ON_APPROVAL, Spot(_("On approval"), _("within 24 hours"))),
        (OTHER, Spot(_("Another time"))),
        ("", Spot(_("No slot yet"), _("for a draft"))),
    ]
