"""Adding a channel, and reconnecting one: with a secret that was made at the network."""

from __future__ import annotations

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from accounts.refusals import Invalid, Refused
from cm_queue.desk.channels import channel_here
from cm_queue.desk.connect_forms import (
    ConnectForm,
    ReconnectForm,
    SignInForm,
    offered,
    refuse,
    why_no_sign_in,
)
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.people import may_found
from cm_queue.desk.proving import prove_where_asked
from posts.models import Channel
from publishing.connecting import add_channel as connect
from publishing.connecting import reconnect
from publishing.models import ChannelHealth
from publishing.signing_in import may_sign_in


def demand_owner_here(request: MemberRequest) -> None:
    if not request.membership.is_owner:
        raise PermissionDenied(_("Only an owner of %(brand)s can do this.") % {"brand": request.brand})


@require_http_methods(["GET", "POST"])
@never_cache
@for_members
def add_channel(request: MemberRequest, network: str = "") -> HttpResponseBase:
    """First which network, then what it asks for. For owners."""
    demand_owner_here(request)
    adapter = next((one for one in offered() if one.network == network), None)
    if adapter is None:
        if network:
            raise Http404
        choice = {"offered": [one.network for one in offered()], "may_found": may_found(request.brand)}
        return render(request, "desk/channels/choose.html", choice)
    again = _prove_unless_typed(request)
    if again is not None:
        return again
    form = ConnectForm(request.POST or None, adapter=adapter)
    if form.is_valid():
        try:
            channel = connect(
                request.user, request.brand, form.cleaned_data["name"], network, form.given(),
                form.cleaned_data.get("secret", ""),
            )  # fmt: skip
        except Invalid as refusal:
            refuse(form, refusal)
        except Refused as refusal:
            # It is stored and waits: what the network said of its account does not fit.
            messages.error(request, refusal.sentence)
            return redirect("channels")
        else:
            return connected(request, channel)
    begun = {name: request.GET[name] for name in ("name", "base_url") if name in request.GET}
    sign_in = SignInForm(network=network, initial=begun) if may_sign_in(network) else None
    return add_page(request, network, form, sign_in)


def add_page(
    request: MemberRequest, network: str, form: ConnectForm, sign_in: SignInForm | None
) -> HttpResponseBase:
    """Both ways to connect a network; what was typed in one comes back with what is wrong."""
    context = {"form": form, "network": network, "sign_in": sign_in, "why_not": why_no_sign_in(network)}
    refused = form.is_bound or bool(sign_in and sign_in.is_bound)
    return render(request, "desk/channels/add.html", context, status=422 if refused else 200)


@require_http_methods(["GET", "POST"])
@never_cache
@for_members
def reconnect_channel(request: MemberRequest, pk: int) -> HttpResponseBase:
    """Another secret, or the account's new address. Nothing that is scheduled is lost. For owners."""
    channel = channel_here(request, pk)
    demand_owner_here(request)
    again = _prove_unless_typed(request)
    if again is not None:
        return again
    form = ReconnectForm(request.POST or None, channel=channel)
    if form.is_valid():
        try:
            reconnect(request.user, channel, form.given(), form.cleaned_data.get("secret", ""))
        except Invalid as refusal:
            refuse(form, refusal)
        else:
            return connected(request, channel)
    return reconnect_page(request, channel, form)


def reconnect_page(
    request: MemberRequest, channel: Channel, form: ReconnectForm, why: str = ""
) -> HttpResponseBase:
    """Both ways to reconnect; `why` is what signing in met."""
    context = {
        "form": form,
        "channel": channel,
        "signs_in": may_sign_in(channel.network),
        "why_not": why_no_sign_in(channel.network),
        "why": why,
    }
    refused = form.is_bound or bool(why)
    return render(request, "desk/channels/reconnect.html", context, status=422 if refused else 200)


def _prove_unless_typed(request: MemberRequest) -> HttpResponseBase | None:
    """Where the brand's rules ask for it, whoever connects says again who they are, before they type: what is
    posted meanwhile would be kept in their session until they answered, and a secret must not be."""
    try:
        prove_where_asked(request)
    except ReauthenticationRequired:
        if request.method == "POST":
            return redirect(request.path)
        raise
    return None


def connected(request: MemberRequest, channel: Channel) -> HttpResponseBase:
    """Back at the channels, with what the check said."""
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
