"""The fields of the incident pages. A scope is a word: `brand`, `channel:<key>` or `product:<key>`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from cm_queue.desk.forms import offer
from posts.models import Channel, Product

WHOLE = "brand"


def scopes_of(brand: Brand) -> list[tuple[str, str]]:
    """What can be stopped, with its name: the whole brand, then its channels, then its products."""
    channels = Channel.objects.filter(brand=brand, is_active=True).order_by("name")
    products = Product.objects.filter(brand=brand).order_by("name")
    return [
        (WHOLE, _("the whole brand")),
        *((f"channel:{one.key}", one.name) for one in channels),
        *((f"product:{one.key}", one.name) for one in products),
    ]


def as_scope(words: Iterable[str]) -> dict[str, Any]:
    """["channel:demo", "product:lampe"] → {"channels": ["demo"], "products": ["lampe"]}"""
    chosen = list(words)
    if WHOLE in chosen:
        return {"brand": True}
    pairs = [one.partition(":") for one in chosen]
    return {
        "channels": [key for kind, _colon, key in pairs if kind == "channel"],
        "products": [key for kind, _colon, key in pairs if kind == "product"],
    }


class PauseForm(forms.Form):
    """One press of one button: which one says what to stop."""

    scope = forms.ChoiceField()

    def __init__(self, *args: Any, scopes: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "scope", scopes)


class DeclareForm(forms.Form):
    scope = forms.MultipleChoiceField(
        label=gettext_lazy("What it is about"), widget=forms.CheckboxSelectMultiple
    )
    reason = forms.CharField(
        max_length=2000,
        label=gettext_lazy("What happened, in a sentence"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, scopes: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "scope", scopes)


class EscalateForm(forms.Form):
    reason = forms.CharField(
        max_length=2000,
        label=gettext_lazy("What happened, in a sentence"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class LiftForm(forms.Form):
    reason = forms.CharField(
        required=False,
        max_length=2000,
        label=gettext_lazy("Why it may go on"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class ConfirmForm(forms.Form):
    """The bytes that were on the screen; empty when nothing has to be approved again."""

    digest = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)


class OverrideForm(forms.Form):
    """Which rejection, and why the post may go out all the same."""

    decision = forms.IntegerField(min_value=1, widget=forms.HiddenInput)
    reason = forms.CharField(
        max_length=2000,
        label=gettext_lazy("Why it may go out all the same"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )
