"""The review pages: one post to decide on, the decision, a comment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import resolve, reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST
from django_htmx.http import HttpResponseClientRedirect, push_url

from accounts.refusals import Invalid, NotHere, Refused
from adapters.tracing import Trace
from approvals import reviewing as verbs
from approvals.forewarning import forewarn
from approvals.gate import Facts
from approvals.models import Decision, Request, Verdict
from approvals.routing import counts_for
from approvals.wording import Words, kind_name
from cm_queue.desk import queueing
from cm_queue.desk.acknowledging import (
    acknowledge,
    changed_bytes,
    changed_standing,
    screen_of,
    standing_on,
)
from cm_queue.desk.afterwards import replacing
from cm_queue.desk.arriving import at_brand_of, at_post
from cm_queue.desk.checking import Weight, after_approval, checklist, weigh, words_of
from cm_queue.desk.explaining import closed
from cm_queue.desk.facets import about
from cm_queue.desk.forms import CommentForm, DecisionForm, refuse
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.hurrying import urgent_line
from cm_queue.desk.leading import ask, leads_of
from cm_queue.desk.living import keep_live
from cm_queue.desk.numbers import number_in
from cm_queue.desk.objecting import objections_to
from cm_queue.desk.proofing import proof_of
from cm_queue.desk.proving import prove_where_asked
from cm_queue.desk.queueing import Judged
from cm_queue.desk.suggesting import talk_of
from journal import moments
from journal.wording import verb_name
from posts import commenting
from posts.drafting import channels_of, current
from posts.lifecycle import OPEN_FOR_DECISIONS
from posts.models import Post
from posts.titling import title_of

_OBJECTIONS = (Verdict.REQUEST_CHANGES, Verdict.REJECT)


@require_GET
@for_members
def review(request: MemberRequest, pk: int) -> HttpResponse:
    post = at_post(request, pk)
    keep_live(request, post)
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
    at_brand_of(request, pk)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, at_post(request, pk), form, status=422)
    said = form.cleaned_data
    present = prove_where_asked(request)
    shown = standing_on(said["screen"])
    word = verbs.Word(said["decision"], said["digest"], said["comment"], said["motive"], present, shown)
    then = _then(request, pk)
    try:
        decision = verbs.decide(request.user, pk, word, brand=request.brand)
    except NotHere:
        raise
    except Refused as refusal:
        post = at_post(request, pk)
        if refusal.code in {"stale_digest", "standing_changed"}:
            # What was typed stays; what was on the screen is what this page will show.
            form = DecisionForm({**said, "digest": current(post).digest})
            stale = said if refusal.code == "stale_digest" else {**said, "digest": ""}
            return _page(request, post, form, seen=stale, status=409)
        refuse(form, refusal)
        # htmx swaps 422 and 409 only, and the person must see why.
        return _page(request, post, form, status=422 if request.htmx else refusal.status)
    acknowledge(request, decision, said["screen"])
    for one in forewarn(decision):
        messages.warning(request, one.sentence)
    if decision.decision == Verdict.WITHDRAW:
        return redirect("review", pk)
    if then is not None:
        return redirect("review", then)
    return HttpResponseClientRedirect(reverse("desk")) if request.htmx else redirect("desk")


def _then(request: MemberRequest, pk: int) -> int | None:
    """The post that comes next: the one the page said, which may have been decided on since and then says so;
    else it is looked for."""
    said = number_in(request.GET.get("then"))
    if said is not None:
        return said
    following = queueing.following_or_first(at_post(request, pk), request.user)
    return following.pk if following is not None else None


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
            words = said["suggestion"] or None
            quote = said["quote"] if words else said["quote"].strip()
            commenting.remark(request.user, pk, commenting.Remark(said["text"], quote, suggestion=words))
        except Invalid as refusal:
            refuse(form, refusal)
        except NotHere:
            raise
        except Refused as refusal:
            refuse(form, refusal)
            status = refusal.status
        else:
            place, status = said["place"] or "review", 200
            if not request.htmx:
                return redirect(f"{reverse(place, args=[pk])}#comments")
            form = CommentForm(initial={"place": place})
    if request.htmx:
        context = {"post": post, **talk_of(post, request.user), "comment_form": form}
        return render(request, "desk/review.html#comments", context, status=status)
    return _page(request, post, comment_form=form, status=status)


@require_POST
@for_members
def ask_leads(request: MemberRequest, pk: int) -> HttpResponse:
    """Asks where the post's addresses lead; htmx gets these alone, a plain form the whole page."""
    post = at_post(request, pk)
    proof = proof_of(post, decisions_of(post), request.user.person_id)
    answers = ask(proof)
    if not request.htmx:
        return _page(request, post, answers=answers)
    return render(request, "desk/parts/leads.html", {"post": post, **leads_of(proof, answers)})


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
    seen: Mapping[str, Any] | None = None,
    answers: Mapping[str, Trace] | None = None,
    status: int = 200,
) -> HttpResponse:
    person = request.user.person_id
    first = queueing.beginning(request.brand, request.user)
    this = queueing.judge([post])[post.pk]
    facts, words = this.loaded.facts, words_of(post.brand)
    decisions = decisions_of(post)
    said = said_of(post, decisions, facts, this, words)
    mine = next((one for one in said if one.decision.user.person_id == person), None)
    asked = {row.user.person_id: row.user.name for row in _asked(post)}
    moment = verbs.moment_of(post, facts.taken_at)
    proof = proof_of(post, decisions, person)
    stopped = "" if this.verdict.open else closed(this.verdict, words)
    context = {
        "post": post,
        "title": title_of(post),
        "kind": kind_name(post.kind),
        "revision": current(post),
        "proof": proof,
        **leads_of(proof, answers),
        "replacing": replacing(post),
        **talk_of(post, request.user),
        **about(post, [(one.key, one.name) for one in channels_of(post)], {}),
        "comment_form": comment_form or CommentForm(initial={"place": "review"}),
        "judged": this,
        "rows": checklist(this.verdict, words, person),
        "reading": this.verdict.reading,
        "rule": facts.rule,
        "lives": moments.span(facts.rule.ttl) if facts.rule else "",
        "past": post.slot is not None and post.slot <= facts.taken_at,
        "closed": stopped,
        "said": said[:6],
        "mine": mine if mine and mine.decision.decision != Verdict.WITHDRAW else None,
        "contributor": person in facts.contributors,
        "author": person == post.author.person_id,
        "counts": counts_for(this.verdict, person),
        "vetoes": objections_to(post, request.user, facts, words),
        "urgent": urgent_line(post, this.verdict, words),
        "then": after_approval(post, facts, moment, person, words, asked),
        "open": post.lifecycle in OPEN_FOR_DECISIONS,
        **queueing.around(this, first, request.user)._asdict(),
        "channels": channels_of(post),
        "screen": screen_of(facts, decisions),
        **_forms(post, bound),
    }
    if seen and seen["digest"]:
        context |= changed_bytes(post, seen["digest"])
    elif seen:
        context |= changed_standing(post, seen["screen"], person, stopped)
    if status != 200:
        # The page of the decision is the review's: the navigation says where one is.
        request.resolver_match = resolve(reverse("review", args=[post.pk]))
    response = render(request, "desk/review.html", context, status=status)
    return push_url(response, False) if status != 200 else response


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
