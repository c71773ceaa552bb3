"""The headline is the news: one sentence for what matters most now."""

from __future__ import annotations

from datetime import datetime

from django.contrib.humanize.templatetags.humanize import apnumber
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from cm_queue.desk.gathering import Desk
from cm_queue.desk.phrasing import at_time
from posts.lifecycle import PostState


def number(count: int) -> str:
    """« quatre », then « 12 »."""
    return str(apnumber(count))


def headline(desk: Desk) -> str:
    """What needs this person first: their reading, then what somebody must post, then a doubt, then their
    drafts, then what is stopped."""
    if desk.waiting_count:
        return waiting(desk.waiting_count, desk.waiting[0].post.slot, whole=desk.waiting_whole)
    if desk.by_hand:
        count = len(desk.by_hand)
        return ngettext(
            "One post waits to be posted by hand.", "%(n)s posts wait to be posted by hand.", count
        ) % {"n": capfirst(number(count))}
    doubts = sum(row.post.lifecycle == PostState.UNKNOWN for row in desk.stopped)
    if doubts:
        return ngettext(
            "One post may or may not be out: have a look.",
            "%(n)s posts may or may not be out: have a look.",
            doubts,
        ) % {"n": capfirst(number(doubts))}
    asked = [row for row in desk.drafts if row.said is not None]
    if asked and asked[0].said is not None:
        return _("%(who)s asks you for a correction.") % {"who": asked[0].said.user.name}
    if desk.stopped_page.paginator.count:
        count = desk.stopped_page.paginator.count
        return ngettext(
            "One post is stopped; nothing is lost.", "%(n)s posts are stopped; nothing is lost.", count
        ) % {"n": capfirst(number(count))}
    if desk.next_release is not None:
        return _("Nothing waits for you; the next post goes out %(when)s.") % {
            "when": at_time(desk.next_release)
        }
    return _("Nothing waits for you.")


def waiting(count: int, first: datetime | None, *, whole: bool = True) -> str:
    """« Quatre posts attendent votre avis, le premier part à 11 h 15. » `whole`: these are all there are."""
    words = {"n": capfirst(number(count)), "when": at_time(first) if first else ""}
    if not whole and first is None:
        return _("More than %(n)s posts wait for you.") % {**words, "n": number(count)}
    if not whole:
        text = _("More than %(n)s posts wait for you; the first of these goes out %(when)s.")
        return text % {**words, "n": number(count)}
    if first is None:
        return ngettext("One post waits for you.", "%(n)s posts wait for you.", count) % words
    return (
        ngettext(
            "One post waits for you; it goes out %(when)s.",
            "%(n)s posts wait for you; the first goes out %(when)s.",
            count,
        )
        % words
    )
