"""After a word on a post: what it did, with a way to take it back at once; and what to tell somebody whose word
came after another's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.refusals import Forbidden, NotHere, Refused
from approvals import reviewing as verbs
from approvals.gate import Facts
from approvals.models import Decision, Verdict
from approvals.noticing import standing_of
from approvals.wording import listed
from cm_queue.desk.arriving import at_post
from cm_queue.desk.diffing import changes
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.phrasing import at_time
from cm_queue.desk.proving import prove_where_asked
from journal.wording import verb_name
from posts.drafting import channels_of, current
from posts.lifecycle import OPEN_FOR_DECISIONS, PostState
from posts.models import Post
from posts.titling import title_of

_STOPPED = {PostState.REJECTED, PostState.CHANGES_REQUESTED}


# --- What was on the screen -------------------------------------------------------------------------
def screen_of(facts: Facts, decisions: list[Decision]) -> str:
    """What a page shows beside the bytes, to be sent back with a decision: the last word, and the standing."""
    return f"{decisions[-1].pk if decisions else 0}-{standing_of(facts)}"


def standing_on(screen: str) -> str:
    return screen.partition("-")[2]


def _last_word_on(screen: str) -> int | None:
    number = screen.partition("-")[0]
    return int(number) if number.isascii() and number.isdigit() else None


def _words_since(post: Post, screen: str, reader: int) -> list[Decision]:
    """What others said since the page was made, oldest first."""
    last = _last_word_on(screen)
    if last is None:
        return []
    rows = Decision.objects.filter(post=post, pk__gt=last).select_related("user").order_by("pk")
    return [one for one in rows if one.user.person_id != reader]


def changed_bytes(post: Post, seen: str) -> Mapping[str, Any]:
    """What changed between the bytes that were on the screen (their digest) and those that are there now."""
    now = current(post)
    was = post.revisions.filter(digest=seen).order_by("-number").first()
    names = {channel.key: channel.name for channel in channels_of(post)}
    what = _("%(who)s changed this post while you were reading it: revision %(n)s is there now.") % {
        "who": now.created_by.name,
        "n": now.number,
    }
    return {"conflict": what, "since_seen": changes(was.payloads, now.payloads, names) if was else None}


def changed_standing(post: Post, screen: str, reader: int, closed: str) -> Mapping[str, Any]:
    """Who said what meanwhile; where nobody did (a product was added, an incident declared), what stops it now."""
    words = _words_since(post, screen, reader)
    if not words:
        what = _("What this post needs has changed while you were reading it.")
        return {"conflict": what, "conflict_why": closed}
    last = words[-1]
    what = _("%(who)s decided while you were reading: %(word)s.") % {
        "who": last.user.name,
        "word": verb_name(f"decision.{last.decision}"),
    }
    return {"conflict": what, "conflict_quote": last.comment, "conflict_why": "" if last.comment else closed}


# --- What it did --------------------------------------------------------------------------------------
def acknowledge(request: MemberRequest, decision: Decision, screen: str) -> None:
    """The toast of the next page, with its way back while there is one."""
    # As the verb has left it, with its author and its revision.
    post = decision.post
    told = _thanks(post, decision)
    before = [one for one in _words_since(post, screen, request.user.person_id) if one.pk < decision.pk]
    approved = [one.user.name for one in before if one.decision == Verdict.APPROVE]
    if approved and decision.decision != Verdict.WITHDRAW:
        told = f"{told} {_('%(who)s approved it just before you.') % {'who': listed(approved)}}"
    tags = ""
    if decision.decision != Verdict.WITHDRAW and post.lifecycle in OPEN_FOR_DECISIONS:
        tags = f"undo:{reverse('undo_decision', args=[post.pk])}?decision={decision.pk}"
    messages.success(request, told, extra_tags=tags)


def _thanks(post: Post, decision: Decision) -> str:
    words = {
        "title": title_of(post, 48),
        "who": post.author.name,
        "when": at_time(post.slot) if post.slot else "",
    }
    match decision.decision:
        case Verdict.APPROVE if post.lifecycle == PostState.SCHEDULED:
            return _("Approved: “%(title)s” goes out %(when)s.") % words
        case Verdict.APPROVE if not decision.rests_on:
            return _("Your opinion on “%(title)s” is recorded, as advice.") % words
        case Verdict.APPROVE if post.lifecycle in _STOPPED:
            return _("Approved: “%(title)s”. Somebody’s objection still stops it.") % words
        case Verdict.APPROVE:
            return _("Approved: “%(title)s”. Others are still missing.") % words
        case Verdict.REQUEST_CHANGES:
            return _("Sent back to %(who)s: “%(title)s”.") % words
        case Verdict.REJECT:
            return _("Rejected: “%(title)s”. %(who)s is told why.") % words
        case _:
            return _("Your decision on “%(title)s” is withdrawn.") % words


# --- Taking it back -----------------------------------------------------------------------------------
@require_POST
@for_members
def undo_decision(request: MemberRequest, pk: int) -> HttpResponse:
    """Withdraws the decision of a moment ago and shows the post again. One that was followed by another word of
    the same person, or whose post has left, is not undone: the sentence says so, and the page where it is."""
    post = at_post(request, pk)
    mine = Decision.objects.filter(post=post, user=request.user).order_by("-pk").first()
    if mine is None or str(mine.pk) != request.GET.get("decision") or mine.decision == Verdict.WITHDRAW:
        messages.warning(request, _("There is nothing to undo: you have decided again since."))
        return redirect("review", pk)
    word = verbs.Word(Verdict.WITHDRAW, "", present=prove_where_asked(request))
    try:
        decision = verbs.decide(request.user, pk, word)
    except (NotHere, Forbidden):
        raise
    except Refused as refusal:
        late = _("Too late to undo. %(why)s Hold it, if it is not out yet.") % {"why": refusal.sentence}
        messages.warning(request, late)
        return redirect("post", pk)
    acknowledge(request, decision, "")
    return redirect("review", pk)
