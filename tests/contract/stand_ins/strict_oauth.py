"""The authorisation server of a stand-in: apps, codes that are good once, PKCE, and who may have a token.

Written from RFC 6749 (4.1, 5.2), RFC 7636 (4.6), RFC 9207 and RFC 9700 (2.1), and from what the networks' own
documentation adds: docs.joinmastodon.org/methods/oauth and methods/apps, docs.x.com/fundamentals/authentication/
oauth-2-0/authorization-code (Basic for confidential clients, PKCE demanded), learn.microsoft.com/linkedin/shared/
authentication/authorization-code-flow. A browser that is sent to `/authorize` is sent back at once, as a person who
says yes would be; with `refuses` they say no. An unknown app or another address is answered there and never sent
anywhere, as the real ones do.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

Said = tuple[int, dict[str, Any]]


@dataclass(frozen=True)
class Client:
    secret: str
    redirect_uri: str
    scopes: frozenset[str]


@dataclass(frozen=True)
class Grant:
    client_id: str
    redirect_uri: str
    scope: str
    challenge: str


@dataclass
class Authority:
    """`pkce`: `demanded`, `offered` or `unknown` (then a challenge is an error); `basic`: the secret comes in a
    header of HTTP; `issuer`: who it says that it is, when it sends people back; `gives`: the scope of a token,
    if another than what was asked for; `refuses`: the error a person's no becomes."""

    pkce: str = "demanded"
    basic: bool = False
    issuer: str = ""
    gives: str = ""
    refuses: str = ""
    clients: dict[str, Client] = field(default_factory=dict)
    codes: dict[str, Grant] = field(default_factory=dict)
    spent: set[str] = field(default_factory=set)
    traded: list[Mapping[str, str]] = field(default_factory=list)

    def know(self, client_id: str, secret: str, redirect_uri: str, scopes: str) -> None:
        self.clients[client_id] = Client(secret, redirect_uri, frozenset(scopes.split()))

    def authorise(self, query: str) -> tuple[int, str]:
        """A status, and where the browser is sent; nowhere unless app and address are known."""
        lists = parse_qs(query)
        if any(len(values) != 1 for values in lists.values()):
            return 400, ""
        asked = {name: values[0] for name, values in lists.items()}
        client = self.clients.get(asked.get("client_id", ""))
        if client is None or asked.get("redirect_uri") != client.redirect_uri:
            return 400, ""
        back = self._wrong(asked, client) or ({"error": self.refuses} if self.refuses else {})
        if not back:
            code = secrets.token_urlsafe(24)
            self.codes[code] = Grant(
                asked["client_id"], asked["redirect_uri"], asked["scope"], asked.get("code_challenge", "")
            )
            back = {"code": code}
        back |= {"state": asked["state"]} if "state" in asked else {}
        back |= {"iss": self.issuer} if self.issuer else {}
        return 302, f"{asked['redirect_uri']}?{urlencode(back)}"

    def _wrong(self, asked: Mapping[str, str], client: Client) -> dict[str, str]:
        if asked.get("response_type") != "code":
            return {"error": "unsupported_response_type"}
        if not set(asked.get("scope", "").split()) <= client.scopes or not asked.get("scope"):
            return {"error": "invalid_scope"}
        if not asked.get("state") or len(asked["state"]) > 500:
            return {"error": "invalid_request"}
        told = asked.get("code_challenge", "")
        if (self.pkce == "demanded" and not told) or (self.pkce == "unknown" and told):
            return {"error": "invalid_request"}
        if told and (asked.get("code_challenge_method") != "S256" or len(told) != 43):
            return {"error": "invalid_request"}
        return {}

    def authenticate(self, headers: Mapping[str, str], form: Mapping[str, str]) -> str:
        """The app that this is; empty when it did not show what it has to."""
        signed, client_id, secret = headers.get("Authorization", ""), form.get("client_id", ""), ""
        if self.basic and signed.startswith("Basic ") and "client_secret" not in form:
            client_id, _, secret = base64.b64decode(signed[6:]).decode().partition(":")
        elif not self.basic and not signed:
            secret = form.get("client_secret", "")
        client = self.clients.get(client_id)
        return client_id if client and secret and client.secret == secret else ""

    def trade(self, headers: Mapping[str, str], form: Mapping[str, str]) -> Said | str:
        """The scope of the token to give; or the refusal."""
        self.traded.append(dict(form))
        if headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return 400, {"error": "invalid_request", "error_description": "A form is required"}
        client_id = self.authenticate(headers, form)
        if not client_id:
            return 401, {"error": "invalid_client", "error_description": "Client authentication failed"}
        code = form.get("code", "")
        grant = self.codes.pop(code, None)
        if grant is None or code in self.spent:
            return 400, {"error": "invalid_grant", "error_description": f"The code {code} is not good"}
        self.spent.add(code)
        if grant.client_id != client_id or grant.redirect_uri != form.get("redirect_uri"):
            return 400, {"error": "invalid_grant", "error_description": "Another app or address"}
        verifier = form.get("code_verifier", "")
        digest = hashlib.sha256(verifier.encode()).digest()
        if grant.challenge and base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != grant.challenge:
            return 400, {"error": "invalid_grant", "error_description": "The verifier is another one"}
        if (verifier and not grant.challenge) or (grant.challenge and not 43 <= len(verifier) <= 128):
            return 400, {"error": "invalid_request", "error_description": "code_verifier"}
        return self.gives or grant.scope


def form_of(body: bytes) -> dict[str, str]:
    return {name: values[-1] for name, values in parse_qs(body.decode()).items()}
