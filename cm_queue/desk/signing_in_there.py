"""Sending an owner to a network's sign-in, and meeting them when they come back."""

from __future__ import annotations

import secrets
from functools import partial
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpResponseBase
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from accounts.refusals import Invalid, Refused
from cm_queue.desk.channels import channel_here
from cm_queue.desk.connect_forms import ChooseForm, ConnectForm, ReconnectForm, SignInForm, offered, refuse
from cm_queue.desk.connecting import add_page, connected, demand_owner_here, reconnect_page
from cm_queue.desk.guarding import MemberRequest, for_members
from cm_queue.desk.proving import prove_where_asked
from publishing.models import SignIn
from publishing.signing_in import (
    Errand,
    arrive,
    begin_sign_in,
    choose_account,
    may_sign_in,
    offers,
    take_up,
    waiting,
)

_BROWSER = "signs_in_there"
# What a network sends along, and nothing else of it is looked at.
_SAID = ("code", "error", "iss")


@require_POST
@never_cache
@for_members
def sign_in(request: MemberRequest, network: str) -> HttpResponseBase:
    """For a channel to add. Nothing secret is typed here, so what was posted may wait for a proof of presence."""
    demand_owner_here(request)
    adapter = next((one for one in offered() if one.network == network), None)
    if adapter is None or not may_sign_in(network):
        raise Http404
    prove_where_asked(request)
    form = SignInForm(request.POST, network=network)
    if form.is_valid():
        errand = Errand(request.brand, network, form.cleaned_data["name"], form.server())
        try:
            return _send(request, errand)
        except Invalid as refusal:
            refuse(form, refusal)
    return add_page(request, network, ConnectForm(adapter=adapter), form)


@require_POST
@never_cache
@for_members
def sign_in_again(request: MemberRequest, pk: int) -> HttpResponseBase:
    """For a channel that there is: at the server that it has."""
    channel = channel_here(request, pk)
    demand_owner_here(request)
    if not may_sign_in(channel.network):
        raise Http404
    prove_where_asked(request)
    server = str(channel.settings.get("base_url") or "")
    errand = Errand(request.brand, channel.network, server=server, channel=channel)
    try:
        return _send(request, errand)
    except Invalid as refusal:
        return reconnect_page(request, channel, ReconnectForm(channel=channel), refusal.sentence)


def _send(request: MemberRequest, errand: Errand) -> HttpResponseBase:
    """A page with a link, not a redirect: a form that leads elsewhere is what our Content-Security-Policy
    forbids, and people should see where they go and as whom to sign in there."""
    here = urlsplit(settings.BASE_URL).netloc
    if request.get_host() != here:
        sentence = _("Open CM Queue at %(address)s and sign in from there: networks send people back to it.")
        raise Invalid("another_address", sentence % {"address": settings.BASE_URL})

    begun, way = begin_sign_in(
        request.user, errand, _browser(request), partial(_come_back_to, errand.network)
    )
    context = {
        "url": way.url,
        "host": urlsplit(way.url).netloc,
        "network": begun.network,
        "channel": errand.channel,
        "name": errand.name,
        "back": _back(begun),
    }
    return render(request, "desk/channels/leaving.html", context)


@require_GET
@never_cache
@for_members
def come_back(request: MemberRequest, network: str, server: str = "") -> HttpResponseBase:
    """Where the network sends them. What it says is believed of a sign-in that this very person began in this very
    session; of any other nothing is done."""
    demand_owner_here(request)
    state, redirect_uri = request.GET.get("state", ""), _come_back_to(network, server)
    begun = take_up(request.user, request.brand, _browser(request), redirect_uri, state)
    try:
        channel = arrive(request.user, begun, {name: request.GET.get(name, "") for name in _SAID})
    except Refused as refusal:
        begun.delete()
        (messages.info if refusal.code == "declined" else messages.error)(request, refusal.sentence)
        return redirect(_back(begun))
    if channel is None:
        return redirect("channel_choose", begun.pk)
    return connected(request, channel)


@require_http_methods(["GET", "POST"])
@never_cache
@for_members
def choose(request: MemberRequest, pk: int) -> HttpResponseBase:
    """Which of the pages that the sign-in opened."""
    demand_owner_here(request)
    begun = waiting(request.user, request.brand, _browser(request), pk)
    found = offers(begun)
    form = ChooseForm(request.POST if request.method == "POST" else None, offers=found)
    if form.is_valid():
        try:
            return connected(request, choose_account(request.user, begun, form.cleaned_data["account"]))
        except Invalid as refusal:
            refuse(form, refusal)
    context = {
        "form": form,
        "sign_in": begun,
        "taken": [one for one in found if one.taken],
        "free": any(not one.taken for one in found),
        "back": _back(begun),
    }
    return render(request, "desk/channels/choose_account.html", context, status=422 if form.is_bound else 200)


def _browser(request: MemberRequest) -> str:
    """A secret of this session, which ends with it."""
    if _BROWSER not in request.session:
        request.session[_BROWSER] = secrets.token_urlsafe(32)
    return str(request.session[_BROWSER])


def _back(begun: SignIn) -> str:
    """The page it was begun on, with what was typed."""
    if begun.channel_id is not None:
        return reverse("channel_reconnect", args=[begun.channel_id])
    typed = {"name": begun.name, "base_url": begun.server}
    page = reverse("add_channel", args=[begun.network])
    return f"{page}?{urlencode({name: value for name, value in typed.items() if value})}"


def _come_back_to(network: str, server: str) -> str:
    """The one address that a network, or one of its servers, sends people back to. Each server has its own: a code
    of one is never shown to another."""
    path = [network, server] if server else [network]
    return settings.BASE_URL + reverse("channel_return", args=path)
