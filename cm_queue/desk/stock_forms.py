"""What a keeper types of a template or a piece. Whether it may be so is judged by `approvals/stocking.py`."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from accounts.models import Brand
from approvals.stocking import LONGEST_LINK, LONGEST_NAME, LONGEST_TEMPLATE, Said
from cm_queue.desk.forms import offer
from posts.models import Kind, Snippet

PIECE, TEMPLATE = "piece", "template"


class StockForm(forms.Form):
    """A template or a piece; what a piece has none of is read all the same, and left out by the verb."""

    what = forms.ChoiceField(
        label=_("What is it?"),
        choices=[
            (PIECE, _("A piece to put in")),
            (TEMPLATE, _("A template to begin with")),
        ],
        initial=PIECE,
        widget=forms.RadioSelect,
    )
    name = forms.CharField(label=_("Name"), max_length=LONGEST_NAME)
    text = forms.CharField(
        label=_("Text"),
        max_length=LONGEST_TEMPLATE,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_(
            "In a template, write what is still open between brackets: [product]. It cannot be submitted before"
            " each is filled in."
        ),
    )
    kind = forms.ChoiceField(
        label=_("This is…"),
        choices=Kind.choices,
        initial=Kind.ROUTINE,
        widget=forms.RadioSelect,
    )
    channels = forms.MultipleChoiceField(
        label=_("Where"), required=False, widget=forms.CheckboxSelectMultiple
    )
    products = forms.MultipleChoiceField(
        label=_("Products it speaks of"), required=False, widget=forms.CheckboxSelectMultiple
    )
    topics = forms.CharField(
        label=_("Topics"),
        required=False,
        max_length=300,
        widget=forms.TextInput(attrs={"placeholder": "legal"}),
    )
    link = forms.CharField(
        label=_("Link"),
        required=False,
        max_length=LONGEST_LINK,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://"}),
    )
    # The version that was on the screen.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    USE = ("kind", "channels", "products", "topics", "link")

    def __init__(self, data: Any, brand: Brand, row: Snippet | None = None) -> None:
        super().__init__(data, auto_id="stock-%s", initial=_initial(row) if row else {})
        channels = brand.channels.filter(is_active=True).order_by("created_at", "pk")
        offer(self, "channels", channels.values_list("key", "name"))
        offer(self, "products", brand.products.order_by("name").values_list("key", "name"))
        if row is not None:
            del self.fields["what"]
            # A piece has its name and its words.
            for name in () if row.whole else self.USE:
                del self.fields[name]
        if "products" in self.fields and not self.fields["products"].choices:  # type: ignore[attr-defined]
            del self.fields["products"]

    @property
    def use(self) -> list[forms.BoundField]:
        """The fields of a template only."""
        return [self[name] for name in self.USE if name in self.fields]

    def read_again(self, row: Snippet) -> None:
        """What was sent stays, over the version that is there now."""
        assert isinstance(self.data, QueryDict)
        self.data = self.data.copy()
        self.data["seen"] = str(row.version)

    def said(self) -> Said:
        clean = self.cleaned_data
        said: dict[str, Any] = {name: clean[name] for name in ("name", "text")}
        said |= {name: clean[name] for name in self.USE if name in self.fields}
        if "topics" in said:
            said["topics"] = said["topics"].lower().replace(",", " ").split()
        if "kind" in said:
            said["kind"] = said["kind"] or Kind.ROUTINE.value
        if "what" in self.fields:
            said["whole"] = clean["what"] == TEMPLATE
        return said  # type: ignore[return-value]


def _initial(row: Snippet) -> dict[str, Any]:
    plain = {name: getattr(row, name) for name in ("name", "text", "kind", "channels", "products", "link")}
    return {**plain, "topics": ", ".join(row.topics), "seen": row.version}
