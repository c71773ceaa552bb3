"""What the gate reads, in the admin panel: to read. It is earned, decided and agreed elsewhere."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown
from accounts.labels import WordedChoices, WordedYesNo
from approvals.models import Credential, Decision, GateDecision, Incident, Pause, Policy
from approvals.wording import domain_name


@admin.register(Credential)
class CredentialAdmin(Shown):
    list_display = ("user", "in_domain", "level", "state", "brand", "valid_from", "valid_until", "founding")
    fields = (
        "user", "brand", "domain", "level", "state", "valid_from", "valid_until", "confirmed_at",
        "ended_at", "end_cause", "first_grantor", "second_grantor", "evidence", "founding",
    )  # fmt: skip
    list_select_related = ("user", "brand")
    list_filter = (BrandFilter, "state", "level")
    search_fields = ("user__name", "user__email", "domain")
    ordering = ("user__name", "domain", "-pk")

    @admin.display(description=gettext_lazy("domain"), ordering="domain")
    def in_domain(self, credential: Credential) -> str:
        return domain_name(credential.domain, {})


@admin.register(Policy)
class PolicyAdmin(Shown):
    list_display = ("brand", "number", "state", "proposed_by", "confirmed_by", "confirmed_at")
    fields = (
        "brand", "number", "state", "rules", "reason", "proposed_by", "proposed_at", "confirmed_by",
        "confirmed_at",
    )  # fmt: skip
    list_select_related = ("brand", "proposed_by", "confirmed_by")
    list_filter = (BrandFilter, ("state", WordedChoices))
    ordering = ("brand__name", "-number")


class PostBrandFilter(BrandFilter):
    path = "post__brand"


def link_to_post(post_id: int) -> SafeString:
    return format_html('<a href="{}">#{}</a>', reverse("admin:posts_post_change", args=[post_id]), post_id)


class OfPost(Shown):
    """Rows that belong to a post, with a link to its story."""

    brand_path = "post__brand"

    @admin.display(description=gettext_lazy("post"), ordering="post")
    def in_post(self, row: Any) -> SafeString:
        return link_to_post(row.post_id)


@admin.register(Decision)
class DecisionAdmin(OfPost):
    list_display = ("at", "user", "decision", "in_post", "binding", "comment")
    fields = (
        "in_post", "revision", "user", "at", "decision", "comment", "motive", "rests_on", "facets",
        "binding", "digest", "epoch",
    )  # fmt: skip
    list_select_related = ("user",)
    list_filter = (PostBrandFilter, ("decision", WordedChoices))
    search_fields = ("user__name", "user__email", "comment")
    ordering = ("-pk",)


@admin.register(GateDecision)
class GateDecisionAdmin(OfPost):
    list_display = ("at", "in_post", "allowed", "policy")
    fields = ("in_post", "at", "allowed", "policy", "reasons", "facts")
    list_select_related = ("policy__brand",)
    list_filter = (PostBrandFilter, ("allowed", WordedYesNo))
    ordering = ("-pk",)


@admin.register(Incident)
class IncidentAdmin(Shown):
    list_display = fields = ("reason", "brand", "scope", "declared_by", "declared_at", "lifted_at")
    list_select_related = ("brand", "declared_by")
    list_filter = (BrandFilter,)
    ordering = ("-pk",)


@admin.register(Pause)
class PauseAdmin(Shown):
    list_display = fields = ("reason", "brand", "scope", "by", "at", "ended_at", "ended_by", "became")
    list_select_related = ("brand", "by", "ended_by", "became")
    list_filter = (BrandFilter,)
    ordering = ("-pk",)
