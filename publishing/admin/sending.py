"""What the release engine did, in the admin panel: attempts, permits, retractions, signs of life."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown
from accounts.labels import WordedChoices, WordedEmpty
from posts.admin import link_to_post
from publishing.models import Attempt, BulkRetraction, Permit, Pulse, Retraction
from publishing.needing import TO_DELETE


class DeliveryBrandFilter(BrandFilter):
    path = "delivery__brand"


class OfDelivery(Shown):
    """Rows that belong to a delivery, with a link to its post's story."""

    brand_path = "delivery__brand"
    search_help_text = gettext_lazy("A post's number, or words of what stands in the row")
    list_select_related: ClassVar[bool | list[str] | tuple[str, ...]] = ("delivery__channel",)
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("post"))
    def in_post(self, row: Attempt | Permit | Retraction) -> SafeString:
        return link_to_post(row.delivery.post_id)

    @admin.display(description=gettext_lazy("channel"))
    def on_channel(self, row: Attempt | Permit | Retraction) -> str:
        return row.delivery.channel.name


@admin.register(Attempt)
class AttemptAdmin(OfDelivery):
    list_display = ("started_at", "in_post", "on_channel", "outcome", "ended_at", "url", "answer")
    fields = (
        "in_post", "on_channel", "token", "key", "started_at", "ended_at", "outcome", "remote_id", "url",
        "answer", "worker", "permit",
    )  # fmt: skip
    list_filter = (DeliveryBrandFilter, ("outcome", WordedChoices))
    search_fields = ("delivery__post__id__exact", "remote_id", "url", "answer")


@admin.register(Permit)
class PermitAdmin(OfDelivery):
    list_display = ("minted_at", "in_post", "on_channel", "token", "expires_at", "spent_at")
    fields = (
        "in_post", "on_channel", "token", "digest", "payload_sha256", "gate_decision", "minted_at",
        "expires_at", "spent_at",
    )  # fmt: skip
    list_filter = (DeliveryBrandFilter, ("spent_at", WordedEmpty))
    search_fields = ("delivery__post__id__exact",)


class RetractionFilter(admin.SimpleListFilter):
    title = gettext_lazy("state")
    parameter_name = "is"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("by_hand", gettext_lazy("to be deleted by hand")),
            ("under_way", gettext_lazy("under way")),
            ("done", gettext_lazy("done")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        wanted = {
            "by_hand": TO_DELETE,
            "under_way": Q(done_at__isnull=True, next_at__isnull=False),
            "done": Q(done_at__isnull=False),
        }.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


@admin.register(Retraction)
class RetractionAdmin(OfDelivery):
    list_display = ("asked_at", "in_post", "on_channel", "asked_by", "tries", "next_at", "done_at", "problem")
    fields = (*list_display, "delivery", "incident")
    list_select_related = ("delivery__channel", "asked_by")
    list_filter = (DeliveryBrandFilter, RetractionFilter)
    search_fields = ("delivery__post__id__exact", "asked_by__name", "problem")


class IncidentBrandFilter(BrandFilter):
    path = "incident__brand"


@admin.register(BulkRetraction)
class BulkRetractionAdmin(Shown):
    brand_path = "incident__brand"
    list_display = ("proposed_at", "incident", "proposed_by", "confirmed_by", "confirmed_at")
    fields = list_display
    list_select_related = ("incident", "proposed_by", "confirmed_by")
    list_filter = (IncidentBrandFilter, ("confirmed_at", WordedEmpty))
    search_fields = ("incident__reason", "proposed_by__name", "confirmed_by__name")
    ordering = ("-pk",)


@admin.register(Pulse)
class PulseAdmin(Shown):
    """Workers and tickers, and when each last said that it lives: the installation's, not a brand's."""

    brand_path = ""
    list_display = fields = ("name", "kind", "at", "note")
    search_fields = ("name", "kind")
    ordering = ("-at", "pk")
