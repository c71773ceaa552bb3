"""Signing in at a Mastodon server, and at servers that speak its API.

Each server is a network of its own: we make ourselves known to it, and it is typed by a person, so nothing that it
says of itself chooses where anything is sent. Its tokens do not run out. PKCE and who answers: from 4.3 on, said at
`/.well-known/oauth-authorization-server`. Before 4.3 a server forgets apps that nobody used, and would then show
its own error page to whoever is sent there: so the app is tried first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import ClassVar
from urllib.parse import urlsplit

import httpx

from adapters.base import AdapterError, App, Rejected, gettext_noop
from adapters.http import Line, checked_base_url
from adapters.signing_in import (
    Account,
    AppUnknown,
    SignInLine,
    Way,
    address_of,
    challenge,
    code_query,
    granted,
    new_verifier,
)

NO_SERVER = gettext_noop("No Mastodon server answers there: look at the address.")
_HANDLE = re.compile(r"@?[\w.-]+@([\w.-]+(?::\d+)?)")
_SAYS_SO = "authorization_response_iss_parameter_supported"


class MastodonSignIn:
    """At one server."""

    network: ClassVar[str] = "mastodon"
    # What the adapter asks for, and nothing wider: `read` would open private messages.
    scopes: ClassVar[Sequence[str]] = (
        "read:accounts",
        "read:search",
        "read:statuses",
        "write:media",
        "write:statuses",
    )
    registers: ClassVar[bool] = True

    def __init__(self, client: httpx.Client, home: str = "") -> None:
        self._client, self.home = client, server_of(home)

    def register(self, redirect_uri: str) -> App:
        form = {"client_name": "CM Queue", "redirect_uris": redirect_uri, "scopes": " ".join(self.scopes)}
        try:
            answer = Line(self._client, self.home).ask("POST", "/api/v1/apps", data=form)
            return App(answer.text("client_id"), answer.text("client_secret"), self.home)
        except Rejected as error:
            if error.status is None:
                raise
            raise Rejected(NO_SERVER, status=error.status, detail=error.detail) from None

    def knows(self, app: App) -> bool:
        line = SignInLine(self._client, self.home, app)
        try:
            line.trade("/oauth/token", {"grant_type": "client_credentials", "scope": self.scopes[0]})
        except AppUnknown:
            return False
        return True

    def way(self, app: App, redirect_uri: str, state: str) -> Way:
        query = code_query(app, redirect_uri, self.scopes, state)
        issuer, pkce, says_so = self._said_of_itself()
        verifier = new_verifier() if pkce else ""
        query |= challenge(verifier) if pkce else {}
        return Way(address_of(f"{self.home}/oauth/authorize", query), verifier, issuer, says_so)

    def _said_of_itself(self) -> tuple[str, bool, bool]:
        """Who it will say that it is, whether it has PKCE, and whether it will say who it is."""
        said = Line(self._client, self.home).ask(
            "GET", "/.well-known/oauth-authorization-server", accept={401, 403, 404, 406, 410}
        )
        if said.status != 200:
            return self.home, False, False
        about = said.mapping()
        methods, issuer = about.get("code_challenge_methods_supported"), about.get("issuer")
        # Another server's name (RFC 8414, 3.3) is not believed: then its own address must answer.
        ours = isinstance(issuer, str) and issuer.rstrip("/").lower() == self.home.lower()
        pkce = isinstance(methods, list) and "S256" in methods
        return str(issuer) if ours else self.home, pkce, about.get(_SAYS_SO) is True

    def accounts(self, app: App, redirect_uri: str, code: str, verifier: str) -> list[Account]:
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
        form |= {"code_verifier": verifier} if verifier else {}
        answer = SignInLine(self._client, self.home, app, code, verifier).trade("/oauth/token", form)
        granted(answer, self.scopes)
        token = answer.text("access_token")
        line = Line(self._client, self.home, token)
        me = line.ask("GET", "/api/v1/accounts/verify_credentials")
        domain = self._domain(line)
        return [
            Account(
                account=f"https://{domain}#{me.text('id')}",
                handle=f"@{me.text('username')}@{domain}",
                secret=token,
                settings={"base_url": self.home},
            )
        ]

    def _domain(self, line: Line) -> str:
        try:
            said = line.ask("GET", "/api/v2/instance").mapping().get("domain")
        except AdapterError:
            said = None
        return str(said or urlsplit(self.home).netloc).lower()

    @staticmethod
    def joined(fresh: str, stored: str) -> str:
        """Its tokens are not refreshed."""
        return fresh


def server_of(typed: str) -> str:
    """The server's address, from that or from what people know of it: its name, a page there, an account's handle.
    Raises Rejected."""
    typed = typed.strip()
    handle = _HANDLE.fullmatch(typed)
    if handle:
        typed = handle[1]
    if "://" not in typed:
        typed = f"https://{typed}"
    try:
        parts = urlsplit(typed)
        plain = f"{parts.scheme}://{parts.netloc}"
    except ValueError:
        plain = ""
    return checked_base_url(plain).lower()
