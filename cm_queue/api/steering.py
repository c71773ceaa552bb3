"""Routes that steer a post under way: withdraw, hold, resume, reschedule, release."""

from __future__ import annotations

from django.http import HttpRequest
from ninja import Router

from approvals import steering
from approvals.overriding import override
from cm_queue.api import answers, shapes
from cm_queue.api.bodies import OverrideIn, ReasonIn, SlotIn
from cm_queue.api.calling import Decide, Draft, caller, revision_seen
from cm_queue.api.drafting import post_here, unchanged

router = Router(tags=["posts"])


@router.post("/posts/{int:pk}/withdraw", response=shapes.Post, auth=Draft())
def withdraw_post(request: HttpRequest, pk: int) -> shapes.Post:
    """The author, or an owner, takes back for good what is not out. A clone can take it up again."""
    with unchanged(request, pk):
        steering.withdraw(caller(request), pk)
    return answers.post(pk)


@router.post("/posts/{int:pk}/hold", response=shapes.Post, auth=Draft())
def hold_post(request: HttpRequest, pk: int, body: ReasonIn | None = None) -> shapes.Post:
    """Any member stops a post before its next send."""
    with unchanged(request, pk):
        steering.hold(caller(request), pk, body.reason if body else "")
    return answers.post(pk)


@router.post("/posts/{int:pk}/resume", response=shapes.Post, auth=Decide())
def resume_post(request: HttpRequest, pk: int) -> shapes.Post:
    """Somebody qualified lifts a hold; the gate then says where the post stands."""
    with unchanged(request, pk):
        steering.resume(caller(request), pk)
    return answers.post(pk)


@router.post("/posts/{int:pk}/reschedule", response=shapes.Post, auth=Draft())
def reschedule_post(request: HttpRequest, pk: int, body: SlotIn) -> shapes.Post:
    """Moves the slot. Inside the window approvals stand; outside it the post is read again."""
    post_here(request, pk)
    window = body.window.model_dump(by_alias=True) if body.window else None
    steering.reschedule(caller(request), pk, body.slot, window, seen=revision_seen(request))
    return answers.post(pk)


@router.post("/posts/{int:pk}/release", response=shapes.Post, auth=Decide())
def release_post(request: HttpRequest, pk: int) -> shapes.Post:
    """Somebody qualified lets an approved post out now, inside its window; a crisis statement needs it."""
    with unchanged(request, pk):
        steering.release(caller(request), pk)
    return answers.post(pk)


@router.post("/posts/{int:pk}/override", response=shapes.Post, auth=Decide())
def override_veto(request: HttpRequest, pk: int, body: OverrideIn) -> shapes.Post:
    """Lifts somebody's rejection, in every domain in which the caller knows at least as much as whoever
    cast it, and wrote nothing of the post. 403 `not_qualified` tells what is `left`."""
    with unchanged(request, pk):
        override(caller(request), pk, body.decision, body.reason)
    return answers.post(pk)
