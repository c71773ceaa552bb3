"""The queue: everything that waits for the reader's expertise, soonest slot first, page by page, and searched."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from django import forms
from django.http import HttpResponse
from django.shortcuts import render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from approvals.wording import kind_name
from cm_queue.desk import queueing
from cm_queue.desk.explaining import Telling
from cm_queue.desk.forms import offer
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.headlines import waiting as waiting_headline
from cm_queue.desk.keeping import Names, names_of
from cm_queue.desk.listing import Lister, Row
from cm_queue.desk.living import keep_live
from cm_queue.desk.seeking import Place, Sought
from posts.models import Kind

# Seconds for which a page is not drawn anew where nothing has happened: it may read “in 5 minutes” that much longer,
# and an approval that becomes too old, or an expertise that ends, shows that much later. The gate looks for itself.
KEPT_S = 15


class SearchForm(forms.Form):
    """What to look for. What cannot be read looks for nothing."""

    q = forms.CharField(
        label=gettext_lazy("Words"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"type": "search"}),
    )
    channel = forms.ChoiceField(label=gettext_lazy("Channel"), required=False)
    kind = forms.ChoiceField(label=gettext_lazy("Kind"), required=False)
    author = forms.TypedChoiceField(
        label=gettext_lazy("Author"), required=False, coerce=int, empty_value=None
    )

    def __init__(self, *args: Any, names: Names, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "q-%s", **kwargs})
        people = sorted(names.words.names.items(), key=lambda one: one[1])
        for name, choices in (
            (
                "channel",
                [("", _("all channels")), *((key, name) for key, (_n, name) in names.networks.items())],
            ),
            ("kind", [("", _("all kinds")), *((kind, kind_name(kind)) for kind in Kind.values)]),
            ("author", [("", _("everybody")), *((str(pk), name) for pk, name in people)]),
        ):
            offer(self, name, choices)

    def wanted(self) -> dict[str, Any]:
        """What is looked for, as it stands in an address."""
        return {name: value for name, value in self.cleaned_data.items() if value}

    def sought(self) -> Sought:
        found = self.wanted()
        return Sought(
            found.get("q", ""), found.get("channel", ""), found.get("kind", ""), found.get("author")
        )


class Shown:
    """What the page shows. Nothing is read before the template asks, which it does not while it keeps what it drew
    a moment ago (`KEPT_S`)."""

    def __init__(self, request: MemberRequest) -> None:
        self._request = request
        self._names = names_of(request.brand)
        self.form = SearchForm(request.GET, names=self._names)
        self.form.is_valid()
        self._wanted = self.form.wanted()
        self.searched = bool(self._wanted)

    @cached_property
    def _found(self) -> queueing.Stretch:
        asked = self._request.GET
        after, before = (Place.read(asked.get(name)) for name in ("after", "before"))
        return queueing.stretch(
            self._request.brand, self._request.user, self.form.sought(), after=after, before=before
        )

    @cached_property
    def rows(self) -> list[Row]:
        names = self._names
        lister = Lister(self._request.user.person_id, names.words, names.networks, Telling(names.words))
        return [lister.row(one) for one in self._found.rows]

    @property
    def count(self) -> str:
        return f"{len(self.rows)}{'' if self._found.whole else '+'}"

    @property
    def headline(self) -> str:
        if not self.rows:
            return _("Nothing of the kind waits for you.") if self.searched else _("Nothing waits for you.")
        return waiting_headline(len(self.rows), self.rows[0].slot, whole=self._found.whole)

    @property
    def newer(self) -> str:
        return _address(self._wanted, "before", self._found.newer)

    @property
    def older(self) -> str:
        return _address(self._wanted, "after", self._found.older)


@require_safe
@for_members
def review_queue(request: MemberRequest) -> HttpResponse:
    """Everything that waits for the reader's expertise, soonest slot first."""
    keep_live(request)
    return render(request, "desk/review_queue.html", {"queue": Shown(request), "kept_s": KEPT_S})


def _address(wanted: dict[str, Any], way: str, place: Place | None) -> str:
    return "?" + urlencode({**wanted, way: str(place)}) if place is not None else ""
