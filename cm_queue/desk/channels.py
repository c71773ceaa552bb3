"""The brand's accounts on the networks: how they are, and stopping and checking them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Count
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from accounts.clock import database_now
from accounts.refusals import Refused
from adapters.atom import Atom
from approvals.expertise import in_force
from approvals.models import Level
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.living import keep_live
from cm_queue.feeding import address_of
from posts.models import Channel
from posts.rendering import adapter_of, limits_of
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
    def feed(self) -> str:
        """Where its feed is, of a channel that is one."""
        there = self.channel.network == Atom.network and self.channel.is_active
        return address_of(self.channel) if there else ""

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
    keep_live(request)
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


def channel_here(request: MemberRequest, pk: int) -> Channel:
    channel = Channel.objects.select_related("brand").filter(pk=pk, brand=request.brand).first()
    if channel is None:
        raise Http404
    return channel


@require_POST
@for_members
def check_channel(request: MemberRequest, pk: int) -> HttpResponseBase:
    """Asks the network, and comes back with what it said."""
    channel = channel_here(request, pk)
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
    channel = channel_here(request, pk)
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
    channel = channel_here(request, pk)
    resume(request.user, channel)
    messages.success(request, _("%(name)s goes on. What is still in time goes out.") % {"name": channel.name})
    return redirect("channels")
