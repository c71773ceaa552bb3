"""Signing in at a network: OAuth 2.0 with a code (RFC 6749), PKCE where the network has it (RFC 7636), and who
answered where it says so (RFC 9207).

Each network has a piece of its own (`<network>_signin.py`): where a person is sent, which rights are asked for,
what the code is traded for, and which accounts it opens, each with the secret in the shape that the network's
adapter reads. Who may sign in, and that it is them who come back, is `publishing/signing_in.py`'s. Why there is no
library for this: `docs/decisions/signing-in.md`.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import ClassVar, Protocol
from urllib.parse import urlencode

import httpx

from adapters.base import AdapterError, App, AuthFailed, gettext_noop
from adapters.http import Answer, Line, object_in

NOT_TAKEN = gettext_noop("The network did not accept this sign-in: begin it again. Nothing was changed.")
APP_UNKNOWN = gettext_noop(
    "The network does not know this installation, or no longer: begin again, and if that does not help, whoever runs"
    " the installation looks at what is entered for this network."
)
TOO_FEW_RIGHTS = gettext_noop(
    "The network gave fewer rights than publishing here needs: sign in again and allow all that it asks."
)
NO_ACCOUNT = gettext_noop("There is no account here that this sign-in may publish for.")


class AppUnknown(AuthFailed):
    """The network does not know the app: whoever registered it does so anew."""


@dataclass(frozen=True, slots=True)
class Way:
    """Where a person is sent, and what is remembered until they come back, which is as secret as a password:
    `verifier` proves that who comes back is who went (empty where the network has no PKCE), `issuer` is who
    must answer, and `says_so` that it promised to say who it is."""

    url: str = field(repr=False)
    verifier: str = field(default="", repr=False)
    issuer: str = ""
    says_so: bool = False


@dataclass(frozen=True, slots=True)
class Account:
    """One account that a sign-in opened. `account` is what `Health.account` will say, `settings` and `secret` are
    the channel's; `expires_at` the end of what will be renewed."""

    account: str
    handle: str
    secret: str = field(repr=False)
    settings: Mapping[str, str] = field(default_factory=dict)
    expires_at: datetime | None = None


class SigningIn(Protocol):
    """A network where a person signs in (`capabilities.signs_in`).

    `registers`: whether we make ourselves known to each of its servers (`register`), whose address is then typed
    (the setting `base_url`); otherwise whoever runs the installation enters an app. `home` is that address.
    """

    network: ClassVar[str]
    scopes: ClassVar[Sequence[str]]
    registers: ClassVar[bool]
    home: str

    def __init__(self, client: httpx.Client, home: str = "") -> None: ...

    def register(self, redirect_uri: str) -> App:
        """Makes us known to the server. Raises AdapterError."""

    def knows(self, app: App) -> bool:
        """Whether the server still knows us, looked up before anybody is sent there. Raises AdapterError."""

    def way(self, app: App, redirect_uri: str, state: str) -> Way:
        """Where to send the person. Raises AdapterError."""

    def accounts(self, app: App, redirect_uri: str, code: str, verifier: str) -> list[Account]:
        """Trades the code, once, and looks which accounts it opens. Raises AdapterError, AppUnknown among them."""

    @staticmethod
    def joined(fresh: str, stored: str) -> str:
        """The fresh secret of an account, with a refresh token that only the stored one of the same account has."""


def address_of(endpoint: str, query: Mapping[str, str]) -> str:
    return f"{endpoint}?{urlencode(query)}"


def code_query(app: App, redirect_uri: str, scopes: Sequence[str], state: str) -> dict[str, str]:
    """What every network wants to be told when somebody is sent there."""
    return {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": redirect_uri,
        "scope": " ".join(scopes),
        "state": state,
    }


def new_verifier() -> str:
    """86 characters out of the 64 that every server takes (RFC 7636, 4.1: 43 to 128)."""
    return secrets.token_urlsafe(64)


def challenge(verifier: str) -> dict[str, str]:
    """What goes along when somebody is sent: the verifier's digest, never the verifier."""
    digest = hashlib.sha256(verifier.encode()).digest()
    told = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return {"code_challenge": told, "code_challenge_method": "S256"}


def granted(answer: Answer, needed: Sequence[str]) -> str:
    """The rights that were given, as they were worded; those asked for where nothing is said (RFC 6749, 5.1).
    Raises AuthFailed when one that is needed is missing. Some networks put commas between them."""
    said = answer.mapping().get("scope")
    if not isinstance(said, str) or not said.strip():
        return " ".join(needed)
    given = set(said.replace(",", " ").split())
    if not given >= set(needed):
        raise AuthFailed(TOO_FEW_RIGHTS)
    return " ".join(sorted(given))


class SignInLine(Line):
    """To where codes are traded, as the app and not as anybody; its secret and the code show in no sentence."""

    def __init__(self, client: httpx.Client, base_url: str, app: App, *hidden: str) -> None:
        super().__init__(client, base_url, "", (app.client_secret, *hidden))
        self._app = app

    def _signed(self) -> dict[str, str]:
        return {}

    def trade(self, path: str, form: Mapping[str, str]) -> Answer:
        """A token for a code. Whoever has a secret shows it."""
        shown = {"client_id": self._app.client_id}
        if self._app.client_secret:
            shown["client_secret"] = self._app.client_secret
        return self.ask("POST", path, data={**shown, **form})

    def _refusal(self, received: httpx.Response, creates: bool) -> AdapterError:
        if received.status_code not in {400, 401, 403, 422}:
            return super()._refusal(received, creates)
        unknown = object_in(received.content).get("error") in {"invalid_client", "unauthorized_client"}
        kind, sentence = (AppUnknown, APP_UNKNOWN) if unknown else (AuthFailed, NOT_TAKEN)
        return kind(sentence, status=received.status_code, detail=self._detail(received))


class BasicLine(SignInLine):
    """The same, where a network wants the app's secret in a header of HTTP (RFC 6749, 2.3.1)."""

    def _signed(self) -> dict[str, str]:
        if not self._app.client_secret:
            return {}
        pair = f"{self._app.client_id}:{self._app.client_secret}".encode()
        return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}

    def trade(self, path: str, form: Mapping[str, str]) -> Answer:
        shown = {} if self._app.client_secret else {"client_id": self._app.client_id}
        return self.ask("POST", path, data={**shown, **form})
