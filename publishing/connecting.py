"""Connects channels: adds one, checks it, pauses it and lets it go on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from accounts.clock import database_now
from accounts.locks import change_standing
from accounts.models import Brand, User
from accounts.policies import demand_may_stop, demand_member, demand_owner
from accounts.refusals import Forbidden, Invalid, Refused
from adapters.base import AdapterError, Health
from adapters.registry import ADAPTERS
from approvals.levels import level_of
from journal.recording import Actor, record
from posts.models import Channel
from publishing.dialling import client, connect, secret_of
from publishing.keeping import SecretLost, keep_secret
from publishing.models import ChannelHealth, ChannelSecret
from publishing.renewing import NeedsAPerson, next_renewal, renew, waits_for_renewal

ANOTHER_ACCOUNT = gettext_noop(
    "This is another account (%(now)s) than the one that was connected (%(before)s)."
)
UNCHECKED = gettext_noop("Reconnected, and not yet checked.")
RECHECK, RECHECK_TROUBLE = timedelta(hours=1), timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A secret that a sign-in at the network brought (`publishing/signing_in.py`), and until when it is good as it
    is; None where that has to be tried at once."""

    secret: str = field(repr=False)
    expires_at: datetime | None = None


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
    actor: Actor,
    brand: Brand,
    name: str,
    network: str,
    given: Mapping[str, str],
    secret: str | SignedIn = "",
) -> Channel:
    """Adds a channel and checks it; what the check says of the account and its limits is stored. A channel
    whose check fails is stored too, shown as in trouble, so that nothing typed is lost. Raises Invalid."""
    channel = register_channel(actor, brand, name, network, given, secret)
    check_channel(actor, channel)
    return channel


def key_for(brand: Brand, name: str) -> str:
    """The short name of a channel to be. Raises Invalid for a name that will not do, or is taken."""
    key = slugify(name)[:60].strip("-_").replace("_", "-")
    if not key or len(name) > 120 or not name.isprintable():
        sentence = _("Give the channel a name, of at most 120 characters.")
        raise Invalid("bad_name", sentence, fields={"name": [sentence]})
    if Channel.objects.filter(brand=brand, key=key).exists():
        sentence = _("This brand already has a channel “%(key)s”.") % {"key": key}
        raise Invalid("channel_exists", sentence, fields={"name": [sentence]})
    return key


def register_channel(
    actor: Actor,
    brand: Brand,
    name: str,
    network: str,
    given: Mapping[str, str],
    secret: str | SignedIn = "",
) -> Channel:
    """Stores a channel without asking its network anything; the next tick has it checked."""
    if isinstance(actor, User) and not actor.is_superuser:
        demand_owner(actor, brand)
    read = read_settings(network, given)
    with transaction.atomic():
        # What a post needs on a channel is read with the brand's standing.
        change_standing(brand.pk)
        key = key_for(brand, name)
        channel = Channel.objects.create(brand=brand, key=key, name=name, network=network, settings=read)
        how = _keep(channel, secret)
        ChannelHealth.objects.create(channel=channel)
        record("channel.add", actor, brand, f"channel:{channel.pk}", key=key, network=network, **how)
    return channel


def reconnect(actor: User, channel: Channel, given: Mapping[str, str], secret: str | SignedIn = "") -> Health:
    """Other settings or another secret for the same account, and a check. Nothing that is scheduled is lost:
    what was sealed for the channel stays as it was approved. An empty secret keeps the one there is. Where
    another account answers, everything is put back: what is approved for one account, or looked for there,
    must never meet another. Raises Forbidden, Invalid."""
    demand_owner(actor, channel.brand)
    read, before = read_settings(channel.network, given), channel.settings
    kept = ChannelSecret.objects.filter(channel=channel).values().first()
    with transaction.atomic():
        change_standing(channel.brand_id)
        Channel.objects.filter(pk=channel.pk).update(settings=read)
        channel.settings = read
        how = _keep(channel, secret)
        # Nothing is claimed for it before the check has seen that it is the same account.
        ChannelHealth.objects.filter(channel=channel).update(ok=False, problem=UNCHECKED, checked_at=None)
        record("channel.reconnect", actor, channel.brand_id, f"channel:{channel.pk}", **how)
    health = check_channel(actor, channel)
    if health.problem == ANOTHER_ACCOUNT:
        _put_back(channel, before, kept)
        raise Invalid("another_account", _(ANOTHER_ACCOUNT) % dict(health.params))
    return health


def _keep(channel: Channel, secret: str | SignedIn) -> dict[str, Any]:
    """Keeps what there is to keep; answers how it came, for the journal."""
    if isinstance(secret, SignedIn):
        ends = secret.expires_at
        keep_secret(channel, secret.secret, ends, next_renewal(database_now(), ends) if ends else None)
        return {"how": "signed in"}
    if secret:
        keep_secret(channel, secret)
    return {}


def _put_back(channel: Channel, settings: Mapping[str, Any], secret: Mapping[str, Any] | None) -> None:
    with transaction.atomic():
        change_standing(channel.brand_id)
        Channel.objects.filter(pk=channel.pk).update(settings=settings)
        channel.settings = settings
        ChannelSecret.objects.filter(channel=channel).delete()
        if secret is not None:
            ChannelSecret.objects.create(**secret)
        # Asked again by the next tick, and till then nothing is claimed.
        ChannelHealth.objects.filter(channel=channel).update(ok=False, problem=UNCHECKED, checked_at=None)


def check_channel(actor: Actor, channel: Channel) -> Health:
    """Asks the network who the channel is. Never posts. Stores health, account and limits; an account
    that belongs elsewhere, or is another than before, is trouble too."""
    health = _ask(actor, channel)
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


def _ask(actor: Actor, channel: Channel) -> Health:
    try:
        if waits_for_renewal(channel):
            renew(actor, channel)
        return connect(channel, client(), secret_of(channel)).check()
    except (AdapterError, NeedsAPerson) as error:
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
            problem=ANOTHER_ACCOUNT,
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
    it, what is claimed goes back. As every stop, it falls wholly before or wholly after a send."""
    with transaction.atomic():
        change_standing(channel.brand_id)
        demand_may_stop(actor, channel.brand)
        if not Channel.objects.filter(pk=channel.pk, paused_at__isnull=True).update(
            paused_at=database_now(), pause_reason=reason[:300]
        ):
            raise Refused("already_paused", _("This channel is already paused."))
        record("channel.pause", actor, channel.brand_id, f"channel:{channel.pk}", personal=reason)


def resume_channel(actor: User, channel: Channel) -> None:
    """Somebody qualified for the channel, or an owner, lets it go on."""
    with transaction.atomic():
        change_standing(channel.brand_id)
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
