"""The brand's accounts on the networks: how they are, and stopping, checking and adding them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.clock import database_now
from accounts.refusals import Invalid, Refused
from adapters.base import Adapter
from adapters.registry import ADAPTERS
from approvals.expertise import in_force
from approvals.models import Level
from cm_queue.desk.guarding import MemberRequest, for_members
from posts.models import Channel
from posts.rendering import adapter_of, limits_of
from publishing.connecting import add_channel as connect
from publishing.connecting import check_channel as check
from publishing.connecting import pause_channel as pause
from publishing.connecting import resume_channel as resume
from publishing.models import Attempt, ChannelHealth

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Row:
    """One channel. `sent` were tried in the last minute, of `budget` that the network takes."""

    channel: Channel
    health: ChannelHealth | None
    sent: int
    budget: int
    limits: Mapping[str, Any]
    waits: bool
    may_resume: bool

    @property
    def problem(self) -> str:
        """What the last check or send said, in the reader's language where the sentence is ours."""
        return _(self.health.problem) if self.health and self.health.problem else ""

    @property
    def state(self) -> str:
        """`off`, `paused`, `trouble`, `unchecked` or `well`: the worst first."""
        if not self.channel.is_active:
            return "off"
        if self.channel.paused_at:
            return "paused"
        if self.health is None or self.health.checked_at is None:
            return "unchecked"
        return "well" if self.health.ok else "trouble"


@require_safe
@for_members
def channels(request: MemberRequest) -> HttpResponseBase:
    rows = gather(request, database_now())
    context = {
        "rows": rows,
        "trouble": sum(row.state in {"trouble", "paused"} for row in rows),
        "well": all(row.state == "well" for row in rows),
        "is_owner": request.membership.is_owner,
    }
    return render(request, "desk/channels.html", context)


def gather(request: MemberRequest, now: datetime) -> list[Row]:
    """Every channel of the brand, in three queries."""
    found = list(request.brand.channels.select_related("health").order_by("-is_active", "created_at", "pk"))
    tried = dict(
        Attempt.objects.filter(delivery__channel__in=found, started_at__gt=now - MINUTE)
        .values_list("delivery__channel")
        .annotate(Count("pk"))
    )
    person = request.user.person_id
    entrusted = {
        row.domain
        for row in in_force(request.brand, now).filter(level__gte=Level.ENTRUSTED).select_related("user")
        if row.user.person_id == person
    }
    rows = []
    for channel in found:
        health = getattr(channel, "health", None)
        adapter = adapter_of(channel)
        rows.append(
            Row(
                channel, health, tried.get(channel.pk, 0), adapter.capabilities.posts_per_minute,
                limits_of(channel),
                bool(health and health.wait_until and health.wait_until > now),
                request.membership.is_owner or channel.domain in entrusted,
            )
        )  # fmt: skip
    return rows


def _channel(request: MemberRequest, pk: int) -> Channel:
    channel = Channel.objects.select_related("brand").filter(pk=pk, brand=request.brand).first()
    if channel is None:
        raise Http404
    return channel


@require_POST
@for_members
def check_channel(request: MemberRequest, pk: int) -> HttpResponseBase:
    """Asks the network, and comes back with what it said."""
    channel = _channel(request, pk)
    try:
        health = check(request.user, channel)
    except Refused as refusal:
        messages.error(request, refusal.sentence)
        return redirect("channels")
    if health.ok:
        messages.success(request, _("%(name)s answers: everything is well.") % {"name": channel.name})
    else:
        problem = _(health.problem) % dict(health.params) if health.problem else ""
        messages.error(
            request,
            _("%(name)s does not answer as it should: %(why)s") % {"name": channel.name, "why": problem},
        )
    return redirect("channels")


class PauseForm(forms.Form):
    """Why a channel is stopped, for the others to read."""

    reason = forms.CharField(label=gettext_lazy("Why"), max_length=300, required=False)


@require_POST
@for_members
def pause_channel(request: MemberRequest, pk: int) -> HttpResponseBase:
    channel = _channel(request, pk)
    form = PauseForm(request.POST)
    if not form.is_valid():
        messages.error(request, " ".join(map(str, form.errors["reason"])))
        return redirect("channels")
    try:
        pause(request.user, channel, form.cleaned_data["reason"])
    except Refused as refusal:
        messages.error(request, refusal.sentence)
    else:
        messages.success(
            request,
            _("%(name)s is paused: nothing more goes out there, nothing is lost.") % {"name": channel.name},
        )
    return redirect("channels")


@require_POST
@for_members
def resume_channel(request: MemberRequest, pk: int) -> HttpResponseBase:
    channel = _channel(request, pk)
    resume(request.user, channel)
    messages.success(request, _("%(name)s goes on. What is still in time goes out.") % {"name": channel.name})
    return redirect("channels")


# --- Adding one ---------------------------------------------------------------------------------
def offered() -> Sequence[type[Adapter]]:
    """The networks that can be connected here: the demonstration's only in the demonstration."""
    return [one for one in ADAPTERS.values() if settings.DEMO or one.network != "demo"]


class ConnectForm(forms.Form):
    """A name, what the adapter asks for, and its secret, which is shown to nobody ever again."""

    name = forms.CharField(label=gettext_lazy("Name of the channel"), max_length=120)

    def __init__(self, *args: Any, adapter: type[Adapter], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.adapter = adapter
        for one in adapter.settings:
            kind = {"inputmode": "url"} if one.kind == "url" else {}
            self.fields[f"set-{one.name}"] = forms.CharField(
                label=_(one.label),
                required=one.required,
                help_text=_(one.help) if one.help else "",
                max_length=500,
                widget=forms.TextInput(attrs=kind),
            )
        if adapter.secret_label:
            self.fields["secret"] = forms.CharField(
                label=_(adapter.secret_label),
                strip=True,
                max_length=4000,
                help_text=_("Kept encrypted. Nobody sees it again, you included."),
                widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
            )

    def given(self) -> dict[str, str]:
        return {one.name: self.cleaned_data[f"set-{one.name}"] for one in self.adapter.settings}

    def refuse(self, refusal: Invalid) -> None:
        """Puts each sentence at its field, or above them all."""
        for name, sentences in refusal.fields.items():
            field = next((one for one in (name, f"set-{name}") if one in self.fields), None)
            for sentence in sentences:
                self.add_error(field, sentence)
        if not refusal.fields:
            self.add_error(None, refusal.sentence)


@require_http_methods(["GET", "POST"])
@for_members
def add_channel(request: MemberRequest, network: str = "") -> HttpResponseBase:
    """First which network, then what it asks for. For owners."""
    if not request.membership.is_owner:
        raise PermissionDenied(_("Only an owner of %(brand)s can do this.") % {"brand": request.brand})
    adapter = next((one for one in offered() if one.network == network), None)
    if adapter is None:
        if network:
            raise Http404
        return render(request, "desk/channels/choose.html", {"offered": [one.network for one in offered()]})
    form = ConnectForm(request.POST or None, adapter=adapter)
    if form.is_valid():
        try:
            channel = connect(
                request.user, request.brand, form.cleaned_data["name"], network, form.given(),
                form.cleaned_data.get("secret", ""),
            )  # fmt: skip
        except Invalid as refusal:
            form.refuse(refusal)
        except Refused as refusal:
            # It is stored and waits: what the network said of its account does not fit.
            messages.error(request, refusal.sentence)
            return redirect("channels")
        else:
            return _added(request, channel)
    status = 422 if form.is_bound else 200
    return render(request, "desk/channels/add.html", {"form": form, "network": network}, status=status)


def _added(request: MemberRequest, channel: Channel) -> HttpResponseBase:
    health = ChannelHealth.objects.get(channel=channel)
    if health.ok:
        messages.success(request, _("%(name)s is connected.") % {"name": channel.name})
    else:
        messages.warning(
            request,
            _("%(name)s was added, but does not answer as it should: %(why)s")
            % {"name": channel.name, "why": _(health.problem) if health.problem else ""},
        )
    return redirect("channels")
