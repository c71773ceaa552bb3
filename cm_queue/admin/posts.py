"""Posts in the admin panel: found, read whole, held, decided on as oneself."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, ReasonBar, Shown, actor_of, reason_given
from approvals import steering
from cm_queue.admin.deciding import Deciding
from cm_queue.admin.story import story_of
from cm_queue.desk.signs import POSTS, sign_of_state
from posts.lifecycle import OPEN_FOR_DECISIONS, PostState
from posts.models import Post
from posts.policies import may_hold
from publishing.needing import STOP_IS_OVER


class StateFilter(admin.SimpleListFilter):
    """By state, in words."""

    title = gettext_lazy("state")
    parameter_name = "is"
    signs: Any = POSTS

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [(state.value, sign.word) for state, sign in self.signs.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(state=self.value()) if self.value() else queryset


class HeldFilter(admin.SimpleListFilter):
    """What is held: by a person, or still, although the incident or the pause that stopped it is over."""

    title = gettext_lazy("held")
    parameter_name = "held"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("after", gettext_lazy("since an incident or a pause that is over")),
            ("person", gettext_lazy("by a person")),
            ("other", gettext_lazy("for another reason")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = self.value()
        if wanted not in {"after", "person", "other"}:
            return queryset
        held = queryset.filter(state=PostState.HELD.value)
        if wanted == "after":
            return held.filter(STOP_IS_OVER)
        if wanted == "person":
            return held.filter(~STOP_IS_OVER, held_by__isnull=False)
        return held.filter(~STOP_IS_OVER, held_by__isnull=True)


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
    list_filter = (BrandFilter, StateFilter, HeldFilter, "kind", "slot")
    search_fields = ("id__exact", "revision__content__text", "author__name", "author__email")
    search_help_text = gettext_lazy("A number, words of the text, or the author's name or address")
    ordering = ("-pk",)
    action_form = ReasonBar
    actions = ("hold", "decide")
    leads = (
        ("posts.Delivery", "post"),
        ("posts.Revision", "post"),
        ("approvals.Decision", "post"),
        ("approvals.GateDecision", "post"),
        ("posts.Comment", "post"),
        ("posts.Contribution", "post"),
        ("approvals.Request", "post"),
        ("approvals.Stopped", "post"),
        ("journal.Entry", "post_id"),
    )

    @admin.display(description=gettext_lazy("text"))
    def excerpt(self, post: Post) -> str:
        text = post.revision.content.get("text", "") if post.revision else ""
        return Truncator(text).chars(80) or "–"

    @admin.display(description=gettext_lazy("state"), ordering="state")
    def is_in_state(self, post: Post) -> str:
        return str(sign_of_state(post.state).word)

    def offers(self, request: HttpRequest, row: Post) -> list[tuple[str, str]]:
        fits = {"hold": may_hold(row), "decide": row.lifecycle in OPEN_FOR_DECISIONS}
        return [(name, words) for name, words in super().offers(request, row) if fits.get(name, True)]

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        post = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        extra = {**(extra_context or {})}
        if post is not None:
            extra["story"] = story_of(post)
        return super().change_view(request, object_id, form_url, extra)

    def get_urls(self) -> list[Any]:
        deciding = self.admin_site.admin_view(self.decide_view)
        return [path("<path:object_id>/decide/", deciding, name="posts_post_decide"), *super().get_urls()]

    def decide_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """One person's word on the bytes on their screen; the verb says whether it counts."""
        post = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        if post is None:
            raise Http404(_("There is no such post."))
        return Deciding(self, request, post).answer()

    @admin.action(description=gettext_lazy("Decide, with a comment…"), permissions=["act"])
    def decide(self, request: HttpRequest, rows: QuerySet[Post]) -> HttpResponse | None:
        """One at a time: a decision is on exact bytes, and they must be read first."""
        chosen = list(rows[:2])
        if len(chosen) == 1:
            return HttpResponseRedirect(self.own("decide", chosen[0].pk))
        messages.error(request, _("Choose one: it must be read before it is decided on."))
        return None

    @admin.action(description=gettext_lazy("Hold: nothing of it goes out"), permissions=["act"])
    def hold(self, request: HttpRequest, rows: QuerySet[Post]) -> None:
        actor, why = actor_of(request), reason_given(request)
        done = _("%(name)s is on hold. Nothing was lost; a qualified member can resume it.")
        self.act(request, rows, lambda post: steering.hold(actor, post.pk, why), done)
