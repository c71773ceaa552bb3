"""Sends an owner to a network's sign-in and connects the account that they come back with.

Who comes back is who went: the same person, in the same session of the same browser, for the same brand, network,
server and channel, once, within ten minutes (`SignIn`). Nothing of a channel changes before the account is known
to be the right one. The secrets in between are sealed. Why it is so: `docs/decisions/signing-in.md`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from accounts.clock import database_now
from accounts.models import Brand, User
from accounts.policies import demand_owner
from accounts.refusals import Invalid, NotHere, Refused
from adapters.base import AdapterError, App
from adapters.registry import SIGN_INS
from adapters.signing_in import NO_ACCOUNT, Account, AppUnknown, SigningIn, Way
from posts.models import Channel
from publishing.connecting import ANOTHER_ACCOUNT, SignedIn, add_channel, key_for, reconnect
from publishing.dialling import app_of, client, secret_of
from publishing.keeping import SecretLost, seal_secret, unseal
from publishing.models import NetworkApp, SignIn

LIVES = timedelta(minutes=10)
_CODE_MAX = 4096


@dataclass(frozen=True, slots=True)
class Errand:
    """What somebody signs in for: a channel to add, with its name, or one to reconnect; `server` is what was
    typed, where the network has many."""

    brand: Brand
    network: str
    name: str = ""
    server: str = ""
    channel: Channel | None = None


@dataclass(frozen=True, slots=True)
class Offer:
    """An account that may be connected, or `taken`: the sentence why not."""

    account: Account
    taken: str = ""


def may_sign_in(network: str) -> bool:
    """Whether somebody can be sent there: we make ourselves known, or whoever runs this entered an app."""
    kind = SIGN_INS.get(network)
    return kind is not None and (kind.registers or app_of(network) is not None)


# --- There ----------------------------------------------------------------------------------------
def begin_sign_in(
    actor: User, errand: Errand, browser: str, come_back_to: Callable[[str], str]
) -> tuple[SignIn, Way]:
    """Prepares a sign-in: answers what to remember and where to send the person. `browser` is a secret of their
    session, `come_back_to` gives the address that a server (its host, where there are many) sends them back to.
    Raises Forbidden, Invalid."""
    demand_owner(actor, errand.brand)
    if errand.channel is not None and errand.channel.brand_id != errand.brand.pk:
        raise NotHere("not_here", _("There is nothing here."))
    if not may_sign_in(errand.network):
        raise Invalid("no_sign_in", _("Nobody can sign in there from here: paste an access token instead."))
    if errand.channel is None:
        key_for(errand.brand, errand.name)
    state = secrets.token_urlsafe(32)
    try:
        piece = _piece(errand.network, errand.server)
        server = piece.home if piece.registers else ""
        redirect_uri = come_back_to(urlsplit(server).netloc)
        app = _app_for(piece, redirect_uri)
        way = piece.way(app, redirect_uri, state)
    except AdapterError as error:
        sentence = _(error.public)
        typed = errand.network in SIGN_INS and SIGN_INS[errand.network].registers
        fields = {"base_url": [sentence]} if typed else {}
        raise Invalid("sign_in_failed", sentence, fields=fields) from None
    forget_sign_ins()
    kept = {"app": asdict(app), "verifier": way.verifier, "issuer": way.issuer, "says_so": way.says_so}
    sign_in = SignIn.objects.create(
        user=actor, brand=errand.brand, channel=errand.channel, name=errand.name[:120],
        network=errand.network, server=server, redirect_uri=redirect_uri,
        browser=_digest(browser), state=_digest(state),
        ciphertext=seal_secret(json.dumps(kept)), expires_at=database_now() + LIVES,
    )  # fmt: skip
    return sign_in, way


def _piece(network: str, server: str) -> SigningIn:
    """The network's piece, at the server that was typed, or where the installation's app belongs."""
    kind, app = SIGN_INS[network], app_of(network)
    return kind(client(), server if kind.registers else app.home if app else "")


def _app_for(piece: SigningIn, redirect_uri: str) -> App:
    """What the network knows us by. Where we make ourselves known: what was kept, if it is still good for this."""
    if not piece.registers:
        app = app_of(piece.network)
        assert app is not None
        return app
    scopes = " ".join(piece.scopes)
    ours = NetworkApp.objects.filter(network=piece.network, server=piece.home)
    for kept in ours.filter(redirect_uri=redirect_uri, scopes=scopes):
        try:
            app = App(**json.loads(unseal(kept.ciphertext)))
        except SecretLost:
            continue
        if piece.knows(app):
            return app
    app = piece.register(redirect_uri)
    NetworkApp.objects.update_or_create(
        network=piece.network,
        server=piece.home,
        defaults={
            "redirect_uri": redirect_uri,
            "scopes": scopes,
            "ciphertext": seal_secret(json.dumps(asdict(app))),
            "registered_at": database_now(),
        },
    )
    return app


# --- And back -------------------------------------------------------------------------------------
def take_up(actor: User, brand: Brand, browser: str, redirect_uri: str, state: str) -> SignIn:
    """The sign-in that this is the end of, which ends no second time. Raises Invalid for any that is over, was
    begun by somebody else, elsewhere, or for something else."""
    ours = SignIn.objects.filter(
        state=_digest(state), browser=_digest(browser), user=actor, brand=brand, redirect_uri=redirect_uri
    )
    now = database_now()
    if not ours.filter(came_back_at__isnull=True, expires_at__gt=now).update(came_back_at=now):
        raise Invalid("unknown_sign_in", _over())
    return ours.select_related("brand", "channel__brand").get()


def arrive(actor: User, sign_in: SignIn, said: Mapping[str, str]) -> Channel | None:
    """Trades what the network sent along and connects the account; None where there are several to choose from
    (`offers`). Raises Refused ("declined") where the person changed their mind there, Invalid, Forbidden; then
    everything is as it was."""
    demand_owner(actor, sign_in.brand)
    kept = _kept(sign_in)
    _demand_issuer(kept, said.get("iss", ""))
    if said.get("error") == "access_denied":
        raise Refused("declined", _("You did not sign in there: nothing was changed, and nothing is lost."))
    code = said.get("code", "")
    if said.get("error") or not code or len(code) > _CODE_MAX or not code.isprintable():
        raise Invalid(
            "sign_in_failed", _("The network ended the sign-in: begin it again. Nothing was changed.")
        )
    found = _accounts(sign_in, App(**kept["app"]), code, str(kept["verifier"]))
    if sign_in.channel is not None and sign_in.channel.account:
        found = _the_same(sign_in.channel, found)
    if not found:
        raise Invalid("no_account", _(NO_ACCOUNT))
    if len(found) == 1:
        return _connect(actor, sign_in, found[0])
    sign_in.ciphertext = seal_secret(json.dumps([_plain(one) for one in found]))
    sign_in.expires_at = database_now() + LIVES
    sign_in.save(update_fields=["ciphertext", "expires_at"])
    return None


def _accounts(sign_in: SignIn, app: App, code: str, verifier: str) -> list[Account]:
    piece = SIGN_INS[sign_in.network](client(), app.home)
    try:
        return piece.accounts(app, sign_in.redirect_uri, code, verifier)
    except AppUnknown as error:
        NetworkApp.objects.filter(network=sign_in.network, server=sign_in.server).delete()
        raise Invalid("app_unknown", _(error.public)) from None
    except AdapterError as error:
        raise Invalid("sign_in_failed", _(error.public)) from None


def _demand_issuer(kept: Mapping[str, Any], iss: str) -> None:
    """RFC 9207: who answered is who was asked. Compared as it stands, where the server says who it is."""
    if (iss and kept["issuer"] and iss != kept["issuer"]) or (kept["says_so"] and not iss):
        raise Invalid(
            "another_issuer", _("Another server answered than the one that was asked: begin again.")
        )


def _the_same(channel: Channel, found: list[Account]) -> list[Account]:
    same = [one for one in found if one.account == channel.account]
    if found and not same:
        before, now = channel.handle or channel.account, found[0].handle or found[0].account
        raise Invalid("another_account", _(ANOTHER_ACCOUNT) % {"now": now, "before": before})
    return same


# --- Which of them --------------------------------------------------------------------------------
def waiting(actor: User, brand: Brand, browser: str, pk: int) -> SignIn:
    """A sign-in that came back with several accounts. Raises NotHere, Invalid when its time is over."""
    mine = SignIn.objects.filter(
        pk=pk, user=actor, brand=brand, browser=_digest(browser), came_back_at__isnull=False
    )
    sign_in = mine.select_related("brand", "channel__brand").first()
    if sign_in is None or not isinstance(_kept(sign_in), list):
        raise NotHere("not_here", _("There is nothing here."))
    if sign_in.expires_at <= database_now():
        raise Invalid("unknown_sign_in", _over())
    return sign_in


def offers(sign_in: SignIn) -> list[Offer]:
    """What there is to choose from."""
    return [Offer(one, _taken(sign_in, one)) for one in map(_account, _kept(sign_in))]


def choose_account(actor: User, sign_in: SignIn, account: str) -> Channel:
    """Connects one of them. Raises Forbidden, Invalid."""
    demand_owner(actor, sign_in.brand)
    chosen = next((one for one in map(_account, _kept(sign_in)) if one.account == account), None)
    if chosen is None:
        sentence = _("Choose one of the accounts.")
        raise Invalid("no_account", sentence, fields={"account": [sentence]})
    return _connect(actor, sign_in, chosen)


def _connect(actor: User, sign_in: SignIn, account: Account) -> Channel:
    """Connects it, or puts it in the place of a sign-in that is no longer good, and forgets how it came."""
    taken = _taken(sign_in, account)
    if taken:
        raise Invalid("account_taken", taken)
    channel = sign_in.channel
    if channel is None:
        brought = SignedIn(account.secret, account.expires_at)
        channel = add_channel(
            actor, sign_in.brand, sign_in.name, sign_in.network, dict(account.settings), brought
        )
    else:
        brought = _joined(channel, account)
        reconnect(actor, channel, {**channel.settings, **account.settings}, brought)
    SignIn.objects.filter(pk=sign_in.pk).delete()
    return channel


def _joined(channel: Channel, account: Account) -> SignedIn:
    """A reconnect never loses a refresh token: one that only the stored secret has is kept, and tried at once."""
    try:
        stored = secret_of(channel)
    except SecretLost:
        stored = ""
    joined = SIGN_INS[channel.network].joined(account.secret, stored)
    return SignedIn(joined, account.expires_at if joined == account.secret else None)


def _taken(sign_in: SignIn, account: Account) -> str:
    others = Channel.objects.filter(network=sign_in.network, account=account.account, is_active=True)
    other = next((one for one in others if one.pk != sign_in.channel_id), None)
    if other is None:
        return ""
    if other.brand_id == sign_in.brand_id:
        return _("%(account)s is connected already, as %(name)s: reconnect that channel.") % {
            "account": account.handle,
            "name": other.name,
        }
    return _("The account %(name)s already belongs to a brand here.") % {"name": account.handle}


# --- What is remembered ---------------------------------------------------------------------------
def forget_sign_ins() -> None:
    """Those that nobody came back from, or that nobody chose from, in time."""
    SignIn.objects.filter(expires_at__lt=database_now()).delete()


def _kept(sign_in: SignIn) -> Any:
    try:
        return json.loads(unseal(sign_in.ciphertext))
    except SecretLost:
        raise Invalid("unknown_sign_in", _over()) from None


def _plain(account: Account) -> dict[str, Any]:
    ends = account.expires_at.isoformat() if account.expires_at else None
    return {**asdict(replace(account, settings=dict(account.settings))), "expires_at": ends}


def _account(plain: Mapping[str, Any]) -> Account:
    ends = plain["expires_at"]
    return Account(**{**plain, "expires_at": parse_datetime(ends) if ends else None})


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _over() -> str:
    return _(
        "This sign-in is over, or was begun in another place: begin again from the channel. Nothing was changed."
    )
