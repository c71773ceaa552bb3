"""Routes of review: the queue, decisions, comments, the gate's verdict."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from django.conf import settings
from django.db.models import DateTimeField, Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from accounts.models import ApiToken
from accounts.refusals import Forbidden, Invalid, NotHere
from approvals import reviewing
from approvals.forewarning import forewarn
from approvals.models import Verdict
from approvals.routing import waits_for
from cm_queue.api import answers, shapes
from cm_queue.api.answers import Judged, Telling, judge
from cm_queue.api.bodies import CommentIn, DecisionIn
from cm_queue.api.calling import Decide, Draft, Read, brand_named, caller, token_of
from cm_queue.api.drafting import post_here, unchanged
from cm_queue.api.paging import Cursor, Limit, by_id, decode, encode
from posts.commenting import Remark, remark
from posts.lifecycle import PostState
from posts.models import Comment, Post

router = Router(tags=["review"])
# So many posts are judged for one page at most; a page may be short, and `next` goes on from there.
_JUDGED: Final = 200
_TIMES: Final = 3


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
            if whom == "all" or waits_for(judged.verdict, caller(request).person_id):
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


def _just_given(token: ApiToken) -> bool:
    """Whether its person has said a moment ago who they are: the right to decide is given by nobody else, and
    the giving asks. Under rules that want decisions re-authenticated an older token decides nothing."""
    given_for = (timezone.now() - token.created_at).total_seconds()
    return given_for < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT


@router.post("/posts/{int:pk}/decisions", response={201: shapes.DecisionMade}, auth=Decide())
def decide_post(request: HttpRequest, pk: int, body: DecisionIn) -> Status[shapes.DecisionMade]:
    """A word on the digest that was read. An advisory one is stored and answers `"counted": false`
    with why; a contributor's approval is refused (403) and not stored; a stale digest is a 409. The
    `warnings` say what of an approval will have ended at the slot."""
    if not Post.objects.filter(pk=pk, brand=token_of(request).brand).exists():
        raise NotHere("no_such_post", _("There is no such post."))
    if not body.digest and body.decision != Verdict.WITHDRAW.value:
        sentence = _("Say which digest you read.")
        raise Invalid("digest_needed", sentence, fields={"digest": [sentence]})
    word = reviewing.Word(
        body.decision, body.digest, body.comment, body.reason, present=_just_given(token_of(request))
    )
    try:
        made = reviewing.decide(caller(request), pk, word)
    except Forbidden as refusal:
        if refusal.code == "reauthenticate":
            refusal.details |= {
                "review": f"{settings.BASE_URL}/review/{pk}/",
                "tokens": f"{settings.BASE_URL}/tokens/",
            }
        raise
    warnings: list[shapes.Said] = [{"code": one.code, "message": one.sentence} for one in forewarn(made)]
    return Status(201, {**answers.decision(made), "warnings": warnings})


@router.get("/posts/{int:pk}/comments", response=shapes.Page[shapes.Comment], auth=Read())
def read_comments(
    request: HttpRequest, pk: int, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Comment]:
    """The comments, oldest first; `parent` makes them threads."""
    post = post_here(request, pk)
    rows = Comment.objects.filter(post=post).select_related("author", "revision", "accepted_in")
    page, after = by_id(rows, cursor, limit)
    return {"items": answers.comments(post, page), "next": after}


@router.post("/posts/{int:pk}/comments", response={201: shapes.Comment}, auth=Draft())
def add_comment(request: HttpRequest, pk: int, body: CommentIn) -> Status[shapes.Comment]:
    """A remark, on a passage (`quote`) or on the whole, or a `suggestion` of other words for it. It is no
    contribution: a suggestion changes nothing before a writer accepts it."""
    with unchanged(request, pk):
        said = Remark(body.text, body.quote, body.parent, body.suggestion, body.place)
        made = remark(caller(request), pk, said)
    return Status(201, answers.comments(post_here(request, pk), [made])[0])
