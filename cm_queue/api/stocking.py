"""Routes of the stock of words: templates to begin a draft with, and pieces to put in."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router, Status

from approvals import stocking
from cm_queue.api import shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import SnippetChangeIn, SnippetIn
from cm_queue.api.calling import Manage, Read, brand_named, caller, demand_here, revision_seen
from cm_queue.api.paging import Cursor, Limit, by_id
from posts.filling import gaps_of
from posts.models import Snippet

router = Router(tags=["snippets"])


def _told(row: Snippet) -> shapes.Snippet:
    return {
        "id": row.pk,
        "name": row.name,
        "whole": row.whole,
        "text": row.text,
        "kind": row.kind,
        "channels": row.channels,
        "products": row.products,
        "topics": row.topics,
        "link": row.link,
        "gaps": gaps_of(row) if row.whole else [],
        "writers": [person(one) for one in sorted(row.writers.all(), key=lambda one: one.pk)],
        "version": row.version,
        "changed_by": person(row.changed_by),
        "changed_at": instant(row.changed_at),
        "put_away_at": instant_or_none(row.retired_at),
    }


def _tagged(response: HttpResponse, row: Snippet) -> shapes.Snippet:
    response.headers["ETag"] = f'"{row.version}"'
    return _told(row)


@router.get("/brands/{slug}/snippets", response=shapes.Page[shapes.Snippet], auth=Read())
def read_snippets(
    request: HttpRequest,
    slug: str,
    cursor: Cursor = "",
    limit: Limit = 50,
    whole: Annotated[bool | None, Query(None, description="true: templates; false: pieces")] = None,
) -> shapes.Page[shapes.Snippet]:
    """The templates and pieces on offer, without those that were put away."""
    rows = Snippet.objects.filter(brand=brand_named(request, slug), retired_at=None)
    if whole is not None:
        rows = rows.filter(whole=whole)
    page, after = by_id(rows.select_related("changed_by").prefetch_related("writers"), cursor, limit)
    return {"items": [_told(row) for row in page], "next": after}


@router.post("/brands/{slug}/snippets", response={201: shapes.Snippet}, auth=Manage())
def add_snippet(
    request: HttpRequest, response: HttpResponse, slug: str, body: SnippetIn
) -> Status[shapes.Snippet]:
    """One more, by an owner or somebody entrusted with the craft. It is no approval: what begins with it passes
    the gate like any other, and its writers' approvals do not count there."""
    made = stocking.add(caller(request), brand_named(request, slug), body.as_said())
    return Status(201, _tagged(response, made))


@router.patch("/snippets/{int:pk}", response=shapes.Snippet, auth=Manage())
def change_snippet(
    request: HttpRequest, response: HttpResponse, pk: int, body: SnippetChangeIn
) -> shapes.Snippet:
    """Other words; posts that began with it keep what they have. `If-Match` with its `version`: a stale one
    gets 412."""
    _here(request, pk)
    return _tagged(
        response, stocking.change(caller(request), pk, body.as_said(), seen=revision_seen(request))
    )


@router.delete("/snippets/{int:pk}", response=shapes.Snippet, auth=Manage())
def put_snippet_away(request: HttpRequest, pk: int) -> shapes.Snippet:
    """Not offered any more; what was written with it stays."""
    _here(request, pk)
    return _told(stocking.put_away(caller(request), pk))


def _here(request: HttpRequest, pk: int) -> None:
    brand_id = Snippet.objects.filter(pk=pk).values_list("brand_id", flat=True).first()
    demand_here(request, brand_id, "no_such_snippet", _("There is no such template or snippet."))
