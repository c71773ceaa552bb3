"""Answers a suggestion from the page: its passage gets the other words, or keeps its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from accounts.models import User
from approvals import suggesting
from cm_queue.desk.arriving import at_post
from cm_queue.desk.guarding import MemberRequest, for_members
from posts.drafting import current
from posts.models import Comment, Post
from posts.policies import may_edit
from posts.retouching import texts_in


def talk_of(post: Post, reader: User) -> dict[str, Any]:
    """The comments and suggestions of a post, oldest first; `quotes` the passages they are about, by id, `gone` those
    whose passage is no longer there; `light` the suggestions whose maker could still approve, `answers` whether the
    reader may take words in."""
    rows = Comment.objects.filter(post=post).select_related("author", "revision", "settled_by", "accepted_in")
    comments = list(rows.order_by("pk"))
    texts = [text for _place, text in texts_in(current(post).content)]
    quoted = [row for row in comments if row.quote]
    open_ones = [row for row in comments if row.suggestion is not None and row.resolved_at is None]
    return {
        "comments": comments,
        "quotes": {row.quote: row.pk for row in quoted},
        "gone": {row.pk for row in quoted if not any(row.quote in text for text in texts)},
        "suggestions": open_ones,
        "light": suggesting.light_among(post, open_ones),
        "answers": bool(open_ones) and may_edit(post) and suggesting.writes(reader, post),
    }


@require_POST
@for_members
def accept_suggestion(request: MemberRequest, pk: int) -> HttpResponse:
    return _answer(request, pk, suggesting.accept, _("Accepted: the words are in the post."))


@require_POST
@for_members
def decline_suggestion(request: MemberRequest, pk: int) -> HttpResponse:
    return _answer(request, pk, suggesting.decline, _("The words stay as they are."))


def _answer(request: MemberRequest, pk: int, verb: Callable[[User, int], Any], done: str) -> HttpResponse:
    post = at_post(request, suggesting.find_suggestion(request.user, pk).post_id)
    verb(request.user, pk)
    messages.success(request, done)
    places = {"review": reverse("review", args=[post.pk]), "edit_post": reverse("edit_post", args=[post.pk])}
    place = places.get(request.POST.get("place", ""), reverse("post", args=[post.pk]))
    return redirect(f"{place}#comments")
