"""Routes for what is already out: correct it, or take it back, alone or with an incident's whole scope."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from ninja import Router, Status

from approvals.correcting import correct
from approvals.models import Incident
from cm_queue.api import answers, calling, shapes
from cm_queue.api.answers import instant, instant_or_none, person
from cm_queue.api.bodies import DraftIn
from cm_queue.api.calling import Decide, Read, caller
from cm_queue.api.declaring import incident_here
from cm_queue.api.drafting import answer_with_tag, post_here, unchanged, with_media
from publishing.models import BulkRetraction, Retraction
from publishing.retracting import in_scope, progress, propose_bulk, retract

router = Router(tags=["afterwards"])


@router.post("/posts/{int:pk}/correct", response={201: shapes.Post}, auth=calling.Draft())
def correct_post(
    request: HttpRequest, response: HttpResponse, pk: int, body: DraftIn | None = None
) -> Status[shapes.Post]:
    """A new draft that corrects what is out, with the words that are public now and what is sent here; due
    on approval unless a slot is sent. Answers the new post: once submitted, approved and due it replaces
    what is there. 409 `cannot_correct` where no network of the post can edit."""
    post = post_here(request, pk)
    draft = with_media(post.brand, body.as_draft()) if body else None
    with unchanged(request, pk):
        made = correct(caller(request), pk, draft)
    return Status(201, answer_with_tag(response, made.pk))


@router.post("/posts/{int:pk}/retract", response=shapes.Post, auth=Decide())
def retract_post(request: HttpRequest, pk: int) -> shapes.Post:
    """Takes everything of a post that is out back from its networks (craft 2), as fast as they allow. The
    answer's `retraction` tells how far it is, and what a person must delete by hand."""
    with unchanged(request, pk):
        retract(caller(request), pk)
    return answers.post(pk)


def _bulk(incident: Incident) -> shapes.BulkRetraction:
    bulk = BulkRetraction.objects.filter(incident=incident)
    row = bulk.select_related("proposed_by", "confirmed_by").first()
    out = in_scope(incident)
    found = (getattr(one, "retraction", None) for one in out)
    asked: list[Retraction] = [one for one in found if one is not None]
    return {
        "incident": incident.pk,
        "out": sum(1 for one in out if one.lifecycle in answers.OUT),
        "proposed_by": person(row.proposed_by) if row else None,
        "proposed_at": instant(row.proposed_at) if row else None,
        "confirmed_by": person(row.confirmed_by) if row and row.confirmed_by else None,
        "confirmed_at": instant_or_none(row.confirmed_at) if row else None,
        "progress": answers.retracting(progress(asked)),
    }


@router.get("/incidents/{int:pk}/retract", response=shapes.BulkRetraction, auth=Read())
def read_bulk(request: HttpRequest, pk: int) -> shapes.BulkRetraction:
    """How far taking back everything of an incident's scope is."""
    return _bulk(incident_here(request, pk))


@router.post("/incidents/{int:pk}/retract", response=shapes.BulkRetraction, auth=Decide())
def retract_scope(request: HttpRequest, pk: int) -> shapes.BulkRetraction:
    """Proposes to take back everything that is out in an incident's scope; the call of a second person
    confirms it, one of the two with crisis 2. Nothing is deleted before."""
    incident = incident_here(request, pk)
    propose_bulk(caller(request), pk)
    return _bulk(incident)
