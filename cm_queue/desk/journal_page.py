"""The journal: who did what, found again, taken away as a table, and proved whole."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from django.views.decorators.http import require_POST, require_safe

from accounts.models import Brand, Membership
from approvals.naming import domain_name
from approvals.wording import product_names
from cm_queue.desk.compose import post_url
from cm_queue.desk.facets import raised
from cm_queue.desk.forms import offer
from cm_queue.desk.guarding import MemberRequest, for_members
from journal.models import Entry, Personal, Seal
from journal.verifying import verify
from journal.wording import verb_name

PER_PAGE = 50
MACHINE = "machine"
# The families of verbs, and the verbs by which people look for something.
VERBS: Mapping[str, tuple[str, ...]] = {
    "post": ("create", "edit", "submit", "schedule", "reschedule", "facets", "split", "hold", "held", "resume",
             "missed", "release", "withdraw", "clone", "published", "partly_published", "failed", "unknown",
             "correct", "retracted"),
    "facet": ("raise", "lower"),
    "suggestion": ("add", "accept", "decline"),
    "comment": ("add",),
    "review": ("remind", "pass_on"),
    "decision": ("approve", "request_changes", "reject", "withdraw", "override"),
    "delivery": ("delivered", "rejected", "auth_failed", "rate_limited", "not_sent", "unavailable",
                 "unknown", "settle", "corrected", "missed"),
    "retraction": ("ask", "propose", "confirm", "done", "failed"),
    "recurrence": ("begin", "draft", "end"),
    "media": ("upload",),
    "pause": ("begin", "end"),
    "incident": ("declare", "lift", "lifted"),
    "credential": ("found", "propose", "vouch", "confirm", "decline", "renew", "practice", "suspend",
                   "reinstate", "revoke", "lapse", "looked"),
    "absence": ("add", "remove"),
    "policy": ("adopt", "propose", "confirm", "drop", "acknowledge"),
    "lexicon": ("begin", "add", "ask_end", "end", "keep"),
    "snippet": ("add", "change", "put_away"),
    "channel": ("add", "check", "pause", "resume"),
    "brand": ("create", "edit", "stop", "start"),
    "member": ("ask", "unask", "join", "invite", "deactivate"),
    "rota": ("write",),
    "person": ("link",),
    "account": ("deactivate", "reset_link", "access"),
    "token": ("revoke",),
}  # fmt: skip
FAMILIES = {
    "post": gettext_lazy("Posts"),
    "facet": gettext_lazy("What posts are about"),
    "suggestion": gettext_lazy("Suggestions"),
    "comment": gettext_lazy("Comments"),
    "review": gettext_lazy("Requests to read"),
    "decision": gettext_lazy("Decisions"),
    "delivery": gettext_lazy("Sending"),
    "retraction": gettext_lazy("Taking back"),
    "recurrence": gettext_lazy("Recurring posts"),
    "media": gettext_lazy("Images"),
    "pause": gettext_lazy("Pauses"),
    "incident": gettext_lazy("Incidents"),
    "credential": gettext_lazy("Expertise"),
    "absence": gettext_lazy("Absences"),
    "policy": gettext_lazy("Policy"),
    "lexicon": gettext_lazy("Lexicon"),
    "snippet": gettext_lazy("Templates and ready words"),
    "channel": gettext_lazy("Channels"),
    "brand": gettext_lazy("Brand"),
    "member": gettext_lazy("Members"),
    "rota": gettext_lazy("On call"),
    "person": gettext_lazy("People"),
    "account": gettext_lazy("Accounts"),
    "token": gettext_lazy("API tokens"),
}
# A cell that begins with one of these is a formula to a spreadsheet.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


class FilterForm(forms.Form):
    """What to look for. `before` and `after` are entry numbers: the cursor."""

    verb = forms.ChoiceField(label=gettext_lazy("What"), required=False)
    who = forms.ChoiceField(label=gettext_lazy("Who"), required=False)
    post = forms.IntegerField(label=gettext_lazy("Post"), required=False, min_value=1, max_value=2**62)
    since = forms.DateField(
        label=gettext_lazy("From"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    until = forms.DateField(
        label=gettext_lazy("Until"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )
    before = forms.IntegerField(required=False, min_value=1, max_value=2**62, widget=forms.HiddenInput)
    after = forms.IntegerField(required=False, min_value=0, max_value=2**62, widget=forms.HiddenInput)

    def __init__(self, *args: Any, brand: Brand, **kwargs: Any) -> None:
        super().__init__(*args, **{"auto_id": "j-%s", **kwargs})
        self.brand = brand
        verbs = [
            (str(FAMILIES[family]), [(f"{family}.{one}", verb_name(f"{family}.{one}")) for one in ones])
            for family, ones in VERBS.items()
        ]
        members = Membership.objects.filter(brand=brand).select_related("user").order_by("user__name")
        people = [(str(member.user_id), member.user.name) for member in members]
        for name, choices in (
            ("verb", [("", _("everything")), *verbs]),
            ("who", [("", _("everybody")), *people, (MACHINE, _("the machine"))]),
        ):
            offer(self, name, choices)

    def wanted(self) -> dict[str, Any]:
        """The filters without the cursor, as they stand in an address."""
        given = {name: self.cleaned_data.get(name) for name in ("verb", "who", "post", "since", "until")}
        return {name: value for name, value in given.items() if value}

    def entries(self) -> QuerySet[Entry]:
        """Newest first. What cannot be read filters nothing."""
        wanted = self.wanted()
        found = Entry.objects.filter(brand=self.brand).select_related("actor").order_by("-pk")
        if "verb" in wanted:
            found = found.filter(verb=wanted["verb"])
        if wanted.get("who") == MACHINE:
            found = found.filter(actor__isnull=True)
        elif "who" in wanted:
            found = found.filter(actor_id=int(wanted["who"]))
        if "post" in wanted:
            found = found.filter(post_id=wanted["post"])
        if "since" in wanted:
            found = found.filter(at__gte=self._midnight(wanted["since"]))
        if "until" in wanted:
            found = found.filter(at__lt=self._midnight(wanted["until"] + timedelta(days=1)))
        return found

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(0), tzinfo=self.brand.zone).astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Told:
    """One entry in words. `said` is what somebody wrote, erased or not, and `shown` the same for people, who know
    no keys; `place` its number in the chain."""

    entry: Entry
    who: str
    verb: str
    said: str
    erased: bool
    place: int | None
    url: str
    about: str = ""
    shown: str = ""


class Subjects:
    """The names of what a brand's entries are about, loaded once."""

    def __init__(self, brand: Brand) -> None:
        members = Membership.objects.filter(brand=brand).select_related("user")
        self.people = {member.user.person_id: member.user.name for member in members}
        self.channels = dict(brand.channels.values_list("pk", "name"))
        self.products = product_names(brand.pk)

    def about(self, entry: Entry) -> str:
        """« Hugo : métier 3 », a channel's name; else the subject as it is stored."""
        kind, _sep, number = entry.subject.partition(":")
        if kind == "channel" and number.isdigit():
            return str(self.channels.get(int(number), entry.subject))
        if kind == "credential" and "domain" in entry.data:
            return _("%(who)s: %(domain)s %(level)s").strip() % {
                "who": self.people.get(entry.data.get("person"), "?"),
                "domain": domain_name(str(entry.data["domain"]), self.products),
                "level": entry.data.get("level", ""),
            }
        return "" if kind in {"brand", "media", "policy", "snippet"} else entry.subject


def tell(entries: Iterable[Entry], subjects: Subjects) -> list[Told]:
    """Entries with their personal text and their seals, in two queries more."""
    entries = list(entries)
    ids = [one.pk for one in entries]
    personal = Personal.objects.in_bulk(ids)
    seals = dict(Seal.objects.filter(entry_id__in=ids).values_list("entry_id", "sequence"))
    return [
        Told(
            entry=one,
            who=one.actor.name if one.actor else machine_name(one.system),
            verb=verb_name(one.verb),
            said=personal[one.pk].text if one.pk in personal else "",
            erased=one.pk in personal and personal[one.pk].erased_at is not None,
            place=seals.get(one.pk),
            url=post_url(one.post_id) if one.post_id else "",
            about=subjects.about(one),
            shown=raised(one, personal[one.pk].text, subjects.products) if one.pk in personal else "",
        )
        for one in entries
    ]


def machine_name(system: str) -> str:
    names = {
        "ticker": _("the ticker"),
        "worker": _("the publisher"),
        "installer": _("the installation"),
        "operator": _("the operator"),
        "lexicon": _("the lexicon"),
    }
    return names.get(system, system or "–")


@require_safe
@for_members
def journal(request: MemberRequest) -> HttpResponseBase:
    form = FilterForm(request.GET, brand=request.brand)
    form.is_valid()
    entries, newer, older = _page(form)
    export = "?" + urlencode(form.wanted())
    context = {
        "form": form,
        "told": tell(entries, Subjects(request.brand)),
        "newer": newer,
        "older": older,
        "export": export,
    }
    return render(request, "desk/journal.html", context)


def _page(form: FilterForm) -> tuple[list[Entry], str, str]:
    """The entries around the cursor, and the addresses of the pages beside it (empty at the ends)."""
    found = form.entries()
    before, after = form.cleaned_data.get("before"), form.cleaned_data.get("after")
    if after is not None:
        rows = list(found.filter(pk__gt=after).order_by("pk")[: PER_PAGE + 1])
        more_newer, rows = len(rows) > PER_PAGE, rows[:PER_PAGE][::-1]
        more_older = bool(rows)
    else:
        rows = list((found.filter(pk__lt=before) if before else found)[: PER_PAGE + 1])
        more_older, rows = len(rows) > PER_PAGE, rows[:PER_PAGE]
        more_newer = before is not None and bool(rows)
    wanted = form.wanted()
    newer = "?" + urlencode({**wanted, "after": rows[0].pk}) if rows and more_newer else ""
    older = "?" + urlencode({**wanted, "before": rows[-1].pk}) if rows and more_older else ""
    return rows, newer, older


@require_POST
@for_members
def verify_journal(request: MemberRequest) -> HttpResponseBase:
    """Walks the brand's chain again and says that it is whole, or where it first breaks."""
    outcome = verify(request.brand)
    if outcome.fault is None:
        text = ngettext(
            "The journal is whole: %(n)s sealed entry, none altered, removed or moved.",
            "The journal is whole: %(n)s sealed entries, none altered, removed or moved.",
            outcome.sealed,
        )
        messages.success(request, text % {"n": outcome.sealed})
    else:
        messages.error(
            request,
            _("The journal is broken after %(n)s entries. %(what)s")
            % {"n": outcome.sealed, "what": outcome.fault.sentence},
        )
    return redirect("journal")


# --- Export -------------------------------------------------------------------------------------
COLUMNS = ("entry", "at", "who", "verb", "subject", "post", "said", "data", "sealed")


class _Line:
    """A file that hands back each line written to it."""

    def write(self, value: str) -> str:
        return value


def harmless(value: object) -> str:
    """A cell that no spreadsheet takes for a formula."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def lines(found: QuerySet[Entry], brand: Brand) -> Iterator[str]:
    """The table, oldest first, line by line: however long the journal, little of it is in memory."""
    writer = csv.writer(_Line())
    # The mark tells spreadsheets that this is UTF-8.
    yield "\ufeff" + writer.writerow(COLUMNS)
    last, subjects = 0, Subjects(brand)
    while rows := list(found.order_by("pk").filter(pk__gt=last)[:500]):
        for one in tell(rows, subjects):
            entry = one.entry
            data = json.dumps(entry.data, ensure_ascii=False, sort_keys=True)
            at = entry.at.astimezone(UTC).isoformat()
            cells = [
                entry.pk,
                at,
                one.who,
                entry.verb,
                entry.subject,
                entry.post_id,
                one.said,
                data,
                one.place,
            ]
            yield writer.writerow([harmless(cell) for cell in cells])
        last = rows[-1].pk


@require_safe
@for_members
def export_journal(request: MemberRequest) -> HttpResponseBase:
    """The entries that the filters find, as CSV."""
    form = FilterForm(request.GET, brand=request.brand)
    form.is_valid()
    answer = StreamingHttpResponse(
        lines(form.entries(), request.brand), content_type="text/csv; charset=utf-8"
    )
    answer["Content-Disposition"] = f'attachment; filename="journal-{request.brand.slug}.csv"'
    answer["Cache-Control"] = "private, no-store"
    return answer
