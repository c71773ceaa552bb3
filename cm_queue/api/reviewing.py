"""Routes of review: the queue, decisions, comments, the gate's verdict."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from django.db.models import DateTimeField, Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from accounts.refusals import Invalid, NotHere
from approvals import reviewing
from approvals.models import Verdict
from cm_queue.api import answers, shapes
from cm_queue.api.answers import Judged, Telling, judge
from cm_queue.api.bodies import CommentIn, DecisionIn
from cm_queue.api.calling import Decide, Draft, Read, brand_named, caller, token_of
from cm_queue.api.drafting import post_here, unchanged
from cm_queue.api.paging import Cursor, Limit, by_id, decode, encode
from posts.commenting import comment
from posts.lifecycle import PostState
from posts.models import Comment, Post

router = Router(tags=["review"])
# So many posts are judged for one page at most; a page may be short, and `next` goes on from there.
_JUDGED: Final = 200
_TIMES: Final = 3


def waits_for(judged: Judged, person: int) -> bool:
    """Whether this person's word (or press on release) is among what the post still needs."""
    asked = {number for reason in judged.verdict.reasons for number in reason.could}
    asked |= {number for one in judged.verdict.reading.coverage if one.missing for number in one.away}
    return person in asked


@router.get("/brands/{slug}/queue", response=shapes.Page[shapes.Post], auth=Read())
def read_queue(
    request: HttpRequest,
    slug: str,
    whom: Annotated[Literal["me", "all"], Query("me", alias="for", description="me, or all")],
    cursor: Cursor = "",
    limit: Limit = 50,
) -> shapes.Page[shapes.Post]:
    """What waits for my expertise, soonest slot first; what is due on approval counts from its submitting."""
    brand = brand_named(request, slug)
    rows = (
        Post.objects.filter(brand=brand)
        .filter(Q(state=PostState.IN_REVIEW.value) | Q(state=PostState.HELD.value, held_by__isnull=True))
        .annotate(due=Coalesce("slot", "submitted_at", "created_at", output_field=DateTimeField()))
        .select_related("brand", "author", "revision__created_by")
        .order_by("due", "pk")
    )
    place = decode(cursor, str, int) if cursor else None
    found: list[Judged] = []
    for _again in range(_TIMES):
        batch = list((rows.filter(_after(place)) if place else rows)[: _JUDGED + 1])
        for judged in judge(batch[:_JUDGED]):
            if len(found) == limit:
                return {"items": Telling(found).posts(), "next": encode(*place) if place else None}
            place = [judged.post.due.isoformat(), judged.post.pk]  # type: ignore[attr-defined]
            if whom == "all" or waits_for(judged, caller(request).person_id):
                found.append(judged)
        if len(batch) <= _JUDGED:
            place = None
            break
    return {"items": Telling(found).posts(), "next": encode(*place) if place else None}


def _after(place: list[str | int]) -> Q:
    try:
        due = parse_datetime(str(place[0]))
    except ValueError:
        due = None
    if due is None or due.tzinfo is None:
        sentence = _("This cursor cannot be read: begin again without one.")
        raise Invalid("bad_cursor", sentence, fields={"cursor": [sentence]})
    return Q(due__gt=due) | Q(due=due, pk__gt=place[1])


@router.get("/posts/{int:pk}/gate", response=shapes.Gate, auth=Read())
def read_gate(request: HttpRequest, pk: int) -> shapes.Gate:
    """The verdict now: what is missing, and who could give it."""
    post_here(request, pk)
    return answers.gate(pk)


@router.post("/posts/{int:pk}/decisions", response={201: shapes.Decision}, auth=Decide())
def decide_post(request: HttpRequest, pk: int, body: DecisionIn) -> Status[shapes.Decision]:
    """A word on the digest that was read. An advisory one is stored and answers `"counted": false`
    with why; a contributor's approval is refused (403) and not stored; a stale digest is a 409."""
    if not Post.objects.filter(pk=pk, brand=token_of(request).brand).exists():
        raise NotHere("no_such_post", _("There is no such post."))
    if not body.digest and body.decision != Verdict.WITHDRAW.value:
        sentence = _("Say which digest you read.")
        raise Invalid("digest_needed", sentence, fields={"digest": [sentence]})
    word = reviewing.Word(body.decision, body.digest, body.comment, body.reason)
    made = reviewing.decide(caller(request), pk, word)
    return Status(201, answers.decision(made))


@router.get("/posts/{int:pk}/comments", response=shapes.Page[shapes.Comment], auth=Read())
def read_comments(
    request: HttpRequest, pk: int, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Comment]:
    """The comments, oldest first; `parent` makes them threads."""
    post_here(request, pk)
    rows = Comment.objects.filter(post_id=pk).select_related("author", "revision")
    page, after = by_id(rows, cursor, limit)
    return {"items": [answers.comment(row) for row in page], "next": after}


@router.post("/posts/{int:pk}/comments", response={201: shapes.Comment}, auth=Draft())
def add_comment(request: HttpRequest, pk: int, body: CommentIn) -> Status[shapes.Comment]:
    """A remark, on a passage (`quote`) or on the whole. It is no contribution."""
    with unchanged(request, pk):
        made = comment(caller(request), pk, body.text, quote=body.quote, parent=body.parent)
    return Status(201, answers.comment(made))
