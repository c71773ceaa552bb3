"""The review pages: the queue, one post to decide on, the decision, a comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect, push_url

from accounts.refusals import Invalid, NotHere, Refused
from approvals import reviewing as verbs
from approvals.gate import Facts
from approvals.models import Decision, Request, Verdict
from approvals.wording import Words, kind_name
from cm_queue.desk import moments, queueing
from cm_queue.desk.arriving import at_post
from cm_queue.desk.checking import Weight, after_approval, checklist, weigh, words_of
from cm_queue.desk.diffing import changes
from cm_queue.desk.explaining import Telling, closed
from cm_queue.desk.forms import CommentForm, DecisionForm, refuse
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.headlines import waiting as waiting_headline
from cm_queue.desk.listing import Lister, channels_in, networks_of
from cm_queue.desk.phrasing import at_time
from cm_queue.desk.proofing import proof_of
from cm_queue.desk.queueing import Judged, neighbours, title_of
from journal.wording import verb_name
from posts import commenting
from posts.drafting import channels_of, current
from posts.lifecycle import OPEN_FOR_DECISIONS, PostState
from posts.models import Comment, Post

PER_PAGE = 20
_OBJECTIONS = (Verdict.REQUEST_CHANGES, Verdict.REJECT)


@require_GET
@for_members
def review_queue(request: MemberRequest) -> HttpResponse:
    """Everything that waits for the reader's expertise, soonest slot first."""
    queue = queueing.waiting(request.brand, request.user)
    page = Paginator(queue, PER_PAGE).get_page(request.GET.get("page"))
    words = words_of(request.brand)
    networks = networks_of(channels_in(request.brand))
    lister = Lister(request.user.person_id, words, networks, Telling(words))
    context = {
        "page": page,
        "rows": [lister.row(one) for one in page],
        "count": len(queue),
        "headline": waiting_headline(len(queue), queue[0].post.slot)
        if queue
        else _("Nothing waits for you."),
        "first": queue[0].post if queue else None,
    }
    return render(request, "desk/review_queue.html", context)


@require_GET
@for_members
def review(request: MemberRequest, pk: int) -> HttpResponse:
    post = at_post(request, pk)
    if not current(post).digest:
        messages.info(
            request, _("This post is a draft: there is nothing to decide on before it is submitted.")
        )
        return redirect("post", pk)
    return _page(request, post)


@require_POST
@for_members
def decide(request: MemberRequest, pk: int) -> HttpResponse:
    """Stores the word and goes on to the next post. What is refused comes back with what was typed; a
    decision on other bytes than those on the screen shows what changed (409)."""
    post = at_post(request, pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, post, form, status=422)
    said = form.cleaned_data
    word = verbs.Word(said["decision"], said["digest"], said["comment"], said["motive"])
    _place, _before, following = neighbours(_queue(request), pk)
    try:
        decision = verbs.decide(request.user, pk, word)
    except NotHere:
        raise
    except Refused as refusal:
        post = at_post(request, pk)
        if refusal.code == "stale_digest":
            fresh = DecisionForm({**said, "digest": current(post).digest})
            return _page(request, post, fresh, seen=said["digest"], status=409)
        refuse(form, refusal)
        # htmx swaps 422 and 409 only, and the person must see why.
        return _page(request, post, form, status=422 if request.htmx else refusal.status)
    messages.success(request, _thanks(decision))
    if decision.decision == Verdict.WITHDRAW:
        return redirect("review", pk)
    if following is not None:
        return redirect("review", following.pk)
    return HttpResponseClientRedirect(reverse("desk")) if request.htmx else redirect("desk")


def _thanks(decision: Decision) -> str:
    """What the decision did, for the toast on the next page."""
    post = Post.objects.select_related("revision").get(pk=decision.post_id)
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
        case Verdict.APPROVE:
            return _("Approved: “%(title)s”. Others are still missing.") % words
        case Verdict.REQUEST_CHANGES:
            return _("Sent back to %(who)s: “%(title)s”.") % words
        case Verdict.REJECT:
            return _("Rejected: “%(title)s”. %(who)s is told why.") % words
        case _:
            return _("Your decision on “%(title)s” is withdrawn.") % words


@require_POST
@for_members
def comment(request: MemberRequest, pk: int) -> HttpResponse:
    """Adds a comment; htmx gets the comments alone, a plain form the page it came from."""
    post = at_post(request, pk)
    form = CommentForm(request.POST)
    status = 422
    if form.is_valid():
        said = form.cleaned_data
        try:
            commenting.comment(request.user, pk, said["text"], quote=said["quote"])
        except Invalid as refusal:
            refuse(form, refusal)
        else:
            place, status = said["place"] or "review", 200
            if not request.htmx:
                return redirect(f"{reverse(place, args=[pk])}#comments")
            form = CommentForm(initial={"place": place})
    if request.htmx:
        context = {"post": post, "comments": comments_of(post), "comment_form": form}
        return render(request, "desk/review.html#comments", context, status=status)
    return _page(request, post, comment_form=form, status=status)


def comments_of(post: Post) -> list[Comment]:
    return list(Comment.objects.filter(post=post).select_related("author", "revision").order_by("pk"))


def _queue(request: MemberRequest) -> list[Judged]:
    return queueing.waiting(request.brand, request.user)


# --- The page ----------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Said:
    """A decision beside what it is worth now."""

    decision: Decision
    weight: Weight

    @property
    def word(self) -> str:
        return verb_name(f"decision.{self.decision.decision}")


def said_of(post: Post, decisions: list[Decision], facts: Facts, judged: Judged, words: Words) -> list[Said]:
    """Every decision with its weight, the newest first."""
    latest = {one.user.person_id: one.pk for one in decisions}
    number = current(post).number
    return [
        Said(one, weigh(one, facts, judged.verdict, latest, number, words)) for one in reversed(decisions)
    ]


def decisions_of(post: Post) -> list[Decision]:
    """Of this post, oldest first."""
    return list(Decision.objects.filter(post=post).select_related("user", "revision").order_by("pk"))


def _page(
    request: MemberRequest,
    post: Post,
    bound: DecisionForm | None = None,
    *,
    comment_form: CommentForm | None = None,
    seen: str = "",
    status: int = 200,
) -> HttpResponse:
    person = request.user.person_id
    in_review = [one for one in queueing.in_review(request.brand) if one.pk != post.pk]
    judged = queueing.judge([*in_review, post])
    queue = [
        judged[one.pk] for one in queueing.soonest_first([*in_review, post]) if _waits(judged[one.pk], person)
    ]
    this = judged[post.pk]
    facts, words = this.loaded.facts, words_of(post.brand)
    decisions = decisions_of(post)
    said = said_of(post, decisions, facts, this, words)
    mine = next((one for one in said if one.decision.user.person_id == person), None)
    asked = {row.user.person_id: row.user.name for row in _asked(post)}
    moment = verbs.moment_of(post, facts.taken_at)
    place, before, after = neighbours(queue, post.pk)
    context = {
        "post": post,
        "title": title_of(post),
        "kind": kind_name(post.kind),
        "revision": current(post),
        "proof": proof_of(post, decisions, person),
        "comments": comments_of(post),
        "comment_form": comment_form or CommentForm(initial={"place": "review"}),
        "judged": this,
        "rows": checklist(this.verdict, words, person),
        "reading": this.verdict.reading,
        "rule": facts.rule,
        "lives": moments.span(facts.rule.ttl) if facts.rule else "",
        "past": post.slot is not None and post.slot <= facts.taken_at,
        "closed": "" if this.verdict.open else closed(this.verdict, words),
        "said": said[:6],
        "mine": mine if mine and mine.decision.decision != Verdict.WITHDRAW else None,
        "contributor": person in facts.contributors,
        "author": person == post.author.person_id,
        "counts": queueing.waits_for(this.verdict, person),
        "then": after_approval(post, facts, moment, person, words, asked),
        "open": post.lifecycle in OPEN_FOR_DECISIONS,
        "place": place,
        "total": len(queue),
        "before": before,
        "after": after,
        "channels": channels_of(post),
        **_forms(post, bound),
        **_conflict(post, seen),
    }
    if status != 200:
        # The page of the decision is the review's: the navigation says where one is.
        request.resolver_match = resolve(reverse("review", args=[post.pk]))
    response = render(request, "desk/review.html", context, status=status)
    return push_url(response, False) if status != 200 else response


def _waits(judged: Judged, person: int) -> bool:
    return judged.post.lifecycle == PostState.IN_REVIEW and queueing.waits_for(judged.verdict, person)


def _asked(post: Post) -> list[Request]:
    digest = current(post).digest
    return list(Request.objects.filter(post=post, digest=digest).select_related("user"))


def _forms(post: Post, bound: DecisionForm | None) -> dict[str, Any]:
    """A form a decision; the one that was sent comes back as it was, with what is wrong, and open."""
    sent = str(bound.data.get("decision", "")) if bound is not None else ""
    digest = current(post).digest
    forms: dict[str, DecisionForm] = {}
    for decision in Verdict:
        auto_id = f"{decision.value}-%s"
        initial = {"decision": decision.value, "digest": digest}
        form = DecisionForm(initial=initial, auto_id=auto_id, objecting=decision in _OBJECTIONS)
        if bound is not None and sent == decision.value:
            bound.auto_id = auto_id
            form = bound
        forms[decision.value] = form
    return {"forms": forms, "sent": sent, "refusals": _refusals(bound, sent) if bound is not None else []}


def _refusals(bound: DecisionForm, sent: str) -> list[str]:
    """What no field on the page can show: said above the forms."""
    hidden = {field.name for field in bound.hidden_fields()}
    shown = set(bound.fields) - hidden if sent in _OBJECTIONS else set()
    return [str(error) for name, errors in bound.errors.items() if name not in shown for error in errors]


def _conflict(post: Post, seen: str) -> Mapping[str, Any]:
    """What changed between the bytes that were on the screen and those that are there now."""
    if not seen:
        return {}
    now = current(post)
    was = post.revisions.filter(digest=seen).order_by("-number").first()
    names = {channel.key: channel.name for channel in channels_of(post)}
    what = _("%(who)s changed this post while you were reading it: revision %(n)s is there now.") % {
        "who": now.created_by.name,
        "n": now.number,
    }
    return {"conflict": what, "since_seen": changes(was.payloads, now.payloads, names) if was else None}
