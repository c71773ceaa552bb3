"""The news of a calendar in two or three sentences: what is to come, what collides, where nothing is."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cm_queue.desk.periods import View
from cm_queue.desk.planning import Plan
from journal import moments
from posts.lifecycle import PostState

NAMED = 3


def news_of(plan: Plan) -> str:
    return " ".join(one for one in (_coming(plan), _clashes(plan), _gaps(plan)) if one)


def _coming(plan: Plan) -> str:
    coming = plan.coming
    ready = sum(PostState(row.state) is PostState.SCHEDULED for row in coming)
    if not coming:
        return _("Nothing is to come.") if plan.period.last >= plan.today else ""
    told = ngettext("%(n)s post to come", "%(n)s posts to come", len(coming)) % {"n": len(coming)}
    if ready == len(coming):
        return _("%(coming)s, approved.") % {"coming": told}
    some = ngettext("%(n)s of them approved", "%(n)s of them approved", ready) % {"n": ready}
    return _("%(coming)s, %(ready)s.") % {"coming": told, "ready": some if ready else _("none approved yet")}


def _clashes(plan: Plan) -> str:
    found = [one for one in plan.clashes if one.at.astimezone(plan.brand.zone).date() in plan.period]
    if not found:
        return ""
    words = {"n": len(found), "when": moments.when(found[0].at)}
    return (
        ngettext(
            "Posts crowd one another once: %(when)s.",
            "Posts crowd one another %(n)s times, first %(when)s.",
            len(found),
        )
        % words
    )


def _gaps(plan: Plan) -> str:
    gaps = plan.gaps
    if not gaps or plan.period.view is View.DAY:
        return ""
    if len(gaps) <= NAMED:
        return _("Nothing is planned on %(days)s.") % {"days": ", ".join(day.head for day in gaps)}
    return ngettext("%(n)s day has nothing planned.", "%(n)s days have nothing planned.", len(gaps)) % {
        "n": len(gaps)
    }
