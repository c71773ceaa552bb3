"""The rules as plain form fields: a form for each kind of post, with its requirements as rows.

What may be asked is judged by `approvals/policy.py`; here a proposal is only read from a browser.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Brand
from approvals.models import Level
from approvals.policy import OWN, Rules
from approvals.wording import Words, kind_name
from cm_queue.desk.checking import domain_label
from cm_queue.desk.domains import TOPICS, domains_in, networks_of
from cm_queue.desk.forms import offer
from posts.models import Kind

BLANK_ROWS = 2
UNITS = [("1", gettext_lazy("minutes")), ("60", gettext_lazy("hours")), ("1440", gettext_lazy("days"))]
_LEVELS = [(level.value, level.label) for level in Level if level > Level.NOVICE]


def domain_choices(brand: Brand, rules: Rules | None, words: Words) -> list[tuple[str, str]]:
    """Every domain that can be asked for here, those of the rules included."""
    fixed = [
        ("", "–"),
        ("craft", domain_label("craft", words)),
        ("channel:*", _("each network")),
        ("company", domain_label("company", words)),
        ("product:*", _("each product")),
        ("crisis", domain_label("crisis", words)),
    ]
    own = [*domains_in(networks_of(brand), words.products), *TOPICS]
    if rules is not None:
        own += [one.domain for rule in rules.kinds.values() for one in rule.requirements]
        own += [one.domain for extra in rules.facets.values() for one in extra]
    known = {value for value, _label in fixed}
    rest = [(one, domain_label(one, words)) for one in dict.fromkeys(own) if one not in known]
    return [*fixed, *rest]


class DemandForm(forms.Form):
    """One row: so many people of this level in that domain. Without a domain the row is left out."""

    domain = forms.ChoiceField(required=False, label=gettext_lazy("Expertise"))
    level = forms.TypedChoiceField(
        choices=_LEVELS, coerce=int, required=False, initial=2, label=gettext_lazy("at least")
    )
    n = forms.IntegerField(
        min_value=1, max_value=9, required=False, initial=1, label=gettext_lazy("how many people")
    )

    def __init__(self, *args: Any, domains: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "domain", domains)

    def demand(self) -> dict[str, Any] | None:
        said = self.cleaned_data
        if not said.get("domain"):
            return None
        return {"domain": said["domain"], "level": said.get("level") or 2, "n": said.get("n") or 1}


class FacetForm(DemandForm):
    """A row that holds only for posts about something."""

    facet = forms.ChoiceField(required=False, label=gettext_lazy("Posts about"))

    def __init__(self, *args: Any, facets: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, "facet", facets)
        self.order_fields(["facet"])


class KindForm(forms.Form):
    """What one kind of post needs beside its requirements."""

    people = forms.IntegerField(min_value=1, max_value=9, label=gettext_lazy("distinct people who approve"))
    lives = forms.IntegerField(min_value=1, max_value=525600, label=gettext_lazy("an approval lives"))
    unit = forms.ChoiceField(choices=UNITS, label=gettext_lazy("counted in"))
    person_releases = forms.BooleanField(
        required=False, label=gettext_lazy("A qualified person presses release")
    )
    contributor_covers = forms.BooleanField(
        required=False, label=gettext_lazy("The writer's own expertise may cover")
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind not in {Kind.ROUTINE.value, Kind.REPLY.value}:
            del self.fields["contributor_covers"]


class ProposalForm(forms.Form):
    """What holds for every post, and why the rules should change."""

    light_correction = forms.BooleanField(
        required=False, label=gettext_lazy("A light correction keeps its maker free to approve")
    )
    reauthenticate = forms.BooleanField(
        required=False, label=gettext_lazy("Whoever decides says again who they are")
    )
    reason = forms.CharField(
        max_length=300,
        label=gettext_lazy("Why should the rules change?"),
        widget=forms.Textarea(attrs={"rows": 2}),
    )


class Section:
    """The fields of one kind of post."""

    def __init__(self, kind: str, form: KindForm, rows: Any) -> None:
        self.kind, self.form, self.rows = kind, form, rows
        self.name = kind_name(kind)
        self.faults: list[str] = []

    def add_fault(self, sentence: str) -> None:
        if sentence not in self.faults:
            self.faults.append(sentence)


class Sheet:
    """A whole proposal as forms: from rules, or from what was sent."""

    def __init__(
        self, brand: Brand, words: Words, rules: Rules, data: Mapping[str, Any] | None = None
    ) -> None:
        self.rules = rules
        domains = domain_choices(brand, rules, words)
        facets = [("", "–"), *(one for one in domains if ":" in one[0] and not one[0].endswith("*"))]
        row = forms.formset_factory(DemandForm, extra=BLANK_ROWS, max_num=20, validate_max=True)
        facet_row = forms.formset_factory(FacetForm, extra=BLANK_ROWS, max_num=60, validate_max=True)
        first = {"light_correction": rules.light_correction, "reauthenticate": rules.reauthenticate}
        self.form = ProposalForm(data, initial=first)
        self.sections = [
            Section(
                kind.value,
                KindForm(data, prefix=kind.value, kind=kind.value, initial=_initial(rules, kind)),
                row(
                    data,
                    prefix=f"{kind.value}-needs",
                    initial=_rows(rules, kind),
                    form_kwargs={"domains": domains},
                ),
            )
            for kind in Kind
        ]
        self.facets = facet_row(
            data,
            prefix="facets",
            initial=[
                {"facet": facet, **one.model_dump()} for facet, extra in rules.facets.items() for one in extra
            ],
            form_kwargs={"domains": domains, "facets": facets},
        )

    def is_valid(self) -> bool:
        parts: list[Any] = [self.form, self.facets]
        for section in self.sections:
            parts += [section.form, section.rows]
        # Every part is asked, so that each shows its own errors at once.
        return sum(not part.is_valid() for part in parts) == 0

    def read(self) -> dict[str, Any]:
        """The rules as they were sent, for `read_rules`."""
        facets: dict[str, list[dict[str, Any]]] = {}
        for one in self.facets:
            demand = one.demand()
            if demand and one.cleaned_data.get("facet"):
                facets.setdefault(one.cleaned_data["facet"], []).append(demand)
        said = self.form.cleaned_data
        return {
            "preset": OWN,
            "kinds": {
                section.kind: read
                for section in self.sections
                # A kind that had no rules and was given none stays without.
                if (read := _read(section))["requirements"] or Kind(section.kind) in self.rules.kinds
            },
            "facets": facets,
            "light_correction": said["light_correction"],
            "reauthenticate": said["reauthenticate"],
        }

    def refuse(self, fields: Mapping[str, Sequence[str]]) -> list[str]:
        """Puts what the rules were refused for at its kind or field; answers what has no place."""
        left: list[str] = []
        for place, sentences in fields.items():
            parts = place.split(".")
            section = next((one for one in self.sections if one.kind in parts), None)
            for sentence in sentences:
                if section is not None and parts[-1] in section.form.fields:
                    section.form.add_error(parts[-1], sentence)
                elif section is not None:
                    section.add_fault(sentence)
                elif place in self.form.fields:
                    self.form.add_error(place, sentence)
                else:
                    left.append(sentence)
        return left


def _initial(rules: Rules, kind: Kind) -> dict[str, Any]:
    rule = rules.kinds.get(kind)
    if rule is None:
        return {"people": 1, "lives": 1, "unit": "1440"}
    unit = next(one for one in (1440, 60, 1) if rule.ttl_minutes % one == 0)
    return {
        "people": rule.people,
        "lives": rule.ttl_minutes // unit,
        "unit": str(unit),
        "person_releases": rule.person_releases,
        "contributor_covers": rule.contributor_covers,
    }


def _rows(rules: Rules, kind: Kind) -> list[dict[str, Any]]:
    rule = rules.kinds.get(kind)
    return [one.model_dump() for one in rule.requirements] if rule else []


def _read(section: Section) -> dict[str, Any]:
    said = section.form.cleaned_data
    return {
        "requirements": [demand for row in section.rows if (demand := row.demand())],
        "people": said["people"],
        "ttl_minutes": said["lives"] * int(said["unit"]),
        "person_releases": said["person_releases"],
        "contributor_covers": said.get("contributor_covers", False),
    }
