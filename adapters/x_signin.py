"""Signing in to X: OAuth 2.0 with PKCE, which X demands of every app. A code lives thirty seconds there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

import httpx

from adapters.base import App, Rejected
from adapters.signing_in import (
    APP_UNKNOWN,
    Account,
    BasicLine,
    Way,
    address_of,
    challenge,
    code_query,
    granted,
    new_verifier,
)
from adapters.x_reading import id_in
from adapters.x_session import Session, XLine

_API, _PAGES = "https://api.x.com", "https://x.com"


class XSignIn:
    """With the app that whoever runs the installation entered."""

    network: ClassVar[str] = "x"
    # offline.access is what a refresh token is given for.
    scopes: ClassVar[Sequence[str]] = (
        "tweet.read",
        "tweet.write",
        "users.read",
        "media.write",
        "offline.access",
    )
    registers: ClassVar[bool] = False

    def __init__(self, client: httpx.Client, home: str = "") -> None:
        self._client, self.home = client, home
        self._api, self._pages = home or _API, home or _PAGES

    def register(self, redirect_uri: str) -> App:
        raise Rejected(APP_UNKNOWN)

    def knows(self, app: App) -> bool:
        return True

    def way(self, app: App, redirect_uri: str, state: str) -> Way:
        verifier = new_verifier()
        query = code_query(app, redirect_uri, self.scopes, state) | challenge(verifier)
        return Way(address_of(f"{self._pages}/i/oauth2/authorize", query), verifier)

    def accounts(self, app: App, redirect_uri: str, code: str, verifier: str) -> list[Account]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        line = BasicLine(self._client, self._api, app, code, verifier)
        answer = line.trade("/2/oauth2/token", {**form, "code_verifier": verifier})
        # Without a refresh token it goes on for two hours, and says so: that right is not demanded.
        scope = granted(answer, [one for one in self.scopes if one != "offline.access"])
        session = replace(Session(client_id=app.client_id).traded(answer, datetime.now(UTC)), scope=scope)
        me = XLine(self._client, self._api, session).ask("GET", "/2/users/me")
        number = id_in(me)
        return [
            Account(
                account=f"https://x.com#{number}",
                handle=f"@{me.mapping()['data'].get('username') or number}",
                secret=session.dump(),
                settings={"base_url": app.home},
                expires_at=session.expires,
            )
        ]

    @staticmethod
    def joined(fresh: str, stored: str) -> str:
        return Session.read(fresh).joined(Session.read(stored)).dump()
