"""What is urgent says in one line who can approve it now."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from approvals.calling import is_urgent
from approvals.foreseeing import shortest
from approvals.gate import LACKS, Verdict
from approvals.wording import Words, conjoined
from cm_queue.desk.checking import named
from journal import moments
from posts.models import Post


def urgent_line(post: Post, verdict: Verdict, words: Words) -> str:
    """“Urgent (in 40 min): Marc and Sofia can approve it now.” Empty for what is not, or lacks nobody."""
    if not is_urgent(post) or verdict.open:
        return ""
    ends = post.window_until if post.on_approval else post.slot
    when = moments.until(ends) if ends is not None else _("on approval")
    people = named(shortest(verdict), words)
    lacks = any(reason.code in LACKS for reason in verdict.reasons)
    if people:
        line = ngettext(
            "Urgent (%(when)s): %(who)s can approve it now, alone.",
            "Urgent (%(when)s): %(who)s can approve it now, together.",
            len(people),
        )
        return line % {"when": when, "who": conjoined(people)}
    if not lacks:
        return ""
    return _("Urgent (%(when)s), and nobody present can give all it lacks: call an owner.") % {"when": when}
