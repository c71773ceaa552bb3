"""What the gate reads of a brand, in the admin panel: rules, incidents, pauses. To read: it is agreed elsewhere."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown
from accounts.labels import WordedChoices
from approvals.models import Acknowledgement, Epoch, Incident, Lifting, Pause, Policy, Stopped
from posts.admin import OfPost, PostBrandFilter


class PolicyBrandFilter(BrandFilter):
    path = "policy__brand"


class IncidentBrandFilter(BrandFilter):
    path = "incident__brand"


class OpenFilter(admin.SimpleListFilter):
    """What still holds, and what is over: by the column of its end."""

    title = gettext_lazy("state")
    parameter_name = "open"
    ended = "ended_at"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [("yes", gettext_lazy("open")), ("no", gettext_lazy("over"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {"yes": True, "no": False}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(**{f"{self.ended}__isnull": wanted})


class LiftedFilter(OpenFilter):
    ended = "lifted_at"


@admin.register(Policy)
class PolicyAdmin(Shown):
    list_display = ("brand", "number", "state", "proposed_by", "proposed_at", "confirmed_by", "confirmed_at")
    fields = (
        "brand", "number", "state", "rules", "reason", "proposed_by", "proposed_at", "confirmed_by",
        "confirmed_at", "dropped_by", "dropped_at",
    )  # fmt: skip
    list_select_related = ("brand", "proposed_by", "confirmed_by")
    list_filter = (BrandFilter, ("state", WordedChoices))
    search_fields = ("brand__name", "reason", "proposed_by__name")
    ordering = ("brand__name", "-number")
    leads = (("approvals.Acknowledgement", "policy"),)


@admin.register(Acknowledgement)
class AcknowledgementAdmin(Shown):
    brand_path = "policy__brand"
    list_display = fields = ("at", "policy", "kind", "lacking", "user")
    list_select_related = ("policy__brand", "user")
    list_filter = (PolicyBrandFilter,)
    search_fields = ("kind", "user__name", "user__email")
    ordering = ("-pk",)


@admin.register(Incident)
class IncidentAdmin(Shown):
    list_display = ("reason", "brand", "scope", "declared_by", "declared_at", "lifted_at")
    fields = list_display
    list_select_related = ("brand", "declared_by")
    list_filter = (BrandFilter, LiftedFilter)
    search_fields = ("reason", "declared_by__name", "declared_by__email")
    ordering = ("-pk",)
    leads = (
        ("approvals.Stopped", "incident"),
        ("approvals.Lifting", "incident"),
        ("publishing.Retraction", "incident"),
        ("publishing.BulkRetraction", "incident"),
    )


@admin.register(Lifting)
class LiftingAdmin(Shown):
    brand_path = "incident__brand"
    list_display = fields = ("at", "incident", "user", "reason")
    list_select_related = ("incident", "user")
    list_filter = (IncidentBrandFilter,)
    search_fields = ("reason", "user__name", "user__email")
    ordering = ("-pk",)


@admin.register(Epoch)
class EpochAdmin(Shown):
    list_display = fields = ("at", "brand", "number", "scope")
    list_select_related = ("brand",)
    list_filter = (BrandFilter,)
    search_fields = ("brand__name", "number__exact")
    ordering = ("-pk",)


@admin.register(Pause)
class PauseAdmin(Shown):
    list_display = ("__str__", "brand", "scope", "by", "at", "ended_at", "ended_by", "became")
    fields = ("reason", "brand", "scope", "by", "at", "ended_at", "ended_by", "became")
    list_select_related = ("brand", "by", "ended_by", "became")
    list_filter = (BrandFilter, OpenFilter)
    search_fields = ("reason", "by__name", "by__email")
    ordering = ("-pk",)
    leads = (("approvals.Stopped", "pause"),)


@admin.register(Stopped)
class StoppedAdmin(OfPost):
    """Which posts a pause or an incident stopped; where each stands now is in the post itself."""

    list_display = ("at", "in_post", "incident", "pause")
    fields = list_display
    list_select_related = ("incident", "pause")
    list_filter = (PostBrandFilter,)
    search_fields = ("post__id__exact", "incident__reason", "pause__reason")
    ordering = ("-pk",)
