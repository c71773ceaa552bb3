"""Connects channels: adds one, checks it, pauses it and lets it go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache

import httpx
from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.policies import demand_may_stop, demand_member, demand_owner
from accounts.refusals import Forbidden, Invalid, Refused
from adapters.base import Adapter, AdapterError, Connection, Health
from adapters.registry import ADAPTERS, adapter_for
from adapters.transport import build_client
from approvals.expertise import level_of
from journal.recording import Actor, record
from posts.models import Channel
from posts.uploading import read_media
from publishing.keeping import SecretLost, keep_secret, reveal
from publishing.models import ChannelHealth, ChannelSecret

# A check is waited for, on a page or in a publish worker: shorter than a send.
CHECK_TIMEOUT_S = 10
RECHECK, RECHECK_TROUBLE = timedelta(hours=1), timedelta(seconds=15)


@cache
def client() -> httpx.Client:
    """One kept client for this process's checks. Sending threads have one each (`releasing.py`)."""
    return build_client(
        allow_private=settings.ALLOW_PRIVATE_HOSTS,
        user_agent=settings.USER_AGENT,
        timeout_s=CHECK_TIMEOUT_S,
    )


def connect(channel: Channel, through: httpx.Client, secret: str) -> Adapter:
    """The adapter for a channel, ready to use."""
    kind = adapter_for(channel.network)
    return kind(
        Connection(
            channel=channel.key,
            settings=channel.settings,
            limits={**kind.default_limits, **channel.limits},
            secret=secret,
            client=through,
            read_media=lambda sha256: read_media(channel.brand_id, sha256),
        )
    )


def secret_of(channel: Channel) -> str:
    """Raises SecretLost."""
    return reveal(ChannelSecret.objects.filter(channel=channel).first())


def read_settings(network: str, given: Mapping[str, str]) -> dict[str, str]:
    """The settings an adapter asks for. Raises Invalid naming the first that is missing or unknown."""
    if network not in ADAPTERS:
        sentence = _("There is no adapter “%(name)s”. There are: %(known)s.") % {
            "name": network,
            "known": ", ".join(sorted(ADAPTERS)),
        }
        raise Invalid("unknown_network", sentence, fields={"network": [sentence]})
    asked = {setting.name: setting for setting in ADAPTERS[network].settings}
    unknown = sorted(set(given) - set(asked))
    missing = sorted(name for name, one in asked.items() if one.required and not given.get(name, "").strip())
    if unknown or missing:
        name = (unknown or missing)[0]
        sentence = (_("Unknown setting: %(name)s.") if unknown else _("The setting %(name)s is missing.")) % {
            "name": name
        }
        raise Invalid("bad_settings", sentence, fields={name: [sentence]})
    return {name: value.strip() for name, value in given.items()}


def add_channel(
    actor: Actor, brand: Brand, name: str, network: str, given: Mapping[str, str], secret: str = ""
) -> Channel:
    """Adds a channel and checks it; what the check says of the account and its limits is stored. A channel
    whose check fails is stored too, shown as in trouble, so that nothing typed is lost. Raises Invalid."""
    channel = register_channel(actor, brand, name, network, given, secret)
    check_channel(actor, channel)
    return channel


def register_channel(
    actor: Actor, brand: Brand, name: str, network: str, given: Mapping[str, str], secret: str = ""
) -> Channel:
    """Stores a channel without asking its network anything; the next tick has it checked."""
    if isinstance(actor, User) and not actor.is_superuser:
        demand_owner(actor, brand)
    read = read_settings(network, given)
    key = slugify(name)[:60].strip("-_").replace("_", "-")
    if not key or len(name) > 120 or not name.isprintable():
        sentence = _("Give the channel a name, of at most 120 characters.")
        raise Invalid("bad_name", sentence, fields={"name": [sentence]})
    with transaction.atomic():
        if Channel.objects.filter(brand=brand, key=key).exists():
            sentence = _("This brand already has a channel “%(key)s”.") % {"key": key}
            raise Invalid("channel_exists", sentence, fields={"name": [sentence]})
        channel = Channel.objects.create(brand=brand, key=key, name=name, network=network, settings=read)
        if secret:
            keep_secret(channel, secret)
        ChannelHealth.objects.create(channel=channel)
        record("channel.add", actor, brand, f"channel:{channel.pk}", key=key, network=network)
    return channel


def check_channel(actor: Actor, channel: Channel) -> Health:
    """Asks the network who the channel is. Never posts. Stores health, account and limits; an account
    that belongs elsewhere, or is another than before, is trouble too."""
    health = _ask(channel)
    with transaction.atomic():
        if health.ok:
            health = _store_account(channel, health)
        ChannelHealth.objects.update_or_create(
            channel=channel,
            defaults={
                "ok": health.ok,
                "problem": health.problem % dict(health.params) if health.problem else "",
                "checked_at": database_now(),
                "expires_at": health.expires_at,
                "failures": 0 if health.ok else 1,
            },
        )
        record("channel.check", actor, channel.brand_id, f"channel:{channel.pk}", ok=health.ok)
    return health


def _ask(channel: Channel) -> Health:
    try:
        return connect(channel, client(), secret_of(channel)).check()
    except AdapterError as error:
        return Health(ok=False, problem=error.public or type(error).__name__)
    except SecretLost:
        return Health(
            ok=False, problem=gettext_noop("The channel's secret cannot be read any more: reconnect it.")
        )


def unchecked(now: datetime) -> list[Channel]:
    """Channels to check: never looked at, in trouble for a minute, or not heard of for an hour."""
    never = Q(health__isnull=True) | Q(health__checked_at__isnull=True)
    trouble = Q(health__ok=False, health__checked_at__lt=now - RECHECK_TROUBLE)
    old = Q(health__checked_at__lt=now - RECHECK)
    return list(Channel.objects.filter(never | trouble | old, is_active=True).select_related("brand")[:5])


def _store_account(channel: Channel, health: Health) -> Health:
    """Stores account, handle and limits; answers the health, with trouble if the account is not ours."""
    if channel.account and channel.account != health.account:
        return replace(
            health,
            ok=False,
            problem=gettext_noop(
                "This is another account (%(now)s) than the one that was connected (%(before)s)."
            ),
            params={"now": health.account, "before": channel.account},
        )
    fields = {"account": health.account, "handle": health.handle, "limits": dict(health.limits)}
    try:
        with transaction.atomic():
            Channel.objects.filter(pk=channel.pk).update(**fields)
    except IntegrityError:
        return replace(
            health,
            ok=False,
            problem=gettext_noop("The account %(name)s already belongs to a brand here."),
            params={"name": health.handle or health.account},
        )
    for name, value in fields.items():
        setattr(channel, name, value)
    return health


def pause_channel(actor: User, channel: Channel, reason: str = "") -> None:
    """Any member stops a channel (whoever runs the installation may too): nothing more is claimed for
    it, what is claimed goes back."""
    with transaction.atomic():
        demand_may_stop(actor, channel.brand)
        if not Channel.objects.filter(pk=channel.pk, paused_at__isnull=True).update(
            paused_at=database_now(), pause_reason=reason[:300]
        ):
            raise Refused("already_paused", _("This channel is already paused."))
        record("channel.pause", actor, channel.brand_id, f"channel:{channel.pk}", personal=reason)


def resume_channel(actor: User, channel: Channel) -> None:
    """Somebody qualified for the channel, or an owner, lets it go on."""
    with transaction.atomic():
        membership = demand_member(actor, channel.brand)
        if not membership.is_owner and level_of(actor, channel.brand, channel.domain) < 2:
            raise Forbidden(
                "not_qualified", _("Only an owner or somebody entrusted with this channel resumes it.")
            )
        if not Channel.objects.filter(pk=channel.pk, paused_at__isnull=False).update(
            paused_at=None, pause_reason=""
        ):
            raise Refused("not_paused", _("This channel is not paused."))
        record("channel.resume", actor, channel.brand_id, f"channel:{channel.pk}")
