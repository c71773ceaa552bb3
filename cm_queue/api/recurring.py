"""Routes of recurring posts: what is repeated is the writing, never an approval."""

from __future__ import annotations

from itertools import islice

from django.http import HttpRequest
from django.utils.translation import gettext as _
from ninja import Router, Status

from accounts.refusals import Invalid
from cm_queue.api import calling, shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import RecurIn
from cm_queue.api.calling import Read, brand_named, caller, demand_here
from cm_queue.api.drafting import post_here
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.models import Recurrence
from posts.recurring import coming, end, recur
from posts.scheduling import read_instant

router = Router(tags=["recurring"])
SHOWN = 5


def _told(row: Recurrence) -> shapes.Recurrence:
    return {
        "id": row.pk,
        "post": row.source_id,
        "rule": row.rule,
        "starts": instant(row.starts),
        "days_ahead": row.days_ahead,
        "made_by": person(row.made_by),
        "next": [instant(one) for one in islice(coming(row), SHOWN)],
        "ended_at": instant_or_none(row.ended_at),
    }


@router.post("/posts/{int:pk}/recurrences", response={201: shapes.Recurrence}, auth=calling.Draft())
def begin_recurrence(request: HttpRequest, pk: int, body: RecurIn) -> Status[shapes.Recurrence]:
    """Makes a draft of this post again and again, some days ahead of each slot; each passes the gate by
    itself. `rule` is an RFC 5545 RRULE in the brand's local time; `starts` by default the post's slot."""
    post = post_here(request, pk)
    if body.starts:
        starts = read_instant(body.starts, post.brand.zone, "starts")
    elif post.slot is not None:
        starts = post.slot
    else:
        sentence = _("Say when it begins: the time of day of each one comes from there.")
        raise Invalid("starts_needed", sentence, fields={"starts": [sentence]})
    return Status(201, _told(recur(caller(request), post, body.rule, starts, days_ahead=body.days_ahead)))


@router.get("/brands/{slug}/recurrences", response=shapes.Page[shapes.Recurrence], auth=Read())
def read_recurrences(
    request: HttpRequest, slug: str, cursor: Cursor = "", limit: Limit = 50
) -> shapes.Page[shapes.Recurrence]:
    """The brand's recurrences, those that have ended included, each with its next slots."""
    rows = Recurrence.objects.filter(brand=brand_named(request, slug)).select_related("brand", "made_by")
    page, after = by_id(rows, cursor, limit)
    return {"items": [_told(row) for row in page], "next": after}


@router.delete("/recurrences/{int:pk}", response=shapes.Recurrence, auth=calling.Draft())
def end_recurrence(request: HttpRequest, pk: int) -> shapes.Recurrence:
    """No more drafts; those that were made stay."""
    row = Recurrence.objects.select_related("brand", "made_by").filter(pk=pk).first()
    sentence = _("There is no such recurrence.")
    demand_here(request, row.brand_id if row else None, "no_such_recurrence", sentence)
    assert row is not None
    end(caller(request), row)
    row.refresh_from_db(fields=["ended_at"])
    return _told(row)
