"""Channels, attempts and permits in the admin panel. A channel's secret is never shown, not even masked."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, ReasonBar, Shown, actor_of, reason_given
from accounts.labels import WordedChoices
from accounts.refusals import Refused
from approvals.admin.standing import link_to_post
from posts.models import Channel
from publishing.connecting import check_channel, pause_channel, resume_channel
from publishing.models import Attempt, ChannelHealth, Permit


def _health_of(channel: Channel) -> ChannelHealth | None:
    found: ChannelHealth | None = getattr(channel, "health", None)
    return found


@admin.register(Channel)
class ChannelAdmin(Shown):
    list_display = (
        "name", "brand", "network", "handle", "is_well", "problem", "checked_at", "expires_at",
        "failures", "wait_until", "paused_at",
    )  # fmt: skip
    fields = (
        "name", "key", "brand", "network", "handle", "account", "settings", "limits", "is_active",
        "paused_at", "pause_reason", "is_well", "problem", "checked_at", "expires_at", "failures",
        "wait_until", "created_at",
    )  # fmt: skip
    list_select_related = ("brand", "health")
    list_filter = (BrandFilter, "network", "is_active")
    search_fields = ("name", "key", "handle")
    ordering = ("brand__name", "name")
    action_form = ReasonBar
    actions = ("check_now", "pause", "resume")

    @admin.display(description=gettext_lazy("works"), boolean=True)
    def is_well(self, channel: Channel) -> bool | None:
        health = _health_of(channel)
        return health.ok if health and health.checked_at else None

    @admin.display(description=gettext_lazy("problem"))
    def problem(self, channel: Channel) -> str:
        health = _health_of(channel)
        return health.problem if health else ""

    @admin.display(description=gettext_lazy("checked"))
    def checked_at(self, channel: Channel) -> Any:
        health = _health_of(channel)
        return health.checked_at if health else None

    @admin.display(description=gettext_lazy("access ends"))
    def expires_at(self, channel: Channel) -> Any:
        health = _health_of(channel)
        return health.expires_at if health else None

    @admin.display(description=gettext_lazy("failures in a row"))
    def failures(self, channel: Channel) -> int:
        health = _health_of(channel)
        return health.failures if health else 0

    @admin.display(description=gettext_lazy("asked to wait until"))
    def wait_until(self, channel: Channel) -> Any:
        health = _health_of(channel)
        return health.wait_until if health else None

    @admin.action(description=gettext_lazy("Check now (never posts)"), permissions=["act"])
    def check_now(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        for channel in rows:
            try:
                health = check_channel(actor_of(request), channel)
            except Refused as refusal:
                messages.error(request, f"{channel}: {refusal.sentence}")
                continue
            if health.ok:
                messages.success(request, _("%(name)s answers.") % {"name": channel})
            else:
                problem = health.problem % dict(health.params) if health.problem else ""
                messages.warning(
                    request, _("%(name)s is in trouble: %(problem)s") % {"name": channel, "problem": problem}
                )

    @admin.action(description=gettext_lazy("Pause: nothing more is sent there"), permissions=["act"])
    def pause(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        actor, why = actor_of(request), reason_given(request)
        self.act(request, rows, lambda one: pause_channel(actor, one, why), _("%(name)s is paused."))

    @admin.action(description=gettext_lazy("Resume"), permissions=["act"])
    def resume(self, request: HttpRequest, rows: QuerySet[Channel]) -> None:
        actor = actor_of(request)
        self.act(request, rows, lambda one: resume_channel(actor, one), _("%(name)s goes on."))


class DeliveryBrandFilter(BrandFilter):
    path = "delivery__brand"


class OfDelivery(Shown):
    """Rows that belong to a delivery, with a link to its post's story."""

    brand_path = "delivery__brand"
    list_select_related = ("delivery__channel",)
    ordering = ("-pk",)

    @admin.display(description=gettext_lazy("post"))
    def in_post(self, row: Attempt | Permit) -> SafeString:
        return link_to_post(row.delivery.post_id)

    @admin.display(description=gettext_lazy("channel"))
    def on_channel(self, row: Attempt | Permit) -> str:
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
    list_filter = (DeliveryBrandFilter,)
    search_fields = ("delivery__post__id__exact",)
