"""What a post is about, for people to read and to change: its facets, the words that raised them, the form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from approvals.naming import domain_name
from approvals.wording import kind_name, product_names
from cm_queue.desk.forms import offer
from journal import moments
from journal.models import Entry
from posts.marking import facets_of, reasons_of
from posts.models import FacetMark, Kind, Post
from posts.policies import may_edit
from posts.reading import Draft


@dataclass(frozen=True, slots=True)
class Line:
    """One facet: its name for people, the words of the post that raised it, who said so (or empty)."""

    label: str
    words: Sequence[str]
    by: str = ""


@dataclass(frozen=True, slots=True)
class Lowered:
    """A facet that somebody took away, and why."""

    label: str
    by: str
    reason: str


def label_of(facet: str, products: Mapping[str, str]) -> str:
    """“launch or sale”, a product's or a topic's own name."""
    return domain_name(facet, products) if ":" in facet else kind_name(facet)


def raised(entry: Entry, said: str, products: Mapping[str, str]) -> str:
    """What the journal keeps of why a post is about something, “launch: sales”, under the names that people know."""
    colon = f"{moments.NBSP}:" if moments.in_french() else ":"
    for facet in entry.data.get("facets", ()) if entry.verb == "facet.raise" else ():
        said = said.replace(f"{facet}: ", f"{label_of(facet, products)}{colon} ", 1)
    return said


def lines_of(post: Post) -> list[Line]:
    """The facets of a post with why it has them, in two queries. A routine post about nothing has none."""
    products = product_names(post.brand_id)
    rows = FacetMark.objects.filter(post=post, lowered_at__isnull=True).select_related("by").order_by("pk")
    return [
        Line(label_of(name, products), words, by.name if by else "")
        for name, by, words in reasons_of(post, rows)
    ]


def lowered_in(post: Post) -> list[Lowered]:
    """What was taken away, each facet by the last who did."""
    products, there = product_names(post.brand_id), facets_of(post)
    rows = FacetMark.objects.filter(post=post, lowered_at__isnull=False).select_related("lowered_by")
    last = {row.facet: row for row in rows.order_by("pk") if row.facet not in there}
    return [
        Lowered(label_of(name, products), row.lowered_by.name if row.lowered_by else "", row.reason)
        for name, row in sorted(last.items())
    ]


def lines_of_words(found: Mapping[str, Sequence[str]], products: Mapping[str, str]) -> list[Line]:
    """What words would raise: {facet: words}."""
    return [Line(label_of(facet, products), words) for facet, words in found.items()]


class FacetsForm(forms.Form):
    """What a post is about, in one go. What is left as it was is no wish."""

    kind = forms.ChoiceField(label=gettext_lazy("This is…"), choices=Kind.choices)
    products = forms.MultipleChoiceField(
        label=gettext_lazy("Products it speaks of"), required=False, widget=forms.CheckboxSelectMultiple
    )
    topics = forms.CharField(
        label=gettext_lazy("Topics"),
        required=False,
        max_length=500,
        help_text=gettext_lazy(
            "Words such as “legal”, between commas: some topics ask for an expert of their own."
        ),
    )
    reason = forms.CharField(
        label=gettext_lazy("Why, if it should need less"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
    )

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        products = [(one.key, one.name) for one in brand.products.order_by("name")]
        offer(self, "products", products)
        if not products:
            del self.fields["products"]

    def clean_topics(self) -> list[str]:
        return [word for word in self.cleaned_data["topics"].lower().replace(",", " ").split() if word]

    def wish(self, post: Post) -> Draft:
        """Only what differs from what the post is about now."""
        said = self.cleaned_data
        wished: Draft = {}
        if said["kind"] != post.kind:
            wished["kind"] = said["kind"]
        if "products" in said and sorted(said["products"]) != sorted(post.products):
            wished["products"] = said["products"]
        if sorted(said["topics"]) != sorted(post.topics):
            wished["topics"] = said["topics"]
        return wished


def facets_form(post: Post) -> FacetsForm:
    initial = {"kind": post.kind, "products": post.products, "topics": ", ".join(post.topics)}
    return FacetsForm(initial=initial, auto_id="facets-%s", brand=post.brand)


class SplitForm(forms.Form):
    """The channels that go their own way."""

    channels = forms.MultipleChoiceField(
        label=gettext_lazy("These channels become a post of their own"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, channels: Iterable[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "channels", channels)
        self.fields["channels"].error_messages["required"] = _("Choose the channels that go their own way.")


def about(post: Post, channels: Sequence[tuple[str, str]], bound: Mapping[str, forms.Form]) -> dict[str, Any]:
    """What the templates of post and review show of it; `channels` are (key, name) of the post's."""
    can = may_edit(post)
    return {
        "facets": lines_of(post),
        "lowered": lowered_in(post),
        "may_classify": can,
        "facets_form": bound.get("facets") or facets_form(post),
        "facets_bound": "facets" in bound,
        "may_split": can and len(channels) > 1 and post.corrects_id is None,
        "split_form": bound.get("split") or SplitForm(auto_id="split-%s", channels=channels),
        "split_bound": "split" in bound,
    }
