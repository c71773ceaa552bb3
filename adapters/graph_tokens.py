"""Renewing what signs in to Meta, and asking what it may: token exchanges, `debug_token`.

A long-lived token lives 60 days and is refreshed while it lives, once it is a day old; one that ran out is not. A
Page's token that was got with a long-lived one does not end.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import httpx

from adapters.base import AdapterError, AuthFailed, Rejected, Renewal, gettext_noop
from adapters.graph import SIGN_IN_AGAIN, GraphLine, Session, moment
from adapters.http import BAD_SECRET, Answer

RIGHTS_MISSING = gettext_noop("The sign-in lacks rights that are needed here: %(rights)s.")

# What Meta wants a token's age to be before it refreshes it, and when one is no long-lived one.
DAY, SHORT = timedelta(hours=24), timedelta(hours=30)


class TokenLine(GraphLine):
    """To where tokens are traded. The token or the app's secret stands in the address, as the documentation
    wants: nothing quotes an address."""

    def _signed(self) -> dict[str, str]:
        if not self.session.usable:
            raise AuthFailed(BAD_SECRET)
        return {}

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        error = super()._refusal(received, creates)
        if received.status_code in {401, 403} and not isinstance(error, AuthFailed):
            return AuthFailed(SIGN_IN_AGAIN, status=received.status_code, detail=error.detail)
        return error

    def trade(self, path: str, query: Mapping[str, str], now: datetime) -> Session:
        answer = self.graph("GET", path, query=query)
        lives = answer.mapping().get("expires_in")
        known = isinstance(lives, int) and not isinstance(lives, bool) and 0 < lives < 10**9
        expires = now + timedelta(seconds=lives) if known and isinstance(lives, int) else None
        return replace(self.session, access=answer.text("access_token"), expires=expires, issued=now)


def refreshed(client: httpx.Client, base_url: str, session: Session, prefix: str, secret: str) -> Renewal:
    """A fresh token for Instagram (`ig`) or Threads (`th`). `secret`: the one it would take the place of.
    Raises AdapterError; AuthFailed for a token that Meta takes no more."""
    now, line = datetime.now(UTC), TokenLine(client, base_url, session, "")
    if not session.access:
        raise AuthFailed(BAD_SECRET)
    short = session.expires is not None and session.expires - (session.issued or now) < SHORT
    if short and session.client_secret:
        return _renewal(_exchanged(line, prefix, now))
    if session.renewed_lately(DAY) and session.expires is not None:
        return Renewal(secret, session.expires)
    query = {"grant_type": f"{prefix}_refresh_token", "access_token": session.access}
    try:
        return _renewal(line.trade("/refresh_access_token", query, now))
    except Rejected:
        # Too young for it, or not a long-lived one.
        if not session.client_secret:
            return Renewal(secret, session.expires)
    try:
        return _renewal(_exchanged(line, prefix, now))
    except Rejected:
        return Renewal(secret, session.expires)


def _exchanged(line: TokenLine, prefix: str, now: datetime) -> Session:
    session = line.session
    query = {"client_secret": session.client_secret, "access_token": session.access}
    return line.trade("/access_token", {"grant_type": f"{prefix}_exchange_token", **query}, now)


def _renewal(session: Session) -> Renewal:
    return Renewal(session.dump(), session.expires)


def lasting(client: httpx.Client, base_url: str, session: Session, version: str) -> Session:
    """`session` with a long-lived token of a person, in the place of its own. Raises AdapterError."""
    query = {
        "grant_type": "fb_exchange_token",
        "client_id": session.client_id,
        "client_secret": session.client_secret,
        "fb_exchange_token": session.access,
    }
    return TokenLine(client, base_url, session, version).trade(
        "/oauth/access_token", query, datetime.now(UTC)
    )


class Looked:
    """What `debug_token` says. Who may not ask learns nothing, and then nothing is known."""

    def __init__(self, answer: Answer | None = None) -> None:
        said = answer.mapping().get("data") if answer else None
        data = said if isinstance(said, dict) else {}
        scopes = data.get("scopes")
        self.expires = moment(data.get("expires_at"))
        self.scopes = {str(one) for one in scopes} if isinstance(scopes, list) else set()


def looked_at(line: GraphLine, *, by_app: bool = True) -> Looked:
    """The token of a line, looked at with the app's own where its secret is known, else with itself."""
    session = line.session
    asking = f"{session.client_id}|{session.client_secret}"
    if by_app and session.client_id and session.client_secret:
        line = GraphLine(line._client, line.base_url, replace(session, access=asking), line._version)
    try:
        return Looked(line.graph("GET", "/debug_token", query={"input_token": session.access}))
    except AdapterError:
        return Looked()


def missing_rights(session: Session, looked: Looked, needed: tuple[str, ...]) -> str:
    """Those of the rights that were not given, as far as that is known: by Meta, else by what was kept."""
    given = looked.scopes or {one for one in session.scope.replace(",", " ").split() if one}
    return ", ".join(one for one in needed if given and one not in given)
