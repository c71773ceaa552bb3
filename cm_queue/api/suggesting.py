"""Routes that answer a suggestion. It is made as a comment, with `quote` and `suggestion`."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from approvals import suggesting
from cm_queue.api import answers, shapes
from cm_queue.api.calling import Draft, caller, revision_seen
from cm_queue.api.drafting import post_here

router = Router(tags=["review"])


def _demand_here(request: HttpRequest, pk: int) -> None:
    post_here(request, suggesting.find_suggestion(caller(request), pk).post_id)


@router.post("/suggestions/{int:pk}/accept", response=shapes.Post, auth=Draft())
def accept_suggestion(request: HttpRequest, pk: int) -> shapes.Post:
    """A writer of the post takes the suggested words: a new revision, in which their maker is a contributor,
    unless it is a light correction. Answers the post; 409 `passage_gone` when the passage has changed."""
    _demand_here(request, pk)
    return answers.post(suggesting.accept(caller(request), pk, seen=revision_seen(request)).pk)


@router.post("/suggestions/{int:pk}/decline", response=shapes.Comment, auth=Draft())
def decline_suggestion(request: HttpRequest, pk: int) -> shapes.Comment:
    """The words stay. A writer of the post says so, or whoever suggested others."""
    _demand_here(request, pk)
    row = suggesting.decline(caller(request), pk)
    return answers.comments(row.post, [row])[0]
