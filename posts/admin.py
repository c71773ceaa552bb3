"""What a brand sells, writes, repeats and shows, in the admin panel: to read. The posts themselves, whose
story takes every app, are in `cm_queue/admin/`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown, actor_of
from accounts.labels import WordedChoices, WordedDates, WordedYesNo
from posts import recurring
from posts.models import (
    Comment,
    Contribution,
    FacetMark,
    Fit,
    LexiconRule,
    Lineage,
    Media,
    Product,
    Recurrence,
    Revision,
)


def link_to_post(post_id: int) -> SafeString:
    return format_html('<a href="{}">#{}</a>', reverse("admin:posts_post_change", args=[post_id]), post_id)


class PostBrandFilter(BrandFilter):
    path = "post__brand"


class OfPost(Shown):
    """Rows that belong to a post, with a link to its story."""

    brand_path = "post__brand"
    search_help_text = gettext_lazy("A post's number, words, or a name or address")

    @admin.display(description=gettext_lazy("post"), ordering="post")
    def in_post(self, row: Any) -> SafeString:
        return link_to_post(row.post_id)


@admin.register(Product)
class ProductAdmin(Shown):
    list_display = fields = ("name", "key", "brand")
    list_select_related = ("brand",)
    list_filter = (BrandFilter,)
    search_fields = ("name", "key")
    ordering = ("brand__name", "name")


@admin.register(Media)
class MediaAdmin(Shown):
    list_display = ("name", "brand", "mime", "width", "height", "size", "uploaded_by", "created_at")
    fields = (*list_display, "sha256", "original_sha256")
    list_select_related = ("brand", "uploaded_by")
    list_filter = (BrandFilter, ("created_at", WordedDates))
    search_fields = ("name", "sha256__exact", "original_sha256__exact", "uploaded_by__name")
    search_help_text = gettext_lazy("A file's name, its whole hash, or who uploaded it")
    ordering = ("-pk",)
    leads = (("posts.Fit", "source"),)


class SourceBrandFilter(BrandFilter):
    path = "source__brand"


@admin.register(Fit)
class FitAdmin(Shown):
    """What a picture became so that a network takes it; empty where it cannot be brought within its rules."""

    brand_path = "source__brand"
    list_display = ("made_at", "source", "fitted", "flattened")
    fields = (*list_display, "rules")
    list_select_related = ("source", "fitted")
    list_filter = (SourceBrandFilter,)
    search_fields = ("source__name", "source__sha256__exact", "rules__exact")
    ordering = ("-pk",)


@admin.register(Lineage)
class LineageAdmin(Shown):
    list_display = fields = ("__str__", "brand", "created_at")
    list_select_related = ("brand",)
    list_filter = (BrandFilter,)
    search_fields = ("id__exact", "posts__id__exact")
    search_help_text = gettext_lazy("The number of a lineage, or of one of its posts")
    ordering = ("-pk",)
    leads = (("posts.Post", "lineage"), ("posts.Contribution", "lineage"))


@admin.register(Revision)
class RevisionAdmin(OfPost):
    list_display = ("number", "in_post", "excerpt", "created_by", "created_at", "light", "sealed_at")
    fields = (
        "in_post", "number", "created_by", "created_at", "light", "sealed_at", "digest", "content", "payloads",
    )  # fmt: skip
    list_select_related = ("created_by",)
    list_filter = (PostBrandFilter, ("light", WordedYesNo))
    search_fields = ("post__id__exact", "content__text", "created_by__name", "digest__exact")
    ordering = ("-pk",)
    leads = (("approvals.Decision", "revision"),)

    @admin.display(description=gettext_lazy("text"))
    def excerpt(self, revision: Revision) -> str:
        return Truncator(revision.content.get("text", "")).chars(80) or "–"


@admin.register(Recurrence)
class RecurrenceAdmin(Shown):
    list_display = ("rule", "brand", "source", "made_by", "starts", "last_slot", "ended_at")
    fields = (*list_display, "days_ahead")
    list_select_related = ("brand", "source", "made_by")
    list_filter = (BrandFilter,)
    search_fields = ("source__id__exact", "rule", "made_by__name")
    ordering = ("-pk",)
    actions = ("end",)
    leads = (("posts.Post", "recurrence"),)

    @admin.action(description=gettext_lazy("End: no more drafts are made"), permissions=["act"])
    def end(self, request: HttpRequest, rows: QuerySet[Recurrence]) -> None:
        actor = actor_of(request)
        self.act(request, rows, lambda one: recurring.end(actor, one), _("%(name)s: ended."))


@admin.register(Contribution)
class ContributionAdmin(OfPost):
    """Who wrote in what: their approvals do not count there, ever."""

    list_display = fields = ("user", "in_post", "lineage", "light", "first_at")
    list_select_related = ("user", "lineage")
    list_filter = (PostBrandFilter, ("light", WordedYesNo))
    search_fields = ("post__id__exact", "user__name", "user__email")
    ordering = ("-pk",)


@admin.register(Comment)
class CommentAdmin(OfPost):
    list_display = ("created_at", "author", "in_post", "text", "quote", "suggestion", "resolved_at")
    fields = (*list_display, "revision", "place", "parent", "settled_by", "accepted_in")
    list_select_related = ("author",)
    list_filter = (PostBrandFilter, ("created_at", WordedDates))
    search_fields = ("post__id__exact", "text", "quote", "suggestion", "author__name", "author__email")
    ordering = ("-pk",)
    leads = (("posts.Comment", "parent"),)


class EndingFilter(admin.SimpleListFilter):
    """Rules in force, those whose end somebody asked for, and those that have ended."""

    title = gettext_lazy("state")
    parameter_name = "is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("asked", gettext_lazy("its end is asked for")),
            ("in_force", gettext_lazy("in force")),
            ("ended", gettext_lazy("ended")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "asked":
                return queryset.filter(ended_at__isnull=True, ending_asked_at__isnull=False)
            case "in_force":
                return queryset.filter(ended_at__isnull=True)
            case "ended":
                return queryset.filter(ended_at__isnull=False)
            case _:
                return queryset


@admin.register(LexiconRule)
class LexiconRuleAdmin(Shown):
    list_display = (
        "text",
        "written_as",
        "facet",
        "brand",
        "added_by",
        "added_at",
        "ending_asked_by",
        "ended_at",
    )
    fields = (*list_display, "ending_asked_at", "ending_reason", "ended_by")
    list_select_related = ("brand", "added_by", "ending_asked_by")
    list_filter = (BrandFilter, EndingFilter, ("form", WordedChoices))
    search_fields = ("text", "facet")
    ordering = ("brand__name", "facet", "text")

    # Not by the column's own name: of a page in the panel, `form` is what it is filled in with.
    @admin.display(description=gettext_lazy("form"), ordering="form")
    def written_as(self, rule: LexiconRule) -> str:
        return rule.get_form_display()


@admin.register(FacetMark)
class FacetMarkAdmin(OfPost):
    list_display = ("at", "in_post", "facet", "by", "words", "lowered_by", "lowered_at", "reason")
    fields = list_display
    list_select_related = ("by", "lowered_by")
    list_filter = (PostBrandFilter,)
    search_fields = ("post__id__exact", "facet", "by__name", "reason")
    ordering = ("-pk",)
