"""What is typed on the pages of people. What may be done is judged by the verbs; forms only read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from approvals.granting import MOST_ELSEWHERE, Evidence
from approvals.models import Level
from cm_queue.desk.forms import offer

_LEVELS = [(level.value, f"{level.value} – {level.label}") for level in Level if level >= Level.SUPERVISED]


def _lines(rows: int = 2) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": rows})


def _day() -> forms.DateInput:
    return forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")


class ProposeForm(forms.Form):
    """Somebody's next level in a domain, on evidence."""

    domain = forms.ChoiceField(label=gettext_lazy("Domain"))
    level = forms.TypedChoiceField(label=gettext_lazy("Level"), coerce=int, initial=Level.ENTRUSTED.value)
    evidence = forms.CharField(
        label=gettext_lazy("What it rests on"),
        max_length=2000,
        widget=_lines(),
        help_text=gettext_lazy("Which work, seen where. A diploma is no evidence."),
    )
    elsewhere = forms.IntegerField(
        label=gettext_lazy("Accepted posts elsewhere"),
        required=False,
        min_value=0,
        max_value=MOST_ELSEWHERE,
        help_text=gettext_lazy("They replace at most half. Not for the company and its products."),
    )

    def __init__(self, *args: Any, domains: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "domain", domains)
        offer(self, "level", _LEVELS)

    def read_evidence(self) -> list[Evidence]:
        given = self.cleaned_data
        return [Evidence(given["evidence"], given["elsewhere"] or None)]


class CauseForm(forms.Form):
    """Why expertise is suspended."""

    cause = forms.CharField(label=gettext_lazy("Why"), max_length=300, widget=_lines())


class RevokeForm(CauseForm):
    """Why it is taken back, and from which day on (the brand's midnight); from now without one."""

    since = forms.DateField(
        label=gettext_lazy("From which day on"),
        required=False,
        widget=_day(),
        help_text=gettext_lazy("Approvals given since then no longer count. Empty: from now."),
    )


class NoteForm(forms.Form):
    note = forms.CharField(label=gettext_lazy("What you have seen"), max_length=1000, widget=_lines())


class DeclineForm(forms.Form):
    reason = forms.CharField(label=gettext_lazy("Why?"), required=False, max_length=300, widget=_lines())


class WordForm(forms.Form):
    word = forms.CharField(label=gettext_lazy("What came of it"), max_length=500, widget=_lines())


class AwayForm(forms.Form):
    """Days away, inclusive."""

    first_day = forms.DateField(label=gettext_lazy("First day"), widget=_day())
    last_day = forms.DateField(label=gettext_lazy("Last day"), widget=_day())


class LinkForm(forms.Form):
    """The other account of the same person."""

    account = forms.TypedChoiceField(label=gettext_lazy("Their other account"), coerce=int)

    def __init__(self, *args: Any, accounts: list[tuple[int, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "account", accounts)


class FoundingForm(forms.Form):
    """One founding grant; an empty line is none."""

    person = forms.TypedChoiceField(label=gettext_lazy("Who"), required=False, coerce=int, empty_value=None)
    domain = forms.ChoiceField(label=gettext_lazy("Domain"), required=False)
    level = forms.TypedChoiceField(label=gettext_lazy("Level"), required=False, coerce=int, empty_value=None)
    evidence = forms.CharField(label=gettext_lazy("What it rests on"), required=False, max_length=500)

    def __init__(
        self, *args: Any, people: list[tuple[int, str]], domains: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        choices: dict[str, list[Any]] = {"person": people, "domain": domains, "level": _LEVELS}
        for name, offered in choices.items():
            offer(self, name, [("", "–"), *offered])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("person"):
            for name in ("domain", "level", "evidence"):
                if not cleaned.get(name) and name not in self.errors:
                    self.add_error(name, gettext_lazy("Complete this line, or empty it."))
        return cleaned
