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
from cm_queue.desk import moments, signs
from posts.models import Channel, Kind
from posts.rendering import adapter_of
from posts.scheduling import ON_APPROVAL, read_instant

OTHER = "other"
LANGUAGES = (("fr", "français"), ("en", "English"), ("de", "Deutsch"), ("es", "español"), ("it", "italiano"))
_Choices = Sequence[tuple[str, Any]]


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


def spot_of(moment: datetime, hint: str | Promise = "", tone: str = "") -> tuple[str, Spot]:
    return moment.isoformat(), Spot(moments.when(moment), hint, tone)


class DraftForm(forms.Form):
    """What is the same for every channel. `seen` is the revision number that is being edited."""

    seen = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
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
    pictures = Pictures(label=_("Add images"), required=False)

    def __init__(self, *args: Any, brand: Brand, channels: Iterable[Channel], **kwargs: Any) -> None:
        self.brand = brand
        super().__init__(*args, **{"auto_id": "c-%s", **kwargs})
        self.offer("channels", [(channel.key, channel) for channel in channels])
        self.offer("products", [(one.key, one.name) for one in brand.products.order_by("name")])
        self.fields["pictures"].widget.attrs |= {"accept": "image/jpeg,image/png,image/webp,image/gif"}

    def offer(self, name: str, choices: _Choices) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)

    def clean_topics(self) -> list[str]:
        return [word for word in self.cleaned_data["topics"].lower().replace(",", " ").split() if word]

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

    OPTIONS: ClassVar = ("visibility", "language", "content_warning")

    def __init__(self, *args: Any, channel: Channel, **kwargs: Any) -> None:
        self.channel = channel
        super().__init__(*args, **{"prefix": f"on-{channel.key}", "auto_id": "c-%s", **kwargs})
        can = adapter_of(channel).capabilities
        if can.visibilities:
            self.offer("visibility", [(one, signs.VISIBILITIES.get(one, one)) for one in can.visibilities])
        else:
            del self.fields["visibility"]
        if not can.content_warning:
            del self.fields["content_warning"]
        known = dict(LANGUAGES)
        kept = str(self.initial.get("language", ""))
        more = [(kept, kept)] if kept and kept not in known else []
        self.offer("language", [("", _("not said")), *LANGUAGES, *more])

    def offer(self, name: str, choices: _Choices) -> None:
        field = self.fields[name]
        if isinstance(field, forms.ChoiceField):
            field.choices = list(choices)

    @property
    def says_otherwise(self) -> bool:
        """Whether something here differs from the text for every channel."""
        own = [self[name].value() for name in ("variant", "content_warning") if name in self.fields]
        return any(own)

    def options(self) -> dict[str, str]:
        """What was chosen. The network's usual visibility, where none was chosen before, is no choice:
        opening a post and saving it must not make another of it."""
        usual = adapter_of(self.channel).capabilities.visibilities[:1]
        chosen = {name: self.cleaned_data[name] for name in self.OPTIONS if self.cleaned_data.get(name)}
        if not self.initial.get("visibility") and (chosen.get("visibility"),) == usual:
            del chosen["visibility"]
        return chosen


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


def spots_of(brand: Brand, free: Sequence[datetime], chosen: Mapping[str, str]) -> list[tuple[str, Spot]]:
    """The moments on offer: what is chosen already, the brand's next free slots, on approval, another
    time, none. `chosen` has `slot` and `at` as typed."""
    spots = dict(spot_of(moment, _("free"), "ok") for moment in free)
    slot = chosen.get("slot", "")
    for moment in twice(chosen.get("at", ""), brand):
        value, spot = spot_of(moment, f"UTC{moment:%z}"[:6])
        spots = {value: spot, **spots}
    if slot and slot not in spots and slot not in {ON_APPROVAL, OTHER}:
        try:
            value, spot = spot_of(read_instant(slot, brand.zone), _("chosen"))
            spots = {slot: spot, **spots}
        except Invalid:
            pass
    return [
        *spots.items(),
        (ON_APPROVAL, Spot(_("On approval"), _("within 24 hours"))),
        (OTHER, Spot(_("Another time"))),
        ("", Spot(_("No slot yet"), _("for a draft"))),
    ]
