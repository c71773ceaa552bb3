"""Deliveries in the admin panel: found, settled, tried again."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.admin import BrandFilter, Shown, actor_of
from accounts.labels import WordedDates
from accounts.refusals import Refused
from cm_queue.admin.posts import StateFilter
from cm_queue.desk.forms import SettleForm, refuse
from cm_queue.desk.signs import DELIVERIES, sign_of_state
from posts.admin import link_to_post
from posts.lifecycle import DeliveryState
from posts.models import Delivery
from publishing import reconciling, retrying
from publishing.needing import TO_SETTLE, overdue, to_try_again


class DeliveryStateFilter(StateFilter):
    signs = DELIVERIES


class NeedFilter(admin.SimpleListFilter):
    """What of it needs a person."""

    title = gettext_lazy("needs a person")
    parameter_name = "needs"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Any:
        return [
            ("word", gettext_lazy("to say whether it is out")),
            ("again", gettext_lazy("to have it tried again")),
            ("late", gettext_lazy("to look why it is not sent")),
        ]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        now = timezone.now()
        wanted = {"word": TO_SETTLE, "again": to_try_again(now), "late": overdue(now)}.get(self.value() or "")
        return queryset if wanted is None else queryset.filter(wanted)


class SettlingForm(SettleForm):
    went_out = forms.TypedChoiceField(
        label=gettext_lazy("What did you find?"),
        choices=[
            ("yes", gettext_lazy("It is out")),
            ("no", gettext_lazy("It is not out: it is due again, if the gate is still open")),
        ],
        coerce=lambda answer: answer == "yes",
        widget=forms.RadioSelect,
    )

    field_order = ("went_out", "url")


@admin.register(Delivery)
class DeliveryAdmin(Shown):
    list_display = (
        "__str__", "in_post", "channel", "is_in_state", "due_at", "delivered_at", "late", "attempts",
        "address",
    )  # fmt: skip
    fields = (
        "in_post", "brand", "channel", "is_in_state", "due_at", "next_at", "expires_at", "delivered_at",
        "late", "url", "remote_id", "problem", "attempts", "token", "claimed_by", "lease_until", "key",
        "payload", "payload_sha256", "sealed_digest", "approved_digest",
    )  # fmt: skip
    list_select_related = ("channel",)
    list_filter = (BrandFilter, NeedFilter, DeliveryStateFilter, ("due_at", WordedDates))
    search_fields = ("post__id__exact", "remote_id", "url")
    search_help_text = gettext_lazy(
        "A post's number, or the network's own number or address of what went out"
    )
    ordering = ("-pk",)
    actions = ("settle", "retry")
    leads = (
        ("publishing.Attempt", "delivery"),
        ("publishing.Permit", "delivery"),
        ("publishing.Retraction", "delivery"),
    )

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

    @admin.display(description=gettext_lazy("address"), ordering="url")
    def address(self, delivery: Delivery) -> SafeString | str:
        """Where it is in public, to be opened from the list; networks answer with an address of the web."""
        if not delivery.url.startswith(("https://", "http://")):
            return "–"
        return format_html('<a href="{0}" rel="noopener noreferrer">{1}</a>', delivery.url, _("see it"))

    def offers(self, request: HttpRequest, row: Delivery) -> list[tuple[str, str]]:
        fits = {"settle": DeliveryState.UNKNOWN, "retry": DeliveryState.FAILED}
        return [
            (name, words)
            for name, words in super().offers(request, row)
            if fits.get(name, row.lifecycle) == row.lifecycle
        ]

    def get_urls(self) -> list[Any]:
        settling = self.admin_site.admin_view(self.settle_view)
        return [path("<path:object_id>/settle/", settling, name="posts_delivery_settle"), *super().get_urls()]

    @admin.action(description=gettext_lazy("Try again: the gate is asked again"), permissions=["act"])
    def retry(self, request: HttpRequest, rows: QuerySet[Delivery]) -> None:
        actor = actor_of(request)
        done = _("%(name)s: due again, as soon as its channel works.")
        self.act(request, rows, lambda one: retrying.retry(actor, one.pk), done)

    @admin.action(description=gettext_lazy("Settle: it is out, or it is not…"), permissions=["act"])
    def settle(self, request: HttpRequest, rows: QuerySet[Delivery]) -> HttpResponse | None:
        """One at a time: each must be looked for on the network first."""
        chosen = list(rows[:2])
        if len(chosen) == 1:
            return HttpResponseRedirect(self.own("settle", chosen[0].pk))
        messages.error(request, _("Choose one: it must be looked for before it is settled."))
        return None

    def settle_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        delivery = self.get_object(request, unquote(object_id)) if self.has_view_permission(request) else None
        if delivery is None:
            raise Http404(_("There is no such delivery."))
        form = SettlingForm(request.POST if request.method == "POST" else None)
        if request.method == "POST" and form.is_valid():
            said = form.cleaned_data
            try:
                reconciling.settle(actor_of(request), delivery.pk, went_out=said["went_out"], url=said["url"])
            except Refused as refusal:
                refuse(form, refusal)
            else:
                messages.success(request, _("Thank you: that is settled."))
                return HttpResponseRedirect(self.own("change", delivery.pk))
        return self.ask(
            request,
            form,
            _("Did this go out?"),
            _("Settle"),
            about="admin/posts/delivery/about.html",
            delivery=delivery,
            state=sign_of_state(delivery.state).word,
            back=self.own("change", delivery.pk),
            advice=_("Look on the network first. Nothing is sent again before somebody has said so."),
        )
