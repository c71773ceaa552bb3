"""The fields of review and post pages. What may be done is judged by the verbs; forms only read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from accounts.refusals import NotHere, Refused
from approvals.models import Motive, Verdict
from cm_queue.desk.phrasing import at_time
from posts.commenting import LONGEST

_OBJECTIONS = {Verdict.REQUEST_CHANGES, Verdict.REJECT}
OTHER = "other"


class DecisionForm(forms.Form):
    """A person's word on the bytes on their screen: `digest` says which, `screen` what stood beside them."""

    decision = forms.ChoiceField(choices=Verdict.choices, widget=forms.HiddenInput)
    digest = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    screen = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)
    motive = forms.ChoiceField(
        choices=Motive.choices,
        required=False,
        label=gettext_lazy("What is it about?"),
        widget=forms.RadioSelect,
    )
    comment = forms.CharField(
        required=False,
        max_length=LONGEST,
        label=gettext_lazy("One sentence for the author"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, objecting: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if objecting:
            for name in ("motive", "comment"):
                self.fields[name].widget.attrs["required"] = True

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("decision") in _OBJECTIONS:
            if not cleaned.get("motive") and "motive" not in self.errors:
                self.add_error("motive", _("Choose what it is about."))
            if not cleaned.get("comment", "").strip() and "comment" not in self.errors:
                self.add_error(
                    "comment", _("Say in a sentence what is wrong, so that the author can learn from it.")
                )
        return cleaned


class CommentForm(forms.Form):
    """A remark, or other words for a passage; one of the two."""

    text = forms.CharField(
        required=False,
        max_length=LONGEST,
        label=gettext_lazy("Say something, without deciding"),
        widget=forms.Textarea(attrs={"rows": 2, "data-key": "m", "aria-keyshortcuts": "m"}),
    )
    quote = forms.CharField(
        required=False, max_length=500, label=gettext_lazy("On which words?"), strip=False
    )
    suggestion = forms.CharField(
        required=False,
        max_length=LONGEST,
        strip=False,
        label=gettext_lazy("Suggest other words for them"),
        help_text=gettext_lazy("A writer of the post takes them in, or not."),
    )
    place = forms.ChoiceField(
        choices=[("review", ""), ("post", "")], required=False, widget=forms.HiddenInput
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not (cleaned.get("text") or cleaned.get("suggestion")) and "text" not in self.errors:
            self.add_error("text", _("Write something."))
        return cleaned


class HoldForm(forms.Form):
    reason = forms.CharField(
        required=False, max_length=500, label=gettext_lazy("Why?"), widget=forms.Textarea(attrs={"rows": 2})
    )


class EmptyForm(forms.Form):
    """A press of a button: nothing to read, and a place for the refusal."""


class RescheduleForm(forms.Form):
    """Another slot: one of the brand's next free ones, on approval, or a time of one's own, by its clocks.
    `seen` is the revision on the screen."""

    slot = forms.ChoiceField(label=gettext_lazy("Another slot"), widget=forms.RadioSelect)
    at = forms.CharField(
        required=False,
        max_length=40,
        label=gettext_lazy("At another time"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}),
    )
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, brand: Brand, free: list[datetime], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(one.astimezone(brand.zone).isoformat(), _capital(at_time(one))) for one in free]
        sent = str(self.data.get("slot", "")) if self.is_bound else ""
        if sent and sent not in {value for value, _word in choices} and sent not in {OTHER, "on_approval"}:
            # A slot that was free when the page was made: what it is worth now, the verb says.
            choices.insert(0, (sent, sent))
        by_word = [("on_approval", _("As soon as it is approved")), (OTHER, _("At another time"))]
        offer(self, "slot", [*choices, *by_word])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("slot") == OTHER and not cleaned.get("at"):
            self.add_error("at", _("Say when, or choose one of the free slots."))
        return cleaned

    @property
    def wanted(self) -> str:
        return str(
            self.cleaned_data["at"] if self.cleaned_data["slot"] == OTHER else self.cleaned_data["slot"]
        )


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


class SettleForm(forms.Form):
    """Did it go out? `url` may say where."""

    went_out = forms.TypedChoiceField(
        choices=[("yes", "yes"), ("no", "no")], coerce=lambda answer: answer == "yes"
    )
    url = forms.URLField(
        required=False,
        max_length=1000,
        assume_scheme="https",
        label=gettext_lazy("Its address, if you have it"),
    )


class NoticesForm(forms.Form):
    """Read, up to the newest that the page showed."""

    up_to = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    back = forms.ChoiceField(
        choices=[("desk", ""), ("notifications", "")], required=False, widget=forms.HiddenInput
    )


def offer(form: forms.BaseForm, name: str, choices: Iterable[Any]) -> None:
    """What may be chosen in a field, known only with the brand or the post."""
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = list(choices)


def refuse(form: forms.Form, refusal: Refused, *others: forms.Form) -> None:
    """Puts a verb's refusal where it belongs: at its field in the form, or in the `others` sent with it, that
    have it; else above the form."""
    placed = False
    for one in (form, *others):
        for field, sentences in refusal.fields.items():
            # A decision's motive is the API's `reason`.
            name = field if field in one.fields else {"reason": "motive"}.get(field, field)
            if name in one.fields and not one.fields[name].widget.is_hidden:
                one.add_error(name, sentences)
                placed = True
    if not placed:
        form.add_error(None, refusal.sentence)


def attempt(form: forms.Form, do: Callable[[], object], *others: forms.Form) -> int | None:
    """Does what a form, with the `others` sent with it, asks for. None: it is done; else the status of the
    page on which the forms come back with what was wrong. Raises NotHere."""
    # Every one of them, so that all faults are told at once.
    if any([not one.is_valid() for one in (form, *others)]):  # noqa: C419
        return 422
    try:
        do()
    except NotHere:
        raise
    except Refused as refusal:
        refuse(form, refusal, *others)
        return refusal.status
    return None
