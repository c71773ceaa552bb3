"""Signing in to Threads: an app of its own at Meta, and no PKCE (threads/get-started/get-access-tokens-and-
permissions). The code's token lives an hour and is traded for one of sixty days at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import httpx

from adapters.base import App, AuthFailed, Rejected
from adapters.graph import GraphLine, Session
from adapters.graph_tokens import TokenLine, looked_at, missing_rights
from adapters.signing_in import (
    APP_UNKNOWN,
    TOO_FEW_RIGHTS,
    Account,
    SignInLine,
    Way,
    address_of,
    code_query,
)
from adapters.threads import RIGHTS, RIGHTS_TO_REPLY, Threads

_PAGES, _VERSION = "https://threads.com", "v1.0"


class ThreadsSignIn:
    """With the app that whoever runs the installation entered."""

    network: ClassVar[str] = "threads"
    scopes: ClassVar[Sequence[str]] = RIGHTS + RIGHTS_TO_REPLY
    registers: ClassVar[bool] = False

    def __init__(self, client: httpx.Client, home: str = "") -> None:
        self._client, self.home = client, home
        self._api, self._pages = home or Threads.API, home or _PAGES

    def register(self, redirect_uri: str) -> App:
        raise Rejected(APP_UNKNOWN)

    def knows(self, app: App) -> bool:
        return True

    def way(self, app: App, redirect_uri: str, state: str) -> Way:
        query = code_query(app, redirect_uri, self.scopes, state)
        return Way(address_of(f"{self._pages}/oauth/authorize", query))

    def accounts(self, app: App, redirect_uri: str, code: str, verifier: str) -> list[Account]:
        session = self._session(app, redirect_uri, code)
        line = GraphLine(self._client, self._api, session, _VERSION)
        if missing_rights(session, looked_at(line), tuple(self.scopes)):
            raise AuthFailed(TOO_FEW_RIGHTS)
        me = line.graph("GET", "/me", query={"fields": "id,username"})
        number = me.text("id")
        return [
            Account(
                account=f"https://www.threads.com#{number}",
                handle=f"@{me.mapping().get('username') or number}",
                secret=replace(session, client_secret="", scope=" ".join(self.scopes)).dump(),
                settings={"base_url": app.home},
                expires_at=session.expires,
            )
        ]

    def _session(self, app: App, redirect_uri: str, code: str) -> Session:
        """The account's long-lived token. Raises AdapterError."""
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        short = SignInLine(self._client, self._api, app, code).trade("/oauth/access_token", form)
        session = Session(access=short.text("access_token"), client_id=app.client_id)
        session = replace(session, client_secret=app.client_secret)
        query = {
            "grant_type": "th_exchange_token",
            "client_secret": app.client_secret,
            "access_token": session.access,
        }
        return TokenLine(self._client, self._api, session, "").trade(
            "/access_token", query, datetime.now(UTC)
        )

    @staticmethod
    def joined(fresh: str, stored: str) -> str:
        """There are no refresh tokens: a token is refreshed with itself."""
        return fresh
