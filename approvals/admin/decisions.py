"""What was decided, asked and answered on posts, in the admin panel: history, to read."""

from __future__ import annotations

from django.contrib import admin

from accounts.admin import BrandFilter, Shown
from accounts.labels import WordedChoices, WordedYesNo
from approvals.models import Decision, GateDecision, Override, Request
from posts.admin import OfPost, PostBrandFilter


class DecisionBrandFilter(BrandFilter):
    path = "decision__post__brand"


@admin.register(Decision)
class DecisionAdmin(OfPost):
    list_display = ("at", "user", "decision", "in_post", "binding", "motive", "comment")
    fields = (
        "in_post", "revision", "user", "at", "decision", "comment", "motive", "rests_on", "facets",
        "binding", "digest", "epoch",
    )  # fmt: skip
    list_select_related = ("user",)
    list_filter = (PostBrandFilter, ("decision", WordedChoices), ("motive", WordedChoices))
    search_fields = ("post__id__exact", "user__name", "user__email", "comment")
    search_help_text = OfPost.search_help_text
    ordering = ("-pk",)
    leads = (("approvals.Override", "decision"),)


@admin.register(Override)
class OverrideAdmin(Shown):
    brand_path = "decision__post__brand"
    list_display = ("at", "user", "decision", "domain", "reason")
    fields = list_display
    list_select_related = ("user", "decision__user")
    list_filter = (DecisionBrandFilter,)
    search_fields = ("decision__post__id__exact", "user__name", "user__email", "reason")
    search_help_text = OfPost.search_help_text
    ordering = ("-pk",)


@admin.register(Request)
class RequestAdmin(OfPost):
    list_display = ("asked_at", "user", "in_post", "reminded", "remind_at", "passed_on_at")
    fields = (*list_display, "digest")
    list_select_related = ("user",)
    list_filter = (PostBrandFilter,)
    search_fields = ("post__id__exact", "user__name", "user__email")
    search_help_text = OfPost.search_help_text
    ordering = ("-pk",)


@admin.register(GateDecision)
class GateDecisionAdmin(OfPost):
    list_display = ("at", "in_post", "allowed", "policy")
    fields = ("in_post", "at", "allowed", "policy", "reasons", "facts")
    list_select_related = ("policy__brand",)
    list_filter = (PostBrandFilter, ("allowed", WordedYesNo))
    search_fields = ("post__id__exact",)
    ordering = ("-pk",)
