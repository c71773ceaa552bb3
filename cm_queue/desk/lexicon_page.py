"""The lexicon: which words raise which facet; try a text, add a rule, ask for the end of one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.models import Brand
from accounts.refusals import NotHere
from approvals import glossing
from approvals.wording import product_names
from cm_queue.desk.facets import label_of, lines_of_words
from cm_queue.desk.forms import attempt, offer
from cm_queue.desk.guarding import MemberRequest, for_members
from posts.bounding import LONGEST
from posts.lexicon import try_text
from posts.models import LexiconRule, RuleForm

_TRIED = 20_000


class TryForm(forms.Form):
    text = forms.CharField(
        label=gettext_lazy("A text to try"), max_length=_TRIED, widget=forms.Textarea(attrs={"rows": 3})
    )


class WordsForm(forms.Form):
    """One rule; `text` may name several words or phrases, one a line, when it is added."""

    text = forms.CharField(
        label=gettext_lazy("Words"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=gettext_lazy(
            "A word or a phrase a line. Capitals, accents and kinds of dash do not matter."
        ),
    )
    facet = forms.ChoiceField(label=gettext_lazy("make the post"))
    topic = forms.CharField(
        label=gettext_lazy("or raise this topic"),
        required=False,
        max_length=60,
        help_text=gettext_lazy("Small letters, digits and hyphens."),
    )
    form = forms.ChoiceField(
        label=gettext_lazy("Read as"), choices=RuleForm.choices, initial=RuleForm.WORDS, required=False
    )

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "facet", glossing.facets_on_offer(brand))

    @property
    def wanted(self) -> str:
        topic = self.cleaned_data["topic"].strip()
        return f"topic:{topic}" if topic else str(self.cleaned_data["facet"])

    @property
    def read_as(self) -> str:
        return self.cleaned_data["form"] or RuleForm.WORDS.value


class EndForm(forms.Form):
    reason = forms.CharField(
        label=gettext_lazy("Why?"), required=False, max_length=300, widget=forms.Textarea(attrs={"rows": 2})
    )


# --- The list -----------------------------------------------------------------------------------
@require_GET
@for_members
def lexicon(request: MemberRequest) -> HttpResponse:
    return _page(request)


@require_POST
@for_members
def try_lexicon(request: MemberRequest) -> HttpResponse:
    """Which facets a text would raise, and by which words. Nothing is kept."""
    form = TryForm(request.POST, auto_id="try-%s")
    found = None
    if form.is_valid():
        words = try_text(request.brand.pk, form.cleaned_data["text"])
        found = lines_of_words(words, product_names(request.brand.pk))
    return _page(request, try_form=form, found=found, status=200 if form.is_valid() else 422)


@require_POST
@for_members
def add_rule(request: MemberRequest) -> HttpResponse:
    form = WordsForm(request.POST, auto_id="add-%s", brand=request.brand)

    def add() -> None:
        pattern = form.read_as == RuleForm.PATTERN
        lines = [form.cleaned_data["text"]] if pattern else form.cleaned_data["text"].splitlines()
        # All of them or none: the form comes back whole.
        with transaction.atomic():
            for line in filter(str.strip, lines):
                glossing.add(request.user, request.brand, line, form.wanted, form=form.read_as)

    status = attempt(form, add)
    if status is None:
        messages.success(request, _("Added: drafts are read with it when they are next saved."))
        return redirect("lexicon")
    return _page(request, rule_form=form, status=status)


def _page(request: MemberRequest, status: int = 200, **more: Any) -> HttpResponse:
    brand = request.brand
    products, may_keep = product_names(brand.pk), glossing.may_keep(request.user, brand)
    rules = LexiconRule.objects.filter(brand=brand, ended_at__isnull=True).select_related("ending_asked_by")
    groups: dict[str, list[LexiconRule]] = {}
    for row in rules.order_by("facet", "form", "text"):
        groups.setdefault(row.facet, []).append(row)
    context = {
        "groups": [(label_of(facet, products), rows) for facet, rows in groups.items()],
        "asked": [row for row in rules if row.ending_asked_by is not None],
        "count": sum(len(rows) for rows in groups.values()),
        "may_keep": may_keep,
        "keepers": [] if may_keep else [user.name for user in glossing.keepers(brand)],
        "try_form": TryForm(auto_id="try-%s"),
        "rule_form": WordsForm(auto_id="add-%s", brand=brand),
        **more,
    }
    return render(request, "desk/lexicon.html", context, status=status)


# --- One rule -----------------------------------------------------------------------------------
def _rule(request: MemberRequest, pk: int) -> LexiconRule:
    rows = LexiconRule.objects.select_related("brand", "added_by", "ending_asked_by", "ended_by")
    row = rows.filter(pk=pk, brand=request.brand).first()
    if row is None:
        raise NotHere("no_such_rule", _("There is no such rule."))
    return row


@require_http_methods(["GET", "POST"])
@for_members
def rule(request: MemberRequest, pk: int) -> HttpResponse:
    """A rule, with what may be done with it; a POST puts another one in its place."""
    row = _rule(request, pk)
    if request.method == "GET":
        return _rule_page(request, row)
    form = WordsForm(request.POST, auto_id="rule-%s", brand=row.brand)
    why = EndForm(request.POST, auto_id="change-%s")

    def change() -> None:
        said = form.cleaned_data["text"]
        glossing.change(
            request.user, pk, said, form.wanted, form=form.read_as, reason=why.cleaned_data["reason"]
        )

    done = _("The new rule is in force; the old one stays until a second person agrees to its end.")
    return _do(request, row, change, done, rule_form=form, why_form=why)


@require_POST
@for_members
def end_rule(request: MemberRequest, pk: int) -> HttpResponse:
    row, form = _rule(request, pk), EndForm(request.POST, auto_id="end-%s")

    def end() -> None:
        glossing.end(request.user, pk, form.cleaned_data["reason"])

    asked = row.ending_asked_by is None
    done = _("Asked for: the rule stays until a second person agrees.") if asked else _("The rule has ended.")
    return _do(request, row, end, done, end_form=form)


@require_POST
@for_members
def keep_rule(request: MemberRequest, pk: int) -> HttpResponse:
    row, form = _rule(request, pk), EndForm({}, auto_id="end-%s")
    return _do(request, row, lambda: glossing.keep(request.user, pk), _("The rule stays."), end_form=form)


def _do(
    request: MemberRequest, row: LexiconRule, verb: Callable[[], Any], done: str, **bound: forms.Form
) -> HttpResponse:
    """`bound` are the forms that were sent, by the names that the page has for them."""
    first, *others = bound.values()
    status = attempt(first, verb, *others)
    if status is not None:
        return _rule_page(request, _rule(request, row.pk), status=status, **bound)
    messages.success(request, done)
    return redirect("lexicon")


def _rule_page(request: MemberRequest, row: LexiconRule, status: int = 200, **forms_: Any) -> HttpResponse:
    initial = {"text": row.text, "facet": row.facet, "form": row.form}
    person = request.user.person_id
    context = {
        "rule": row,
        "label": label_of(row.facet, product_names(row.brand_id)),
        "may_keep": glossing.may_keep(request.user, row.brand),
        "second": row.ending_asked_by is not None and row.ending_asked_by.person_id != person,
        "others": [user.name for user in glossing.keepers(row.brand, but=request.user)],
        "longest": LONGEST,
        "rule_form": WordsForm(initial=initial, auto_id="rule-%s", brand=row.brand),
        "why_form": EndForm(auto_id="change-%s"),
        "end_form": EndForm(auto_id="end-%s"),
        **forms_,
    }
    return render(request, "desk/lexicon/rule.html", context, status=status)
