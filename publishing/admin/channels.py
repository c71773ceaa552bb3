"""Channels in the admin panel, with what they are reached by. A secret is never shown, not even masked: that
there is one, and since when, is all that can be read here."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, ReasonBar, Shown, actor_of, reason_given
from accounts.labels import WordedEmpty, WordedYesNo
from accounts.refusals import Refused
from posts.models import Channel
from publishing.connecting import check_channel, pause_channel, resume_channel
from publishing.models import ChannelHealth, ChannelSecret, NetworkApp, SignIn
from publishing.needing import BROKEN, PAUSED, ends_soon, in_trouble


def _health_of(channel: Channel) -> ChannelHealth | None:
    found: ChannelHealth | None = getattr(channel, "health", None)
    return found


class TroubleFilter(admin.SimpleListFilter):
    """Channels on which something stands in the way of the next post."""

    title = gettext_lazy("trouble")
    parameter_name = "trouble"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("any", gettext_lazy("any")),
            ("broken", gettext_lazy("does not answer")),
            ("paused", gettext_lazy("paused")),
            ("ends", gettext_lazy("access ends within a week")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        wanted = {
            "any": in_trouble(now),
            "broken": BROKEN,
            "paused": PAUSED,
            "ends": ends_soon(now),
        }.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


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
    list_filter = (BrandFilter, TroubleFilter, "network", "is_active")
    search_fields = ("name", "key", "handle", "account")
    ordering = ("brand__name", "name")
    action_form = ReasonBar
    actions = ("check_now", "pause", "resume")
    leads = (
        ("posts.Delivery", "channel"),
        ("publishing.ChannelHealth", "channel"),
        ("publishing.ChannelSecret", "channel"),
        ("publishing.SignIn", "channel"),
    )

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


class ChannelBrandFilter(BrandFilter):
    path = "channel__brand"


class OfChannel(Shown):
    brand_path = "channel__brand"
    list_select_related = ("channel",)
    search_fields = ("channel__name", "channel__key", "channel__handle")
    ordering = ("channel__name", "pk")


@admin.register(ChannelHealth)
class ChannelHealthAdmin(OfChannel):
    list_display = ("channel", "ok", "problem", "checked_at", "failures", "wait_until", "expires_at")
    fields = (*list_display, "warned_of")
    list_filter = (ChannelBrandFilter, ("ok", WordedYesNo))


@admin.register(ChannelSecret)
class ChannelSecretAdmin(OfChannel):
    """That a secret is kept, since when, until when. Never what it is, not even encrypted."""

    list_display = fields = ("channel", "changed_at", "expires_at", "renew_at", "renewing_until")
    list_filter = (ChannelBrandFilter, ("renew_at", WordedEmpty))


@admin.register(NetworkApp)
class NetworkAppAdmin(Shown):
    """What networks' servers know this installation by: shared by all brands, so for who runs the place."""

    brand_path = ""
    list_display = ("server", "network", "scopes", "registered_at")
    fields = (*list_display, "redirect_uri")
    search_fields = ("server", "network")
    ordering = ("network", "server")


@admin.register(SignIn)
class SignInAdmin(Shown):
    """Who is on the way to a network's sign-in. What would open it is not shown."""

    list_display = ("user", "brand", "network", "server", "channel", "expires_at", "came_back_at")
    fields = (*list_display, "name")
    list_select_related = ("user", "brand", "channel")
    list_filter = (BrandFilter,)
    search_fields = ("user__name", "user__email", "network", "server", "name")
    ordering = ("-pk",)
