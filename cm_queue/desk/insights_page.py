"""Insights: how reading and sending went in the last weeks, each figure as bars over a table, and as CSV.

Who passed at the first reading is shown to whoever teaches (mentors, owners), and to each person for themselves:
it is there to learn from, and not to be compared by. Names stand in the order of the alphabet.
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_safe

from accounts.clock import database_now
from accounts.models import Brand
from approvals.models import Level, Motive, Verdict
from approvals.naming import domain_name
from approvals.standing import DESK_SHELF, Standing
from approvals.wording import Words
from cm_queue.desk import measuring, signs
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.journal_page import harmless
from cm_queue.desk.keeping import names_of
from cm_queue.desk.measuring import FirstPass, Rate, Spread
from journal import moments
from posts.lifecycle import PostState

WEEKS: Final = (4, 12, 26)
# Below so many a share in per cent would say more than is known.
ENOUGH: Final = 10
BECAME: Final = (
    PostState.PUBLISHED, PostState.PARTLY_PUBLISHED, PostState.RETRACTED, PostState.MISSED, PostState.HELD,
    PostState.UNKNOWN, PostState.FAILED,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: `share` (0 to 100) is how far its bar reaches, `told` what it means, `cells` its CSV."""

    label: str
    told: str
    share: int
    cells: Sequence[object]


@dataclass(frozen=True, slots=True)
class Plot:
    """`name` is that of its CSV; `says` its news in one sentence, `note` how it is counted."""

    name: str
    title: str
    says: str
    note: str
    heads: tuple[str, str]
    columns: Sequence[str]
    bars: Sequence[Bar]


@dataclass(frozen=True)
class Asked:
    """By whom, of which brand, since when."""

    brand: Brand
    person: int
    owner: bool
    words: Words
    standing: Standing
    now: datetime
    since: datetime

    @cached_property
    def passed(self) -> FirstPass:
        return measuring.first_pass(self.brand, self.since, self.standing.rules)

    @property
    def teaches(self) -> bool:
        """Whether they may see how others' work passed."""
        return self.owner or any(
            one.person == self.person and one.level >= Level.MENTOR and one.at(self.now)
            for one in self.standing.held
        )


def told(rate: Rate) -> str:
    """« 3 sur 4 », and the share where there are enough of them."""
    words = _("%(n)s of %(of)s") % {"n": number(rate.passed), "of": number(rate.of)}
    return f"{words} ({_percent(rate)})" if rate.of >= ENOUGH else words


def number(count: int) -> str:
    """As the reader writes it: « 20 212 »."""
    return number_format(count, 0, force_grouping=True)


def _percent(rate: Rate) -> str:
    return _("%(share)s %%") % {"share": _share(rate.passed, rate.of)}


def _share(part: int, whole: int) -> int:
    return round(100 * part / whole) if whole else 0


# --- The plots --------------------------------------------------------------------------------------
def by_person(asked: Asked) -> Plot:
    names = asked.words.names
    shown = {person: rate for person, rate in asked.passed.by_person.items() if person in names}
    if not asked.teaches:
        shown = {person: rate for person, rate in shown.items() if person == asked.person}
    bars = [
        _of_rate(names[person], rate) for person, rate in sorted(shown.items(), key=lambda one: names[one[0]])
    ]
    return Plot(
        "first-pass-by-person",
        _("At the first reading, by author"),
        "" if asked.teaches else _("You see your own work; mentors and owners see everybody's."),
        _(
            "Posts that somebody decided on with expertise, and that nobody sent back. "
            "It is for learning, not for comparing."
        ),
        (_("Author"), _("Passed")),
        ("author", "passed", "decided"),
        bars,
    )


def by_domain(asked: Asked) -> Plot:
    rates = asked.passed.by_domain
    named = {domain_name(domain, asked.words.products): rate for domain, rate in rates.items()}
    return Plot(
        "first-pass-by-domain",
        _("At the first reading, by domain"),
        "",
        _("A post stands in every domain that it asks for."),
        (_("Domain"), _("Passed")),
        ("domain", "passed", "decided"),
        [_of_rate(name, rate) for name, rate in sorted(named.items())],
    )


def _of_rate(name: str, rate: Rate) -> Bar:
    return Bar(name, told(rate), _share(rate.passed, rate.of), (name, rate.passed, rate.of))


def time_to_decision(asked: Asked) -> Plot:
    spread = measuring.time_to_decision(asked.brand, asked.since)
    return Plot(
        "time-to-decision",
        _("Time to a decision"),
        _marks(spread),
        _("From the submission of a text to the first word on it."),
        (_("Within"), _("Texts")),
        ("up_to_seconds", "texts"),
        _of_spread(spread),
    )


def lateness(asked: Asked) -> Plot:
    spread = measuring.lateness(asked.brand, asked.since)
    return Plot(
        "lateness",
        _("How late releases were"),
        _marks(spread),
        _("From the slot to the network's yes."),
        (_("Within"), _("Releases")),
        ("up_to_seconds", "releases"),
        _of_spread(spread),
    )


def _marks(spread: Spread) -> str:
    if spread.median is None or spread.p90 is None:
        return ""
    words = {"median": _span(spread.median), "p90": _span(spread.p90)}
    return _("Half within %(median)s, nine of ten within %(p90)s.") % words


def _span(length: timedelta) -> str:
    return moments.span(max(length, timedelta(0)))


def _of_spread(spread: Spread) -> list[Bar]:
    if not spread.total:
        return []
    most = max(spread.counts)
    labels = [_("up to %(span)s") % {"span": moments.span(end)} for end in spread.ends]
    labels.append(_("longer than that"))
    ends: list[object] = [int(end.total_seconds()) for end in spread.ends]
    return [
        Bar(label, number(count), _share(count, most), (end, count))
        for label, count, end in zip(labels, spread.counts, [*ends, ""], strict=True)
    ]


def reasons(asked: Asked) -> Plot:
    found = measuring.reasons(asked.brand, asked.since)
    rows = [
        (
            name,
            found.get(motive, {}).get(Verdict.REQUEST_CHANGES, 0),
            found.get(motive, {}).get(Verdict.REJECT, 0),
        )
        for motive, name in [
            *((one.value, str(one.label)) for one in Motive),
            ("", pgettext("motive", "none said")),
        ]
    ]
    rows = sorted((row for row in rows if row[1] + row[2]), key=lambda row: -(row[1] + row[2]))
    most = max((changes + rejected for _name, changes, rejected in rows), default=0)
    bars = [
        Bar(name, _objections(changes, rejected), _share(changes + rejected, most), (name, changes, rejected))
        for name, changes, rejected in rows
    ]
    return Plot(
        "reasons",
        _("Why posts were sent back"),
        "",
        _("The reasons that reviewers gave, most frequent first."),
        (_("Reason"), _("How often")),
        ("reason", "changes_requested", "rejected"),
        bars,
    )


def _objections(changes: int, rejected: int) -> str:
    parts = []
    if changes:
        parts.append(ngettext("%(n)s correction", "%(n)s corrections", changes) % {"n": number(changes)})
    if rejected:
        parts.append(ngettext("%(n)s rejection", "%(n)s rejections", rejected) % {"n": number(rejected)})
    return ", ".join(parts)


def outcomes(asked: Asked) -> Plot:
    found = measuring.outcomes(asked.brand, asked.since, asked.now)
    rows = [(state, found.get(state.value, 0)) for state in BECAME]
    total = sum(count for _state, count in rows)
    bars = [
        Bar(
            str(signs.sign_of_state(state.value).word),
            number(count),
            _share(count, total),
            (state.value, count),
        )
        for state, count in rows
        if total
    ]
    return Plot(
        "outcomes",
        _("What became of their slots"),
        "",
        _(
            "Posts whose slot lay in these weeks, as they stand now: missed, held and unknown ones beside what is out."
        ),
        (_("State"), _("Posts")),
        ("state", "posts"),
        bars,
    )


PLOTS: Mapping[str, Callable[[Asked], Plot]] = {
    "first-pass-by-person": by_person,
    "first-pass-by-domain": by_domain,
    "time-to-decision": time_to_decision,
    "reasons": reasons,
    "lateness": lateness,
    "outcomes": outcomes,
}


# --- The page and its tables --------------------------------------------------------------------------
def _asked(request: MemberRequest) -> tuple[Asked, int]:
    """Anything but one of WEEKS is the first of them."""
    weeks = next((one for one in WEEKS if str(one) == request.GET.get("weeks")), WEEKS[0])
    now = database_now()
    asked = Asked(
        request.brand,
        request.user.person_id,
        request.membership.is_owner,
        names_of(request.brand).words,
        DESK_SHELF.of(request.brand),
        now,
        now - timedelta(weeks=weeks),
    )
    return asked, weeks


@require_safe
@for_members
def insights(request: MemberRequest) -> HttpResponseBase:
    asked, weeks = _asked(request)
    context: dict[str, Any] = {
        "weeks": weeks,
        "choices": WEEKS,
        "since": asked.since,
        "plots": [plot(asked) for plot in PLOTS.values()],
        "headline": _headline(asked.passed.all),
    }
    return render(request, "desk/insights.html", context)


def _headline(rate: Rate) -> str:
    if not rate.of:
        return _("Nothing was decided in these weeks.")
    text = ngettext(
        "%(n)s of %(of)s post passed at the first reading.",
        "%(n)s of %(of)s posts passed at the first reading.",
        rate.of,
    )
    return text % {"n": number(rate.passed), "of": number(rate.of)}


@require_safe
@for_members
def insights_csv(request: MemberRequest, name: str) -> HttpResponseBase:
    """One plot's table; nothing that the page would not show the reader."""
    if name not in PLOTS:
        raise Http404(_("There is no such table."))
    asked, weeks = _asked(request)
    plot = PLOTS[name](asked)
    answer = HttpResponse(content_type="text/csv; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{name}-{request.brand.slug}-{weeks}w.csv"'
    answer["Cache-Control"] = "private, no-store"
    # The mark tells spreadsheets that this is UTF-8.
    answer.write("\ufeff")
    writer = csv.writer(answer)
    writer.writerow(plot.columns)
    writer.writerows([harmless(cell) for cell in bar.cells] for bar in plot.bars)
    return answer
