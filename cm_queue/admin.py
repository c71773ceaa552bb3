"""Posts and deliveries in the admin panel: found, read whole, held. Stands above all apps because a
post's story takes them all."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, ReasonBar, Shown, actor_of, reason_given
from accounts.labels import WordedDates
from approvals import steering
from approvals.admin.standing import link_to_post
from approvals.reviewing import verdict_of
from approvals.wording import sentences
from cm_queue.desk.signs import DELIVERIES, POSTS, sign_of_state
from journal.models import Entry
from journal.wording import verb_name
from posts.lifecycle import OPEN_FOR_DECISIONS, PostState
from posts.models import Delivery, Post
from posts.policies import may_hold

MOST_ROWS = 200


class StateFilter(admin.SimpleListFilter):
    """By state, in words."""

    title = gettext_lazy("state")
    parameter_name = "is"
    signs: Any = POSTS

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(state.value, sign.word) for state, sign in self.signs.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class DeliveryStateFilter(StateFilter):
    signs = DELIVERIES


def story_of(post: Post) -> dict[str, Any]:
    """All that happened to a post, newest last but for the journal; a bounded number of queries."""
    entries = (
        Entry.objects.filter(post_id=post.pk).select_related("actor", "personal").order_by("-pk")[:MOST_ROWS]
    )
    deliveries = post.deliveries.select_related("channel").prefetch_related("tries").order_by("pk")
    return {
        "post": post,
        "stands": _stands(post),
        "revisions": post.revisions.select_related("created_by").order_by("number")[:MOST_ROWS],
        "decisions": post.decisions.select_related("user", "revision").order_by("pk")[:MOST_ROWS],
        "deliveries": [(one, sign_of_state(one.state).word) for one in deliveries],
        "gate_decisions": post.gate_decisions.select_related("policy__brand").order_by("-pk")[:20],
        "entries": [(entry, verb_name(entry.verb)) for entry in entries],
    }


def _stands(post: Post) -> list[str]:
    """What the gate says now, in sentences; empty for a post that the gate has nothing to say on."""
    if post.lifecycle not in OPEN_FOR_DECISIONS | {PostState.DRAFT}:
        return []
    _loaded, verdict = verdict_of(post)
    return [one for one in sentences(verdict, post) if one] or [_("The gate is open.")]


@admin.register(Post)
class PostAdmin(Shown):
    list_display = ("__str__", "excerpt", "brand", "author", "kind", "is_in_state", "slot", "on_approval")
    list_display_links = ("__str__", "excerpt")
    fields = (
        "brand", "author", "kind", "products", "topics", "is_in_state", "slot", "on_approval",
        "window_from", "window_until", "late_minutes", "submitted_at", "held_by", "released_by",
        "released_at", "version",
    )  # fmt: skip
    list_select_related = ("brand", "author", "revision")
    list_filter = (BrandFilter, StateFilter, "kind", "slot")
    search_fields = ("id__exact", "revision__content__text", "author__name", "author__email")
    search_help_text = gettext_lazy("A number, words of the text, or the author's name or address")
    ordering = ("-pk",)
    action_form = ReasonBar
    actions = ("hold",)

    @admin.display(description=gettext_lazy("text"))
    def excerpt(self, post: Post) -> str:
        text = post.revision.content.get("text", "") if post.revision else ""
        return Truncator(text).chars(80) or "–"

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def is_in_state(self, post: Post) -> str:
        return str(sign_of_state(post.state).word)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        post = self.get_object(request, object_id) if self.has_view_permission(request) else None
        extra = {**(extra_context or {})}
        if post is not None:
            extra |= {"story": story_of(post), "may_hold": may_hold(post)}
        return super().change_view(request, object_id, form_url, extra)

    @admin.action(description=gettext_lazy("Hold: nothing of it goes out"), permissions=["act"])
    def hold(self, request: HttpRequest, rows: QuerySet[Post]) -> None:
        actor, why = actor_of(request), reason_given(request)
        done = _("%(name)s is on hold. Nothing was lost; a qualified member can resume it.")
        self.act(request, rows, lambda post: steering.hold(actor, post.pk, why), done)


@admin.register(Delivery)
class DeliveryAdmin(Shown):
    list_display = (
        "__str__",
        "in_post",
        "channel",
        "is_in_state",
        "due_at",
        "delivered_at",
        "late",
        "attempts",
    )
    fields = (
        "in_post", "brand", "channel", "is_in_state", "due_at", "next_at", "expires_at", "delivered_at",
        "late", "url", "remote_id", "problem", "attempts", "token", "claimed_by", "lease_until", "key",
        "payload", "payload_sha256", "sealed_digest", "approved_digest",
    )  # fmt: skip
    list_select_related = ("channel",)
    list_filter = (BrandFilter, DeliveryStateFilter, ("due_at", WordedDates))
    search_fields = ("post__id__exact", "remote_id", "url")
    search_help_text = gettext_lazy(
        "A post's number, or the network's own number or address of what went out"
    )
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("post"), ordering="post")
    def in_post(self, delivery: Delivery) -> SafeString:
        return link_to_post(delivery.post_id)

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def is_in_state(self, delivery: Delivery) -> str:
        return str(sign_of_state(delivery.state).word)

    @admin.display(description=gettext_lazy("late by"))
    def late(self, delivery: Delivery) -> str:
        late = delivery.lateness()
        return _("%(n).1f s") % {"n": late.total_seconds()} if late is not None else "–"
