"""Routes of the journal: what happened, and whether the record of it is whole."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest
from ninja import Query, Router

from cm_queue.api import shapes
from cm_queue.api.answers import instant, person
from cm_queue.api.calling import Read, brand_named
from cm_queue.api.paging import BIGGEST_ID, Cursor, Limit, by_id
from journal.models import Entry
from journal.verifying import Fault, verify

router = Router(tags=["journal"])


@router.get("/brands/{slug}/journal", response=shapes.Page[shapes.Entry], auth=Read())
def read_journal(
    request: HttpRequest,
    slug: str,
    post: Annotated[int | None, Query(None, ge=1, le=BIGGEST_ID, description="of one post only")] = None,
    cursor: Cursor = "",
    limit: Limit = 50,
) -> shapes.Page[shapes.Entry]:
    """Who did what, newest first."""
    rows = Entry.objects.filter(brand=brand_named(request, slug)).select_related("actor", "personal", "seal")
    page, after = by_id(rows if post is None else rows.filter(post_id=post), cursor, limit, newest_first=True)
    return {"items": [_entry(row) for row in page], "next": after}


def _entry(row: Entry) -> shapes.Entry:
    said, seal = getattr(row, "personal", None), getattr(row, "seal", None)
    return {
        "id": row.pk,
        "at": instant(row.at),
        "verb": row.verb,
        "actor": person(row.actor) if row.actor else None,
        "system": row.system,
        "subject": row.subject,
        "post": row.post_id,
        "data": row.data,
        "text": said.text if said is not None and said.erased_at is None else None,
        "sequence": seal.sequence if seal is not None else None,
        "hash": seal.hash if seal is not None else None,
    }


@router.get("/brands/{slug}/journal/verify", response=shapes.Verification, auth=Read())
def verify_journal(request: HttpRequest, slug: str) -> shapes.Verification:
    """Walks the brand's chain and names the first link that is broken."""
    found = verify(brand_named(request, slug))
    return {
        "ok": found.fault is None,
        "sealed": found.sealed,
        "fault": _fault(found.fault) if found.fault else None,
    }


def _fault(fault: Fault) -> shapes.Fault:
    return {"sequence": fault.sequence, "entry": fault.entry_id, "message": fault.sentence}
